# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all action plugins here do: they refuse, run the module, and show what it says.

Modules run in a process forked from Ansible's own, where that is the Python that they would run on.

Ansible packs a module into an archive and starts a Python for it, which compiles all that the module imports: 1.3 s of
work before the first request. What is forked here has it imported already. Where a module would run elsewhere (another
Python, a connection that is not local, privilege escalation, ``async``), or its files are to be kept, Ansible runs it
as any other.

A task of Ansible's costs more than what most tasks here do. So what a role of this collection would do in tasks before
and after its module is part of the module's task: variables are held to the role's argument specs, hosts without
credentials of their own are refused, and a task that has the variable ``__show`` shows what that comes to, as ``debug``
would.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from ansible import constants, context
from ansible.module_utils import basic
from ansible.plugins.action import ActionBase
from ansible.utils.color import stringc
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var
from ansible.utils.vars import load_extra_vars
from ansible_collections.ossm.federation.plugins.module_utils import _notes
from ansible_collections.ossm.federation.plugins.module_utils._cluster import client
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.data import some
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.reference import link_to
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import shown
from ansible_collections.ossm.federation.plugins.module_utils._run import NOTHING_WRITTEN
from ansible_collections.ossm.federation.plugins.plugin_utils.credentials import are_own, borrowed
from ansible_collections.ossm.federation.plugins.plugin_utils.specs import refuse_unknown, refuse_wrong, specs_of
from ansible_collections.ossm.federation.plugins.plugin_utils.unknown import IGNORED, PLAYBOOKS, Told

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
SHOW = "__show"

COLOURS = {"ok": constants.COLOR_OK, "down": constants.COLOR_ERROR, "unsure": constants.COLOR_WARN}

display = Display()

for _library in LIBRARIES:
    with contextlib.suppress(ImportError):
        importlib.import_module(_library)


