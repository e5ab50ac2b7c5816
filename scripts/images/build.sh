#!/usr/bin/env bash
# Builds the programs of the images: static, small, the same bytes wherever they are built by the same compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/images/platforms.sh
. scripts/images/platforms.sh
# shellcheck source=scripts/images/commit.sh
. scripts/images/commit.sh

install=()
out="${CARGO_TARGET_DIR:-target}/images"

usage() {
    cat <<TEXT
usage: scripts/images/build.sh [--install] [PLATFORM...]

Builds ${programs[*]} for each platform (default: ${default_platforms[*]})
and puts them into images/PLATFORM below cargo's target directory, each with the linker's map beside it (PROGRAM.map).
The compiler is the first of these that is there:
  1. rustup's, on stable flags, if the project's toolchain has the platform's target (rustup target list --installed):
$(awk 'NF { printf "       %-13s %s\n", $1, $2 }' <<<"$platform_table")
  2. on Debian 12: rustc-web, which builds std anew and for size (smaller by some 150 KB), see toolchain.sh;
     --install lets that be fetched into the cache where it is missing.
Both link with rustup's rust-lld; no C compiler for the platform is needed. What is missing is named, with exit status 69.
The compiler, the commit and the version are written beside the programs, for the images' labels.

environment:
  IMAGES_COMPILER  rustup or debian: that one, whatever else is there
  IMAGE_REVISION   the commit; default: git's, with -dirty if something is not committed
TEXT
}

named=()
for argument in "$@"; do
    if [[ "$argument" == --install ]]; then install=(--install); else named+=("$argument"); fi
done
take_platforms "${named[@]}"
case "${IMAGES_COMPILER-}" in
    '' | rustup | debian) ;;
    *) echo "IMAGES_COMPILER is rustup or debian, not $IMAGES_COMPILER" >&2; exit 64 ;;
esac
for tool in cargo rustc; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: see https://rustup.rs" >&2; exit 69; }
done
revision="$(commit_revision)"
version="$(commit_version)"

# They would take the place of what is chosen below.
unset RUSTC RUSTC_BOOTSTRAP RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTUP_TOOLCHAIN
for name in $(compgen -e CARGO_); do
    case "$name" in
        CARGO_BUILD_JOBS) ;;
        CARGO_BUILD_* | CARGO_PROFILE_* | CARGO_UNSTABLE_* | CARGO_INCREMENTAL | CARGO_ENCODED_RUSTFLAGS) unset "$name" ;;
    esac
done
mkdir -p "$out"
out="$(cd "$out" && pwd)"
# Wherever else cargo was set to put it.
CARGO_TARGET_DIR="$(dirname "$out")"
export CARGO_TARGET_DIR
lld="$(find "$(rustc --print sysroot)/lib/rustlib" -path '*/bin/rust-lld' | head -n 1)"
if [[ -z "$lld" ]]; then
    echo "this Rust has no rust-lld: use the one that rustup installs" >&2
    exit 69
