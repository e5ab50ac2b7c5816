#!/usr/bin/env bash
# Packs the programs that build.sh made into images from scratch, one manifest list each, without registry or emulation.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/images/platforms.sh
. scripts/images/platforms.sh
# shellcheck source=scripts/images/commit.sh
. scripts/images/commit.sh

built="${CARGO_TARGET_DIR:-target}/images"

usage() {
    cat <<TEXT
usage: scripts/images/pack.sh [PLATFORM...]

Packs the programs for the platforms (default: ${default_platforms[*]}) as build.sh left them into
images/NAME.oci.tar below cargo's target directory, an OCI archive with all platforms under one manifest list, and prints
each list's digest. Dates are those of the commit that was built (SOURCE_DATE_EPOCH); equal programs give equal digests.
Needs buildah and skopeo, and nothing of a registry.

environment:
  SOURCE_DATE_EPOCH  the date in the images, in s; default: that of the commit
  IMAGE_SOURCE       where the source is, for the label org.opencontainers.image.source; default: git's origin, as https,
                     without who fetches it; none where that is a folder
TEXT
}

take_platforms "$@"
for tool in buildah skopeo; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: see scripts/hardware/packages.sh images" >&2; exit 69; }
done

source="$(commit_source)"
[[ -n "$source" ]] || echo "the images do not say where their source is: git's origin is no address; IMAGE_SOURCE tells" >&2

# A store of our own, so that nothing of the user's is touched, and of this run, so that nothing of another's is in it.
mkdir -p "$built"
store="$(mktemp -d "$(cd "$built" && pwd)/store.XXXXXX")"
trap 'buildah "${storage[@]}" rmi --all --force >/dev/null 2>&1 || true; rm -rf "$store"' EXIT
storage=(--root "$store/root" --runroot "$store/run" --storage-driver vfs)
mkdir "$store/context"

# Each platform's programs as they are now, whatever is built meanwhile, what they are made of, and their dates.
stamps=(compiler version revision)
declare -A versions=() revisions=() compilers=() dates=()
for platform in "${platforms[@]}"; do
    from="$built/$platform" to="$store/programs/$platform"
    mkdir -p "$to"
    for name in "${stamps[@]}" "${programs[@]}"; do
        [[ -s "$from/$name" ]] || { echo "there is no $name for $platform: scripts/images/build.sh $platform" >&2; exit 66; }
        cp "$from/$name" "$to/"
    done
    for name in "${stamps[@]}"; do
        cmp -s "$from/$name" "$to/$name" || { echo "$platform is being built: pack when that is done" >&2; exit 75; }
    done
    revision="$(cat "$to/revision")"
    dates[$platform]="$(commit_date "$revision")"
    # What stands around the programs is of their commit, too, or it is of none.
    if [[ "$revision" != *-dirty ]] && git cat-file -e "$revision:images/Dockerfile" 2>/dev/null; then
        git diff --quiet "$revision" -- images/Dockerfile || revision+=-dirty
    fi
    versions[$platform]="$(cat "$to/version")" revisions[$platform]="$revision" compilers[$platform]="$(cat "$to/compiler")"
done

for program in "${programs[@]}"; do
    tag="localhost/$program:${versions[${platforms[0]}]}"
    for platform in "${platforms[@]}"; do
        labels=(
            --label "org.opencontainers.image.version=${versions[$platform]}"
            --label "org.opencontainers.image.revision=${revisions[$platform]}"
            # The compiler of these bytes: whoever wants the same needs the same.
            --label "gpiod.compiler=${compilers[$platform]}"
        )
        [[ -z "$source" ]] || labels+=(--label "org.opencontainers.image.source=$source")
        # All files have the commit's date, also within the layer. What packed them is no part of what they are.
        buildah "${storage[@]}" build --quiet --isolation chroot --format oci --platform "$platform" --target "$program" \
            --build-context "programs=$store/programs" --timestamp "${dates[$platform]}" --identity-label=false "${labels[@]}" \
            --manifest "$tag" --file images/Dockerfile "$store/context" >"$store/log" 2>&1 || { cat "$store/log" >&2; exit 1; }
    done
    # By its version alone, as containerd's import wants it, which is told the name. Nobody sees half of it.
    buildah "${storage[@]}" manifest push --quiet --all "$tag" "oci-archive:$store/new.tar:${tag##*:}" >"$store/log" 2>&1 ||
        { cat "$store/log" >&2; exit 1; }
    mv "$store/new.tar" "$built/$program.oci.tar"
    printf '%-14s %s %s\n' "$program" "$(skopeo inspect --raw "oci-archive:$built/$program.oci.tar" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/')" \
        "$built/$program.oci.tar"
done
