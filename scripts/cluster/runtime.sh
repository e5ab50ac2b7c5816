#!/usr/bin/env bash
# What Kubernetes runs on, out of Debian's packages, unpacked into the cache and not installed; prints the folder.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

# The last one's program holds a pod's namespaces, as registry.k8s.io/pause does elsewhere.
packages=(etcd-server containerd runc containernetworking-plugins catatonit)

usage() {
    cat <<TEXT
usage: scripts/cluster/runtime.sh [--cached]

Prints a folder with the programs of ${packages[*]}, which are
fetched once (40 MB, 150 MB unpacked). With --cached nothing is fetched: 69 where it is not there.

The cache is \${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/cluster. Remove the folder there for newer ones.
TEXT
}

cached_only=
case "${1-}" in
    -h | --help) usage; exit 0 ;;
    --cached) cached_only=yes ;;
    '') ;;
    *) usage >&2; exit 64 ;;
esac

cache="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/cluster"
folder="$cache/runtime-$(echo "${packages[*]}" | sha256sum | cut -c1-12)"
cached() { [[ -e "$folder/SHA256SUMS" ]] && (cd "$folder" && sha256sum --quiet --check SHA256SUMS) >&2; }

if ! cached; then
    if [[ -n "$cached_only" ]]; then
        echo "runtime.sh: $folder is not there" >&2
        exit 69
    fi
    mkdir -p "$cache"
    exec 9>"$cache/runtime.lock"
    flock 9
    if ! cached; then
        rm -rf "$folder" "$folder.new"
        "$here/../hardware/debs.sh" unpack "$folder.new" "${packages[@]}" >&2
        rm -rf "${folder:?}.new/usr/share" "${folder:?}.new/lib"
        (cd "$folder.new" && find usr -type f -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
        mv "$folder.new" "$folder"
    fi
fi
echo "$folder"