class HereAction(ActionBase):
    """Runs the module of the task's name, here where that changes nothing but the time it takes.

    Ansible loads action plugins in the process that all of a run's workers are forked from: whoever names its
    ``MODULE`` has imported it there, once, and a run imports no module that it has no task for.
    """

    MODULE: ModuleType
    IS_LAST = False
    """Whether a run ends with it whatever was refused before, so that it refuses nothing of that itself."""

    def run(self, tmp: str | None = None, task_vars: dict | None = None) -> dict:
        """Return the module's result, or the refusal of what the role was told."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            self._refuse(variables)
            result.update(self.act(variables))
        except FederationError as error:
            return {**result, **failure(error)}
        self._show(result, variables)
        return result

    def act(self, variables: dict) -> dict:
        """Return the module's result. May raise ``FederationError`` before anything is written."""
        return self._execute_module(task_vars=variables)

    def _refuse(self, variables: Mapping[str, Any]) -> None:
        """Refuse variables that the role's specs do not allow or know, and credentials that are not the host's own:
        FED325, FED330, FED102.
        """
        role = self._role()
        if role is None:
            return
        # A task for all hosts at once is not about the variables of one of them.
        if not self._task.run_once:
            self._refuse_unknown(variables, self._told())
            self._refuse_wrong(role, variables)
        elif not self.IS_LAST:
            told = self._told()
            self._refuse_unknown({name: variables[name] for name in (*told.names, IGNORED) if name in variables}, told)
        hosts = variables.get("ansible_play_hosts_all") or ()
        if len(hosts) > 1 and self._asks_a_cluster() and not are_own(self._task.args):
            host = str(variables.get("inventory_hostname"))
            name = str(self._task.args.get("mesh") or "")
            raise borrowed("mesh" if name else "cluster", host, len(hosts), name=name)

    def _refuse_unknown(self, variables: Mapping[str, Any], told: Told) -> None:
        doubted = refuse_unknown(variables, self._templar.template, told)
        if doubted:
            display.warning(doubts(doubted))

    def _refuse_wrong(self, role: Any, variables: Mapping[str, Any]) -> None:
        own = role.get_name(include_role_fqcn=False)
        names = [each.get_name(include_role_fqcn=False) for each in role.get_all_dependencies()]
        entry = str(role._from_files.get("tasks", "main")).removesuffix(".yml")
        for name, spec in specs_of(own, entry, names):
            refuse_wrong(spec, name, variables, self._templar.template)

    def _told(self) -> Told:
        """Return what the command line of this run tells: its extra variables and its playbooks."""
        played = {playbook_name(str(each)) for each in context.CLIARGS.get("args") or ()}
        return Told(frozenset(load_extra_vars(self._loader)), played & set(PLAYBOOKS))

    def _role(self) -> Any:
        """Return the role of this collection that the task stands in, or None."""
        role = self._task._role
        is_ours = role is not None and str(getattr(role, "_role_collection", "")) == COLLECTION.removesuffix(".")
        return role if is_ours else None

    def _asks_a_cluster(self) -> bool:
        return hasattr(self.MODULE, "CLUSTER") and self._task.args.get("state") != "rendered"

    def _show(self, result: dict, variables: Mapping[str, Any]) -> None:
        """Show what the role says of the result, unless the run's output is for machines: they find it in the result.

        A failure that has lines has seen something, which is shown before it.
        """
        said = self._task.vars.get(SHOW) if self._role() else None
        is_told = not result.get("failed") or "lines" in result
        if not said or not is_told or "json" in constants.DEFAULT_STDOUT_CALLBACK or self._task.no_log:
            return
        before = self._templar.available_variables
        # Since ansible-core 2.21 it is a mapping of names to what of the result they get.
        names = [self._task.register] if isinstance(self._task.register, str) else list(self._task.register or ())
        self._templar.available_variables = {**variables, **dict.fromkeys(names, result)}
        try:
            found = self._templar.template(said)
        finally:
            self._templar.available_variables = before
        lines = [str(line) for line in found] if isinstance(found, (list, tuple)) else [str(found or "")]
        if any(lines):
            display.display("\n".join(coloured(shown(line), states_in(result)) for line in lines))

    def _execute_module(
        self,
        module_name: str | None = None,
        module_args: dict | None = None,
        tmp: str | None = None,
        task_vars: dict | None = None,
        **more: Any,
    ) -> dict:
        name = (module_name or self._task.action).removeprefix(COLLECTION)
        if name != _name_of(self.MODULE) or more or not self._would_run_here(task_vars or {}):
            return super()._execute_module(module_name, module_args, tmp, task_vars, **more)
        arguments = dict(self._task.args if module_args is None else module_args)
        self._update_module_args(COLLECTION + name, arguments, task_vars or {})
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        display.vvv(f"Running {COLLECTION}{name} in a process forked from Ansible's own")
        whose = str(arguments.get("mesh") or (task_vars or {}).get("inventory_hostname") or "")
        notes = constants.DEFAULT_LOCAL_TMP if self._is_in_our_playbooks() else ""
        return wrap_var(
            _ran(self.MODULE, json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, **_ENCODER), environment, whose, notes)
        )

    def _is_in_our_playbooks(self) -> bool:
        """Return whether all that this run plays is this collection's, so that nobody else does anything between its
        tasks.
        """
        played = [str(each) for each in context.CLIARGS.get("args") or ()]
        return bool(played) and all(
            each.removeprefix(COLLECTION) in PLAYBOOKS and each.startswith(COLLECTION) for each in played
        )

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


def playbook_name(said: str) -> str:
    """Return what a playbook is called, given as a file or as one of a collection."""
    return Path(said).stem if said.endswith((".yml", ".yaml", ".json")) else said.rpartition(".")[2]


def doubts(doubted: Sequence[tuple[str, str]]) -> str:
    """Return the warning of variables that may be meant for the playbook that runs, which knows none of them."""
    told = some([shown(f"{name} (nearest: {near})", longest=160) for name, near in doubted])
    return (
        f"FED330 {told}: called like a variable of this playbook, and none that it knows; list it in {IGNORED} where it"
        f" belongs to somebody else.  ({link_to('FED330')})"
    )


