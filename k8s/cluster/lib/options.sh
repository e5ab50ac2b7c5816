# shellcheck shell=bash disable=SC2034,SC2154
# Options of all verbs, read in one place: --word, --word value, --word=value; what is not an option goes to arguments,
# and options_given has the rest as it was given.

declare -A option=()
arguments=() options_given=()

# options "NAME NAME= ..." ARGUMENT...: a name with = takes a value. --dry-run, --check and --help are every verb's.
options() {
    local known=" $1 " name value
    shift
    given=("$@")
    while (($#)); do
        name="${1#--}" value=''
        case "$1" in
            -h | --help) "usage_${verb//-/_}"; exit 0 ;;
            --dry-run) mode=dry ;;
            --check) mode=check ;;
            --) arguments+=("${@:2}"); set -- x ;;
            --*=*) value="${name#*=}" name="${name%%=*}"
                [[ "$known" == *" $name= "* ]] || wrong "$verb has no option --$name=…"
                option[$name]="$value" options_given+=("$1") ;;
            --*)
                if [[ "$known" == *" $name= "* ]]; then
                    (($# > 1)) || wrong "--$name needs a value"
                    option[$name]="$2" options_given+=("$1" "$2")
                    shift
                elif [[ "$known" == *" $name "* ]]; then
                    option[$name]=yes options_given+=("$1")
                else
                    wrong "$verb has no option --$name"
                fi
                ;;
            -?*) wrong "$verb has no option $1" ;;
            *) arguments+=("$1") ;;
        esac
        shift
    done
    need_swap_option
}

wrong() { refuse 64 "$1" "See: cluster $verb --help"; }

no_arguments() { ((${#arguments[@]} == 0)) || wrong "$verb takes no argument, and was given ${arguments[*]}"; }

# choose_backend: kubeadm or k3s: what was asked for, what this machine has already, else kubeadm.
choose_backend() {
    local before asked="${option[backend]-}"
    before="$(last_of_record backend)"
    case "$asked" in '' | kubeadm | k3s) ;; *) wrong "--backend is kubeadm or k3s, not $asked" ;; esac
    [[ -z "$before" || -z "$asked" || "$before" == "$asked" ]] || refuse 75 "this machine was made a node with $before, not $asked" \
        "First take that away: sudo cluster stop"
    backend="${asked:-${before:-kubeadm}}"
}

# minutes_of TEXT WHAT: 90m, 2h or 30d in minutes; nothing that never ends.
minutes_of() {
    [[ "$1" =~ ^([1-9][0-9]{0,4})([mhd])$ ]] || wrong "--for takes a time such as 30m, 2h or 7d, not $1"
    case "${BASH_REMATCH[2]}" in
        m) printf '%s\n' "${BASH_REMATCH[1]}" ;;
        h) printf '%s\n' "$((BASH_REMATCH[1] * 60))" ;;
        d) printf '%s\n' "$((BASH_REMATCH[1] * 1440))" ;;
    esac
}
