# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operator's care for member rolls, members and member namespaces."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from .conditions import (
    MANAGER,
    Condition,
    conditions_after,
    delete_if_there,
    has_finalizer,
    with_finalizer,
    without_finalizer,
    write_status,
)
from .kube import Kube
from .manifests import CREATED_BY, MEMBER_CONTROLLER, MEMBER_OF, ROLL_CONTROLLER, member_objects, roll_made_member
from .releases import OperatorRelease

_RESERVED = ("kube", "openshift")
_RESERVED_PREFIXES = ("kube-", "openshift-", "ibm-")


class Members:
    """Configures the namespaces of all member rolls of a cluster, and writes the rolls' and the members' statuses.

    A namespace is a member because a roll lists it, or because it has a ServiceMeshMember of its own; what a roll lists
    is left to those who wrote it, and who has joined by himself stands in its status alone. It looks at everything at
    once whenever anything changes: a test cluster has few namespaces, and what one roll drops another may take.
    """

    def __init__(self, kube: Kube, release: OperatorRelease, log: Callable[[str], None]) -> None:
        self._kube, self._release, self._log = kube, release, log

    def reconcile(self, _key: Hashable) -> float | None:
        """Bring every roll, member and member namespace to what the rolls say."""
        control_planes = {
            smcp["metadata"]["namespace"]: smcp
            for smcp in self._kube.list("ServiceMeshControlPlane")
            if not smcp["metadata"].get("deletionTimestamp")
        }
        namespaces = {namespace["metadata"]["name"]: namespace for namespace in self._kube.list("Namespace")}
        joined: dict[str, set[str]] = {}
        for member in self._kube.list("ServiceMeshMember"):
            if self._follow_member(member, control_planes):
                joined.setdefault(_reference(member)[0], set()).add(member["metadata"]["namespace"])
        self._keep_own_rolls(joined)
        rolls = self._kube.list("ServiceMeshMemberRoll")
        wanted: dict[str, str] = {}
        members: dict[str, list[str]] = {}
        for roll in rolls:
            home = roll["metadata"]["namespace"]
            members[home] = sorted({*_resolved(roll, namespaces), *joined.get(home, ())})
            if home in control_planes and not roll["metadata"].get("deletionTimestamp"):
                wanted |= dict.fromkeys(members[home], home)
        for name, namespace in namespaces.items():
            home = (namespace["metadata"].get("labels") or {}).get(MEMBER_OF)
            if home and home != name and wanted.get(name) != home:
                self._release_namespace(name, home)
        for roll in rolls:
            home = roll["metadata"]["namespace"]
            self._configure(roll, control_planes.get(home), namespaces, members[home])
        for member in self._kube.list("ServiceMeshMember"):
            self._report_member(member, control_planes)
        return None

    # member rolls

    def _configure(self, roll: dict, smcp: dict | None, namespaces: Mapping[str, dict], members: list[str]) -> None:
        home, name = roll["metadata"]["namespace"], roll["metadata"]["name"]
        if roll["metadata"].get("deletionTimestamp"):
            if has_finalizer(roll):
                self._kube.merge("ServiceMeshMemberRoll", name, home, without_finalizer(roll))
            return
        if not has_finalizer(roll):
            self._kube.merge("ServiceMeshMemberRoll", name, home, with_finalizer(roll))
        is_reconciled = smcp is not None and bool((smcp.get("status") or {}).get("observedGeneration"))
        problems: dict[str, Condition] = {}
        if is_reconciled:
            listed = _resolved(roll, namespaces)
            for member in members:
                problem = self._configure_namespace(smcp, namespaces.get(member), member, is_listed=member in listed)
                if problem is not None:
                    problems[member] = problem
        configured = [member for member in members if is_reconciled and member not in problems]
        write_status(
            self._kube,
            "ServiceMeshMemberRoll",
            name,
            home,
            lambda live: self._roll_status(live, smcp, members, configured, problems, is_reconciled),
        )

    def _configure_namespace(
        self, smcp: dict, namespace: dict | None, name: str, *, is_listed: bool
    ) -> Condition | None:
        """Make ``name`` a member of the mesh; return why it can not be one."""
        home = smcp["metadata"]["namespace"]
        if namespace is None or namespace["metadata"].get("deletionTimestamp"):
            return Condition("Reconciled", False, "NamespaceNotExists", f"Namespace {name} does not exist")
        member = self._kube.get("ServiceMeshMember", "default", name)
        if member is not None and _reference(member) != (home, smcp["metadata"]["name"]):
            return Condition(
                "Reconciled",
                False,
                "ReferencesDifferentControlPlane",
                f"Namespace {name} has a ServiceMeshMember of another control plane",
            )
        if member is None and is_listed:
            self._kube.apply(roll_made_member(smcp, name), MANAGER)
        if (namespace["metadata"].get("labels") or {}).get(MEMBER_OF) != home:
            self._kube.merge("Namespace", name, None, {"metadata": {"labels": {MEMBER_OF: home}}})
            for manifest in member_objects(smcp, name, self._release):
                self._kube.apply(manifest, MANAGER, force=True)
            self._log(f"namespace {name} is a member of {home}")
        return None

    def _release_namespace(self, name: str, home: str) -> None:
        self._kube.merge("Namespace", name, None, {"metadata": {"labels": {MEMBER_OF: None}}})
        for kind in ("NetworkPolicy", "RoleBinding"):
            for manifest in self._kube.list(kind, name):
                if (manifest["metadata"].get("labels") or {}).get(MEMBER_OF) == home:
                    delete_if_there(self._kube, kind, manifest["metadata"]["name"], name)
        member = self._kube.get("ServiceMeshMember", "default", name)
        if member is not None and _created_by(member) == ROLL_CONTROLLER and _reference(member)[0] == home:
            delete_if_there(self._kube, "ServiceMeshMember", "default", name)
            gone = self._kube.get("ServiceMeshMember", "default", name)
            if gone is not None and has_finalizer(gone):
                self._kube.merge("ServiceMeshMember", "default", name, without_finalizer(gone))
        self._log(f"namespace {name} is no member of {home} any more")

    def _roll_status(
        self,
        live: dict,
        smcp: dict | None,
        members: list[str],
        configured: list[str],
        problems: Mapping[str, Condition],
        is_reconciled: bool,
    ) -> dict:
        stored = live.get("status") or {}
        pending = [member for member in members if member not in configured]
        if smcp is None:
            ready = Condition("Ready", False, "ErrSMCPMissing", "No ServiceMeshControlPlane exists in the namespace")
        elif not is_reconciled:
            ready = Condition(
                "Ready", False, "SMCPReconciling", "Waiting for the ServiceMeshControlPlane to be reconciled"
            )
        elif pending:
            ready = Condition(
                "Ready",
                False,
                "ReconcileError",
                f"The following namespaces are not yet configured: [{' '.join(pending)}]",
            )
        else:
            ready = Condition("Ready", True, "Configured", "All namespaces have been configured successfully")
        old_members = {entry["namespace"]: entry.get("conditions") for entry in stored.get("memberStatuses") or []}
        status: dict[str, Any] = {
            "annotations": {
                **(stored.get("annotations") or {}),
                "configuredMemberCount": f"{len(configured)}/{len(members)}",
            },
            "conditions": conditions_after(stored.get("conditions"), [ready]),
            "configuredMembers": configured,
            "members": members,
            "memberStatuses": [
                {
                    "namespace": member,
                    "conditions": conditions_after(
                        old_members.get(member), [self._member_condition(member, configured, problems)]
                    ),
                }
                for member in members
            ],
            "observedGeneration": live["metadata"]["generation"],
            "pendingMembers": pending,
            "terminatingMembers": [],
        }
        if smcp is not None and is_reconciled:
            status |= _mesh_version(smcp)
        return status

    @staticmethod
    def _member_condition(member: str, configured: Iterable[str], problems: Mapping[str, Condition]) -> Condition:
        if member in problems:
            return problems[member]
        if member in configured:
            return Condition("Reconciled", True, "Reconciled", "Namespace has been configured successfully")
        return Condition(
            "Reconciled", False, "ErrorConfiguringNamespace", f"Namespace {member} waits for the control plane"
        )

    # members

    def _follow_member(self, member: dict, control_planes: Mapping[str, dict]) -> bool:
        """Keep the finalizer of a member; return whether its namespace joins a mesh that stands by it, and not by a
        roll.
        """
        namespace = member["metadata"]["namespace"]
        home, name = _reference(member)
        if member["metadata"].get("deletionTimestamp"):
            if has_finalizer(member):
                self._kube.merge("ServiceMeshMember", "default", namespace, without_finalizer(member))
            return False
        if not has_finalizer(member):
            self._kube.merge("ServiceMeshMember", "default", namespace, with_finalizer(member))
        smcp = control_planes.get(home)
        return _created_by(member) != ROLL_CONTROLLER and smcp is not None and smcp["metadata"]["name"] == name

    def _keep_own_rolls(self, joined: Mapping[str, set[str]]) -> None:
        """Make a roll where namespaces have joined and there is none; one that was made so goes with the
        last of them.
        """
        standing = {roll["metadata"]["namespace"]: roll for roll in self._kube.list("ServiceMeshMemberRoll")}
        for home in sorted(set(joined) - set(standing)):
            metadata = {"name": "default", "namespace": home, "annotations": {CREATED_BY: MEMBER_CONTROLLER}}
            self._kube.create(
                {
                    "apiVersion": "maistra.io/v1",
                    "kind": "ServiceMeshMemberRoll",
                    "metadata": metadata,
                    "spec": {"members": []},
                }
            )
        for home, roll in standing.items():
            if (
                _created_by(roll) == MEMBER_CONTROLLER
                and not joined.get(home)
                and not (roll.get("spec") or {}).get("members")
            ):
                delete_if_there(self._kube, "ServiceMeshMemberRoll", "default", home)

    def _report_member(self, member: dict, control_planes: Mapping[str, dict]) -> None:
        namespace = member["metadata"]["namespace"]
        home, name = _reference(member)
        smcp = control_planes.get(home)
        if smcp is not None and smcp["metadata"]["name"] != name:
            smcp = None
        status_of_namespace = self._kube.get("Namespace", namespace) or {"metadata": {}}
        is_joined = (status_of_namespace["metadata"].get("labels") or {}).get(MEMBER_OF) == home

        def status_after(live: dict) -> dict:
            stored = live.get("status") or {}
            if smcp is None:
                reason, message = (
                    "ErrorControlPlaneMissing",
                    "the referenced ServiceMeshControlPlane object does not exist",
                )
            elif not is_joined:
                reason, message = "ErrorConfiguringNamespace", f"Namespace {namespace} is not yet configured"
            else:
                reason, message = "Reconciled", "Namespace has been configured successfully"
            is_done = smcp is not None and is_joined
            conditions = [Condition(kind, is_done, reason, message) for kind in ("Reconciled", "Ready")]
            return {
                "annotations": {**(stored.get("annotations") or {}), "controlPlaneRef": f"{home}/{name}"},
                "conditions": conditions_after(stored.get("conditions"), conditions),
                "observedGeneration": live["metadata"]["generation"],
                **(_mesh_version(smcp) if is_done else {}),
            }

        write_status(self._kube, "ServiceMeshMember", "default", namespace, status_after)


