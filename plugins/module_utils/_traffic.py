# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules about traffic share: their options, what was asked, and what stands, read and checked together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ._cluster.client import Cluster
from ._core.catalogue.findings import Finding, finding_of
from ._core.mesh.described import Mesh
from ._core.mesh.parse import checked_locality, described_mesh
from ._core.plain.data import at
from ._core.plain.errors import FederationError
from ._core.traffic.calling import admitting, callers_of, callers_query, rehearsing
from ._core.traffic.checking import of_others, problems_of
from ._core.traffic.enforcing import judged, rehearsals, unsure
from ._core.traffic.localities import found_locality, warnings_of
from ._core.traffic.plan import is_located
from ._core.traffic.rehearsals import denied_query, metered_in
from ._core.traffic.shifting import under_way, warnings_under_way
from ._core.traffic.standing import Caller, Standing
from ._core.traffic.wanted import Wanted, read_wanted
from ._prometheus import Prometheus
from ._reads.peerings import read_control_plane, standing_mesh
from ._reads.traffic import read_traffic, with_proxies, with_tallies
from ._run import Run

TRAFFIC = {"traffic": {"type": "raw"}, "locality": {"type": "dict"}}


@dataclass(frozen=True)
class Asked:
    """What a run asks for, what stands, and what is wrong; ``where`` says in words where this mesh is and
    who said so.
    """

    mesh: Mesh
    wanted: list[Wanted]
    standing: Standing
    problems: list[FederationError]
    locality: Mapping[str, str]
    where: str


def look(
    run: Run,
    cluster: Cluster,
    *,
    may_be_unset: bool = False,
    asks_callers: bool = False,
    pods_in: Collection[str] = (),
    before: Asked | None = None,
) -> Asked:
    """Read what the rules of ``traffic`` need and return all of it, and every problem; nothing has been refused by
    then.

    Each rule knows the shift that its share is in. Without rules where they ``may_be_unset`` and are; ``pods_in`` are
    namespaces whose pods are wanted in any case. Who ``asks_callers`` wants to know from Prometheus who calls the
    workloads that get a policy. Where Envoys are was asked ``before`` in the same run, and is not asked again.

    Raises ``FederationError`` for what makes the rest unreadable: the description of the mesh, its control plane,
    rights.
    """
    params = run.params
    mesh = described_mesh(params, allow_no_peers=True)
    said = checked_locality(params["locality"], "mesh_locality")
    if params["traffic"] is None and not may_be_unset:
        raise FederationError(
            "FED850",
            where="mesh_traffic",
            what="is not set",
            fix="Write the rules, mesh_traffic: [] to withdraw all that was there, or set traffic_state: absent",
        )
    wanted, problems = ([], []) if params["traffic"] is None else read_wanted(params["traffic"], mesh)
    control_plane = read_control_plane(cluster, mesh.namespace, mesh.control_plane)
    if mesh.peers:
        mesh, _peers = standing_mesh(cluster, mesh, control_plane)
    standing = read_traffic(cluster, mesh, control_plane, wanted, pods_in=pods_in)
    if before is not None:
        standing = replace(standing, proxies=before.standing.proxies)
    elif pods_in or any(is_located(one, standing) for one in wanted):
        standing = with_proxies(cluster, standing)
    locality, where = found_locality(said, wanted, standing)
    if asks_callers:
        standing = replace(standing, callers=_callers(run, wanted, standing))
        wanted = rehearsing(wanted, mesh, standing)
        wanted, standing = _rehearsed(run, cluster, wanted, mesh, standing)
    try:
        wanted = under_way(wanted, mesh, standing)
    except FederationError as error:
        problems = [*problems, error]
    if not params.get("force"):
        problems = [*problems, *of_others(mesh, standing)]
    found = problems_of(wanted, mesh, standing, locality)
    # Who does not ask who calls writes no policies.
    problems = [*problems, *(error for error in found if asks_callers or error.code != "FED862")]
    return Asked(mesh, wanted, standing, problems, locality, where)


def _callers(run: Run, wanted: list[Wanted], standing: Standing) -> dict[tuple[str, str], tuple[Caller, ...]]:
    """Return who called the services whose workloads get a policy, as Prometheus has it; one that does not answer is a
    warning.
    """
    asking = admitting(wanted)
    prometheus = (
        Prometheus.of(run.params, "traffic_prometheus_url") if asking and run.params.get("prometheus_url") else None
    )
    found: dict[tuple[str, str], tuple[Caller, ...]] = {}
    for one in asking if prometheus else ():
        try:
            found[(one.namespace, one.name)] = callers_of(prometheus.ask(callers_query(one, standing)))
        except FederationError as error:
            run.warn(f"{error.code} {error.where}: {error.what}, so the callers of {one.service} are not known")
            break
    return found


def _rehearsed(
    run: Run, cluster: Cluster, wanted: list[Wanted], mesh: Mesh, standing: Standing
) -> tuple[list[Wanted], Standing]:
    """Return the rules with what their rehearsals have shown: to proxies, and where these cannot tell to Prometheus."""
    asked = rehearsals(wanted, standing)
    if not asked:
        return judged(wanted, mesh, standing, cluster.now), standing
    standing, now = with_tallies(cluster, standing, asked), cluster.now
    found = judged(wanted, mesh, standing, now)
    doubtful = unsure(found, now)
    prometheus = (
        Prometheus.of(run.params, "traffic_prometheus_url") if doubtful and run.params.get("prometheus_url") else None
    )
    tallies = dict(standing.tallies)
    for one, seconds in doubtful if prometheus else ():
        own = standing.proxies_of(one.namespace, one.name)
        others = {str(at(pod, "metadata", "name")) for pod in standing.pods.get(one.namespace, ())}.difference(own)
        try:
            metered = metered_in(prometheus.ask(denied_query(one.namespace, seconds)), own, others)
        except FederationError as error:
            run.warn(
                f"{error.code} {error.where}: {error.what}, so it is not known what the policy of {one.service} would "
                "have refused"
            )
            break
        tallies[one.namespace, one.name] = replace(tallies[one.namespace, one.name], metered=metered)
    standing = replace(standing, tallies=tallies)
    return (judged(wanted, mesh, standing, now) if prometheus else found), standing


def looked_at(run: Run, cluster: Cluster, mesh: Mesh) -> tuple[list[Wanted], list[Finding]]:
    """Return the rules of ``mesh_traffic``, and all that is wrong with them or deserves a warning; nothing where it is
    not set.
    """
    if run.params["traffic"] is None:
        return [], []
    try:
        asked = look(run, cluster)
    except FederationError as error:
        return read_wanted(run.params["traffic"], mesh)[0], [finding_of(error)]
    warned = [*warnings_of(asked.wanted, asked.standing), *warnings_under_way(asked.wanted, asked.standing)]
    return asked.wanted, [*map(finding_of, asked.problems), *warned]
