# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A mesh administrator needs the Role that we ship and nothing more, on the API servers' real RBAC."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from attacks.api import ApiInMemory, serving
from attacks.attack import call
from attacks.tunnels import tunnelling
from integration.administrators import EVERYBODY, TREE, Administrator, federation_of

from testbed import Testbed

Make = Callable[..., Administrator]
SHIPPED = TREE / "playbooks" / "files" / "mesh-administrator.yml"
INSIGHT = TREE / "playbooks" / "files" / "mesh-insight.yml"
TRAFFIC = TREE / "playbooks" / "files" / "mesh-traffic.yml"
VERIFY = TREE / "playbooks" / "files" / "mesh-verify.yml"
CART = "cart.shop.svc.east-imports.local"


def shipped_for(folder: Path, namespace: str, shipped: Path = SHIPPED) -> Path:
    """Return a file with the shipped Roles for a mesh in ``namespace``, as its readers are told to change it."""
    path = folder / f"{namespace}-{shipped.name}"
    path.write_text(shipped.read_text(encoding="utf-8").replace("east-mesh-system", namespace), encoding="utf-8")
    return path


def test_the_shipped_role_suffices_for_the_whole_life_of_a_federation(
    bed: Testbed, administrator: Make, collections: str, tmp_path: Path
) -> None:
    both = administrator("east", "west")
    for name, mesh in bed.meshes.items():
        rules = shipped_for(tmp_path, mesh.namespace)
        both.meshes[name]["mesh_kubeconfig"] = mesh.service_account_kubeconfig(
            "mesh-administrator", mesh.namespace, [rules]
        )
    done = both.play("federate")
    assert "cannot be read" not in done.output
    assert bed.meshes["west"].call(CART).status == 200
    requests_come_from_the_account_that_asks_for_everything_else(bed, collections, tmp_path)
    the_role_for_traffic_suffices_for_its_life(bed, collections, tmp_path)
    assert both.play("federate", "--check").changed("west") == 0
    both.play("unfederate", variables=EVERYBODY)
    assert federation_of(bed, "east") == federation_of(bed, "west") == {}


def requests_come_from_the_account_that_asks_for_everything_else(
    bed: Testbed, collections: str, tmp_path: Path
) -> None:
    west, seen = bed.meshes["west"], []

    def ran(_namespace: str, _pod: str, container: str, command: list[str]) -> tuple[bytes, bytes, int | None]:
        seen.append((container, command))
        return b"HTTP/1.1 204 No Content\r\nx-envoy-upstream-service-time: 3\r\n\r\n", b"", 0

    with serving(tmp_path / "kubelet", hostile=tunnelling(lambda *_asked: None, ran)) as kubelet:
        pod_on(west, kubelet, "shop", "istio-proxy", "web")
        kubeconfig = west.service_account_kubeconfig(
            "verifier", west.namespace, [shipped_for(tmp_path, west.namespace, VERIFY)]
        )
        asked = {
            "mesh": "west",
            "kubeconfig": kubeconfig,
            "by_exec": True,
            "client": "shop/cart-1",
            "api_timeout": 10,
            "timeout": 3,
        }
        found = call(collections, "federation_verify_info", {**asked, "paths": {CART: ":8080/health"}})
    assert [(row["host"], row["state"]) for row in found.result["calls"]] == [(CART, "reached")], found.printed
    assert seen[0][0] == "web" and seen[0][1][-1] == f"http://{CART}:8080/health"
    logged = [json.loads(line) for line in Path(west.audit_log).read_text(encoding="utf-8").splitlines()]
    who = {entry["user"]["username"] for entry in logged if entry.get("objectRef", {}).get("subresource") == "exec"}
    assert who == {f"system:serviceaccount:{west.namespace}:verifier"}


def the_role_for_traffic_suffices_for_its_life(bed: Testbed, collections: str, tmp_path: Path) -> None:
    west = bed.meshes["west"]
    kubeconfig = west.service_account_kubeconfig(
        "mesh-administrator", west.namespace, [shipped_for(tmp_path, west.namespace, TRAFFIC)]
    )
    rule = {
        "service": "shop/cart",
        "timeout": "2s",
        "callers": {"service_accounts": [f"{west.namespace}/mesh-administrator"]},
    }
    asked = {
        "mesh": "west",
        "kubeconfig": kubeconfig,
        "peers": ["east"],
        "imports": [{"name": "cart", "namespace": "shop"}],
        "traffic": [rule],
    }
    kept = call(collections, "mesh_traffic", asked)
    assert kept.code is None, kept.printed
    assert [change["action"] for change in kept.result["changes"]] == ["create", "create"]
    gone = call(collections, "mesh_traffic", {**asked, "state": "absent"})
    assert gone.code is None, gone.printed
    assert [change["action"] for change in gone.result["changes"]] == ["delete", "delete"]
    for policy in ({"connectionPool": {"tcp": {"maxConnections": 100}}, "loadBalancer": {"simple": "RANDOM"}}, {}):
        fields_in_a_rule_of_somebody_else_come_and_go(west.kube, collections, asked, policy)


