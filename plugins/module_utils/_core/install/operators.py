# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which operators a cluster needs for its control planes, and what OLM says of them.

Sources: operators.coreos.com API (operator-framework/api, v1 and v1alpha1); OpenShift Service Mesh documentation,
"Installing the Operators".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..control_plane.live import parse_version
from ..plain.data import at, is_true, items, listed, mapping
from ..plain.errors import FederationError
from ..plain.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    INSTALL_PLAN,
    MANAGER,
    MUTATING_WEBHOOK,
    NAMESPACE,
    OPERATOR_GROUP,
    SECRET,
    SERVICE,
    SUBSCRIPTION,
    VALIDATING_WEBHOOK,
    Kind,
)
from .accepting import APPROVED, AUTOMATIC, FIRST, INSTALLED, PINNED, WAITING, Arrival, stranded, takes

MESH_OPERATOR = "servicemeshoperator"
COMMUNITY_OPERATOR = "maistraoperator"
OPERATOR_DEPLOYMENT = "istio-operator"
JAEGER_OPERATOR = "jaeger-product"
# What an operator leaves behind when it goes. Source: OpenShift documentation, "Removing Service Mesh", clean up of
# operator resources.
_WEBHOOKS = "{namespace}.servicemesh-resources.maistra.io"
_CLUSTER_ROLES = ("istio-admin", "istio-edit", "istio-view", "istio-cni", "ossm-cni")
_JAEGER_ROLES = tuple(f"jaegers.jaegertracing.io-v1-{suffix}" for suffix in ("admin", "crdview", "edit", "view"))
_CNI_DAEMON_SET = re.compile(r"istio-node|istio-cni-node(-v2-[0-9]+)?")
SHARED_NAMESPACE = "openshift-operators"
OWN_LABEL = {"app.kubernetes.io/managed-by": MANAGER}
# In the order in which they are installed; they go in the order of ``LEAVING``.
HOMES: Mapping[str, str] = {
    "elasticsearch-operator": "openshift-operators-redhat",
    "jaeger-product": "openshift-distributed-tracing",
    "tempo-product": "openshift-tempo-operator",
    "opentelemetry-product": SHARED_NAMESPACE,
    "kiali-ossm": SHARED_NAMESPACE,
    MESH_OPERATOR: SHARED_NAMESPACE,
}
LEAVING = (
    MESH_OPERATOR,
    "kiali-ossm",
    "opentelemetry-product",
    "tempo-product",
    "jaeger-product",
    "elasticsearch-operator",
)
_TROUBLES = ("ResolutionFailed", "CatalogSourcesUnhealthy", "BundleUnpackFailed", "InstallPlanFailed")


@dataclass(frozen=True)
class Operator:
    """One package of a catalog that should be installed: where it comes from and where it goes."""

    package: str
    namespace: str
    channel: str = "stable"
    catalog: str = "redhat-operators"
    catalog_namespace: str = "openshift-marketplace"
    approval: str = "Manual"
    starting_csv: str = ""
    subscription: str = ""

    @property
    def place(self) -> str:
        """Return how people name its Subscription, which somebody may have called otherwise."""
        return f"Subscription {self.namespace}/{self.subscription or self.package}"


@dataclass(frozen=True)
class Found:
    """What OLM has in the cluster: Subscriptions of all namespaces, and the rest of the namespaces that matter here."""

    subscriptions: Sequence[Mapping] = ()
    groups: Sequence[Mapping] = ()
    plans: Sequence[Mapping] = ()
    versions: Sequence[Mapping] = ()
    deployments: Sequence[Mapping] = ()
    control_planes: Sequence[Mapping] = ()
    namespaces: frozenset[str] = frozenset()
    catalogs: Sequence[Mapping] | None = None  # None where they could not be looked at
    packages: Mapping[str, Mapping | None] = field(
        default_factory=dict
    )  # what catalogs offer, None for nothing; absent where not looked at

    def subscription(self, package: str) -> Mapping | None:
        """Return the Subscription of a package, wherever it is; the cluster takes an operator for all
        namespaces once.
        """
        return next((live for live in self.subscriptions if at(live, "spec", "name") == package), None)

    def version(self, namespace: str, name: object) -> Mapping | None:
        """Return one ClusterServiceVersion."""
        return _one(self.versions, namespace, name)

    def plan(self, live: Mapping) -> Mapping | None:
        """Return the InstallPlan that a Subscription refers to."""
        return _one(self.plans, live["metadata"]["namespace"], at(live, "status", "installPlanRef", "name"))


