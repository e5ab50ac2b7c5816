# shellcheck shell=bash disable=SC2034,SC2154
# Swap. By default it stays: the kubelet is told to start with it and to give none of it to pods, so a small board keeps
# its compressed memory (zram, on since Trixie). --swap off turns it off for good, whoever made it: rpi-swap of Trixie,
# dphys-swapfile of Bookworm. `swapoff -a` alone would last until the next start.

swap_used() { awk 'NR > 1 { found = 1 } END { exit !found }' "$root/proc/swaps" 2>/dev/null; }

need_swap_option() {
    case "${option[swap]:-keep}" in keep | off) ;; *) wrong "--swap is keep or off, not ${option[swap]}" ;; esac
}

swap_policy() {
    case "${option[swap]:-keep}" in
        keep)
            if swap_used; then
                already "swap stays: the kubelet starts with it, and pods get none"
            else
                already "there is no swap"
            fi
            ;;
        off) swap_off ;;
    esac
}

swap_off() {
    if [[ -d "$root/etc/rpi/swap.conf.d" || -f "$root/etc/rpi/swap.conf" ]]; then
        put /etc/rpi/swap.conf.d/90-gpiod-cluster.conf 644 <<'TEXT'
# A node of a cluster was asked to run without swap: cluster prepare --swap off
[Main]
Mechanism=none
TEXT
    fi
    if systemctl is-enabled --quiet dphys-swapfile.service 2>/dev/null; then
        record unit dphys-swapfile.service
        # It takes its swap file out of use when it stops.
        change "turn dphys-swapfile off for good" systemctl disable --now dphys-swapfile.service
    fi
    if swap_used; then
        change "turn swap off now" swapoff -a
    else
        already "no swap is in use"
    fi
    if grep -qE '^[^#]\S*\s+\S+\s+swap\s' "$root/etc/fstab" 2>/dev/null; then
        warn "/etc/fstab has swap of yours, which comes back at the next start: the kubelet lives with it"
    fi
}
