#!/usr/bin/env bash
# Runs cargo-deny in the one version that deny.toml is written for, installed into the cache when it is missing.
set -euo pipefail

version=0.20.2

usage() {
    cat <<TEXT
usage: scripts/cargo-deny.sh ARGUMENT...

Runs cargo-deny $version with the arguments, for example: check bans licenses sources
A cargo-deny of this version in PATH is used; else it is built once (about two minutes)
into \${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/cargo-deny-$version.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    '') usage >&2; exit 64 ;;
esac

if [[ "$(cargo-deny --version 2>/dev/null || true)" == "cargo-deny $version" ]]; then
    exec cargo-deny "$@"
fi

root="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/cargo-deny-$version"
if [[ ! -x "$root/bin/cargo-deny" ]]; then
    echo "building cargo-deny $version into $root" >&2
    cargo install --quiet --locked --root "$root" --version "$version" cargo-deny
fi
exec "$root/bin/cargo-deny" "$@"
