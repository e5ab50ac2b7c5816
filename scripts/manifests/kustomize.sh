#!/usr/bin/env bash
# Renders a folder of k8s/ by a kustomize of version 5: the one in PATH, the one within kubectl, or Debian 13's.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/manifests/kustomize.sh FOLDER

Prints what `kubectl apply -k FOLDER` would apply. Where neither kustomize 5 nor kubectl 1.27 or newer is in PATH, Debian
13's kustomize is unpacked, not installed, into ${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/kustomize.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    '') usage >&2; exit 64 ;;
esac
[[ $# -eq 1 ]] || { usage >&2; exit 64; }

if [[ "$(kustomize version 2>/dev/null || true)" == *v5.* ]]; then
    exec kustomize build "$1"
fi
if kubectl version --client 2>/dev/null | grep -q '^Kustomize Version: v5\.'; then
    exec kubectl kustomize "$1"
fi

unpacked="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/kustomize"
if [[ ! -e "$unpacked/complete" ]]; then
    command -v apt-get >/dev/null || { echo "kustomize.sh: install kubectl 1.27 or newer, or kustomize 5" >&2; exit 69; }
    mkdir -p "$unpacked"
    exec 9>"$unpacked/lock"
    flock 9
    if [[ ! -e "$unpacked/complete" ]]; then
        echo "fetching Debian 13's kustomize into $unpacked" >&2
        # A state of its own, with this system's own mirror and keys, and one release further.
        mkdir -p "$unpacked/state/lists/partial" "$unpacked/cache/archives/partial"
        touch "$unpacked/state/status"
        # shellcheck disable=SC2016  # apt's own variable
        mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | sort -u | grep '/debian/*$' | head -n 1)"
        [[ -n "$mirror" ]] || { echo "kustomize.sh: /etc/apt names no mirror of Debian" >&2; exit 69; }
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$unpacked/sources.list"
        options=(
            -q -o "Dir::State=$unpacked/state" -o "Dir::State::status=$unpacked/state/status" -o "Dir::Cache=$unpacked/cache"
            -o "Dir::Etc::sourcelist=$unpacked/sources.list" -o Dir::Etc::sourceparts=/dev/null
            -o "APT::Sandbox::User=$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3
        )
        apt-get "${options[@]}" -o APT::Update::Error-Mode=any update >&2 || exit 69
        (cd "$unpacked" && apt-get "${options[@]}" download kustomize >&2) || exit 69
        dpkg-deb --extract "$unpacked"/kustomize_*.deb "$unpacked"
        rm -rf "$unpacked/state" "$unpacked/cache" "$unpacked"/kustomize_*.deb
        touch "$unpacked/complete"
    fi
    exec 9>&-
fi
exec "$unpacked/usr/bin/kustomize" build "$1"
