#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: threescale_adapter
short_description: Keep 3scale's authorization of requests in a mesh
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps 3scale's WebAssembly adapter for all workloads of a mesh that need it, in one call. Each adapter is a ServiceMeshExtension
    or a WasmPlugin, as the version of the mesh has it, with the ServiceEntry, the DestinationRule and the RequestAuthentication that it needs.
  - Service tokens and mapping rules that are not described are fetched from the admin portal by this module. The access token stays out
    of the mesh, but for C(system).
  - Tests say what the adapter would do with requests. One that is not met fails the module before anything is written.
  - The adapter's configuration holds service tokens in clear. Diffs, results and errors of this module show none.
seealso:
  - module: ossm.federation.wasm_extension
attributes:
  check_mode: {support: full, description: Asks the portal and changes nothing.}
  diff_mode: {support: full, description: Shows the fields that change. What the adapter is told is shown as a digest.}
  idempotent: {support: full, description: What is as described is left alone.}
options:
  state:
    description: Whether the adapters are kept, or all that this module made for the mesh is removed.
    type: str
    choices: [present, absent]
    default: present
  threescale:
    description:
      - C(backend) with C(url) (and C(timeout) in milliseconds, C(ca_certificates), a file in the proxies), C(portal) with C(url) and C(token) or
        C(token_from) (and C(ca_cert), a file of this machine), and C(adapters).
      - Each adapter has C(name), C(namespace), C(selector) and C(services); it may have C(image), C(pull_secret), C(pull_policy), C(kind),
        C(traffic) (V(inbound), V(gateway)), C(priority), C(oidc) (C(issuer), C(jwks_uri), C(audiences)), C(system), C(switch) (V(overlap),
        V(deny)) and C(passthrough_metadata).
      - Each service has C(id), C(authorities) and C(credentials); it may have C(environment), C(token) and C(mapping_rules).
      - Required with O(state=present).
    type: dict
  tests:
    description:
      - Requests, each a mapping with C(request) (C(host), C(path), C(method), C(query), C(headers), C(claims), C(metadata), C(scheme)), C(expect)
        (C(service), C(usages), C(rules), C(user_key), C(app_id), C(app_key), C(status)), C(name) and C(adapter).
    type: list
    elements: dict
    default: []
  loaded:
    description: Adapters (namespace/name) whose new wrapper somebody has seen in every proxy. The old one, or the denial, is removed.
    type: list
    elements: str
    default: []
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
  description: Each adapter with its kind, image, services, and the pods that it selects (null where they may not be read).
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
  description: Each test, whether it is met, and what the adapter would find.
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

from collections.abc import Iterable, Iterator, Mapping, Sequence  # noqa: E402
from datetime import datetime  # noqa: E402
from typing import Any  # noqa: E402