def _resolved(roll: Mapping[str, Any], namespaces: Mapping[str, dict]) -> list[str]:
    """Return the namespaces that a roll asks for; a wildcard or selectors are resolved against the cluster."""
    spec = roll.get("spec") or {}
    members = spec.get("members") or []
    chosen = [member for member in members if member != "*"]
    for name, namespace in sorted(namespaces.items()):
        if name == roll["metadata"]["namespace"] or name in _RESERVED or name.startswith(_RESERVED_PREFIXES):
            continue
        is_selected = "*" in members or any(
            _selects(selector, namespace["metadata"].get("labels") or {})
            for selector in spec.get("memberSelectors") or []
        )
        if is_selected and name not in chosen:
            chosen.append(name)
    return sorted(chosen)


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if not (selector.get("matchLabels") or {}).items() <= labels.items():
        return False
    for expression in selector.get("matchExpressions") or []:
        value, operator = labels.get(expression["key"]), expression["operator"]
        values = expression.get("values") or []
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[operator]
        if not holds:
            return False
    return True


def _mesh_version(smcp: Mapping[str, Any]) -> dict:
    status = smcp["status"]
    return {
        "meshGeneration": status["observedGeneration"],
        "meshReconciledVersion": f"{status['operatorVersion']}-{status['observedGeneration']}",
    }


def _reference(member: Mapping[str, Any]) -> tuple[str, str]:
    reference = member["spec"]["controlPlaneRef"]
    return reference["namespace"], reference["name"]


def _created_by(resource: Mapping[str, Any]) -> str | None:
    return (resource["metadata"].get("annotations") or {}).get(CREATED_BY)