def states_in(result: Mapping) -> dict[str, str]:
    """Return the states of lines that a result tells, its own or those of what it says that stands."""
    standing = result.get("standing")
    parts = (result, standing if isinstance(standing, Mapping) else {})
    return {
        str(line): str(state)
        for part in parts
        if isinstance(part.get("states"), Mapping)
        for line, state in part["states"].items()
    }


def coloured(line: str, states: Mapping[str, str]) -> str:
    """Return a line in the colour of its state; as it is where Ansible shows no colours."""
    colour = COLOURS.get(states.get(line, ""))
    return stringc(line, colour) if colour else line


class PlainAction(HereAction):
    """Runs the module and does nothing else, in the background as well."""

    _supports_async = True

    def act(self, variables: dict) -> dict:
        """Return the module's result."""
        background = {"wrap_async": True} if self._task.async_val else {}
        return self._execute_module(task_vars=variables, **background)


def _name_of(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _ran(module: ModuleType, arguments: str, environment: Mapping[str, Any], whose: str = "", notes: str = "") -> dict:
    """Run one module in a process of its own and return its result; what it says beside that is left out.

    A silent API server is told of while the module still asks it. ``notes`` is where it leaves what it has read to the
    next one.
    """
    readable, writable = os.pipe()
    heard, telling = os.pipe()
    child = os.fork()
    if not child:
        os.close(readable)
        os.close(heard)
        client.on_silence = partial(_tell, telling)
        _notes.folder = notes
        _be_module(module, arguments, environment, writable)
    os.close(writable)
    os.close(telling)
    try:
        said = _said(readable, heard, whose)
    finally:
        _pid, status = os.waitpid(child, 0)
    try:
        result = json.loads(said, **_DECODER)
    except ValueError:
        result = None
    if isinstance(result, dict):
        return result
    error = FederationError(
        "FED115",
        where=_name_of(module),
        what=f"the module ended without a result ({os.waitstatus_to_exitcode(status)})",
        fix="Run again; a negative number is the signal that ended it",
    )
    return failure(error, "What it had written by then is not known.")


def _tell(telling: int, text: str) -> None:
    """Say a line to the process that waits for this one."""
    with contextlib.suppress(OSError):
        os.write(telling, text.encode("utf-8", "replace") + b"\n")


def _said(readable: int, heard: int, whose: str) -> bytes:
    """Return all that a module's process writes to ``readable``, showing the lines that it writes to ``heard``
    meanwhile.
    """
    found: dict[int, bytes] = {readable: b"", heard: b""}
    open_ends = set(found)
    try:
        while readable in open_ends:
            for end in select.select(list(open_ends), [], [])[0]:
                part = os.read(end, 1 << 16)
                found[end] += part
                if not part:
                    open_ends.discard(end)
            *lines, found[heard] = found[heard].split(b"\n")
            for line in lines:
                display.display(shown(f"{whose}: {line.decode('utf-8', 'replace')}"))
    finally:
        os.close(readable)
        os.close(heard)
    return found[readable]


def _be_module(module: ModuleType, arguments: str, environment: Mapping[str, Any], writable: int) -> NoReturn:
    """Be the process of a module: its result goes to ``writable``, and nothing of Ansible's own process
    ends with it.
    """
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
        module.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        code = 2
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


def _leave_the_controller() -> None:
    """Have a module's warnings go with its result. On the controller, ansible-core 2.19 and later keep them for this
    process's own display.
    """
    with contextlib.suppress(ImportError):
        internal = importlib.import_module("ansible.module_utils._internal")
        internal.is_controller = False


def failure(error: FederationError, written: str = NOTHING_WRITTEN) -> dict:
    """Return a failed task's result, as modules give it."""
    return {"failed": True, "changed": False, **error.failure(written), "written": []}
