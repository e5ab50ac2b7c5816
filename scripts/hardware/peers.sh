#!/usr/bin/env bash
# Measures gpiod beside other programs that own GPIO lines, in the guest with the kernel's GPIO simulator.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"

usage() {
    cat <<'TEXT'
usage: scripts/hardware/peers.sh [--peer-bin NAME=PATH]... [OPTION]...

Builds gpiod and gpiod-bench in release mode and runs `gpiod-bench peers` in the guest of sim-guest.sh.
The table comes to standard output, JSON to target/bench/peers.json. benches/README.md says what is measured and what
the numbers mean.

  --peer-bin NAME=PATH  rgpiod or gpio-manager; built and installed by you, with the libraries where it finds them.
                        gpio-manager needs dbus-daemon in PATH.
  --timeout SECONDS     how long the guest may take (default: 1800)
  -h, --help            print this

Other options go to gpiod-bench: see `cargo run -p gpiod-bench -- peers --help`.
TEXT
}

limit=1800
arguments=()
# The guest has its own /tmp, /var/tmp and /run: what lies there must be shared with it.
shares=()
reach() {
    local folder
    folder="$(cd "$(dirname "$1")" && pwd -P)"
    case "$folder/" in
        /tmp/* | /var/tmp/* | /run/*) shares+=(--share "$folder") ;;
    esac
}
while (($# > 0)); do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --peer-bin | --timeout)
            (($# > 1)) || { usage >&2; exit 64; }
            if [[ "$1" == --timeout ]]; then
                limit="$2"
            else
                [[ "$2" == *=* && -x "${2#*=}" ]] || { echo "peers.sh: '$2' names no program" >&2; exit 64; }
                path="$(realpath "${2#*=}")"
                reach "$path"
                arguments+=(--peer-bin "${2%%=*}=$path")
            fi
            shift 2
            ;;
        *) arguments+=("$1"); shift ;;
    esac
done

"$here/packages.sh" sim >&2
cd "$root"
# One at a time: built together, gpiod would get features of dependencies that it is not released with.
for package in gpiod gpiod-bench; do
    "${CARGO:-cargo}" build --release -p "$package" --bins >&2
done
programs="$(realpath "${CARGO_TARGET_DIR:-target}/release")"
results="$root/target/bench"
mkdir -p "$results"
reach "$programs/gpiod"
exec "$here/sim-guest.sh" --timeout "$limit" --share "$results" ${shares[@]+"${shares[@]}"} \
    "$programs/gpiod-bench" peers --gpiod "$programs/gpiod" --json "$results/peers.json" ${arguments[@]+"${arguments[@]}"}
