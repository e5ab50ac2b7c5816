#!/usr/bin/env bash
# Pushes the images that pack.sh made, with all their platforms, and says what was pushed, by digest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/images/platforms.sh
. scripts/images/platforms.sh

built="$(realpath -m "${CARGO_TARGET_DIR:-target}/images")"

usage() {
    cat <<TEXT
usage: scripts/images/push.sh [--anyway] [--platforms "PLATFORM..."] REGISTRY [SKOPEO-OPTION...]

Copies each image with all its platforms (default: ${default_platforms[*]}) to REGISTRY/NAME:VERSION, and prints REGISTRY/NAME@DIGEST, which is what to sign.
REGISTRY is such as ghcr.io/you; log in with skopeo login. Options are handed to skopeo copy: --dest-tls-verify=false
for a registry on your desk.
What is no release is not pushed, but for --anyway: other platforms than were named, images of several commits, or of
something that was not committed. A tag that is there already is moved; a registry may forbid that.

exit status: 0 all were pushed, 64 the arguments are wrong, 65 it is no release, 66 nothing was packed, 69 skopeo is missing;
skopeo's own where the registry refuses
TEXT
}

anyway='' named=()
while :; do
    case "${1-}" in
        -h | --help) usage; exit 0 ;;
        --anyway) anyway=yes ;;
        --platforms) [[ -n "${2-}" ]] || { usage >&2; exit 64; }; shift; read -ra named <<<"$1" ;;
        '' | -*) usage >&2; exit 64 ;;
        *) break ;;
    esac
    shift
done
take_platforms "${named[@]}"
registry="${1%/}"
shift
# What is no name of a registry is told before anything has been pushed.
[[ "$registry" =~ ^[0-9A-Za-z.-]+(:[0-9]+)?(/[0-9a-z._-]+)*$ ]] ||
    { echo "$registry is no registry: such as ghcr.io/you, without https:// and in lower case" >&2; exit 64; }
command -v skopeo >/dev/null || { echo "skopeo is missing: see scripts/hardware/packages.sh images" >&2; exit 69; }

archives=()
for program in "${programs[@]}"; do
    archives+=("$built/$program.oci.tar")
done
status=0
scripts/images/release.py "${platforms[@]/#/--platform=}" "${archives[@]}" >&2 || status=$?
# What can not be read has no version to be pushed under, whatever is said: that fails below.
if [[ "$status" == 65 && -n "$anyway" ]]; then
    echo "pushing anyway" >&2
elif ((status)); then
    ((status != 65)) || echo "make images makes one of the default platforms, PLATFORMS names others to it and to make images-push; --anyway pushes this" >&2
    exit "$status"
fi

digest="$(mktemp)"
trap 'rm -f "$digest"' EXIT
for program in "${programs[@]}"; do
    archive="$built/$program.oci.tar"
    version="$(scripts/images/release.py --version-of "$archive")"
    : >"$digest"
    # What the registry has is what was packed, by digest, or it fails.
    skopeo copy --quiet --all --preserve-digests --digestfile "$digest" "$@" "oci-archive:$archive" "docker://$registry/$program:$version"
    [[ "$(cat "$digest")" == sha256:* ]] || { echo "skopeo did not say what it pushed of $program: are the options its own? $*" >&2; exit 1; }
    echo "$registry/$program@$(cat "$digest")"
done
