#!/usr/bin/env bash
# Runs the contract and the scenes of real pins: on the kernel's GPIO simulator, and on an emulated Raspberry Pi 3.
# A part that can not run here fails the whole, unless it is waived by name.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/../.."

all=(sim pi-6.1 pi-6.12 pi-6.12-keep)

usage() {
    cat <<TEXT
usage: scripts/hardware/test.sh [--waive PART]... [--minutes N] [PART]...

Runs the parts that are named, or all:

  sim           contract on the simulated board with the manners of each kernel; daemon, apps and contract on the
                kernel's GPIO simulator (gpio-sim), backend cdev
  pi-6.1        daemon and contract on an emulated Raspberry Pi 3, Debian's kernel 6.1: a claim that ends lets go
  pi-6.12       the same on Debian's kernel 6.12, whose default is to let go too
  pi-6.12-keep  the same with persist_gpio_outputs=Y: a claim that ends keeps the output, as on Raspberry Pi's kernel

A part that lacks something here is skipped, says why, and fails the whole unless --waive names it ("pi" is all of
pi-*). With --minutes, as in CI, a part that could not end in that time is skipped too, which fails nothing, and a part
that fails is tried once more. Kernels and tools are built or fetched once, see scripts/hardware/README.md. At the end stands the contract's
table, which is also in target/hardware/contract.md, and one line for each part.
TEXT
}

waived=()
parts=()
minutes=
as_part=
while (($# > 0)); do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        # One part alone, for ourselves: its code is the exit code.
        --as-part) as_part="$2"; shift 2 ;;
        --minutes)
            [[ "${2-}" =~ ^[0-9]{1,3}$ ]] || { usage >&2; exit 64; }
            minutes="$2"
            shift 2
            ;;
        --waive)
            (($# > 1)) || { usage >&2; exit 64; }
            if [[ "$2" == pi ]]; then waived+=("${all[@]:1}"); else waived+=("$2"); fi
            shift 2
            ;;
        -*) usage >&2; exit 64 ;;
        *) parts+=("$1"); shift ;;
    esac
done
((${#parts[@]} > 0)) || parts=("${all[@]}")
for part in "${parts[@]}" ${waived[@]+"${waived[@]}"}; do
    [[ " ${all[*]} " == *" $part "* ]] || { echo "test.sh: there is no part '$part', but: ${all[*]}" >&2; exit 64; }
done

results="$PWD/target/hardware"
mkdir -p "$results"

# The programs that cargo's `test --no-run` names, last in parentheses.
native() {
    cargo test -p gpiod --no-run "$@" 2>&1 | tee >(cat >&2) | sed -n 's/^ *Executable .*(\(.*\))$/\1/p'
}

# run_sim: 0 passed, 1 failed, 2 could not run.
run_sim() {
    "$here/packages.sh" sim || return 2
    "$here/sim-kernel.sh" >/dev/null || return 2
    cargo build --workspace --bins || return 1
    local programs contract kernel
    programs="$(native --test contract --test kernel)" || return 1
    contract="$(grep /contract- <<<"$programs")"
    kernel="$(grep /kernel- <<<"$programs")"
    # Three columns: without a bench it is the simulated board, with the manners of each kernel in turn.
    "$contract" --results "$results/1-sim.rows" || return 1
    # The guest has a /tmp of its own, and this tree may be in ours.
    local guest=("$here/sim-guest.sh" --timeout 600 --share "$PWD")
    [[ "$contract" == "$PWD"/* || "$contract" != /* ]] || guest+=(--share "$(dirname "$(dirname "$contract")")")
    "${guest[@]}" "$contract" --bench cdev --results "$results/3-cdev.rows" || return 1
    "${guest[@]}" "$kernel" || return 1
}

arm=
# build_arm: the programs for the emulated Pi, once.
build_arm() {
    [[ -z "$arm" ]] || return 0
    "$here/packages.sh" raspi || return 2
    # 69 is a compiler that is not to be had: then this can not run. What it does not compile is a failure.
    local code=0
    arm="$("$here/cross-arm64.sh" test --no-run -p gpiod --test contract --test pi)" || code=$?
    # The daemon itself is built with them, and not named.
    ((code != 0)) || arm+=$'\n'"$("$here/cross-arm64.sh" build -p gpiod --bin gpiod)" || code=$?
    case "$code" in
        0) ;;
        69) return 2 ;;
        *) return 1 ;;
    esac
}

# run_pi KERNEL COLUMN [KERNEL-ARGUMENTS]
run_pi() {
    build_arm || return
    local program files=()
    while read -r program; do
        case "$program" in
            */contract-*) files+=(--file "$program:/bin/contract") ;;
            */pi-*) files+=(--file "$program:/bin/pi") ;;
            */gpiod) files+=(--file "$program:/bin/gpiod") ;;
        esac
    done <<<"$arm"
    local out="$results/$2.out" code=0
    # shellcheck disable=SC2016 # The guest's shell expands it.
    "$here/raspi-guest.sh" --kernel "$1" --append "${3-}" --timeout 600 "${files[@]}" -- sh -c '
        contract --bench gpiomem --results /tmp/rows; contract=$?
        GPIOD=/bin/gpiod pi; pi=$?
        echo "== rows"; cat /tmp/rows
        exit $((contract + pi))' | tee "$out" | sed '/^== rows/,$d' || code=$?
    sed '1,/^== rows/d' "$out" | sed "s/\tgpiomem on raspi3b\t/\tgpiomem on raspi3b, $2\t/" >"$results/4-$2.rows"
    case "$code" in
        0) return 0 ;;
        125) return 2 ;;
        *) return 1 ;;
    esac
}

