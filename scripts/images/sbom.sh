#!/usr/bin/env bash
# Writes what is in each image's program, crate by crate with version, licence and checksum, from Cargo.lock.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/images/platforms.sh
. scripts/images/platforms.sh
# shellcheck source=scripts/images/commit.sh
. scripts/images/commit.sh

version=0.5.9
built="$(realpath -m "${CARGO_TARGET_DIR:-target}/images")"

usage() {
    cat <<TEXT
usage: scripts/images/sbom.sh [PLATFORM...]

Writes images/PLATFORM/PROGRAM.cdx.json below cargo's target directory for each platform
(default: ${default_platforms[*]}): CycloneDX 1.5. Equal for equal commits.
cargo-cyclonedx $version in PATH is used; else it is built once into \${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/cargo-cyclonedx-$version.
std and musl are in the program too, but in no lock file here: the compiler's version, in the image's label gpiod.compiler,
names them.

environment:
  SOURCE_DATE_EPOCH  the date in them, in s; default: that of the commit
TEXT
}

take_platforms "$@"
# It takes this instead of the clock and of a random number.
SOURCE_DATE_EPOCH="$(commit_date HEAD)"
export SOURCE_DATE_EPOCH

tool=cargo-cyclonedx
if [[ "$("$tool" --version 2>/dev/null || true)" != *" $version" ]]; then
    root="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/cargo-cyclonedx-$version"
    tool="$root/bin/cargo-cyclonedx"
    if [[ ! -x "$tool" ]]; then
        echo "building cargo-cyclonedx $version into $root" >&2
        cargo install --quiet --locked --debug --root "$root" --version "$version" cargo-cyclonedx
    fi
fi

cargo fetch --locked --quiet
# It writes beside each Cargo.toml, under a name that is nobody's else, and nothing of that stays.
name="images-sbom-$$"
trap 'find . -path ./target -prune -o -name "$name.json" -exec rm -f {} +' EXIT
# The checkout's path as cargo writes it. It is no part of what the programs are made of.
here="$(cargo pkgid --offline --quiet --package gpiod)"
here="${here%/gpiod#*}"
declare -A manifests=([gpiod]=gpiod [light-sensor]=images/light-sensor [traffic-light]=images/traffic-light)
for platform in "${platforms[@]}"; do
    mkdir -p "$built/$platform"
    "$tool" cyclonedx --quiet --format json --spec-version 1.5 --target "$(platform "$platform" 2)" --no-build-deps \
        --override-filename "$name"
    for program in "${programs[@]}"; do
        bill="$(scripts/images/bill.py "$program" "$(platform "$platform" 2)" <"${manifests[$program]}/$name.json")"
        bill="${bill//"$here"/path+file://}"
        ! grep -qF -e "$PWD" <<<"$bill" || { echo "the bill of materials of $program names $PWD" >&2; exit 1; }
        echo "$bill" >"$built/$platform/$program.cdx.json"
    done
done
