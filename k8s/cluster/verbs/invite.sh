# shellcheck shell=bash disable=SC2034,SC2154
# invite: a token of limited life and the cluster's identity, in one file.

usage_invite() {
    cat <<'TEXT'
usage: cluster invite [--for TIME] [--to FILE]

Makes an invitation, with which machines join this cluster until it is over: where the API is, a new token, and the sum
of the cluster's key, by which a machine knows that it talks to the right one. It is a secret meanwhile.

  --for   how long it is good: 30m, 2h; a day at most (default: 1h)
  --to    a new file that only you may read; else it is printed on standard output

On the machine that is to join, FILE and: sudo cluster join FILE
TEXT
}

verb_invite() {
    options "for= to=" "$@"
    no_arguments
    need_root
    choose_backend
    need_control_plane
    local minutes name answer
    minutes="$(minutes_of "${option[for]:-1h}")"
    ((minutes <= 1440)) || wrong "an invitation is good for a day at most, not ${option[for]}"
    [[ -z "${option[to]-}" || ! -e "${option[to]}" ]] || refuse 64 "${option[to]} is there already" "Name a new file, or remove that one."
    if [[ "$mode" != act ]]; then
        unfinished=yes
        would "make an invitation for $minutes minutes"
        return
    fi
    need_api
    name="$(last_of_record node)"
    invitation[backend]="$backend"
    invitation[until]="$(date -u -d "+$minutes minutes" +%FT%TZ)"
    case "$backend" in
        kubeadm)
            # kubeadm makes the token itself: it is on no command line.
            answer="$(kubeadm token create --ttl "${minutes}m" --description "cluster invite" --print-join-command 2>/dev/null)" ||
                refuse 1 "kubeadm could not make a token" "See: sudo kubeadm token create --print-join-command"
            [[ "$answer" =~ join\ ([^ ]+)\ --token\ ([^ ]+)\ --discovery-token-ca-cert-hash\ (sha256:[0-9a-f]+) ]] ||
                refuse 1 "kubeadm answered what is not understood here: ${answer//[a-z0-9].????????????????/TOKEN}"
            invitation[server]="${BASH_REMATCH[1]}" invitation[token]="${BASH_REMATCH[2]}" invitation[ca]="${BASH_REMATCH[3]}"
            invitation[version]="$kubernetes_version"
            ;;
        k3s)
            invitation[token]="$("$k3s" token create --ttl "${minutes}m" --description "cluster invite" 2>/dev/null)" ||
                refuse 1 "k3s could not make a token" "See: sudo k3s token create"
            invitation[server]="https://$(address_of_node "$name"):6443"
            invitation[version]="$k3s_version"
            ;;
    esac
    if [[ -n "${option[to]-}" ]]; then
        # Not through a link, by which root would write anywhere.
        (umask 077; set -C; print_invitation >"${option[to]}") || refuse 1 "${option[to]} could not be written as a new file"
        [[ -z "${SUDO_USER-}" ]] || chown --no-dereference "$SUDO_USER" "${option[to]}"
        did "write ${option[to]}, good until ${invitation[until]}"
        next "bring that file to each machine that is to join, and there: sudo cluster join FILE"
    else
        print_invitation
    fi
}
