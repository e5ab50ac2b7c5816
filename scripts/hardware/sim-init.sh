#!/bin/bash
# The first process of the guest that sim-guest.sh boots: mounts what a command needs, runs it and leaves its exit code.
# The root is the host's, read-only; $sim_guest, from the kernel's command line, is the folder that both sides share.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
shared=/run/sim-guest
sim_guest="${sim_guest:?is started by sim-guest.sh}"

# A reset ends the emulator (-no-reboot), faster than a power-off.
power_off() {
    sync
    echo b >/proc/sysrq-trigger
    exit 1
}

fail() {
    echo "$*" >"$shared/failure"
    power_off
}

# One process for all mounts, since each program that starts over 9p costs. Without it nothing can be told: the end of
# the first process is a panic, which the host sees on the console.
mount --all --fstab "$sim_guest/fstab" || exit 1
ip link set lo up || fail "the loopback device does not come up: is iproute2 installed?"

mapfile -d '' -t command <"$shared/command"
mapfile -d '' -t environment <"$shared/environment"
mapfile -d '' -t directory <"$shared/directory"
cd "${directory[0]}" 2>/dev/null ||
    fail "the working directory ${directory[0]} is not there: the guest has its own /tmp, /var/tmp and /run, so share it: --share '${directory[0]}'"

# From here the kernel's messages belong to the command.
echo '<5>sim-guest: the command starts' >/dev/kmsg

# A pipe, as in any CI, in place of a file over 9p: writing costs the command little, and /dev/stdout can be reopened.
mkfifo /run/sim-guest-output
cat /run/sim-guest-output >"$shared/output" &
copier=$!
(
    for name in $(compgen -e); do
        unset "$name"
    done
    for variable in "${environment[@]}"; do
        export "${variable?}"
    done
    exec -- "${command[@]}"
) </dev/null >/run/sim-guest-output 2>&1
code=$?

# What the command left running would keep the pipe open.
for process in /proc/[0-9]*; do
    process=${process#/proc/}
    ((process == 1 || process == copier)) || kill -KILL "$process"
done 2>/dev/null
wait "$copier"

echo "exit $code" >"$shared/status"
power_off
