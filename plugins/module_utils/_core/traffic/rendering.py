# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules of ``mesh_traffic`` planned from the description alone, and which of them need a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..control_plane.live import ControlPlane
from ..mesh.described import Mesh
from .checking import problems_of
from .plan import plan_rule
from .standing import Standing, all_imports
from .wanted import Wanted, read_wanted


def rendered(
    traffic: object, mesh: Mesh, version: str | None, locality: Mapping[str, str]
) -> tuple[list[dict], list[str]]:
    """Return the objects of all rules that need no cluster, and for the others in words why they are left out.

    Services are taken for HTTP, since their ports are not seen. Raises ``FederationError`` for rules that cannot be
    read.
    """
    wanted, unread = read_wanted(traffic, mesh)
    if unread:
        raise unread[0]
    spec = {"version": version, "security": {"trust": {"domain": mesh.trust_domain}}}
    control_plane = ControlPlane.read(
        {"metadata": {"name": mesh.control_plane, "namespace": mesh.namespace}, "spec": spec}
    )
    taken = {"ports": [{"name": "http", "port": 80}], "selector": {}}
    standing = Standing(
        control_plane,
        members=frozenset(one.namespace for one in wanted),
        services={(one.namespace, one.name): {"spec": taken} for one in wanted},
        imports=all_imports(mesh, {}, control_plane.cluster_domain),
    )
    manifests: list[dict] = []
    left_out: list[str] = []
    for one in wanted:
        planned, words = _without_merge(*_without_selector(one))
        problems = problems_of([planned], mesh, _seeing(standing, planned), locality)
        left_out += [
            *words,
            *(f"{error.code} {error.where} {error.what}; render reads no cluster" for error in problems[:1]),
        ]
        manifests += [] if problems else plan_rule(planned, mesh, standing, locality)
    return manifests, left_out


def _without_selector(one: Wanted) -> tuple[Wanted, list[str]]:
    """Return a rule without the part that needs the selector of a live Service, and that in words."""
    if not one.callers or not one.callers.from_mesh:
        return one, []
    words = (
        f"{one.place}, callers, from_mesh: needs the selector of the Service, and render reads no cluster; traffic "
        "writes it"
    )
    return replace(one, callers=replace(one.callers, from_mesh=(), local=None, dry_run=False, enforce_after=0)), [words]


def _without_merge(one: Wanted, words: list[str]) -> tuple[Wanted, list[str]]:
    """Return a rule without what belongs into somebody else's DestinationRule, and that in words."""
    if not one.merge:
        return one, words
    words = [
        *words,
        f"{one.place}, merge: needs the existing DestinationRule, and render reads no cluster; traffic writes it",
    ]
    return replace(one, failover_to=None, split={}, idle_timeout=None, merge=False), words


def _seeing(standing: Standing, one: Wanted) -> Standing:
    """Return the live objects in the form that ``problems_of`` takes: accounts may be in any namespace."""
    named = one.callers.service_accounts if one.callers else ()
    return replace(standing, members=standing.members | {namespace for namespace, _name in named})
