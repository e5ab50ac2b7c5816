#!/usr/bin/env bash
# A Kubernetes of two nodes on one machine: real programs, each node in namespaces of its own, nothing installed, nothing
# left behind.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/cluster/place.sh
. "$here/place.sh"

usage() {
    cat <<TEXT
usage: scripts/cluster/cluster.sh up [PROGRAMS]
       scripts/cluster/cluster.sh down
       scripts/cluster/cluster.sh kubectl ARGUMENT...
       scripts/cluster/cluster.sh node NODE COMMAND [ARGUMENT...]
       scripts/cluster/cluster.sh import ARCHIVE NAME TAG...
       scripts/cluster/cluster.sh restart-kubelet NODE

up               ends what is left of one before, and starts ${nodes[*]} and a control plane, as root: of the folder
                 PROGRAMS, such as kubernetes/server/bin of a release, or of what kubernetes.sh builds
down             ends it, whatever state it is in, and removes all that it made; 1 if something is left
kubectl          runs kubectl in its network, as its administrator
node             runs a command within a node: ctr --namespace k8s.io containers ls
import           gives the image of an OCI archive to each node, as NAME:TAG for each tag
restart-kubelet  ends a node's kubelet; it is started again, as a service manager does, and this waits for that

All its files are in $state; it is on no network but its own. runtime.sh has what Kubernetes runs on.
Needs root, control groups of version 1, kubectl, and what scripts/hardware/packages.sh cluster names.

exit status: 0 done, 1 something failed, 64 the arguments are wrong, 66 a program is not in the folder, 69 this machine
can not run it, 77 it must be root.
TEXT
}

