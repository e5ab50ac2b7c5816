# shellcheck shell=bash
# Words to the person, all on standard error: what a command prints for others to use is alone on standard output.
# Colour only on a terminal, and not where NO_COLOR is set.

bold='' green='' yellow='' red='' plain=''
if [[ -t 2 && -z "${NO_COLOR-}" && "${TERM:-dumb}" != dumb ]]; then
    bold=$'\e[1m' green=$'\e[32m' yellow=$'\e[33m' red=$'\e[31m' plain=$'\e[0m'
fi

heading() { printf '%s== %s%s\n' "$bold" "$1" "$plain" >&2; }

# line COLOUR WORD TEXT: the words stand below each other, so that a run can be read down its left edge.
line() { printf '   %s%-8s%s %s\n' "$1" "$2" "$plain" "$3" >&2; }

did() { line "$green" 'done' "$1"; }
already() { line '' 'is so' "$1"; }
would() { line "$yellow" would "$1"; }
to_do() { line "$yellow" 'to do' "$1"; }
warn() { line "$yellow" note "$1"; }
more() { printf '            %s\n' "$@" >&2; }

# now TEXT: what takes its time, told before it is done; `did` overwrites it. In a log there is no need for both.
now() { [[ ! -t 2 ]] || printf '   %-8s %s\r' 'now ...' "$1" >&2; }

# next TEXT...: what the person does now, one line each.
next() {
    printf '%sNext:%s\n' "$bold" "$plain" >&2
    printf '   %s\n' "$@" >&2
}

# refuse CODE WHAT [LINE...]: the end of the run. 64 wrong arguments, 65 wrong input, 66 no such file, 69 not to be had
# on this machine, 75 not now, 77 not as this user, 1 something failed. 79 is reboot.sh's.
refuse() {
    local code="$1"
    printf '%scluster: %s%s\n' "$red" "$2" "$plain" >&2
    (($# <= 2)) || printf '   %s\n' "${@:3}" >&2
    exit "$code"
}
