# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every example of a module's documentation is taken by the module as it stands, and runs against a mesh in memory, in
check mode.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.module_utils import basic
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._run import Run
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions import modules as wasm
from ansible_collections.ossm.federation.tests.unit.yaml_texts import loaded

ROOT = "ansible_collections.ossm.federation.plugins.modules"
MODULES = sorted(path.stem for path in Path(__file__).parents[4].joinpath("plugins", "modules").glob("*.py"))
WEST = read_roots(root("west"), "west", NOW)
PLUGIN = wasm.module()
# What has the pins of examples here: the root of west, and the module that a build has made.
PINNED = {
    "3F9A1B2C7D4EA0C1D0F35B6A9E8D7C213F9A1B2C7D4EA0C1D0F35B6A9E8D7C21": WEST[0].fingerprint,
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08": hashlib.sha256(PLUGIN).hexdigest(),
}
# The files of whoever runs the examples, beside the cards. The header is not the module that was tested.
FILES = {
    "build/plugin.wasm": PLUGIN,
    "files/header.wasm": wasm.module(abi="0.1.0"),
    "logs/west.jsonl": b"2026-01-31T10:00:00Z a line of west\n",
}
# What a module needs of the mesh, where that is not 2.5.
VERSIONS = {"control_plane": "v2.6", "upgrade_plan_info": "v2.2", "wasm_extension": "v2.6"}
# What an example meets in the mesh here: the code of its refusal, by the beginning of its name.
REFUSED = {
    "control_plane: Take": "FED425",
    "federation_gateways: Only compare": "FED406",
    "federation_info: Fail where": "FED630",
    "federation_page: Write the page and what has changed": "FED970",
    "federation_page: Join": "FED364",
    "mesh_health_info: Fail unless": "FED914",
    "mesh_operator: Install": "FED447",
    "mesh_operator: Pin": "FED447",
    "mesh_operator: Remove": "FED446",
    "wasm_module_info: Refuse": "FED834",
}
# Modules of later versions are still growing.
RELEASED = ("0.1.0", "0.2.0")
# Asks 3scale's portal or a registry, which are not there.
NOT_RUN = (
    "threescale_adapter: Have 3scale",
    "wasm_module_info: Look into an image where",
    "wasm_module_info: Refuse an image",
    "wasm_image: Push",
)


def card_of(mesh: str, audience: str) -> str:
    """Return the card of west for east, or of east for west, as a file holds it."""
    client = f"{mesh}.example/ns/{mesh}-mesh-system/sa/{audience}-egress-service-account"
    return Card(mesh, audience, NOW, f"{mesh}.example", WEST, Ingress(("192.0.2.7",)), client, ()).to_text()


# What stands for an expression of an example, by a part of it.
STANDS_FOR = {
    "mesh_report(": {},
    "fleet_needs(": [],
    "west-for-east.json": card_of("west", "east"),
    "vaulted_access_token": "a-token-of-tests",
    "playbook_dir": "files/header.wasm",
}


class Taken(Exception):
    """The module has taken its arguments."""

    def __init__(self, module: basic.AnsibleModule, body: object) -> None:
        super().__init__()
        self.module, self.body = module, body


def examples() -> Iterator[pytest.param]:
    for name in MODULES:
        for task in loaded(importlib.import_module(f"{ROOT}.{name}").EXAMPLES):
            if f"ossm.federation.{name}" in task:
                yield pytest.param(name, task, id=f"{name}: {task['name']}")


def filled(value: object) -> object:
    """Return what an example gives, with something in the place of each expression."""
    if isinstance(value, dict):
        return {key: filled(part) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part) for part in value]
    if isinstance(value, str) and "{{" in value:
        return next((stand_in for part, stand_in in STANDS_FOR.items() if part in value), "text")
    # The pins of an example are those of nobody.
    return PINNED.get(value, value) if isinstance(value, str) else value


