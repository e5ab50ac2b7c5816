# shellcheck shell=bash disable=SC2034,SC2154
# check: how this machine and its cluster are. It only looks.

usage_check() {
    cat <<'TEXT'
usage: cluster check [--backend kubeadm|k3s]

Says whether this machine could be, or is, a sound node, and how each node of its cluster is, if its API answers.
Changes nothing. Ends with 1 if anything is wrong. What is missing for a verb says: cluster VERB --check
TEXT
}

verb_check() {
    options "backend=" "$@"
    no_arguments
    choose_backend
    wrongs=0
    heading "This machine"
    printf '   %-8s %s\n' '' "$(model || true) $(architecture), $(os_release PRETTY_NAME), $(memory_mb) MB, node $(last_of_record node)" >&2
    check_that "the architecture and the system have $backend" supported "$backend is not to be had here: cluster prepare says why"
    check_that "the kernel counts memory by cgroup" cgroup_memory_works "sudo $0 prepare, then reboot: without it the node never gets ready"
    check_that "module br_netfilter is loaded" test -d "$root/sys/module/br_netfilter" "sudo $0 prepare: without it services are not found"
    check_that "packets are forwarded" forwards "sudo $0 prepare"
    check_that "the clock is set by the network" clock_set "timedatectl: with a wrong clock no certificate is good"
    check_that "a tenth of the disk is free" disk_free "df -h /var: the kubelet removes images, then pods, when it is full"
    [[ ! -e "$state/resume" ]] || warn "a run waits for this machine's next start"
    if is_control_plane || recorded phase joined; then
        check_services
    else
        line '' '' "this machine is no node yet"
    fi
    ! is_control_plane || check_cluster
    ((wrongs == 0)) || exit 1
}

# check_that WHAT COMMAND... ADVICE
check_that() {
    local what="$1" advice="${*: -1}"
    if "${@:2:$#-2}" >/dev/null 2>&1; then
        line "$green" ok "$what"
    else
        line "$red" WRONG "not so: $what"
        more "$advice"
        ((++wrongs))
    fi
}

supported() { (need_system "$backend"); }
forwards() { [[ "$(setting_of net.ipv4.ip_forward)" == 1 && "$(setting_of net.bridge.bridge-nf-call-iptables)" == 1 ]]; }
clock_set() { [[ "$(timedatectl show --property NTPSynchronized --value)" == yes ]]; }
disk_free() { (($(df --output=pcent "$root/var" | tail -n 1 | tr -dc 0-9) <= 90)); }

check_services() {
    local unit units=(containerd.service kubelet.service)
    if [[ "$backend" == k3s ]]; then
        units=(k3s-agent.service)
        ! is_control_plane || units=(k3s.service)
    fi
    for unit in "${units[@]}"; do
        check_that "$unit runs" systemctl is-active --quiet "$unit" "journalctl --boot --unit $unit --lines 50"
    done
    [[ "$backend" != kubeadm ]] || check_key
}

# The packages' key has an end; after it apt takes nothing from them, upgrades least of all.
check_key() {
    local end key="$root/etc/apt/keyrings/gpiod-cluster-kubernetes.asc"
    [[ -f "$key" ]] || return 0
    end="$(show_keys "$key" | awk -F: '$1 == "pub" { print $7; exit }')"
    [[ -n "$end" ]] || return 0
    check_that "Kubernetes' package key is good until $(date -u -d "@$end" +%F)" test "$end" -gt "$(date +%s)" \
        "sudo rm /etc/apt/keyrings/gpiod-cluster-kubernetes.asc, then sudo $0 runtime fetches it anew"
}

check_cluster() {
    local node
    heading "Its cluster"
    check_that "the API answers" kube get --raw /readyz "sudo $0 check on the control plane; journalctl --unit kubelet or k3s"
    for node in $(nodes); do
        check_that "$node is ready" node_ready "$node" "kubectl describe node $node; on that machine: sudo cluster check"
    done
    check_that "a node is labelled device=raspberry" labelled "cluster label NODE: else gpiod goes nowhere"
}

labelled() { [[ -n "$(kube get nodes --selector device=raspberry --output name)" ]]; }
