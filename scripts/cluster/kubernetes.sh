#!/usr/bin/env bash
# Builds the programs of Kubernetes from Debian's source package, since no Debian package has them, and prints their folder.
# It takes minutes once and is cached; afterwards this is a matter of a second and needs no network.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

source_package=kubernetes
compiler=1.19
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet)
# Counts up when the way to build changes what comes out.
recipe=1

usage() {
    cat <<TEXT
usage: scripts/cluster/kubernetes.sh [--cached]

Prints the folder of ${programs[*]}. What is not in the cache is built from the newest source package
"$source_package" that apt offers, with Debian's Go $compiler, both unpacked into the cache and not installed: 130 MB to
download, ten minutes of processor time, 3 GB in the cache while it is built and 350 MB afterwards. A build that is
interrupted goes on where it was. A folder whose files are not those that were built is built again.
With --cached nothing is built: 69 where it is not there.

The cache is \${XDG_CACHE_HOME:-~/.cache}/gpiod-dev/cluster. Remove a folder there for what is newer.
TEXT
}

cached_only=
case "${1-}" in
    -h | --help) usage; exit 0 ;;
    --cached) cached_only=yes ;;
    '') ;;
    *) usage >&2; exit 64 ;;
esac

complain() { echo "kubernetes.sh: $*" >&2; }

# step WHAT COMMAND...: says what takes long, and how long it took; once a minute that it still goes on.
step() {
    local what="$1" start=$SECONDS status=0 clock
    shift
    complain "$what ..."
    (
        trap 'kill "$nap"; exit' TERM
        while :; do
            sleep 60 &
            nap=$!
            wait "$nap"
            complain "$what: $((SECONDS - start)) s so far"
        done
    ) &
    clock=$!
    "$@" >&2 || status=$?
    kill "$clock"
    wait "$clock" || true
    if ((status)); then complain "$what: failed after $((SECONDS - start)) s"; else complain "$what: $((SECONDS - start)) s"; fi
    return "$status"
}

cache="${XDG_CACHE_HOME:-$HOME/.cache}/gpiod-dev/cluster"
# What shapes the programs besides the source, whose version is in the folder's name and whose hashes are in its .dsc.
key="$(echo "recipe $recipe $compiler ${programs[*]}" | sha256sum | cut -c1-12)"

# Of this recipe, and the very files that were built.
cached() {
    local folder
    folder="$(find "$cache" -maxdepth 1 -name "kubernetes-*-$key" 2>/dev/null | sort --version-sort | tail -n 1 || true)"
    [[ -n "$folder" ]] || return 1
    if ! (cd "$folder" && sha256sum --quiet --check SHA256SUMS) >&2; then
        complain "$folder is not what was built: removing it"
        rm -rf "$folder"
        return 1
    fi
    echo "$folder"
}

if cached; then exit 0; fi
if [[ -n "$cached_only" ]]; then
    complain "no programs of this recipe are in $cache"
    exit 69
fi
for tool in apt-get dpkg-source; do
    command -v "$tool" >/dev/null || { complain "$tool is missing: this needs Debian 12, see scripts/hardware/packages.sh cluster"; exit 69; }
done
if [[ "$(dpkg --print-architecture)" != amd64 ]]; then
    complain "only tried on x86-64: give a cluster by KUBECONFIG instead"
    exit 69
fi

mkdir -p "$cache"
exec 9>"$cache/kubernetes.lock"
if ! flock --nonblock 9; then
    complain "another process builds, waiting for it"
    flock 9
fi
if cached; then exit 0; fi

# Debian's sources are those of this system's packages. apt works on a state of its own, as debs.sh lets it.
apt_state="$cache/apt"
options=(
    -o "Dir::State=$apt_state" -o "Dir::State::lists=$apt_state/lists" -o "Dir::State::status=$apt_state/status"
    -o "Dir::Cache=$apt_state/cache" -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt_state/sources"
    -o "APT::Sandbox::User=$(id -un)" -o Acquire::Retries=3 -o Acquire::Languages=none -q
)
look_up() {
    local file
    rm -rf "$apt_state/sources"
    mkdir -p "$apt_state"/{sources,lists/partial,cache/archives/partial}
    touch "$apt_state/status"
    for file in /etc/apt/sources.list.d/*.sources; do
        [[ ! -e "$file" ]] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt_state/sources/${file##*/}"
    done
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n 's/^deb /deb-src /p' >"$apt_state/sources/lines.list" || true
    apt-get "${options[@]}" update
}

