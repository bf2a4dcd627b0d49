# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``threescale_adapter`` against a cluster in memory and a portal that answers at once."""

from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.codes import CODES
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.plan import INBOUND_ONLY
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import (
    AUTHORIZATION_POLICY,
    CONTROL_PLANE,
    DESTINATION_RULE,
    EXTENSION,
    REQUEST_AUTHENTICATION,
    SERVICE_ENTRY,
    WASM_PLUGIN,
)
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, MESH
from ansible_collections.ossm.federation.plugins.modules import threescale_adapter
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.insight.proxies import (
    filter_of,
    listener_of,
)
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.threescale.adapters import (
    ACCESS,
    ADAPTER,
    PORTAL,
    SERVICE,
    TOKEN,
    WHOLE,
    changed,
)
from ansible_collections.ossm.federation.tests.unit.plugins.modules.test_wasm_extension import (
    ISTIOD,
    SPACE,
    mesh,
    pod,
    says,
)
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

S = "adapters__0__services__0__"
MODULE, CART = "b" * 64, "shop.cart"
OWN_IMAGE = f"registry.example/3scale-auth-wasm:1@sha256:{MODULE}"
ON_2_2 = changed(adapters__0__kind="WasmPlugin", adapters__0__image=OWN_IMAGE, adapters__0__pull_secret=...)
FETCHING = changed({**WHOLE, "portal": PORTAL}, **{f"{S}token": ..., f"{S}mapping_rules": ...})
ANSWER = {
    "proxy_config": {
        "version": 3,
        "environment": "production",
        "content": {
            "id": int(SERVICE["id"]),
            "backend_authentication_type": "service_token",
            "backend_authentication_value": "fetched-service-token",
            "proxy": {
                "proxy_rules": [
                    {
                        "http_method": "GET",
                        "pattern": "/late",
                        "metric_system_name": "late",
                        "delta": 2,
                        "last": True,
                        "position": 2,
                    },
                    {
                        "http_method": "GET",
                        "pattern": "/",
                        "metric_system_name": "hits",
                        "delta": 1,
                        "last": False,
                        "position": 1,
                    },
                ]
            },
        },
    }
}


@pytest.fixture
def portal(monkeypatch):
    """What the portal was asked, as (token, path); its answers are in ``answers`` by path."""

    class Answering:
        asked: list = []
        answer: dict = ANSWER

        def __init__(self, url, token, ca_cert=""):
            self.token = token

        def get(self, path):
            Answering.asked.append((self.token, path))
            return Answering.answer

    Answering.asked = []
    monkeypatch.setattr(threescale_adapter, "Portal", Answering)
    return Answering


def asked(check_mode=False, **params):
    return RunInMemory(
        MESH, FORCE, threescale_adapter.OPTIONS, check_mode=check_mode, **{**NOW_ONLY, "threescale": WHOLE, **params}
    )


NOW_ONLY = {"mesh": "east", "wait_timeout": 0}
"""Nothing waits for proxies that do not answer."""


def run(cluster, **params):
    return threescale_adapter.run(asked(**params), cluster, NOW)


def refusal(cluster, **params):
    with pytest.raises(FederationError) as refused:
        run(cluster, **params)
    return refused.value


def spec_of(cluster, kind, name="cart"):
    live = cluster.get(kind, "shop", name)
    return live and live["spec"]


@pytest.mark.parametrize(
    ("version", "kind"), [("v2.1", EXTENSION), ("v2.2", EXTENSION), ("v2.4", WASM_PLUGIN), ("v2.6", WASM_PLUGIN)]
)
def test_an_adapter_is_made_kept_and_removed_with_what_it_needs(version, kind):
    cluster = mesh(version)
    planned = run(cluster, check_mode=True)
    assert (planned["changed"], cluster.writes) == (True, [])
    assert [(verb, name) for verb, name, _of in (run(cluster), cluster.writes)[1]] == [
        ("apply", "ServiceEntry"),
        ("apply", "DestinationRule"),
        ("apply", kind.name),
    ]
    again = run(cluster)
    assert (again["changed"], again["diff"]) == (False, [])
    assert [change["action"] for change in run(cluster, state="absent", threescale=None)["changes"]] == ["delete"] * 3
    assert not run(cluster, state="absent")["changed"]


