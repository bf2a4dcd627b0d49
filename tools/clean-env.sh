#!/bin/sh
# Run a command as if its user had configured nothing: `clean-env.sh [--keep-proxies] COMMAND...`
#
# What a user has set for clusters, Ansible, Python and proxies must neither change what the demo and the tests do nor be
# touched by them. HOME becomes a folder of the project's cache, and ossm.federation resolves from this checkout wherever it lies.
# --keep-proxies is for what downloads.
set -eu

keep_proxies=no
if [ "${1:-}" = --keep-proxies ]; then keep_proxies=yes; shift; fi

tree=$(cd "$(dirname "$0")/.." && pwd -P)
XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
cache=$XDG_CACHE_HOME/ossm-federation
collections=$cache/checkouts/$(printf %s "$tree" | cksum | cut -d' ' -f1)
mkdir -p "$cache/home" "$collections/ansible_collections/ossm"
ln -sfn "$tree" "$collections/ansible_collections/ossm/federation"

for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z_0-9]*\)=.*/\1/p'); do
    case $name in
        KUBECONFIG | KUBERNETES_* | K8S_AUTH_* | ANSIBLE_* | MOLECULE_* | PYTEST_* | HYPOTHESIS_* | PYTHON* | VIRTUAL_ENV | OPENSHIFT_*) unset "$name" ;;
        [Hh][Tt][Tt][Pp]_[Pp][Rr][Oo][Xx][Yy] | [Hh][Tt][Tt][Pp][Ss]_[Pp][Rr][Oo][Xx][Yy] | [Aa][Ll][Ll]_[Pp][Rr][Oo][Xx][Yy] | [Nn][Oo]_[Pp][Rr][Oo][Xx][Yy])
            [ "$keep_proxies" = yes ] || unset "$name" ;;
    esac
done

# Go and pip find their settings and caches below HOME; they keep the user's.
if command -v go >/dev/null 2>&1; then
    GOENV=$(go env GOENV) GOPATH=$(go env GOPATH) GOMODCACHE=$(go env GOMODCACHE) GOCACHE=$(go env GOCACHE)
    export GOENV GOPATH GOMODCACHE GOCACHE
fi
if [ -z "${PIP_CONFIG_FILE:-}" ]; then
    for file in "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" "$HOME/.pip/pip.conf"; do
        if [ -f "$file" ]; then PIP_CONFIG_FILE=$file; export PIP_CONFIG_FILE; break; fi
    done
fi
unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME

HOME=$cache/home
LC_ALL=C.UTF-8
PYTHONPYCACHEPREFIX=$cache/pycache
HYPOTHESIS_STORAGE_DIRECTORY=$cache/hypothesis
ANSIBLE_CONFIG=$tree/tools/ansible.cfg
ANSIBLE_COLLECTIONS_PATH=$collections${OSSM_FEDERATION_BESIDE:+:$OSSM_FEDERATION_BESIDE}
export HOME XDG_CACHE_HOME LC_ALL PYTHONPYCACHEPREFIX HYPOTHESIS_STORAGE_DIRECTORY ANSIBLE_CONFIG ANSIBLE_COLLECTIONS_PATH
exec "$@"
