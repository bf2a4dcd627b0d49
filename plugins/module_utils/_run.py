# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps that every module shares: start, apply changes, report, fail with a code."""

from __future__ import annotations

import copy
import os
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ._cluster.client import Cluster
from ._core.plain.data import some
from ._core.plain.diff import Change, leaves, owned_leaves, stands_as_stored, with_uid
from ._core.plain.errors import NOT_SERVED, FederationError
from ._core.plain.kinds import Kind
from ._core.plain.reference import link_to
from ._core.plain.secrets import LONG, to_mask, without, without_keys
from ._core.plain.words import shown, shown_in
from ._notes import forget
from ._secrets import secrets_of, shown_arguments

LONGEST_FAILURE = 20_000
# How many places of an unexpected error's way are told.
WAY = 12

LOOPBACK = (
    "federation_loopback is true: addresses of the machine itself and short names are accepted. This is for testbeds "
    "on one machine only; remove it anywhere else."
)


class Module(AnsibleModule):
    """A module that shows no secret: not in its invocation, which ``-vvv`` prints, nor in the system's log, its
    messages or its result.

    Secrets are known by their values, so that paths, addresses and names stay readable; a short one is masked only
    where it stands. What others wrote is made fit for a terminal here, at the exit, wherever it came from.
    """

    def know(self, secrets: Iterable[str]) -> None:
        """Mask these wherever they are about to be shown, short ones aside."""
        self.no_log_values = {text for text in self.no_log_values if len(text) >= LONG} | to_mask(secrets)

    def exit_json(self, **result: Any) -> NoReturn:
        """End well."""
        self._hide()
        super().exit_json(**shown_in(without_keys(result)), invocation=self._invocation())

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        """Fail; also what Ansible says about arguments that it refuses comes this way."""
        self._hide()
        told = shown(without(self.no_log_values, str(msg)), longest=LONGEST_FAILURE)
        super().fail_json(msg=told, **shown_in(without_keys(result)), invocation=self._invocation())

    def warn(self, warning: str, *arguments: Any, **more: Any) -> None:
        """Warn."""
        super().warn(shown(without(self.no_log_values, str(warning))), *arguments, **more)

    def log(self, msg: str, log_args: Mapping[str, Any] | None = None) -> None:
        """Write to the system's log, where Ansible writes each invocation."""
        self._hide()
        if log_args:
            # The arguments once again, as they may be shown.
            told = {
                name: str(value)
                for name, value in shown_arguments({**log_args, **self.params}).items()
                if name in log_args
            }
            log_args = {
                name: log_args[name] if str(log_args[name]).startswith("NOT_LOGGING") else text
                for name, text in told.items()
            }
            msg = f"Invoked with {' '.join(f'{name}={value}' for name, value in log_args.items())}"
        super().log(without(self.no_log_values, msg), log_args=log_args)

    def _hide(self) -> None:
        self.know(secrets_of(getattr(self, "params", None) or {}))

    def _invocation(self) -> dict[str, Any]:
        return {"module_args": without_keys(shown_arguments(getattr(self, "params", None) or {}))}


NOTHING_WRITTEN = "Nothing was written."


class Journal:
    """What a run has written so far, and earlier calls of the same wait ``before``, so that a failure can say it."""

    def __init__(self, before: Iterable[str] = ()) -> None:
        self.done = list(before)

    def text(self) -> str:
        """Return the end of an error message: what was written before it."""
        if not self.done:
            return NOTHING_WRITTEN
        return f"Written before that: {some(self.done)}; run again to finish."


@dataclass
class Run:
    """What the work of a module sees of it: what was asked, whether anything may be written, who is warned, and what
    was written.
    """

    params: dict[str, Any]
    warn: Callable[[str], None]
    check_mode: bool = False
    journal: Journal = field(default_factory=Journal)
    know: Callable[[Iterable[str]], None] = lambda _secrets: None
    """Takes secrets that were read on the way, which are masked from there on."""

    def aside(self, *, check_mode: bool) -> tuple[Run, list[str]]:
        """Return this run for a look that may come to nothing, and the list that gets what it would warn of."""
        other, warnings = copy.copy(self), list[str]()
        other.warn, other.check_mode = warnings.append, check_mode
        return other, warnings

    def apply(self, cluster: Cluster, changes: Iterable[Change], *, looks_again: bool = True) -> None:
        """Send one request per change, in order, and look once more at each object; nothing in check mode.

        Raises ``FederationError`` FED515 where another run has changed meanwhile what this one had written. A module
        that looks at the whole anyway, or writes what the next run overwrites without harm, says so (``looks_again``).
        """
        if self.check_mode:
            return
        done: list[tuple[Change, Mapping | None]] = []
        for change in changes:
            stored = None
            if change.action == "delete":
                cluster.delete(change.kind, change.namespace, change.name, change.uid)
            elif change.action == "merge":
                bound = {**change.manifest, "metadata": {**change.manifest.get("metadata", {}), "uid": change.uid}}
                stored = cluster.merge_patch(change.kind, change.namespace, change.name, bound, change.manager)
            else:
                stored = cluster.apply(change.kind, with_uid(change), change.manager, force=change.force)
            self.journal.done.append(f"{change.action} {change.place}")
            done.append((change, stored))
        if looks_again:
            refuse_overtaken(cluster, done)


