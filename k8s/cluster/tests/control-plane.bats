#!/usr/bin/env bats
# The control plane: by kubeadm on both systems, by k3s, twice, interrupted anywhere, and refused where it can not be.

bats_require_minimum_version 1.5.0
load machine

@test "a control plane is made, and a second run changes nothing" {
    for system in bookworm trixie; do
        pi_that_started "$system" "$system"
        SUDO_USER=pi run ours control-plane
        ended_with 0
        [[ -e "$CLUSTER_ROOT/etc/kubernetes/admin.conf" ]]
        grep -q "containerd.io 2.3.6-1~debian.*~$system" "$FAKE/packages"
        [[ "$(stat -c %a "$CLUSTER_ROOT/home/pi/.kube/config")" == 600 ]]
        before="$(everything)"
        forget_changes
        SUDO_USER=pi run ours control-plane
        ended_with 0
        says_not ' done '
        [[ "$(changes_made)" == 0 ]] || fail_with "the second run did" "$(cat "$FAKE/changes")"
        [[ "$(everything)" == "$before" ]]
        SUDO_USER=pi run ours control-plane --check
        ended_with 0
        rm -rf "$FAKE_CLUSTER"
    done
}

@test "runs that lose their power again and again, anywhere, end where one that did not ends" {
    pi_that_started whole trixie
    run ours control-plane --pods-here
    ended_with 0
    whole="$(everything | grep -v -e /record -e /before/)"
    rm -rf "$FAKE_CLUSTER"
    pi_that_started broken trixie
    echo whole >"$FAKE/hostname"
    power_fails control-plane --pods-here
    after="$(everything | grep -v -e /record -e /before/)"
    [[ "$after" == "$whole" ]] || fail_with "$(diff <(echo "$whole") <(echo "$after"))"
}

@test "a kubeadm init that did not come to its end, or not into the record, is cleared away and done anew" {
    pi_that_started whole trixie
    run ours control-plane
    at="$(grep -n '^kubeadm init' "$FAKE/changes" | cut -d : -f 1)"
    for kind in FAKE_KILL_AT FAKE_KILL_AFTER; do
        rm -rf "$FAKE_CLUSTER" "$FAKE_FLEET/broken"
        pi_that_started broken trixie
        export "$kind=$at"
        run ours control-plane
        unset "$kind"
        ended_with 137
        [[ -e "$CLUSTER_ROOT/etc/kubernetes/manifests" ]]
        run ours control-plane
        ended_with 0
        says 'clear away what an interrupted run left'
    done
}

@test "what it would do is said and not done with --dry-run, and --check ends with 1 while something is missing" {
    machine pi bookworm
    before="$(everything)"
    FAKE_UID=1000 run ours control-plane --dry-run
    ended_with 0
    says 'would'
    says 'cgroup_enable=memory'
    says '$ kubeadm init --config'
    says '$ apt-get --no-install-recommends'
    says_not 'fetch_key'
    says '| net.ipv4.ip_forward = 1'
    FAKE_UID=1000 run ours control-plane --check
    ended_with 1
    says 'to do'
    [[ "$(everything)" == "$before" ]]
    [[ "$(changes_made)" == 0 ]]
}

@test "a 32-bit system is refused kubeadm, with the way to k3s, and gets k3s" {
    pi_that_started pi bookworm armhf 'Raspberry Pi 2 Model B Rev 1.1'
    run ours control-plane
    ended_with 69
    says 'kubeadm is not to be had for a 32-bit system'
    says '--backend k3s'
    [[ "$(changes_made)" == 0 ]]
    run ours control-plane --backend k3s
    ended_with 0
    says 'the list of its own release'
    before="$(everything)"
    forget_changes
    run ours control-plane
    ended_with 0
    [[ "$(changes_made)" == 0 ]] || fail_with "the second run did" "$(cat "$FAKE/changes")"
    [[ "$(everything)" == "$before" ]]
}

@test "k3s that is not what its sum says is never run" {
    pi_that_started pi trixie
    echo '# and something more' >>"$FAKE/web/k3s-arm64"
    run ours control-plane --backend k3s
    ended_with 1
    says 'was thrown away'
    [[ ! -e "$CLUSTER_ROOT/usr/local/bin/k3s" ]]
    cp "$FAKE/web/k3s" "$FAKE/web/k3s-arm64"
    run ours control-plane
    ended_with 0
    [[ -e "$FAKE/units/k3s.service.active" ]]
    [[ "$(stat -c %a "$CLUSTER_ROOT/etc/rancher/k3s/config.yaml")" == 600 ]]
}

@test "a package source with another key is not trusted" {
    pi_that_started pi trixie
    echo 'key 0000000000000000000000000000000000000000 4102444800' >"$FAKE/web/Release.key"
    run ours control-plane
    ended_with 1
    says 'is not the one that versions.sh names'
    [[ ! -e "$CLUSTER_ROOT/etc/apt/keyrings/gpiod-cluster-kubernetes.asc" ]]
    [[ ! -e "$CLUSTER_ROOT/etc/apt/sources.list.d/gpiod-cluster-kubernetes.sources" ]]
}

@test "the owner's own source of Docker's packages is used, since two with different keys make apt refuse both" {
    pi_that_started pi trixie
    echo 'deb [signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian trixie stable' \
        >"$CLUSTER_ROOT/etc/apt/sources.list.d/docker.list"
    run ours runtime
    ended_with 0
    says 'docker.list has docker'
    [[ ! -e "$CLUSTER_ROOT/etc/apt/sources.list.d/gpiod-cluster-docker.sources" ]]
}