def needed(control_planes: Iterable[Mapping], **common: str) -> list[Operator]:
    """Return the operators that control planes need: Service Mesh, and exactly the companions that they ask for.

    ``control_planes`` have ``version`` and ``spec`` each; ``common`` are fields of ``Operator``. In the order to
    install.
    """
    packages = {MESH_OPERATOR}
    for control_plane in control_planes:
        spec, version = mapping(control_plane.get("spec")), parse_version(str(control_plane.get("version") or ""))
        if at(spec, "addons", "kiali", "enabled") is not False:
            packages.add("kiali-ossm")
        tracing = at(spec, "tracing", "type")
        # Jaeger is on where nothing is said, up to 2.5.
        if tracing == "Jaeger" or (tracing is None and version is not None and version <= (2, 5)):
            packages.add("jaeger-product")
            if str(at(spec, "addons", "jaeger", "install", "storage", "type")).lower() == "elasticsearch":
                packages.add("elasticsearch-operator")
        providers = {kind for provider in items(at(spec, "meshConfig", "extensionProviders")) for kind in provider}
        if providers & {"zipkin", "opentelemetry"}:
            packages |= {"tempo-product", "opentelemetry-product"}
    return [Operator(package, HOMES[package], **common) for package in HOMES if package in packages]


def with_wishes(operators: Sequence[Operator], wishes: Sequence[Mapping[str, Any]]) -> list[Operator]:
    """Return operators as people want them otherwise, by package, and further ones; raises FED440 for what cannot be
    meant.
    """
    result = {operator.package: operator for operator in operators}
    for wish in wishes:
        package = wish["package"]
        given = {key: value for key, value in wish.items() if value and key != "package"}
        base = result.get(package) or Operator(
            package, HOMES.get(package, ""), **({"approval": operators[0].approval} if operators else {})
        )
        result[package] = replace(base, **given)
        if not result[package].namespace:
            raise FederationError(
                "FED440",
                where=f"cluster_operators, {package}",
                what="is not an operator that a mesh needs, and has no namespace",
                fix="Give its namespace",
            )
    return list(result.values())


def settled(operators: Sequence[Operator], found: Found) -> list[Operator]:
    """Return operators as they are subscribed: ours stays in its namespace, one that somebody else
    subscribed as it is.
    """
    return [_settled(operator, found.subscription(operator.package)) for operator in operators]


def _settled(operator: Operator, live: Mapping | None) -> Operator:
    if live is None:
        return operator
    operator = replace(operator, namespace=live["metadata"]["namespace"], subscription=live["metadata"]["name"])
    if is_own(live):
        return operator
    spec = mapping(live.get("spec"))
    return replace(
        operator,
        channel=str(spec.get("channel") or ""),
        catalog=str(spec.get("source") or operator.catalog),
        catalog_namespace=str(spec.get("sourceNamespace") or operator.catalog_namespace),
        # As OLM reads it: what does not say Manual is Automatic.
        approval="Manual" if spec.get("installPlanApproval") == "Manual" else "Automatic",
        starting_csv=str(spec.get("startingCSV") or ""),
    )


def check_cluster(
    operators: Sequence[Operator], found: Found, wanted: Iterable[Mapping], *, upgrade: bool = False
) -> None:
    """Refuse a cluster in which the operators could not work, before anything is written: the first of ``problems``."""
    for error in problems(operators, found, wanted, upgrade=upgrade):
        raise error