Body = Callable[[Run, Cluster, datetime], dict]


def run_module(module: Module, body: Body, *, needs_cluster: bool = True, writes: bool = True) -> NoReturn:
    """Run one module to its result; a ``FederationError`` becomes its failure, with code and reference.

    A module that ``writes`` says in a failure what it had written; one that only reads has nothing to say of that. An
    error that nobody expected is told by its type and place: its text is a library's, and may quote what is secret.
    """
    journal = Journal(module.params.get("wrote") or ())
    run = Run(module.params, module.warn, module.check_mode, journal, module.know)
    result, failed, cluster = {}, None, None
    if module.params.get("loopback"):
        module.warn(f"FED324 {LOOPBACK}  ({link_to('FED324')})")
    try:
        cluster = Cluster.connect(module.params) if needs_cluster else None
        if cluster is not None:
            module.know(cluster.secrets)
            warn_if_unverified(module, cluster)
            if writes and not module.check_mode:
                refuse_unchosen(cluster)
        result = body(run, cluster, datetime.now(timezone.utc))
    except FederationError as error:
        failed = error
    except Exception as error:
        failed = unexpected(error, os.path.basename(str(module._name)))
    if journal.done:
        forget(module.params)
    if failed is not None:
        if failed.result:
            failed.result = {**requests_of(cluster), **failed.result}
        # Outside of the block above, where Ansible would add the traceback of what is being handled.
        fail(module, failed, journal if writes else None, asked_of(failed, cluster))
    result = {**requests_of(cluster), **result}
    if writes and "wrote" in module.params:
        result["written"] = journal.done
    module.exit_json(**result)


def requests_of(cluster: Cluster | None) -> dict:
    """Return which API server was asked, and how often; nothing where none was."""
    return {} if cluster is None else {"server": cluster.server, "requests": cluster.requests}


def warn_if_unverified(module: Module, cluster: Cluster) -> None:
    """Warn that anybody could answer in the API server's place, and name what allows it."""
    if cluster.unverified:
        whose = f"{module.params['mesh']}: " if module.params.get("mesh") else ""
        module.warn(
            f"FED117 {whose}{cluster.server}: its certificate is not verified ({cluster.unverified}), so anybody "
            "between can read the credentials and answer in its place. Give the CA certificate instead (mesh_ca_cert, "
            "cluster_ca_cert, or in the kubeconfig)."
            f"  ({link_to('FED117')})"
        )


def unexpected(error: Exception, module: str) -> FederationError:
    """Return the refusal for an error that nobody expected: its type and where it happened, without its text."""
    # Not extract_tb, which obeys sys.tracebacklimit: a library of the user's may have set that to nothing.
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    way = [f"{os.path.basename(code.co_filename)}:{line} {code.co_name}" for code, line in frames]
    causes, cause = [], error.__cause__ or error.__context__
    while cause is not None and len(causes) < 5:
        causes.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    because = f", because of {', '.join(causes)}" if causes else ""
    return FederationError(
        "FED115",
        where=module,
        what=f"an unexpected {type(error).__name__}{because} at {way[-1] if way else 'an unknown place'}",
        fix=(
            "Run again; if the error remains, report it with this message and the result's facts.way, which contain "
            "no values"
        ),
        facts={"way": way[-WAY:]},
    )


def refuse_unchosen(cluster: Cluster) -> None:
    """Refuse to write where several contexts could be meant and nobody has said which: FED460."""
    if cluster.others:
        raise FederationError(
            "FED460",
            where="mesh_context",
            what=(
                f"is not given, and the kubeconfig has the contexts {cluster.context} (current) and"
                f" {some(sorted(cluster.others))}"
            ),
            fix=(
                "Choose one (mesh_context or cluster_context of the host, context of a task), or give a kubeconfig "
                "that has only one"
            ),
        )


