# shellcheck shell=bash disable=SC2034,SC2154
# join: an agent.

# shellcheck source=/dev/null
. "$here/verbs/prepare.sh"
# shellcheck source=/dev/null
. "$here/verbs/runtime.sh"

usage_join() {
    cat <<'TEXT'
usage: cluster join INVITATION [--name NAME] [--label] [--swap keep|off] [--reboot] [--dry-run | --check]

Makes this machine a node of the cluster that the file INVITATION comes from (cluster invite); - reads it from standard
input, so that it need not be on the card. Prepares the machine and installs what is needed first.

  --name    what this node is called in the cluster (default: the machine's name); two of one name can not be
  --label   mark it as having pins when it joins: device=raspberry; later only on the control plane: cluster label NAME
  --swap    as in: cluster prepare --help
  --reboot  reboot by itself if needed, and go on afterwards. Without it, after the reboot, the same command again; the
            invitation is kept meanwhile, so INVITATION may then be left out

The token is in no command line and in no log; it is removed from this machine when it has joined (k3s keeps it, over
as it soon is, beside its configuration). No check of kubeadm's is ignored.
TEXT
}

verb_join() {
    options "name= label swap= reboot" "$@"
    ((${#arguments[@]} <= 1)) || wrong "join takes one invitation, and was given ${arguments[*]}"
    need_root
    one_at_a_time
    local name kept="$state/invitation"
    if recorded phase joined && [[ ${#arguments[@]} == 0 ]]; then
        joined_already
        return
    fi
    case "${arguments[0]-}" in
        '') [[ -f "$kept" ]] || wrong "join needs an invitation: a file, or - for standard input"
            read_invitation <"$kept" ;;
        -) read_invitation ;;
        *) [[ -f "${arguments[0]}" && -r "${arguments[0]}" ]] || refuse 66 "there is no file ${arguments[0]} that can be read" \
                "Make one on the control plane: sudo cluster invite --to FILE"
            read_invitation <"${arguments[0]}" ;;
    esac
    option[backend]="${invitation[backend]}"
    choose_backend
    ! is_control_plane || refuse 75 "this machine is a control plane itself" "To end that cluster: sudo $0 stop"
    if recorded phase joined; then
        recorded server "${invitation[server]}" || refuse 75 "this machine is a node of the cluster at $(last_of_record server)" \
            "To leave that one: sudo $0 stop, and on its control plane: cluster remove $(hostname)"
        joined_already
        return
    fi
    need_time_left
    name="$(node_name)"
    [[ "$name" != raspberrypi ]] || warn "this machine is called raspberrypi, as every new one is: a second one can not join. See --name"
    need_system "$backend"
    need_our_version
    if [[ "$mode" == act ]]; then
        keep_state
        print_invitation | replace "$kept" 600
    fi
    # What goes on after a reboot is without the file, which may be gone, and standard input, which is.
    given=("${options_given[@]}")
    prepare
    runtime
    heading "Joining"
    record node "$name"
    record server "${invitation[server]}"
    case "$backend" in
        kubeadm) kubeadm_join "$name" ;;
        k3s) k3s_join "$name" ;;
    esac
    record phase joined
    save_record
    forget phase joining
    rm -f "$kept"
    [[ "$mode" == act ]] || return 0
    local then="pods with device=raspberry come by themselves"
    [[ -n "${option[label]-}" ]] || then="to have pods on its pins, there: cluster label $name"
    next "on the control plane: kubectl get nodes   shows $name, soon Ready" "$then"
}

# joined_already: the label comes with the joining, or from the control plane.
joined_already() {
    already "a node of the cluster at $(last_of_record server)"
    [[ -z "${option[label]-}" ]] || warn "a node that has joined is not labelled from here. On the control plane: cluster label $(last_of_record node)"
}

# need_our_version: an agent may not be newer than its control plane, nor much older.
need_our_version() {
    local ours="$kubernetes_version" theirs="${invitation[version]}"
    [[ "$backend" == kubeadm ]] || ours="$k3s_version"
    [[ "$ours" == "$theirs" ]] || refuse 69 "the cluster is at $theirs, and versions.sh here is for $ours" \
        "Use the same release of these scripts on all machines, or first bring the control plane to this one: cluster upgrade"
}