def test_the_wrapper_is_that_of_the_documentation_for_each_version():
    old, new = mesh("v2.2"), mesh("v2.5")
    run(old)
    run(new)
    told = {"api": "v1", "backend": {"name": "backend"}, "services": [{"id": SERVICE["id"], "token": TOKEN}]}
    spec = spec_of(old, EXTENSION)
    assert (spec["phase"], spec["priority"], spec["image"].rpartition(":")[2]) == ("PostAuthZ", 100, "0.0.1")
    assert spec["workloadSelector"] == {"labels": {"app": "cart"}} and spec["imagePullSecrets"] == [{"name": "red-hat"}]
    plugin = spec_of(new, WASM_PLUGIN)
    assert (plugin["phase"], plugin["priority"], plugin["url"]) == (
        "AUTHZ",
        100,
        "oci://registry.redhat.io/3scale-amp2/3scale-auth-wasm-rhel8:0.0.3",
    )
    assert plugin["selector"] == {"matchLabels": {"app": "cart"}} and plugin["match"] == [{"mode": "SERVER"}]
    assert spec["config"] == plugin["pluginConfig"]
    assert told["backend"]["name"] == spec["config"]["backend"]["name"] and "system" not in spec["config"]
    assert spec["config"]["backend"]["upstream"] == {
        "name": "outbound|443||su1.3scale.net",
        "url": "https://su1.3scale.net",
        "timeout": 2000,
    }
    assert spec["config"]["services"][0] == {**SERVICE, "environment": "production"}


def test_the_host_of_3scale_is_known_to_the_namespace_and_called_with_tls():
    cluster = mesh("v2.5")
    run(cluster, threescale=changed(backend__ca_certificates="/etc/pki/tls/certs/ca-bundle.crt"))
    entry, rule = (spec_of(cluster, kind, "3scale-su1.3scale.net") for kind in (SERVICE_ENTRY, DESTINATION_RULE))
    assert entry == {
        "hosts": ["su1.3scale.net"],
        "exportTo": ["."],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "ports": [{"number": 443, "name": "https-443", "protocol": "HTTPS"}],
    }
    tls = {"mode": "SIMPLE", "sni": "su1.3scale.net"}
    verified = {"caCertificates": "/etc/pki/tls/certs/ca-bundle.crt", "subjectAltNames": ["su1.3scale.net"]}
    assert rule["trafficPolicy"]["tls"] == {**tls, **verified}


def test_3scale_inside_the_mesh_needs_neither_and_outside_of_it_is_refused():
    inside = changed(backend__url="http://backend-listener.desk.svc.cluster.local:3000")
    cluster = mesh("v2.5")
    run(cluster, threescale=inside)
    assert [kind for _verb, kind, _name in cluster.writes] == ["WasmPlugin"]
    elsewhere = changed(backend__url="http://backend-listener.threescale.svc:3000")
    assert refusal(mesh("v2.5"), threescale=elsewhere).code == "FED884"


def test_openid_connect_brings_its_request_authentication():
    cluster = mesh("v2.5")
    run(
        cluster,
        threescale=changed(
            adapters__0__oidc={"issuer": "https://sso", "jwks_uri": "https://sso/certs", "audiences": ["a"]}
        ),
    )
    assert spec_of(cluster, REQUEST_AUTHENTICATION, "3scale-cart") == {
        "selector": {"matchLabels": {"app": "cart"}},
        "jwtRules": [
            {"issuer": "https://sso", "jwksUri": "https://sso/certs", "audiences": ["a"], "forwardOriginalToken": True}
        ],
    }


def test_token_and_rules_are_fetched_and_the_access_token_stays_out_of_the_mesh(portal):
    cluster = mesh("v2.5")
    run(cluster, threescale=FETCHING)
    assert portal.asked == [(ACCESS, f"/admin/api/services/{SERVICE['id']}/proxy/configs/production/latest.json")]
    (service,) = spec_of(cluster, WASM_PLUGIN)["pluginConfig"]["services"]
    assert service["token"] == "fetched-service-token"
    assert [(rule["pattern"], rule["usages"], rule.get("last")) for rule in service["mapping_rules"]] == [
        ("/", [{"name": "hits", "delta": 1}], None),
        ("/late", [{"name": "late", "delta": 2}], True),
    ]
    assert ACCESS not in json.dumps(cluster.list(WASM_PLUGIN, ""))
    assert not run(cluster, threescale=FETCHING)["changed"]


