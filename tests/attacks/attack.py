# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How attacks are written down and carried out: a row says who attacks, with what, and what must happen.

Attacks go the way that attackers have: received files, variables of an inventory, answers of an API server, objects on a
cluster; they reach the collection through its playbooks and modules alone, never through a function of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BOUND = 120
"""Seconds that a module may take at the most before it counts as hung."""


def attack(who: str, what: str, *values: Any, **marks: Any) -> Any:
    """Return one row of a table of attacks: ``who`` attacks, ``what`` they do, and the values that the test takes."""
    return pytest.param(*values, id=f"{who}: {what}", **marks)


@dataclass(frozen=True)
class Outcome:
    """How one module ended: its ``result`` as Ansible gets it, its exit code, and all that it printed."""

    result: dict[str, Any]
    returncode: int
    printed: str

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


# Each set of arguments is one line; each is run by a process of its own that has the imports already.
_PROGRAM = """
import os, sys
from importlib import import_module
from ansible.module_utils import basic

module = import_module("ansible_collections.ossm.federation.plugins.modules." + sys.argv[1])
import kubernetes.client, kubernetes.config, urllib3  # what takes longest of a start
basic._ANSIBLE_PROFILE = "legacy"
for line in sys.stdin.buffer.read().splitlines():
    child = os.fork()
    if not child:
        basic._ANSIBLE_ARGS = line
        module.main()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print("\\n\\x00", code, "\\x00", sep="", end="", flush=True)
"""


def call_each(
    collections: str,
    module: str,
    options: Sequence[Mapping[str, Any]],
    *,
    check: bool = False,
    environment: Mapping[str, str] | None = None,
    seconds: float = BOUND,
) -> list[Outcome]:
    """Run one module once per set of options, one after the other, each in a process of its own, and return how each ended."""
    internals = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False}
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("ANSIBLE_", "K8S_AUTH_", "KUBE"))}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, module],
        input="\n".join(json.dumps({"ANSIBLE_MODULE_ARGS": {**each, **internals}}) for each in options),
        env={**kept, "PYTHONPATH": collections, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )
    parts = done.stdout.split("\0")
    outcomes = [Outcome(_result(printed), int(code), printed) for printed, code in zip(parts[::2], parts[1::2])]
    assert len(outcomes) == len(options), done.stdout
    return outcomes


def _result(printed: str) -> dict[str, Any]:
    """Return what a module printed for Ansible; nothing where it ended in another way."""
    return json.loads(next((line for line in reversed(printed.splitlines()) if line.startswith("{")), "{}"))


def everything_below(folder: Path) -> str:
    """Return the text of all files below a folder, for searching what a run has written."""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.rglob("*")) if path.is_file())
