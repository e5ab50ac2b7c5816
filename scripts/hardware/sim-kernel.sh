#!/usr/bin/env bash
# Builds the kernel of the simulator guest from Debian's source, since no Debian kernel has GPIO_SIM, and prints its path.
# It takes minutes once and is cached; afterwards this is a matter of a second and needs no network.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

source_package=linux-source-6.1
options="$here/sim-kernel.config"
# Counts up when the way to build changes what comes out.
recipe=1

usage() {
    cat <<TEXT
usage: scripts/hardware/sim-kernel.sh

Prints the path of the guest's kernel (a bzImage). If it is not in the cache, it is built from the newest
$source_package that apt offers, with the options of sim-kernel.config: about 140 MB to download, 2 GB in the cache
while it is built, 3 MB afterwards. If apt offers a newer one than the cache has and cannot fetch it, the cached one counts.

The cache is \${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/hardware.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    '') ;;
    *) usage >&2; exit 64 ;;
esac

complain() {
    echo "sim-kernel.sh: $*" >&2
}

# step WHAT COMMAND...: says what takes long, and how long it took.
step() {
    local what="$1" start=$SECONDS
    shift
    complain "$what ..."
    if ! "$@" >&2; then
        complain "$what: failed after $((SECONDS - start)) s"
        return 1
    fi
    complain "$what: $((SECONDS - start)) s"
}

cache="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/hardware"
# Comments do not shape the kernel.
key="$({ echo "recipe $recipe"; sed '/^#/d; /^$/d' "$options"; } | sha256sum | cut -c1-12)"

# The newest cached kernel with these options, of whatever source version; a version's ~ sorts as Debian means it.
cached="$(find "$cache" -mindepth 2 -maxdepth 2 -path "$cache/sim-kernel-*-$key/bzImage" 2>/dev/null | sort --version-sort | tail -n 1 || true)"

# Asking apt takes a second, and what it knows changes with its lists only.
lists=/var/lib/apt/lists
if [[ -n "$cached" && ! "$lists" -nt "$cached" ]]; then
    echo "$cached"
    exit 0
fi

version="$(apt-cache show --no-all-versions "$source_package" 2>/dev/null | sed -n 's/^Version: //p' || true)"
kernel="$cache/sim-kernel-$version-$key/bzImage"

# use_cached WHY: prints the kernel that is there and ends, if one is. It is good until apt's lists change again.
use_cached() {
    if [[ -n "$cached" ]]; then
        complain "$*; using the cached $cached"
        touch "$cached" 2>/dev/null || true
        echo "$cached"
        exit 0
    fi
}

if [[ -z "$version" ]]; then
    use_cached "apt knows no $source_package"
    complain "apt knows no $source_package, which is part of Debian 12; on Debian 12, run: apt-get update"
    exit 1
fi
if [[ "$cached" == "$kernel" ]]; then
    touch "$kernel" 2>/dev/null || true
    echo "$kernel"
    exit 0
fi

if ! "$here/packages.sh" sim >&2; then
    use_cached "$source_package $version cannot be built without these packages"
    exit 1
fi
mkdir -p "$cache"
exec 9>"$cache/sim-kernel.lock"
if ! flock --nonblock 9; then
    complain "another process builds, waiting for it"
    flock 9
fi
if [[ -e "$kernel" ]]; then
    echo "$kernel"
    exit 0
fi

# What a killed build left behind: nobody else builds now.
rm -rf "$cache"/sim-kernel.building.*
work="$(mktemp -d "$cache/sim-kernel.building.XXXXXX")"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$work"

download() {
    # Without apt's own user, who may not write here.
    apt-get download --quiet -o APT::Sandbox::User="$(id -un)" "$source_package=$version"
}
unpack() {
    dpkg-deb --fsys-tarfile "$source_package"_*.deb |
        tar --extract --to-stdout "./usr/src/$source_package.tar.xz" |
        tar --extract --xz
}
# The same for everybody, and nothing from a make that called us.
build() {
    env -u MAKEFLAGS -u MFLAGS KBUILD_BUILD_USER=gpiod KBUILD_BUILD_HOST=gpiod KBUILD_BUILD_TIMESTAMP="$version" \
        make --silent --directory "$source_package" ARCH=x86_64 CROSS_COMPILE= "$@"
}
configure() {
    build KCONFIG_ALLCONFIG="$options" allnoconfig || return 1
    local line wrong=0
    while read -r line; do
        case "$line" in
            CONFIG_*=n) ! grep -q "^${line%n}" "$source_package/.config" ;;
            CONFIG_*) grep -qxF "$line" "$source_package/.config" ;;
        esac || { complain "$line does not come out: an option it depends on is missing"; wrong=1; }
    done <"$options"
    return "$wrong"
}

if ! step "downloading $source_package $version, 140 MB" download; then
    use_cached "$source_package $version cannot be downloaded"
    complain "$source_package $version cannot be downloaded: is there a network? apt's lists may be old: apt-get update"
    exit 1
fi
step "unpacking, 1.5 GB" unpack
step "configuring" configure
step "compiling with $(nproc) processors, which takes ten minutes of processor time" build --jobs="$(nproc)" bzImage

mkdir entry
mv "$source_package/arch/x86/boot/bzImage" "$source_package/.config" entry
mv entry "${kernel%/bzImage}"
complain "removing the source"
echo "$kernel"
