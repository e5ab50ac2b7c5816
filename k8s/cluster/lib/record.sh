# shellcheck shell=bash disable=SC2034,SC2154
# The record of what was added to this machine, so that `stop` takes away that and nothing else.
# One line for each thing, its parts apart by tabs, saved before the thing is done: what an interrupted run began is
# in it. Lines leave it one by one as they are undone, last first, so an interrupted `stop` goes on where it was.

state="$root/var/lib/gpiod-cluster"
record_file="$state/record"

# keep_state: the folder of the record. What is secret in it has a mode of its own.
keep_state() {
    [[ -d "$state" ]] || mkdir -p "$state"
}

# What a file is written to before it takes its place: one name for each, since one run is at work at a time, so that
# the next run finds what an interrupted one left.
half=.gpiod-cluster-new

# begin FILE: an empty one that only its owner may read, and never through a link that somebody laid there.
begin() { rm -f "$1" && (umask 077 && set -C && : >"$1"); }

# clear_halves: what an interrupted run was writing when it ended. The record speaks of each file before it is written.
clear_halves() {
    local path
    while IFS= read -r path; do
        [[ -z "$path" ]] || rm -f "$root$path$half"
    done < <(of_record made; of_record changed; boot_file)
    rm -f "$state"/*"$half"
}

# replace FILE MODE: standard input becomes FILE, whole or not at all, also when the power goes.
replace() {
    local new="$1$half"
    if begin "$new" && cat >"$new" && chmod "$2" "$new" && sync "$new" && mv -f "$new" "$1"; then
        sync "$(dirname "$1")"
    else
        rm -f "$new"
        return 1
    fi
}

# The record's lines. They are read at the start, and again once this run is the only one: then nobody else writes them.
record_lines=()
unsaved=''

load_record() {
    record_lines=()
    [[ ! -f "$record_file" ]] || mapfile -t record_lines <"$record_file"
}
load_record

# save_record: before anything is done that the record speaks of; `change` and `put` call it, and whoever acts besides.
save_record() {
    [[ -n "$unsaved" ]] || return 0
    keep_state
    { ((${#record_lines[@]} == 0)) || printf '%s\n' "${record_lines[@]}"; } >"$record_file.new"
    sync "$record_file.new"
    mv -f "$record_file.new" "$record_file"
    sync "$state"
    unsaved=''
}

# recorded KIND PART...: whether there is that line.
recorded() {
    local IFS=$'\t' line
    for line in "${record_lines[@]}"; do
        [[ "$line" != "$*" ]] || return 0
    done
    return 1
}

record() {
    local IFS=$'\t'
    [[ "$mode" == act ]] || return 0
    ! recorded "$@" || return 0
    record_lines+=("$*")
    unsaved=yes
}

# forget KIND PART...: takes that line out, and saves.
forget() {
    local IFS=$'\t' line left=()
    [[ "$mode" == act ]] && recorded "$@" || return 0
    for line in "${record_lines[@]}"; do
        [[ "$line" == "$*" ]] || left+=("$line")
    done
    record_lines=("${left[@]}")
    unsaved=yes
    save_record
}

# of_record KIND: the second part of each line of a kind, oldest first.
of_record() {
    local kind part rest
    ((${#record_lines[@]})) || return 0
    while IFS=$'\t' read -r kind part rest; do
        [[ "$kind" != "$1" ]] || printf '%s\n' "$part"
    done < <(printf '%s\n' "${record_lines[@]}")
}

# last_of_record KIND: the newest of them, or nothing.
last_of_record() { of_record "$1" | tail -n 1; }

# sum_of FILE
sum_of() {
    local sum
    read -r sum _ < <(sha256sum <"$1")
    printf '%s\n' "$sum"
}
