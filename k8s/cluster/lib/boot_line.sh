# shellcheck shell=bash disable=SC2034,SC2154
# The kernel's command line of a Raspberry Pi, for the memory cgroup: without it the kubelet never gets a pod's memory
# under control, and the node stays NotReady. The firmware turns it off by default. The file is one line of words on a
# FAT partition: /boot/firmware/cmdline.txt since Bookworm, where /boot/cmdline.txt only says so; /boot/cmdline.txt before.

memory_word='cgroup_enable=memory'
# What turns it off again, and what a wide-spread mistyped guide says.
memory_foes=(cgroup_disable=memory cgroup_enable=cgroup_enable=memory)

boot_file() {
    local path
    for path in /boot/firmware/cmdline.txt /boot/cmdline.txt; do
        if [[ -f "$root$path" ]]; then
            printf '%s\n' "$path"
            return
        fi
    done
}

# boot_words PATH: the line, without its end, after making sure that it is one.
boot_words() {
    local lines
    lines="$(tr -d '\r' <"$root$1" | grep -c '[^[:space:]]' || true)"
    case "$lines" in
        1) tr -d '\r' <"$root$1" | grep '[^[:space:]]' | sed 's/[[:space:]]*$//' ;;
        0) refuse 65 "$1 is empty, so this board may not start again" "Restore it from another card of the same system, then run this again." ;;
        *) refuse 65 "$1 has $lines lines, and the firmware takes one" "Make one line of it, words apart by spaces, then run this again." ;;
    esac
}

has_word() { [[ " $1 " == *" $2 "* ]]; }
without_word() { local line=" $1 "; line="${line/ $2 / }"; line="${line# }"; printf '%s\n' "${line% }"; }

cgroup_memory_works() { grep -qw memory "$root/sys/fs/cgroup/cgroup.controllers" 2>/dev/null; }

# boot_line: makes it so, and sets reboot_needed where the running kernel has not got it yet.
boot_line() {
    local path line foe
    if cgroup_memory_works; then
        already 'the kernel counts memory by cgroup'
        return
    fi
    path="$(boot_file)"
    if [[ ! -e "$root/sys/fs/cgroup/cgroup.controllers" ]]; then
        refuse 69 "this kernel runs with cgroup v1, which Kubernetes no longer takes" \
            "Take systemd.unified_cgroup_hierarchy=0 out of ${path:-the kernel command line}, if it is there, and reboot."
    fi
    [[ -n "$path" ]] || refuse 69 "the kernel does not count memory by cgroup, and there is no cmdline.txt to tell it to" \
        "Add $memory_word to the kernel command line by your boot loader's means, and reboot."
    line="$(boot_words "$path")"
    if has_word "$(cat "$root/proc/cmdline" 2>/dev/null)" "$memory_word" && has_word "$line" "$memory_word"; then
        refuse 69 "the kernel was started with $memory_word and still does not count memory by cgroup" \
            "Is it a kernel of your own, without CONFIG_MEMCG? See: cat /proc/cmdline /sys/fs/cgroup/cgroup.controllers"
    fi
    local wanted="$line"
    for foe in "${memory_foes[@]}"; do
        while has_word "$wanted" "$foe"; do
            wanted="$(without_word "$wanted" "$foe")"
            record boot-removed "$foe"
        done
    done
    if ! has_word "$wanted" "$memory_word"; then
        wanted+=" $memory_word"
        record boot-added "$memory_word"
    fi
    if [[ "$wanted" == "$line" ]]; then
        already "$path has $memory_word"
    else
        change "put $memory_word into $path" write_boot_line "$path" "$wanted"
    fi
    reboot_needed=yes
}

write_boot_line() { printf '%s\n' "$2" | replace "$root$1" "$(stat -c %a "$root$1")"; }

# boot_line_undone KIND WORD: one word less or, where this program took it out, one more; the rest as it is now.
boot_line_undone() {
    local path line wanted
    path="$(boot_file)"
    [[ -n "$path" ]] || return 0
    line="$(boot_words "$path")" wanted="$line"
    case "$1" in
        boot-added) wanted="$(without_word "$line" "$2")" ;;
        boot-removed) has_word "$line" "$2" || wanted="$line $2" ;;
    esac
    [[ "$wanted" == "$line" ]] || change "take back the change of $2 in $path" write_boot_line "$path" "$wanted"
}
