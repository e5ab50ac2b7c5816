# shellcheck shell=bash disable=SC2034,SC2154
# kubeconfig: the way in for kubectl on another machine.

usage_kubeconfig() {
    cat <<'TEXT'
usage: cluster kubeconfig [--to FILE] [--name NAME] [--for TIME]

Writes what kubectl on another machine needs to reach this cluster as its administrator. Keep it like a password.

  --to     a new file that only you may read; else it is printed on standard output
  --name   whom it is for: what the API's log calls them (default: remote)
  --for    how long it is good: 8h, 30d (default: 30d; a year at most). k3s can not limit it, and gives its own

On the other machine, for one shell:  export KUBECONFIG=$PWD/FILE
or with the clusters that you have:   KUBECONFIG=~/.kube/config:FILE kubectl config view --flatten >all
then choose one:                      kubectl config use-context remote@gpiod
TEXT
}

verb_kubeconfig() {
    options "to= name= for=" "$@"
    no_arguments
    need_root
    choose_backend
    need_control_plane
    local minutes name="${option[name]:-remote}" file
    minutes="$(minutes_of "${option[for]:-30d}")"
    ((minutes <= 366 * 1440)) || wrong "--for is a year at most, not ${option[for]}"
    [[ "$name" =~ ^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$ ]] || wrong "--name is of letters, digits and -, not $name"
    [[ -z "${option[to]-}" || ! -e "${option[to]}" ]] || refuse 64 "${option[to]} is there already" "Name a new file, or remove that one."
    if [[ "$mode" != act ]]; then
        unfinished=yes
        would "write a kubeconfig for $name, good for $minutes minutes"
        return
    fi
    file="$(umask 077; mktemp)"
    # shellcheck disable=SC2064 # the name of now
    trap "rm -f '$file'" EXIT
    case "$backend" in
        kubeadm)
            kubeadm kubeconfig user --config "$root/var/lib/gpiod-cluster/init.yaml" --client-name "$name" \
                --org kubeadm:cluster-admins --validity-period "${minutes}m" >"$file" 2>/dev/null ||
                refuse 1 "kubeadm could not make a kubeconfig" "See: sudo kubeadm kubeconfig user --help"
            ;;
        k3s)
            local address
            address="$(address_of_node "$(last_of_record node)")"
            [[ -n "$address" ]] || refuse 75 "the cluster's API does not answer" "See: sudo cluster check"
            # k3s calls everything default, which would clash with another one of its kind.
            sed -e "s|https://127.0.0.1:6443|https://$address:6443|" -e "s/: default\$/: $name@gpiod/" \
                "$root/etc/rancher/k3s/k3s.yaml" >"$file"
            warn "k3s has one administrator, and this is its file: good for a year, for whoever has it"
            ;;
    esac
    if [[ -n "${option[to]-}" ]]; then
        install -m 600 "$file" "${option[to]}"
        [[ -z "${SUDO_USER-}" ]] || chown --no-dereference "$SUDO_USER" "${option[to]}"
        did "write ${option[to]}"
        next "on the other machine: kubectl --kubeconfig ${option[to]##*/} get nodes"
    else
        cat "$file"
    fi
}
