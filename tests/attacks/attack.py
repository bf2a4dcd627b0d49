# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How attacks are written down and carried out: a row says who attacks, with what, and what must happen.

Attacks go the way that attackers have: received files, variables of an inventory, answers of an API server, objects on
a cluster; they reach the collection through its playbooks and modules alone, never through a function of it.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible import constants

# Newer versions of Ansible show an invocation only where they are asked to.
TELLS_INVOCATION = "INJECT_INVOCATION" in constants.config.get_configuration_definitions()
BOUND = 120
"""Seconds that a module may take at the most before it counts as hung."""


def attack(who: str, what: str, *values: Any, **marks: Any) -> Any:
    """Return one row of a table of attacks: ``who`` attacks, ``what`` they do, and the values that the test takes."""
    return pytest.param(*values, id=f"{who}: {what}", **marks)


@dataclass(frozen=True)
class Outcome:
    """How one module ended: its ``result`` as Ansible gets it, its exit code, all that it printed, and its memory at
    the most.
    """

    result: dict[str, Any]
    returncode: int
    printed: str
    peak_mib: int = 0

    @property
    def code(self) -> str | None:
        """The code of the refusal; None for a module that did not fail, or failed without one."""
        return self.result.get("code") if self.result.get("failed") else None

    @property
    def warnings(self) -> list[str]:
        entries = self.result.get("warnings") or []
        return [entry if isinstance(entry, str) else entry.get("msg") or entry["event"]["msg"] for entry in entries]


def call(
    collections: str,
    module: str,
    options: Mapping[str, Any],
    *,
    check: bool = False,
    environment: Mapping[str, str] | None = None,
    seconds: float = BOUND,
) -> Outcome:
    """Run one module of this collection in a process of its own, as Ansible does, and return how it ended.

    ``collections`` is the folder of the fixture of that name. Raises ``subprocess.TimeoutExpired`` when it hangs.
    """
    return call_each(collections, module, [options], check=check, environment=environment, seconds=seconds)[0]


def call_each(
    collections: str,
    module: str,
    options: Sequence[Mapping[str, Any]],
    *,
    check: bool = False,
    environment: Mapping[str, str] | None = None,
    seconds: float = BOUND,
    shown: bool = False,
) -> list[Outcome]:
    """Run one module once per set of options, one after the other, each in a process of its own, and return how each
    ended.

    With ``shown`` they are as loud as with -vvvv, and tell how they were called. A set may say for itself whether it is
    in check mode, as ``_ansible_check_mode``.
    """
    internals = {
        "_ansible_module_name": f"ossm.federation.{module}",
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        "_ansible_remote_tmp": "/tmp",
        "_ansible_keep_remote_files": False,
    }
    loud = (
        {"_ansible_verbosity": 4, **({"_ansible_inject_invocation": True} if TELLS_INVOCATION else {})} if shown else {}
    )
    arguments = [{"ANSIBLE_MODULE_ARGS": {**internals, **each, **loud}} for each in options]
    return [_nursery(collections).run(module, each, dict(environment or {}), seconds) for each in arguments]


# Imports a module when it is first asked for, and for each line becomes a child that runs one. A module costs as much
# to import as a
# hundred of these tests to run. Of each child it tells the process id, and then how it ended.
_NURSERY = """
import json, os, sys
from importlib import import_module
from ansible.module_utils import basic
import cryptography.x509, urllib3, yaml  # what takes longest of a start

for line in sys.stdin:
    asked = json.loads(line)
    module = import_module("ansible_collections.ossm.federation.plugins.modules." + asked["module"])
    child = os.fork()
    if not child:
        kept = os.open(asked["printed"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(kept, 1), os.dup2(kept, 2), os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(asked["environment"])
        basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = json.dumps(asked["arguments"]).encode(), "legacy"
        sys.argv = [asked["module"]]
        try:
            module.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            import traceback
            traceback.print_exc()
            code = 1
        with open("/proc/self/status") as status:
            print("\\nPEAK", status.read().partition("VmHWM:")[2].split()[0])
        sys.stdout.flush()
        os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class _Nursery:
    """A process with everything imported, from which each module is forked off."""

    def __init__(self, collections: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="attacks-")
        kept = {key: text for key, text in os.environ.items() if not key.startswith(("ANSIBLE_", "K8S_AUTH_", "KUBE"))}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**kept, "PYTHONPATH": collections},
            text=True,
        )
        atexit.register(self._end)

    def _end(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._folder.cleanup()

    def run(self, module: str, arguments: Mapping[str, Any], environment: Mapping[str, str], seconds: float) -> Outcome:
        printed = Path(self._folder.name, "printed")
        asked = {"module": module, "arguments": arguments, "environment": environment, "printed": str(printed)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        timer = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
        timer.start()
        code = int(self._process.stdout.readline())
        timer.cancel()
        told = printed.read_text(encoding="utf-8", errors="replace")
        if code == -signal.SIGKILL:
            raise subprocess.TimeoutExpired(module, seconds, told)
        lines = told.splitlines()
        last = next((line for line in reversed(lines) if line.startswith("{")), "{}")
        peak = next((int(line.split()[1]) // 1024 for line in reversed(lines) if line.startswith("PEAK ")), 0)
        return Outcome(json.loads(last), code, told, peak)


_nursery = cache(_Nursery)


def everything_below(folder: Path) -> str:
    """Return the text of all files below a folder, for searching what a run has written."""
    return "\n".join(
        path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.rglob("*")) if path.is_file()
    )
