# shellcheck shell=bash
# Sourced: what the images say of the commit that they are made of.

# What is in no program: documents, one of which `make images` itself writes, and manifests, in which an operator names
# his registry.
no_part=(':(top,exclude)*.md' ':(top,exclude)k8s/')

# need_git WHAT VARIABLE: says what is to be done where git is not there, or does not know this folder.
need_git() {
    git rev-parse --git-dir >/dev/null 2>&1 && return
    echo "git does not know this folder, so the commit's $1 must be told: set $2" >&2
    exit 69
}

# Prints the commit; with -dirty where something is not committed, be it new or changed.
commit_revision() {
    local revision="${IMAGE_REVISION-}" changed
    if [[ -z "$revision" ]]; then
        need_git name IMAGE_REVISION
        revision="$(git rev-parse HEAD)"
        changed="$(git status --porcelain -- :/ "${no_part[@]}")"
        [[ -z "$changed" ]] || revision+=-dirty
    fi
    [[ "$revision" =~ ^[0-9A-Za-z._-]{1,128}$ ]] ||
        { echo "IMAGE_REVISION is no name of a commit: $revision" >&2; exit 64; }
    echo "$revision"
}

# commit_date REVISION: prints the date of everything that is made of a commit, in s.
commit_date() {
    local date="${SOURCE_DATE_EPOCH-}" revision="$1"
    if [[ -z "$date" ]]; then
        need_git date SOURCE_DATE_EPOCH
        date="$(git log -1 --format=%ct "${revision%-dirty}" -- 2>/dev/null)" ||
            { echo "git has no commit $revision, so its date must be told: set SOURCE_DATE_EPOCH" >&2; exit 69; }
    fi
    # Twelve digits go beyond the year 9999, and are still a number to everybody.
    [[ "$date" =~ ^(0|[1-9][0-9]{0,11})$ ]] ||
        { echo "SOURCE_DATE_EPOCH is no whole number of seconds since 1970: $date" >&2; exit 64; }
    echo "$date"
}

# Prints where the source is: IMAGE_SOURCE, or what git's origin names, spelled in one way however a clone spells it. A
# folder of this machine is nobody's business, and neither is a password.
commit_source() {
    local origin host path
    if [[ -n "${IMAGE_SOURCE-}" ]]; then
        echo "$IMAGE_SOURCE"
        return
    fi
    origin="$(git remote get-url origin 2>/dev/null || true)"
    case "$origin" in
        https://* | http://* | ssh://* | git://*) host="${origin#*://}" path="${host#*/}" host="${host%%/*}" ;;
        [!/.]*:[!/]*) host="${origin%%:*}" path="${origin#*:}" ;;
        *) return ;;
    esac
    host="${host##*@}"
    # The port of ssh is not that of a browser.
    [[ "$origin" == http*://* ]] || host="${host%%:*}"
    path="${path%/}"
    [[ "$host" =~ ^[0-9A-Za-z.:-]+$ && "$path" =~ ^[0-9A-Za-z._~/+-]+$ ]] || return 0
    echo "https://$host/${path%.git}"
}

# Prints the version, which stands in Cargo.toml alone.
commit_version() { sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml; }
