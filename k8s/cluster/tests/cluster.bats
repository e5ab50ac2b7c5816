#!/usr/bin/env bats
# The program as a whole, and the verbs for a cluster that is there: label, remove, kubeconfig, upgrade, check.

bats_require_minimum_version 1.5.0
load machine

@test "every verb explains itself, and a mistake is told with the way to its help" {
    machine pi trixie
    run ours --help
    ended_with 0
    all="$output"
    for verb in control-plane runtime prepare join invite add label remove kubeconfig upgrade check stop; do
        says "  $verb"
        run ours "$verb" --help
        ended_with 0
        says "usage: cluster $verb"
        [[ "$(awk 'length > 120' <<<"$output")" == '' ]]
        run ours "$verb" --no-such-option
        ended_with 64
        says "cluster $verb --help"
        output="$all"
    done
    run ours
    ended_with 64
    for word in nonsense ../verbs/stop 'stop;reboot' -x; do
        run ours "$word"
        ended_with 64
    done
    [[ "$(changes_made)" == 0 ]]
}

@test "bad arguments are refused before anything is changed" {
    machine pi trixie
    for words in 'control-plane --backend docker' 'control-plane --name' 'control-plane --address 1;2' 'control-plane x' \
        'prepare --swap maybe' 'runtime x' 'kubeconfig x' 'upgrade x' 'stop x' 'label' 'remove'; do
        # shellcheck disable=SC2086 # words
        run ours $words
        ended_with 64
        [[ "$(changes_made)" == 0 ]]
    done
    run ours control-plane --name 'Pi 1'
    ended_with 65
    FAKE_UID=1000 run ours control-plane
    ended_with 77
    says 'sudo'
}

@test "two runs at once do not meet" {
    pi_that_started pi trixie
    exec 7>"$CLUSTER_ROOT/run/gpiod-cluster.lock"
    flock 7
    run ours prepare 7>&-
    ended_with 75
    says 'another run'
    exec 7>&-
    # Not where everybody may write: there anybody could hold it, as a walk of scripts/cluster does its own.
    mkdir -p "$CLUSTER_ROOT/run/lock"
    exec 7>"$CLUSTER_ROOT/run/lock/gpiod-cluster.lock"
    flock 7
    run ours prepare 7>&-
    ended_with 0
    exec 7>&-
}

@test "colour is for terminals alone" {
    pi_that_started pi trixie
    unset NO_COLOR
    run ours prepare --dry-run
    says_not $'\e'
    TERM=xterm run script --quiet --return --command "'$cluster' prepare --dry-run" /dev/null
    says $'\e[1m'
}

@test "nodes are labelled once, and the label is taken away" {
    control_plane trixie kubeadm
    mkdir -p "$FAKE_CLUSTER/nodes/pi-1"
    run ours label pi-1 nowhere
    ended_with 65
    says 'There are: control pi-1'
    [[ ! -e "$FAKE_CLUSTER/nodes/pi-1/device" ]]
    run ours label pi-1
    ended_with 0
    [[ -e "$FAKE_CLUSTER/nodes/pi-1/device" ]]
    forget_changes
    run ours label pi-1
    says 'is so'
    [[ "$(changes_made)" == 0 ]]
    run ours label pi-1 --remove
    [[ ! -e "$FAKE_CLUSTER/nodes/pi-1/device" ]]
}

# somebody: from now on $who runs commands by a user who may write nothing that is root's on the false machine.
somebody() {
    export FAKE_UID=1000
    who=()
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*/
    chmod -R a+rwX "$BATS_TEST_TMPDIR"
    chmod -R a-w "$CLUSTER_ROOT"
    chmod a-r "$CLUSTER_ROOT/etc/kubernetes/admin.conf"
    [[ "$EUID" == 0 ]] || return 0
    who=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    "${who[@]}" test -r "$cluster" -a -w "$FAKE/changes" || skip "another user can not reach this folder"
}

@test "label and remove go by an ordinary user's kubectl, too, with a log of theirs" {
    control_plane trixie kubeadm
    mkdir -p "$FAKE_CLUSTER/nodes/pi-1"
    export HOME="$BATS_TEST_TMPDIR/home"
    mkdir "$HOME"
    somebody
    run "${who[@]}" "$cluster" label pi-1
    ended_with 0
    says "goes to $HOME/.local/state/gpiod-cluster.log"
    [[ -e "$FAKE_CLUSTER/nodes/pi-1/device" ]]
    grep -q 'label node pi-1' "$HOME/.local/state/gpiod-cluster.log"
    XDG_STATE_HOME="$HOME/state" run "${who[@]}" "$cluster" remove pi-1
    ended_with 0
    says 'move the pods off pi-1'
    says_not 'not all pods'
    says "goes to $HOME/state/gpiod-cluster.log"
    [[ ! -e "$FAKE_CLUSTER/nodes/pi-1" ]]
    mkdir "$FAKE_CLUSTER/nodes/pi-1"
    HOME=/proc/nowhere run "${who[@]}" "$cluster" label pi-1
    ended_with 77
    says XDG_STATE_HOME
    [[ ! -e "$FAKE_CLUSTER/nodes/pi-1/device" ]]
    chmod -R u+w "$CLUSTER_ROOT"
}

