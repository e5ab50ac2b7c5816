# shellcheck shell=bash
# Sourced: where the cluster is on this machine, and how its parts are reached. One machine has one.

# All its files: on a disk, since containers' files are there, and nowhere that the nodes have for themselves.
state=/var/tmp/gpiod-cluster
# shellcheck disable=SC2034
nodes=(node-1 node-2)
# The control plane's address, the only one in its network besides the nodes'.
# shellcheck disable=SC2034
control=10.77.0.1
address_of() { echo "10.77.0.1${1#node-}"; }
pods_of() { echo "10.88.${1#node-}.0/24"; }
network_of() { echo "gpiod-${1}"; }

# Of control groups, version 1: one tree for each of these, ours below $group in each.
group=gpiod-cluster
hierarchies() { awk '$3 == "cgroup" { print $2 }' /proc/mounts; }
# Every process of the cluster is in this one, those of its pods too: whoever ends all of them leaves none.
members() { awk -v group="$group" '$3 == "cgroup" && $4 ~ /(^|,)pids(,|$)/ { print $2 "/" group }' /proc/mounts; }

in_network() { nsenter --net="/run/netns/$(network_of "$1")" -- "${@:2}"; }
# in_node NODE COMMAND...: in its namespaces of network, mounts and host name, with ctr and the others in PATH.
in_node() {
    local node="$1" PATH="$PATH"
    shift
    PATH="$(cat "$state/path"):$PATH" nsenter --target "$(cat "$state/$node/pid")" --mount --net --uts -- "$@"
}
