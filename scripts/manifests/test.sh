#!/usr/bin/env bash
# Checks the manifests of k8s/, without a cluster. check.py first shows that the checks find what is wrong.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=scripts/manifests

usage() {
    cat <<'TEXT'
usage: scripts/manifests/test.sh [--gpiod PROGRAM] [OVERLAY...]

Tests the checks by manifests that are wrong, then renders every overlay, or those that are named, and checks:
Kubernetes' schemas of several versions, Pod Security's level restricted for the apps, what the daemon may have, each
gpiod.toml by `gpiod check`, the admission policies against the pods of all overlays, and that alerts and dashboard ask
for metrics that there are. The tests go through the commands of k8s/README.md and others, too: what they name is there.

  --gpiod PROGRAM  the gpiod that checks the configurations (default: target/debug/gpiod)

exit status: 0 all is well, 1 something is wrong, 64 the arguments are wrong, 69 something needed can not be had here.
TEXT
}

gpiod="${CARGO_TARGET_DIR:-target}/debug/gpiod"
while (($# > 0)); do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --gpiod) gpiod="${2-}"; shift 2 || { usage >&2; exit 64; } ;;
        -*) usage >&2; exit 64 ;;
        *) break ;;
    esac
done
[[ -x "$gpiod" ]] || { echo "there is no $gpiod: cargo build -p gpiod, or --gpiod PROGRAM" >&2; exit 69; }

schemas="$($here/schemas.sh)"
export GPIOD="$gpiod" KUBERNETES_SCHEMAS="$schemas" PYTHONDONTWRITEBYTECODE=1
exec scripts/with-python-tools.sh --requirements "$here/requirements.txt" python3 "$here/check.py" "$@"
