# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs modules in processes of their own, forked from this one, which has imported everything: a run costs what its
requests cost.

``python -m integration.module_runner`` reads one order per line, ``{"calls": [[module, options], …], "results":
path}``, forks a process that runs the calls one after the other until one fails, and says ``{"pid": n}``; when that
process is no more, ``{"status": n}``: 0, 1 for a module that failed, or minus the signal that ended it. The modules'
results are the lines of the file. The process leads a process group of its own. Pauses are a twentieth of what they are
elsewhere: the testbed's clock runs as fast, and what is waited for comes as soon.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time

from ansible.module_utils import basic

PATIENCE = 0.05
MODULES = {
    name: importlib.import_module(f"ansible_collections.ossm.federation.plugins.modules.{name}")
    for name in (
        *("federation", "federation_gateways", "federation_info", "mesh_card", "mesh_peer", "preflight_info"),
        *("exported_services", "imported_services", "control_plane", "member_roll", "mesh_tenants"),
    )
}
for library in ("cryptography.x509", "urllib3"):
    importlib.import_module(library)


def main() -> None:
    """Serve orders until there are no more."""
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            obey(order)
        say({"pid": pid})
        _pid, status = os.waitpid(pid, 0)
        say({"status": os.waitstatus_to_exitcode(status)})


def say(said: dict) -> None:
    print(json.dumps(said), flush=True)


def obey(order: dict) -> None:
    """Run the calls and end this process."""
    os.setsid()
    pause = time.sleep
    time.sleep = lambda seconds: pause(seconds * PATIENCE)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin.close()
    with open(order["results"], "w", encoding="utf-8") as results:
        os.dup2(results.fileno(), 1)
    for name, options in order["calls"]:
        if call(name, options):
            os._exit(1)
    os._exit(0)


def call(name: str, options: dict) -> int:
    """Run one module as Ansible does, and return its exit code."""
    arguments = {**options, "_ansible_diff": True, "_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False}
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        MODULES[name].main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.stdout.flush()
    return 1


if __name__ == "__main__":
    main()