def problems(
    operators: Sequence[Operator], found: Found, wanted: Iterable[Mapping], *, upgrade: bool = False
) -> Iterator[FederationError]:
    """Yield why the operators, as ``settled`` gives them, could not work in a cluster. With ``upgrade`` waiting
    upgrades are approved.

    FED441 operator groups, FED442 another maker's operator, FED443 a control plane that the operator strands or does
    not take, as it is or as it is to be, FED447 a catalog that is not there, FED449 one that does not offer what is
    meant.
    """
    wanted = list(wanted)
    community = found.subscription(COMMUNITY_OPERATOR)
    if community:
        place = community["metadata"]["namespace"]
        yield FederationError(
            "FED442",
            where=f"Subscription {place}/{COMMUNITY_OPERATOR}",
            what="is the community's edition, and both want the same kinds",
            fix="Remove it first",
        )
    for namespace in dict.fromkeys(operator.namespace for operator in operators):
        yield from _groups(namespace, [live for live in found.groups if live["metadata"]["namespace"] == namespace])
    for operator in operators:
        if is_coming(operator, found.subscription(operator.package)):
            yield from _catalog(operator, found)
    for operator in operators:
        if operator.package == MESH_OPERATOR:
            yield from _unfit(operator, found, wanted, upgrade=upgrade)


def _unfit(operator: Operator, found: Found, wanted: Sequence[Mapping], *, upgrade: bool) -> Iterator[FederationError]:
    """Yield FED443 for the version that the operator comes to, else for the one that is installed."""
    live = found.subscription(operator.package)
    installed, current = (str(at(live, "status", key) or "") for key in ("installedCSV", "currentCSV"))
    coming = arrival(operator, found)
    if coming and coming.csv != installed:
        yield from stranded(operator.place, coming, found.control_planes, wanted)
    elif installed:
        waits = current if current != installed and not is_by_itself(operator, live, found) else ""
        # What waits is judged where it is approved; what it takes is no reason to stop before.
        if not (upgrade and waits and takes(waits, wanted)):
            is_own_one = live is not None and is_own(live)
            newer = waits if waits and takes(waits, wanted) else ""
            yield from stranded(operator.place, Arrival(installed, INSTALLED, is_own_one, newer), (), wanted)


def arrival(operator: Operator, found: Found) -> Arrival | None:
    """Return the version that an operator comes to without anybody's asking; None where it stays, or nobody knows.

    With approval Automatic that is the newest of the channel, wherever it begins; ``starting_csv`` counts for a first
    install alone. ``operator`` is as ``settled`` gives it.
    """
    live = found.subscription(operator.package)
    is_ours = live is None or is_own(live)
    installed, current = (str(at(live, "status", key) or "") for key in ("installedCSV", "currentCSV"))
    newest = head_of(operator, found)
    if live is not None and is_coming(operator, live):
        current = ""  # It is resolved anew.
    plan = found.plan(live) if live else None
    if operator.approval == "Automatic" and not _waits(plan):
        return _arrival(newest or current, AUTOMATIC, is_ours) or _pinned(operator, is_ours, installed)
    approved = _approved(operator, plan)
    if approved:
        return Arrival(approved, APPROVED, is_ours)
    if installed:
        return None
    return _pinned(operator, is_ours, installed) or _arrival(current or newest, FIRST, is_ours)


def _arrival(csv: str, how: str, is_ours: bool) -> Arrival | None:
    return Arrival(csv, how, is_ours) if csv else None


def _approved(operator: Operator, plan: Mapping | None) -> str:
    """Return the version of an operator that a plan brings which somebody has approved; "" for none."""
    names = _names_of(plan) if _runs(plan) else []
    return next((name for name in names if name.startswith(f"{operator.package}.")), "")


def _pinned(operator: Operator, is_ours: bool, installed: str) -> Arrival | None:
    return None if installed else _arrival(operator.starting_csv, PINNED, is_ours)


def head_of(operator: Operator, found: Found) -> str:
    """Return the newest version of an operator's channel, as its catalog has it; "" while unknown."""
    status = mapping(at(found.packages, operator.package, "status"))
    name = operator.channel or status.get("defaultChannel")
    return next(
        (
            str(channel.get("currentCSV") or "")
            for channel in items(status.get("channels"))
            if channel.get("name") == name
        ),
        "",
    )


def is_by_itself(operator: Operator, live: Mapping | None, found: Found) -> bool:
    """Return whether OLM goes on to the next version without anybody's approval, or has it already."""
    plan = found.plan(live) if live else None
    return _runs(plan) or (operator.approval == "Automatic" and not _waits(plan))


def _waits(plan: Mapping | None) -> bool:
    return plan is not None and not at(plan, "spec", "approved") and at(plan, "status", "phase") == "RequiresApproval"


