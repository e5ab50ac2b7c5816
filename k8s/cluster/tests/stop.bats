#!/usr/bin/env bats
# Stop: the machine is as it was, whatever was done before; what is the owner's stays.

bats_require_minimum_version 1.5.0
load machine

@test "a control plane is taken off again, and the machine is as it was" {
    for each in 'kubeadm bookworm' 'kubeadm trixie' 'k3s bookworm'; do
        read -r backend system <<<"$each"
        rm -rf "$BATS_TEST_TMPDIR"/{the-cluster,pi}
        machine pi "$system"
        rm -rf "${CLUSTER_ROOT:?}"/var/* # nothing but what the scripts make
        before="$(as_it_was)"
        run ours control-plane --backend "$backend" --swap off
        ended_with 79
        "$here/boot"
        SUDO_USER=pi run ours control-plane --swap off --pods-here
        ended_with 0
        run ours stop --yes
        ended_with 0
        after="$(as_it_was)"
        [[ "$after" == "$(without_our_rules "$before")" ]] ||
            fail_with "$backend on $system leaves" "$(diff <(without_our_rules "$before") <(echo "$after"))"
        forget_changes
        run ours stop --yes
        ended_with 0
        says 'nothing of a cluster of ours'
        [[ "$(changes_made)" == 0 ]]
    done
}

# The cluster's chains go; the swap in use comes back with the next start.
without_our_rules() { grep -v -e '^:KUBE' -e 'j KUBE' -e '^-A KUBE' -e '^root/proc/' <<<"$1"; }
as_it_was() { everything | grep -v -e '^root[^ ]*$' -e '^root/proc/' -e '^root/sys/'; }

@test "the owner's firewall stays, also where a rule of theirs speaks of the cluster" {
    for each in 'kubeadm trixie' 'k3s bookworm'; do
        read -r backend system <<<"$each"
        control_plane "$system" "$backend"
        sed -i 's/not KUBE-this/not KUBE-, CNI- or flannel/' "$FAKE/iptables"
        run ours stop --yes
        ended_with 0
        rules_of_the_owner
    done
}

rules_of_the_owner() {
    [[ "$(cat "$FAKE/iptables")" == $'*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -m comment --comment "not KUBE-, CNI- or flannel" -j ACCEPT\nCOMMIT' ]] ||
        fail_with "$(cat "$FAKE/iptables")"
    run ! grep -E 'iptables.* -[FX]' "$FAKE/calls"
}

@test "a file that somebody else changed since stays, and is named; one that was there before comes back" {
    pi_that_started pi trixie
    mkdir -p "$CLUSTER_ROOT/etc/containerd"
    echo '# mine' >"$CLUSTER_ROOT/etc/containerd/config.toml"
    run ours control-plane
    ended_with 0
    grep -q SystemdCgroup "$CLUSTER_ROOT/etc/containerd/config.toml"
    echo '# more' >>"$CLUSTER_ROOT/etc/sysctl.d/90-gpiod-cluster.conf"
    run ours stop --yes
    ended_with 0
    says '90-gpiod-cluster.conf was changed by somebody else since: it stays'
    [[ "$(cat "$CLUSTER_ROOT/etc/containerd/config.toml")" == '# mine' ]]
}

@test "packages that were there before stay, those that came go, with what came along" {
    pi_that_started pi trixie
    echo 'conntrack 1.0' >>"$FAKE/packages"
    run ours control-plane
    run ours stop --yes
    ended_with 0
    [[ "$(sort "$FAKE/packages")" == "$(printf '%s 1.0\n' ca-certificates conntrack curl)" ]] || fail_with "$(cat "$FAKE/packages")"
}

@test "a package that the owner's stand on by now stays, with its data, and is named" {
    for kill in '' FAKE_KILL_AFTER; do
        control_plane trixie kubeadm
        echo 'docker-ce 5:30.0' >>"$FAKE/packages"
        echo 'docker-ce containerd.io' >"$FAKE/needs"
        touch "$CLUSTER_ROOT/var/lib/containerd/theirs"
        before="$(everything)"
        run ours stop --dry-run
        ended_with 0
        says 'containerd.io stays: without it these of yours would go, too: docker-ce'
        [[ "$(everything)" == "$before" ]]
        if [[ -n "$kill" ]]; then
            run ours stop --yes
            at="$(grep -n '^apt-get.* remove' "$FAKE/changes" | cut -d : -f 1)"
            control_plane trixie kubeadm
            echo 'docker-ce 5:30.0' >>"$FAKE/packages"
            touch "$CLUSTER_ROOT/var/lib/containerd/theirs"
            echo 'docker-ce containerd.io' >"$FAKE/needs"
            FAKE_KILL_AFTER="$at" run ours stop --yes
            ended_with 137
        fi
        run ours stop --yes
        ended_with 0
        [[ "$(sed 's/ .*//' "$FAKE/packages" | sort | tr '\n' ' ')" == 'ca-certificates containerd.io curl docker-ce ' ]] || fail_with "$(cat "$FAKE/packages")"
        [[ -e "$CLUSTER_ROOT/var/lib/containerd/theirs" && ! -e "$CLUSTER_ROOT/etc/kubernetes" && ! -e "$CLUSTER_ROOT/opt/cni" ]]
        run ! grep -qx containerd.io "$FAKE/holds"
    done
}

