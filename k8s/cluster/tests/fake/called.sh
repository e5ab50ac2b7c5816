# shellcheck shell=bash
# What every false program does first. $FAKE is the false machine: $FAKE/root is its file system, $FAKE/calls has every
# call, $FAKE/changes those that change it.
#   FAKE_KILL_AT=N    power fails at the N-th change, before it is done; FAKE_KILL_AFTER=N: when it is done
#   FAKE_FAIL=GLOB    a call like that fails
set -euo pipefail

machine="$FAKE/root"
this="${0##*/}"
words="$this${*:+ $*}"
printf '%s\n' "$words" >>"$FAKE/calls"
# shellcheck disable=SC2254 # a pattern
case "$words" in
    ${FAKE_FAIL:-/})
        echo "$this: this fails, as the test wants it" >&2
        exit 1
        ;;
esac

changes() {
    printf '%s\n' "$words" >>"$FAKE/changes"
    local made count
    mapfile -t made <"$FAKE/changes"
    count="${#made[@]}"
    [[ "$count" != "${FAKE_KILL_AT:-}" ]] || kill -KILL 0
    [[ "$count" != "${FAKE_KILL_AFTER:-}" ]] || trap 'kill -KILL 0' EXIT
}

fails() {
    echo "$this: $1" >&2
    exit "${2:-1}"
}