def _runs(plan: Mapping | None) -> bool:
    return bool(at(plan, "spec", "approved")) and at(plan, "status", "phase") not in ("Complete", "Failed")


def _names_of(plan: Mapping | None) -> list[str]:
    return [str(name) for name in at(plan, "spec", "clusterServiceVersionNames") or ()]


def is_coming(operator: Operator, live: Mapping | None) -> bool:
    """Return whether an operator is still to be subscribed, or to be subscribed otherwise; what others have subscribed
    stays as it is.
    """
    if live is None:
        return True
    return is_own(live) and any(
        at(live, "spec", key) != value for key, value in _subscribed(operator).items() if key != "installPlanApproval"
    )


def catalog_of(operator: Operator, catalogs: Sequence[Mapping] | None) -> Mapping | None:
    """Return the CatalogSource that an operator would come from; None where it is not there, or none could be looked
    at.
    """
    return _one(catalogs or (), operator.catalog_namespace, operator.catalog)


def is_ready(catalog: Mapping | None) -> bool:
    """Return whether OLM reaches a catalog."""
    return at(catalog, "status", "connectionState", "lastObservedState") == "READY"


def _catalog(operator: Operator, found: Found) -> Iterator[FederationError]:
    catalog = catalog_of(operator, found.catalogs)
    name = f"CatalogSource {operator.catalog_namespace}/{operator.catalog}"
    if catalog is None and found.catalogs is not None:
        there = sorted(f"{live['metadata']['namespace']}/{live['metadata']['name']}" for live in found.catalogs)
        yield FederationError(
            "FED447",
            where=operator.place,
            what=f"would come from the {name}, which is not there; "
            + (f"there are {listed(there)}" if there else "there is none at all"),
            fix=(
                "Name the right one: cluster_catalog and cluster_catalog_namespace, or catalog of the operator in"
                " cluster_operators"
            ),
        )
    # What a catalog offers that is not ready, nobody knows.
    elif is_ready(catalog) and operator.package in found.packages:
        yield from _package(operator, name, found.packages[operator.package])


def _package(operator: Operator, catalog: str, manifest: Mapping | None) -> Iterator[FederationError]:
    channels = {str(channel.get("name")): channel for channel in items(at(manifest, "status", "channels"))}
    seen = fix = ""
    if manifest is None:
        seen = f"would come from the {catalog}, which has no package {operator.package}"
        fix = "Mirror the package, or name another catalog for it in cluster_operators"
    elif operator.channel not in channels:
        seen = f"would follow the channel {operator.channel}, and in the {catalog} it has {listed(sorted(channels))}"
        fix = "Correct channel in cluster_operators"
    else:
        # Older OLM tells of a channel's newest version only.
        versions = [str(entry.get("name")) for entry in items(channels[operator.channel].get("entries"))]
        if operator.starting_csv and versions and operator.starting_csv not in versions:
            seen = (
                f"would begin with {operator.starting_csv}, and the channel {operator.channel} in the {catalog} has"
                f" {listed(versions)}"
            )
            fix = "Correct starting_csv in cluster_operators"
    if seen:
        yield FederationError("FED449", where=operator.place, what=seen, fix=fix)


def _groups(namespace: str, groups: Sequence[Mapping]) -> Iterator[FederationError]:
    if len(groups) > 1:
        yield FederationError(
            "FED441",
            where=f"Namespace {namespace}",
            what=(
                f"has the OperatorGroups {listed(sorted(live['metadata']['name'] for live in groups))}; with more than"
                " one no operator works there"
            ),
            fix="Delete all but one",
        )
    for live in groups:
        if at(live, "spec", "targetNamespaces") or at(live, "spec", "selector"):
            yield FederationError(
                "FED441",
                where=f"OperatorGroup {namespace}/{live['metadata']['name']}",
                what="selects namespaces, and these operators work for all namespaces only",
                fix="Use another namespace for the operators, or make the group empty",
            )