from ..module_utils._cluster.client import Cluster  # noqa: E402
from ..module_utils._core.catalogue.findings import Finding, texts  # noqa: E402
from ..module_utils._core.extensions.keeping import hidden, key_of  # noqa: E402
from ..module_utils._core.extensions.plan import Ground, selector_text  # noqa: E402
from ..module_utils._core.extensions.problems import refuse  # noqa: E402
from ..module_utils._core.extensions.selecting import Proxy, selected_by  # noqa: E402
from ..module_utils._core.plain.data import some  # noqa: E402
from ..module_utils._core.plain.diff import Change, as_diff  # noqa: E402
from ..module_utils._core.plain.errors import FederationError  # noqa: E402
from ..module_utils._core.plain.kinds import EXTENSION, KINDS, POD, WASM_PLUGIN  # noqa: E402
from ..module_utils._core.preflight.checks import Refusal  # noqa: E402
from ..module_utils._core.threescale.described import OPTION, Adapter, Described, read_threescale  # noqa: E402
from ..module_utils._core.threescale.explaining import TESTS, Trial, Verdict, read_tests, verdict_of  # noqa: E402
from ..module_utils._core.threescale.keeping import (  # noqa: E402
    WRAPPERS,
    authenticated_in,
    refuse_unseen,
    several,
    turn_of,
    without_taken,
)
from ..module_utils._core.threescale.plan import (  # noqa: E402
    Fetched,
    completed,
    cut_off,
    doubts,
    generation_of,
    image_of,
    kind_of,
    objections,
    plan,
)
from ..module_utils._core.threescale.portal import path_of, service_of  # noqa: E402
from ..module_utils._options import CLUSTER, FORCE, MESH  # noqa: E402
from ..module_utils._portal import Portal  # noqa: E402
from ..module_utils._reads.extensions import read_pods  # noqa: E402
from ..module_utils._reads.openshift import never_ready  # noqa: E402
from ..module_utils._reads.threescale import access_token, read_adapters, readers_of  # noqa: E402
from ..module_utils._run import Module, Run, run_module  # noqa: E402

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "threescale": {"type": "dict"},
    "tests": {"type": "list", "elements": "dict", "default": []},
    "loaded": {"type": "list", "elements": "str", "default": []},
}
MOST_ASKED = 20
"""Namespaces in which it is asked who may read the adapters."""


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring 3scale's adapters of a mesh to what is described and return the module's result."""
    params = run.params
    described, trials = asked_for(params)
    around = read_adapters(cluster, params, {each.extension.namespace for each in described.adapters})
    ground = around.ground
    refuse(objections(described, ground))
    fetched = fetch(run, cluster, described)
    described = completed(described, fetched)
    verdicts = judged(trials, described, ground)
    refuse_unmet(verdicts)
    planned, taken = without_taken(plan(described, ground, fetched.access), around.live, params["mesh"])
    turn = turn_of(planned, described.adapters, around.live, ground, params["loaded"], force=params["force"])
    proxies, unread = read_pods(cluster, ground.reached_from(each.extension.namespace for each in described.adapters))
    wrappers = [each for each in planned if each["kind"] in WRAPPERS]
    refuse(cut_off(described, proxies, ground))
    stays = remaining(around.live, turn.changes)
    futile, unasked = never_ready(cluster, wrappers)
    found = [
        *futile,
        *doubts(described, ground, authenticated_in(around.live, params["mesh"])),
        *taken,
        *pods_missing(described.adapters, wrappers, proxies, ground, unread),
        *opening(turn.changes),
        *several(wrappers, stays, proxies, ground.namespace),
        *readers(cluster, described.adapters, ground),
    ]
    for warning in texts(found):
        run.warn(warning)
    run.apply(cluster, turn.changes)
    rows = [row(each, described_wrapper(each, wrappers), proxies, ground, unread) for each in described.adapters]
    if not run.check_mode:
        refuse_unseen(turn.waiting, pods_of(turn.waiting, rows))
    shown = hidden(turn.changes)
    unknown = [each.text for each in (*around.unknown, *unasked, *(Refusal(POD, place) for place in unread))]
    return {
        "changed": bool(turn.changes),
        "diff": as_diff(shown),
        "changes": [change.summary() for change in shown],
        "adapters": rows,
        "tests": [verdict.as_data() for verdict in verdicts],
        "waiting": [each.place for each in turn.waiting],
        "lines": [*map(row_text, rows), *(verdict.text for verdict in verdicts), *(f"unknown: {gap}" for gap in unknown)],
        "unknown": unknown,
    }


def asked_for(params: Mapping[str, Any]) -> tuple[Described, list[Trial]]:
    """Return what is described and its tests, nothing with C(state=absent); refused where anything is wrong with either."""
    if params["state"] == "absent":
        return Described(None, None, ()), []
    if params["threescale"] is None:
        fix = "Describe backend and adapters, or say threescale_state: absent (option state) to remove all that was made"
        raise FederationError("FED880", where=OPTION, what="is not set", fix=fix)
    described, problems = read_threescale(params["threescale"])
    refuse(problems)
    trials, wrong = read_tests(params["tests"], described.adapters)
    refuse(wrong)
    return described, trials


def fetch(run: Run, cluster: Cluster, described: Described) -> Fetched:
    """Return what is left to the portal to say; nothing is asked where nothing is."""
    with_system = any(each.system for each in described.adapters)
    if described.portal is None or not (described.asks_the_portal or with_system):
        return Fetched()
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
    return Fetched(services, token if with_system else "")


def judged(trials: Sequence[Trial], described: Described, ground: Ground) -> list[Verdict]:
    """Return what becomes of the tests."""
    adapters = {each.place: each for each in described.adapters}
    return [verdict_of(trial, adapters[trial.adapter].services, generation_of(adapters[trial.adapter], ground)) for trial in trials]


def refuse_unmet(verdicts: Sequence[Verdict]) -> None:
    """Refuse to write what a test says is wrong: FED889."""
    unmet = [verdict for verdict in verdicts if verdict.missed]
    if unmet:
        raise FederationError(
            "FED889",
            where=f"{TESTS}, {unmet[0].trial.name}",
            what=f"{len(unmet)} of {len(verdicts)} tests are not met: {some([each.text for each in unmet], 3, '; ')}",
            fix="Correct the rules, credentials or authorities of the service, or what the test expects",
            facts={"tests": [each.as_data() for each in unmet[:100]]},
        )


def remaining(live: Iterable[Mapping], changes: Iterable[Change]) -> list[Mapping]:
    """Return what stands after the changes of what stood before."""
    gone = {(change.kind.name, change.namespace, change.name) for change in changes if change.action == "delete"}
    return [each for each in live if key_of(each) not in gone]


def described_wrapper(adapter: Adapter, wrappers: Iterable[Mapping]) -> Mapping:
    """Return an adapter's wrapper."""
    return next(each for each in wrappers if key_of(each)[1:] == adapter.extension.key)


