#!/usr/bin/env bash
# The thesis's walk on a real Kubernetes: starts two nodes here, unless a cluster is given, walks, and leaves nothing behind.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
from="$PWD"
cd "$here/../.."

usage() {
    cat <<'TEXT'
usage: scripts/cluster/test.sh [--keep] [--programs FOLDER] [WALK-OPTION...]
       scripts/cluster/test.sh --kubeconfig FILE --registry REGISTRY [--tag TAG] [WALK-OPTION...]

Applies k8s/overlays/sim to a cluster of two nodes and goes through what Kubernetes does with it: label a node, follow the
logs, update the apps and the daemon, kill things, remove it all. Each step is judged by the simulated boards' own records.
One line for each step, a table at the end, and JSON in target/cluster/walk.json.

The cluster is the one of cluster.sh, which is started and ended: needs root, and the images of linux/amd64 in images/
below cargo's target directory (scripts/images/build.sh, pack.sh). Its programs are built once, in ten minutes or so
(kubernetes.sh), and are of Kubernetes 1.20. With --programs they are those of FOLDER, such as kubernetes/server/bin of a
release's kubernetes-server-linux-amd64.tar.gz: steps that need a newer one are NOT RUN on an older one. With --keep the
cluster goes on afterwards: see cluster.sh.

With --kubeconfig it is somebody's cluster, with two nodes that take pods and get the images from REGISTRY. What needs a
look into the nodes is NOT RUN there. It must have no namespace gpiod or gpio-apps, and no node with a label `device`.

WALK-OPTION: scripts/cluster/test.sh --walk-help

exit status: 0 all was as expected, 1 something was not, 64 the arguments are wrong, 66 the images are not built, 69 this
can not run here, 75 another walk runs here, 77 it must be run by root.
TEXT
}

keep='' given='' programs=() options=()
while (($# > 0)); do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --walk-help) exec python3 -B "$here/walk" --help ;;
        --keep) keep=yes ;;
        --programs)
            [[ -n "${2-}" && "$2" != -* ]] || { usage >&2; exit 64; }
            programs=("$(cd "$from" && realpath -m -- "$2")")
            shift
            ;;
        --kubeconfig | --kubeconfig=*) given=yes; options+=("$1") ;;
        *) options+=("$1") ;;
    esac
    shift
done
say() { echo "cluster-test: $*" >&2; }
# Before anything is started.
python3 -B "$here/walk" --only-options "${options[@]}" || exit 64

command -v kubectl >/dev/null || { say "kubectl is missing: any of 1.27 or newer will do"; exit 69; }
# It ends with us, however we do.
walk=(setpriv --pdeathsig TERM -- python3 -B "$here/walk")
if [[ -n "$given" ]]; then
    "${walk[@]}" "${options[@]}"
    exit
fi

((EUID == 0)) || { say "namespaces and containers need root: sudo -E $0, or --kubeconfig"; exit 77; }
archives="$(realpath -m "${CARGO_TARGET_DIR:-target}/images")"
for program in gpiod light-sensor traffic-light; do
    [[ -e "$archives/$program.oci.tar" ]] ||
        { say "there is no $archives/$program.oci.tar: scripts/images/build.sh linux/amd64 && scripts/images/pack.sh linux/amd64"; exit 66; }
done
exec 9>/var/lock/gpiod-cluster.lock
flock --nonblock 9 || { say "another walk runs on this machine"; exit 75; }

end() { "$here/cluster.sh" down 9>&-; }
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
"$here/cluster.sh" up "${programs[@]}" 9>&-
begin=$SECONDS status=0
"${walk[@]}" --archives "$archives" "${options[@]}" 9>&- || status=$?
say "the walk took $((SECONDS - begin)) s"
trap - EXIT
if [[ -n "$keep" ]]; then
    say "the cluster goes on: scripts/cluster/cluster.sh kubectl ..., cluster.sh down"
else
    end || status=1
fi
exit "$status"
