#!/usr/bin/env bash
# Runs cargo so that it makes static binaries for 64-bit ARM Linux, to be run in raspi-guest.sh or on a Pi.
# They are for tests: built fast rather than small.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/hardware/cross-arm64.sh SUBCOMMAND [CARGO-ARGUMENT...]

for example: scripts/hardware/cross-arm64.sh build -p gpiod --bins
             scripts/hardware/cross-arm64.sh test --no-run -p gpiod --test contract

Prints the paths of the programs that cargo made, one a line (of `test`, those of the tests); all else goes to stderr.
The compiler is the first of these:
  1. rustup's, if its toolchain has the target aarch64-unknown-linux-musl, or -gnu
     (-gnu also needs the packages gcc-aarch64-linux-gnu and libc6-dev-arm64-cross);
  2. on Debian 12, x86-64: Debian's rustc-web with its standard library for arm64, which are unpacked once
     (135 MB to fetch, no root) and need the same two packages.
Everything is kept in ${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/hardware.

environment:
  CARGO                                                  the cargo to run (default: cargo)
  CARGO_PROFILE_RELEASE_LTO, _CODEGEN_UNITS, _OPT_LEVEL  as cargo reads them (default here: off, 16, 1)
  CARGO_PROFILE_DEV_DEBUG                                the same (default here: 0)
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    '') usage >&2; exit 64 ;;
esac

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/hardware"
cargo="${CARGO:-cargo}"
mkdir -p "$cache"

need_gcc() {
    if ! command -v aarch64-linux-gnu-gcc >/dev/null || [[ ! -e /usr/aarch64-linux-gnu/lib/libc.a ]]; then
        echo "a linker and a C library for arm64 are missing: see scripts/hardware/packages.sh raspi" >&2
        exit 69
    fi
}

# Debian's compiler, unpacked: the program does not find its own libraries there, so a wrapper tells it.
debian_rustc() {
    local root="$cache/rust-arm64" driver
    exec 9>"$root.lock"
    flock 9
    if [[ ! -e "$root/complete" ]]; then
        rm -rf "$root"
        driver="$("$here/debs.sh" depends libstd-rust-web-dev '^libstd-rust-web-[0-9]')"
        "$here/debs.sh" unpack "$root" rustc-web libstd-rust-web-dev libstd-rust-web-dev:arm64 "$driver" \
            "$("$here/debs.sh" depends "$driver" '^libllvm')"
        cat >"$root/rustc" <<TEXT
#!/bin/sh
export LD_LIBRARY_PATH='$root/usr/lib/x86_64-linux-gnu'
exec '$root/usr/bin/rustc' "\$@"
TEXT
        chmod +x "$root/rustc"
        rm -rf "${root:?}/usr/share"
        "$root/rustc" --version >"$root/complete"
    fi
    exec 9>&-
    echo "$root/rustc"
}

# They would take the place of the target's own below, and the programs would not be static.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS

targets="$(rustup target list --installed 2>/dev/null || true)"
if grep -qx aarch64-unknown-linux-musl <<<"$targets"; then
    target=aarch64-unknown-linux-musl
    # Rust brings musl, the start-up code and this linker along.
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER="${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER:-rust-lld}"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS="-C target-feature=+crt-static"
else
    target=aarch64-unknown-linux-gnu
    need_gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
    if ! grep -qx "$target" <<<"$targets"; then
        if [[ "$(dpkg --print-architecture 2>/dev/null)" != amd64 ]]; then
            echo "no compiler for arm64: rustup target add aarch64-unknown-linux-musl" >&2
            exit 69
        fi
        RUSTC="$(debian_rustc)"
        export RUSTC
    fi
fi

# What is released is made small by fat link-time optimisation in one unit, which takes minutes; here time counts.
export CARGO_PROFILE_RELEASE_LTO="${CARGO_PROFILE_RELEASE_LTO:-off}"
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS="${CARGO_PROFILE_RELEASE_CODEGEN_UNITS:-16}"
export CARGO_PROFILE_RELEASE_OPT_LEVEL="${CARGO_PROFILE_RELEASE_OPT_LEVEL:-1}"
# Debug information takes time to make, and only makes the guest's memory image larger.
export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"
export CARGO_TARGET_DIR="$cache/target-arm64"

subcommand="$1"
shift
echo "cargo $subcommand for $target, in $CARGO_TARGET_DIR" >&2
# cargo tells what it made in JSON, one message a line; a library has no executable (null). Tests bring along the
# programs that they start, which `build` is there to name.
made=
if [[ "$subcommand" == test || "$subcommand" == t ]]; then
    made='"profile":{[^}]*"test":true}.*'
fi
"$cargo" "$subcommand" --target "$target" --message-format=json-render-diagnostics "$@" |
    sed -n "s/.*$made\"executable\":\"\([^\"]*\)\".*/\1/p"
