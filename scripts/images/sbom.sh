#!/usr/bin/env bash
# Writes what is in each image's program, crate by crate with version, licence and checksum, from Cargo.lock.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/images/platforms.sh
. scripts/images/platforms.sh

version=0.5.9
built="$(realpath -m "${CARGO_TARGET_DIR:-target}/images")"

usage() {
    cat <<TEXT
usage: scripts/images/sbom.sh [PLATFORM...]

Writes images/PLATFORM/PROGRAM.cdx.json below cargo's target directory for each platform
(default: ${default_platforms[*]}): CycloneDX 1.5. Equal for equal commits (SOURCE_DATE_EPOCH).
cargo-cyclonedx $version in PATH is used; else it is built once into \${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/cargo-cyclonedx-$version.
std is in the program too, but has no lock file here: the compiler's version, in the image's label gpiod.compiler, names it.
TEXT
}

take_platforms "$@"

tool=cargo-cyclonedx
if [[ "$("$tool" --version 2>/dev/null || true)" != *" $version" ]]; then
    root="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/cargo-cyclonedx-$version"
    tool="$root/bin/cargo-cyclonedx"
    if [[ ! -x "$tool" ]]; then
        echo "building cargo-cyclonedx $version into $root" >&2
        cargo install --quiet --locked --debug --root "$root" --version "$version" cargo-cyclonedx
    fi
fi

# It writes beside each Cargo.toml, and takes a date instead of a random number where there is one.
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
declare -A manifests=([gpiod]=gpiod [light-sensor]=images/light-sensor [traffic-light]=images/traffic-light)
for platform in "${platforms[@]}"; do
    mkdir -p "$built/$platform"
    "$tool" cyclonedx --quiet --format json --spec-version 1.5 --target "$(platform "$platform" 2)" --no-build-deps \
        --override-filename images-sbom
    for program in "${programs[@]}"; do
        # The path of the checkout is no part of what the program is made of.
        sed "s#path+file://$PWD#path+file://#g" "${manifests[$program]}/images-sbom.json" >"$built/$platform/$program.cdx.json"
    done
    git ls-files --others --exclude-standard -z -- '*/images-sbom.json' 'images-sbom.json' | xargs -0 rm -f
done
