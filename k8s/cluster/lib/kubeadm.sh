# shellcheck shell=bash disable=SC2034,SC2154
# kubeadm's way: its packages, the first node, further nodes.

kubernetes_source() {
    apt_source kubernetes "${kubernetes_source#https://}" "${kubernetes_source}Release.key" "$kubernetes_key" <<TEXT
Types: deb
URIs: $kubernetes_source
Suites: /
Signed-By: /etc/apt/keyrings/gpiod-cluster-kubernetes.asc
TEXT
}

kubernetes_packages() {
    printf '%s\n' "kubeadm=$kubernetes_package" "kubelet=$kubernetes_package" "kubectl=$kubernetes_package"
}

# not_moved: an installed version is changed by `upgrade` alone, which knows the order of machines.
not_moved() {
    local package found
    for package in kubeadm kubelet kubectl; do
        found="$(installed_version "$package")"
        [[ -z "$found" || "$found" == "$kubernetes_package" ]] || refuse 75 "$package $found is installed, and versions.sh has $kubernetes_package" \
            "To bring this machine there: sudo $0 upgrade"
    done
}

kubeadm_runtime() {
    local packages
    not_moved
    need_tools ca-certificates curl gpg
    containerd_source
    kubernetes_source
    # What these programs fill while they run; theirs alone if it was not there before.
    for tree in /etc/containerd /var/lib/containerd /opt/cni /etc/cni /var/lib/cni /etc/kubernetes /var/lib/kubelet /var/lib/etcd; do
        own_tree "$tree"
    done
    mapfile -t packages < <(containerd_wanted; kubernetes_packages)
    packages_at "${packages[@]}"
    containerd_configured
}

# init_file NAME: the kubelet's part reaches every node that joins, in the cluster's own ConfigMap.
init_file() {
    put /var/lib/gpiod-cluster/init.yaml 644 <<TEXT
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  name: $1
  criSocket: $container_socket
${option[small]:+  ignorePreflightErrors: [Mem]
}${option[address]:+localAPIEndpoint:
  advertiseAddress: ${option[address]}
}# kubeadm makes a first token; nobody is told it. "cluster invite" makes those that are used.
bootstrapTokens:
  - ttl: 1h0m0s
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: gpiod
kubernetesVersion: v$kubernetes_version
networking:
  podSubnet: 10.244.0.0/16
apiServer:
  # The names by which a kubeconfig on another machine may find it.
  certSANs: [$1, $1.local]
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
# Raspberry Pi OS has compressed swap in memory: it may stay, and pods get none of it.
failSwapOn: false
memorySwap:
  swapBehavior: NoSwap
TEXT
}

reset_kubeadm() { kubeadm reset --force --cri-socket "$container_socket"; }

kubeadm_control_plane() {
    local name="$1"
    if recorded phase initialised; then
        already "the control plane is made"
        return
    fi
    if recorded phase initialising; then
        # It never was a cluster: nothing in it is worth keeping, and kubeadm starts only on clean ground.
        change "clear away what an interrupted run left" reset_kubeadm
    elif [[ -e "$root/etc/kubernetes/admin.conf" || -e "$root/etc/kubernetes/kubelet.conf" ]]; then
        refuse 75 "this machine is a node already, and not by this program" "To begin anew, if nobody needs it: sudo kubeadm reset"
    fi
    init_file "$name"
    change "fetch the images of the control plane (minutes)" kubeadm config images pull --config "$root/var/lib/gpiod-cluster/init.yaml"
    record phase initialising
    change "make the control plane (minutes)" kubeadm init --config "$root/var/lib/gpiod-cluster/init.yaml" --skip-token-print
    record phase initialised
    save_record
    forget phase initialising
}

# kubeadm_join NAME: by a file that only root reads, as arguments are there for everybody on the machine to see.
kubeadm_join() {
    local name="$1" file="$state/join.yaml"
    if recorded phase joining; then
        change "clear away what an interrupted run left" reset_kubeadm
    elif [[ -e "$root/etc/kubernetes/kubelet.conf" ]]; then
        refuse 75 "this machine is a node already, and not by this program" "To begin anew, if nobody needs it: sudo kubeadm reset"
    fi
    record phase joining
    if [[ "$mode" == act ]]; then
        replace "$file" 600 <<TEXT
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: ${invitation[server]}
    token: ${invitation[token]}
    # Who answers there must have this key, or is not the cluster.
    caCertHashes: ["${invitation[ca]}"]
nodeRegistration:
  name: $name
  criSocket: $container_socket
${option[label]:+  kubeletExtraArgs:
    - name: node-labels
      value: device=raspberry
}
TEXT
    fi
    change "join the cluster at ${invitation[server]}" kubeadm join --config "$file"
    rm -f "$file"
}
