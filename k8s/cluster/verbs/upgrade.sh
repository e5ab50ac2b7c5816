# shellcheck shell=bash disable=SC2034,SC2154
# upgrade: this machine to the versions of versions.sh.

# shellcheck source=/dev/null
. "$here/verbs/runtime.sh"

usage_upgrade() {
    cat <<'TEXT'
usage: cluster upgrade [--dry-run | --check]

Brings this machine to the versions in versions.sh: get a newer release of these scripts, then run this on the control
plane first, then on one agent after the other. Up only, and by one minor version at a time, as Kubernetes wants it.

Before an agent's turn by a minor version, move its pods away, and let them come back afterwards:
    kubectl drain NODE --ignore-daemonsets --delete-emptydir-data        kubectl uncordon NODE
Between two patch versions the pods stay and go on.
TEXT
}

verb_upgrade() {
    options "" "$@"
    no_arguments
    need_root
    one_at_a_time
    choose_backend
    is_control_plane || recorded phase joined || refuse 69 "this machine is no node that this program made" \
        "Make one: sudo $0 control-plane, or sudo $0 join FILE"
    need_system "$backend"
    local found
    upgrading=yes
    case "$backend" in
        kubeadm)
            found="$(installed_version kubelet)"
            need_step_up "${found%%-*}" "$kubernetes_version"
            heading "Kubernetes ${found%%-*} to $kubernetes_version"
            upgrade_kubeadm
            ;;
        k3s)
            found="$(k3s_installed)"
            need_step_up "$found" "$k3s_version"
            heading "k3s $found to $k3s_version"
            k3s_runtime
            put_changed=''
            if is_control_plane; then k3s_service server; else k3s_service agent; fi
            ;;
    esac
    [[ "$mode" != act ]] || ! is_control_plane || next "on one agent after the other: sudo cluster upgrade"
}

# need_step_up OLD NEW: refuses to go down, or up by more than one minor version.
need_step_up() {
    local old="${1#v}" new="${2#v}" old_minor new_minor
    [[ -n "$old" ]] || refuse 69 "nothing to upgrade is installed here"
    [[ "$(printf '%s\n' "$old" "$new" | sort -V | tail -n 1)" == "$new" ]] || refuse 69 "$old is installed, and versions.sh has the older $new" \
        "Kubernetes can not go back. Use the newer release of these scripts."
    old_minor="$(cut -d . -f 2 <<<"$old")" new_minor="$(cut -d . -f 2 <<<"$new")"
    ((new_minor - old_minor <= 1)) || refuse 69 "from $old to $new is more than one minor version" \
        "Kubernetes goes up one at a time: first a release of these scripts for 1.$((old_minor + 1))."
}

# kubeadm goes first, then what the API runs, then this machine's kubelet.
upgrade_kubeadm() {
    containerd_source
    kubernetes_source
    local upgraded packages
    mapfile -t packages < <(containerd_wanted)
    packages_at "${packages[@]}" "kubeadm=$kubernetes_package"
    if is_control_plane; then
        upgraded="$(kube version --output json 2>/dev/null | sed -n '/serverVersion/,/}/s/.*"gitVersion": *"v\([^"]*\)".*/\1/p')"
        if [[ "$upgraded" == "$kubernetes_version" ]]; then
            already "the control plane is at $kubernetes_version"
        else
            change "bring the control plane to $kubernetes_version (minutes)" kubeadm upgrade apply --yes "v$kubernetes_version"
        fi
        network
    elif [[ "$(installed_version kubelet)" != "$kubernetes_package" ]]; then
        change "bring this node's configuration to $kubernetes_version" kubeadm upgrade node
    fi
    if [[ "$(installed_version kubelet)" != "$kubernetes_package" ]]; then
        record phase kubelet-old
    fi
    packages_at "kubelet=$kubernetes_package" "kubectl=$kubernetes_package"
    containerd_configured
    if recorded phase kubelet-old; then
        change "start the new kubelet" systemctl restart kubelet.service
        forget phase kubelet-old
    fi
}
