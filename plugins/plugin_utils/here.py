# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs modules of this collection in a process forked from Ansible's own, where that is the Python that they would run on.

Ansible packs a module into an archive and starts a Python for it, which compiles all that the module imports: 1.3 s of work
before the first request. What is forked here has it imported already. Where a module would run elsewhere (another Python, a
connection that is not local, privilege escalation, ``async``), or its files are to be kept, Ansible runs it as any other.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from ansible import constants
from ansible.module_utils import basic
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.ossm.federation.plugins import modules
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

try:
    from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder
except ImportError:  # before ansible-core 2.19
    from ansible.module_utils.common.json import AnsibleJSONEncoder

    _ENCODER: dict[str, Any] = {"cls": AnsibleJSONEncoder, "vault_to_text": True}
    _DECODER: dict[str, Any] = {}
else:
    _ENCODER = {"cls": get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)}
    _DECODER = {"cls": get_module_decoder("legacy", Direction.MODULE_TO_CONTROLLER)}

COLLECTION = "ossm.federation."
# What modules import when they need it, so that no process has to do it again.
LIBRARIES = ("cryptography.x509", "urllib3", "yaml")

display = Display()

# Ansible loads action plugins in the process that all of a run's workers are forked from.
MODULES = {name: importlib.import_module(f"{modules.__name__}.{name}") for _finder, name, _is_package in pkgutil.iter_modules(modules.__path__)}
for _library in LIBRARIES:
    with contextlib.suppress(ImportError):
        importlib.import_module(_library)


class HereAction(ActionBase):
    """Runs the module of the task's name, here where that changes nothing but the time it takes."""

    def _execute_module(
        self, module_name: str | None = None, module_args: dict | None = None, tmp: str | None = None, task_vars: dict | None = None, **more: Any
    ) -> dict:
        name = (module_name or self._task.action).removeprefix(COLLECTION)
        if name not in MODULES or more or not self._would_run_here(task_vars or {}):
            return super()._execute_module(module_name, module_args, tmp, task_vars, **more)
        arguments = dict(self._task.args if module_args is None else module_args)
        self._update_module_args(COLLECTION + name, arguments, task_vars or {})
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        display.vvv(f"Running {COLLECTION}{name} in a process forked from Ansible's own")
        return wrap_var(_ran(name, json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, **_ENCODER), environment))

    def _would_run_here(self, variables: Mapping[str, Any]) -> bool:
        """Return whether the module would run on this machine, as this user, with this Python."""
        python = variables.get("ansible_python_interpreter")
        return (
            self._connection.transport in ("local", "ansible.builtin.local")
            and not self._connection.become
            and not self._task.async_val
            and not constants.DEFAULT_KEEP_REMOTE_FILES
            and bool(python)
            and str(self._templar.template(python)) == sys.executable
        )


class PlainAction(HereAction):
    """Runs the module and does nothing else, in the background as well."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict | None = None) -> dict:
        """Return the module's result."""
        result = super().run(tmp, task_vars)
        background = {"wrap_async": True} if self._task.async_val else {}
        result.update(self._execute_module(task_vars=task_vars, **background))
        return result


def _ran(name: str, arguments: str, environment: Mapping[str, Any]) -> dict:
    """Run one module in a process of its own and return its result; what it says beside that is left out."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        os.close(readable)
        _be_module(name, arguments, environment, writable)
    os.close(writable)
    try:
        with open(readable, "rb") as stream:
            said = stream.read()
    finally:
        _pid, status = os.waitpid(child, 0)
    try:
        result = json.loads(said, **_DECODER)
    except ValueError:
        result = None
    if isinstance(result, dict):
        return result
    return failure(
        FederationError(
            "FED115",
            where=name,
            what=f"the module ended without a result ({os.waitstatus_to_exitcode(status)})",
            mend="Run again; a negative number is the signal that ended it",
        )
    )


def _be_module(name: str, arguments: str, environment: Mapping[str, Any], writable: int) -> NoReturn:
    """Be the process of a module: its result goes to ``writable``, and nothing of Ansible's own process ends with it."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.environ.update({key: str(value) for key, value in environment.items()})
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 2):
            os.dup2(nothing, stream)
        os.dup2(writable, 1)
        sys.stdin = open(0, encoding="utf-8", closefd=False)
        sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)
        _leave_the_controller()
        basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = arguments.encode(), "legacy"
        MODULES[name].main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        code = 2
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


def _leave_the_controller() -> None:
    """Have a module's warnings go with its result. On the controller, ansible-core 2.19 and later keep them for this process's own display."""
    with contextlib.suppress(ImportError):
        internal = importlib.import_module("ansible.module_utils._internal")
        internal.is_controller = False


def failure(error: FederationError) -> dict:
    """Return a failed task's result, as modules give it."""
    return {
        "failed": True,
        "changed": False,
        "msg": f"{error} Nothing was written.  ({error.reference})",
        "code": error.code,
        "where": error.where,
        "what": error.what,
        "mend": error.mend,
        "written": [],
    }
