#!/usr/bin/env bats
# The system before anything is installed: the kernel command line and its reboot, modules, settings, swap.

bats_require_minimum_version 1.5.0
load machine

@test "the memory cgroup is asked for in the one line of the file that the firmware reads" {
    for system in bullseye bookworm trixie; do
        machine "$system" "$system"
        before="$(cat "$boot_file")"
        [[ "$system" == bullseye ]] || elsewhere="$(cat "$CLUSTER_ROOT/boot/cmdline.txt")"
        run ours prepare --backend k3s
        ended_with 79
        says 'sudo reboot'
        [[ "$(cat "$boot_file")" == "$before cgroup_enable=memory" ]]
        [[ "$(wc -l <"$boot_file")" == 1 ]]
        [[ "$system" == bullseye ]] || [[ "$(cat "$CLUSTER_ROOT/boot/cmdline.txt")" == "$elsewhere" ]]
        # Again without the reboot: nothing changes, and it says the same.
        all="$(everything)"
        run ours prepare --backend k3s
        ended_with 79
        [[ "$(everything)" == "$all" ]]
        "$here/boot"
        forget_changes
        run ours prepare
        ended_with 0
        [[ "$(everything)" == "$all" ]]
        [[ "$(changes_made)" == 0 ]] || fail_with "$(cat "$FAKE/changes")"
    done
}

@test "what a mistyped guide put there goes, and so does what turns memory off" {
    machine pi trixie
    printf 'console=tty1 cgroup_enable=cgroup_enable=memory cgroup_disable=memory rootwait cgroup_enable=cpuset\r\n' >"$boot_file"
    run ours prepare
    ended_with 79
    [[ "$(cat "$boot_file")" == 'console=tty1 rootwait cgroup_enable=cpuset cgroup_enable=memory' ]]
    run ours stop --yes
    ended_with 0
    [[ "$(tr ' ' '\n' <"$boot_file" | sort)" == "$(printf '%s\n' console=tty1 cgroup_enable=cgroup_enable=memory cgroup_disable=memory rootwait cgroup_enable=cpuset | sort)" ]]
}

@test "a file that is empty or has two lines is left alone, and the person told" {
    machine pi bookworm
    : >"$boot_file"
    run ours prepare
    ended_with 65
    says 'is empty'
    [[ ! -s "$boot_file" ]]
    printf 'console=tty1\nrootwait\n' >"$boot_file"
    run ours prepare
    ended_with 65
    says 'has 2 lines'
    [[ "$(cat "$boot_file")" == $'console=tty1\nrootwait' ]]
}

@test "the file is never seen half written: a failing write leaves it as it was" {
    machine pi bookworm
    before="$(cat "$boot_file")"
    printf '#!/bin/sh\nexit 1\n' >"$FAKE/bin/mv"
    chmod +x "$FAKE/bin/mv"
    run ours prepare
    [[ "$status" != 0 ]]
    [[ "$(cat "$boot_file")" == "$before" ]]
}

@test "with --reboot it reboots by itself and goes on once afterwards" {
    machine pi trixie
    run ours prepare --reboot --swap off
    ended_with 79
    grep -qx 'systemctl reboot' "$FAKE/calls"
    [[ -e "$FAKE/units/gpiod-cluster-resume.service.enabled" ]]
    [[ "$(cat "$CLUSTER_ROOT/var/lib/gpiod-cluster/resume")" == $'prepare\n--swap\noff' ]]
    run ours resume
    ended_with 0
    [[ ! -e "$FAKE/units/gpiod-cluster-resume.service.enabled" ]]
    [[ ! -e "$CLUSTER_ROOT/etc/systemd/system/gpiod-cluster-resume.service" ]]
    run ours resume
    ended_with 0
    says 'nothing to go on with'
}

@test "what is to be gone on with is said and not done with --dry-run" {
    machine pi trixie
    run ours prepare --reboot
    ended_with 79
    before="$(everything)"
    forget_changes
    run ours resume --dry-run
    ended_with 0
    says 'cluster prepare'
    run ours resume --check
    ended_with 1
    [[ "$(changes_made)" == 0 && "$(everything)" == "$before" ]]
}

@test "a kernel that can not count memory does not make it reboot for ever" {
    machine pi trixie
    run ours prepare --reboot
    ended_with 79
    FAKE_NO_MEMCG=yes "$here/boot"
    run ours resume
    ended_with 69
    says 'still does not count memory'
}

@test "a kernel that counts memory needs neither the word nor a reboot" {
    machine server trixie amd64 ''
    rm -r "${CLUSTER_ROOT:?}/boot"
    echo "cpu memory pids" >"$CLUSTER_ROOT/sys/fs/cgroup/cgroup.controllers"
    run ours prepare
    ended_with 0
    says 'not a Raspberry Pi'
    echo "cpu pids" >"$CLUSTER_ROOT/sys/fs/cgroup/cgroup.controllers"
    run ours prepare
    ended_with 69
    says "by your boot loader's means"
    rm "$CLUSTER_ROOT/sys/fs/cgroup/cgroup.controllers"
    run ours prepare
    ended_with 69
    says 'cgroup v1'
}

@test "modules and settings hold after the next start" {
    pi_that_started pi bookworm
    run ours prepare
    ended_with 0
    "$here/boot"
    [[ -d "$CLUSTER_ROOT/sys/module/br_netfilter" && -d "$CLUSTER_ROOT/sys/module/overlay" ]]
    [[ "$(cat "$CLUSTER_ROOT/proc/sys/net/ipv4/ip_forward")" == 1 ]]
    [[ "$(cat "$CLUSTER_ROOT/proc/sys/net/bridge/bridge-nf-call-iptables")" == 1 ]]
}

@test "swap stays by default, and is off for good when asked for, on either system" {
    for system in bookworm trixie; do
        pi_that_started "$system" "$system"
        swap="$(cat "$CLUSTER_ROOT/proc/swaps")"
        run ours prepare
        ended_with 0
        says 'swap stays'
        [[ "$(cat "$CLUSTER_ROOT/proc/swaps")" == "$swap" ]]
        run ours prepare --swap off
        ended_with 0
        [[ "$(wc -l <"$CLUSTER_ROOT/proc/swaps")" == 1 ]]
        forget_changes
        run ours prepare --swap off
        ended_with 0
        [[ "$(changes_made)" == 0 ]]
    done
    grep -q '^Mechanism=none$' "$CLUSTER_ROOT/etc/rpi/swap.conf.d/90-gpiod-cluster.conf"
    [[ ! -e "$FAKE_FLEET/bookworm/units/dphys-swapfile.service.enabled" ]]
    speak_to bookworm
    run ours stop --yes
    ended_with 0
    [[ -e "$FAKE/units/dphys-swapfile.service.enabled" ]]
}