@test "a source of Docker's packages that is turned off is none of the owner's" {
    pi_that_started pi trixie
    sources="$CLUSTER_ROOT/etc/apt/sources.list.d"
    echo '# deb https://download.docker.com/linux/debian bookworm stable # disabled on upgrade to trixie' >"$sources/docker.list"
    cp "$sources/docker.list" "$sources/docker.list.distUpgrade"
    echo 'deb https://download.docker.com/linux/debian bookworm stable' >"$sources/docker.list.save"
    printf 'Types: deb\nURIs: http://deb.debian.org/debian\n\n# URIs: https://download.docker.com/linux/debian\n\nenabled: No\nTypes: deb\nURIs: https://download.docker.com/linux/debian\n' \
        >"$sources/docker.sources"
    run ours runtime
    ended_with 0
    says_not 'has docker'
    [[ -e "$sources/gpiod-cluster-docker.sources" ]]
    run ours stop --yes
    ended_with 0
    printf '\nEnabled: yes\nTypes: deb\nURIs: https://download.docker.com/linux/debian\n' >>"$sources/docker.sources"
    run ours runtime
    ended_with 0
    says 'docker.sources has docker'
    [[ ! -e "$sources/gpiod-cluster-docker.sources" ]]
}

@test "a containerd.io of the owner's is used as it is, never moved or held, and goes on as before after stop" {
    pi_that_started pi trixie
    printf '%s\n' 'containerd.io 2.9.1-1~debian.13~trixie' 'docker-ce 5:30.0' >>"$FAKE/packages"
    echo 'docker-ce containerd.io' >"$FAKE/needs"
    mkdir -p "$CLUSTER_ROOT/etc/containerd" "$CLUSTER_ROOT/var/lib/containerd"
    echo 'disabled_plugins = ["cri"]' >"$CLUSTER_ROOT/etc/containerd/config.toml"
    touch "$FAKE/units/containerd.service.active" "$CLUSTER_ROOT/var/lib/containerd/theirs"
    run ours control-plane
    ended_with 0
    says 'containerd.io 2.9.1-1~debian.13~trixie is here already, and is used as it is'
    grep -q SystemdCgroup "$CLUSTER_ROOT/etc/containerd/config.toml"
    [[ ! -e "$CLUSTER_ROOT/etc/apt/sources.list.d/gpiod-cluster-docker.sources" ]]
    run ours upgrade
    ended_with 0
    grep -qx 'containerd.io 2.9.1-1~debian.13~trixie' "$FAKE/packages"
    run ! grep -qx containerd.io "$FAKE/holds"
    forget_changes
    run ours stop --yes
    ended_with 0
    [[ "$(sort "$FAKE/packages")" == "$(printf '%s\n' 'ca-certificates 1.0' 'containerd.io 2.9.1-1~debian.13~trixie' 'curl 1.0' 'docker-ce 5:30.0')" ]] ||
        fail_with "$(cat "$FAKE/packages")"
    [[ "$(cat "$CLUSTER_ROOT/etc/containerd/config.toml")" == 'disabled_plugins = ["cri"]' ]]
    [[ -e "$CLUSTER_ROOT/var/lib/containerd/theirs" ]]
    grep -qx 'systemctl restart containerd.service' "$FAKE/changes"
}

@test "a containerd.io of the owner's that is too old is refused, and stays" {
    pi_that_started pi bookworm
    echo 'containerd.io 1.7.28-1~debian.12~bookworm' >>"$FAKE/packages"
    run ours runtime
    ended_with 69
    says '1.7.28-1~debian.12~bookworm, too old'
    grep -qx 'containerd.io 1.7.28-1~debian.12~bookworm' "$FAKE/packages"
}

@test "Debian's own runtime is not pushed off a machine" {
    pi_that_started pi bookworm
    echo 'docker.io 20.10' >>"$FAKE/packages"
    run ours runtime
    ended_with 69
    says 'would remove it'
    [[ "$(grep -c . "$FAKE/packages")" == 4 ]] # gpg came, nothing went
}

@test "a failing program ends the run with its own words, and the next run goes on" {
    pi_that_started pi trixie
    FAKE_FAIL='kubeadm init*' run ours control-plane
    ended_with 1
    says 'this fails, as the test wants it'
    says 'could not make the control plane'
    run ours control-plane
    ended_with 0
    says 'clear away what an interrupted run left'
}

@test "too little memory, a node of somebody else and an owner's kubeconfig are respected" {
    pi_that_started pi trixie
    echo 'MemTotal: 900000 kB' >"$CLUSTER_ROOT/proc/meminfo"
    run ours control-plane
    ended_with 69
    says 'a good agent'
    mkdir -p "$CLUSTER_ROOT/etc/kubernetes" "$CLUSTER_ROOT/home/pi/.kube"
    echo theirs >"$CLUSTER_ROOT/etc/kubernetes/admin.conf"
    run ours control-plane --small
    ended_with 75
    says 'not by this program'
    rm -r "$CLUSTER_ROOT/etc/kubernetes"
    echo mine >"$CLUSTER_ROOT/home/pi/.kube/config"
    SUDO_USER=pi run ours control-plane --small
    ended_with 0
    says 'is there already and stays'
    [[ "$(cat "$CLUSTER_ROOT/home/pi/.kube/config")" == mine ]]
    grep -q 'ignorePreflightErrors: \[Mem\]' "$CLUSTER_ROOT/var/lib/gpiod-cluster/init.yaml"
}
