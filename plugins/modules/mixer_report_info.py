#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mixer_report_info
short_description: Show what Mixer does in a mesh of 2.0, and what does it from 2.1 on
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Lists every object of Mixer's in the mesh and every part of the control plane that uses it, each with what takes its place, or with what
    is lost.
  - Writes rate limits in the control plane's words, and 3scale as a draft of C(mesh_threescale), without the access token.
  - Changes nothing.
seealso:
  - module: ossm.federation.upgrade_plan_info
  - module: ossm.federation.threescale_adapter
attributes:
  check_mode: {support: full, description: Only reads.}
  diff_mode: {support: none, description: There is nothing to compare.}
  idempotent: {support: full, description: Only reads.}
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
"""

EXAMPLES = r"""
- name: See what Mixer does here before 2.1 takes it away
  ossm.federation.mixer_report_info:
    kubeconfig: east.kubeconfig
    mesh: east
  register: mixer

- name: Look at a mesh under names of its own
  ossm.federation.mixer_report_info:
    kubeconfig: east.kubeconfig
    mesh: east
    namespace: istio-system
    control_plane: production

- name: Look with the rights of an account that may only read
  ossm.federation.mixer_report_info:
    kubeconfig: east.kubeconfig
    impersonate_user: system:serviceaccount:east-mesh-system:auditor
    mesh: east
"""

RETURN = r"""
objects:
  description: Each object with what it does, its successor, how that is set up, and what is lost. C(of_operator) are those that the control plane made.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: handler
      namespace: east-mesh-system
      name: quotas
      does: rate limits
      successor: rate limiting of Envoy
      how: spec.techPreview.rateLimiting of the control plane and a Redis, written below
      loses: limits for TCP, and quotas by best effort
      of_operator: false
rate_limits:
  description: The part of the control plane's spec that keeps the rate limits from 2.1 on; null where there are none.
  returned: success
  type: dict
  sample: null
threescale:
  description: A draft of C(mesh_threescale), null where 3scale is not behind Mixer. The access token stays in the handler.
  returned: success
  type: dict
  sample: null
findings:
  description: What of 3scale has no counterpart, or needs a decision.
  returned: success
  type: list
  elements: dict
  sample: []
lines:
  description: The same as lines for people.
  returned: success
  type: list
  elements: str
  sample: ["east-mesh-system/basic v2.0: 1 object of Mixer's"]
unknown:
  description: What could not be read for lack of rights.
  returned: success
  type: list
  elements: str
  sample: []
"""

from collections.abc import Mapping, Sequence  # noqa: E402
from datetime import datetime  # noqa: E402

from ..module_utils._cluster.client import Cluster  # noqa: E402
from ..module_utils._core.control_plane.live import ControlPlane  # noqa: E402
from ..module_utils._core.control_plane.members import ROLL, membership  # noqa: E402
from ..module_utils._core.control_plane.mixer import (  # noqa: E402
    VERSION_WITHOUT,
    Heir,
    Limits,
    actions_of,
    adapter_of,
    heirs,
    heirs_of_control_plane,
    limits_of,
)
from ..module_utils._core.extensions.keeping import key_of  # noqa: E402
from ..module_utils._core.extensions.rendering import text_of  # noqa: E402
from ..module_utils._core.extensions.selecting import Proxy  # noqa: E402
from ..module_utils._core.plain.data import at, mapping  # noqa: E402
from ..module_utils._core.plain.kinds import MEMBER_ROLL, POD, home_of  # noqa: E402
from ..module_utils._core.preflight.checks import Refusal  # noqa: E402
from ..module_utils._core.threescale.from_mixer import ADAPTER, Draft, Workload, draft_of  # noqa: E402
from ..module_utils._options import CLUSTER, MESH  # noqa: E402
from ..module_utils._reads.extensions import read_pods  # noqa: E402
from ..module_utils._reads.mixer import read_mixer  # noqa: E402
from ..module_utils._reads.peerings import read_control_plane  # noqa: E402
from ..module_utils._run import Module, Run, run_module  # noqa: E402

OPTIONS: dict = {}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Return what Mixer does in a mesh, and what takes its place."""
    params = run.params
    namespace = home_of(params)
    control_plane = read_control_plane(cluster, namespace, params["control_plane"])
    members = membership(cluster.get(MEMBER_ROLL, namespace, ROLL))["configured"]
    places = sorted({namespace, *members})
    objects, unknown = read_mixer(cluster, places)
    proxies, unread = read_pods(cluster, places) if any(adapter_of(each) == ADAPTER for each in objects) else ([], [])
    spec = mapping(at(control_plane.live, "status", "appliedSpec")) or mapping(control_plane.live.get("spec"))
    found = [*heirs_of_control_plane(spec), *heirs(objects)]
    limits = limits_of(objects, control_plane.name)
    draft = threescale_of(objects, proxies, mapping(at(spec, "addons", "3scale")))
    unknown += [Refusal(POD, place).text for place in unread]
    return {
        "changed": False,
        "objects": [heir.as_data() for heir in found],
        "rate_limits": dict(limits.spec) if limits else None,
        "threescale": dict(draft.description) if draft else None,
        "findings": [finding.as_data() for finding in draft.findings] if draft else [],
        "lines": lines(control_plane, found, limits, draft, unknown),
        "unknown": unknown,
    }


def threescale_of(objects: Sequence[Mapping], proxies: Sequence[Proxy], addon: Mapping) -> Draft | None:
    """Return 3scale as Mixer has it."""
    by_key = {key_of(each): each for each in objects}
    handlers = {key: each for key, each in by_key.items() if key[0] == "handler" and adapter_of(each) == ADAPTER}
    uses = [
        (rule, handler, [by_key[instance] for instance in instances if instance in by_key])
        for key, rule in sorted(by_key.items())
        if key[0] == "rule"
        for handler, instances in actions_of(rule)
    ]
    return draft_of(handlers, uses, [Workload(proxy.namespace, proxy.labels) for proxy in proxies], addon)


def lines(control_plane: ControlPlane, found: Sequence[Heir], limits: Limits | None, draft: Draft | None, unknown: Sequence[str]) -> list[str]:
    """Return the report as lines for people; what the control plane made itself is counted, since it takes it along."""
    own = [heir for heir in found if not heir.is_of_operator]
    head = f"{control_plane.place} {control_plane.version_text}: {len(own) or 'no'} object{'' if len(own) == 1 else 's'} of Mixer's"
    taken = len(found) - len(own)
    result = [f"{head}, which {VERSION_WITHOUT} does not look at{f'; {taken} more belong to the control plane itself and go with it' if taken else ''}"]
    result += [heir.text for heir in own]
    if limits:
        result += ["rate limits, for mesh_control_plane_spec:", *_indented(limits.spec), *(f"  needs: {note}" for note in limits.notes)]
    if draft:
        result += ["3scale, a draft of mesh_threescale:", *_indented(draft.description), *(f"  {each.text}" for each in draft.findings)]
    return [*result, *(f"unknown: {gap}" for gap in unknown)]


def _indented(data: Mapping) -> list[str]:
    return [f"  {line}" for line in text_of(dict(data)).splitlines()]


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