def test_a_staging_service_is_asked_for_by_the_portals_own_word(portal):
    run(mesh("v2.5"), threescale=changed(FETCHING, **{f"{S}environment": "staging"}))
    assert portal.asked[0][1].endswith("/proxy/configs/sandbox/latest.json")


def secret(**data):
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "portal", "namespace": SPACE}, "data": encoded}


def test_the_access_token_may_be_in_one_named_secret(portal):
    source = {"url": PORTAL["url"], "token_from": {"namespace": SPACE, "secret": "portal", "key": "token"}}
    described = {**FETCHING, "portal": source}
    assert refusal(mesh("v2.5"), threescale=described).code == "FED896"
    cluster = mesh("v2.5")
    cluster.put(secret(other="x" * 20))
    assert refusal(cluster, threescale=described).code == "FED896"
    cluster.put(secret(token=f"{ACCESS}\n"))
    run(cluster, threescale=described)
    assert portal.asked[0][0] == ACCESS


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"id": 7},
        {"id": int(SERVICE["id"]), "backend_authentication_type": "provider_key"},
        {
            "id": int(SERVICE["id"]),
            "backend_authentication_type": "service_token",
            "backend_authentication_value": None,
        },
        {
            "id": int(SERVICE["id"]),
            "backend_authentication_type": "service_token",
            "backend_authentication_value": "a-service-token",
            "proxy": [],
        },
    ],
)
def test_an_answer_of_the_portal_that_cannot_be_used_is_refused(portal, content):
    portal.answer = {"proxy_config": {"content": content}}
    assert refusal(mesh("v2.5"), threescale=FETCHING).code == "FED892"


def test_a_rule_of_the_portal_that_the_adapter_would_not_match_is_refused(portal):
    portal.answer = json.loads(json.dumps(ANSWER).replace("/late", "/late(r)"))
    error = refusal(mesh("v2.5"), threescale=FETCHING)
    assert (error.code, "mapping rules of the portal" in error.where) == ("FED883", True)


def test_the_adapter_fetches_by_itself_from_its_later_generation_on_and_not_beside_rules(portal):
    described = changed(FETCHING, adapters__0__system={"ttl": 300})
    assert refusal(mesh("v2.2"), threescale=described).code == "FED886"
    assert refusal(mesh("v2.5"), threescale={**changed(adapters__0__system={}), "portal": PORTAL}).code == "FED886"
    cluster = mesh("v2.5")
    run(cluster, threescale=described)
    told = spec_of(cluster, WASM_PLUGIN)["pluginConfig"]
    assert (told["system"]["token"], told["system"]["ttl"], "mapping_rules" in told["services"][0]) == (
        ACCESS,
        300,
        False,
    )
    assert spec_of(cluster, SERVICE_ENTRY, "3scale-acme-admin.3scale.net")


def test_a_test_that_is_not_met_stops_the_run_before_anything_is_written():
    cluster = mesh("v2.5")
    request = {"host": "cart.shop", "path": "/products/7/sold", "headers": {"x-user-key": "k"}}
    met = {"request": request, "expect": {"usages": {"hits": 3, "sales": 1}}}
    error = refusal(cluster, tests=[met, {"name": "wrong", "request": request, "expect": {"usages": {"hits": 1}}}])
    assert (error.code, cluster.writes, [each["met"] for each in error.facts["tests"]]) == ("FED889", [], [False])
    result = run(cluster, tests=[met])
    assert [each["met"] for each in result["tests"]] == [True] and "test 1: met" in "\n".join(result["lines"])


