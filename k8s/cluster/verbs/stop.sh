# shellcheck shell=bash disable=SC2034,SC2154
# stop: everything off this machine that this program put on it.

# shellcheck source=/dev/null
. "$here/verbs/remove.sh"

usage_stop() {
    cat <<'TEXT'
usage: cluster stop [--yes] [--keep-packages] [--dry-run | --check]

On the control plane this ends the cluster: all nodes' pods are stopped first, then all of the cluster's data is
deleted; the other machines are named, and each needs a stop of its own. On an agent it makes that machine leave; move
its pods away first, on the control plane: cluster remove NODE

Either way this machine is then as it was before: what the record says was added or changed is taken back, last first,
and nothing else. Firewall rules of yours stay, and so does a file that somebody else changed meanwhile, or a package
without which one of yours would go, too; that is said. The kernel command line is as before from the next reboot on.

  --yes            do not ask; needed where nobody can be asked
  --keep-packages  leave what was installed, as for making another cluster
TEXT
}

verb_stop() {
    options "yes keep-packages" "$@"
    no_arguments
    need_root
    one_at_a_time
    if ((${#record_lines[@]} == 0)); then
        [[ ! -d "$state" || "$mode" != act ]] || rm -rf "$state"
        already "there is nothing of a cluster of ours on this machine"
        return
    fi
    choose_backend
    are_you_sure
    if is_control_plane; then
        heading "The cluster's nodes"
        stop_nodes
    fi
    heading "This machine"
    not_resumed
    leave
    undo_all
    containerd_as_before
    if [[ "$mode" == act ]]; then
        rm -rf "$state"
        systemctl daemon-reload
        did "take back all that was added"
        [[ -z "$(boot_file)" ]] || more "The kernel has its old command line at the next reboot."
        [[ -z "$others" ]] || next "on each of these machines: sudo cluster stop" "$others"
    fi
}

are_you_sure() {
    local answer='' what="make this machine leave its cluster"
    [[ "$mode" == act && -z "${option[yes]-}" ]] || return 0
    ! is_control_plane || what="end the cluster and delete all of its data"
    [[ -t 0 ]] || refuse 64 "this would $what, and there is nobody to ask" "Say --yes if that is meant; --dry-run says what would be done."
    read -r -p "This will $what. Type yes to go on: " answer || true
    [[ "$answer" == yes ]] || refuse 75 "nothing was done"
}

# The other machines of the cluster that ends here.
others=''

# stop_nodes: a cluster that no longer answers is no reason not to end it.
stop_nodes() {
    local node mine
    if ! kube get --raw /readyz >/dev/null 2>&1; then
        warn "the cluster's API does not answer: its nodes are not told. On each of them: sudo cluster stop"
        return
    fi
    mine="$(last_of_record node)"
    # Before they are gone from the list; and told at once, as a run that is interrupted here finds none of them again.
    others="$(nodes | grep -vxF -- "$mine" | tr '\n' ' ' || true)"
    [[ -z "$others" ]] || warn "afterwards each of these needs a \"sudo cluster stop\" of its own: $others"
    for node in $(nodes); do
        drain "$node"
        [[ "$node" == "$mine" ]] || change "take $node out of the cluster" kube delete node "$node"
    done
}

# leave: what Kubernetes made here while it ran.
leave() {
    local script
    case "$backend" in
        kubeadm)
            if [[ -n "$(of_record phase)" ]]; then
                change "stop Kubernetes and clear away what it made here" reset_kubeadm
                network_undone
            fi
            ;;
        k3s)
            if [[ -x "$root/usr/local/bin/k3s-killall.sh" ]]; then
                change "stop k3s" without_iptables "$root/usr/local/bin/k3s-killall.sh"
                k3s_iptables
                rules_undone
            fi
            for script in k3s-agent-uninstall.sh k3s-uninstall.sh; do
                [[ ! -x "$root/usr/local/bin/$script" ]] || change "clear away what k3s made here" without_iptables "$root/usr/local/bin/$script"
            done
            ;;
    esac
}
