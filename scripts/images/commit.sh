# shellcheck shell=bash
# Sourced: what the images say of the commit that they are made of.

# What is in no program: documents, one of which `make images` itself writes; manifests, in which an operator names his
# registry; and what sbom.sh has there while it works.
no_part=(':(top,exclude)*.md' ':(top,exclude)k8s/' ':(top,exclude,glob)**/images-sbom-*.json')

# ask_git WHAT VARIABLE WORD...: what git prints; where it can not, its own words and what is to be done.
ask_git() {
    local what="$1" variable="$2"
    shift 2
    GIT_LITERAL_PATHSPECS=0 git "$@" && return
    echo "git does not tell the commit's $what here: set $variable" >&2
    exit 69
}

# Prints the commit; with -dirty where something is not committed, be it new or changed.
commit_revision() {
    local revision="${IMAGE_REVISION-}" changed new
    if [[ -z "$revision" ]]; then
        # -e does not hold within what prints into a variable: a failure there is not to be taken for "nothing".
        revision="$(ask_git name IMAGE_REVISION rev-parse --verify HEAD)" || exit
        changed="$(ask_git name IMAGE_REVISION status --porcelain --untracked-files=no -- :/ "${no_part[@]}")" || exit
        # What a user has git ignore everywhere is new all the same.
        new="$(ask_git name IMAGE_REVISION ls-files --others --exclude-per-directory=.gitignore -- :/ "${no_part[@]}")" || exit
        [[ -z "$changed$new" ]] || revision+=-dirty
    fi
    [[ "$revision" =~ ^[0-9A-Za-z._-]{1,128}$ ]] ||
        { echo "IMAGE_REVISION is no name of a commit: $revision" >&2; exit 64; }
    echo "$revision"
}

# commit_date REVISION: prints the date of everything that is made of a commit, in s.
commit_date() {
    local date="${SOURCE_DATE_EPOCH-}" revision="$1"
    if [[ -z "$date" ]]; then
        date="$(ask_git date SOURCE_DATE_EPOCH log -1 --no-show-signature --format=%ct "${revision%-dirty}" --)" || exit
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
    # As it was given, not as this user's settings rewrite it.
    origin="$(git config --get remote.origin.url || true)"
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
