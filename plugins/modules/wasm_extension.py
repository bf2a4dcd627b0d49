#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wasm_extension
short_description: Keep the Wasm extensions of a mesh
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps all Wasm extensions of one mesh in one call. Each becomes a ServiceMeshExtension or a WasmPlugin, as the
    version of the mesh has it.
  - Extensions that this module made and that are no longer described are removed. Objects that others made are left
    alone.
  - What the kind or the version of the mesh cannot express is refused with the field's name, before anything is
    written.
  - With O(ask_proxies) it asks the proxies that a WasmPlugin selects, by port-forward, whether they run it; with
    O(wait) it waits for them, and fails where one does not run it in time. If they may not be asked, or do not answer,
    readiness is unknown, which is not a failure.
  - With either, a WasmPlugin of C(AUTHN) or C(AUTHZ) that is new, or gets another module or configuration, is first
    written for one of its pods alone. Once that pod runs it, it is written for all; where the pod does not, the module
    fails and leaves all others as they were. If no pod can try it, or answers, there is a warning, and it is written
    for all at once.
seealso:
  - module: ossm.federation.wasm_module_info
  - module: ossm.federation.extension_conversion
attributes:
  check_mode:
    support: full
    description: Changes nothing and shows which pods each extension selects, and in which order several run.
  diff_mode: {support: full, description: Shows the fields that change. The configuration of a module is shown as a
    digest.}
  idempotent: {support: full, description: Extensions that are as described are left alone.}
options:
  state:
    description: Whether the extensions are kept, or all that this module made for the mesh are removed.
    type: str
    choices: [present, absent]
    default: present
  extensions:
    description:
      - The extensions, each a mapping. Required are C(name), C(namespace), C(image) and C(selector), which is a mapping
        of labels or the word V(all).
      - Further fields are C(phase) (V(AUTHN), V(AUTHZ), V(STATS), V(UNSPECIFIED_PHASE)), C(priority), C(config),
        C(pull_secret), C(pull_policy), C(kind), C(plugin_name), C(sha256), C(traffic) (V(inbound), V(outbound),
        V(both), V(gateway)), C(ports), C(fail) (V(closed), V(open)), C(env) and C(canary).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the extension.
        type: str
        required: true
      namespace:
        description: The namespace of the extension; that of the control plane for workloads of every namespace.
        type: str
        required: true
      image:
        description: The image or URL of the module, best with a digest.
        type: str
        required: true
      selector:
        description: Labels of the pods, or the word V(all).
        type: raw
        required: true
      phase:
        description: When the extension runs.
        type: str
        choices: [AUTHN, AUTHZ, STATS, UNSPECIFIED_PHASE]
      priority:
        description: Which extension of a phase runs first; the highest.
        type: int
      config:
        description: The configuration of the module.
        type: dict
      pull_secret:
        description: The Secret with which the image is fetched.
        type: str
      pull_policy:
        description: When the image is fetched.
        type: str
        choices: [IfNotPresent, Always, Never]
      kind:
        description: The kind that is written; by the version of the mesh when absent.
        type: str
        choices: [ServiceMeshExtension, WasmPlugin]
      plugin_name:
        description: The name by which the module is registered.
        type: str
      sha256:
        description: The digest of the module, for a URL.
        type: str
      traffic:
        description: Which calls the extension sees; V(inbound) when absent.
        type: str
        choices: [inbound, outbound, both, gateway]
      ports:
        description: The ports whose calls it sees; all when absent.
        type: list
        elements: int
      fail:
        description: Whether calls are refused or passed while the module cannot run.
        type: str
        choices: [closed, open]
      env:
        description: Environment variables of the module.
        type: list
        elements: dict
        suboptions:
          name:
            description: The name of the variable.
            type: str
            required: true
          value:
            description: Its value.
            type: str
            required: true
      canary:
        description: Whether one pod tries it before all others get it, in the phases AUTHN and AUTHZ; V(true) when
          absent.
        type: bool
        version_added: 0.3.0
  ask_proxies:
    description: Whether the proxies that a WasmPlugin selects are asked whether they run it. Not in check mode.
    type: bool
    default: false
    version_added: 0.3.0
  wait:
    description: Whether they are asked until all run it. Not in check mode.
    type: bool
    default: false
    version_added: 0.3.0
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 120
    version_added: 0.3.0
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.force
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: Keep the extensions of this mesh
  ossm.federation.wasm_extension:
    kubeconfig: east.kubeconfig
    mesh: east
    extensions:
      - name: header
        namespace: shop
        selector: {app: cart}
        image: registry.example/header:1.2@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        phase: STATS
        config: {header: x-shop}

- name: Run an extension in every proxy, before authorization, and refuse calls while it cannot run
  ossm.federation.wasm_extension:
    kubeconfig: east.kubeconfig
    mesh: east
    extensions:
      - name: audit
        namespace: east-mesh-system
        selector: all
        image: registry.example/audit:2.0@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        phase: AUTHZ
        priority: 10
        fail: closed
        pull_secret: registry
    wait: true

- name: Remove every extension that this module made
  ossm.federation.wasm_extension:
    kubeconfig: east.kubeconfig
    mesh: east
    state: absent
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode, which leaves out what a canary needs for a while.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: WasmPlugin, namespace: shop, name: header, fields: [spec.url]}]
extensions:
  description:
    - Each extension with its kind, the pods that it selects (null where they may not be read), and whether it is ready
      (null if unknown).
    - With O(ask_proxies) or O(wait), C(loading) has for each pod whether the extension is C(loaded), C(warming),
      C(failed), C(idle) (the pod has no listener that the extension is for) or C(unknown), why, and which listeners
      wait for it.
  returned: success
  type: list
  elements: dict
  sample:
    - name: header
      namespace: shop
      kind: WasmPlugin
      phase: STATS
      priority: null
      selector: app=cart
      pods: [shop/cart-1]
      ready: true
      why: loaded in 1 of 1 pods
      loading: [{pod: shop/cart-1, state: loaded, why: "", listeners: []}]
