# shellcheck shell=bash disable=SC2034,SC2154
# k3s: control plane, runtime and network in one program, for small boards and for 32-bit ones.

k3s="$root/usr/local/bin/k3s"

k3s_runtime() {
    local arch sum suffix=''
    arch="$(architecture)"
    case "$arch" in arm64) suffix=-arm64 ;; armhf) suffix=-armhf ;; esac
    if [[ -e "$k3s" ]] && ! recorded made /usr/local/bin/k3s; then
        refuse 75 "k3s is installed already, and not by this program" "To begin anew, if nobody needs it: sudo k3s-uninstall.sh or sudo k3s-agent-uninstall.sh"
    fi
    if [[ -e "$k3s" && -z "${upgrading-}" && "$(k3s_installed)" != "$k3s_version" ]]; then
        refuse 75 "k3s $(k3s_installed) is installed, and versions.sh has $k3s_version" "To bring this machine there: sudo $0 upgrade"
    fi
    need_tools ca-certificates curl
    for tree in /etc/rancher /var/lib/rancher /var/lib/kubelet /etc/cni /var/lib/cni; do
        own_tree "$tree"
    done
    sum="k3s_sha256_$arch"
    sum="${!sum}"
    if [[ -n "$sum" ]]; then
        have_file "k3s $k3s_version" "$k3s_release/k3s$suffix" "$sum" /usr/local/bin/k3s 755
    else
        k3s_by_its_own_list "$suffix"
    fi
    k3s_changed="$have_changed"
    have_file "k3s's installer" "$k3s_installer" "$k3s_installer_sha256" /var/lib/gpiod-cluster/k3s-install.sh 644
}

k3s_installed() { "$k3s" --version 2>/dev/null | sed -n 's/^k3s version \([^ ]*\).*/\1/p' || true; }

# k3s_by_its_own_list SUFFIX: the sum is in the release itself.
k3s_by_its_own_list() {
    have_changed=''
    if [[ -e "$k3s" && "$(k3s_installed)" == "$k3s_version" ]]; then
        already "k3s $k3s_version is here"
        return
    fi
    have_changed=yes
    warn "for this architecture versions.sh has no sum: k3s is compared with the list of its own release"
    [[ "$mode" != act ]] || keep_before /usr/local/bin/k3s
    change "fetch k3s $k3s_version and compare its sum" fetch_by_list "k3s$1"
}

fetch_by_list() {
    local list="$state/k3s-sums$half" sum
    fetch "$k3s_release/sha256sum-arm.txt" "$list" || { rm -f "$list"; return 1; }
    sum="$(awk -v name="$1" '$2 == name { print $1 }' "$list")"
    rm -f "$list"
    [[ "$sum" =~ ^[0-9a-f]{64}$ ]] || { echo "the release's list has no sum of $1" >&2; return 1; }
    record wrote /usr/local/bin/k3s "$sum"
    save_record
    fetch_verified "$k3s_release/$1" "$sum" /usr/local/bin/k3s 755
}

# k3s_service server|agent: the unit, by k3s's own installer, which fetches nothing here. It also writes the clean-up
# that `stop` uses.
k3s_service() {
    local role="$1" unit='k3s.service'
    [[ "$role" == server ]] || unit='k3s-agent.service'
    if [[ -e "$root/etc/systemd/system/$unit" ]]; then
        already "$unit is there"
    else
        record phase "k3s-$role"
        change "make $unit" env INSTALL_K3S_SKIP_DOWNLOAD=true INSTALL_K3S_SKIP_START=true INSTALL_K3S_EXEC="$role" \
            sh "$state/k3s-install.sh"
    fi
    if [[ -n "$put_changed$k3s_changed" ]] || ! systemctl is-active --quiet "$unit" 2>/dev/null; then
        change "start $unit (minutes, the first time)" systemctl restart "$unit"
    else
        already "$unit runs"
    fi
}

k3s_control_plane() {
    put /etc/rancher/k3s/config.yaml 600 <<TEXT
# Written by k8s/cluster/cluster of gpiod. What small boards seldom need is left out; services are reached by NodePort.
node-name: $1
tls-san: [$1, $1.local]
write-kubeconfig-mode: "0600"
disable: [traefik, servicelb]
${option[address]:+node-ip: ${option[address]}
}
TEXT
    k3s_service server
}

# k3s_join NAME: the token in a file of its own that only root reads. It is of use once: after that the node shows its
# own certificate.
k3s_join() {
    put /etc/rancher/k3s/token 600 <<<"${invitation[token]}"
    put /etc/rancher/k3s/config.yaml 600 <<TEXT
# Written by k8s/cluster/cluster of gpiod.
server: ${invitation[server]}
token-file: /etc/rancher/k3s/token
node-name: $1
${option[label]:+node-label: [device=raspberry]
}
TEXT
    k3s_service agent
}

# without_iptables PROGRAM: k3s's clean-up throws away each rule with KUBE-, CNI- or flannel anywhere in it, be it in a
# comment of the owner's. Here it finds programs that do nothing in the place of iptables'; rules_undone does the work.
without_iptables() {
    local program nothing="$state/no-iptables"
    mkdir -p "$nothing" || return 1
    for program in {iptables,ip6tables}-{save,restore}; do
        printf '#!/bin/sh\n' >"$nothing/$program" && chmod 755 "$nothing/$program" || return 1
    done
    PATH="$nothing:$PATH" "$1"
}

# k3s_iptables: k3s has an iptables of its own for systems that have none: found last, and gone when k3s is.
k3s_iptables() {
    local folder
    for folder in "$root"/var/lib/rancher/k3s/data/*/bin{,/aux}; do
        [[ ! -d "$folder" ]] || PATH+=":$folder"
    done
}
