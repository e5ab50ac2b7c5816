#!/usr/bin/env bash
# Runs board, daemon and both apps as they run on a device, and judges by the board's record: as containers with all
# that a manifest takes away taken away, or, for platforms that this machine is none of, as programs under QEMU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/images/platforms.sh
. scripts/images/platforms.sh

built="$(realpath -m "${CARGO_TARGET_DIR:-target}/images")"

usage() {
    cat <<TEXT
usage: scripts/images/test.sh containers|PLATFORM...

containers  the images (pack.sh) of this machine's own platform, with podman and runc: no network, read-only, no capability,
            no new privileges, their own user, which is 65532; each app sees its own group's directory and nothing else.
            As root.
PLATFORM    the programs (build.sh) for it, under QEMU's user emulation where this machine is another one: that shows
            instructions and ABI, no container and no Pi

Shows: the lights follow their clock; light readings come; apps find a restarted daemon again by the directory; SIGTERM ends
each app within a second with exit code 0, its lights off and its lines free.

exit status: 0 all of it was seen, 1 something was not, 64 the arguments are wrong, 66 nothing was built, 69 this machine can
not run it, 77 it must be root.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    '') usage >&2; exit 64 ;;
esac
host="linux/$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/; s/armv7l/arm\/v7/')"
native="$built/$host/gpiod"
[[ -x "$native" ]] || { echo "there is no gpiod for $host to ask the board with: scripts/images/build.sh $host" >&2; exit 66; }

scratch="$(mktemp -d "${TMPDIR:-/tmp}/gpiod-images.XXXXXX")"
mode='' platform='' started=()
declare -A pids=()
podman=(podman --root "$scratch/store" --runroot "$scratch/run-store" --storage-driver vfs --cgroup-manager cgroupfs --runtime runc)

fail() {
    echo "FAILED ($mode): $*" >&2
    for name in "${started[@]}"; do
        echo "--- the last of $name:" >&2
        log "$name" 2>&1 | tail -n 15 >&2 || true
    done
    "$native" board --dir "$scratch/board" record 2>&1 | tail -n 15 >&2 || true
    exit 1
}

