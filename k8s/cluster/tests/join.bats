#!/usr/bin/env bats
# Agents: invitations, joining by hand and over ssh, with the reboot in between.

bats_require_minimum_version 1.5.0
load machine

# a_cluster SYSTEM BACKEND: a control plane, and an invitation into it in $invitation.
a_cluster() {
    control_plane "$1" "${2:-kubeadm}"
    invitation="$BATS_TEST_TMPDIR/invitation"
    rm -f "$invitation"
    run ours invite --to "$invitation"
    ended_with 0
}

@test "an invitation is for one hour, for its owner's eyes, and never without an end" {
    a_cluster trixie
    [[ "$(stat -c %a "$invitation")" == 600 ]]
    grep -q '^until=20' "$invitation"
    grep -q 'token create --ttl 60m' "$FAKE/calls"
    for time in 0 0h 25h 2d 1 -1h '1h; reboot'; do
        run ours invite --for "$time"
        ended_with 64
    done
    run ours invite --to "$invitation"
    ended_with 64
    says 'is there already'
    run bash -c "'$cluster' invite --for 10m 2>/dev/null </dev/null"
    [[ "$(grep -c '^[a-z]*=' <<<"$output")" == 6 ]]
}

@test "a Pi joins, over its reboot, and a second run changes nothing" {
    for each in 'kubeadm trixie' 'k3s bookworm'; do
        read -r backend system <<<"$each"
        rm -rf "${BATS_TEST_TMPDIR:?}/pi"
        a_cluster "$system" "$backend"
        machine pi "$system"
        run ours join "$invitation" --label
        ended_with 79
        "$here/boot"
        # The file may be gone by now: the scripts kept it.
        run ours join --label
        ended_with 0
        [[ -e "$FAKE_CLUSTER/nodes/pi/device" ]]
        [[ ! -e "$CLUSTER_ROOT/var/lib/gpiod-cluster/invitation" && ! -e "$CLUSTER_ROOT/var/lib/gpiod-cluster/join.yaml" ]]
        before="$(everything)"
        forget_changes
        run ours join "$invitation"
        ended_with 0
        says 'is so'
        run ours join
        ended_with 0
        [[ "$(everything)" == "$before" ]]
        [[ "$(changes_made)" == 0 ]]
    done
}

@test "with --reboot, what goes on after it has the invitation, and no trace of it stays" {
    a_cluster trixie
    machine pi trixie
    run ours join - --reboot --name pi-7
    ended_with 65
    run bash -c "setsid --wait '$cluster' join - --reboot --name pi-7 <'$invitation'"
    ended_with 79
    [[ "$(cat "$CLUSTER_ROOT/var/lib/gpiod-cluster/resume")" == $'join\n--name\npi-7' ]]
    [[ "$(stat -c %a "$CLUSTER_ROOT/var/lib/gpiod-cluster/invitation")" == 600 ]]
    run ours resume
    ended_with 0
    [[ -d "$FAKE_CLUSTER/nodes/pi-7" ]]
    ! grep -rqF 0123456789abcdef "$CLUSTER_ROOT" || fail_with "the token stays in" "$(grep -rlF 0123456789abcdef "$CLUSTER_ROOT")"
}

@test "the token is on no command line and in no log, and the cluster's key is compared" {
    a_cluster trixie
    pi_that_started pi trixie
    run ours join "$invitation"
    ended_with 0
    for name in control pi; do
        ! grep -qF 0123456789abcdef "$FAKE_FLEET/$name/calls" || fail_with "$(grep -F 0123456789abcdef "$FAKE_FLEET/$name/calls")"
        run ! grep -rF 0123456789abcdef "$FAKE_FLEET/$name/root/var/log"
    done
    grep -q "caCertHashes: \[\"sha256:$(printf a%.0s {1..64})\"\]" "$FAKE/joined-with"
    run ! grep -E 'ignorePreflightErrors|unsafeSkip' "$FAKE/joined-with"
}

@test "an invitation that is over, cut off, mistaken or hostile is refused before anything is changed" {
    a_cluster trixie
    machine pi trixie
    good="$(cat "$invitation")"
    refused() { # SAYING LINES
        printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/bad"
        run ours join "$BATS_TEST_TMPDIR/bad"
        ended_with 65
        says "$1"
        [[ "$(changes_made)" == 0 && ! -e "$CLUSTER_ROOT/var/lib/gpiod-cluster" ]]
    }
    refused 'good until 2020' "$(sed 's/^until=20../until=2020/' <<<"$good")"
    refused 'says nothing' ''
    refused 'has a line " #!' ' #!/bin/sh'
    refused "token is not right" "$(sed 's/^token=.*/token=abc/' <<<"$good")"
    refused "server is not right" "$(sed 's/^server=.*/server=`touch HERE`:6443/' <<<"$good")"
    refused "ca is not right" "$(grep -v '^ca=' <<<"$good")"
    refused "ca is not right" "$(head -c -90 <<<"$good" | grep -v ^until; echo until=2099-01-01T00:00:00Z)"
    refused 'not to kubeadm or k3s' "$(sed 's/^backend=.*/backend=docker/' <<<"$good")"
    refused 'too long' "$(printf 'x%.0s\n' {1..50} | sed 's/.*/#/')"
    run ours join "$BATS_TEST_TMPDIR/no-such"
    ended_with 66
    run ours join
    ended_with 64
    machine old bookworm armhf
    run ours join "$invitation"
    ended_with 69
    says '32-bit'
}