def plan_operators(operators: Sequence[Operator], found: Found) -> Iterator[dict]:
    """Yield what should stand: a namespace where it is missing, an OperatorGroup only where there is none,
    Subscriptions.
    """
    for namespace in dict.fromkeys(operator.namespace for operator in operators):
        if namespace not in found.namespaces:
            yield {
                "apiVersion": "v1",
                "kind": NAMESPACE.name,
                "metadata": {"name": namespace, "labels": dict(OWN_LABEL)},
            }
        groups = [live for live in found.groups if live["metadata"]["namespace"] == namespace]
        if not groups or is_own(groups[0]):
            yield _object(OPERATOR_GROUP, namespace, namespace, {})
    for operator in operators:
        live = found.subscription(operator.package)
        if live is not None and not is_own(live):
            continue
        yield _object(
            SUBSCRIPTION,
            operator.namespace,
            live["metadata"]["name"] if live else operator.package,
            _subscribed(operator),
        )


def _subscribed(operator: Operator) -> dict:
    return {
        "name": operator.package,
        "channel": operator.channel,
        "source": operator.catalog,
        "sourceNamespace": operator.catalog_namespace,
        "installPlanApproval": operator.approval,
        **({"startingCSV": operator.starting_csv} if operator.starting_csv else {}),
    }


def _object(kind: Any, namespace: str, name: str, spec: dict) -> dict:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": name, "namespace": namespace, "labels": dict(OWN_LABEL)},
        "spec": spec,
    }


def is_own(live: Mapping) -> bool:
    """Return whether this collection made an object of OLM."""
    return at(live, "metadata", "labels", "app.kubernetes.io/managed-by") == MANAGER


def moving(operators: Iterable[Operator], found: Found) -> set[str]:
    """Return the namespaces in which an operator is on its way to a version."""
    return {
        operator.namespace
        for operator in operators
        if (status := at(found.subscription(operator.package), "status"))
        and status.get("currentCSV") != status.get("installedCSV")
    }


def to_approve(
    operators: Sequence[Operator], found: Found, *, upgrade: bool, wanted: Iterable[Mapping] = ()
) -> list[Mapping]:
    """Return the InstallPlans that wait for approval and name exactly what is meant.

    A first install is always meant, an upgrade only with ``upgrade``. Raises ``FederationError``: FED444 for a plan
    that would install more, FED443 for one that would strand a control plane. ``wanted`` are control planes that are
    still to be made.
    """
    result: dict[str, Mapping] = {}
    subscribed = [(operator, live) for operator in operators if (live := found.subscription(operator.package))]
    for operator, live in subscribed:
        plan, is_first = found.plan(live), not at(live, "status", "installedCSV")
        if plan is None or not _waits(plan) or not (is_first or upgrade) or _is_past_pin(operator, live):
            continue
        _refuse_more(plan, [other for _operator, other in subscribed], found, operators, upgrade=upgrade)
        place = _place_of_plan(plan)
        for name in _names_of(plan):
            if name.startswith(f"{MESH_OPERATOR}."):
                for error in stranded(
                    place, Arrival(name, FIRST if is_first else WAITING), found.control_planes, wanted
                ):
                    raise error
        result[place] = plan
    return list(result.values())


def _place_of_plan(plan: Mapping) -> str:
    return f"{INSTALL_PLAN.name} {plan['metadata']['namespace']}/{plan['metadata']['name']}"


def _refuse_more(
    plan: Mapping, subscribed: Sequence[Mapping], found: Found, operators: Sequence[Operator], *, upgrade: bool
) -> None:
    """Refuse a plan that would install what no Subscription of its namespace means: FED444."""
    namespace = plan["metadata"]["namespace"]
    meant = {
        str(at(other, "status", "currentCSV"))
        for other in subscribed
        if other["metadata"]["namespace"] == namespace and (upgrade or not at(other, "status", "installedCSV"))
    }
    others = [name for name in _names_of(plan) if name not in meant]
    if not others:
        return
    why = _why_it_waits(namespace, found, operators)
    upgrades = {at(other, "status", "currentCSV") for other in subscribed} & set(others)
    raise FederationError(
        "FED444",
        where=_place_of_plan(plan),
        what=f"would also install {listed(sorted(others))}, which was not requested{f'; {why}' if why else ''}",
        fix="Approve it by hand, or add these operators to cluster_operators"
        + ("; for an upgrade set cluster_operators_upgrade: true" if upgrades else ""),
        facts={"csvs": _names_of(plan)},
    )


