# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations compared by the module and the playbook: what differs is told, no secret leaves, and results stay
small.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from attacks.api import ApiInMemory
from attacks.attack import call
from attacks.test_health import HOME, mesh, pod
from attacks.tunnels import tunnelling
from integration.administrators import Administrator

EAST = {"mesh": "east", "api_timeout": 3}
ADMIN = "type.googleapis.com/envoy.admin.v3."
SECRET = "pl4nted-secret"


def cluster(name: str, timeout: str = "10s", **more: object) -> dict:
    return {
        "cluster": {
            "name": name,
            "type": "EDS",
            "connect_timeout": timeout,
            "transport_socket": {"password": SECRET},
            **more,
        }
    }


def dump(*clusters: dict, node: str = "cart-1") -> str:
    bootstrap = {"node": {"id": f"sidecar~10.0.0.1~{node}.shop~", "metadata": {"SOME_TOKEN": SECRET}}}
    configs = [
        {"@type": f"{ADMIN}BootstrapConfigDump", "bootstrap": bootstrap},
        {
            "@type": f"{ADMIN}ClustersConfigDump",
            "static_clusters": [cluster("agent")],
            "dynamic_active_clusters": list(clusters),
        },
        {
            "@type": f"{ADMIN}SecretsConfigDump",
            "dynamic_active_secrets": [{"name": "x", "secret": {"generic_secret": {"secret": SECRET}}}],
        },
    ]
    return json.dumps({"configs": configs})


SAME = cluster("outbound|80||till.shop.svc.cluster.local")


def answering(**dumps: object) -> Callable:
    """Return what answers at Envoys, by pod, and at istiods, where a dump of a pod is called ``istiod``."""

    def page(namespace: str, name: str, _port: int, target: str) -> object:
        if target.startswith("/debug/config_dump?proxyID="):
            return (
                dumps.get("istiod")
                if name == "istiod-basic-abc-2"
                else (404, "Proxy not connected to this Pilot instance")
            )
        if target.startswith("/clusters"):
            return json.dumps({"cluster_statuses": []})
        return dumps.get(name.replace("-", "_"), dump(SAME, node=name))

    return page


def compare(api: ApiInMemory, collections: str, **options: object):
    return call(collections, "proxy_config_info", {**api.access, **EAST, **options})


def three_carts(api: ApiInMemory) -> None:
    mesh(api, *(pod(f"cart-{number}", "shop", "cart") for number in (2, 3)))


def test_the_pod_that_differs_from_most_is_named_with_its_field(api: ApiInMemory, collections: str):
    three_carts(api)
    api.hostile = tunnelling(answering(cart_2=dump(cluster(SAME["cluster"]["name"], "1s"), node="cart-2")))
    result = compare(api, collections, of="shop/cart").result
    assert [(one["left"], one["equal"]) for one in result["comparisons"]] == [
        ("shop/cart-1", True),
        ("shop/cart-2", False),
        ("shop/cart-3", True),
    ]
    [found] = result["comparisons"][1]["differences"]
    assert found["fields"] == [{"path": "connect_timeout", "left": "1s", "right": "10s"}]
    assert not result["equal"] and not result.get("failed")
    assert compare(api, collections, of="shop/cart", fail=True, fold=["clusters/*/connect_timeout"]).result["equal"]
    failed = compare(api, collections, of="shop/cart", fail=True)
    assert failed.code == "FED920" and failed.result["comparisons"], "what was seen stands beside the failure"


def test_no_secret_is_in_a_result_a_log_or_a_file(api: ApiInMemory, collections: str, tmp_path: Path):
    three_carts(api)
    api.hostile = tunnelling(answering(cart_2=dump(cluster("other", SECRET[:2]), node="cart-2")))
    outcome = compare(api, collections, of="shop/cart", directory=str(tmp_path / "dumps"))
    assert SECRET not in outcome.printed
    files = sorted((tmp_path / "dumps").iterdir())
    assert [file.name for file in files] == ["shop.cart-1.json", "shop.cart-2.json", "shop.cart-3.json"]
    assert outcome.result["saved"] == [str(file) for file in files]
    for file in files:
        assert SECRET not in file.read_text(encoding="utf-8")
        assert os.stat(file).st_mode & 0o777 == 0o600
    same = compare(api, collections, of="shop/cart-1", against_file=str(files[0])).result
    assert same["equal"] and same["comparisons"][0]["compared"] == 4


