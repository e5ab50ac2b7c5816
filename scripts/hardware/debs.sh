#!/usr/bin/env bash
# Takes files out of Debian's packages, of this machine's architecture and of arm64, without root and without
# installing anything: apt works on a state of its own in the cache, the packages are only unpacked.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/hardware/debs.sh unpack FOLDER PACKAGE[:ARCHITECTURE]...
       scripts/hardware/debs.sh depends PACKAGE[:ARCHITECTURE] REGEX

unpack   puts the files of the packages below FOLDER, and nothing that they depend on
depends  prints the names of the packages that PACKAGE depends on and whose names match REGEX

The sources are this system's own (/etc/apt). What they offer is looked up again once a day.
The state is in ${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/hardware/apt.
TEXT
}

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

state="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/hardware/apt"
options=(
    -o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status"
    -o "Dir::Cache=$state/cache" -o "APT::Sandbox::User=$(id -un)" -o Acquire::Retries=3
    -o "APT::Architectures::=$(dpkg --print-architecture)" -o APT::Architectures::=arm64
    -o Acquire::Languages=none -q
)

update() {
    echo "looking up what Debian offers for arm64" >&2
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
    dpkg-deb --extract "$package" "$folder"
done