def pods_missing(
    adapters: Iterable[Adapter], wrappers: Sequence[Mapping], proxies: Sequence[Proxy], ground: Ground, unread: Sequence[str]
) -> Iterator[Finding]:
    """Give the adapters that select no pod: FED809."""
    for adapter in adapters:
        pods = chosen(described_wrapper(adapter, wrappers), proxies, ground, unread)
        if pods == []:
            yield Finding("FED809", f"{OPTION}, {adapter.place}", f"selects no pod with a proxy ({selector_text(adapter.extension.selector)})")


def chosen(wrapper: Mapping, proxies: Sequence[Proxy], ground: Ground, unread: Sequence[str]) -> list[str] | None:
    """Return the pods that a wrapper selects; None where they may not be read."""
    namespace = wrapper["metadata"]["namespace"]
    if namespace in unread or (namespace == ground.namespace and unread):
        return None
    return sorted(proxy.place for proxy in selected_by(wrapper, proxies, ground.namespace))


def opening(changes: Iterable[Change]) -> Iterator[Finding]:
    """Give what happens while proxies fetch the adapter: FED812."""
    for change in changes:
        is_new = change.action == "create" or any(each.path[:2] in (("spec", "url"), ("spec", "image")) for each in change.differences)
        if change.kind in (EXTENSION, WASM_PLUGIN) and change.action != "delete" and is_new:
            seen = "authorizes requests, and running proxies go on without it until each has fetched the module"
            yield Finding("FED812", f"{OPTION}, {change.namespace}/{change.name}", seen)


def readers(cluster: Cluster, adapters: Iterable[Adapter], ground: Ground) -> Iterator[Finding]:
    """Give who may read the tokens in the adapters: FED893."""
    asked = sorted({(kind_of(each, ground).name, each.extension.namespace) for each in adapters})
    for kind, namespace in asked[:MOST_ASKED]:
        yield from readers_of(cluster, KINDS[kind], namespace)


def row(adapter: Adapter, wrapper: Mapping, proxies: Sequence[Proxy], ground: Ground, unread: Sequence[str]) -> dict:
    """Return one adapter as data."""
    return {
        "name": adapter.extension.name,
        "namespace": adapter.extension.namespace,
        "kind": wrapper["kind"],
        "image": image_of(adapter, ground),
        "services": [service.id for service in adapter.services],
        "selector": selector_text(adapter.extension.selector),
        "pods": chosen(wrapper, proxies, ground, unread),
    }


def pods_of(adapters: Iterable[Adapter], rows: Iterable[Mapping]) -> dict[str, Sequence[str]]:
    """Return the pods of some adapters by place, none where they are unknown."""
    pods = {(one["namespace"], one["name"]): one["pods"] or [] for one in rows}
    return {each.place: pods[each.extension.key] for each in adapters}


def row_text(row: Mapping) -> str:
    """Return one adapter as a line for people."""
    pods = "pods unknown" if row["pods"] is None else f"{len(row['pods'])} pod{'s' * (len(row['pods']) != 1)}"
    services = f"service{'s' * (len(row['services']) != 1)} {some(row['services'], 3)}"
    return f"{row['namespace']}/{row['name']}: {row['kind']} for {services}, {row['selector']}, {pods}"


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