@test "a machine of another cluster, of another release or that is a control plane does not join" {
    a_cluster trixie
    run ours join "$invitation"
    ended_with 75
    says 'a control plane itself'
    pi_that_started pi trixie
    sed -i 's/^version=.*/version=1.35.1/' "$invitation"
    run ours join "$invitation"
    ended_with 69
    says 'the cluster is at 1.35.1'
    sed -i 's/^version=.*/version=1.36.4/' "$invitation"
    run ours join "$invitation"
    ended_with 0
    sed -i 's/^server=.*/server=10.9.9.9:6443/' "$invitation"
    run ours join "$invitation"
    ended_with 75
    says 'a node of the cluster at 10.0.0.1:6443'
}

@test "joining that loses its power is finished by the same command" {
    a_cluster trixie
    for fail in FAKE_KILL_AT FAKE_KILL_AFTER; do
        rm -rf "$BATS_TEST_TMPDIR/pi"
        pi_that_started pi trixie
        FAKE_FAIL='kubeadm join*' run ours join "$invitation"
        ended_with 1
        last="$(changes_made)"
        # The next one is the clean-up, the one after it kubeadm's join.
        export "$fail=$((last + 2))"
        run ours join
        unset "$fail"
        ended_with 137
        run ours join
        ended_with 0
        [[ -e "$CLUSTER_ROOT/etc/kubernetes/kubelet.conf" ]]
    done
}

@test "two Pis are added over ssh with one command, and again without a change" {
    a_cluster trixie
    machine pi-1 trixie
    machine pi-2 bookworm
    speak_to control
    FAKE_UID=1000 run ours add --label pi@pi-1 pi@pi-2
    ended_with 0
    [[ -e "$FAKE_CLUSTER/nodes/pi-1/device" && -e "$FAKE_CLUSTER/nodes/pi-2/device" ]]
    grep -qx 'systemctl reboot' "$FAKE_FLEET/pi-1/calls"
    for name in pi-1 pi-2 control; do
        run ! grep -F 0123456789abcdef "$FAKE_FLEET/$name/calls"
    done
    : >"$FAKE_FLEET/pi-1/changes"
    FAKE_UID=1000 run ours add --label pi@pi-1 pi@pi-2
    ended_with 0
    [[ ! -s "$FAKE_FLEET/pi-1/changes" ]]
}

# left_alone HOST SAYING: adding it fails with these words, and does not reboot it.
left_alone() {
    local booted
    booted="$(cat "$FAKE_FLEET/$1/boot_id")"
    speak_to control
    FAKE_UID=1000 run ours add "pi@$1"
    ended_with 1
    says "$2"
    says "not added: pi@$1"
    says_not "reboot $1"
    [[ "$(cat "$FAKE_FLEET/$1/boot_id")" == "$booted" ]] || fail_with "$1 was rebooted" "$output"
}

@test "a machine that says not now is never rebooted, whatever its reason" {
    a_cluster trixie
    pi_that_started theirs trixie
    sed -i 's/^server=.*/server=10.9.9.9:6443/' "$invitation"
    run ours join "$invitation"
    ended_with 0
    left_alone theirs 'a node of the cluster at 10.9.9.9:6443'
    machine busy trixie # it would need a reboot, too
    exec 7>"$CLUSTER_ROOT/run/gpiod-cluster.lock"
    flock 7
    left_alone busy 'another run of this program' 7>&-
    exec 7>&-
    left_alone control 'a control plane itself'
    pi_that_started node trixie
    mkdir -p "$CLUSTER_ROOT/etc/kubernetes"
    echo theirs >"$CLUSTER_ROOT/etc/kubernetes/kubelet.conf"
    left_alone node 'a node already, and not by this program'
    pi_that_started old trixie
    echo 'kubelet 1.35.1-1.1' >>"$FAKE/packages"
    left_alone old 'kubelet 1.35.1-1.1 is installed'
    pi_that_started light trixie
    run ours prepare --backend k3s
    left_alone light 'made a node with k3s'
    a_cluster bookworm k3s
    pi_that_started other bookworm
    touch "$CLUSTER_ROOT/usr/local/bin/k3s"
    left_alone other 'k3s is installed already'
}

