#!/usr/bin/env bash
# Makes the certificates of a cluster and, for each of its programs, the file that says where the API is and who it is.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/cluster/place.sh
. "$here/place.sh"

case "${1-}" in
    '' | -*) echo "usage: scripts/cluster/certificates.sh FOLDER" >&2; exit 64 ;;
esac
mkdir -p "$1"
cd "$1"
quietly() { "$@" 2>openssl.log || { cat openssl.log >&2; exit 1; }; }
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)

quietly openssl req -x509 "${new_key[@]}" -keyout ca.key -out ca.crt -subj /CN=gpiod-cluster -days 30
quietly openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out accounts.key
quietly openssl pkey -in accounts.key -pubout -out accounts.pub

# certificate NAME SUBJECT ALTERNATIVE-NAMES
certificate() {
    quietly openssl req "${new_key[@]}" -keyout "$1.key" -out "$1.csr" -subj "$2"
    quietly openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" \
        -extfile <(echo "subjectAltName=$3")
}
# client NAME SUBJECT ALTERNATIVE-NAMES: and its kubeconfig.
client() {
    certificate "$@"
    cat >"$1.conf" <<TEXT
apiVersion: v1
kind: Config
clusters: [{name: gpiod, cluster: {server: "https://$control:6443", certificate-authority: "$PWD/ca.crt"}}]
users: [{name: me, user: {client-certificate: "$PWD/$1.crt", client-key: "$PWD/$1.key"}}]
contexts: [{name: gpiod, context: {cluster: gpiod, user: me}}]
current-context: gpiod
TEXT
}

certificate apiserver /CN=kube-apiserver "IP:127.0.0.1,IP:$control,IP:10.96.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
certificate kubelet-client /O=system:masters/CN=apiserver-kubelet-client DNS:apiserver
client admin /O=system:masters/CN=admin DNS:admin
client controller-manager /CN=system:kube-controller-manager DNS:controller-manager
client scheduler /CN=system:kube-scheduler DNS:scheduler
for node in "${nodes[@]}"; do
    client "$node" "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$(address_of "$node")"
done