def _is_past_pin(operator: Operator, live: Mapping) -> bool:
    """Return whether OLM would begin with another version than ``starting_csv``: such a plan is not what is meant."""
    status = mapping(live.get("status"))
    return (
        bool(operator.starting_csv)
        and not status.get("installedCSV")
        and status.get("currentCSV") != operator.starting_csv
    )


def _why_it_waits(namespace: str, found: Found, operators: Iterable[Operator]) -> str:
    """Return which Subscriptions of others keep the InstallPlans of a namespace waiting; "" where none does.

    OLM makes one plan for all Subscriptions of a namespace, and one that is Manual makes it wait for all.
    """
    meant = {operator.package for operator in operators}
    manual = [
        f"{namespace}/{live['metadata']['name']}"
        for live in found.subscriptions
        if live["metadata"]["namespace"] == namespace
        and at(live, "spec", "installPlanApproval") == "Manual"
        and at(live, "spec", "name") not in meant
    ]
    if not manual:
        return ""
    are = "Subscription {} is" if len(manual) == 1 else "Subscriptions {} are"
    return (
        f"it waits for approval because {are.format(listed(sorted(manual)))} Manual, and OLM makes one plan for the"
        " whole namespace"
    )


def missing(operators: Sequence[Operator], found: Found, *, upgrade: bool = False) -> list[str]:
    """Return in OLM's words what is missing until all operators are installed; empty when they are.

    Installed is: the Subscription's installedCSV is set and is its currentCSV (or an upgrade waits that nobody asked
    for), its ClusterServiceVersion has Succeeded, and Deployment istio-operator is available.
    """
    return [text for operator in operators for text in _missing(operator, found, upgrade=upgrade)]


def _missing(operator: Operator, found: Found, *, upgrade: bool) -> Iterator[str]:
    live = found.subscription(operator.package)
    if live is None:
        yield f"{operator.place} does not exist yet"
        return
    status = mapping(live.get("status"))
    current, installed = status.get("currentCSV"), status.get("installedCSV")
    if not installed or (installed != current and upgrade):
        yield from _not_installed(operator, live, found)
    else:
        yield from _not_running(operator, live["metadata"]["namespace"], installed, found)


def _not_installed(operator: Operator, live: Mapping, found: Found) -> Iterator[str]:
    """Give what stands in the way of a Subscription's newest version: troubles, a failed plan, or what it waits for."""
    status, plan = mapping(live.get("status")), found.plan(live)
    troubles = [c for c in items(status.get("conditions")) if c.get("type") in _TROUBLES and c.get("status") == "True"]
    for trouble in troubles:
        yield (
            f"{operator.package}: {trouble['type']}:"
            f" {trouble.get('message') or trouble.get('reason') or 'no reason given'}"
        )
    if plan and at(plan, "status", "phase") == "Failed":
        yield f"{operator.package}: InstallPlan {plan['metadata']['name']} failed: {_why_failed(plan)}"
    elif not troubles:
        why = _why_not_approved(operator, live, plan, found)
        yield f"{operator.package}: {_stage(status, plan)}{f'; {why}' if why else ''}"


def _why_not_approved(operator: Operator, live: Mapping, plan: Mapping | None, found: Found) -> str:
    if not _waits(plan):
        return ""
    if _is_past_pin(operator, live):
        return (
            f"starting_csv is {operator.starting_csv}, so it is not approved: delete it, and the Subscription if OLM"
            " makes the same again"
        )
    return _why_it_waits(live["metadata"]["namespace"], found, [operator]) if operator.approval == "Automatic" else ""


def _not_running(operator: Operator, namespace: str, installed: str, found: Found) -> Iterator[str]:
    """Give what an installed version lacks until it runs."""
    version = found.version(namespace, installed)
    phase = at(version, "status", "phase")
    if phase != "Succeeded":
        why = ": ".join(
            str(part) for part in (at(version, "status", "reason"), at(version, "status", "message")) if part
        )
        yield f"{operator.package}: {installed} is {phase or 'not there yet'}{f' ({why})' if why else ''}"
    elif operator.package == MESH_OPERATOR and not _is_available(found.deployments, namespace):
        yield f"{operator.package}: Deployment {namespace}/{OPERATOR_DEPLOYMENT} is not available yet"


