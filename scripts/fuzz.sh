#!/usr/bin/env bash
# Feeds arbitrary input to what reads input: the targets in fuzz/, with libFuzzer, by cargo-fuzz in one version that is
# installed into the cache when it is missing.
# There is no unsafe code of ours, so no sanitizer is needed, and the project's own compiler does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=0.13.2
seconds=60
build_only=
targets=()
all=(config state_file program messages rpc)
# Longest that one input may take before it is a hang; rpc waits for 20 s itself before it says what is wrong.
hang=30

usage() {
    cat <<TEXT
usage: scripts/fuzz.sh [--build] [--seconds N] [TARGET...]

Runs each target (default: ${all[*]}) for N seconds (default: $seconds), one after the other, and says of
each: runs, coverage, seconds, crashes. It begins with fuzz/corpus/TARGET; what it finds beyond that goes
into corpus/TARGET below FUZZ_TARGET_DIR (default: fuzz/target), where it is built, too. An input that makes a target
panic, take $hang s or use 2 GB is a crash: it is left in fuzz/artifacts/TARGET, and this command fails after the other
targets have run. With --build they are built and not run.

cargo-fuzz $version in PATH is used; else it is built once into \${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/cargo-fuzz-$version.

exit status: 0 nothing was found, 1 there was a crash or a target can not be built, 64 the arguments are wrong, 69 there
is no C++ compiler or no cargo-fuzz, so nothing was built.
TEXT
}

while (($#)); do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --build) build_only=yes ;;
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
((${#targets[@]})) || targets=("${all[@]}")
for target in "${targets[@]}"; do
    [[ " ${all[*]} " == *" $target "* ]] || { echo "no target $target; there are ${all[*]}" >&2; exit 64; }
done

if ! command -v "${CXX:-c++}" >/dev/null; then
    echo "there is no ${CXX:-c++}: libFuzzer is C++ and can not be built" >&2
    exit 69
fi
if [[ "$(cargo fuzz --version 2>/dev/null || true)" != "cargo-fuzz $version" ]]; then
    root="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/cargo-fuzz-$version"
    if [[ ! -x "$root/bin/cargo-fuzz" ]]; then
        echo "building cargo-fuzz $version into $root" >&2
        # It only calls cargo: optimised it would take twice as long to build, and be no faster.
        if ! cargo install --quiet --locked --debug --root "$root" --version "$version" cargo-fuzz; then
            echo "cargo-fuzz $version could not be installed" >&2
            exit 69
        fi
    fi
    PATH="$root/bin:$PATH"
fi

triple="$(rustc -vV | sed -n 's/^host: //p')"
built="${FUZZ_TARGET_DIR:-$PWD/fuzz/target}"
# The stable compiler knows all that is needed, but is asked for by flags that it keeps for others.
# cargo-fuzz has each crate compiled in one piece: in four, the largest, which all targets wait for, has more
# than one processor.
(
    cd fuzz
    export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$built" RUSTFLAGS="-Ccodegen-units=4 ${RUSTFLAGS-}"
    cargo fuzz build --sanitizer none --fuzz-dir .
)
[[ -z "$build_only" ]] || exit 0

# What the targets leave lying about goes with it.
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export TMPDIR="$scratch"
log="$scratch/log"
failed=0
for target in "${targets[@]}"; do
    found="$built/corpus/$target"
    artifacts="fuzz/artifacts/$target"
    mkdir -p "$found" "$artifacts" "fuzz/corpus/$target"
    options=("-max_total_time=$seconds" "-timeout=$hang" -rss_limit_mb=2048 -max_len=4096)
    options+=(-print_final_stats=1 "-artifact_prefix=$artifacts/")
    if [[ -e "fuzz/dictionaries/$target.dict" ]]; then
        options+=("-dict=fuzz/dictionaries/$target.dict")
    fi
    program="$built/$triple/release/$target"
    begin=$SECONDS crashes=0 status=0
    # libFuzzer ends by itself after its time and after a hang; the signal is for when it does not.
    timeout --foreground --kill-after=5 "$((seconds + 2 * hang))" \
        "$program" "${options[@]}" "$found" "fuzz/corpus/$target" >/dev/null 2>"$log" || status=$?
    if ((status)); then
        crashes=1 failed=1
        grep -v '^#' "$log" | tail -n 60 >&2 || true
        input="$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
        echo "$target ended with $status; again with: $program ${input:-$artifacts/...}" >&2
    fi
    runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    coverage="$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
    printf '%-11s runs %-9s coverage %-6s seconds %-5s crashes %s\n' \
        "$target" "${runs:-?}" "${coverage:-?}" "$((SECONDS - begin))" "$crashes"
done
exit "$failed"
