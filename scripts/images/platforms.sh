# shellcheck shell=bash
# Sourced: the platforms of the images, and what the compilers call them.
# Each line: platform, rustup's target, the target on Debian's route, Debian's architecture of musl, QEMU's program.
#
# linux/arm/v6 (Pi 1, Zero) is no line of its own by default: rustup has musl for it, and so has Debian, for programs that
# pass floats in core registers ("armel"), which a static program may do on any of them.
platform_table='
linux/amd64   x86_64-unknown-linux-musl       x86_64-unknown-linux-musl       amd64  -
linux/arm64   aarch64-unknown-linux-musl      aarch64-unknown-linux-musl      arm64  qemu-aarch64-static
linux/arm/v7  armv7-unknown-linux-musleabihf  armv7-unknown-linux-musleabihf  armhf  qemu-arm-static
linux/arm/v6  arm-unknown-linux-musleabihf    arm-unknown-linux-musleabi      armel  qemu-arm-static
'
# Prints column $2 of the platform $1; nothing for a platform that is not there.
platform() { awk -v platform="$1" -v column="$2" '$1 == platform { print $column }' <<<"$platform_table"; }
# What one tag stands for.
# shellcheck disable=SC2034
default_platforms=(linux/amd64 linux/arm64 linux/arm/v7)
# The programs, each of which is an image.
# shellcheck disable=SC2034
programs=(gpiod light-sensor traffic-light)
# take_platforms ARGUMENT...: the platforms that a command line names, into `platforms`; those of one tag where it names none.
take_platforms() {
    platforms=()
    local argument
    for argument in "$@"; do
        case "$argument" in
            -h | --help) usage; exit 0 ;;
            -*) usage >&2; exit 64 ;;
            *)
                [[ -n "$(platform "$argument" 1)" ]] || { echo "no platform $argument" >&2; exit 64; }
                platforms+=("$argument")
                ;;
        esac
    done
    ((${#platforms[@]})) || platforms=("${default_platforms[@]}")
    # Each once, in the table's order: the order in an image is part of its digest.
    mapfile -t platforms < <(awk 'NR == FNR { named[$1]; next } $1 in named { print $1 }' \
        <(printf '%s\n' "${platforms[@]}") - <<<"$platform_table")
}
