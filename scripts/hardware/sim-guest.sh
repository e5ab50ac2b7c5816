#!/usr/bin/env bash
# Runs a command in a tiny x86-64 guest whose kernel has the GPIO simulator, so that tests meet a real GPIO character
# device on machines that have none. It is emulated (TCG): 2 to 4 s until the command starts and 3 to 8 s for `true`
# as a whole, measured on two processors with much else to do.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

usage() {
    cat <<'TEXT'
usage: scripts/hardware/sim-guest.sh [OPTION]... COMMAND [ARGUMENT...]

Runs COMMAND as root in a guest, in the same working directory, with the same PATH and HOME, no other variable, and
the same files, read-only, as far as you may read them here. /tmp, /var/tmp, /run and /dev are the guest's own.
Standard input is empty; standard output and error both come to standard output. What COMMAND leaves running is killed.

options:
  --cpus N            processors of the guest (default: 2, at most 4)
  --memory MIB        its memory (default: 512)
  --timeout SECONDS   how long the guest may take, with its boot (default: 120)
  --env NAME[=VALUE]  pass an environment variable; without VALUE, as it is here
  --share DIRECTORY   a folder of the host that the guest may write to, at the same path

exit code: COMMAND's (128 + N when signal N killed it), or
  64   wrong usage
  124  time was over
  125  the guest did not start or did not reach COMMAND's end; why is told on standard error

environment:
  SIM_KERNEL  a bzImage to boot in place of what sim-kernel.sh builds
TEXT
}

complain() {
    echo "sim-guest.sh: $*" >&2
}

wrong_usage() {
    complain "$*"
    usage >&2
    exit 64
}

number() {
    [[ "$2" =~ ^[1-9][0-9]{0,5}$ ]] || wrong_usage "$1 takes a number above 0, not '$2'"
}

cpus=2
memory=512
limit=120
shares=()
environment=("PATH=$PATH" "HOME=${HOME:-/root}")
while (($# > 0)); do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --) shift; break ;;
        --cpus | --memory | --timeout | --env | --share)
            (($# > 1)) || wrong_usage "$1 takes a value"
            case "$1" in
                --cpus) number "$1" "$2"; cpus="$2" ;;
                --memory) number "$1" "$2"; memory="$2" ;;
                --timeout) number "$1" "$2"; limit="$2" ;;
                --env)
                    [[ "$2" =~ ^[A-Za-z_][A-Za-z0-9_]*(=|$) ]] || wrong_usage "--env takes NAME or NAME=VALUE, not '$2'"
                    if [[ "$2" == *=* ]]; then
                        environment+=("$2")
                    elif [[ -v "$2" ]]; then
                        environment+=("$2=${!2}")
                    fi
                    ;;
                --share)
                    [[ -d "$2" ]] || wrong_usage "--share takes a folder, and '$2' is none"
                    shares+=("$(cd "$2" && pwd -P)")
                    ;;
            esac
            shift 2
            ;;
        -*) wrong_usage "unknown option $1" ;;
        *) break ;;
    esac
