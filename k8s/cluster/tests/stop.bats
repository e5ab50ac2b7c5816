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
        ended_with 75
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

# kubeadm's stop takes the cluster's chains; the swap in use comes back with the next start; k3s's own clean-up is false here.
without_our_rules() {
    if [[ "$backend" == kubeadm ]]; then grep -v -e '^:KUBE' -e 'j KUBE' -e '^-A KUBE' <<<"$1"; else echo "$1"; fi |
        grep -v '^root/proc/' | sed 's/$//'
}
as_it_was() { everything | grep -v -e '^root[^ ]*$' -e '^root/proc/' -e '^root/sys/'; }

@test "the owner's firewall stays, also where a rule of theirs speaks of the cluster" {
    control_plane trixie kubeadm
    run ours stop --yes
    ended_with 0
    [[ "$(cat "$FAKE/iptables")" == $'*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -m comment --comment "not KUBE-this" -j ACCEPT\nCOMMIT' ]] ||
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
    control_plane trixie kubeadm
    rm "$FAKE_CLUSTER/alive"
    run ours stop --yes
    ended_with 0
    says 'does not answer'
}
