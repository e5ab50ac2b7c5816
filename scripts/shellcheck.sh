#!/usr/bin/env bash
# Checks every shell script of the project. Where shellcheck is not installed it says so and lets the rest go on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v shellcheck >/dev/null; then
    echo "shellcheck is not installed: the scripts were not checked" >&2
    exit 0
fi
# Tracked and new files alike; the executable without an extension is named.
{
    git ls-files -z --cached --others --exclude-standard -- '*.sh'
    printf '%s\0' .ci/run
} | xargs -0 shellcheck
