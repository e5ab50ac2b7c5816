# shellcheck shell=bash disable=SC2034
# What this folder installs, in which version, and how it is known to be that: the one place to change for an upgrade
# (`cluster upgrade` then brings a machine to it). CLUSTER_VERSIONS names another file in its place.

# kubeadm, kubelet and kubectl: Kubernetes' own packages, signed by this key, whose fingerprint is checked before it is
# trusted. Trixie's apt refuses the older sources of Kubernetes, up to 1.31, for their form of signature. The key's end (2026-12-29, unless Kubernetes moves it) is told by `cluster check`.
kubernetes_version=1.36.4
kubernetes_package=1.36.4-1.1
kubernetes_source=https://pkgs.k8s.io/core:/stable:/v1.36/deb/
kubernetes_key=DE15B14486CD377B9E876E1A234654DA9A296436

# containerd 2, which Kubernetes 1.36 needs and neither Debian 12 nor 13 has: Docker's package, signed by this key.
# Its version ends with that of Debian: 2.3.6-1~debian.12~bookworm.
containerd_package=2.3.6-1
containerd_source=https://download.docker.com/linux/debian
containerd_key=9DC858229FC7DD38854AE2D88D81803C0EBFCD88

# The pods' network of kubeadm's way (k3s brings its own), as flannel's repository has it at the version's tag.
flannel_version=v0.28.9
flannel_manifest=https://raw.githubusercontent.com/flannel-io/flannel/v0.28.9/Documentation/kube-flannel.yml
flannel_sha256=e875824be2f552b45711dbda91af81b17eb961d00025d914d9fef18fad8f09c0

# k3s: one program for each architecture, and the installer that writes its units and its clean-up. For armhf no sum is
# at hand: there it is compared with the list beside it in the same release, which is a promise by HTTPS alone.
k3s_version=v1.36.4+k3s1
k3s_release=https://github.com/k3s-io/k3s/releases/download/v1.36.4%2Bk3s1
k3s_sha256_amd64=835873f37245fc615f547a2fe2af9402a347875f13fa64a1f136de644955ea3f
k3s_sha256_arm64=c920706346d5ad4e5cd3c7bf1bb09ce71ebe07fec829e513e40f1caf98aed8bb
k3s_sha256_armhf=
k3s_installer=https://raw.githubusercontent.com/k3s-io/k3s/v1.36.4%2Bk3s1/install.sh
k3s_installer_sha256=46177d4c99440b4c0311b67233823a8e8a2fc09693f6c89af1a7161e152fbfad