# half_done PLACE: from now on the power fails while that file is being fetched or written, when it is there in half.
half_done() {
    export FAKE_HALF="$1"
    cat >"$FAKE/bin/curl" <<'TEXT'
#!/bin/bash
for ((i = 1; i < $#; i++)); do
    [[ "${!i}" != --output ]] || { next=$((i + 1)); file="${!next}"; }
done
[[ "$file" != *"$FAKE_HALF"* ]] || { echo half >"$file"; kill -KILL 0; }
exec "$FAKE_BIN/curl" "$@"
TEXT
    cat >"$FAKE/bin/sync" <<'TEXT'
#!/bin/bash
[[ "$*" != *"$FAKE_HALF"* ]] || kill -KILL 0
TEXT
    chmod +x "$FAKE/bin/curl" "$FAKE/bin/sync"
}
power_is_back() { rm "$FAKE/bin/curl" "$FAKE/bin/sync"; }

# halves: files in which somebody began to write, and a fetched or written file is not yet.
halves() { find "$CLUSTER_ROOT" -name '*new*'; }

@test "what was half fetched or half written goes with stop, and with the next run" {
    for each in 'prepare kubeadm /boot/firmware/cmdline.txt' 'prepare kubeadm /etc/modules-load.d/gpiod-cluster.conf' \
        'runtime kubeadm /etc/apt/keyrings/gpiod-cluster-kubernetes.asc' 'runtime k3s /usr/local/bin/k3s' \
        'runtime k3s k3s-sums' 'runtime k3s /var/lib/gpiod-cluster/k3s-install.sh'; do
        read -r verb backend place <<<"$each"
        for after in stop again; do
            rm -rf "$BATS_TEST_TMPDIR/pi"
            system=trixie architecture=arm64
            [[ "$place" != k3s-sums ]] || architecture=armhf
            if [[ "$place" == *cmdline* ]]; then machine pi "$system"; else pi_that_started pi "$system" "$architecture"; fi
            before="$(as_it_was | grep -v KUBE)"
            half_done "$place"
            run ours "$verb" --backend "$backend"
            ended_with 137
            [[ "$(halves | wc -l)" == 1 ]] || fail_with "$place: $(halves)"
            power_is_back
            if [[ "$after" == stop ]]; then
                run ours stop --yes
                ended_with 0
                [[ "$(as_it_was | grep -v KUBE)" == "$before" ]] || fail_with "$place leaves" "$(diff <(echo "$before") <(as_it_was | grep -v KUBE))"
            else
                run ours "$verb" --backend "$backend"
                [[ "$status" == 0 || "$status" == 79 ]] || fail_with "$status: $output"
            fi
            [[ -z "$(halves)" ]] || fail_with "$place: $(halves)"
        done
    done
}

@test "what a run began that lost its power is taken back, too" {
    pi_that_started pi trixie
    cp -a "$FAKE" "$BATS_TEST_TMPDIR/fresh"
    before="$(as_it_was | grep -v KUBE)"
    for ((at = 1; at <= 24; at += 4)); do
        rm -rf "$FAKE_CLUSTER" "$FAKE"
        mkdir -p "$FAKE_CLUSTER/nodes"
        cp -a "$BATS_TEST_TMPDIR/fresh" "$FAKE"
        FAKE_KILL_AFTER="$at" run ours control-plane
        [[ "$status" == 137 ]] || break
        run ours stop --yes
        ended_with 0
        [[ "$(as_it_was | grep -v KUBE)" == "$before" ]] ||
            fail_with "power failed at change $at" "$(diff <(echo "$before") <(as_it_was | grep -v KUBE))"
    done
    ((at > 12)) || fail_with "it was interrupted $at times only"
}

@test "stop that loses its power again and again, anywhere, ends where one that did not ends" {
    control_plane trixie kubeadm
    run ours stop --yes
    ended_with 0
    whole="$(as_it_was)"
    control_plane trixie kubeadm
    power_fails stop --yes
    [[ "$(as_it_was)" == "$whole" ]] || fail_with "$(diff <(echo "$whole") <(as_it_was))"
}

@test "nobody is surprised: it asks, says what it would do, and follows no record to a folder that is not its own" {
    pi_that_started pi trixie
    run ours prepare
    run ours stop
    ended_with 64
    says 'Say --yes'
    before="$(everything)"
    run ours stop --dry-run
    ended_with 0
    says 'would    remove /etc/modules-load.d/gpiod-cluster.conf'
    [[ "$(everything)" == "$before" ]]
    printf 'tree\t/home\nnonsense\tx\n' >>"$CLUSTER_ROOT/var/lib/gpiod-cluster/record"
    mkdir -p "$CLUSTER_ROOT/home"
    run ours stop --yes
    ended_with 0
    says 'this program never makes'
    says 'does not know'
    [[ -d "$CLUSTER_ROOT/home" ]]
}

@test "all nodes are drained first, and a dead API is no reason to stay" {
    control_plane trixie kubeadm
    mkdir -p "$FAKE_CLUSTER/nodes/pi-1"
    run ours stop --yes
    ended_with 0
    grep -q 'kubectl .*drain pi-1 --ignore-daemonsets --delete-emptydir-data --timeout=120s' "$FAKE/changes"
    grep -q 'delete node pi-1' "$FAKE/changes"
    says 'each of these needs a "sudo cluster stop" of its own: pi-1'
    [[ "$output" == *$'on each of these machines: sudo cluster stop\n   pi-1'* ]] || fail_with "$output"
    control_plane trixie kubeadm
    run ours stop --yes
    ended_with 0
    says_not 'on each of these machines'
    control_plane trixie kubeadm
    rm "$FAKE_CLUSTER/alive"
    run ours stop --yes
    ended_with 0
    says 'does not answer'
}
