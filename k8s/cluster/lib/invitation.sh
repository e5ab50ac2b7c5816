# shellcheck shell=bash disable=SC2034,SC2154
# An invitation: what a machine needs to become a node, in a few lines. It is a secret while it lasts. It is read by
# key and form, never run.

declare -A invitation=()

# read_invitation: of standard input; refuses whatever is not one, and says why.
read_invitation() {
    local line key value lines=0
    while IFS= read -r line || [[ -n "$line" ]]; do
        line="${line%$'\r'}"
        ((++lines <= 40)) || refuse 65 "this is no invitation: it is too long"
        [[ -n "$line" && "$line" != '#'* ]] || continue
        key="${line%%=*}" value="${line#*=}"
        case "$key" in
            backend | server | token | ca | until | version) invitation[$key]="$value" ;;
            *) refuse 65 "this is no invitation: it has a line \"${line:0:40}\"" "Make one on the control plane: sudo cluster invite" ;;
        esac
    done
    [[ -n "${invitation[backend]-}" ]] || refuse 65 "this is no invitation: it says nothing" "Make one on the control plane: sudo cluster invite"
    local host='[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\]'
    local token='[a-z0-9]{6}\.[a-z0-9]{16}'
    case "${invitation[backend]}" in
        kubeadm)
            form server "^($host):[0-9]{1,5}\$"
            form token "^$token\$"
            form ca '^sha256:[0-9a-f]{64}$'
            ;;
        k3s)
            form server "^https://($host):[0-9]{1,5}\$"
            # The sum of the cluster's certificates is the first part of the token.
            form token "^K10[0-9a-f]{64}::$token\$"
            ;;
        *) refuse 65 "this invitation is to ${invitation[backend]:0:20}, and not to kubeadm or k3s" ;;
    esac
    form until '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'
    form version '^v?[0-9]+\.[0-9]+\.[0-9]+(\+k3s[0-9]+)?$'
}

form() {
    [[ "${invitation[$1]-}" =~ $2 ]] || refuse 65 "this invitation's $1 is not right" "Was it cut off? Make a new one on the control plane: sudo cluster invite"
}

need_time_left() {
    [[ "$(date -u +%FT%TZ)" < "${invitation[until]}" ]] || refuse 65 "this invitation was good until ${invitation[until]}" \
        "Make a new one on the control plane: sudo cluster invite" "If that was not long ago, is the clock of this machine right? It says $(date -u +%FT%TZ)."
}

# print_invitation: of what is in invitation.
print_invitation() {
    local key
    printf '# An invitation into a cluster, for "cluster join". Who has it can add machines until then: keep it to yourself.\n'
    for key in backend version server token ca until; do
        [[ -z "${invitation[$key]-}" ]] || printf '%s=%s\n' "$key" "${invitation[$key]}"
    done
}