@pytest.mark.parametrize(
    ("version", "at", "code"),
    [
        ("v2.0", {}, "FED804"),
        ("v2.3", {}, "FED805"),
        ("v2.5", {"adapters__0__namespace": "elsewhere"}, "FED803"),
        ("v2.5", {"adapters__0__kind": "ServiceMeshExtension"}, "FED804"),
        ("v2.2", {"adapters__0__kind": "WasmPlugin"}, "FED802"),
        ("v2.5", {"adapters__0__namespace": SPACE, "adapters__0__selector": "all"}, "FED880"),
    ],
)
def test_what_the_mesh_cannot_do_is_refused_in_the_words_of_the_description(version, at, code):
    cluster = mesh(version)
    error = refusal(cluster, threescale=changed(**at))
    assert (error.code, cluster.writes) == (code, []) and (
        code == "FED804" or error.where.startswith("mesh_threescale")
    )


def test_nobody_is_told_to_let_3scale_see_outbound_calls():
    error = refusal(mesh("v2.3"))
    assert INBOUND_ONLY in error.fix and "both" not in error.fix


def test_nothing_described_is_not_taken_for_the_wish_to_remove_everything():
    assert refusal(mesh("v2.5"), threescale=None).code == "FED880"
    assert refusal(mesh("v2.5"), threescale={**WHOLE, "adapters": []}).code == "FED880"


def test_objects_of_somebody_else_are_left_alone_refused_or_taken_with_force():
    cluster = mesh("v2.5")
    other = {
        "apiVersion": WASM_PLUGIN.api_version,
        "kind": "WasmPlugin",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {},
    }
    cluster.put(other)
    assert refusal(cluster).code == "FED898"
    assert run(cluster, force=True)["changed"] and not run(cluster)["changed"]
    cluster.put({**other, "metadata": {"name": "mine", "namespace": "shop"}})
    run(cluster, state="absent")
    assert [live["metadata"]["name"] for live in cluster.list(WASM_PLUGIN, "")] == ["mine"]


def test_a_host_that_somebody_else_keeps_is_theirs():
    cluster = mesh("v2.5")
    spec = {"hosts": ["su1.3scale.net"]}
    cluster.put(
        {
            "apiVersion": SERVICE_ENTRY.api_version,
            "kind": "ServiceEntry",
            "metadata": {"name": "x", "namespace": "shop"},
            "spec": spec,
        }
    )
    started = asked()
    threescale_adapter.run(started, cluster, NOW)
    assert [text[:6] for text in started.warnings if "ServiceEntry shop/x" in text] == ["FED895"]
    assert [kind for _verb, kind, _name in cluster.writes] == ["DestinationRule", "WasmPlugin"]


def switching(cluster, switch, **more):
    described = changed(ON_2_2, **({"adapters__0__switch": switch} if switch else {}))
    return {"threescale": described, **more}


def test_one_kind_takes_the_others_place_only_as_somebody_says():
    cluster = mesh("v2.2")
    run(cluster)
    cluster.writes.clear()
    assert (refusal(cluster, **switching(cluster, None)).code, cluster.writes) == ("FED887", [])


def test_overlap_lets_both_run_until_the_new_one_was_seen():
    cluster = mesh("v2.2")
    run(cluster)
    assert run(cluster, check_mode=True, **switching(cluster, "overlap"))["waiting"] == ["shop/cart"]
    # What this run makes cannot have been seen.
    error = refusal(cluster, **switching(cluster, "overlap", loaded=["shop/cart"]))
    assert (error.code, error.facts["selected"]) == ("FED888", {"shop/cart": ["shop/cart-1"]})
    assert spec_of(cluster, EXTENSION) and spec_of(cluster, WASM_PLUGIN)
    assert refusal(cluster, **switching(cluster, "overlap")).code == "FED888"
    run(cluster, **switching(cluster, "overlap", loaded=["shop/cart"]))
    assert spec_of(cluster, EXTENSION) is None and not run(cluster, **switching(cluster, "overlap"))["changed"]


