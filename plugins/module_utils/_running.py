# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps that every module shares: start, apply changes, report, fail with a code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ._cluster import Cluster, secret_values
from ._core.diff import Change
from ._core.errors import FederationError
from ._core.kinds import Kind

Run = Callable[[AnsibleModule, Cluster, datetime], dict]


def run_module(module: AnsibleModule, run: Run, *, needs_cluster: bool = True, writes: bool = True) -> NoReturn:
    """Run one module to its result; a ``FederationError`` becomes its failure, with code and reference.

    A module that ``writes`` says in a failure what it had written; one that only reads has nothing to say of that.
    """
    journal = Journal(module.params.get("wrote") or ())
    module.journal = journal
    module.no_log_values.update(secret_values(module.params))
    try:
        cluster = Cluster.connect(module.params) if needs_cluster else None
        result = run(module, cluster, datetime.now(timezone.utc))
    except FederationError as error:
        fail(module, error, journal if writes else None)
    if cluster is not None:
        result = {"server": cluster.server, "requests": cluster.requests, **result}
    if writes and "wrote" in module.params:
        result["written"] = journal.done
    module.exit_json(**result)


def fail(module: AnsibleModule, error: FederationError, journal: Journal | None) -> NoReturn:
    """Fail with the error in the user's words, and what had been written by then."""
    written = f" {journal.text()}" if journal else ""
    module.fail_json(
        msg=f"{error}{written}  ({error.reference})",
        code=error.code,
        where=error.where,
        what=error.what,
        mend=error.mend,
        written=journal.done if journal else [],
        changed=bool(journal and journal.done),
        **({"facts": error.facts} if error.facts else {}),
    )


class Journal:
    """What a run has written so far, and earlier calls of the same wait ``before``, so that a failure can say it."""

    def __init__(self, before: Iterable[str] = ()) -> None:
        self.done = list(before)

    def text(self) -> str:
        """Return the end of an error message: what was written before it."""
        if not self.done:
            return "Nothing was written."
        return f"Written before that: {', '.join(self.done)}; run again to finish."


def apply_changes(module: AnsibleModule, cluster: Cluster, changes: Iterable[Change]) -> None:
    """Send one request per change, in order; nothing in check mode."""
    if module.check_mode:
        return
    for change in changes:
        if change.action == "delete":
            cluster.delete(change.kind, change.namespace, change.name, change.uid)
        elif change.action == "merge":
            bound = {**change.manifest, "metadata": {**change.manifest.get("metadata", {}), "uid": change.uid}}
            cluster.merge_patch(change.kind, change.namespace, change.name, bound, change.manager)
        else:
            cluster.apply(change.kind, with_uid(change), change.manager, force=change.force)
        module.journal.done.append(f"{change.action} {change.place}")


def live_or_planned(module: AnsibleModule, cluster: Cluster, kind: Kind, namespace: str, name: str) -> dict | None:
    """Return a live object, or None. In check mode its kind may be missing, too: what installs it was only checked. So may that of what shall go."""
    try:
        return cluster.get(kind, namespace, name)
    except FederationError as error:
        if error.code != "FED108" or not (module.check_mode or module.params["state"] == "absent"):
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
        if error.code != "FED108" and error.facts.get("status") != 404 and not takes_none:
            raise


def with_uid(change: Change) -> Mapping[str, Any]:
    """Return what to apply, bound to the object as read: a write must not re-create what has gone meanwhile."""
    if not change.uid:
        return change.manifest
    return {**change.manifest, "metadata": {**change.manifest["metadata"], "uid": change.uid}}


def wait_until(look: Callable[[], list[str]], seconds: float, interval: float = 2.0) -> tuple[list[str], int]:
    """Look until nothing is missing or ``seconds`` have passed; return what is missing then, and whole seconds waited."""
    started = time.monotonic()
    while True:
        missing = look()
        waited = time.monotonic() - started
        if not missing or waited >= seconds:
            return missing, int(waited)
        time.sleep(min(interval, max(0.0, seconds - waited)))
