# shellcheck shell=bash disable=SC2034,SC2154
# resume: what the unit of --reboot calls after the reboot; not for people.

usage_resume() { echo "usage: cluster resume    (called by gpiod-cluster-resume.service, after a reboot)"; }

verb_resume() {
    options "" "$@"
    no_arguments
    need_root
    one_at_a_time
    local again=()
    [[ -f "$state/resume" ]] || { already "there is nothing to go on with"; return; }
    if [[ "$mode" != act ]]; then
        unfinished=yes
        would "go on with: cluster $(tr '\n' ' ' <"$state/resume" 2>/dev/null || echo "(what only root may read)")"
        return
    fi
    mapfile -t again <"$state/resume"
    # Once: if it fails now, it is for a person to look.
    not_resumed
    exec "$program" "${again[@]}"
}
