#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: extension_conversion
short_description: Turn the ServiceMeshExtensions of a mesh into WasmPlugins
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Plans for each ServiceMeshExtension in the namespaces of a mesh the WasmPlugin that replaces it, writes both to a
    folder, and with O(apply) replaces one by the other on the cluster.
  - Extensions of the phases AUTHN and AUTHZ are created first. Their proxies are asked, by port-forward, whether they
    run the new one, and the old one is deleted once all do. If they cannot be asked or do not answer, a later run
    deletes it, once O(loaded) names it. Others are deleted and created in one go.
seealso:
  - module: ossm.federation.wasm_extension
  - module: ossm.federation.upgrade_plan_info
attributes:
  check_mode: {support: full, description: Changes nothing and writes no files.}
  diff_mode: {support: full, description: Shows the fields that change. The configuration of a module is shown as a
    digest.}
  idempotent: {support: full, description: Without ServiceMeshExtensions there is nothing to do.}
options:
  images:
    description:
      - For each image of a ServiceMeshExtension the image that a WasmPlugin can read, which holds its module as
        C(/plugin.wasm). It may be the same image, if it does.
    type: dict
    default: {}
  dest:
    description: A folder for one file per old and per new object. They contain the configuration of the modules in the
      clear, and only you may read them.
    type: path
  apply:
    description: Whether the cluster is changed. Needs O(dest), so that a copy of each old object exists before it is
      deleted.
    type: bool
    default: false
  loaded:
    description: Extensions of AUTHN and AUTHZ, as C(namespace/name), whose WasmPlugin somebody has seen loaded in every
      proxy.
    type: list
    elements: str
    default: []
  wait_timeout:
    description: Seconds to wait at most until every proxy runs the new extensions of AUTHN and AUTHZ.
    type: int
    default: 120
    version_added: 0.3.0
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.force
"""

EXAMPLES = r"""
- name: See how the extensions of this mesh would be converted
  ossm.federation.extension_conversion:
    kubeconfig: east.kubeconfig
    mesh: east

- name: Convert them
  ossm.federation.extension_conversion:
    kubeconfig: east.kubeconfig
    mesh: east
    images: {"registry.example/header:1.2": "registry.example/header:1.3"}
    dest: converted/east
    apply: true

- name: Write old and new to files, and change nothing
  ossm.federation.extension_conversion:
    kubeconfig: east.kubeconfig
    mesh: east
    images: {"registry.example/header:1.2": "registry.example/header:1.3"}
    dest: converted/east
"""

RETURN = r"""
conversions:
  description: Each ServiceMeshExtension, what it becomes, in which order, and why it cannot.
  returned: success
  type: list
  elements: dict
  sample:
    - namespace: shop
      name: header
      image: registry.example/header:1.3
      phase: STATS
      priority: 10
      order: delete, create
      problems: []
      notes: []
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: delete, kind: ServiceMeshExtension, namespace: shop, name: header, fields: [spec.image]}]
files:
  description: The files that were written, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [converted/east/shop-header-old.yml, converted/east/shop-header-new.yml]
waiting:
  description: Extensions of AUTHN and AUTHZ whose old object waits for O(loaded).
  returned: success
  type: list
  elements: str
  sample: []
lines:
  description: The plan as lines for people.
  returned: success
  type: list
  elements: str
  sample: ["shop/header: PostAuthZ becomes STATS"]
unknown:
  description: What could not be read for lack of rights; there may be extensions that stop the upgrade to 2.3.
  returned: success
  type: list
  elements: str
  sample: []
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.extensions.converting import (
    Conversion,
    Turn,
    conversions,
    decided,
    refuse_unseen,
    turns,
)
from ..module_utils._core.extensions.keeping import hidden, is_hidden, key_of
from ..module_utils._core.extensions.rendering import old_text, text_of
from ..module_utils._core.insight.loading import readiness, summary
from ..module_utils._core.plain.data import some
from ..module_utils._core.plain.diff import as_diff
from ..module_utils._core.plain.kinds import EXTENSION, WASM_PLUGIN
from ..module_utils._files import Place, read, write
from ..module_utils._loading import watch
from ..module_utils._options import CLUSTER, FORCE, MESH
from ..module_utils._reads.extensions import Around, read_around
from ..module_utils._run import Module, Run, rehearse, run_module

