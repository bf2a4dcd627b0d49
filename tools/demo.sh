#!/bin/sh
# The demo and the testbed for people: demo.sh up | life | traffic [--once] | down | testbed | play MESH PLAYBOOK [OPTIONS...] | call MESH URL
set -eu
tools=$(dirname "$0")
python=$("$tools/find-python.sh" demo)
venv=$("$python" "$tools/venv.py" demo)
case ${1:-} in
    up | life | testbed)
        # Downloads and builds happen here, with the user's proxies; nothing after it needs the network.
        "$tools/clean-env.sh" --keep-proxies env PYTHONPATH="$tools/../tests" "$venv/bin/python" -m testbed programs ;;
    traffic)
        for more in "" --istio; do
            "$tools/clean-env.sh" --keep-proxies env PYTHONPATH="$tools/../tests" "$venv/bin/python" -m testbed programs $more
        done
        shift
        exec "$tools/clean-env.sh" env PYTHONPATH="$tools/../tests" PATH="$venv/bin:$PATH" "$venv/bin/python" "$tools/demo_traffic.py" "$@" ;;
esac
exec "$tools/clean-env.sh" env PYTHONPATH="$tools/../tests" PATH="$venv/bin:$PATH" "$venv/bin/python" "$tools/demo.py" "$@"