# run PART: 0 passed, 1 failed, 2 could not run.
run() {
    case "$1" in
        sim) run_sim ;;
        pi-6.1) run_pi 6.1 6.1 ;;
        pi-6.12) run_pi 6.12 6.12 pinctrl_bcm2835.persist_gpio_outputs=N ;;
        pi-6.12-keep) run_pi 6.12 6.12-keep pinctrl_bcm2835.persist_gpio_outputs=Y ;;
    esac
}

# in_time PART: as `run`, or 3 when there was no time for it. What a part builds stays for the next.
in_time() {
    local left=$((minutes * 60 - SECONDS)) code=0
    ((left > 60)) || return 3
    timeout --kill-after=10 "$left" "$0" --as-part "$1" || code=$?
    left=$((minutes * 60 - SECONDS))
    if ((code == 1 && left > 60)); then
        echo "== $1, once more"
        code=0
        timeout --kill-after=10 "$left" "$0" --as-part "$1" || code=$?
        left=$((minutes * 60 - SECONDS))
    fi
    case "$code" in
        0 | 2) return "$code" ;;
        # Only if it is our time that was over; a guest has a time-out of its own.
        124 | 137) if ((left <= 1)); then return 3; fi ;;
    esac
    return 1
}

if [[ -n "$as_part" ]]; then
    run "$as_part"
    exit
fi

rm -f "$results"/*.rows
failed=0
report=()
for part in "${parts[@]}"; do
    echo "== $part"
    begin=$SECONDS
    code=0
    if [[ -n "$minutes" ]]; then in_time "$part" || code=$?; else run "$part" || code=$?; fi
    case "$code" in
        0) outcome="passed" ;;
        2)
            outcome="SKIPPED, why stands above"
            if [[ " ${waived[*]-} " == *" $part "* ]]; then outcome="skipped, as waived"; else failed=1; fi
            ;;
        3) outcome="skipped, there was no time left for it" ;;
        *) outcome="FAILED"; failed=1 ;;
    esac
    report+=("$(printf '%-14s%s (%d s)' "$part" "$outcome" "$((SECONDS - begin))")")
done

echo
if compgen -G "$results/*.rows" >/dev/null; then
    contract="$(native --test contract 2>/dev/null)"
    "$contract" table "$results"/*.rows | tee "$results/contract.md"
    echo
fi
printf '%s\n' "${report[@]}"
exit "$failed"
