# shellcheck shell=bash disable=SC2034,SC2154
# Packages from Kubernetes' and Docker's own sources, each signed by a key whose fingerprint is in versions.sh, at exactly
# the version there, and held so that no `apt upgrade` moves a node.

# installed_version PACKAGE: nothing where it is not installed, or was and left its configuration.
installed_version() {
    local found
    found="$(dpkg-query --show --showformat='${db:Status-Status} ${Version}\n' "$1" 2>/dev/null)" || return 0
    [[ "$found" != 'installed '* ]] || printf '%s\n' "${found#installed }"
}

apt() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get --quiet --yes -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"
}

# need_tools PACKAGE...: Debian's own, for what comes next.
need_tools() {
    local package missing=()
    for package in "$@"; do
        [[ -n "$(installed_version "$package")" ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    renew_lists
    install_packages "${missing[*]}" "${missing[@]}"
}

# signing_key NAME URL FINGERPRINT: to /etc/apt/keyrings, if the file has that key and no other.
signing_key() {
    local path="/etc/apt/keyrings/gpiod-cluster-$1.asc"
    if [[ -f "$root$path" && "$(fingerprints "$root$path")" == "$3" ]]; then
        already "the key of $1's packages is here, with the right fingerprint"
        return
    fi
    [[ "$mode" != act ]] || keep_before "$path"
    change "fetch the key of $1's packages and compare its fingerprint" fetch_key "$2" "$3" "$path"
}

# show_keys FILE: by a gpg that has a home of its own for the moment; without one it refuses, and root's is root's.
show_keys() {
    local home
    home="$(mktemp -d)"
    gpg --homedir "$home" --batch --no-options --no-autostart --show-keys --with-colons "$1" 2>/dev/null || true
    rm -rf "$home"
}

# fingerprints FILE: of the primary keys in it.
fingerprints() {
    show_keys "$1" | awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }'
}

fetch_key() {
    local file="$root$3" new found
    new="$file$half"
    mkdir -p "$(dirname "$file")" && begin "$new" || return 1
    fetch "$1" "$new" || { rm -f "$new"; return 1; }
    found="$(fingerprints "$new")"
    if [[ "$found" != "$2" ]]; then
        rm -f "$new"
        echo "the key at $1 is not the one that versions.sh names: ${found:-none} instead of $2" >&2
        return 1
    fi
    record wrote "$3" "$(sum_of "$new")"
    save_record
    chmod 644 "$new" && mv -f "$new" "$file"
}

# owners_source HOST: the first file of the owner's by which apt takes packages from that host: not what is commented
# out or turned off, as an upgrade of the system leaves it.
owners_source() {
    local file
    for file in "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*.{list,sources}; do
        [[ -r "$file" && "${file##*/}" != gpiod-cluster-* ]] || continue
        if awk -v host="$1" -v stanzas="${file##*.}" '
            BEGIN { if (stanzas == "sources") { RS = ""; FS = "\n" } }
            stanzas != "sources" { sub(/#.*/, ""); if (index($0, host)) found = 1; next }
            {
                off = speaks = 0
                for (i = 1; i <= NF; i++) {
                    if ($i ~ /^#/) continue
                    if (tolower($i) ~ /^enabled:[ \t]*(no|false|without|off|disable|0)[ \t\r]*$/) off = 1
                    if (index($i, host)) speaks = 1
                }
                if (speaks && !off) found = 1
            }
            END { exit !found }' "$file"; then
            printf '%s\n' "$file"
            return
        fi
    done
}

# apt_source NAME HOST: standard input becomes the source, unless the owner has one of that host already: two of them
# with different keys would make apt refuse both.
apt_source() {
    local theirs
    theirs="$(owners_source "$2")"
    if [[ -n "$theirs" ]]; then
        already "${theirs#"$root"} has $1's packages already, and is used"
        cat >/dev/null
        return
    fi
    signing_key "$1" "$3" "$4"
    put "/etc/apt/sources.list.d/gpiod-cluster-$1.sources" 644
}

# packages_at NAME=VERSION...: installs what is not there in that version, and holds all of them.
packages_at() {
    local wanted missing=() name
    for wanted in "$@"; do
        name="${wanted%%=*}"
        if [[ "$(installed_version "$name")" == "${wanted#*=}" ]]; then
            already "$name ${wanted#*=} is installed"
        else
            missing+=("$wanted")
        fi
    done
    if ((${#missing[@]})); then
        # Also when the sources are as they were: a run may have ended between them and this.
        renew_lists
        install_packages "${missing[*]}" "${missing[@]}"
    fi
    for wanted in "$@"; do
        hold_package "${wanted%%=*}"
    done
}

renew_lists() { change "read what the package sources offer" apt update; }

# install_packages WHAT PACKAGE...: records each package that comes with them, so that `stop` takes all of them away.
install_packages() {
    local what="$1" name
    shift
    if [[ "$mode" == act ]]; then
        # "Inst NAME [OLD] (NEW ...": one with an old version was here before.
        while read -r name; do
            record package "$name"
        done < <(apt-get --simulate --no-install-recommends --allow-change-held-packages install "$@" 2>/dev/null |
            awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }')
    fi
    change "install $what" apt --no-install-recommends --allow-change-held-packages --allow-downgrades install "$@"
}

hold_package() {
    if apt-mark showhold | grep -qx "$1"; then
        already "$1 is held at its version"
    else
        record hold "$1"
        change "hold $1 at its version" apt-mark hold "$1"
    fi
}