# start NAME PROGRAM FOLDER... -- ARGUMENT...: the folders, below the scratch folder, are seen below /run by a container.
start() {
    local name="$1" program="$2" folders=()
    shift 2
    while [[ "$1" != -- ]]; do
        folders+=("$1")
        shift
    done
    shift
    if [[ "$mode" == containers ]]; then
        local options=(
            --detach --name "$name" --network none --read-only --cap-drop ALL --security-opt no-new-privileges
            --ulimit nofile=1024:1024 --ulimit nproc=4096:4096
            # Files of the test, and of gpiod, are at the places where a device has them.
            --volume "$scratch/etc:/etc/gpiod:ro"
        )
        for folder in "${folders[@]}"; do
            options+=(--volume "$scratch/$folder:/run/$folder")
        done
        "${podman[@]}" run "${options[@]}" "localhost/$program" "$@" >"$scratch/$name.out" 2>&1 ||
            { cat "$scratch/$name.out" >&2; fail "$name does not start"; }
        pids[$name]="$("${podman[@]}" inspect --format '{{.State.Pid}}' "$name")"
    else
        local emulator group=()
        emulator="$(platform "$platform" 5)"
        [[ "$platform" != "$host" ]] || emulator="env"
        [[ "${folders[0]}" != gpiod/groups/* ]] || group=(--socket "$scratch/${folders[0]}/gpiod.sock")
        "$emulator" "$built/$platform/$program" "$@" "${group[@]}" >"$scratch/$name.out" 2>&1 &
        pids[$name]=$!
    fi
    started+=("$name")
}

log() {
    if [[ "$mode" == containers ]]; then "${podman[@]}" logs "$1"; else cat "$scratch/$1.out"; fi
}

# Ends NAME by SIGTERM, and sees to it that it takes less than a second, or $2 ms, and exits with 0. Under QEMU, where
# what was never run is translated first, durations say nothing.
stop() {
    local name="$1" limit="${2:-1000}" pid="${pids[$1]}" begin took status=0
    [[ "$mode" == containers || "$platform" == "$host" ]] || limit=10000
    begin="$(date +%s%N)"
    kill -TERM "$pid"
    timeout 20 tail --pid="$pid" -s 0.01 -f /dev/null || fail "$name does not end on SIGTERM"
    took=$((($(date +%s%N) - begin) / 1000000))
    if [[ "$mode" == containers ]]; then
        status="$("${podman[@]}" wait "$name")"
        "${podman[@]}" rm "$name" >/dev/null
    else
        wait "$pid" || status=$?
    fi
    [[ "$status" == 0 ]] || fail "$name ended with $status on SIGTERM"
    ((took < limit)) || fail "$name took $took ms to end on SIGTERM"
    unset "pids[$name]"
    echo "  $name ended within $took ms of SIGTERM, exit code 0"
}

# until_true WHAT COMMAND...: as long as it may take on a busy machine that emulates another one.
until_true() {
    local what="$1" give_up=$((SECONDS + 60))
    shift
    until "$@"; do
        ((SECONDS < give_up)) || fail "waited 60 s in vain: $what"
        sleep 0.05
    done
    echo "  $what"
}

record() { "$native" board --dir "$scratch/board" record --json --since "${1:-0}" 2>/dev/null; }
answers() { "$native" board --dir "$scratch/board" state >/dev/null 2>&1; }
latest() { record | tail -n 1 | sed 's/.*"seq":\([0-9]*\).*/\1/'; }
# Whether, since entry $1, each of the lamps was lit by the traffic light and put out again.
lights_follow() {
    local line entries
    entries="$(record "$1" | grep '"change":"level"' | grep '"consumer":"gpiod:traffic-light"' || true)"
    for line in GPIO9 GPIO10 GPIO11; do
        grep "\"$line\"" <<<"$entries" | grep -q '"high":true' || return 1
        grep "\"$line\"" <<<"$entries" | grep -q '"high":false' || return 1
    done
}
# How many readings succeeded; more than $1?
more_readings() { (($(log sensor 2>/dev/null | grep -c '"status":"ok"' || true) > $1)); }
socket() { [[ -S "$scratch/gpiod/groups/traffic-light/gpiod.sock" ]]; }
# The level that the board's record left each lamp at.
lamps() {
    local line
    for line in GPIO9 GPIO10 GPIO11; do
        record | grep "\"$line\"" | grep '"change":"level"' | tail -n 1 | sed 's/.*"high":\([a-z]*\).*/\1/'
    done | tr '\n' ' '
}
nobody_holds() { [[ -z "$("$native" lines --socket "$scratch/gpiod/admin/gpiod.sock" --json | grep '"holder":{' || true)" ]]; }

# What a process of a container may not have: read from the kernel, not from what podman was asked for.
hardened() {
    local name="$1" status="/proc/${pids[$1]}/status"
    grep -q '^Uid:.*\b65532\b.*65532' "$status" || fail "$name runs as another user"
    grep -q '^CapEff:.*\b0000000000000000$' "$status" || fail "$name has capabilities"
    grep -q '^CapBnd:.*\b0000000000000000$' "$status" || fail "$name could get capabilities"
    grep -q '^NoNewPrivs:.*1$' "$status" || fail "$name may get new privileges"
    [[ "$(awk '$1 == "NSpid:" { print $NF }' "$status")" == 1 ]] || fail "$name is not process 1 of its container"
    awk '$5 == "/" { print $6 }' "/proc/${pids[$name]}/mountinfo" | grep -q '^ro' || fail "the root of $name can be written"
    [[ "$(tail -n +3 "/proc/${pids[$name]}/net/dev" | grep -cv '\blo:' || true)" == 0 ]] || fail "$name has a network"
}

scenario() {
    local seen readings
    mkdir -p "$scratch"/{etc,board,gpiod}
    cp gpiod/demo/circuit.toml "$scratch/etc/circuit.toml"
    # Containers have the places of a device; programs have the scratch folder's.
    local run=/run
    [[ "$mode" == containers ]] || run="$scratch"
    { echo "run_dir = \"$run/gpiod\""; sed "s#^kind = \"sim\"#&\nboard = \"$run/board\"#" gpiod/demo/gpiod.toml; } >"$scratch/etc/gpiod.toml"
    local etc=/etc/gpiod
    [[ "$mode" == containers ]] || etc="$scratch/etc"
    chmod 755 "$scratch" "$scratch/etc"
    chmod 644 "$scratch"/etc/*
    if [[ "$mode" == containers ]]; then chown 65532:65532 "$scratch"/{board,gpiod}; fi

    start board gpiod board -- board --dir "$run/board" --circuit "$etc/circuit.toml"
    until_true "the board answers" answers
    start daemon gpiod board gpiod -- serve --config "$etc/gpiod.toml"
    until_true "the daemon's sockets are there" socket
    start lights traffic-light gpiod/groups/traffic-light -- --speed 10
    start sensor light-sensor gpiod/groups/light-sensor -- --json --interval 200ms
    until_true "the lights follow their clock" lights_follow 0
    until_true "light readings come" more_readings 2
    if [[ "$mode" == containers ]]; then
        for name in board daemon lights sensor; do hardened "$name"; done
        echo "  each is process 1, uid 65532, without capabilities, new privileges, network or a root to write on"
    fi

    stop daemon 5000
    seen="$(latest)"
    readings="$(log sensor 2>/dev/null | grep -c '"status":"ok"')"
    start daemon gpiod board gpiod -- serve --config "$etc/gpiod.toml"
    until_true "the lights found the restarted daemon" lights_follow "$seen"
    until_true "the light sensor found the restarted daemon" more_readings "$readings"

    stop lights
    [[ "$(lamps)" == "false false false " ]] || fail "lights are on after the traffic light: $(lamps)"
    echo "  its lights are off"
    stop sensor
    nobody_holds || fail "somebody holds a line after the apps"
    echo "  nobody holds a line"
    stop daemon 5000
    stop board 5000
}

end() {
    for name in "${!pids[@]}"; do kill -KILL "${pids[$name]}" 2>/dev/null || true; done
    if [[ "$mode" == containers ]]; then
        "${podman[@]}" rm --all --force >/dev/null 2>&1 || true
        "${podman[@]}" rmi --all --force >/dev/null 2>&1 || true
    fi
    rm -rf "$scratch"
}
trap end EXIT

for mode in "$@"; do
    started=()
    rm -rf "${scratch:?}"/{etc,board,gpiod}
    echo "$mode"
    if [[ "$mode" == containers ]]; then
        ((EUID == 0)) || { echo "containers are run by root here: sudo -E scripts/images/test.sh containers" >&2; exit 77; }
        scripts/hardware/packages.sh containers >&2 || exit 69
        for program in "${programs[@]}"; do
            [[ -e "$built/$program.oci.tar" ]] || { echo "there is no $program.oci.tar: scripts/images/pack.sh" >&2; exit 66; }
            image="$("${podman[@]}" pull --quiet "oci-archive:$built/$program.oci.tar" 2>"$scratch/log")" || { cat "$scratch/log" >&2; exit 1; }
            "${podman[@]}" tag "$image" "localhost/$program"
        done
        # 125 is podman's own: what it needs of the system is not here.
        status=0
        "${podman[@]}" run --rm --network none --read-only --cap-drop ALL --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 \
            localhost/gpiod --version >"$scratch/log" 2>&1 || status=$?
        ((status != 125)) || { echo "this machine runs no container: $(tail -n 1 "$scratch/log")" >&2; exit 69; }
    else
        platform="$mode"
        [[ -n "$(platform "$platform" 1)" ]] || { echo "no platform $platform" >&2; exit 64; }
        for program in "${programs[@]}"; do
            [[ -x "$built/$platform/$program" ]] || { echo "there is no $program for $platform: scripts/images/build.sh $platform" >&2; exit 66; }
        done
        [[ "$platform" == "$host" ]] || command -v "$(platform "$platform" 5)" >/dev/null ||
            { scripts/hardware/packages.sh containers >&2 || exit 69; }
    fi
    scenario
done