say() { printf 'cluster: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# until_true SECONDS WHAT COMMAND...
until_true() {
    local end=$((SECONDS + $1)) what="$2"
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            say "waited in vain until $what; the last of its log, of which all is in $state/log:"
            tail -n 3 "$state"/log/*.log >&2
            exit 1
        fi
        sleep 0.2
    done
    say "$what after $SECONDS s"
}

check_machine() {
    ((EUID == 0)) || { say "it must be run by root"; exit 77; }
    [[ -n "$(members)" ]] || { say "this machine has no control groups of version 1: give a cluster by KUBECONFIG"; exit 69; }
    command -v kubectl >/dev/null || { say "kubectl is missing: any of 1.27 or newer will do"; exit 69; }
    "$here/../hardware/packages.sh" cluster >&2 || exit 69
}

# All processes of the cluster, whoever started them and whatever became of those.
processes() { find "$(members)" -name cgroup.procs -exec cat {} + 2>/dev/null || true; }

end_all() {
    local hierarchy node found
    for _ in {1..50}; do
        found="$(processes)"
        [[ -n "$found" ]] || break
        # Nothing of it is worth an orderly end. Some may start others meanwhile, so once more.
        # shellcheck disable=SC2086
        kill -KILL $found 2>/dev/null || true
        sleep 0.1
    done
    # A control group goes only when the kernel has done with its processes.
    for hierarchy in $(hierarchies); do
        for _ in {1..50}; do
            [[ -d "$hierarchy/$group" ]] || break
            find "$hierarchy/$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
        done
    done
    for node in control "${nodes[@]}"; do
        [[ ! -e "/run/netns/$(network_of "$node")" ]] || ip netns delete "$(network_of "$node")"
    done
    # ip makes this folder a mount of its own when it is used for the first time.
    if [[ -d /run/netns && -z "$(ls -A /run/netns)" ]]; then
        ! mountpoint --quiet /run/netns || umount /run/netns
        rmdir /run/netns 2>/dev/null || true
    fi
    rm -rf --one-file-system "$state"
}

# What is here of a cluster, one a line.
remains() {
    local hierarchy pid
    for pid in $(processes); do
        echo "process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    done
    for hierarchy in $(hierarchies); do
        [[ ! -d "$hierarchy/$group" ]] || echo "control group $hierarchy/$group"
    done
    ip netns list | sed -n 's/^\(gpiod-[a-z0-9-]*\).*/network \1/p'
    grep -F "$state" /proc/self/mounts || true
    [[ ! -e "$state" ]] || echo "files in $state"
}

networks() {
    local node other bridge=nodes
    for node in control "${nodes[@]}"; do
        ip netns add "$(network_of "$node")"
        in_network "$node" ip link set lo up
        in_network "$node" sysctl --quiet --write net.ipv4.ip_forward=1
    done
    in_network control ip link add "$bridge" type bridge
    in_network control ip address add "$control/24" dev "$bridge"
    in_network control ip link set "$bridge" up
    for node in "${nodes[@]}"; do
        in_network control ip link add "$node" type veth peer name eth0 netns "$(network_of "$node")"
        in_network control ip link set "$node" master "$bridge" up
        in_network "$node" ip address add "$(address_of "$node")/24" dev eth0
        in_network "$node" ip link set eth0 up
        in_network "$node" ip route add default via "$control"
        in_network control ip route add "$(pods_of "$node")" via "$(address_of "$node")"
    done
    for node in "${nodes[@]}"; do
        for other in "${nodes[@]}"; do
            [[ "$node" == "$other" ]] || in_network "$node" ip route add "$(pods_of "$other")" via "$(address_of "$other")"
        done
    done
}

# Groups for the programs and for each node's pods, in every tree. New ones of cpuset may use nothing until they are told.
control_groups() {
    local hierarchy folder setting
    for hierarchy in $(hierarchies); do
        for folder in "" "${nodes[@]/#//}"; do
            mkdir -p "$hierarchy/$group$folder"
            for setting in cpuset.cpus cpuset.mems; do
                [[ ! -e "$hierarchy/$setting" ]] || cat "$hierarchy/$setting" >"$hierarchy/$group$folder/$setting"
            done
        done
    done
    mkdir -p "$(members)/programs"
}

# start NAME COMMAND...: on its own, with a log.
start() {
    local name="$1"
    shift
    (
        echo "$BASHPID" >"$(members)/programs/cgroup.procs"
        exec setsid "$@" </dev/null >"$state/log/$name.log" 2>&1 9>&-
    ) &
}
start_in_control() {
    local name="$1"
    shift
    start "$name" nsenter --net="/run/netns/$(network_of control)" -- "$@"
}

# The image of the process that holds a pod's namespaces: its program and nothing else, as `docker save` would write it.
pause_image() {
    local work="$state/pause"
    mkdir -p "$work"
    tar --create --file "$work/layer.tar" --directory "$runtime/usr/bin" --owner 0 --group 0 --mode 755 catatonit
    cat >"$work/config.json" <<TEXT
{"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/catatonit", "-P"], "User": "65535:65535"},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$(sha256sum <"$work/layer.tar" | cut -d ' ' -f 1)"]}}
TEXT
    echo '[{"Config": "config.json", "RepoTags": ["localhost/pause:1"], "Layers": ["layer.tar"]}]' >"$work/manifest.json"
    tar --create --file "$state/pause.tar" --directory "$work" manifest.json config.json layer.tar
}

kubectl_here() { in_network control kubectl --kubeconfig "$state/certificates/admin.conf" --cache-dir "$state/kubectl" "$@"; }

