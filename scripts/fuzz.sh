#!/usr/bin/env bash
# Feeds arbitrary input to what reads input: the targets in fuzz/, with libFuzzer, by cargo-fuzz in one version that is
# installed into the cache when it is missing.
# There is no unsafe code of ours, so no sanitizer is needed, and the project's own compiler does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=0.13.2
seconds=60
targets=()

usage() {
    cat <<TEXT
usage: scripts/fuzz.sh [--seconds N] [TARGET...]

Runs each target (default: all of fuzz/fuzz_targets) for N seconds (default: $seconds), one after the other, and says of
each: runs, coverage, seconds, crashes. It begins with fuzz/corpus/TARGET; what it finds beyond that goes
below fuzz/target. A crash leaves its input in fuzz/artifacts/TARGET and makes this command fail, after the
other targets have run. Again with one input: the program that is named there, with the file as its argument.

cargo-fuzz $version in PATH is used; else it is built once
into \${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/cargo-fuzz-$version.
TEXT
}

while (($#)); do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --seconds)
            [[ "${2-}" =~ ^[1-9][0-9]*$ ]] || { usage >&2; exit 64; }
            seconds="$2"
            shift
            ;;
        -*) usage >&2; exit 64 ;;
        *) targets+=("$1") ;;
    esac
    shift
done
all=(config state_file program messages rpc)
((${#targets[@]})) || targets=("${all[@]}")
for target in "${targets[@]}"; do
    [[ " ${all[*]} " == *" $target "* ]] || { echo "no target $target; there are ${all[*]}" >&2; exit 64; }
done

if [[ "$(cargo fuzz --version 2>/dev/null || true)" != "cargo-fuzz $version" ]]; then
    root="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/cargo-fuzz-$version"
    if [[ ! -x "$root/bin/cargo-fuzz" ]]; then
        echo "building cargo-fuzz $version into $root" >&2
        cargo install --quiet --locked --root "$root" --version "$version" cargo-fuzz
    fi
    PATH="$root/bin:$PATH"
fi

triple="$(rustc -vV | sed -n 's/^host: //p')"
built="${FUZZ_TARGET_DIR:-$PWD/fuzz/target}"
# The stable compiler knows all that is needed, but is asked for by flags that it keeps for others.
(cd fuzz && RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$built" cargo fuzz build --sanitizer none --fuzz-dir .)

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
failed=0
for target in "${targets[@]}"; do
    found="$built/corpus/$target"
    artifacts="fuzz/artifacts/$target"
    mkdir -p "$found" "$artifacts" "fuzz/corpus/$target"
    options=("-max_total_time=$seconds" -print_final_stats=1 -timeout=60 -max_len=4096 "-artifact_prefix=$artifacts/")
    if [[ -e "fuzz/dictionaries/$target.dict" ]]; then
        options+=("-dict=fuzz/dictionaries/$target.dict")
    fi
    begin=$SECONDS crashes=0
    program="$built/$triple/release/$target"
    if ! "$program" "${options[@]}" "$found" "fuzz/corpus/$target" >/dev/null 2>"$log"; then
        crashes=1 failed=1
        grep -v '^#' "$log" | tail -n 60 >&2
        echo "$target: again with: $program ${artifacts}/..." >&2
    fi
    runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    coverage="$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
    printf '%-11s runs %-9s coverage %-6s seconds %-5s crashes %s\n' \
        "$target" "${runs:-?}" "${coverage:-?}" "$((SECONDS - begin))" "$crashes"
done
exit "$failed"
