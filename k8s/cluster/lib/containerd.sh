# shellcheck shell=bash disable=SC2034,SC2154
# The container runtime of kubeadm's way: containerd, with cgroups made by systemd, as the kubelet has them.

container_socket=unix:///run/containerd/containerd.sock

containerd_source() {
    local foreign theirs
    for foreign in containerd docker.io; do
        [[ -z "$(installed_version "$foreign")" ]] || refuse 69 "Debian's $foreign is installed, too old for Kubernetes $kubernetes_version, and this would remove it" \
            "If nothing of yours needs it: sudo apt-get remove $foreign" "Else: --backend k3s, which brings a runtime of its own."
    done
    theirs="$(containerd_of_owner)"
    if [[ -n "$theirs" ]]; then
        [[ "${theirs#*:}" =~ ^([2-9]|[1-9][0-9]+)\. ]] || refuse 69 "a containerd.io of yours is installed, $theirs, too old for Kubernetes $kubernetes_version" \
            "It is not touched. Bring it to version 2 or later: sudo apt-get install containerd.io" \
            "Else: --backend k3s, which brings a runtime of its own."
        already "containerd.io $theirs is here already, and is used as it is"
        return
    fi
    apt_source docker download.docker.com/linux/debian "$containerd_source/gpg" "$containerd_key" <<TEXT
# Only containerd.io is installed from here.
Types: deb
URIs: $containerd_source
Suites: $(os_release VERSION_CODENAME)
Components: stable
Architectures: $(architecture)
Signed-By: /etc/apt/keyrings/gpiod-cluster-docker.asc
TEXT
}

# containerd_of_owner: the version of a containerd.io that came otherwise, as with Docker: it is neither moved nor held,
# and stays after `stop`.
containerd_of_owner() { recorded package containerd.io || installed_version containerd.io; }

# containerd_wanted: the package for packages_at; nothing where the owner's is used.
containerd_wanted() { [[ -n "$(containerd_of_owner)" ]] || printf 'containerd.io=%s\n' "$(containerd_version)"; }

# containerd_as_before: one that stays after `stop` goes on with the configuration that it had.
containerd_as_before() {
    [[ -n "$containerd_undone" ]] && stays containerd.io && systemctl is-active --quiet containerd.service || return 0
    change "start containerd with its configuration of before" systemctl restart containerd.service
}

# containerd_version: as its package is called on this Debian.
containerd_version() {
    printf '%s~debian.%s~%s\n' "$containerd_package" "$(os_release VERSION_ID)" "$(os_release VERSION_CODENAME)"
}

# The package's own configuration turns off what the kubelet talks to.
containerd_configured() {
    local pause=''
    # The image that holds a pod's namespaces, as this kubeadm names it.
    if command -v kubeadm >/dev/null; then
        pause="$(kubeadm config images list --kubernetes-version "v$kubernetes_version" 2>/dev/null | grep -m 1 '/pause:' || true)"
        [[ -z "$pause" ]] || pause="[plugins.'io.containerd.cri.v1.images'.pinned_images]"$'\n'"  sandbox = '$pause'"$'\n'
    fi
    put /etc/containerd/config.toml 644 <<TEXT
# Written by k8s/cluster/cluster of gpiod; "cluster stop" puts back what was here. Settings of yours: conf.d.
version = 3
imports = ["/etc/containerd/conf.d/*.toml"]

$pause
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = true
TEXT
    if [[ -n "$put_changed" ]] || ! systemctl is-active --quiet containerd.service 2>/dev/null; then
        change "start containerd with it" systemctl restart containerd.service
    else
        already "containerd runs"
    fi
}