done
(($# > 0)) || wrong_usage "no command given"
((cpus <= 4)) || wrong_usage "the guest's kernel knows at most 4 processors"

if [[ "$(uname -sm)" != "Linux x86_64" ]]; then
    complain "the guest runs the host's programs, so it needs Linux on x86-64; this is $(uname -sm)"
    exit 125
fi
if ! command -v qemu-system-x86_64 >/dev/null; then
    complain "qemu-system-x86_64 is missing: see scripts/hardware/packages.sh sim"
    exit 125
fi
kernel="${SIM_KERNEL:-}"
if [[ -z "$kernel" ]]; then
    kernel="$("$here/sim-kernel.sh")" || { complain "there is no kernel to boot, see above"; exit 125; }
fi
if [[ ! -r "$kernel" ]]; then
    complain "there is no kernel $kernel"
    exit 125
fi

# The folder that both sides share: what to run goes in, output and exit code come out.
# Files, since a file neither mangles bytes as a serial line does, nor loses what is under way when the emulator ends.
shared="$(mktemp -d "${TMPDIR:-/tmp}/sim-guest.XXXXXX")"
guest=
# shellcheck disable=SC2317  # called by the trap
clean_up() {
    if [[ -n "$guest" ]]; then
        kill "$guest" 2>/dev/null || true
    fi
    rm -rf "$shared"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

: >"$shared/output"
printf '%s\0' "$@" >"$shared/command"
printf '%s\0' "${environment[@]}" >"$shared/environment"
printf '%s\0' "$PWD" >"$shared/directory"
mkdir "$shared/dev"
ln -s /proc/self/fd "$shared/dev/fd"
ln -s fd/0 "$shared/dev/stdin"
ln -s fd/1 "$shared/dev/stdout"
ln -s fd/2 "$shared/dev/stderr"
cat >"$shared/fstab" <<'FSTAB'
proc /proc proc
sysfs /sys sysfs
configfs /sys/kernel/config configfs
debugfs /sys/kernel/debug debugfs
tracefs /sys/kernel/tracing tracefs
devpts /dev/pts devpts X-mount.mkdir
tmpfs /dev/shm tmpfs X-mount.mkdir,mode=1777
tmpfs /run tmpfs mode=755
tmpfs /var/tmp tmpfs mode=1777
tmpfs /tmp tmpfs mode=1777
FSTAB

drives=()
# drive TAG DIRECTORY MOUNT_POINT
drive() {
    # In QEMU's options a comma is doubled; in fstab a blank is \040.
    drives+=(-virtfs "local,mount_tag=$1,path=${2//,/,,},security_model=none,multidevs=remap")
    local place="${3//\\/\\134}"
    echo "$1 ${place// /\\040} 9p trans=virtio,version=9p2000.L,msize=262144,cache=mmap,X-mount.mkdir" >>"$shared/fstab"
}
drive shared "$shared" /run/sim-guest
for index in "${!shares[@]}"; do
    drive "share$index" "${shares[index]}" "${shares[index]}"
done

timeout --kill-after=5 "$limit" qemu-system-x86_64 \
    -M q35 -accel tcg,thread=multi -cpu max -smp "$cpus" -m "$memory" -nodefaults -no-user-config -no-reboot -display none \
    -kernel "$kernel" \
    -virtfs "local,mount_tag=root,path=/,security_model=none,readonly=on,multidevs=remap" "${drives[@]}" \
    -chardev "file,id=console,path=$shared/console" -serial chardev:console \
    -append "root=root rootfstype=9p rootflags=trans=virtio,version=9p2000.L,msize=262144,cache=loose ro \
console=ttyS0 panic=-1 oops=panic tsc=reliable init=\"$here/sim-init.sh\" sim_guest=\"$shared\"" \
    </dev/null >"$shared/emulator" 2>&1 &
guest=$!
# In the background, since bash answers a signal only between commands; `wait` can be interrupted.
tail --follow --lines=+1 --sleep-interval=0.05 --pid="$guest" "$shared/output" &
wait $! || true
ended=0
wait "$guest" || ended=$?
guest=

# What the kernel said while the command ran, or at the end of a boot that did not come that far.
kernel_words() {
    local start="sim-guest: the command starts" end="sim-guest: the command ended"
    if grep -qs "$start" "$shared/console"; then
        sed "1,/$start/d; /$end/,\$d" "$shared/console"
    else
        tail --lines=40 "$shared/console" 2>/dev/null
    fi | tr -d '\r'
}

status="$(cat "$shared/status" 2>/dev/null || true)"
if [[ "$status" =~ ^exit\ ([0-9]+)$ ]]; then
    ((BASH_REMATCH[1] == 0)) || kernel_words >&2
    exit "${BASH_REMATCH[1]}"
fi
if [[ -s "$shared/failure" ]]; then
    complain "$(cat "$shared/failure")"
    exit 125
fi
if ((ended == 124 || ended == 137)); then
    code=124
    complain "time was over after $limit s"
else
    code=125
    complain "the guest ended before the command did; the last words of emulator and kernel:"
    cat "$shared/emulator" >&2
fi
kernel_words >&2 || true
exit "$code"
