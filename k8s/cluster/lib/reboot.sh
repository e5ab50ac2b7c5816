# shellcheck shell=bash disable=SC2034,SC2154
# The one reboot that a Raspberry Pi needs. Without --reboot the person does it and gives the same command again; with
# it this program does both, by a unit that runs once.

reboot_needed=''
# How a run ends that is to be gone on with after a reboot, by the person or by `add`; and no other run, so that `add`
# reboots nobody who only said "not now".
reboot_first=79
resume_unit=/etc/systemd/system/gpiod-cluster-resume.service

# reboot_if_needed: does not come back where the machine has to start anew first.
reboot_if_needed() {
    [[ -n "$reboot_needed" ]] || return 0
    if [[ "$mode" != act ]]; then
        unfinished=yes
        to_do "reboot: the kernel reads its command line only when it starts"
        return 0
    fi
    if [[ -z "${option[reboot]-}" ]]; then
        next "sudo reboot" "then, when the machine is back, the same command again: sudo $0 $verb ${given[*]-}"
        exit "$reboot_first"
    fi
    # What is to go on with after it: an argument for each line. Without --reboot, so that it never goes round.
    save_record
    local argument
    for argument in "$verb" "${given[@]}"; do
        [[ "$argument" == --reboot || "$argument" == *$'\n'* ]] || printf '%s\n' "$argument"
    done | replace "$state/resume" 600
    put "$resume_unit" 644 <<UNIT
[Unit]
Description=Goes on with making this machine a node of a cluster, once
Wants=network-online.target
After=network-online.target
ConditionPathExists=/var/lib/gpiod-cluster/resume

[Service]
Type=oneshot
Environment=SUDO_USER=${SUDO_USER:-root}
ExecStart="$program" resume
TimeoutStartSec=30min

[Install]
WantedBy=multi-user.target
UNIT
    change "have systemd go on after the reboot" systemctl enable gpiod-cluster-resume.service
    did "reboot now; what comes after is in: journalctl -u gpiod-cluster-resume"
    systemctl reboot
    exit "$reboot_first"
}

# not_resumed: the unit has done its work, or the person was faster.
not_resumed() {
    [[ -e "$state/resume" && "$mode" == act ]] || return 0
    rm -f "$state/resume"
    systemctl disable gpiod-cluster-resume.service >/dev/null 2>&1 || true
    rm -f "$root$resume_unit"
    forget made "$resume_unit"
}
