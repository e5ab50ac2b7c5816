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

# Each program that starts over 9p costs, so they are few and side by side.
ip link set lo up &
loopback=$!
# If this fails, nothing can be told: the end of the first process is a panic, which the host sees on the console.
mount --all --fstab "$sim_guest/fstab" || exit 1
# What udev would add: stdin, stdout, stderr and fd.
cp --no-dereference "$shared"/dev/* /dev
wait "$loopback" || fail "the loopback device does not come up: is iproute2 installed?"

echo sim-guest >/proc/sys/kernel/hostname
mapfile -d '' -t command <"$shared/command"
mapfile -d '' -t environment <"$shared/environment"
mapfile -d '' -t directory <"$shared/directory"
cd "${directory[0]}" 2>/dev/null ||
    fail "the working directory ${directory[0]} is not there: the guest has its own /tmp, /var/tmp and /run, so share it: --share '${directory[0]}'"

# Between these two lines the kernel's messages belong to the command.
echo '<5>sim-guest: the command starts' >/dev/kmsg

# A pipe, as in any CI, in place of a file over 9p: writing to it costs the command little.
exec 3> >(exec cat >"$shared/output")
copier=$!
{
    (
        for name in $(compgen -e); do
            unset "$name"
        done
        for variable in "${environment[@]}"; do
            export "${variable?}"
        done
        exec -- "${command[@]}"
    ) </dev/null >&3 2>&3 3>&-
    code=$?
} 2>/dev/null # Here bash would quote the lines above when a signal ends them.
exec 3>&-
echo '<5>sim-guest: the command ended' >/dev/kmsg

# What the command left running keeps the pipe open. Again and again, since it may start processes meanwhile.
while kill -0 "$copier"; do
    for process in /proc/[0-9]*; do
        process=${process#/proc/}
        ((process == 1 || process == copier)) || kill -KILL "$process"
    done
done 2>/dev/null

echo "exit $code" >"$shared/status"
power_off
