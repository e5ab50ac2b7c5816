# shellcheck shell=bash disable=SC2034,SC2154
# What this machine is: architecture, system, model, memory; and what it must be.

architecture=''

# architecture: as packages call it: arm64, armhf, amd64.
architecture() {
    [[ -n "$architecture" ]] || architecture="$(dpkg --print-architecture)"
    printf '%s\n' "$architecture"
}

# os_release KEY: a value of /etc/os-release, which is not run as a script here.
os_release() {
    local key value
    while IFS='=' read -r key value; do
        [[ "$key" == "$1" ]] || continue
        value="${value%\"}"
        printf '%s\n' "${value#\"}"
        return
    done <"$root/etc/os-release"
}

# model: "Raspberry Pi 4 Model B Rev 1.5", or nothing on another machine. The file ends with a null.
model() { tr -d '\0' <"$root/proc/device-tree/model" 2>/dev/null || true; }

memory_mb() { awk '/^MemTotal:/ { print int($2 / 1024) }' "$root/proc/meminfo"; }

need_root() {
    [[ "$mode" == act ]] || return 0
    [[ "$(id -u)" == 0 ]] || refuse 77 "this changes the system and needs root" "Run: sudo $0 $verb ${given[*]-}"
}

# Where only root writes: in /run/lock anybody could hold it, or have laid a link there.
lock=/run/gpiod-cluster.lock

# one_at_a_time: two runs at once would spoil the record for each other. Held until this program ends.
one_at_a_time() {
    [[ "$mode" == act ]] || return 0
    mkdir -p "$root/run"
    exec 8>"$root$lock"
    flock --nonblock 8 || refuse 75 "another run of this program is at work on this machine" \
        "Wait for it; if it hangs, it is: fuser -v $lock"
    load_record
    clear_halves
}

# node_name: what the node is called in the cluster: --name, else what it was called before, else the machine's name.
node_name() {
    local name
    name="${option[name]:-$(last_of_record node)}"
    name="${name:-$(hostname | tr '[:upper:]' '[:lower:]')}"
    [[ ${#name} -le 63 && "$name" =~ ^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$ ]] || refuse 65 "$name can not be a node's name" \
        "It is letters, digits, - and . : say another one with --name, or: sudo hostnamectl set-hostname pi-1"
    printf '%s\n' "$name"
}

# need_system BACKEND: refuses what can not be, with the way that there is.
need_system() {
    local codename id
    command -v dpkg >/dev/null || refuse 69 "this system has no dpkg" \
        "These scripts are for Raspberry Pi OS and Debian. Elsewhere: https://docs.k3s.io/quick-start"
    architecture >/dev/null
    id="$(os_release ID)" codename="$(os_release VERSION_CODENAME)"
    case "$1:$architecture" in
        kubeadm:arm64 | kubeadm:amd64 | k3s:arm64 | k3s:amd64 | k3s:armhf) ;;
        kubeadm:armhf)
            refuse 69 "kubeadm is not to be had for a 32-bit system ($architecture)" \
                "Kubernetes has had no programs for 32-bit ARM since 1.27. Two ways out:" \
                "  - a cluster of k3s, which has: on all machines, say --backend k3s" \
                "  - a 64-bit Raspberry Pi OS on this board (Pi 3, 4, 5, Zero 2)"
            ;;
        *) refuse 69 "neither Kubernetes nor k3s is to be had for $architecture here" "They are for arm64 and amd64; k3s for armhf, too." ;;
    esac
    [[ "$1" == kubeadm ]] || return 0
    case "$id:$codename" in
        debian:bookworm | debian:trixie) ;;
        *)
            refuse 69 "no containerd 2 is known for ${id:-this system} ${codename:-}" \
                "Raspberry Pi OS and Debian, Bookworm (12) and Trixie (13), have it. On others: --backend k3s"
            ;;
    esac
}

# need_control_plane_memory BACKEND: kubeadm refuses less by itself, in its own words; k3s starts, and dies later.
need_control_plane_memory() {
    local have
    have="$(memory_mb)"
    ((have < 1700)) || return 0
    [[ -z "${option[small]-}" ]] || { warn "$have MB of memory is little for a control plane: --small lets it be"; return 0; }
    refuse 69 "$have MB of memory are too few for a control plane, which needs 1700" \
        "A board of 1 GB makes a good agent: make the control plane on another machine, a laptop or server will do." \
        "--small tries it all the same."
}
