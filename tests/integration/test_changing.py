# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changes in the life of a federation: addresses, roots, gateways, identities. One federation goes through all of
it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import pytest
from integration.administrators import Administrator, described, until

from testbed import Testbed

CART, CHECKOUT = "cart.shop.svc.east-imports.local", "checkout.shop.svc.west-imports.local"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, collections: str, bed: Testbed) -> Administrator:
    """Somebody who has federated both meshes: each takes what the other offers."""
    meshes = {name: described(bed, name) for name in ("east", "west")}
    meshes["west"]["mesh_exports"] = [{"name": "checkout", "namespace": "shop"}]
    meshes["east"]["mesh_imports"] = [{"namespace": "shop"}]
    somebody = Administrator(tmp_path_factory.mktemp("both"), collections, meshes)
    somebody.play("federate")
    return somebody


def live(bed: Testbed, mesh: str, kind: str, name: str) -> dict:
    """Return one live object of a mesh's control plane namespace."""
    found = bed.meshes[mesh].kube.get(kind, name, bed.meshes[mesh].namespace)
    assert found, f"{mesh} has no {kind} {name}"
    return found


def istiod_pods(bed: Testbed, mesh: str) -> list[str]:
    """Return the names of a mesh's istiod pods."""
    return [
        pod["metadata"]["name"] for pod in bed.meshes[mesh].kube.list("Pod", bed.meshes[mesh].namespace, "app=istiod")
    ]


def answers(bed: Testbed, mesh: str, host: str) -> Callable[[], bool]:
    """Return whether a call would be answered now, to be asked."""
    return lambda: bed.meshes[mesh].call(host).status == 200


@contextmanager
def calling(bed: Testbed) -> Iterator[list[str]]:
    """Call all the time in both directions; gives the list of what failed, filled until the block ends."""
    failures: list[str] = []
    counted: list[int] = []
    is_over = threading.Event()

    def call(mesh: str, host: str) -> None:
        while not is_over.is_set():
            answer = bed.meshes[mesh].call(host)
            counted.append(1)
            if answer.status != 200:
                failures.append(f"{mesh} calling {host}: {answer}")
            is_over.wait(0.1)

    callers = [threading.Thread(target=call, args=way) for way in (("west", CART), ("east", CHECKOUT))]
    for caller in callers:
        caller.start()
    try:
        yield failures
    finally:
        is_over.set()
        for caller in callers:
            caller.join()
    assert len(counted) > 20, "hardly a call was made"


