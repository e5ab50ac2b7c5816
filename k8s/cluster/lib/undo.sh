# shellcheck shell=bash disable=SC2034,SC2154
# Taking back what the record says, last first.

# The only folders that are ever removed with all that is in them; a record that names another one is not followed.
trees=' /etc/containerd /var/lib/containerd /opt/cni /etc/cni /var/lib/cni /etc/kubernetes /var/lib/kubelet /var/lib/etcd /etc/rancher /var/lib/rancher '

written=() containerd_undone=''

undo_all() {
    local kind rest part
    while ((${#record_lines[@]})); do
        IFS=$'\t' read -r kind part rest <<<"${record_lines[-1]}"
        undo "$kind" "$part" "$rest"
        unset 'record_lines[-1]'
        unsaved=yes
        [[ "$mode" != act ]] || save_record
    done
}

undo() {
    local kind="$1" part="$2" rest="$3"
    case "$kind" in
        made | changed)
            undo_file "$kind" "$part"
            [[ "$part" != /etc/containerd/config.toml ]] || containerd_undone=yes
            ;;
        tree) undo_tree "$part" ;;
        package) undo_packages ;;
        hold) [[ -n "${option[keep-packages]-}" ]] || change "let go of $part's version" apt-mark unhold "$part" ;;
        unit) change "turn $part on again" systemctl enable --now "$part" ;;
        setting) [[ "$(setting_of "$part")" == "$rest" ]] || change "set $part to $rest again" sysctl -w "$part=$rest" ;;
        boot-added | boot-removed) boot_line_undone "$kind" "$part" ;;
        # Popped before the line that made the file, so it is kept for when that one comes.
        wrote) written+=("$part"$'\t'"$rest") ;;
        phase | backend | node | server) ;;
        *) warn "the record has a line \"$kind\" that this version does not know: left as it is" ;;
    esac
}

# undo_file made|changed PATH: as it was before, unless somebody else wrote to it since.
undo_file() {
    local path="$2" file="$root$2"
    if [[ "$1" == made && ! -e "$file" ]]; then
        return
    elif [[ -f "$file" ]] && ! was_written "$path"$'\t'"$(sum_of "$file")"; then
        warn "$path was changed by somebody else since: it stays"
    elif [[ "$1" == made ]]; then
        change "remove $path" rm -f "$file"
    elif [[ -e "$state/before$path" ]]; then
        change "put $path back as it was" put_back "$path"
    fi
}

was_written() {
    local each
    for each in "${written[@]}"; do
        [[ "$each" != "$1" ]] || return 0
    done
    return 1
}

put_back() {
    mkdir -p "$(dirname "$root$1")" && rm -f "$root$1$half" && cp -p "$state/before$1" "$root$1$half" && mv -f "$root$1$half" "$root$1"
}

undo_tree() {
    [[ "$trees" == *" $1 "* ]] || { warn "the record names $1, which this program never makes: it stays"; return; }
    [[ -z "${option[keep-packages]-}" || "$1" != */containerd && "$1" != /opt/cni ]] || return 0
    # Asked of the system, and not remembered: an interrupted `stop` may have come to the packages, and not to this.
    case "$1" in
        */containerd) ! stays containerd.io || { warn "$1 stays, as the package containerd.io does"; return; } ;;
        /opt/cni) ! stays kubernetes-cni || { warn "$1 stays, as the package kubernetes-cni does"; return; } ;;
    esac
    [[ ! -e "$root$1" ]] || change "remove $1" rm -rf --one-file-system "${root:-}$1"
}

# undo_packages: all at once, the first time; then they are gone.
undo_packages() {
    local package there=()
    [[ -z "${option[keep-packages]-}" && -z "${packages_undone-}" ]] || return 0
    while read -r package; do
        [[ -z "$(installed_version "$package")" ]] || there+=("$package")
    done < <(of_record package)
    packages_undone=yes
    ((${#there[@]} == 0)) || choose_going "${there[@]}"
    ((${#going[@]} == 0)) || change "remove the packages ${going[*]}" apt --allow-change-held-packages remove "${going[@]}"
}

# The packages that go, or have gone.
going=()

# choose_going PACKAGE...: those with which nothing goes that came otherwise, such as a Docker of the owner's on our
# containerd.io.
choose_going() {
    local package foreign
    going=("$@")
    foreign="$(foreign_with "$@")" || cannot_tell "$@"
    [[ -n "$foreign" ]] || return 0
    going=()
    for package in "$@"; do
        foreign="$(foreign_with "${going[@]}" "$package")" || cannot_tell "${going[@]}" "$package"
        if [[ -z "$foreign" ]]; then
            going+=("$package")
        else
            warn "the package $package stays: without it these of yours would go, too: ${foreign//$'\n'/ }"
        fi
    done
}

# foreign_with PACKAGE...: what apt would remove along with them and this program did not bring.
foreign_with() {
    local said
    said="$(apt --simulate --allow-change-held-packages remove "$@" 2>/dev/null)" || return 1
    awk '$1 == "Remv" { print $2 }' <<<"$said" | grep -vxFf <(of_record package) || true
}

cannot_tell() { refuse 1 "apt can not say what would go along with $*" "It says why: sudo apt-get --simulate remove $*"; }

# stays PACKAGE: it is installed, and this run does not remove it.
stays() { [[ -n "$(installed_version "$1")" && " ${going[*]} " != *" $1 "* ]]; }
