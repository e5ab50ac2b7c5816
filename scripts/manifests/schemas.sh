#!/usr/bin/env bash
# Kubernetes' schemas of many versions, as the package kubernetes-validate ships them: fetched once, kept as they came.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/manifests/schemas.sh

Prints the folder with the packages that hold the schemas, of 1.20 to 1.28 and of 1.25 to 1.37, in
${XDG_CACHE_HOME:-~/.cache}/gpiod-dev. What is missing there is fetched, and checked by its hash.
TEXT
}

case "${1-}" in
    -h | --help) usage; exit 0 ;;
    ?*) usage >&2; exit 64 ;;
esac

# Two versions of one package, since each knows a dozen versions of Kubernetes.
wanted=(
    "kubernetes-validate==1.28.3 --hash=sha256:916b8539c570958ca4742a09d42c9a29b7b89bfb3a04972a40abfa63f797b850"
    "kubernetes-validate==1.37.0 --hash=sha256:85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
)
# Another list gets a folder of its own.
key="$(printf '%s\n' "${wanted[@]}" | sha256sum | cut -c1-12)"
folder="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/kubernetes-schemas-$key"

if [[ ! -e "$folder/complete" ]]; then
    mkdir -p "$folder"
    exec 9>"$folder/lock"
    flock 9
    if [[ ! -e "$folder/complete" ]]; then
        echo "fetching Kubernetes' schemas into $folder" >&2
        for requirement in "${wanted[@]}"; do
            # Only a file of requirements may have hashes.
            echo "$requirement" >"$folder/wanted.txt"
            "${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
                --dest "$folder" --requirement "$folder/wanted.txt" >&2 || exit 69
        done
        touch "$folder/complete"
    fi
    exec 9>&-
fi
echo "$folder"
