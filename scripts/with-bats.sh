#!/usr/bin/env bash
# Runs a command with bats, which runs tests of shell scripts, in PATH. Where it is not installed, Debian's package is
# unpacked into the cache: a few shell scripts, which need nothing but bash.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/with-bats.sh COMMAND [ARGUMENT...]

Runs COMMAND with bats in PATH: the one that is installed, else Debian's, unpacked once into
${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/bats. Ends with 69 where it can not be had: then install bats 1.5 or later.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    '') usage >&2; exit 64 ;;
esac
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

# Before 1.5 there is no BATS_FILE_TMPDIR.
fits() { [[ "$("$1" --version 2>/dev/null)" =~ ^Bats\ 1\.([5-9]|[1-9][0-9]+)\. ]]; }

if ! fits bats; then
    bats="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/bats"
    if ! fits "$bats/usr/bin/bats"; then
        mkdir -p "$(dirname "$bats")"
        # Two runs at once make it once; what is in its place is whole.
        exec 9>"$bats.lock"
        flock 9
        if ! fits "$bats/usr/bin/bats"; then
            rm -rf "$bats" "$bats.new"
            "$here/hardware/debs.sh" unpack "$bats.new" bats || {
                echo "bats is missing and could not be fetched: install bats 1.5 or later" >&2
                exit 69
            }
            mv "$bats.new" "$bats"
        fi
        exec 9>&-
    fi
    PATH="$bats/usr/bin:$PATH"
fi
exec "$@"