def hopeless(operators: Sequence[Operator], found: Found) -> list[str]:
    """Return what OLM does not try again by itself: failed plans and bundles that cannot be unpacked."""
    result = []
    for operator in operators:
        live = found.subscription(operator.package)
        plan = found.plan(live) if live else None
        if plan and at(plan, "status", "phase") == "Failed":
            result.append(f"InstallPlan {plan['metadata']['name']} failed: {_why_failed(plan)}")
        for condition in items(at(live, "status", "conditions")):
            if condition.get("type") == "BundleUnpackFailed" and condition.get("status") == "True":
                result.append(f"BundleUnpackFailed: {condition.get('message')}")
    return result


def left_behind(packages: Iterable[str], namespace: str) -> list[tuple[Kind, str, str]]:
    """Return what the operators of ``packages`` leave: kind, namespace and name. The webhooks come first: they refuse
    every write after a reinstall.
    """
    webhooks = [(kind, "", _WEBHOOKS.format(namespace=namespace)) for kind in (MUTATING_WEBHOOK, VALIDATING_WEBHOOK)]
    own = [
        (SERVICE, "maistra-admission-controller"),
        (CONFIG_MAP, "maistra-operator-cabundle"),
        (SECRET, "maistra-operator-serving-cert"),
    ]
    roles = (*_CLUSTER_ROLES, *(_JAEGER_ROLES if JAEGER_OPERATOR in packages else ()))
    rights = [(kind, "", name) for kind in (CLUSTER_ROLE_BINDING, CLUSTER_ROLE) for name in roles]
    return [*webhooks, *((kind, namespace, name) for kind, name in own), *rights]


def is_left_cni(name: str) -> bool:
    """Return whether a DaemonSet of the operator's namespace is one of those that set up pods' networks for meshes."""
    return bool(_CNI_DAEMON_SET.fullmatch(name))


def waiting_upgrades(operators: Sequence[Operator], found: Found) -> list[str]:
    """Return in words which operators could be upgraded and wait for somebody to say so."""
    return [f"{old} could become {new}" for old, new, is_alone in _upgrades(operators, found) if not is_alone]


def upgrades_under_way(operators: Sequence[Operator], found: Found) -> list[str]:
    """Return in words which operators OLM upgrades without anybody's asking."""
    return [
        f"{old} becomes {new}: OLM upgrades it by itself"
        for old, new, is_alone in _upgrades(operators, found)
        if is_alone
    ]


def _upgrades(operators: Iterable[Operator], found: Found) -> Iterator[tuple[str, str, bool]]:
    for operator in operators:
        live = found.subscription(operator.package)
        status = mapping((live or {}).get("status"))
        installed, current = status.get("installedCSV"), status.get("currentCSV")
        if installed and current and current != installed:
            yield str(installed), str(current), is_by_itself(operator, live, found)


def _stage(status: Mapping, plan: Mapping | None) -> str:
    if plan is not None:
        phase = at(plan, "status", "phase") or "is new"
        return (
            f"InstallPlan {plan['metadata']['name']} {'waits for approval' if phase == 'RequiresApproval' else phase}"
            f" for {status.get('currentCSV')}"
        )
    return f"OLM has not made an InstallPlan yet (state {status.get('state') or 'unknown'})"


def _why_failed(plan: Mapping) -> str:
    reasons = [
        str(c.get("message") or c.get("reason"))
        for c in items(at(plan, "status", "conditions"))
        if c.get("status") == "False"
    ]
    return str(at(plan, "status", "message") or "; ".join(reasons) or "no reason given")


def _is_available(deployments: Iterable[Mapping], namespace: str) -> bool:
    for live in deployments:
        if (live["metadata"]["namespace"], live["metadata"]["name"]) == (namespace, OPERATOR_DEPLOYMENT):
            return is_true(live, "Available")
    return False


def _one(objects: Iterable[Mapping], namespace: str, name: object) -> Mapping | None:
    return next(
        (live for live in objects if (live["metadata"]["namespace"], live["metadata"]["name"]) == (namespace, name)),
        None,
    )


def matters(operator: Operator, found: Found) -> bool:
    """Return whether it matters what the catalog has: for what is still to come, and for a mesh operator that OLM
    upgrades by itself.
    """
    is_upgraded = operator.package == MESH_OPERATOR and operator.approval == "Automatic"
    return is_upgraded or is_coming(operator, found.subscription(operator.package))