def asked_of(error: FederationError, cluster: Cluster | None) -> str:
    """Return as a sentence which API server an error about a control plane came from: two meshes may have
    equal names.
    """
    if cluster is None or not error.code.startswith("FED4"):
        return ""
    return f"Asked was {cluster.server}{f', context {cluster.context}' if cluster.context else ''}."


def fail(module: Module, error: FederationError, journal: Journal | None, asked: str = "") -> NoReturn:
    """Fail with the error in the user's words, and what had been written by then."""
    told = {
        **error.failure(" ".join(text for text in (journal.text() if journal else "", asked) if text)),
        "written": journal.done if journal else [],
        "changed": bool(journal and journal.done),
    }
    module.fail_json(
        **{key: value for key, value in error.result.items() if key not in told},
        **told,
        **({"facts": error.facts} if error.facts else {}),
    )


def refuse_overtaken(cluster: Cluster, done: Iterable[tuple[Change, Mapping | None]]) -> None:
    """Refuse to call it done where another run has changed what this one had written: FED515.

    What stands is compared with what was stored last by each manager, in the fields of ours, so that a webhook's own
    mind does not count; what was deleted must not have been made again under one of our managers.
    """
    last = {(change.place, change.manager): (change, stored) for change, stored in done}
    seen: dict[str, Mapping | None] = {}
    for change, stored in last.values():
        if change.place not in seen:
            seen[change.place] = _looked_at(cluster, change)
        live = seen[change.place]
        if change.action == "delete":
            is_back = live is not None and live["metadata"].get("uid") != change.uid
            how = "was made again by another run" if is_back and owned_leaves(live, change.manager) else ""
        else:
            how = "" if live else "was deleted by another run"
            is_same = live and all(
                stands_as_stored(live, stored or {}, path) for path, _value in leaves(change.manifest)
            )
            how = how or ("" if is_same else "was changed by another run")
        if how:
            raise FederationError(
                "FED515",
                where=change.place,
                what=f"{how} while this one was at work",
                fix="Find out which description of the mesh is right, then run again",
            )


def _looked_at(cluster: Cluster, change: Change) -> Mapping | None:
    """Return what stands of a change's object; nothing where its kind went with it."""
    try:
        return cluster.get(change.kind, change.namespace, change.name)
    except FederationError as error:
        if error.code != NOT_SERVED or change.action != "delete":
            raise
        return None


def live_or_planned(run: Run, cluster: Cluster, kind: Kind, namespace: str, name: str) -> dict | None:
    """Return a live object, or None. In check mode the kind itself may be missing, because its installation was only
    simulated; so may that of an object that is to be removed.
    """
    try:
        return cluster.get(kind, namespace, name)
    except FederationError as error:
        if error.code != NOT_SERVED or not (run.check_mode or run.params["state"] == "absent"):
            raise
        return None


def rehearse(cluster: Cluster, change: Change) -> None:
    """Have the API server and its webhooks judge a change that is not stored, as far as they can.

    Its kind and namespace may be missing yet, and a webhook may not take dry runs.
    """
    try:
        cluster.apply(change.kind, with_uid(change), change.manager, force=change.force, dry_run=True)
    except FederationError as error:
        takes_none = "does not support dry run" in str(error.facts.get("reason"))
        if error.code != NOT_SERVED and error.facts.get("status") != 404 and not takes_none:
            raise


def wait_until(look: Callable[[], list[str]], seconds: float, interval: float = 2.0) -> tuple[list[str], int]:
    """Look until nothing is missing or ``seconds`` have passed; return what is missing then, and whole
    seconds waited.
    """
    started = time.monotonic()
    while True:
        missing = look()
        waited = time.monotonic() - started
        if not missing or waited >= seconds:
            return missing, int(waited)
        time.sleep(min(interval, max(0.0, seconds - waited)))


def awaited(run: Run, look: Callable[[], list[str]], late: Callable[[list[str], int], FederationError]) -> list[str]:
    """Return what is missing, after a wait where one was asked for; raises at the deadline what ``late`` makes of it
    and of the seconds.
    """
    params = run.params
    missing, seconds = wait_until(look, params["wait_timeout"] if params["wait"] else 0)
    if missing and params["wait"] and not params["soft"]:
        raise late(missing, params["waited"] + seconds)
    return missing
