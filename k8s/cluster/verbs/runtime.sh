# shellcheck shell=bash disable=SC2034,SC2154
# runtime: what runs containers on a node, and Kubernetes' own programs.

usage_runtime() {
    cat <<'TEXT'
usage: cluster runtime [--backend kubeadm|k3s] [--dry-run | --check]

Installs, in the versions of versions.sh:

  kubeadm   containerd, kubeadm, kubelet, kubectl, as packages of Docker and Kubernetes, whose keys' fingerprints are
            compared first; held at their version
  k3s       one program and its installer, whose sums are compared first

control-plane and join do it too; this verb is for doing it ahead of time. The thesis had balena-engine here: see
balena.md for what it can do today.
TEXT
}

verb_runtime() {
    options "backend=" "$@"
    no_arguments
    need_root
    one_at_a_time
    choose_backend
    need_system "$backend"
    record backend "$backend"
    runtime
}

runtime() {
    heading "What runs containers"
    case "$backend" in
        kubeadm) kubeadm_runtime ;;
        k3s) k3s_runtime ;;
    esac
}