# programs [FOLDER]: where those of Kubernetes are.
programs() {
    local folder program
    [[ -n "$1" ]] || { "$here/kubernetes.sh" || exit 69; return; }
    folder="$(realpath -- "$1")"
    case "$folder/" in
        # Nodes have their own of these.
        /run/* | /var/lib/* | /var/log/* | /etc/*) say "nodes do not see $folder: it must be elsewhere"; exit 64 ;;
    esac
    for program in kube-apiserver kube-controller-manager kube-scheduler kubelet; do
        [[ -x "$folder/$program" ]] || { say "there is no program $folder/$program"; exit 66; }
    done
    echo "$folder"
}

up() {
    local kubernetes runtime keys="$state/certificates" node
    check_machine
    kubernetes="$(programs "${1-}")" || exit
    runtime="$("$here/runtime.sh")" || exit 69
    SECONDS=0
    end_all
    # Before anything is in it, since the folder above is everybody's.
    mkdir --mode 700 "$state"
    mkdir "$state/log"
    echo "$kubernetes:$runtime/usr/bin:$runtime/usr/sbin" >"$state/path"
    echo "$runtime/usr/lib/cni" >"$state/networks"
    networks
    control_groups
    pause_image
    "$here/certificates.sh" "$keys"
    say "networks, control groups and certificates are made after $SECONDS s"

    start_in_control etcd "$runtime/usr/bin/etcd" --data-dir "$state/etcd" --unsafe-no-fsync \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
    start_in_control apiserver "$kubernetes/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
        --advertise-address "$control" --bind-address 0.0.0.0 --secure-port 6443 --service-cluster-ip-range 10.96.0.0/16 \
        --tls-cert-file "$keys/apiserver.crt" --tls-private-key-file "$keys/apiserver.key" --client-ca-file "$keys/ca.crt" \
        --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true \
        --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$keys/accounts.pub" \
        --service-account-signing-key-file "$keys/accounts.key" --cert-dir "$state/apiserver" \
        --kubelet-client-certificate "$keys/kubelet-client.crt" --kubelet-client-key "$keys/kubelet-client.key" \
        --kubelet-certificate-authority "$keys/ca.crt" --kubelet-preferred-address-types InternalIP
    # Containers' daemons can begin meanwhile, and kubelets wait for the API by themselves.
    for node in "${nodes[@]}"; do
        mkdir "$state/$node"
        start "$node" nsenter --net="/run/netns/$(network_of "$node")" -- unshare --mount --uts --propagation private -- "$here/node.sh" "$node"
    done
    until_true 120 "the API answers" kubectl_here get --raw /readyz
    start_in_control controller-manager "$kubernetes/kube-controller-manager" --kubeconfig "$keys/controller-manager.conf" \
        --authentication-kubeconfig "$keys/controller-manager.conf" --authorization-kubeconfig "$keys/controller-manager.conf" \
        --service-account-private-key-file "$keys/accounts.key" --root-ca-file "$keys/ca.crt" --use-service-account-credentials \
        --leader-elect=false --bind-address 127.0.0.1 --cert-dir "$state/controller-manager"
    start_in_control scheduler "$kubernetes/kube-scheduler" --kubeconfig "$keys/scheduler.conf" \
        --authentication-kubeconfig "$keys/scheduler.conf" --authorization-kubeconfig "$keys/scheduler.conf" \
        --leader-elect=false --bind-address 127.0.0.1 --cert-dir "$state/scheduler"
    for node in "${nodes[@]}"; do
        until_true 120 "$node is known" kubectl_here get node "$node"
    done
    until_true 120 "both are ready" kubectl_here wait --for condition=Ready node --all --timeout 5s
    # Without it no pod is let in.
    until_true 60 "pods are let in" kubectl_here get serviceaccount default
}

down() {
    local left
    ((EUID == 0)) || { say "it must be run by root"; exit 77; }
    [[ -n "$(members)" ]] || return 0
    SECONDS=0
    end_all
    left="$(remains)"
    if [[ -n "$left" ]]; then
        say "left behind:"
        echo "$left" >&2
        exit 1
    fi
    say "ended within $SECONDS s, nothing is left"
}

import() {
    local archive="$1" name="$2" node tag
    shift 2
    local wanted
    for node in "${nodes[@]}"; do
        # Archives name their image by its version alone.
        in_node "$node" ctr --namespace k8s.io images import --base-name "$name" "$archive" >/dev/null
        tag="$(in_node "$node" ctr --namespace k8s.io images ls --quiet | grep -F "$name:" | head -n 1)"
        for wanted in "$@"; do
            [[ "$tag" == "$name:$wanted" ]] ||
                in_node "$node" ctr --namespace k8s.io images tag --force "$tag" "$name:$wanted" >/dev/null
        done
    done
}

restart_kubelet() {
    local node="$1" pid
    pid="$(cat "$state/$node/kubelet.pid")"
    kill "$pid"
    until_true 60 "$node has a new kubelet" new_kubelet "$node" "$pid"
}
new_kubelet() { [[ "$(cat "$state/$1/kubelet.pid")" != "$2" ]] && in_node "$1" grep -q . "/proc/$(cat "$state/$1/kubelet.pid")/cmdline"; }

case "${1-}:$#" in
    -h:1 | --help:1) usage ;;
    up:1 | up:2) up "${2-}" ;;
    down:1) down ;;
    kubectl:*) shift; kubectl_here "$@" ;;
    node:[012]) usage >&2; exit 64 ;;
    node:*) in_node "${@:2}" ;;
    import:[0123]) usage >&2; exit 64 ;;
    import:*) import "${@:2}" ;;
    restart-kubelet:2) restart_kubelet "$2" ;;
    *) usage >&2; exit 64 ;;
esac
