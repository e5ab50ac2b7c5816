#!/usr/bin/env bash
# Makes ready what boots an emulated Raspberry Pi 3: Debian's arm64 kernel, the board's device tree, the watchdog
# module (a Pi powers off by it) and gpiomem.ko, built here, which gives /dev/gpiomem. Nothing is installed.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/hardware/raspi-kernel.sh 6.1|6.12

Prints the folder that has vmlinuz, board.dtb, bcm2835_wdt.ko, gpiomem.ko and release, the kernel's full version.
It is made once (60 to 100 MB to fetch) in ${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/hardware; remove it to get
Debian's newest of that series.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    6.1) image=linux-image-arm64 ;;
    6.12) image=linux-image-6.12-arm64 ;;
    *) usage >&2; exit 64 ;;
esac

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/hardware"
key="$(cat "$here/raspi/gpiomem.c" "${BASH_SOURCE[0]}" | sha256sum | cut -c1-12)"
folder="$cache/raspi-kernel-$1-$key"

mkdir -p "$cache"
exec 9>"$cache/raspi-kernel-$1.lock"
flock 9
if [[ -e "$folder/complete" ]]; then
    echo "$folder"
    exit 0
fi

for tool in make aarch64-linux-gnu-gcc-12 xz; do
    command -v "$tool" >/dev/null || {
        echo "$tool is missing: see scripts/hardware/packages.sh raspi" >&2
        exit 69
    }
done

rm -rf "$folder"
mkdir -p "$folder"
work="$(mktemp -d "$cache/raspi-kernel.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# The package without a full version depends on the newest one with it.
image="$("$here/debs.sh" depends "$image:arm64" "^linux-image-${1//./\\.}\\..*-arm64\$")"
release="${image#linux-image-}"
headers="linux-headers-$release"
common="${headers%-arm64}-common"
# The programs that build modules run on this machine: they come in its own architecture.
kbuild="$("$here/debs.sh" depends "$headers:arm64" '^linux-kbuild-')"
"$here/debs.sh" unpack "$work" "$image:arm64" "$headers:arm64" "$common" "$kbuild"

cp "$work/boot/vmlinuz-$release" "$folder/vmlinuz"
cp "$work/usr/lib/$image/broadcom/bcm2837-rpi-3-b.dtb" "$folder/board.dtb"
watchdog="$work/lib/modules/$release/kernel/drivers/watchdog/bcm2835_wdt.ko"
if [[ -e "$watchdog.xz" ]]; then
    xz --decompress "$watchdog.xz"
fi
cp "$watchdog" "$folder/"

echo "building gpiomem.ko for $release" >&2
mkdir "$work/gpiomem"
cp "$here/raspi/gpiomem.c" "$work/gpiomem/"
echo 'obj-m := gpiomem.o' >"$work/gpiomem/Kbuild"
# The headers name their other half by the place where it would be installed.
sed -i "s|/usr/src/|$work/usr/src/|" "$work/usr/src/$headers/Makefile"
# No type information for BPF in the module: it would need pahole, and nothing reads it.
make -C "$work/usr/src/$headers" M="$work/gpiomem" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- \
    CC=aarch64-linux-gnu-gcc-12 CONFIG_DEBUG_INFO_BTF_MODULES= modules >"$cache/gpiomem.log" 2>&1 || {
    cat "$cache/gpiomem.log" >&2
    echo "gpiomem.ko could not be built for $release" >&2
    exit 70
}
cp "$work/gpiomem/gpiomem.ko" "$folder/"
echo "$release" >"$folder/release"
touch "$folder/complete"
echo "$folder"
