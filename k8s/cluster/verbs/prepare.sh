# shellcheck shell=bash disable=SC2034,SC2154
# prepare: what the system must be before anything is installed.

usage_prepare() {
    cat <<'TEXT'
usage: cluster prepare [--backend kubeadm|k3s] [--swap keep|off] [--reboot] [--dry-run | --check]

Readies this machine for being a node. control-plane and join do it too; this verb is for doing it ahead of time.

  kernel command line  cgroup_enable=memory in cmdline.txt, on a Raspberry Pi whose kernel does not count memory by
                       cgroup yet; this needs a reboot
  modules, settings    overlay, br_netfilter; bridged packets pass the rules, packets are forwarded; after each start
  swap                 keep (default): it stays, and pods get none; off: for good, be it rpi-swap or dphys-swapfile

  --reboot             reboot by itself if needed, and go on afterwards. Without, it ends with 79 and says so: reboot,
                       and give the same command again
TEXT
}

verb_prepare() {
    options "backend= swap= reboot" "$@"
    no_arguments
    need_root
    one_at_a_time
    choose_backend
    prepare
    [[ "$mode" != act ]] || next "sudo $0 control-plane   or, with an invitation: sudo $0 join FILE"
}

# prepare: comes back only when no reboot is needed before the next step.
prepare() {
    heading "The system"
    need_system "$backend"
    local pi
    pi="$(model)"
    already "${pi:-not a Raspberry Pi}, $(architecture), $(os_release PRETTY_NAME), $(memory_mb) MB of memory"
    not_resumed
    record backend "$backend"
    boot_line
    kernel_modules
    kernel_settings
    swap_policy
    clock
    reboot_if_needed
}

# Certificates of a cluster are good from now on; a Pi has no clock of its own that outlives its power.
clock() {
    if [[ "$(timedatectl show --property NTPSynchronized --value 2>/dev/null)" == yes ]]; then
        already "the clock is set by the network"
    else
        warn "the clock is not set by the network (yet): with a wrong one no certificate is good. See: timedatectl"
    fi
}