orders:
  description: Where several extensions run in one phase, and in which order; C(ties) are those whose order is
    undefined.
  returned: success
  type: list
  elements: dict
  sample: [{phase: AUTHZ, extensions: [shop/first, shop/second], ties: [], pods: [shop/cart-1]}]
canaries:
  description:
    - Which guard one pod tries before all others get it, and which pod that is as far as can be told before the pods
      are asked. Empty where the guards are as described, or tried already.
  returned: success
  type: list
  elements: dict
  sample: [{extension: shop/guard, pod: shop/cart-1}]
lines:
  description: The same as lines for people.
  returned: success
  type: list
  elements: str
  sample: ["shop/header: WasmPlugin, STATS, 1 pod (shop/cart-1), readiness unknown: a WasmPlugin has no status; its
    proxies know"]
waiting_for:
  description: Extensions that not all proxies run yet, with the pods and the listeners that wait. Empty without
    O(ask_proxies) and O(wait).
  returned: success
  type: list
  elements: str
  sample: []
wait_limit:
  description: Seconds that a wait takes at most.
  returned: success
  type: int
  sample: 120
unknown:
  description: What could not be read for lack of rights.
  returned: success
  type: list
  elements: str
  sample: []
"""

from collections.abc import Sequence
from datetime import datetime

from ..module_utils._canary import Tried, finish, try_first
from ..module_utils._cluster.client import Cluster
from ..module_utils._core.extensions.asking import asked_for
from ..module_utils._core.extensions.canary import canaries_of, trials
from ..module_utils._core.extensions.keeping import (
    Standing,
    changes,
    hidden,
    in_words,
    key_of,
    open_until_fetched,
    orders_beside,
    standing_of,
    untouched,
    warnings,
)
from ..module_utils._core.extensions.plan import objections, plan
from ..module_utils._core.extensions.problems import refuse
from ..module_utils._core.extensions.selecting import Order
from ..module_utils._core.insight.loading import as_told, summary
from ..module_utils._core.plain.diff import as_result
from ..module_utils._core.plain.kinds import POD
from ..module_utils._core.plain.refusals import Refusal
from ..module_utils._loading import Watched, watched
from ..module_utils._options import CLUSTER, FORCE, MESH, WAITING
from ..module_utils._reads.extensions import read_around, read_pods
from ..module_utils._reads.openshift import never_ready
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "extensions": {"type": "list", "elements": "dict", "default": []},
    "ask_proxies": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 120},
    **WAITING,
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring the extensions of a mesh to what is described and return the module's result."""
    params = run.params
    extensions = asked_for(params)
    around = read_around(cluster, params, {each.namespace for each in extensions})
    ground = around.ground
    refuse(objections(extensions, ground))
    desired = plan(extensions, ground)
    canaries = canaries_of(around.live, desired, params["mesh"])
    live = [each for each in around.live if each not in canaries]
    found = changes(live, desired, params["mesh"], force=params["force"])
    spaces = ground.reached_from(each.namespace for each in extensions)
    proxies, unread = read_pods(cluster, spaces)
    doubts = warnings(extensions, desired, live, proxies, ground, unread)
    futile, unasked = never_ready(cluster, desired)
    to_try, doubted = trials(extensions, found, around.live, proxies, ground, unread)
    tried = try_first(run, cluster, around.control_plane, to_try, canaries, spaces)
    for warning in in_words(doubts, futile, open_until_fetched(found, extensions), doubted, tried.doubts):
        run.warn(warning)
    if tried.pending:
        found, seen = [], Watched({})
    else:
        run.apply(cluster, found)
        tried.changes += [*found, *finish(run, cluster, canaries, tried)]
        seen = watched(run, cluster, around.control_plane, desired, spaces, tried.seconds)
    standing = untouched(live, found)
    rows = [
        as_told(
            standing_of(each, manifest, standing.get(key_of(manifest)), proxies, ground, unread),
            seen.loadings.get(key_of(manifest)),
        )
        for each, manifest in zip(sorted(extensions, key=lambda each: each.key), desired)
    ]
    several = orders_beside(desired, standing.values(), proxies, ground)
    unknown = [each.text for each in (*around.unknown, *unasked, *(Refusal(POD, place) for place in unread))]
    return told(run, tried, seen, rows, several, unknown)


def told(
    run: Run,
    tried: Tried,
    seen: Watched,
    rows: Sequence[Standing],
    several: Sequence[Order],
    unknown: Sequence[str],
) -> dict:
    """Return the module's result: what was changed, how each extension stands, and what is waited for."""
    awaited = seen.awaited(run.params["waited"] + tried.seconds)
    return {
        **as_result(hidden(tried.changes)),
        "extensions": [row.as_data() for row in rows],
        "orders": [order.as_data() for order in several],
        "canaries": [{"extension": each.place, "pod": each.canaries[0].proxy.place} for each in tried.trials],
        "lines": [
            *(row.text for row in rows),
            *(order.text for order in several),
            *(each.canaries[0].text for each in tried.trials if run.check_mode),
            *(f"unknown: {gap}" for gap in unknown),
        ],
        "waiting_for": [
            *(f"{place}, tried by one pod first: {summary(each)}" for place, each in tried.pending.items()),
            *(f"{place}: {summary(each)}" for place, each in awaited.items()),
        ],
        "wait_limit": run.params["wait_timeout"],
        "unknown": unknown,
    }


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