fi
# The linker as it is, but for a map of what became of each section, beside what it makes, and, where IMAGES_NO_PRINTF is
# set, for musl's snprintf, twelve kilobytes or more: all that asks for it is the name of a thread that somebody else gives,
# and here each thread names itself. Whoever gave one all the same would end the program, and whatever else came to ask for
# it ends the build. So does what came to ask for the rest of musl's printf: see below.
cat >"$out/link" <<TEXT
#!/usr/bin/env bash
for ((i = 1; i < \$#; i++)); do
    [[ "\${!i}" != -o ]] || { j=\$((i + 1)); made="\${!j}"; }
done
: "\${made:?the linker is not told here what it makes}"
options=("-Map=\$made.map")
[[ -z "\${IMAGES_NO_PRINTF-}" ]] || options+=(--defsym=snprintf=abort --trace-symbol=snprintf)
told="\$($(printf %q "$lld") "\$@" "\${options[@]}")" || exit
others="\$(grep ': reference to snprintf$' <<<"\$told" | grep -v '(pthread_setname_np\.l\{0,1\}o):' || true)"
[[ -z "\$others" ]] || { echo "snprintf is wanted: \$others" >&2; exit 1; }
TEXT
chmod +x "$out/link"

cargo fetch --locked --quiet
installed="$(rustup target list --installed 2>/dev/null || true)"

for platform in "${platforms[@]}"; do
    # No address in the program is left to be changed when it is loaded, and nothing unwinds its stack: see images/README.md.
    flags=(
        -Clinker-flavor=ld.lld -Clink-self-contained=yes -Ctarget-feature=+crt-static -Crelocation-model=static
        -Cforce-unwind-tables=no -Csymbol-mangling-version=v0 -Clink-arg=--icf=all
        "--remap-path-prefix=$PWD=" "--remap-path-prefix=$CARGO_TARGET_DIR="
    )
    # ARM's short instructions, which every processor of this platform has, make a quarter less.
    [[ "$platform" != linux/arm/v7 ]] || flags+=(-Ctarget-feature=+thumb-mode)
    # What functions have in common becomes a function, as the compiler does by itself for arm64 alone. What stands on the
    # stack is said in fewer bytes beside a frame pointer, and then is in common more often. A choice of few is comparisons:
    # a table has 8 bytes for each.
    [[ "$platform" != linux/amd64 ]] || flags+=(
        -Cforce-frame-pointers=yes "-Cllvm-args=-enable-machine-outliner=always -min-jump-table-entries=24"
    )
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
        flags+=("--remap-path-prefix=$registry=")
    done
    build=(cargo build --locked --profile image)
    unset IMAGES_NO_PRINTF
    compiler="${IMAGES_COMPILER-}"
    if [[ -z "$compiler" ]]; then
        compiler=debian
        ! grep -qx "$(platform "$platform" 2)" <<<"$installed" || compiler=rustup
    fi
    if [[ "$compiler" == rustup ]]; then
        target="$(platform "$platform" 2)"
        grep -qx "$target" <<<"$installed" || { echo "no compiler for $platform: rustup target add $target" >&2; exit 69; }
    else
        target="$(platform "$platform" 3)"
        RUSTC="$(scripts/images/toolchain.sh "${install[@]}" "$platform")"
        # std is built by flags that the stable compiler knows but keeps for others.
        export RUSTC RUSTC_BOOTSTRAP=1
        # rustup's programs have an unwinder, which prints.
        export IMAGES_NO_PRINTF=yes
        build+=("-Zbuild-std=std,panic_abort" -Zbuild-std-features=optimize_for_size)
        # More than 16 bytes are copied or set by a call. The compiler that rustup has recurses without end by the last of these.
        [[ "$platform" != linux/amd64 ]] ||
            flags+=("-Cllvm-args=-max-store-memcpy=1 -max-store-memmove=1 -max-store-memset=1")
        flags+=("--remap-path-prefix=$(dirname "$RUSTC")/usr/lib/rustlib/src/rust/library=")
    fi
    variable="CARGO_TARGET_$(tr a-z- A-Z_ <<<"$target")_LINKER"
    export "$variable=$out/link"
    CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f' && echo "${flags[*]}")"
    export CARGO_ENCODED_RUSTFLAGS
    made="$CARGO_TARGET_DIR/$target/image"
    mkdir -p "$out/$platform"
    # What was linked without a map beside it is linked again: cargo looks for its own files alone.
    for program in "${programs[@]}"; do
        for linked in "$made/deps/${program//-/_}"-*; do
            [[ "$linked" == *.* || -e "$linked.map" ]] || rm -f "$linked"
        done
    done
    # What is half done is not packed.
    rm -f "$out/$platform"/{compiler,revision,version}
    begin=$SECONDS
    echo "building for $platform: $target, $("${RUSTC:-rustc}" --version)" >&2
    # The apps apart from gpiod: what it asks of libraries would be in theirs, too.
    "${build[@]}" --target "$target" -p gpiod
    "${build[@]}" --target "$target" -p light-sensor -p traffic-light
    gone=()
    for program in "${programs[@]}"; do
        map="$out/$platform/$program.map"
        install -m 755 "$made/$program" "$out/$platform/$program"
        rm -f "$map.new"
        # The map of these very bytes: cargo keeps those of other compilers beside them.
        for candidate in "$made/deps/${program//-/_}"-*.map; do
            ! cmp -s "${candidate%.map}" "$made/$program" || cp "$candidate" "$map.new"
        done
        [[ -e "$map.new" ]] || { gone+=("$made/deps/${program//-/_}-*"); continue; }
        mv "$map.new" "$map"
        [[ -z "${IMAGES_NO_PRINTF-}" ]] || ! grep -q 'libc\.a(v[a-z]*printf\.l\{0,1\}o)' "$map" ||
            { echo "$program has musl's printf now: $map says what is beside it" >&2; exit 1; }
    done
    ((${#gone[@]} == 0)) || { echo "the linker's maps are gone: rm these and build again:" "${gone[@]}" >&2; exit 66; }
    echo "$compiler: $("${RUSTC:-rustc}" --version)" >"$out/$platform/compiler"
    echo "$version" >"$out/$platform/version"
    echo "$revision" >"$out/$platform/revision"
    unset RUSTC RUSTC_BOOTSTRAP
    echo "built for $platform in $((SECONDS - begin)) s" >&2
done
