# shellcheck shell=bash disable=SC2034,SC2154
# add: other machines, over ssh.

usage_add() {
    cat <<'TEXT'
usage: cluster add [--label] [--swap keep|off] [USER@]HOST...

Makes each HOST a node of this machine's cluster: copies these scripts there, prepares it, reboots it if its kernel
command line had to change, waits for it, and has it join. One after the other; a HOST that is a node already is left
as it is but for the label, so after a failure the same command goes on.

  --label   mark them as having pins: device=raspberry; those that are nodes already, too
  --swap    as in: cluster prepare --help

Run it as yourself, not by sudo: it uses your ssh (keys, known hosts, ~/.ssh/config), and calls sudo for invitations
and labels.
On each HOST: ssh, and sudo that asks for no password. Raspberry Pi OS's images of before April 2026 have that for
their first user; on newer ones and other systems, as that user, once:
    echo "$USER ALL=(ALL) NOPASSWD:ALL" | sudo tee /etc/sudoers.d/010_cluster
and when all have joined, if it is to ask again: sudo rm /etc/sudoers.d/010_cluster
Each HOST gets an invitation of its own, good for an hour, through ssh's standard input, to a file that only root reads.
TEXT
}

verb_add() {
    options "label swap=" "$@"
    ((${#arguments[@]})) || wrong "add needs a machine: pi@pi-1"
    local host way_in=()
    for host in "${arguments[@]}"; do
        [[ "$host" =~ ^[A-Za-z0-9_][A-Za-z0-9_.@:-]*$ ]] || wrong "$host is no machine that ssh can be told"
    done
    if [[ "$mode" != act ]]; then
        unfinished=yes
        for host in "${arguments[@]}"; do would "prepare $host over ssh and have it join${option[label]:+, label it device=raspberry}"; done
        return
    fi
    [[ "$(id -u)" == 0 ]] || way_in=(sudo)
    scratch="$(umask 077; mktemp -d)"
    trap 'rm -rf "$scratch"' EXIT
    local failed=() begun=0
    for host in "${arguments[@]}"; do
        heading "$host"
        add_host "$host" || failed+=("$host")
        ((++begun))
    done
    ((${#failed[@]} == 0)) || refuse 1 "not added: ${failed[*]}" "See above; then the same command again goes on."
    local then="kubectl apply what is to run on their pins: k8s/README.md says how"
    [[ -n "${option[label]-}" ]] || then="cluster label NODE   where there are pins"
    next "kubectl get nodes" "$then"
}

# on HOST COMMAND: one connection for all of them, so that a password is asked once.
on() {
    ssh -o ControlMaster=auto -o "ControlPath=$scratch/%C" -o ControlPersist=30 -o ConnectTimeout=15 \
        -o ServerAliveInterval=15 "$@"
}

add_host() {
    local host="$1" status=0 again options=() left=("${failed[@]}" "${arguments[@]:begun}")
    # One for each: the machines before it may have taken longer than an invitation is good for.
    "${way_in[@]}" "$program" invite >"$scratch/invitation" || refuse $? "no invitation, no node: see above" \
        "Not added: ${left[*]}"
    did "make an invitation, good for an hour"
    [[ -z "${option[swap]-}" ]] || options+=(--swap "${option[swap]}")
    if ! tar -C "$here" --exclude ./tests -cf - . | on "$host" 'sudo -n true && sudo mkdir -p /var/lib/gpiod-cluster/program && sudo tar -C /var/lib/gpiod-cluster/program --no-same-owner -xf -'; then
        warn "$host could not be reached, or its sudo asks for a password: see cluster add --help"
        return 1
    fi
    did "copy these scripts there"
    local join="sudo -n /var/lib/gpiod-cluster/program/cluster join - ${options[*]}"
    on "$host" "$join" <"$scratch/invitation" || status=$?
    # And at nothing else: also "not now" is what a machine says that another cluster or another run has.
    if ((status == reboot_first)); then
        reboot_and_wait "$host" || return 1
        again=0
        on "$host" "$join" <"$scratch/invitation" || again=$?
        status=$again
    fi
    ((status == 0)) || { warn "$host did not join"; return 1; }
    did "$host is a node"
    [[ -z "${option[label]-}" ]] || label_host "$host"
}

# label_host HOST: from here, as a node that joined earlier is not labelled by joining. It may take a while to be known.
label_host() {
    local node said status end=$((SECONDS + ${CLUSTER_WAIT_SECONDS:-300}))
    node="$(on "$1" "sudo -n sed -n 's/^node\t//p' /var/lib/gpiod-cluster/record" </dev/null | tail -n 1)"
    [[ "$node" =~ ^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$ ]] || { warn "$1 does not say what it is called in the cluster: not labelled"; return 1; }
    while true; do
        status=0
        said="$("${way_in[@]}" "$program" label "$node" 2>&1)" || status=$?
        ((status == 65 && SECONDS < end)) || break
        sleep "${CLUSTER_POLL_SECONDS:-5}"
    done
    printf '%s\n' "$said" >&2
    return "$status"
}

# reboot_and_wait HOST: until it answers with another boot's identity; five minutes at most.
reboot_and_wait() {
    local host="$1" before now_is end=$((SECONDS + 300))
    before="$(on "$host" cat /proc/sys/kernel/random/boot_id </dev/null)" || return 1
    did "reboot $host"
    on "$host" sudo -n systemctl reboot </dev/null >/dev/null 2>&1 || true
    # The connection of before is of no use any more.
    ssh -o "ControlPath=$scratch/%C" -O exit "$host" >/dev/null 2>&1 || true
    while ((SECONDS < end)); do
        sleep "${CLUSTER_POLL_SECONDS:-5}"
        now_is="$(on "$host" cat /proc/sys/kernel/random/boot_id </dev/null 2>/dev/null || true)"
        if [[ -n "$now_is" && "$now_is" != "$before" ]]; then
            did "$host is back"
            return 0
        fi
    done
    warn "$host did not come back within five minutes: look at it, then the same command again"
    return 1
}