OPTIONS = {
    "images": {"type": "dict", "default": {}},
    "dest": {"type": "path"},
    "apply": {"type": "bool", "default": False},
    "loaded": {"type": "list", "elements": "str", "default": []},
    "wait_timeout": {"type": "int", "default": 120},
}
LARGEST = 4 << 20
MINE_ALONE = 0o600


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Plan the conversion, write it down, and carry it out if asked; return the module's result."""
    params = run.params
    around = read_around(cluster, params, kinds=(EXTENSION, WASM_PLUGIN))
    found = conversions(around.live, around.ground, {str(key): str(value) for key, value in params["images"].items()})
    turn = decided(params, found, around.ground, around.live)
    files = written(run, found) if params["dest"] else {}
    carry_out(run, cluster, turn)
    if turn.waiting and not run.check_mode:
        turn = follow(run, cluster, turn, around)
    shown = hidden(turn.changes)
    return {
        "changed": bool(turn.changes) or any(files.values()),
        "diff": as_diff(shown),
        "changes": [change.summary() for change in shown],
        "conversions": [each.as_data() for each in found],
        "files": list(files),
        "waiting": [each.place for each in turn.waiting],
        "lines": [
            *([line for each in found for line in each.lines] or ["there are no ServiceMeshExtensions in this mesh"]),
            *(f"unknown: {gap.text}" for gap in around.unknown),
        ],
        "unknown": [gap.text for gap in around.unknown],
    }


def carry_out(run: Run, cluster: Cluster, turn: Turn) -> None:
    """Apply the changes, after the API server has judged all that is to be made."""
    for change in turn.changes:
        if change.action != "delete":
            rehearse(cluster, change)
    run.apply(cluster, turn.changes)


def follow(run: Run, cluster: Cluster, turn: Turn, around: Around) -> Turn:
    """Delete the old objects of guards whose new ones all proxies run, and return both turns as one; stop where others
    wait.
    """
    plugins = [each.manifest for each in turn.waiting]
    found = watch(cluster, around.control_plane, plugins, around.ground.namespaces, seconds=run.params["wait_timeout"])
    told = {each.place: found.loadings[key_of(each.manifest)] for each in turn.waiting}
    # Pods that nobody may read may run the old one alone.
    seen = [
        each.place
        for each in turn.waiting
        if readiness(told[each.place]) and not is_hidden(each.extension, around.ground, found.unread)
    ]
    if seen:
        now = read_around(cluster, run.params, kinds=(EXTENSION, WASM_PLUGIN))
        images = {str(key): str(value) for key, value in run.params["images"].items()}
        second = turns(conversions(now.live, now.ground, images), now.live, seen, force=run.params["force"])
        carry_out(run, cluster, second)
        turn = Turn((*turn.changes, *second.changes), second.waiting)
    unread = f"pods in {some(found.unread, 3)} may not be read" if found.unread else ""
    why = {
        place: "; ".join(text for text in (summary(each) if each else "", unread) if text)
        for place, each in told.items()
    }
    refuse_unseen(turn.waiting, {place: sorted(one.proxy for one in each) for place, each in told.items()}, why)
    return turn


def written(run: Run, found: list[Conversion]) -> dict[str, bool]:
    """Write each old object and what it becomes; return the files, and whether each has changed."""
    result: dict[str, bool] = {}
    for each in found:
        stem = f"{each.extension.namespace}-{each.extension.name}"
        texts = {
            f"{stem}-old.yml": old_text(each.live),
            **({} if each.problems else {f"{stem}-new.yml": text_of(each.manifest)}),
        }
        for name, text in texts.items():
            place = Place(str(run.params["dest"]), name, "File of an extension")
            stands = read(place, LARGEST)
            is_new = stands != text.encode()
            if is_new and not run.check_mode:
                write(place, text, MINE_ALONE)
                run.journal.done.append(f"write {place.path}")
            result[place.path] = is_new
    return result


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
