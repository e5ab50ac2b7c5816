# shellcheck shell=bash disable=SC2034,SC2154
# Files from elsewhere: over HTTPS to a file beside where they go, and only with the right sum to their place. Nothing
# that was not compared is ever run.

# fetch URL FILE: bounded in time, again when the line breaks.
fetch() {
    curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 3 --connect-timeout 20 \
        --max-time 900 --output "$2" "$1"
}

# fetch_verified URL SHA256 PATH MODE: PATH is below $root.
fetch_verified() {
    local file="$root$3" new found
    new="$file$half"
    mkdir -p "$(dirname "$file")" && begin "$new" || return 1
    if ! fetch "$1" "$new"; then
        rm -f "$new"
        echo "$1 could not be fetched" >&2
        return 1
    fi
    found="$(sum_of "$new")"
    if [[ "$found" != "$2" ]]; then
        rm -f "$new"
        echo "$1 is not what it should be, and was thrown away: sha256 $found instead of $2" >&2
        return 1
    fi
    chmod "$4" "$new" && sync "$new" && mv -f "$new" "$file"
}

# have_file WHAT URL SHA256 PATH MODE: puts a verified file to its place. Sets have_changed where it was not there yet.
have_file() {
    have_changed=''
    if [[ -f "$root$4" && "$(sum_of "$root$4")" == "$3" ]]; then
        already "$1 is here, and is what it should be"
        return
    fi
    have_changed=yes
    if [[ "$mode" == act ]]; then
        keep_before "$4"
        record wrote "$4" "$3"
    fi
    change "fetch $1 and compare its sum" fetch_verified "$2" "$3" "$4" "$5"
}
