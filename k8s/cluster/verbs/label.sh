# shellcheck shell=bash disable=SC2034,SC2154
# label: which nodes have pins.

usage_label() {
    cat <<'TEXT'
usage: cluster label NODE... [--remove]

Marks nodes as having pins, device=raspberry: gpiod and the apps go to nodes so marked, within seconds, and to no
others. --remove takes the mark away, and those pods with it.

On the control plane as root, or wherever kubectl reaches the cluster.
TEXT
}

verb_label() {
    options "remove" "$@"
    ((${#arguments[@]})) || wrong "label needs the name of a node; they are: $(choose_backend; nodes | tr '\n' ' ')"
    choose_backend
    need_api
    local node has
    for node in "${arguments[@]}"; do
        kube get node "$node" >/dev/null 2>&1 || refuse 65 "there is no node $node" "There are: $(nodes | tr '\n' ' ')"
    done
    for node in "${arguments[@]}"; do
        has="$(kube get node "$node" --output 'jsonpath={.metadata.labels.device}')"
        if [[ -n "${option[remove]-}" ]]; then
            if [[ -z "$has" ]]; then
                already "$node has no label device"
            else
                change "take the label device=$has from $node" kube label node "$node" device-
            fi
        elif [[ "$has" == raspberry ]]; then
            already "$node has device=raspberry"
        else
            change "label $node device=raspberry" kube label node "$node" --overwrite device=raspberry
        fi
    done
}
