#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_plan
short_description: Say which meshes of a fleet need a job
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Makes a digest of what each mesh needs, its description and the cards for it, compares it with an earlier plan, and
    reports which meshes need a job. No cluster is asked.
  - Only digests are kept. What has changed on a cluster by itself is nothing that this can see; the playbook C(drift)
    looks for that.
seealso:
  - module: ossm.federation.federation
  - module: ossm.federation.mesh_card
  - plugin: ossm.federation.fleet_needs
    plugin_type: filter
attributes:
  check_mode: {support: full, description: Writes no plan.}
  diff_mode: {support: none, description: A plan contains digests.}
options:
  needs:
    description: What the meshes need, as the filter P(ossm.federation.fleet_needs#filter) gives it.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: The host of the inventory.
        type: str
        required: true
      mesh:
        description: The name of its mesh.
        type: str
        required: true
      description:
        description: The digest of its description.
        type: str
        required: true
      peers:
        description: By which names its peers' cards are kept.
        type: list
        elements: str
        default: []
  cards_dir:
    description: The folder of cards, in either layout.
    type: path
  since:
    description: The file of the earlier plan. If it does not exist, that is not an error; every mesh then needs a job.
    type: path
  path:
    description: The file to keep this plan in.
    type: path
  digest:
    description:
      - The RV(digest) of the plan that jobs have followed since. If the plan has changed by now, it is not kept, with a
        warning, so that the next run names these changes again.
    type: str
    version_added: 0.3.0
"""

EXAMPLES = r"""
- name: Say which meshes need a job
  ossm.federation.fleet_plan:
    needs: "{{ groups['meshes'] | ossm.federation.fleet_needs(hostvars) }}"
    cards_dir: cards
    since: fleet-plan.json

- name: Keep the plan once the jobs have ended well
  ossm.federation.fleet_plan:
    needs: "{{ groups['meshes'] | ossm.federation.fleet_needs(hostvars) }}"
    cards_dir: cards
    path: fleet-plan.json

- name: Plan one mesh by a digest of your own
  ossm.federation.fleet_plan:
    needs:
      - host: east
        mesh: east
        description: 6b23c0d5f35d1b11f9b683f0b0a617355deb11277d91ae091d399c655b87940d
        peers: [west]
    since: fleet-plan.json
    path: fleet-plan-new.json
"""

RETURN = r"""
changed_meshes:
  description: The hosts that need a job, and why.
  returned: success
  type: dict
  sample: {east: cards, north: new}
unchanged:
  description: The hosts that need none.
  returned: success
  type: list
  elements: str
  sample: [west]
gone:
  description: The hosts of the earlier plan that are no longer hosts. Nothing is removed from them.
  returned: success
  type: list
  elements: str
  sample: []
limit:
  description: The hosts that need a job, as a pattern for C(--limit). C(all:!all), which matches no host, if none does.
  returned: success
  type: str
  sample: east,north
digest:
  description: The digest of the plan, for O(digest) once the jobs have ended.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  version_added: 0.3.0
plan:
  description: The plan, as its file has it.
  returned: success
  type: dict
  sample: {version: 1, release: 0.2.0, meshes: {}}
lines:
  description: The same in words.
  returned: success
  type: list
  elements: str
  sample: ["Fleet · 3 meshes · 2 need a job · 1 unchanged", "east: cards for it have changed"]
"""

import json
from datetime import datetime

from ..module_utils._core.fleet.plan import Need, Plan, changes_between, plan_of
from ..module_utils._core.peering.carrying import card_in
from ..module_utils._core.plain.data import from_json
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.reference import VERSION as RELEASE
from ..module_utils._files import Place, read, refuse_no_folder
from ..module_utils._reads.peerings import card_file
from ..module_utils._run import Module, Run, run_module
from ..module_utils._writing import kept_files

LARGEST = 16 << 20
OPTIONS = {
    "needs": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "host": {"type": "str", "required": True},
            "mesh": {"type": "str", "required": True},
            "description": {"type": "str", "required": True},
            "peers": {"type": "list", "elements": "str", "default": []},
        },
    },
    "cards_dir": {"type": "path"},
    "since": {"type": "path"},
    "path": {"type": "path"},
    "digest": {"type": "str"},
}


def run(run: Run, _cluster: None, _now: datetime) -> dict:
    """Compare the fleet with its plan of before, keep the plan where asked, and return the module's result."""
    params = run.params
    refuse_no_folder(params["cards_dir"])
    needs = [Need(need["host"], need["mesh"], need["description"], tuple(need["peers"])) for need in params["needs"]]
    now = plan_of(needs, lambda mesh, audience: card_bytes(run, mesh, audience), RELEASE)
    changes = changes_between(saved(params["since"]), now)
    return {
        "changed": kept(run, now),
        "changed_meshes": dict(changes.changed),
        "unchanged": list(changes.unchanged),
        "gone": list(changes.gone),
        "limit": changes.limit,
        "digest": now.digest,
        "plan": now.to_data(),
        "lines": changes.lines(),
    }


def card_bytes(run: Run, mesh: str, audience: str) -> bytes | None:
    """Return a card's bytes; what is refused about its file counts as its content, since the mesh's own job
    refuses it.
    """
    try:
        found = card_in(lambda name: card_file(run.params["cards_dir"], name), mesh, audience)
        return found[1] if found else None
    except FederationError as error:
        run.warn(str(error))
        return error.code.encode()


def saved(path: str | None) -> Plan | None:
    """Return the plan of before, None where there is none yet. Raises ``FederationError`` FED362 for what
    is no plan.
    """
    content = read(Place.at(path, "Plan"), LARGEST) if path else None
    return None if content is None else Plan.from_data(from_json(content), f"Plan {path}")


def kept(run: Run, plan: Plan) -> bool:
    """Keep the plan where that is asked for; return whether its file is another by now."""
    if not run.params["path"]:
        return False
    if run.params["digest"] and run.params["digest"] != plan.digest:
        run.warn(
            "Descriptions or cards have changed since the jobs began, so this plan is not kept: the next run names"
            " these meshes again"
        )
        return False
    text = f"{json.dumps(plan.to_data(), indent=1, sort_keys=True)}\n"
    return bool(kept_files(run, {Place.at(run.params["path"], "Plan"): text}, LARGEST, 0o644))


def main() -> None:
    run_module(Module(OPTIONS, supports_check_mode=True), run, needs_cluster=False)


if __name__ == "__main__":
    main()
