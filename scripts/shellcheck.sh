#!/usr/bin/env bash
# Checks every shell script of the project. Where shellcheck is not installed it says so and lets the rest go on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v shellcheck >/dev/null; then
    echo "shellcheck is not installed: the scripts were not checked" >&2
    exit 0
fi
# Tracked and new files alike; executables without an extension are named.
files() { git ls-files -z --cached --others --exclude-standard -- "$@"; }
{
    files '*.sh' ':!k8s/cluster/'
    printf '%s\0' .ci/run
} | xargs -0 shellcheck
# One program in parts, which share their names by being sourced into it, and the programs that its tests put in the place
# of real ones; its tests have each a shell of their own, and texts with $ that are none of the shell's.
files 'k8s/cluster/cluster' 'k8s/cluster/*.sh' 'k8s/cluster/tests/*' | xargs -0 shellcheck --exclude SC1091,SC2001,SC2016,SC2030,SC2031,SC2034,SC2153,SC2154
