# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What tenants and other tools write may have any shape: one odd object never keeps the preflight from looking at the
rest.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import copied
from ansible_collections.ossm.federation.tests.unit.draws import each
from ansible_collections.ossm.federation.tests.unit.findings.setups import SPACE, Setup, base, put_platform

ODD = (None, 5, ["text"], {"key": {}})
FREE = (
    "Service",
    "ServiceEntry",
    "Sidecar",
    "Gateway",
    "WasmPlugin",
    "Pod",
    "Node",
    "ServiceMeshMemberRoll",
    "ExportedServiceSet",
    "ImportedServiceSet",
)
FREE += ("AuthorizationPolicy",)


def estate() -> Setup:
    """Return a set-up with one object of each kind that others write."""
    setup = base()
    put_platform(setup)
    rule = {"type": "NameSelector", "nameSelector": {"namespace": "shop", "name": "cart", "alias": {"name": "basket"}}}
    setup.by_hand("north")
    setup.live("ExportedServiceSet", "north")["spec"]["exportRules"] = [rule]
    setup.live("ImportedServiceSet", "north")["spec"]["importRules"] = [{**rule, "importAsLocal": True}]
    setup.put(
        "ServiceEntry",
        "api",
        "shop",
        spec={"hosts": ["api.example.net"], "location": "MESH_EXTERNAL", "ports": [{"name": "http", "number": 80}]},
    )
    setup.put("Sidecar", "default", "shop", spec={"egress": [{"hosts": ["./*"]}]})
    setup.put("Gateway", "web", "shop", spec={"selector": {"istio": "ingressgateway"}})
    principals = {"source": {"principals": ["x"], "namespaces": ["y"]}}
    condition = {"key": "connection.sni", "values": ["z"]}
    rule_of_policy = {"from": [principals], "to": [{"operation": {"ports": ["80"]}}], "when": [condition]}
    setup.live("Service", "cart", "shop")["spec"]["selector"] = {"app": "cart"}
    setup.put(
        "AuthorizationPolicy",
        "callers",
        "shop",
        spec={"action": "ALLOW", "selector": {"matchLabels": {"app": "cart"}}, "rules": [rule_of_policy]},
    )
    setup.put("WasmPlugin", "filter", "shop", spec={"url": "oci://registry.redhat.io/x:1", "imagePullSecret": "mirror"})
    waiting = {"name": "discovery", "image": "x", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no"}}}
    setup.put("Pod", "istiod", status={"containerStatuses": [waiting]})
    why = {
        "type": "Reconciled",
        "status": "False",
        "reason": "NamespaceNotExists",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = setup.live("ServiceMeshMemberRoll", "default")["status"]
    status.update(pendingMembers=["later"], memberStatuses=[{"namespace": "later", "conditions": [why]}])
    return setup


def paths(value: object, at: tuple = ()) -> Iterator[tuple]:
    """Give the path of everything below a value."""
    if at:
        yield at
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(below, (*at, key))


@pytest.mark.parametrize("kind", FREE)
def test_an_odd_object_keeps_nobody_from_the_rest(kind):
    whole = estate()
    key = next(
        key
        for key in whole.objects
        if key[0] == kind and (key[1] != SPACE or kind in ("Pod", "ServiceMeshMemberRoll") or "Set" in kind)
    )
    for part in ("spec", "status"):
        for number, path in enumerate([*paths(whole.objects[key].get(part))]):
            for odd in each(4, ODD, number):
                setup = Setup(whole.options, whole.cards, copied(whole.objects), whole.server, [], whole.groups)
                below = setup.objects[key][part]
                for step in path[:-1]:
                    below = below[step]
                below[path[-1]] = odd
                assert setup.look()["findings"], f"{part} {path} {odd}"
