#!/usr/bin/env bash
# One node, in namespaces of network, mounts and host name that cluster.sh made for it: containerd and kubelet, until it
# is killed. What it changes of the machine's files, only this node sees.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/cluster/place.sh
. "$here/place.sh"

node="$1"
own="$state/$node"
hostname "$node"

# Places of its own where Kubernetes, containers and the manifests' hostPath volumes write.
mkdir -p "$own"/{lib,log,etc,etc-work,containerd,networks,settings,manifests,plugins,sysctl}
mount -t tmpfs -o mode=755 node-run /run
mount --bind "$own/lib" /var/lib
mount --bind "$own/log" /var/log
mount -t overlay -o "lowerdir=/etc,upperdir=$own/etc,workdir=$own/etc-work" node-etc /etc
mkdir -p /var/lib/{kubelet,cni}
# The kubelet would set these for the whole machine; it is shown that they are set.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file="$own/sysctl/$(tr / _ <<<"${setting%=*}")"
    echo "${setting#*=}" >"$file"
    mount --bind "$file" "/proc/sys/${setting%=*}"
done
mount --make-rshared /

cat >"$own/networks/10-gpiod.conflist" <<TEXT
{"cniVersion": "0.4.0", "name": "gpiod", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$(pods_of "$node")"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
TEXT
# A machine may lack the right to make processes less likely to be killed for memory (CAP_SYS_RESOURCE), so nobody tries.
cat >"$own/settings/containerd.toml" <<TEXT
version = 2
root = "$own/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt",
]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:1"
disable_apparmor = true
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "$(cat "$state/networks")"
conf_dir = "$own/networks"
[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
TEXT
echo "nameserver 10.96.0.10" >"$own/settings/resolv.conf"
PATH="$(cat "$state/path"):$PATH"
export PATH
# "Kubernetes v1.20.2"
minor="$(kubelet --version | sed 's/^Kubernetes v1\.\([0-9]*\).*/\1/')"
# Control groups of version 1 are what this machine has; from 1.35 on a kubelet has to be told that they will do.
old_groups=
((minor < 31)) || old_groups="failCgroupV1: false"
# Until 1.26 it has to be told that its containers are not Docker's.
runtime=()
((minor > 26)) || runtime=(--container-runtime remote)
cat >"$own/settings/kubelet.yaml" <<TEXT
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(address_of "$node")
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $state/certificates/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $state/certificates/$node.crt
tlsPrivateKeyFile: $state/certificates/$node.key
cgroupDriver: cgroupfs
cgroupRoot: /$group/$node
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
staticPodPath: $own/manifests
volumePluginDir: $own/plugins
clusterDomain: cluster.local
clusterDNS: ["10.96.0.10"]
resolvConf: $own/settings/resolv.conf
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
nodeStatusUpdateFrequency: 5s
$old_groups
TEXT

containerd --config "$own/settings/containerd.toml" >"$state/log/containerd-$node.log" 2>&1 &
until ctr version >/dev/null 2>&1; do sleep 0.2; done
ctr --namespace k8s.io images import "$state/pause.tar" >/dev/null
echo "$$" >"$own/pid"

# As a service manager does: whoever ends the kubelet has a new one a second later.
while :; do
    kubelet --config "$own/settings/kubelet.yaml" --kubeconfig "$state/certificates/$node.conf" --hostname-override "$node" \
        --node-ip "$(address_of "$node")" --cert-dir "$own/kubelet-certificates" \
        "${runtime[@]}" --container-runtime-endpoint unix:///run/containerd/containerd.sock \
        >>"$state/log/kubelet-$node.log" 2>&1 &
    echo "$!" >"$own/kubelet.pid"
    wait "$!" || true
    sleep 1
done
