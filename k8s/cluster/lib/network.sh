# shellcheck shell=bash disable=SC2034,SC2154
# The pods' network of kubeadm's way: flannel, one manifest for all architectures, at one version.

network() {
    local path=/var/lib/gpiod-cluster/flannel.yaml image=''
    have_file "flannel $flannel_version" "$flannel_manifest" "$flannel_sha256" "$path" 644
    image="$(kube --namespace kube-flannel get daemonset kube-flannel-ds \
        --output 'jsonpath={.spec.template.spec.containers[0].image}' 2>/dev/null || true)"
    if [[ "$image" == *":$flannel_version" ]]; then
        already "flannel $flannel_version is the pods' network"
    else
        change "give the pods a network: flannel $flannel_version" kube apply --filename "$root$path"
    fi
}

# network_undone: interfaces and rules that flannel, kube-proxy and the CNI made, by their names. The owner's firewall
# stays as it is: tables are written back without those lines, each table in one step.
network_undone() {
    local interface
    for interface in cni0 flannel.1; do
        if ip link show "$interface" >/dev/null 2>&1; then
            change "remove the interface $interface" ip link delete "$interface"
        fi
    done
    rules_undone
    for interface in /etc/cni/net.d/10-flannel.conflist /run/flannel; do
        [[ ! -e "$root$interface" ]] || change "remove $interface" rm -rf "${root:-}$interface"
    done
}

rules_undone() {
    local program
    for program in iptables ip6tables; do
        if command -v "$program-save" >/dev/null && "$program-save" 2>/dev/null | grep -qE "$cluster_rules"; then
            change "remove the cluster's own rules from $program" without_cluster_rules "$program"
        fi
    done
}

# A chain's name, where it is declared (:KUBE-…), appended to (-A KUBE-…) or jumped to (-j FLANNEL-…). Nothing else of a
# line is looked at, so a rule of the owner that only speaks of one in a comment stays.
cluster_rules='^:(KUBE|CNI|FLANNEL)-|^(\[[0-9:]*\] )?-A (KUBE|CNI|FLANNEL)-| -[jg] (KUBE|CNI|FLANNEL)-'

without_cluster_rules() {
    local rules
    # Never an empty set of rules because one of these failed.
    rules="$("$1-save" --counters | grep -vE "$cluster_rules")" || return 1
    "$1-restore" --counters <<<"$rules"
}
