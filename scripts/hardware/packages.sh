#!/usr/bin/env bash
# Says which Debian packages the guests of this folder, and the images, need and this machine lacks; installs them only
# when told to.
set -euo pipefail

# One line for each guest: what it is built and booted with, as Debian 12 names it; then what the images are built and
# packed with beside rustup's Rust (what runs while it builds is linked by a C compiler), what runs them as containers and,
# for ARM, as programs, what counts a call's cost, and what a Kubernetes of our own is built and run with. bash, coreutils,
# dpkg, apt, tar and util-linux are on every Debian.
declare -A packages=(
    [sim]="qemu-system-x86 iproute2 gcc make bc bison flex libelf-dev xz-utils"
    [raspi]="qemu-system-arm cpio gzip gcc-aarch64-linux-gnu libc6-dev-arm64-cross make"
    [images]="buildah skopeo make gcc libc6-dev python3"
    [containers]="podman runc qemu-user-static"
    [bench]="valgrind libc6-dbg strace"
    [cluster]="iproute2 openssl libseccomp2 dpkg-dev"
)

usage() {
    cat <<TEXT
usage: scripts/hardware/packages.sh GUEST [--install]

Prints the Debian packages that the guest, or another of the list, needs and this machine lacks, and exits with 1 if
there are any.
With --install (as root) they are installed, without what they recommend.
Guests: sim raspi; scripts/images: images containers; scripts/cluster: cluster; make bench-gate: bench
TEXT
}

guest="${1-}"
case "$guest" in
    -h | --help) usage; exit 0 ;;
    '') usage >&2; exit 64 ;;
esac
if [[ -z "${packages[$guest]-}" || $# -gt 2 || ( $# -eq 2 && "$2" != --install ) ]]; then
    usage >&2
    exit 64
fi
if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: this is no Debian; $guest needs what Debian calls: ${packages[$guest]}" >&2
    exit 1
fi

missing=()
for package in ${packages[$guest]}; do
    # A package that also exists for another architecture has a line for each.
    if ! dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
        missing+=("$package")
    fi
done
((${#missing[@]} > 0)) || exit 0

install=(apt-get install --yes --no-install-recommends "${missing[@]}")
if (($# == 1)); then
    printf 'missing: %s\n' "${missing[*]}"
    printf 'install them as root: %s\n' "${install[*]}"
    exit 1
fi
if ((EUID != 0)); then
    echo "packages.sh: only root can install; run: sudo ${install[*]}" >&2
    exit 1
fi
# A bare machine may have no lists yet, or old ones; where there is no network, what is there must do.
apt-get update --quiet || echo "packages.sh: apt's lists could not be renewed" >&2
DEBIAN_FRONTEND=noninteractive exec "${install[@]}"