def fields_in_a_rule_of_somebody_else_come_and_go(kube: Any, collections: str, asked: dict, policy: dict) -> None:
    spec = {"host": "checkout", **({"trafficPolicy": policy} if policy else {})}
    theirs = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "DestinationRule",
        "metadata": {"name": "theirs", "namespace": "shop"},
        "spec": spec,
    }
    kube.apply(theirs, "owner")
    imports = [
        {
            "name": "cart",
            "namespace": "shop",
            "import_as_local": True,
            "alias": {"name": "checkout", "namespace": "shop"},
        }
    ]
    rule = {"service": "shop/checkout", "failover_to": asked["peers"][0], "merge": True}
    kept = call(collections, "mesh_traffic", {**asked, "imports": imports, "traffic": [rule]})
    assert kept.code is None, kept.printed
    assert [change["action"] for change in kept.result["changes"]] == ["update"], kept.printed
    assert kube.apply(theirs, "owner")["spec"]["trafficPolicy"]["outlierDetection"]["maxEjectionPercent"] == 100, (
        "the owner's next apply leaves ours"
    )
    again = call(collections, "mesh_traffic", {**asked, "imports": imports, "traffic": [rule]})
    assert not again.result["changed"], again.printed
    gone = call(collections, "mesh_traffic", {**asked, "imports": imports, "state": "absent"})
    assert [change["action"] for change in gone.result["changes"]] == ["update"], gone.printed
    left = kube.get("DestinationRule", "theirs", "shop")
    assert (left["spec"], left["metadata"].get("annotations")) == (spec, None)
    assert [entry["manager"] for entry in left["metadata"]["managedFields"]] == ["owner"]
    kube.delete("DestinationRule", "theirs", "shop")


def pod_on(mesh: Any, kubelet: ApiInMemory, namespace: str, *containers: str) -> None:
    """Make a node whose kubelet is in memory, and a pod on it that runs and is ready."""
    address = urlsplit(kubelet.url)
    mesh.kube.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one-node"}})
    told = {
        "addresses": [{"type": "InternalIP", "address": address.hostname}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": address.port}},
    }
    mesh.kube.merge("Node", "one-node", None, {"status": told}, "status")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "cart-1", "namespace": namespace}}
    mesh.kube.create(
        {**pod, "spec": {"nodeName": "one-node", "containers": [{"name": name, "image": "x"} for name in containers]}}
    )
    running = {
        "image": "x",
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": "2026-01-31T12:00:00Z"}},
    }
    status = {"phase": "Running", "containerStatuses": [{"name": name, **running} for name in containers]}
    mesh.kube.merge(
        "Pod",
        "cart-1",
        namespace,
        {"status": {**status, "conditions": [{"type": "Ready", "status": "True"}]}},
        "status",
    )


def test_without_the_role_the_refusal_names_right_and_cure(bed: Testbed, administrator: Make, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.yml"
    nothing.write_text("---\n", encoding="utf-8")
    east = administrator("east")
    mesh = bed.meshes["east"]
    east.meshes["east"]["mesh_kubeconfig"] = mesh.service_account_kubeconfig("stranger", mesh.namespace, [nothing])
    refused = east.play("federate", must_pass=False)
    assert "FED104" in refused.output and "servicemeshcontrolplanes" in refused.output


def test_the_shipped_role_names_no_secrets_and_nothing_of_the_cluster() -> None:
    documents = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["items"]
    assert {document["kind"] for document in documents} == {"Role", "RoleBinding"}
    assert not [
        d for d in documents for rule in d.get("rules", []) if {"secrets", "*"} & {*rule["resources"], *rule["verbs"]}
    ]


def test_pages_of_pods_are_asked_as_the_account_that_asks_for_everything_else(
    bed: Testbed, collections: str, tmp_path: Path
) -> None:
    east = bed.meshes["east"]
    with serving(tmp_path / "kubelet", hostile=tunnelling(lambda *_asked: json.dumps({"configs": []}))) as kubelet:
        pod_on(east, kubelet, east.namespace, "istio-proxy")
        kubeconfig = east.service_account_kubeconfig("onlooker", east.namespace, [INSIGHT])
        asked = {"mesh": "east", "of": f"{east.namespace}/cart-1", "kubeconfig": kubeconfig, "api_timeout": 10}
        seen = call(collections, "proxy_config_info", asked)
        assert seen.code is None, seen.printed
        # Nobody may act as somebody else with these rights, and a forwarded port is no way around that.
        other = call(collections, "proxy_config_info", {**asked, "impersonate_user": "somebody"})
        assert other.code == "FED921" and "cannot impersonate" in other.printed, other.printed
        assert {one.target.partition("?")[0] for one in kubelet.asked} == {f"/portForward/{east.namespace}/cart-1"}
    logged = [json.loads(line) for line in Path(east.audit_log).read_text(encoding="utf-8").splitlines()]
    who = {
        (entry["objectRef"]["subresource"], entry["user"]["username"])
        for entry in logged
        if "portforward" in str(entry.get("requestURI"))
    }
    assert who == {("portforward", f"system:serviceaccount:{east.namespace}:onlooker")}