def test_deny_refuses_everything_until_the_new_one_was_seen():
    cluster = mesh("v2.2")
    run(cluster)
    cluster.writes.clear()
    assert refusal(cluster, **switching(cluster, "deny")).code == "FED888"
    assert [(verb, kind) for verb, kind, _name in cluster.writes] == [
        ("apply", "AuthorizationPolicy"),
        ("delete", "ServiceMeshExtension"),
        ("apply", "WasmPlugin"),
    ]
    assert spec_of(cluster, AUTHORIZATION_POLICY, "3scale-switch-cart") == {
        "selector": {"matchLabels": {"app": "cart"}},
        "action": "DENY",
        "rules": [{}],
    }
    # Taking the word back does not open the API.
    assert refusal(cluster, **switching(cluster, None)).code == "FED888"
    run(cluster, **switching(cluster, "deny", loaded=["shop/cart"]))
    assert spec_of(cluster, AUTHORIZATION_POLICY, "3scale-switch-cart") is None
    assert not run(cluster, **switching(cluster, "deny"))["changed"]


def telling(cluster, *found):
    """Let the proxy say which filters its listener has, as it is and as it waits to be, with the configuration that
    stands; istiod that it took them.
    """
    answer = cluster.page

    def page(namespace, name, asked, by_exec=False):
        spec = spec_of(cluster, WASM_PLUGIN)
        if name == "cart-1" and asked.path == "/config_dump":
            entries = [listener_of(*found), *([filter_of(MODULE, spec["pluginConfig"], CART)] if spec else [])]
            return 200, json.dumps({"configs": entries}).encode()
        return answer(namespace, name, asked, by_exec=by_exec)

    says(cluster, "nobody", ([], None))
    cluster.pages[(ISTIOD, "/debug/syncz")] = json.dumps(
        [{"proxy": "cart-1.shop", "extensionconfig_sent": "n", "extensionconfig_acked": "n"}]
    ).encode()
    cluster.page = page


@pytest.mark.parametrize("switch", ["overlap", "deny"])
def test_a_switch_ends_in_the_same_run_where_every_proxy_says_that_it_runs_the_new_one(switch):
    cluster = mesh("v2.2")
    run(cluster)
    telling(cluster, [CART], None)
    told = run(cluster, **switching(cluster, switch))
    assert (told["waiting"], spec_of(cluster, EXTENSION), cluster.list(AUTHORIZATION_POLICY, "")) == ([], None, [])
    assert any("each request was counted twice" in line for line in told["lines"]) is (switch == "overlap")
    assert not run(cluster, **switching(cluster, switch))["changed"]


def test_a_new_one_that_does_not_load_beside_the_old_one_goes_again_in_the_same_run():
    cluster = mesh("v2.2")
    run(cluster)
    telling(cluster, [], [CART])
    error = refusal(cluster, **switching(cluster, "overlap"))
    assert error.code == "FED888" and "taken away again" in error.what and "waits for it" in error.what, error.what
    assert spec_of(cluster, EXTENSION) and spec_of(cluster, WASM_PLUGIN) is None


def test_behind_a_denial_a_new_one_that_does_not_load_stays_and_so_does_the_denial():
    cluster = mesh("v2.2")
    run(cluster)
    telling(cluster, [], [CART])
    error = refusal(cluster, **switching(cluster, "deny"))
    assert error.code == "FED888" and "each request is refused" in error.what and "waits for it" in error.what, (
        error.what
    )
    assert spec_of(cluster, WASM_PLUGIN) and spec_of(cluster, AUTHORIZATION_POLICY, "3scale-switch-cart")


@pytest.mark.parametrize("switch", ["overlap", "deny"])
def test_a_new_one_that_does_not_load_is_rolled_back_by_the_former_description(switch):
    cluster = mesh("v2.2")
    run(cluster)
    refusal(cluster, **switching(cluster, switch))
    back = changed(adapters__0__switch=switch)
    if switch == "deny":
        assert refusal(cluster, threescale=back).code == "FED888"
    run(cluster, threescale=back, loaded=["shop/cart"])
    assert spec_of(cluster, EXTENSION) and spec_of(cluster, WASM_PLUGIN) is None
    assert not run(cluster, threescale=back)["changed"] and cluster.list(AUTHORIZATION_POLICY, "") == []


