#!/usr/bin/env bash
# Runs a command with the tools of requirements.txt (buf, grpcio, grpcio-tools), or of another such list, first in PATH.
# They live in a virtual environment in the cache, made when it is missing and never changed afterwards.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/with-python-tools.sh [--requirements FILE] COMMAND [ARGUMENT...]

Runs COMMAND with buf, and a python3 that has grpcio and grpcio-tools, first in PATH; or with what FILE lists.
The tools are installed when they are missing, into ${XDG_CACHE_HOME:-~/.cache}/gpiod-dev.

environment:
  PYTHON  the interpreter to make the environment with (default: python3, 3.10 or later)
TEXT
}

requirements="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/requirements.txt"
if [[ "${1-}" == --requirements && -n "${2-}" ]]; then
    requirements="$2"
    shift 2
fi
case "${1-}" in
    -h | --help) usage; exit 0 ;;
    '' | -*) usage >&2; exit 64 ;;
esac

python="${PYTHON:-python3}"
# Another list or another interpreter gets an environment of its own, so branches do not fight over one.
key="$({ cat "$requirements"; "$python" -c 'import sys; print(sys.version, sys.executable)'; } | sha256sum | cut -c1-12)"
tools="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev"
venv="$tools/python-$key"

if [[ ! -e "$venv/complete" ]]; then
    mkdir -p "$tools"
    # Two runs at once make it once; a run that was interrupted is begun again.
    exec 9>"$tools/python.lock"
    flock 9
    if [[ ! -e "$venv/complete" ]]; then
        echo "installing what $requirements lists into $venv" >&2
        rm -rf "$venv"
        "$python" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
        touch "$venv/complete"
    fi
    exec 9>&-
fi

PATH="$venv/bin:$PATH" exec "$@"
