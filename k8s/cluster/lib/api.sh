# shellcheck shell=bash disable=SC2034,SC2154
# The cluster's API: by this machine's own administrator's file if it may be read, else by the person's own kubectl.

kubeconfig_of() {
    case "$1" in
        k3s) printf '%s\n' "$root/etc/rancher/k3s/k3s.yaml" ;;
        *) printf '%s\n' "$root/etc/kubernetes/admin.conf" ;;
    esac
}

kube() {
    if [[ "$backend" == k3s && -r "$(kubeconfig_of k3s)" ]]; then
        "$k3s" kubectl --kubeconfig "$(kubeconfig_of k3s)" --request-timeout=60s "$@"
    elif [[ -r "$(kubeconfig_of kubeadm)" ]]; then
        kubectl --kubeconfig "$(kubeconfig_of kubeadm)" --request-timeout=60s "$@"
    else
        # k3s's kubectl would else look at root's file, which it may not read.
        # A unit has no HOME.
        KUBECONFIG="${KUBECONFIG:-${HOME-}/.kube/config}" kubectl --request-timeout=60s "$@"
    fi
}

is_control_plane() { recorded phase initialised || recorded phase k3s-server; }

need_control_plane() {
    is_control_plane || refuse 69 "this machine is no control plane that this program made" \
        "Run this where you ran: sudo cluster control-plane"
}

need_api() {
    kube get --raw /readyz >/dev/null 2>&1 || refuse 75 "the cluster's API does not answer" \
        "Is its machine on? There: sudo cluster check. On another machine kubectl needs a kubeconfig: cluster kubeconfig --help"
}

nodes() { kube get nodes --output name 2>/dev/null | sed 's|^node/||' || true; }

node_ready() {
    [[ "$(kube get node "$1" --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" == True ]]
}

wait_for_node() {
    if node_ready "$1"; then
        already "the node $1 is ready"
    else
        change "wait until the node $1 is ready" kube_wait "$1"
    fi
}

# The node may not even be known yet when this begins.
kube_wait() {
    local end=$((SECONDS + ${CLUSTER_WAIT_SECONDS:-300}))
    until kube wait --for=condition=Ready "node/$1" --timeout=60s; do
        ((SECONDS < end)) || return 1
        sleep "${CLUSTER_POLL_SECONDS:-5}"
    done
}

address_of_node() {
    kube get node "$1" --output 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}' | cut -d ' ' -f 1
}
