#!/bin/sh
# Print the path of a Python that suits a venv: `find-python.sh demo`, `newest`, `oldest`, `docs` or `rulebook`.
# PYTHON in the environment names one that is taken if it suits. Says what is missing, and its Debian package, when none is found.
set -eu

case ${1:-} in
    demo) versions='3.11 3.12 3.13 3.14 3.10'; first='python3' ;;
    # CI is to see the newest Ansible, which needs 3.12; a person with 3.11 alone gets the newest that runs there.
    newest) versions='3.12 3.13 3.14'; [ "${CI:-}" = true ] || versions="$versions 3.11"; first='' ;;
    oldest) versions='3.10 3.11 3.12'; first='' ;;
    docs|rulebook) versions='3.12 3.13 3.14'; first='' ;;
    *) echo "usage: $0 demo|newest|oldest|docs|rulebook" >&2; exit 2 ;;
esac

path_of() {
    "$1" -c 'import sys; print(sys.executable)'
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

suits() {
    found=$(version_of "$1")
    for version in $versions; do
        [ "$found" = "$version" ] && return 0
    done
    return 1
}

for candidate in ${PYTHON:-} $first; do
    if suits "$candidate"; then path_of "$candidate"; exit 0; fi
done
for version in $versions; do
    # pyenv's shims answer for versions that are not selected, so its versions are looked up by path.
    for candidate in "python$version" "$HOME"/.pyenv/versions/"$version".*/bin/python; do
        if [ "$(version_of "$candidate")" = "$version" ]; then path_of "$candidate"; exit 0; fi
    done
done

here=$(version_of python3)
echo "No suitable Python: this needs one of $versions, and python3 here is '${here:-missing}'." >&2
case $1 in
    demo) echo "On Debian and Ubuntu: apt install python3 python3-venv" >&2 ;;
    newest) echo "ansible-core 2.21 runs on Python 3.12 and later, 2.19 on 3.11: Debian 13 and Fedora have one, pyenv builds one (pyenv install 3.12)." >&2 ;;
    docs) echo "The tools that build the site run on Python 3.12 and later (pyenv install 3.12)." >&2 ;;
    rulebook) echo "ansible-rulebook is run with ansible-core 2.21, on Python 3.12 and later (pyenv install 3.12)." >&2 ;;
    oldest) echo "ansible-core 2.16 runs on Python 3.10 to 3.12: Debian 12 has one (apt install python3 python3-venv), pyenv builds one." >&2 ;;
esac
echo "Or name one: make PYTHON=/path/to/python ..." >&2
exit 1
