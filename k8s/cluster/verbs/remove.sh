# shellcheck shell=bash disable=SC2034,SC2154
# remove: nodes out of the cluster, their pods first.

usage_remove() {
    cat <<'TEXT'
usage: cluster remove NODE...

Moves the pods of the nodes elsewhere, as far as they can be (two minutes at most), and takes the nodes out of the
cluster. Then, on each of those machines: sudo cluster stop

On the control plane as root, or wherever kubectl reaches the cluster.
TEXT
}

verb_remove() {
    options "" "$@"
    ((${#arguments[@]})) || wrong "remove needs the name of a node"
    choose_backend
    need_api
    local node here_too
    here_too="$(last_of_record node)"
    for node in "${arguments[@]}"; do
        ! is_control_plane || [[ "$node" != "$here_too" ]] || refuse 65 "$node is the control plane" "To end the whole cluster: sudo $0 stop"
        if kube get node "$node" >/dev/null 2>&1; then
            drain "$node"
            change "take $node out of the cluster" kube delete node "$node"
        else
            already "there is no node $node"
        fi
    done
    [[ "$mode" != act ]] || next "on each of those machines: sudo cluster stop"
}

# drain NODE: what does not go within the time stays no reason to keep the node.
drain() {
    if [[ "$mode" != act ]]; then
        would "move the pods off $1"
        return
    fi
    need_log
    if kube drain "$1" --ignore-daemonsets --delete-emptydir-data --timeout=120s >>"$log" 2>&1 </dev/null; then
        did "move the pods off $1"
    else
        warn "not all pods of $1 could be moved within two minutes: going on. See the end of $log"
    fi
}
