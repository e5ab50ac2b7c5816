#!/usr/bin/env bash
# Takes files out of Debian's packages, of this machine's architecture and of others, without root and without
# installing anything: apt works on a state of its own in the cache, the packages are only unpacked.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/hardware/debs.sh unpack [--only GLOB] FOLDER PACKAGE[:ARCHITECTURE]...
       scripts/hardware/debs.sh depends PACKAGE[:ARCHITECTURE] REGEX

unpack   puts the files of the packages below FOLDER, and nothing that they depend on; with --only those whose paths,
         which begin with ./, match GLOB
depends  prints the names of the packages that PACKAGE depends on and whose names match REGEX

The sources are this system's own (/etc/apt). What they offer is looked up again once a day.
The state is in ${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/hardware/apt; each architecture but arm64 has one of its own.
TEXT
}

only=
if [[ "${1-}" == unpack && "${2-}" == --only ]]; then
    (($# >= 3)) || { usage >&2; exit 64; }
    only="$3"
    set -- unpack "${@:4}"
fi
case "${1-}:$#" in
    -h:* | --help:*) usage; exit 0 ;;
    depends:3) ;;
    unpack:[012]) usage >&2; exit 64 ;;
    unpack:*) ;;
    *) usage >&2; exit 64 ;;
esac

for tool in apt-get apt-cache dpkg; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: this needs Debian" >&2; exit 69; }
done

# An architecture whose lists can not be had spoils no other one's.
foreign="$(printf '%s\n' "${@:2}" | sed -n 's/^[a-z0-9.+-]*:\([a-z0-9]*\)$/\1/p' | grep -vx "$(dpkg --print-architecture)" | sort -u | head -n 1 || true)"
foreign="${foreign:-arm64}"
state="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/hardware/apt"
[[ "$foreign" == arm64 ]] || state+="-$foreign"
options=(
    -o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status"
    -o "Dir::Cache=$state/cache" -o "APT::Sandbox::User=$(id -un)" -o Acquire::Retries=3
    -o "APT::Architectures::=$(dpkg --print-architecture)" -o "APT::Architectures::=$foreign"
    -o Acquire::Languages=none -q
)

update() {
    echo "looking up what Debian offers for $foreign" >&2
    local attempt
    for attempt in 1 2 3; do
        # A list that cannot be had counts as a failure, not as a warning: what it offers would be missing later.
        if apt-get "${options[@]}" -o APT::Update::Error-Mode=any update >"$state/update.log" 2>&1; then
            touch "$state/updated"
            return
        fi
        sleep "$attempt"
    done
    cat "$state/update.log" >&2
    echo "apt-get update failed, going on with what is known: look at the sources in /etc/apt" >&2
}

mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
touch "$state/status"
# One at a time: two updates at once would spoil the lists for each other.
exec 9>"$state/lock"
flock 9
if [[ -z "$(find "$state/updated" -mmin -1440 2>/dev/null)" ]]; then
    update
fi

if [[ "$1" == depends ]]; then
    # A package of another architecture carries it behind a colon; an alternative comes after a bar.
    apt-cache "${options[@]}" depends --important "$2" |
        sed -n 's/^ *|\{0,1\}Depends: <\{0,1\}\([^ :>]*\).*/\1/p' | grep -E -- "$3" || {
        echo "Debian's sources here have no $2 with a dependency like $3: is this Debian 12, with its security updates?" >&2
        exit 69
    }
    exit 0
fi

folder="$2"
shift 2
mkdir -p "$folder"
downloads="$(mktemp -d "$state/download.XXXXXX")"
trap 'rm -rf "$downloads"' EXIT
echo "fetching $*" >&2
download() { (cd "$downloads" && apt-get "${options[@]}" download "$@" >"$state/download.log" 2>&1); }
if ! download "$@"; then
    # The lists may name a version that has been replaced since.
    update
    download "$@" || {
        cat "$state/download.log" >&2
        echo "apt-get download failed for: $*" >&2
        exit 69
    }
fi
for package in "$downloads"/*.deb; do
    if [[ -z "$only" ]]; then
        dpkg-deb --extract "$package" "$folder"
    else
        dpkg-deb --fsys-tarfile "$package" | tar --extract --directory "$folder" --wildcards "$only"
    fi
done