@test "where there is no HOME, as in a unit, the API is asked all the same" {
    control_plane trixie kubeadm
    rm "$CLUSTER_ROOT/etc/kubernetes/admin.conf"
    run env -u HOME "$cluster" label control
    ended_with 0
    [[ -e "$FAKE_CLUSTER/nodes/control/device" ]]
}

@test "a node is drained before it is removed, and the control plane is not" {
    control_plane trixie kubeadm
    mkdir -p "$FAKE_CLUSTER/nodes/pi-1"
    run ours remove pi-1
    ended_with 0
    [[ "$(sed 's/.*\(drain\|delete\) .*/\1/' "$FAKE/changes")" == $'drain\ndelete' ]]
    forget_changes
    run ours remove pi-1
    ended_with 0
    [[ "$(changes_made)" == 0 ]]
    run ours remove control
    ended_with 65
}

@test "a kubeconfig for another machine is for its owner's eyes and ends, where that can be" {
    control_plane trixie kubeadm
    file="$BATS_TEST_TMPDIR/config"
    run ours kubeconfig --to "$file" --name laptop --for 8h
    ended_with 0
    [[ "$(stat -c %a "$file")" == 600 ]]
    grep -q -- '--client-name laptop .*--validity-period 480m' "$file"
    run ours kubeconfig --to "$file"
    ended_with 64
    run ours kubeconfig --name 'a b'
    ended_with 64
    control_plane bookworm k3s
    run ours kubeconfig --name laptop
    ended_with 0
    says 'https://10.0.0.1:6443'
    says 'good for a year'
}

@test "an upgrade brings a control plane to the versions of the file, once, up and by one minor version" {
    control_plane trixie kubeadm
    echo v1.36.4 >"$FAKE_CLUSTER/version"
    printf 'kubernetes_version=1.36.5\nkubernetes_package=1.36.5-1.1\n' >>"$FAKE/versions.sh"
    run ours control-plane
    ended_with 75
    says 'upgrade'
    run ours upgrade
    ended_with 0
    grep -qx 'kubelet 1.36.5-1.1' "$FAKE/packages"
    grep -qx 'kubeadm upgrade apply --yes v1.36.5' "$FAKE/changes"
    grep -qx 'systemctl restart kubelet.service' "$FAKE/changes"
    grep -qx kubelet "$FAKE/holds"
    forget_changes
    run ours upgrade
    ended_with 0
    [[ "$(changes_made)" == 0 ]] || fail_with "$(cat "$FAKE/changes")"
    printf 'kubernetes_version=1.38.0\n' >>"$FAKE/versions.sh"
    run ours upgrade
    ended_with 69
    says 'one at a time'
    printf 'kubernetes_version=1.35.9\n' >>"$FAKE/versions.sh"
    run ours upgrade
    ended_with 69
    says 'can not go back'
}

@test "k3s is upgraded by another program with the right sum, and its unit started with it" {
    control_plane trixie k3s
    sed -i '2s/v1.36.4+k3s1/v1.36.5+k3s1/' "$FAKE/web/k3s-arm64"
    printf 'k3s_version=v1.36.5+k3s1\nk3s_sha256_arm64=%s\n' "$(sum k3s-arm64)" >>"$FAKE/versions.sh"
    run ours control-plane
    ended_with 75
    run ours upgrade
    ended_with 0
    grep -qx 'systemctl restart k3s.service' "$FAKE/changes"
    forget_changes
    run ours upgrade
    ended_with 0
    [[ "$(changes_made)" == 0 ]] || fail_with "$(cat "$FAKE/changes")"
    run ours stop --yes
    ended_with 0
    [[ ! -e "$CLUSTER_ROOT/usr/local/bin/k3s" ]]
}

@test "check finds a sound node sound and names what is not, with what to do" {
    control_plane trixie kubeadm
    touch "$FAKE_CLUSTER/nodes/control/device"
    before="$(everything)"
    run ours check
    ended_with 0
    says 'control is ready'
    says 'package key is good until 2100'
    rm "$FAKE/units/kubelet.service.active" "$FAKE_CLUSTER/nodes/control/ready"
    echo 'cpu pids' >"$CLUSTER_ROOT/sys/fs/cgroup/cgroup.controllers"
    FAKE_CLOCK=no run ours check
    ended_with 1
    says 'not so: kubelet.service runs'
    says 'not so: control is ready'
    says 'not so: the kernel counts memory by cgroup'
    says 'not so: the clock'
    [[ "$(changes_made)" == 0 ]]
    machine old bookworm armhf
    run ours check
    ended_with 1
    says 'have kubeadm'
}