@contextlib.contextmanager
def given(arguments: dict) -> Iterator[None]:
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:
        former, basic._ANSIBLE_ARGS = basic._ANSIBLE_ARGS, json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        try:
            yield
        finally:
            basic._ANSIBLE_ARGS = former
    else:
        with patch_module_args(arguments):
            yield


def taken(name: str, task: dict, monkeypatch: pytest.MonkeyPatch) -> Taken:
    """Return a module that has taken what an example gives, and what it would then do."""
    module = importlib.import_module(f"{ROOT}.{name}")

    def caught(made: basic.AnsibleModule, body: object, **_more: object) -> None:
        raise Taken(made, body)

    monkeypatch.setattr(module, "run_module", caught)
    with given(filled(task[f"ossm.federation.{name}"])), pytest.raises(Taken) as found:
        module.main()
    return found.value


@pytest.mark.parametrize(("name", "task"), list(examples()))
def test_an_example_runs(name: str, task: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, mesh, audience in (("cards", "west", "east"), ("cards", "east", "west"), ("incoming", "east", "west")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{mesh}-for-{audience}.json").write_text(card_of(mesh, audience), encoding="utf-8")
    for path, content in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"check mode sleeps for {seconds} s"))
    found, title = taken(name, task, monkeypatch), f"{name}: {task['name']}"
    if title.startswith(NOT_RUN):
        return
    cluster = ClusterInMemory(NOW, *standing(VERSIONS.get(name, "v2.5")), *MORE.get(name, list)())
    cluster.pages.update(SERVED)
    run = Run(found.module.params, lambda _text: None, True)
    code = next((code for beginning, code in REFUSED.items() if title.startswith(beginning)), None)
    # A module that is still growing may ask for more than the mesh here has, and says so with a code.
    is_growing = code is None and version_of(name) not in RELEASED
    with pytest.raises(FederationError, match=code) if code else contextlib.suppress(*[FederationError] * is_growing):
        assert isinstance(found.body(run, cluster, NOW), dict)
    assert cluster.writes == []


def version_of(name: str) -> str:
    """Return the version that a module came with."""
    return str(loaded(importlib.import_module(f"{ROOT}.{name}").DOCUMENTATION)["version_added"])


@pytest.mark.parametrize("name", MODULES)
def test_a_released_module_has_three_examples_and_names_its_neighbours(name: str) -> None:
    told = loaded(importlib.import_module(f"{ROOT}.{name}").DOCUMENTATION)
    count = sum(
        f"ossm.federation.{name}" in task for task in loaded(importlib.import_module(f"{ROOT}.{name}").EXAMPLES)
    )
    neighbours = [entry["module"].rpartition(".")[2] for entry in told.get("seealso", []) if "module" in entry]
    assert set(neighbours) <= set(MODULES) - {name}
    if version_of(name) in RELEASED:
        assert count >= 3 and neighbours


def live(
    api: str, kind: str, name: str, namespace: str = "east-mesh-system", labels: dict | None = None, **body: object
) -> dict:
    metadata = {
        "name": name,
        "namespace": namespace,
        "generation": 1,
        "labels": labels or {"ossm.federation/mesh": "east"},
    }
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {**metadata, "creationTimestamp": "2026-01-31T10:00:00Z"},
        **body,
    }


