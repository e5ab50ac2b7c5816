# shellcheck shell=bash disable=SC2034,SC2154
# The only ways in which a verb changes anything, so that --dry-run and --check hold for all of them. A verb first looks
# whether a thing is so already; if not, it says here what is to be done and how.
#
# mode is act, dry (say what would be done, and do nothing) or check (say what is not yet so, and end with 1).

unfinished=''
log="$root/var/log/gpiod-cluster.log" log_found=''

# need_log: root's log or, for who may not write there, one of their own, which is told.
need_log() {
    local roots="$log"
    [[ -z "$log_found" ]] || return 0
    log_found=yes
    [[ -d "${log%/*}" ]] || mkdir -p "${log%/*}" 2>/dev/null || true
    [[ ! -w "$log" && (-e "$log" || ! -w "${log%/*}") ]] || return 0
    log="${XDG_STATE_HOME:-${HOME-}/.local/state}/gpiod-cluster.log"
    if ! { mkdir -p "${log%/*}" && : >>"$log"; } 2>/dev/null; then
        refuse 77 "neither ${roots#"$root"} nor $log can be written" "Run it by sudo, or name a folder of yours: XDG_STATE_HOME"
    fi
    warn "${roots#"$root"} is root's: the output of the programs called goes to $log"
}

# change WHAT COMMAND...: WHAT in words, as "install kubeadm". What the command prints goes to the log, and its end to
# the person when it fails.
change() {
    local what="$1" size
    shift
    unfinished=yes
    case "$mode" in
        dry) would "$what"; show_command "$@" ;;
        check) to_do "$what" ;;
        *)
            save_record
            need_log
            now "$what"
            TZ=UTC0 printf '%(%FT%TZ)T %s\n' -1 "$*" >>"$log"
            size="$(stat -c %s "$log")"
            if ! "$@" >>"$log" 2>&1 </dev/null; then
                [[ ! -t 2 ]] || echo >&2
                tail -c "+$((size + 1))" "$log" | tail -n 20 | sed 's/^/   | /' >&2
                refuse 1 "could not $what" "All of its output is in $log. What was done so far is recorded;" \
                    "the same command again goes on from here, and \"cluster stop\" takes it all back."
            fi
            did "$what"
            ;;
    esac
}

# show_command COMMAND...: as a person would type it. What is a function here is told by its words alone.
show_command() {
    case "$1" in
        apt) set -- apt-get "${@:2}" ;;
        kube) set -- kubectl "${@:2}" ;;
    esac
    [[ "$(type -t "$1")" != function ]] || return 0
    more "\$ $(printf '%q ' "$@")"
}

# put PATH MODE: standard input becomes that file, unless it is so already. What was there before is kept for `stop`.
# Sets put_changed to yes where the file is, or would be, another than before.
put() {
    local path="$1" file="$root$1" permissions="$2" wanted='' found='' sum
    # Texts without a null: read to the end.
    IFS= read -r -d '' wanted || true
    [[ ! -r "$file" ]] || IFS= read -r -d '' found <"$file" || true
    put_changed=''
    if [[ -f "$file" && "$wanted" == "$found" && "$(stat -c %a "$file")" == "$permissions" ]]; then
        already "$path"
        return
    fi
    put_changed=yes unfinished=yes
    case "$mode" in
        dry)
            would "write $path"
            # What only root may read is not shown to whoever looks.
            [[ "$permissions" == *00 ]] || printf '%s' "$wanted" | sed 's/^/            | /' >&2
            ;;
        check) to_do "write $path" ;;
        *)
            keep_before "$path"
            read -r sum _ < <(printf '%s' "$wanted" | sha256sum)
            record wrote "$path" "$sum"
            save_record
            [[ -d "${file%/*}" ]] || mkdir -p "${file%/*}"
            printf '%s' "$wanted" | replace "$file" "$permissions"
            did "write $path"
            ;;
    esac
}

# keep_before PATH: records how PATH was before this program first wrote it.
keep_before() {
    local path="$1"
    if recorded made "$path" || recorded changed "$path"; then
        return 0
    elif [[ -e "$root$path" ]]; then
        mkdir -p "$state/before$(dirname "$path")"
        # The copy is complete before the record speaks of it.
        cp -p "$root$path" "$state/before$path.new"
        mv -f "$state/before$path.new" "$state/before$path"
        record changed "$path"
    else
        record made "$path"
    fi
}

# own_tree PATH: what other programs are about to fill. It goes with `stop` if it was not there before.
own_tree() {
    [[ -e "$root$1" ]] || record tree "$1"
}
