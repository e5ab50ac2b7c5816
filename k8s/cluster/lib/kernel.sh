# shellcheck shell=bash disable=SC2034,SC2154
# Modules and settings of the kernel that the pods' network needs, now and after every start.

modules=(overlay br_netfilter)
settings=(net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.ipv4.ip_forward)

kernel_modules() {
    local module
    put /etc/modules-load.d/gpiod-cluster.conf 644 <<TEXT
# Without br_netfilter pods do not reach services, and names are not found; overlay is the images' file system.
$(printf '%s\n' "${modules[@]}")
TEXT
    for module in "${modules[@]}"; do
        if [[ -d "$root/sys/module/$module" ]]; then
            already "module $module is loaded"
        else
            change "load the module $module" modprobe "$module"
        fi
    done
}

setting_of() { cat "$root/proc/sys/${1//.//}" 2>/dev/null || true; }

kernel_settings() {
    local setting all=yes
    # The values that were there before go back with `stop`; recorded before the file, which would change them.
    for setting in "${settings[@]}"; do
        [[ "$(setting_of "$setting")" == 1 ]] && continue
        all=''
        [[ -z "$(setting_of "$setting")" ]] || record setting "$setting" "$(setting_of "$setting")"
    done
    put /etc/sysctl.d/90-gpiod-cluster.conf 644 <<TEXT
# Packets between pods pass the rules that make services work, and are forwarded.
$(printf '%s = 1\n' "${settings[@]}")
TEXT
    if [[ -n "$all" ]]; then
        already "the kernel forwards packets between pods"
    else
        change "let the kernel forward packets between pods" sysctl -p "$root/etc/sysctl.d/90-gpiod-cluster.conf"
    fi
}