def standing(version: str) -> list[dict]:
    """Return a mesh east that this collection made, with a shop, and another under names of its own."""
    spec = {"version": version, "security": {"trust": {"domain": "east.example"}}}
    status = {
        "observedGeneration": 1,
        "conditions": [{"type": "Ready", "status": "True"}],
        "chartVersion": f"{version[1:]}.2",
    }
    balanced = {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}
    istiod = {"app": "istiod", "istio.io/rev": "basic"}
    rolled_out = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    deployed = {"replicas": 1, "selector": {"matchLabels": istiod}, "template": {"metadata": {"labels": istiod}}}
    shop = [
        live("v1", "Service", name, "shop", spec={"ports": [{"name": "http", "port": 80}], "selector": {"app": name}})
        for name in ("cart", "checkout", "till")
    ]
    return [
        live("maistra.io/v2", "ServiceMeshControlPlane", "basic", spec=spec, status=status),
        live("maistra.io/v2", "ServiceMeshControlPlane", "production", "istio-system", spec=spec, status=status),
        live("v1", "ConfigMap", "istio-ca-root-cert", data={"root-cert.pem": root("east")}),
        live(
            "maistra.io/v1",
            "ServiceMeshMemberRoll",
            "default",
            spec={"members": ["shop"]},
            status={"configuredMembers": ["shop"]},
        ),
        live(
            "v1",
            "Service",
            "west-ingress",
            labels={"maistra.io/gateway": "west-ingress.east-mesh-system"},
            spec={},
            status=balanced,
        ),
        live("apps/v1", "Deployment", "istiod-basic", spec=deployed, status=rolled_out),
        live("v1", "Pod", "istiod-basic-1", labels=istiod, status={"phase": "Running"}),
        *shop,
        live("v1", "ServiceAccount", "web", "shop"),
        live(
            "v1",
            "Pod",
            "web-1",
            "shop",
            labels={"app": "web"},
            spec={"serviceAccountName": "web"},
            status={"phase": "Running"},
        ),
    ]


def proxied(name: str, app: str) -> dict:
    """Return a pod of a Deployment, with a proxy that runs."""
    spec = {"containers": [{"name": app}, {"name": "istio-proxy"}], "serviceAccountName": app}
    started = {"running": {"startedAt": "2026-01-31T10:00:00Z"}}
    status = {"phase": "Running", "containerStatuses": [{"name": "istio-proxy", "state": started}]}
    return live("v1", "Pod", name, "shop", {"app": app, "pod-template-hash": "7d4b"}, spec=spec, status=status)


def with_proxies() -> list[dict]:
    """Return pods of web and cart with proxies, and the istiod that serves them."""
    labels = {"app": "istiod", "istio.io/rev": "basic", "pod-template-hash": "5f6c"}
    istiod = live("v1", "Pod", ISTIOD, labels=labels, status={"phase": "Running"})
    return [proxied(WEB, "web"), *(proxied(name, "cart") for name in CARTS), istiod]


def imported() -> list[dict]:
    """Return the peer west, which gives cart and till."""
    hosts = {f"{name}.shop.svc.east-exports.local": f"{name}.shop.svc.west-imports.local" for name in ("cart", "till")}
    rows = [{"exportedName": offered, "localService": {"hostname": host}} for offered, host in hosts.items()]
    watch = {"connected": True, "lastFullSync": NOW.strftime("%Y-%m-%dT%H:%M:%SZ")}
    active = {"discoveryStatus": {"active": [{"pod": "istiod-basic-1", "watch": watch}]}}
    api, remote = "federation.maistra.io/v1", {"addresses": ["192.0.2.7"]}
    return [
        live(api, "ServiceMeshPeer", "west", spec={"remote": remote}, status=active),
        live(api, "ImportedServiceSet", "west", spec={"importRules": []}, status={"importedServices": rows}),
    ]


WEB, CARTS, ISTIOD = "web-7d4b-k8s2p", ("cart-7d4b-x2x9k", "cart-7d4b-m4q7w"), "istiod-basic-5f6c-abcde"
# What else stands in the mesh for a module.
MORE = {"proxy_config_info": with_proxies, "federation_verify_info": imported}
TYPE = "type.googleapis.com/envoy.admin.v3.ClustersConfigDump"
HOSTS = ("cart.shop.svc.cluster.local", "cart.shop.svc.west-imports.local")
CLUSTERS = [{"cluster": {"name": f"outbound|80||{host}", "type": "EDS"}} for host in HOSTS]
DUMP = json.dumps({"configs": [{"@type": TYPE, "version_info": "1", "dynamic_active_clusters": CLUSTERS}]}).encode()
# What pods answer, by pod and path.
SERVED = {
    **{(pod, "/config_dump"): DUMP for pod in (WEB, *CARTS)},
    (WEB, "/clusters"): b'{"cluster_statuses": []}',
    (ISTIOD, "/debug/config_dump"): DUMP,
}