def test_a_peers_address_that_moved_is_patched_in_place(bed: Testbed, both: Administrator) -> None:
    before = live(bed, "west", "ServiceMeshPeer", "east")
    address = bed.meshes["east"].move_address("west-ingress")
    done = both.play("federate")
    after = live(bed, "west", "ServiceMeshPeer", "east")
    assert after["spec"]["remote"]["addresses"] == [address] != before["spec"]["remote"]["addresses"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert (done.changed("east"), done.changed("west")) == (0, 1)
    assert "must be restarted" not in done.output and "not proven" not in done.output
    until(answers(bed, "west", CART), "cart answers at its new address")


def test_a_peers_root_is_replaced_without_one_failed_request(bed: Testbed, both: Administrator) -> None:
    west, east = bed.meshes["west"], bed.meshes["east"]
    until(answers(bed, "west", CART), "cart answers")
    until(answers(bed, "east", CHECKOUT), "checkout answers")
    with calling(bed) as failures:
        both.meshes["west"]["mesh_extra_roots"] = coming = west.rotate_root("announce")
        accepted = both.accept("federate")
        assert "not proven since the change of roots" in accepted.output, accepted.output
        until(lambda: coming.strip() in east.bundle_of(west.trust_domain), "east's proxies know the new root")
        for stage in ("trust", "sign", "drop"):
            west.rotate_root(stage)
        del both.meshes["west"]["mesh_extra_roots"]
        dropped = both.accept("federate")
        assert "must be restarted" not in dropped.output
        until(lambda: east.bundle_of(west.trust_domain).strip() == coming.strip(), "east's proxies forget the old root")
        assert bed.meshes["west"].call(CART).status == 200
    assert failures == []


def test_a_gateway_that_is_made_anew_needs_both_istiods_restarted_and_they_are_when_asked(
    bed: Testbed, both: Administrator
) -> None:
    both.meshes["east"]["mesh_peers"] = [{"name": "west", "gateways": {"ingress": "door-in", "egress": "door-out"}}]
    accepted = both.accept("federate")
    assert "istiod of east must be restarted" in accepted.output, accepted.output
    assert "istiod of west must be restarted" in accepted.output, accepted.output
    changed = live(bed, "west", "ServiceMeshPeer", "east")["metadata"]["annotations"][
        "ossm.federation/identity-changed"
    ]
    assert changed.endswith("clientID")
    assert live(bed, "east", "ServiceMeshPeer", "west")["spec"]["gateways"] == {
        "ingress": {"name": "door-in"},
        "egress": {"name": "door-out"},
    }
    assert bed.meshes["east"].call(CHECKOUT).status != 200, "istiod of west keeps the policy of the former identity"

    words = {"federation_restart_istiod": True}
    before = {name: istiod_pods(bed, name) for name in ("east", "west")}
    both.play("federate", variables=words)
    assert not {pod for name in before for pod in before[name]} & {*istiod_pods(bed, "east"), *istiod_pods(bed, "west")}
    until(answers(bed, "east", CHECKOUT), "checkout answers the new identity")
    until(answers(bed, "west", CART), "cart answers")

    again = both.play("federate", variables=words)
    assert (again.changed("east"), again.changed("west")) == (0, 0), again.output
    assert "must be restarted" not in again.output
    assert (
        live(bed, "west", "ServiceMeshPeer", "east")["metadata"]["annotations"]["ossm.federation/identity-changed"]
        == changed
    )


def test_imports_that_were_deleted_by_hand_come_back(bed: Testbed, both: Administrator) -> None:
    west = bed.meshes["west"]
    until(answers(bed, "west", CART), "cart answers")
    made = datetime.fromisoformat(
        live(bed, "west", "ServiceMeshPeer", "east")["metadata"]["creationTimestamp"].replace("Z", "+00:00")
    )
    until(lambda: (datetime.now(timezone.utc) - made).total_seconds() > 31, "the peer is no newcomer", 40)
    west.kube.delete("ImportedServiceSet", "east", west.namespace)
    until(lambda: not answers(bed, "west", CART)(), "cart is imported no more")
    both.play("federate")
    assert live(bed, "west", "ImportedServiceSet", "east")["metadata"]["generation"] == 2
    until(answers(bed, "west", CART), "cart is imported again")


def test_rules_of_traffic_are_kept_once_and_stand_in_the_way_of_leaving(bed: Testbed, both: Administrator) -> None:
    """On a real API server: what istiod makes of the rules is not looked at here."""
    rules = [
        {
            "service": "shop/cart",
            "failover_to": "west",
            "callers": {"from_mesh": ["west"], "local": "nobody", "enforce_after": "7d"},
        },
        {"service": "shop/checkout", "timeout": "2s"},
    ]
    imports = [{"name": "cart", "namespace": "shop", "import_as_local": True}, {"namespace": "shop"}]
    asked = {"mesh_traffic": rules, "mesh_imports": imports}
    kept = both.play("traffic", "--limit", "east", variables=asked)
    assert kept.changed("east") == 1, kept.output
    again = both.play("traffic", "--limit", "east", "--diff", variables=asked)
    assert (again.changed("east"), again.tasks("east") <= 5) == (0, True), again.output
    refused = both.play("unfederate", "--limit", "east", variables={"unfederate_peers": "west"}, must_pass=False)
    assert "FED505" in refused.output and "federation.checkout.shop.west" in refused.output, refused.output
    assert both.play("traffic", "--limit", "east", variables={"traffic_state": "absent"}).changed("east") == 1
    kube = bed.meshes["east"].kube
    left = [kube.list(kind, "shop") for kind in ("DestinationRule", "VirtualService", "AuthorizationPolicy")]
    assert left == [[], [], []]


def test_extensions_are_seen_by_all_that_looks_at_a_mesh(bed: Testbed, both: Administrator) -> None:
    image = f"registry.example/header:1@sha256:{'a' * 64}"
    header = {
        "name": "header",
        "namespace": "shop",
        "selector": {"app": "nobody"},
        "image": image,
        "phase": "STATS",
        "traffic": "both",
    }
    asked = {"mesh_extensions": [header]}

    def said(playbook: str, extensions: list[dict], must_pass: bool = True) -> str:
        run = both.play(playbook, "--limit", "east", variables={"mesh_extensions": extensions}, must_pass=must_pass)
        return " ".join(run.output.split())

    assert "FED800" in said("preflight", [{**header, "phase": "Later"}], must_pass=False)
    assert "extension shop/header: WasmPlugin, missing" in said("status", [header])
    assert both.play("extend", "--limit", "east", variables=asked).changed("east") == 1
    assert "extension shop/header: WasmPlugin, readiness unknown, 0 pods" in said("status", [header])
    assert "extend would" in said("drift", [], must_pass=False)
    assert both.play("extend", "--limit", "east", variables={"extensions_state": "absent"}).changed("east") == 1
    assert bed.meshes["east"].kube.list("WasmPlugin", "shop") == []


def test_the_peer_is_told_in_one_sentence_what_a_new_client_identity_asks_of_it(
    bed: Testbed, tmp_path: Path, collections: str
) -> None:
    east = Administrator(tmp_path, collections, {"east": {**described(bed, "east"), "mesh_peers": ["west"]}})
    east.play("publish_cards")
    east.meshes["east"]["mesh_peers"] = [{"name": "west", "gateways": {"egress": "other-out"}}]
    told = east.play("publish_cards").output
    assert (
        "Tell the administrator of west: the client identity of east is now" in told
        and "other-out-service-account" in told
    )