def test_a_pod_is_compared_with_what_the_istiod_that_serves_it_would_send(api: ApiInMemory, collections: str):
    mesh(api)
    api.hostile = tunnelling(answering(istiod=dump(cluster(SAME["cluster"]["name"], "1s"))))
    [found] = compare(api, collections, of="shop/cart-1", against="istiod").result["comparisons"]
    assert found["right"] == "what istiod-basic-abc-2 would send to shop/cart-1"
    assert [one["name"] for one in found["differences"]] == [SAME["cluster"]["name"]], (
        "static clusters of the agent are not istiod's"
    )


def test_a_pod_alone_is_shown_as_a_table(api: ApiInMemory, collections: str):
    mesh(api)
    api.hostile = tunnelling(answering())
    result = compare(api, collections, of="shop/cart-1", show="till").result
    assert [(row["fqdn"], row["port"]) for row in result["rows"]] == [("till.shop.svc.cluster.local", "80")]


def test_refusals_say_what_was_named(api: ApiInMemory, collections: str, tmp_path: Path):
    mesh(api)
    api.hostile = tunnelling(answering())
    for options, code, words in (
        ({"of": "shop/nobody"}, "FED921", "in shop there are cart, till"),
        ({"of": "nobody"}, "FED921", "Write namespace/name"),
        ({"of": "shop/cart", "against": "istiod"}, "FED924", "istiod is compared with one pod"),
        ({"of": "shop/cart", "against": "shop/till", "against_file": "x"}, "FED924", "are both set"),
        ({"of": "shop/cart", "fold": ["nothing/*"]}, "FED923", "nothing/*"),
        ({"of": "shop/cart", "against_file": str(tmp_path / "none")}, "FED922", "cannot be read"),
        ({"of": f"{HOME}/istiod-basic"}, "FED921", "no pod with a proxy"),
    ):
        refused = compare(api, collections, **options)
        assert refused.code == code and words in refused.result["msg"], refused.printed


def test_a_hostile_dump_keeps_the_result_below_a_megabyte(api: ApiInMemory, collections: str):
    mesh(api)
    many = [
        cluster(f"\x1b[2J{number}" + "x" * 380, "y" * 2_000, **{f"f{field}": "z" * 300 for field in range(8)})
        for number in range(1_200)
    ]
    api.hostile = tunnelling(answering(cart_1=dump(*many)))
    outcome = compare(api, collections, of="shop/cart-1", against="shop/till-1")
    assert outcome.code is None and len(outcome.printed) < 1 << 20
    assert outcome.result["comparisons"][0]["left_out"] > 0
    assert "\x1b" not in json.dumps(outcome.result, ensure_ascii=False)
    shown = compare(api, collections, of="shop/cart-1")
    assert len(shown.printed) < 1 << 20 and shown.result["rows_left_out"] > 0


def test_the_playbook_shows_the_field_and_fails_where_it_is_told_to(api: ApiInMemory, collections: str, tmp_path: Path):
    three_carts(api)
    api.hostile = tunnelling(answering(cart_2=dump(cluster(SAME["cluster"]["name"], "1s"), node="cart-2")))
    admin = Administrator(
        tmp_path,
        collections,
        {"east": {**api.variables, "mesh_peers": ["west"], "compare_of": "shop/cart", "compare_save": "dumps"}},
    )
    run = admin.play("compare", variables={"compare_fail": True}, must_pass=False)
    assert (
        run.returncode and "FED920 shop/cart-2 and most of shop/cart (3 pods): differ in 1 resources" in run.output
    ), run.output
    assert "connect_timeout: 1s → 10s" in run.output
    assert (tmp_path / "dumps" / "east" / "shop.cart-1.json").exists()