# A killed build's source and what Go compiled of it are good, as long as they are of this recipe.
work="$cache/kubernetes.building-$key"
find "$cache" -maxdepth 1 -name 'kubernetes.building-*' ! -path "$work" -exec rm -rf {} +
tree="$work/go/src/k8s.io/kubernetes"
mkdir -p "$work"

unpack_source() (
    rm -rf "$work/source" "$work/go"
    mkdir -p "$work/source" "$(dirname "$tree")"
    cd "$work/source"
    apt-get "${options[@]}" source --download-only "$source_package" || return 69
    dpkg-source --no-check --extract ./*.dsc unpacked || return 1
    mv unpacked "$tree"
    touch "$work/unpacked"
)
unpack_compiler() {
    rm -rf "$work/compiler"
    "$here/../hardware/debs.sh" unpack "$work/compiler" "golang-$compiler-go" "golang-$compiler-src" || return
    touch "$work/compiler/complete"
}

[[ -e "$work/unpacked" ]] || step "looking up Debian's sources" look_up
[[ -e "$work/unpacked" ]] || step "fetching and unpacking the source of $source_package" unpack_source
[[ -e "$work/compiler/complete" ]] || step "fetching Go $compiler" unpack_compiler

# 1.20.5+really1.20.2-1 is 1.20.2.
version="$(dpkg-parsechangelog --file "$tree/debian/changelog" --show-field Version)"
kubernetes="$(sed 's/.*really//; s/-.*//' <<<"$version")"

export GOROOT="$work/compiler/usr/lib/go-$compiler" GOPATH="$work/go" GOCACHE="$work/compiled"
export GOPROXY=off GO111MODULE=off GOFLAGS='' CGO_ENABLED=0
# The compiler spends a fifth less time on its own memory, and takes a third more of it.
export GOGC=400
go="$GOROOT/bin/go"

# The one generated file that the source does not have: descriptions of the API's types, for validation by kubectl.
generate() (
    local file=pkg/generated/openapi/zz_generated.openapi.go packages libraries
    cd "$tree"
    [[ ! -e "$file" ]] || return 0
    "$go" build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen || return 1
    libraries="$(find vendor/k8s.io -mindepth 1 -maxdepth 1 | grep -vE 'code-generator|sample-apiserver|kube-openapi|gengo' | sed 's#$#/#')"
    # The libraries are links, which grep follows only where they are named with what is behind them.
    # shellcheck disable=SC2086 # A list of folders without blanks.
    packages="$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg cmd plugin $libraries |
        xargs -n1 dirname | LC_ALL=C sort -u | sed 's#^#k8s.io/kubernetes/#' | paste -sd,)"
    "$work/openapi-gen" --logtostderr -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi -O new.openapi \
        -h hack/boilerplate/boilerplate.generatego.txt -r /dev/null || return 1
    mv pkg/generated/openapi/new.openapi.go "$file"
)
compile() (
    local flags="-s -w" package
    cd "$tree"
    for package in k8s.io/{,kubernetes/vendor/k8s.io/}{component-base/version,client-go/pkg/version}; do
        flags+=" -X $package.gitMajor=1 -X $package.gitMinor=$(cut -d. -f2 <<<"$kubernetes") -X $package.gitVersion=v$kubernetes"
        flags+=" -X $package.gitTreeState=archive"
    done
    "$go" build -p "$(nproc)" -trimpath -ldflags "$flags" -o "$work/bin/" "${programs[@]/#/./cmd/}"
)
mkdir -p "$work/bin"
step "generating what the source lacks" generate
step "compiling Kubernetes $kubernetes with $(nproc) processors, which takes ten minutes of processor time" compile

mkdir -p "$work/done"
mv "$work"/bin/* "$work/source"/*.dsc "$work/done/"
(cd "$work/done" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS .)
folder="$cache/kubernetes-$kubernetes-$key"
mv "$work/done" "$folder"
complain "removing the source"
rm -rf "$work"
echo "$folder"
