#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: threescale_adapter
short_description: Keep 3scale's authorization of requests in a mesh
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps 3scale's WebAssembly adapter for all workloads of a mesh that need it, in one call. Each adapter is a
    ServiceMeshExtension or a WasmPlugin, as the version of the mesh has it, with the ServiceEntry, the DestinationRule
    and the RequestAuthentication that it needs.
  - Service tokens and mapping rules that are not described are fetched from the admin portal by this module. The access
    token stays out of the mesh, but for C(system).
  - Tests state what the adapter would do with requests. One that fails makes the module fail before anything is
    written.
  - The adapter's configuration contains service tokens in the clear. Diffs, results and errors of this module show
    none.
seealso:
  - module: ossm.federation.wasm_extension
attributes:
  check_mode: {support: full, description: Asks the portal and changes nothing.}
  diff_mode: {support: full, description: Shows the fields that change. The adapter's configuration is shown as a
    digest.}
  idempotent: {support: full, description: What is as described is left alone.}
options:
  state:
    description: Whether the adapters are kept, or all that this module made for the mesh is removed.
    type: str
    choices: [present, absent]
    default: present
  threescale:
    description:
      - C(backend) with C(url) (and C(timeout) in milliseconds, C(ca_certificates), a file in the proxies), C(portal)
        with C(url) and C(token) or C(token_from) (and C(ca_cert), a file of this machine), and C(adapters).
      - Each adapter has C(name), C(namespace), C(selector) and C(services); it may have C(image), C(pull_secret),
        C(pull_policy), C(kind), C(traffic) (V(inbound), V(gateway)), C(priority), C(oidc) (C(issuer), C(jwks_uri),
        C(audiences)), C(system), C(switch) (V(overlap), V(deny)) and C(passthrough_metadata).
      - Each service has C(id), C(authorities) and C(credentials); it may have C(environment), C(token) and
        C(mapping_rules).
      - Required with O(state=present).
    type: dict
  tests:
    description:
      - Requests, each a mapping with C(request) (C(host), C(path), C(method), C(query), C(headers), C(claims),
        C(metadata), C(scheme)), C(expect) (C(service), C(usages), C(rules), C(user_key), C(app_id), C(app_key),
        C(status)), C(name) and C(adapter).
    type: list
    elements: dict
    default: []
  loaded:
    description: Adapters (namespace/name) whose new wrapper somebody has seen in every proxy. The old one, or the
      denial, is removed.
    type: list
    elements: str
    default: []
  wait_timeout:
    description:
      - Seconds to wait at most until every proxy runs a WasmPlugin that replaces a ServiceMeshExtension. The proxies
        are asked by port-forward. Where all run it, the old one, or the denial, is removed in the same run. Where one
        does not, a new one beside which the old one runs is removed again.
      - If they may not be asked, or do not answer, a later run finishes it, once O(loaded) names it.
    type: int
    default: 120
    version_added: 0.3.0
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.force
"""

EXAMPLES = r"""
- name: Have 3scale authorize the requests to cart
  ossm.federation.threescale_adapter:
    kubeconfig: east.kubeconfig
    mesh: east
    threescale:
      backend: {url: https://su1.3scale.net}
      portal: {url: https://acme-admin.3scale.net, token: "{{ vaulted_access_token }}"}
      adapters:
        - name: cart
          namespace: shop
          selector: {app: cart}
          pull_secret: red-hat
          services:
            - id: "2555417834789"
              authorities: [cart.shop.svc.cluster.local, "cart.shop.svc.cluster.local:8080"]
              credentials:
                user_key: [{header: {keys: [x-user-key]}}]
    tests:
      - request: {host: cart.shop.svc.cluster.local, path: /products/7, headers: {x-user-key: abc}}
        expect: {service: "2555417834789", usages: {hits: 1}}

- name: Remove all that this module made in the mesh
  ossm.federation.threescale_adapter:
    kubeconfig: east.kubeconfig
    mesh: east
    state: absent

- name: Describe the token and the rules here, so that no portal is asked
  ossm.federation.threescale_adapter:
    kubeconfig: east.kubeconfig
    mesh: east
    threescale:
      backend: {url: https://su1.3scale.net}
      adapters:
        - name: cart
          namespace: shop
          selector: {app: cart}
          pull_secret: red-hat
          services:
            - id: "2555417834789"
              token: "{{ vaulted_access_token }}"
              authorities: [cart.shop.svc.cluster.local]
              credentials:
                user_key: [{header: {keys: [x-user-key]}}]
              mapping_rules:
                - {method: GET, pattern: /products, usages: [{name: hits, delta: 1}]}
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: WasmPlugin, namespace: shop, name: cart, fields: [spec.url]}]
adapters:
  description: Each adapter with its kind, image, services, and the pods that it selects (null where they may not be
    read).
  returned: success
  type: list
  elements: dict
  sample:
    - name: cart
      namespace: shop
      kind: WasmPlugin
      image: registry.redhat.io/3scale-amp2/3scale-auth-wasm-rhel8:0.0.3
      services: ["2555417834789"]
      selector: app=cart
      pods: [shop/cart-1]
tests:
  description: Each test, whether it passes, and what the adapter would find.
  returned: success
  type: list
  elements: dict
  sample:
    - name: test 1
      adapter: shop/cart
      met: true
      missed: []
      found:
        service: "2555417834789"
        credentials: [user_key]
        found_by: ["user_key 1 (header x-user-key)"]
        rules: [GET /]
        usages: {hits: 1}
        status: null
        why: ""
waiting:
  description: Adapters whose new wrapper waits for O(loaded).
  returned: success
  type: list
  elements: str
  sample: []
lines:
  description: The same as lines for people.
  returned: success
  type: list
  elements: str
  sample: ["shop/cart: WasmPlugin for service 2555417834789, app=cart, 1 pod"]
unknown:
  description: What could not be read for lack of rights.
  returned: success
  type: list
  elements: str
  sample: []
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import Finding, texts
from ..module_utils._core.extensions.keeping import hidden
from ..module_utils._core.extensions.plan import Ground
from ..module_utils._core.extensions.problems import refuse
from ..module_utils._core.plain.diff import as_result
from ..module_utils._core.plain.kinds import KINDS, POD
from ..module_utils._core.plain.refusals import Refusal
from ..module_utils._core.threescale import keeping, plan, selecting
from ..module_utils._core.threescale.described import Adapter, Described
from ..module_utils._core.threescale.portal import path_of, service_of
from ..module_utils._core.threescale.trying import asked_for, judged, refuse_unmet
from ..module_utils._options import CLUSTER, FORCE, MESH
from ..module_utils._portal import Portal
from ..module_utils._reads.extensions import read_pods
from ..module_utils._reads.openshift import never_ready
from ..module_utils._reads.threescale import access_token, read_adapters, readers_of
from ..module_utils._run import Module, Run, run_module
from ..module_utils._switching import follow

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "threescale": {"type": "dict"},
    "tests": {"type": "list", "elements": "dict", "default": []},
    "loaded": {"type": "list", "elements": "str", "default": []},
    "wait_timeout": {"type": "int", "default": 120},
}
MOST_ASKED = 20
"""Namespaces in which it is asked who may read the adapters."""


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring 3scale's adapters of a mesh to what is described and return the module's result."""
    params = run.params
    described, trials = asked_for(params)
    around = read_adapters(cluster, params, {each.extension.namespace for each in described.adapters})
    ground = around.ground
    refuse(plan.objections(described, ground))
    fetched = fetch(run, cluster, described)
    described = plan.completed(described, fetched)
    verdicts = judged(trials, described, ground)
    refuse_unmet(verdicts)
    planned, taken = keeping.without_taken(plan.plan(described, ground, fetched.access), around.live, params["mesh"])
    turn = keeping.turn_of(planned, described.adapters, around.live, ground, params["loaded"], force=params["force"])
    proxies, unread = read_pods(cluster, ground.reached_from(each.extension.namespace for each in described.adapters))
    wrappers = [each for each in planned if each["kind"] in keeping.WRAPPERS]
    refuse(plan.cut_off(described, proxies, ground))
    futile, unasked = never_ready(cluster, wrappers)
    found = [
        *futile,
        *plan.doubts(described, ground, keeping.authenticated_in(around.live, params["mesh"])),
        *taken,
        *selecting.pods_missing(described.adapters, wrappers, proxies, ground, unread),
        *selecting.opening(turn.changes),
        *keeping.several(wrappers, keeping.remaining(around.live, turn.changes), proxies, ground.namespace),
        *readers(cluster, described.adapters, ground),
    ]
    for warning in texts(found):
        run.warn(warning)
    run.apply(cluster, turn.changes)
    turn, seen = follow(run, cluster, turn, planned, described, around)
    rows = [
        selecting.row(each, selecting.wrapper_of(each, wrappers), proxies, ground, unread)
        for each in described.adapters
    ]
    if not run.check_mode:
        keeping.refuse_unseen(turn.waiting, selecting.pods_of(turn.waiting, rows), seen.why, seen.gone)
    unknown = [each.text for each in (*around.unknown, *unasked, *(Refusal(POD, place) for place in unread))]
    return {
        **as_result(hidden(turn.changes)),
        "adapters": rows,
        "tests": [verdict.as_data() for verdict in verdicts],
        "waiting": [each.place for each in turn.waiting],
        "lines": [
            *map(selecting.row_text, rows),
            *seen.lines,
            *(verdict.text for verdict in verdicts),
            *(f"unknown: {gap}" for gap in unknown),
        ],
        "unknown": unknown,
    }


def fetch(run: Run, cluster: Cluster, described: Described) -> plan.Fetched:
    """Return what is left to the portal to say; nothing is asked where nothing is."""
    with_system = any(each.system for each in described.adapters)
    if described.portal is None or not (described.asks_the_portal or with_system):
        return plan.Fetched()
    portal = described.portal
    token = portal.token or access_token(cluster, portal.token_from)
    run.know([token])
    asked = Portal(portal.address.url, token, portal.ca_cert)
    wanted = {
        (service.id, service.environment): service
        for adapter in described.adapters
        for service in adapter.services
        # With system the adapter fetches rules by itself; they are read all the same, since tests need them.
        if service.token is None or service.rules is None
    }
    services = {key: service_of(asked.get(path_of(service)), service) for key, service in wanted.items()}
    run.know([str(service.token) for service in services.values()])
    return plan.Fetched(services, token if with_system else "")


def readers(cluster: Cluster, adapters: Iterable[Adapter], ground: Ground) -> Iterator[Finding]:
    """Give who may read the tokens in the adapters: FED893."""
    asked = sorted({(plan.kind_of(each, ground).name, each.extension.namespace) for each in adapters})
    for kind, namespace in asked[:MOST_ASKED]:
        yield from readers_of(cluster, KINDS[kind], namespace)


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
