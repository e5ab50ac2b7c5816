#!/usr/bin/env bash
# Runs a command in an emulated Raspberry Pi 3 (QEMU's raspi3b) under Debian's arm64 kernel, with /dev/gpiomem and
# /dev/gpiochip0 but without /dev/mem. From start to exit it takes 7 CPU seconds with 6.1 and 11 with 6.12, without KVM;
# on two busy cores that was 11 to 25 seconds.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/hardware/raspi-guest.sh [OPTION]... [--] COMMAND [ARGUMENT...]

  --kernel 6.1|6.12              which of Debian's kernels (default: 6.1)
  --append "KERNEL ARGUMENTS"    added to the kernel's command line
  --timeout SECONDS              for all of it, boot included (default: 120)
  --file HOSTPATH[:GUESTPATH]    puts a file or a folder into the guest (default: /usr/local/bin/NAME, which is in
                                 PATH); may be given again. Programs must be static ones for arm64: cross-arm64.sh

COMMAND runs as root in a guest that has busybox and loopback, in /. It gets no input; standard output and error both
come to standard output, line by line. What it leaves running ends with the guest.

exit code: COMMAND's, or
  64   wrong usage
  124  time was over
  125  the guest did not start or did not reach COMMAND's end; what it said is on standard error

Kernel and busybox are fetched once into the cache (raspi-kernel.sh).
TEXT
}

kernel=6.1
append=
timeout=120
files=()
while [[ $# -gt 0 ]]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --) shift; break ;;
        --kernel | --append | --timeout | --file)
            [[ $# -ge 2 ]] || { usage >&2; exit 64; }
            case "$1" in
                --kernel) kernel="$2" ;;
                --append) append="$2" ;;
                --timeout) timeout="$2" ;;
                --file) files+=("$2") ;;
            esac
            shift 2
            ;;
        -*) usage >&2; exit 64 ;;
        *) break ;;
    esac
done
if [[ $# -eq 0 || ! "$timeout" =~ ^[1-9][0-9]*$ ]]; then
    usage >&2
    exit 64
fi

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/hardware"
for tool in qemu-system-aarch64 cpio; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: see scripts/hardware/packages.sh raspi" >&2; exit 125; }
done
boot="$("$here/raspi-kernel.sh" "$kernel")" || exit 125

busybox="$cache/busybox-arm64/bin/busybox"
if [[ ! -e "$busybox" ]]; then
    # Unpacked beside it and moved, so that nobody finds half of it.
    new="$(mktemp -d "$cache/busybox.XXXXXX")"
    "$here/debs.sh" unpack "$new" busybox-static:arm64 || exit 125
    mv -T "$new" "$cache/busybox-arm64" 2>/dev/null || rm -rf "$new"
fi

work="$(mktemp -d)"
qemu=
# shellcheck disable=SC2317  # reached by the trap
finish() {
    if [[ -n "$qemu" ]]; then
        kill "$qemu" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

root="$work/root"
mkdir -p "$root"/{bin,dev,etc,modules,proc,root,run,sys,tmp,usr/local/bin}
cp "$busybox" "$root/bin/"
cp "$boot"/*.ko "$root/modules/"
cp "$here/raspi/init.sh" "$root/init"
mark="=== $RANDOM$RANDOM"
echo "$mark" >"$root/mark"
# Each word between single quotes, so that the guest's shell takes it as it is.
{
    printf 'exec'
    for word in "$@"; do
        printf " '%s'" "${word//\'/\'\\\'\'}"
    done
    echo
} >"$root/command"
for file in "${files[@]}"; do
    from="${file%%:*}"
    to="/usr/local/bin/$(basename "$from")"
    if [[ "$file" == *:* ]]; then
        to="${file#*:}"
    fi
    [[ -e "$from" ]] || { echo "no such file to put into the guest: $from" >&2; exit 125; }
    mkdir -p "$root/$(dirname "$to")"
    cp -RL --preserve=mode "$from" "$root/$to"
done
chmod +x "$root/init"
# Not compressed: the emulated processor would take longer to unpack it than QEMU to load it.
(cd "$root" && find . -print0 | cpio --null --create --format=newc --owner=0:0 --quiet) >"$work/initramfs"

# The kernel's console is the second serial port, as on a Pi. A panic reboots, which ends QEMU. To say little and to
# leave out the self-tests of ciphers saves seconds.
exec 3< <(exec timeout --kill-after=5 "$timeout" qemu-system-aarch64 -M raspi3b \
    -kernel "$boot/vmlinuz" -dtb "$boot/board.dtb" -initrd "$work/initramfs" \
    -append "console=ttyS1,115200 rdinit=/init panic=-1 quiet cryptomgr.notests $append" \
    -display none -monitor none -no-reboot -serial null -serial stdio </dev/null 2>"$work/qemu")
qemu=$!

status=
began=
shows=
while IFS= read -r -u 3 line || [[ -n "$line" ]]; do
    if [[ -z "$shows" ]]; then
        line="${line%$'\r'}"
        # The console may have sent a stray byte before it.
        if [[ "$line" == *"$mark begin" ]]; then
            began=yes
            shows=yes
        else
            echo "$line" >>"$work/log"
            # A panic this early finds no watchdog to reboot with, and QEMU would idle until time is over.
            if [[ "$line" == *"Reboot failed -- System halted"* ]]; then
                kill "$qemu"
            fi
        fi
    elif [[ "$line" == *"$mark end "* ]]; then
        # A last line without an end stands before the mark.
        printf '%s' "${line%"$mark end "*}"
        status="${line##*"$mark end "}"
        shows=
    else
        printf '%s\n' "$line"
    fi
done

ended=0
wait "$qemu" || ended=$?
qemu=
if [[ -n "$status" ]]; then
    exit "$status"
fi
if [[ "$ended" == 124 && -n "$began" ]]; then
    echo "out of time: the command was not done after $timeout seconds, boot included" >&2
    exit 124
fi
tail -n 60 "$work/log" >&2 2>/dev/null || true
if [[ "$ended" == 124 ]]; then
    echo "out of time: the guest had not booted after $timeout seconds" >&2
    exit 124
fi
cat "$work/qemu" >&2
echo "the guest failed: QEMU ended ($ended) before the command did; --append loglevel=8 makes the kernel say more" >&2
exit 125
