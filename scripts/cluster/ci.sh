#!/usr/bin/env bash
# What CI does with a cluster: the walk, if its programs are cached or there is time to build them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
    cat <<'TEXT'
usage: scripts/cluster/ci.sh MINUTES

Installs what is missing (as root), builds the programs of Kubernetes unless they are cached, and walks (test.sh), within
MINUTES. The images of linux/amd64 must be built and packed, as scripts/images/ci.sh does. What is built of Kubernetes when
the time is over stays for the next time.

exit status: 0 all is well, 1 something is not, 69 something needed can not be had here, 75 there was no time.
Of 69 and 75 it says NOT RUN, and what.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
esac
[[ "${1-}" =~ ^[0-9]+$ ]] || { usage >&2; exit 64; }
end=$((SECONDS + 10#$1 * 60))
# What the walk needs, on a machine that does other things too; less is not begun, so that nothing is half done.
walk_minutes=12

# in_time SPARE WHAT COMMAND...: as far as the minutes go, but for SPARE of them.
in_time() {
    local left=$((end - SECONDS - $1 * 60)) what="$2" status=0
    shift 2
    if ((left > 0)); then
        timeout --kill-after=30 "$left" "$@" || status=$?
    else
        status=124
    fi
    case "$status" in
        0) ;;
        75 | 124 | 137) echo "CLUSTER NOT RUN: no time was left to $what" >&2; exit 75 ;;
        66 | 69 | 77) echo "CLUSTER NOT RUN: what is needed to $what is not here, see above" >&2; exit 69 ;;
        *) echo "cluster: could not $what" >&2; exit "$status" ;;
    esac
}

enough() {
    ((end - SECONDS >= walk_minutes * 60)) && return
    echo "CLUSTER NOT RUN: less than $walk_minutes minutes are left to walk" >&2
    exit 75
}

# Whether the walk would see what it is to see.
python3 -B -m unittest discover --quiet scripts/cluster/walk
enough
scripts/hardware/packages.sh cluster --install >/dev/null || echo "packages of cluster could not be installed" >&2
in_time "$walk_minutes" "fetch what Kubernetes runs on" scripts/cluster/runtime.sh >/dev/null
in_time "$walk_minutes" "build Kubernetes" scripts/cluster/kubernetes.sh >/dev/null
enough
in_time 0 "walk" scripts/cluster/test.sh