def test_doubts_are_warnings():
    jwt = {"app_id": [{"filter": {"path": ["envoy.filters.http.jwt_authn", "0"], "keys": ["azp"]}}]}
    services = [{**SERVICE, "authorities": ["*"]}, {**SERVICE, "id": "2", "credentials": jwt}]
    adapters = [
        {**{key: value for key, value in ADAPTER.items() if key != "pull_secret"}, "services": services},
        {**ADAPTER, "name": "second"},
        {**ADAPTER, "name": "none", "selector": {"app": "crat"}},
    ]
    cluster = mesh("v2.5")
    cluster.readers = {"system:authenticated"}
    started = asked(threescale={**WHOLE, "adapters": adapters})
    threescale_adapter.run(started, cluster, NOW)
    assert sorted({text[:6] for text in started.warnings}) == [
        "FED807",
        "FED809",
        "FED812",
        "FED839",
        "FED840",
        "FED893",
        "FED894",
        "FED899",
    ]


def test_no_token_is_in_what_is_shown():
    cluster = mesh("v2.5")
    first = run(cluster)
    second = run(cluster, threescale=changed(**{f"{S}token": "another-service-token"}))
    gone = run(cluster, state="absent")
    shown = json.dumps([first, second, gone])
    assert TOKEN not in shown and "another-service-token" not in shown
    assert second["diff"][0]["before"] != second["diff"][0]["after"]


def test_istiod_of_2_3_is_told_to_leave_outbound_calls_alone():
    env = {"runtime": {"components": {"pilot": {"container": {"env": {INBOUND_ONLY: "true"}}}}}}
    assert run(mesh("v2.3", **env))["changed"]


def test_a_gateway_of_the_control_planes_namespace_may_be_guarded():
    cluster = mesh("v2.5")
    at = {
        "adapters__0__namespace": SPACE,
        "adapters__0__selector": {"istio": "ingressgateway"},
        "adapters__0__traffic": "gateway",
    }
    run(cluster, threescale=changed(**at))
    assert "match" not in cluster.get(WASM_PLUGIN, SPACE, "cart")["spec"]


def test_every_code_of_this_page_is_in_the_catalogue():
    assert {f"FED{number}" for number in range(880, 897)} <= set(CODES)


@pytest.mark.parametrize("version", ["v2.0", "v2.1", "v2.4", None])
def test_what_was_made_is_removed_whatever_the_control_plane_has_become(version):
    cluster = mesh("v2.4")
    run(cluster)
    plane = cluster.get(CONTROL_PLANE, SPACE, "basic")
    plane["spec"]["version"] = version
    cluster.put(plane)
    assert {change["action"] for change in run(cluster, state="absent", threescale=None)["changes"]} == {"delete"}
    assert cluster.list(WASM_PLUGIN, "") == []


def test_an_adapter_of_the_whole_mesh_whose_pods_do_not_see_its_hosts_is_refused():
    adapters = [{**ADAPTER, "namespace": SPACE}]
    for backend, is_refused in (("https://su1.3scale.net", True), ("http://backend.shop.svc:3000", False)):
        cluster = mesh("v2.5")
        threescale = {"backend": {"url": backend}, "adapters": adapters}
        if is_refused:
            told = refusal(cluster, threescale=threescale)
            assert (told.code, "shop/cart-1" in told.what) == ("FED884", True) and cluster.writes == []
        else:
            assert run(cluster, threescale=threescale)["changed"]


def test_a_gateway_in_the_control_planes_namespace_sees_the_hosts_of_its_adapter():
    cluster = mesh("v2.5")
    cluster.put(pod("front-1", SPACE, app="front"))
    adapters = [{**ADAPTER, "namespace": SPACE, "selector": {"app": "front"}}]
    assert run(cluster, threescale={**WHOLE, "adapters": adapters})["adapters"][0]["pods"] == [f"{SPACE}/front-1"]


def test_an_adapter_whose_place_may_not_be_read_is_not_written_over(monkeypatch):
    cluster = mesh("v2.5")
    answer = cluster.list

    def forbidden(kind, namespace, *rest, **more):
        if kind is WASM_PLUGIN and namespace == "shop":
            raise FederationError("FED104", where="list", what="is forbidden", fix="Ask")
        return answer(kind, namespace, *rest, **more)

    monkeypatch.setattr(cluster, "list", forbidden)
    assert refusal(cluster).code == "FED104" and cluster.writes == []
    # What is not ours to write into may stay unread.
    assert run(cluster, threescale=None, state="absent")["unknown"] == [
        "WasmPlugin objects in shop: this account may not read them"
    ]
