#!/usr/bin/env bash
# Debian 12's Rust compiler with musl for the platforms of the images, for machines on which rustup has no such target:
# packages unpacked into the cache and put in order as a rustup toolchain is. Nothing is installed into the system.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/images/platforms.sh
. "$here/platforms.sh"

root="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/images/rust"

usage() {
    cat <<TEXT
usage: scripts/images/toolchain.sh [--install] PLATFORM...
       scripts/images/toolchain.sh --install      for ${default_platforms[*]}

Prints the path of a rustc that builds for the platforms, such as linux/arm/v7, together with a cargo that is told
-Zbuild-std. With --install it is fetched first where it is missing (180 MB for the compiler, 0.5 MB for each platform;
700 MB unpacked); without, this fails with 69 then, and says so.
It is in \${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/images/rust. Remove that folder for a newer one.
TEXT
}

install='' named=()
for argument in "$@"; do
    if [[ "$argument" == --install ]]; then install=yes; else named+=("$argument"); fi
done
(($# > 0)) || { usage >&2; exit 64; }
take_platforms "${named[@]}"

# The compiler, and std's source, which Debian has whole with what it depends on.
unpack_compiler() {
    local new="$root.new" driver libraries
    rm -rf "$new"
    driver="$("$here/../hardware/debs.sh" depends libstd-rust-web-dev '^libstd-rust-web-[0-9]')"
    "$here/../hardware/debs.sh" unpack "$new" rustc-web libstd-rust-web-dev "$driver" \
        "$("$here/../hardware/debs.sh" depends "$driver" '^libllvm')"
    "$here/../hardware/debs.sh" unpack --only './usr/src/rustc-*/library/*' "$new" rust-web-src
    mkdir -p "$new/usr/lib/rustlib/src/rust"
    mv "$new"/usr/src/rustc-*/library "$new/usr/lib/rustlib/src/rust/library"
    rm -rf "${new:?}/usr/src" "${new:?}/usr/share"
    libraries="$(cd "$new/usr/lib" && echo ./*-linux-gnu)"
    # The program does not find its own libraries there, so a wrapper tells it.
    cat >"$new/rustc" <<TEXT
#!/bin/sh
export LD_LIBRARY_PATH=$(printf %q "$root/usr/lib/${libraries#./}")
exec $(printf %q "$root/usr/bin/rustc") "\$@"
TEXT
    chmod +x "$new/rustc"
    mv "$new" "$root"
}

# What rustup's target for musl holds in this folder: musl, its start-up code, and something for std's libunwind.
unpack_platform() {
    local platform="$1" folder="$2" unpacked target object
    target="$(platform "$platform" 3)"
    unpacked="$(mktemp -d "$root/musl.XXXXXX")"
    "$here/../hardware/debs.sh" unpack "$unpacked" "musl-dev:$(platform "$platform" 4)"
    mkdir -p "$folder"
    cp "$unpacked"/usr/lib/*-linux-musl*/{crt1.o,crti.o,crtn.o,libc.a} "$folder/"
    rm -rf "$unpacked"
    export RUSTC_BOOTSTRAP=1
    "$root/rustc" --target "$target" --edition 2024 -O -Cpanic=abort --crate-type staticlib --crate-name unwind \
        "$here/no_unwind.rs" -o "$folder/libunwind.a"
    # Lists of what is to be done before main and after it, which Rust has no use for.
    for object in crtbegin crtend; do
        echo '#![feature(no_core)] #![no_core]' | "$root/rustc" --target "$target" --edition 2024 -Cpanic=abort \
            --crate-type lib --crate-name "$object" --emit "obj=$folder/$object.o" -
    done
    touch "$folder/complete"
}

mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
for platform in "${platforms[@]}"; do
    folder="$root/usr/lib/rustlib/$(platform "$platform" 3)/lib/self-contained"
    [[ ! -e "$folder/complete" ]] || continue
    if [[ -z "$install" ]]; then
        echo "no compiler for $platform: rustup target add $(platform "$platform" 2)" >&2
        echo "or, with Debian's packages: scripts/images/toolchain.sh --install ${platforms[*]}" >&2
        exit 69
    fi
    {
        [[ -x "$root/rustc" ]] || unpack_compiler
        unpack_platform "$platform" "$folder"
    } >&2
done
exec 9>&-
echo "$root/rustc"
