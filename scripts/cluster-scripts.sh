#!/usr/bin/env bash
# Tests the scripts of k8s/cluster on false machines: a folder as root, and programs that record how they were called.
# No cluster, no network and no root; nothing outside of temporary folders is touched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'TEXT'
usage: scripts/cluster-scripts.sh [FILE.bats...]

Runs the tests in k8s/cluster/tests, or those named, as many files at once as there are processors.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; exit 64 ;;
esac
(($#)) || set -- k8s/cluster/tests/*.bats
if [[ -z "${WITH_BATS-}" ]]; then
    WITH_BATS=yes exec scripts/with-bats.sh "${BASH_SOURCE[0]}" "$@"
fi

# A file's lines stay together, and a failure in one does not end the others.
results="$(mktemp -d)"
trap 'rm -rf "$results"' EXIT
export results
run_file() { bats --tap "$1" >"$results/${1##*/}" 2>&1 || touch "$results/failed"; }
export -f run_file
printf '%s\0' "$@" | xargs -0 -P "$(nproc)" -I{} bash -c 'run_file {}'
for file in "$@"; do
    printf '%s\n' "${file##*/}"
    cat "$results/$(basename "$file")"
done
[[ ! -e "$results/failed" ]] || { echo "tests of k8s/cluster failed, see above" >&2; exit 1; }
