# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules that take from a peer what it is offered are refused where they look like a mistake, and obeyed once it is
said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import EXPORTS
from attacks.api import ApiInMemory, serving
from attacks.attack import Outcome, call
from attacks.conftest import CONTROL_PLANE
from attacks.test_identity import card
from inputs.table import CART, LEDGER, WITHDRAWING, Input

HOME = "east-mesh-system"


def service(name: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    }


ROLL = {
    "apiVersion": "maistra.io/v1",
    "kind": "ServiceMeshMemberRoll",
    "metadata": {"name": "default", "namespace": HOME},
    "spec": {"members": ["shop"]},
    "status": {"configuredMembers": ["shop"]},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiInMemory]:
    with serving(tmp_path_factory.mktemp("api"), CONTROL_PLANE, ROLL, service("cart"), service("ledger")) as running:
        yield running


def federate(api: ApiInMemory, collections: str, exports: list[dict], **options: Any) -> Outcome:
    said = {
        **api.access,
        "mesh": "east",
        "peers": ["west", "north"],
        "cards": [card("west")],
        "exports": exports,
        **options,
    }
    return call(collections, "federation", said)


@pytest.fixture(scope="module")
def offered(server: ApiInMemory, collections: str) -> ApiInMemory:
    """East as it is after west was offered cart and ledger, and istiod has exported them."""
    done = federate(server, collections, [CART, LEDGER])
    assert done.code is None, done.printed
    exported = [
        {
            "exportedName": f"{name}.shop.svc.west-exports.local",
            "localService": {"name": name, "namespace": "shop", "hostname": f"{name}.shop.svc.cluster.local"},
        }
        for name in ("cart", "ledger")
    ]
    server.store.set_status("ExportedServiceSet", HOME, "west", {"exportedServices": exported})
    return server


@pytest.mark.parametrize("wrong", WITHDRAWING, ids=lambda wrong: str(wrong.given)[:80])
def test_what_a_peer_would_lose_is_listed_and_refused_before_anything_is_written(
    offered: ApiInMemory, collections: str, wrong: Input
) -> None:
    before = len(offered.writes)
    outcome = federate(offered, collections, wrong.given)
    assert outcome.code == wrong.verdict and wrong.says in outcome.result["msg"], outcome.printed
    assert "federation_withdraw: [west]" in outcome.result["msg"] and len(offered.writes) == before


@pytest.mark.parametrize(
    "exports",
    [
        pytest.param([CART], id="one of two"),
        pytest.param([CART, LEDGER], id="nothing"),
        pytest.param([{"label_selectors": ["app in (cart, ledger)"], "namespace": "shop"}], id="by labels instead"),
        pytest.param([{"namespace": "shop"}], id="by namespace instead"),
    ],
)
def test_what_is_meant_is_planned_without_a_word(offered: ApiInMemory, collections: str, exports: list[dict]) -> None:
    outcome = federate(offered, collections, exports, _ansible_check_mode=True)
    assert outcome.code is None, outcome.printed
    assert any("ledger.shop" in warning for warning in outcome.warnings) == (exports == [CART])


def test_the_module_that_keeps_one_set_refuses_what_the_whole_refuses(offered: ApiInMemory, collections: str) -> None:
    """Its own writer is another, so it is asked in check mode."""
    said = {**offered.access, "mesh": "east", "peer": {"name": "west", "adopt": True}, "_ansible_check_mode": True}
    emptied = call(collections, "exported_services", {**said, "rules": []})
    assert emptied.code == "FED332" and "would lose all that it is offered" in emptied.result["msg"], emptied.printed
    assert "withdraw: true" in emptied.result["fix"]
    misspelled = call(
        collections, "exported_services", {**said, "rules": [CART, {"name": "leger", "namespace": "shop"}]}
    )
    assert misspelled.code == "FED332" and "shop/leger was added and matches nothing" in misspelled.result["msg"], (
        misspelled.printed
    )
    meant = call(collections, "exported_services", {**said, "rules": [], "withdraw": True})
    assert meant.code is None and meant.result["changed"], meant.printed


def test_said_of_the_peer_it_is_done(offered: ApiInMemory, collections: str) -> None:
    assert federate(offered, collections, [], withdraw=["north"]).code == "FED332"
    suspended = [{"name": "west", "suspended": True}, "north"]
    assert federate(offered, collections, [], peers=suspended, _ansible_check_mode=True).code is None
    assert federate(offered, collections, [], withdraw=["west"]).code is None
    assert not offered.store.get(EXPORTS, HOME, "west")["spec"].get("exportRules")