@test "each machine gets an invitation of its own, so that the last of many is in time, too" {
    a_cluster trixie
    for name in pi-1 pi-2; do
        pi_that_started "$name" trixie
    done
    # Two hours go by with the first one.
    echo 0 >"$BATS_TEST_TMPDIR/hours"
    for name in control pi-1 pi-2; do
        cat >"$FAKE_FLEET/$name/bin/date" <<'TEXT'
#!/bin/bash
# -u [-d "+N minutes"] FORMAT
hours="$(cat "$FAKE_FLEET/hours")" more=''
[[ "$2" != -d ]] || more="$3"
/bin/date -u -d "+$hours hours $more" "${@: -1}"
[[ "$FAKE" != */pi-1 ]] || echo 2 >"$FAKE_FLEET/hours"
TEXT
        chmod +x "$FAKE_FLEET/$name/bin/date"
    done
    speak_to control
    forget_changes
    FAKE_UID=1000 run ours add pi@pi-1 pi@pi-2
    ended_with 0
    [[ -d "$FAKE_CLUSTER/nodes/pi-1" && -d "$FAKE_CLUSTER/nodes/pi-2" ]]
    [[ "$(grep -c '^kubeadm token create --ttl 60m' "$FAKE/changes")" == 2 ]]
}

@test "without an invitation nothing is touched, and all that were not added are named" {
    a_cluster trixie
    pi_that_started pi-1 trixie
    forget_changes
    speak_to control
    rm "$FAKE_CLUSTER/alive"
    run ours add pi@pi-1 pi@pi-2
    ended_with 75
    says 'Not added: pi@pi-1 pi@pi-2'
    [[ ! -s "$FAKE_FLEET/pi-1/calls" ]]
}

@test "add labels what is a node already, and join says that it does not" {
    for each in 'kubeadm trixie' 'k3s bookworm'; do
        read -r backend system <<<"$each"
        rm -rf "$BATS_TEST_TMPDIR/pi-1"
        a_cluster "$system" "$backend"
        pi_that_started pi-1 "$system"
        speak_to control
        FAKE_UID=1000 run ours add pi@pi-1
        ended_with 0
        [[ ! -e "$FAKE_CLUSTER/nodes/pi-1/device" ]]
        speak_to pi-1
        run ours join --label
        ended_with 0
        says 'cluster label pi-1'
        run ours join "$invitation" --label
        ended_with 0
        says 'cluster label pi-1'
        [[ ! -e "$FAKE_CLUSTER/nodes/pi-1/device" ]]
        speak_to control
        FAKE_UID=1000 run ours add --label pi@pi-1
        ended_with 0
        says 'label pi-1 device=raspberry'
        [[ -e "$FAKE_CLUSTER/nodes/pi-1/device" ]]
        # A node that the cluster does not know (any more) is waited for, and then told.
        rm -rf "$FAKE_CLUSTER/nodes/pi-1"
        CLUSTER_WAIT_SECONDS=0 FAKE_UID=1000 run ours add --label pi@pi-1
        ended_with 1
        says 'there is no node pi-1'
    done
}

@test "a name is kept over the reboot also where the invitation's file is called the same" {
    a_cluster trixie
    machine raspberrypi trixie
    cp "$invitation" "$BATS_TEST_TMPDIR/pi-1"
    cd "$BATS_TEST_TMPDIR"
    run ours join pi-1 --name pi-1 --reboot
    ended_with 79
    [[ "$(cat "$CLUSTER_ROOT/var/lib/gpiod-cluster/resume")" == $'join\n--name\npi-1' ]]
    run ours resume
    ended_with 0
    [[ -d "$FAKE_CLUSTER/nodes/pi-1" ]]
}

@test "an invitation is written through nobody's link" {
    a_cluster trixie
    for verb in invite kubeconfig; do
        ln -s "$BATS_TEST_TMPDIR/elsewhere" "$BATS_TEST_TMPDIR/$verb-link"
        run ours "$verb" --to "$BATS_TEST_TMPDIR/$verb-link"
        [[ ! -e "$BATS_TEST_TMPDIR/elsewhere" ]] || fail_with "$verb wrote through the link" "$output"
    done
    run ours invite --to "$BATS_TEST_TMPDIR/invite-link"
    ended_with 1
    says 'could not be written as a new file'
}

@test "a machine that can not be reached or asks for a password is named, and the others are added" {
    a_cluster trixie
    machine pi-2 bookworm
    speak_to control
    run ours add pi@nowhere pi@pi-2
    ended_with 1
    says 'not added: pi@nowhere'
    [[ -d "$FAKE_CLUSTER/nodes/pi-2" ]]
    run ours add '-oProxyCommand=reboot'
    ended_with 64
    run ours add
    ended_with 64
}
