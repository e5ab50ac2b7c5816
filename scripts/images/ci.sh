#!/usr/bin/env bash
# What CI does with images: this machine's platform alone, built, within its budgets, and run as containers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
    cat <<'TEXT'
usage: scripts/images/ci.sh MINUTES

Installs what is missing (as root), then builds, packs, measures and runs the images for linux/amd64, within MINUTES.

exit status: 0 all is well, 1 or so something is not, 69 something needed can not be had here, 75 there was no time.
Of 69 and 75 it says NOT RUN, and what.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
esac
[[ "${1-}" =~ ^[0-9]+$ ]] || { usage >&2; exit 64; }
end=$((SECONDS + 10#$1 * 60))

# in_time WHAT COMMAND...: as far as the minutes go.
in_time() {
    local what="$1" status=0
    shift
    if ((end > SECONDS)); then
        timeout --kill-after=10 "$((end - SECONDS))" "$@" || status=$?
    else
        status=124
    fi
    case "$status" in
        0) ;;
        124 | 137) echo "IMAGES NOT RUN: no time was left to $what" >&2; exit 75 ;;
        69) echo "IMAGES NOT RUN: what is needed to $what is not here, see above" >&2; exit 69 ;;
        *) echo "images: could not $what" >&2; exit "$status" ;;
    esac
}

for set in images containers; do
    scripts/hardware/packages.sh "$set" --install >/dev/null || echo "packages of $set could not be installed" >&2
done
in_time "fetch a compiler" scripts/images/toolchain.sh --install linux/amd64
in_time "build them" scripts/images/build.sh linux/amd64
in_time "measure them" scripts/images/sizes.py linux/amd64
first="$(in_time "pack them" scripts/images/pack.sh linux/amd64)" || exit
again="$(in_time "pack them again" scripts/images/pack.sh linux/amd64)" || exit
[[ "$first" == "$again" ]] || { printf 'images: packed twice, they have two digests:\n%s\n%s\n' "$first" "$again" >&2; exit 1; }
echo "$first"
in_time "find in them what they promise" scripts/images/release.py --uncommitted --platform linux/amd64 \
    "${CARGO_TARGET_DIR:-target}"/images/*.oci.tar
in_time "run them as containers" scripts/images/test.sh containers
