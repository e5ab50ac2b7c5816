#!/usr/bin/env bash
# Packs the programs that build.sh made into images from scratch, one manifest list each, without registry or emulation.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/images/platforms.sh
. scripts/images/platforms.sh

built="${CARGO_TARGET_DIR:-target}/images"

usage() {
    cat <<TEXT
usage: scripts/images/pack.sh [PLATFORM...]

Packs the programs for the platforms (default: ${default_platforms[*]}) as build.sh left them into
images/NAME.oci.tar below cargo's target directory, an OCI archive with all platforms under one manifest list, and prints
each list's digest. Dates are those of the commit (SOURCE_DATE_EPOCH); equal programs give equal digests.
Needs buildah and skopeo, and nothing of a registry.

environment:
  SOURCE_DATE_EPOCH  the date in the images, in s; default: that of the commit
  IMAGE_SOURCE       where the source is, for the label org.opencontainers.image.source; default: git's origin
  IMAGE_REVISION     the commit, for its label; default: git's, with -dirty if something is not committed
TEXT
}

take_platforms "$@"
for tool in buildah skopeo; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: see scripts/hardware/packages.sh images" >&2; exit 69; }
done

# What a build takes from git, unless it is told.
epoch="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
revision="${IMAGE_REVISION-}"
if [[ -z "$revision" ]]; then
    revision="$(git rev-parse HEAD)"
    [[ -z "$(git status --porcelain --untracked-files=no)" ]] || revision+=-dirty
fi
source="${IMAGE_SOURCE:-$(git remote get-url origin 2>/dev/null | sed 's#//[^/]*@#//#' || true)}"
version="$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)"
labels=(--label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.revision=$revision")
[[ -z "$source" ]] || labels+=(--label "org.opencontainers.image.source=$source")
# The compiler of these bytes: whoever wants the same needs the same.
labels+=(--label "gpiod.compiler=$(cat "$built/${platforms[0]}/compiler")")

# A store of our own, so that nothing of the user's is touched.
store="$built/store"
trap 'buildah "${storage[@]}" rmi --all --force >/dev/null 2>&1 || true; rm -rf "$store"' EXIT
mkdir -p "$store/context"
store="$(cd "$store" && pwd)"
storage=(--root "$store/root" --runroot "$store/run" --storage-driver vfs)

for program in "${programs[@]}"; do
    tag="$program:$version"
    for platform in "${platforms[@]}"; do
        [[ -x "$built/$platform/$program" ]] || { echo "there is no $program for $platform: scripts/images/build.sh $platform" >&2; exit 66; }
        # All files have the commit's date, also within the layer.
        buildah "${storage[@]}" build --quiet --isolation chroot --format oci --platform "$platform" --target "$program" \
            --build-context "programs=$(cd "$built" && pwd)" --timestamp "$epoch" "${labels[@]}" \
            --manifest "$tag" --file images/Dockerfile "$store/context" >"$store/log" 2>&1 || { cat "$store/log" >&2; exit 1; }
    done
    rm -f "$built/$program.oci.tar"
    buildah "${storage[@]}" manifest push --quiet --all "$tag" "oci-archive:$built/$program.oci.tar:$version" >"$store/log" 2>&1 ||
        { cat "$store/log" >&2; exit 1; }
    printf '%-14s %s %s\n' "$program" "$(skopeo inspect --raw "oci-archive:$built/$program.oci.tar" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/')" \
        "$built/$program.oci.tar"
done
