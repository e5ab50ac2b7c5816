#!/usr/bin/env bash
# Pushes the images that pack.sh made, with all their platforms, and says what was pushed, by digest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/images/platforms.sh
. scripts/images/platforms.sh

built="$(realpath -m "${CARGO_TARGET_DIR:-target}/images")"

usage() {
    cat <<'TEXT'
usage: scripts/images/push.sh REGISTRY [SKOPEO-OPTION...]

Copies each image with all its platforms to REGISTRY/NAME:VERSION, and prints REGISTRY/NAME@DIGEST, which is what to sign.
REGISTRY is such as ghcr.io/you; log in with skopeo login. Options are handed to skopeo copy: --dest-tls-verify=false
for a registry on your desk.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    '' | -*) usage >&2; exit 64 ;;
esac
registry="$1"
shift
command -v skopeo >/dev/null || { echo "skopeo is missing: see scripts/hardware/packages.sh images" >&2; exit 69; }

version="$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)"
for program in "${programs[@]}"; do
    archive="$built/$program.oci.tar"
    [[ -e "$archive" ]] || { echo "there is no $archive: make images" >&2; exit 66; }
    skopeo copy --quiet --all "$@" "oci-archive:$archive" "docker://$registry/$program:$version"
    echo "$registry/$program@sha256:$(skopeo inspect --raw "oci-archive:$archive" | sha256sum | cut -d ' ' -f 1)"
done
