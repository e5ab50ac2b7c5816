# shellcheck shell=bash disable=SC2034,SC2154
# control-plane: the first node of a cluster.

# shellcheck source=/dev/null
. "$here/verbs/prepare.sh"
# shellcheck source=/dev/null
. "$here/verbs/runtime.sh"

usage_control_plane() {
    cat <<'TEXT'
usage: cluster control-plane [--backend kubeadm|k3s] [--name NAME] [--address IP] [--pods-here] [--small]
                             [--swap keep|off] [--reboot] [--dry-run | --check]

Makes this machine the control plane of a new cluster: prepares it, installs what is needed, starts Kubernetes, gives
the pods a network (flannel), and leaves you with a kubectl that works. It takes minutes; what it does is told.

  --backend    kubeadm (default): Kubernetes as it is, on 64-bit systems; k3s: lighter, 32-bit too
  --name       what this node is called in the cluster (default: the machine's name)
  --address    by which of its addresses the others reach it, where it has several
  --pods-here  let ordinary pods run here as well, as when it is a Pi with pins of its own; k3s always does
  --small      try it with less than 1700 MB of memory
  --swap, --reboot   as in: cluster prepare --help
TEXT
}

verb_control_plane() {
    options "backend= name= address= pods-here small swap= reboot" "$@"
    no_arguments
    need_root
    one_at_a_time
    choose_backend
    [[ -z "${option[address]-}" || "${option[address]}" =~ ^[0-9a-fA-F.:]+$ ]] || wrong "--address takes an IP address, not ${option[address]}"
    local name
    name="$(node_name)"
    need_system "$backend"
    need_control_plane_memory "$backend"
    if recorded phase joined; then
        refuse 75 "this machine is an agent of the cluster at $(last_of_record server)" "First take that away: sudo $0 stop"
    fi
    prepare
    runtime
    heading "The control plane"
    record node "$name"
    case "$backend" in
        kubeadm) kubeadm_control_plane "$name" ;;
        k3s) k3s_control_plane "$name" ;;
    esac
    kubectl_for_you
    if [[ "$backend" == kubeadm ]]; then
        heading "The pods' network"
        network
    fi
    wait_for_node "$name"
    [[ -z "${option[pods-here]-}" ]] || pods_here "$name"
    local look="kubectl get nodes"
    [[ "$backend" != k3s ]] || look="export KUBECONFIG=~/.kube/config; kubectl get nodes     k3s's kubectl looks at root's file first"
    [[ "$mode" != act ]] || next "$look" "$0 add --label pi@pi-1 pi@pi-2      makes other machines nodes, over ssh" \
        "or: sudo $0 invite --to invitation     for: sudo cluster join invitation, there"
}

# kubectl_for_you: the administrator's file for whoever called sudo, unless there is one already.
kubectl_for_you() {
    local person="${SUDO_USER:-root}" home path source
    home="$(getent passwd "$person" | cut -d : -f 6)"
    path="$home/.kube/config" source="$(kubeconfig_of "$backend")"
    if [[ -e "$root$path" ]] && ! recorded made "$path"; then
        cmp -s "$source" "$root$path" && { already "kubectl of $person reaches this cluster"; return; }
        warn "$path is there already and stays: kubectl of $person may speak to another cluster"
        more "This one by: sudo $0 kubeconfig --to FILE; kubectl --kubeconfig FILE get nodes"
        return
    fi
    if [[ ! -e "$source" ]]; then
        unfinished=yes
        [[ "$mode" == act ]] || would "let kubectl of $person reach this cluster, by $path"
        return
    fi
    # The folder is the person's, or kubectl can not keep its cache there.
    if [[ ! -d "$root$home/.kube" && "$mode" == act ]]; then
        mkdir -p "$root$home/.kube"
        chmod 700 "$root$home/.kube"
        chown "$person:" "$root$home/.kube"
    fi
    put "$path" 600 <"$source"
    [[ "$mode" != act ]] || chown "$person:" "$root$path"
}

pods_here() {
    if kube get node "$1" --output 'jsonpath={.spec.taints[*].key}' 2>/dev/null | grep -qw node-role.kubernetes.io/control-plane; then
        change "let pods run on $1" kube taint node "$1" node-role.kubernetes.io/control-plane:NoSchedule-
    else
        already "pods may run on $1"
    fi
}
