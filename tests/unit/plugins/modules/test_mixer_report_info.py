# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Mixer does in a mesh of 2.0, and what becomes of it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.mixer import heirs, limits_of
from ansible_collections.ossm.federation.plugins.module_utils._core.threescale.described import read_threescale
from ansible_collections.ossm.federation.plugins.module_utils._options import MESH
from ansible_collections.ossm.federation.plugins.modules import mixer_report_info
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.modules.test_wasm_extension import SPACE, mesh, pod
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

ACCESS = "access-token-of-the-handler"


def of_mixer(kind, name, namespace=SPACE, labels=None, **spec):
    metadata = {"name": name, "namespace": namespace, **({"labels": labels} if labels else {})}
    return {"apiVersion": "config.istio.io/v1alpha2", "kind": kind, "metadata": metadata, "spec": spec}


def handler(**params):
    given = {"system_url": "https://acme-admin.3scale.net/", "access_token": ACCESS, **params}
    return of_mixer(
        "handler",
        "threescale",
        adapter="threescale",
        params=given,
        connection={"address": "threescale-istio-adapter:3333"},
    )


def instance(**subject):
    params = {"subject": subject, "action": {"path": "request.url_path", "method": 'request.method | "get"'}}
    return of_mixer("instance", "threescale-authorization", template="threescale-authorization", params=params)


def rule(match='destination.labels["service-mesh.3scale.net"] == "true"', namespace=SPACE):
    actions = [{"handler": f"threescale.handler.{SPACE}", "instances": ["threescale-authorization.instance"]}]
    return of_mixer("rule", "threescale", namespace, match=match, actions=actions)


USER = instance(user='request.query_params["user_key"] | request.headers["X-User-Key"] | ""')
GUARDED = pod("till-2", **{"service-mesh.3scale.net": "true", "service-mesh.3scale.net/service-id": "7"})


def reported(*objects, **spec):
    cluster = mesh("v2.0", **spec)
    cluster.groups.add("config.istio.io")
    for live in objects:
        cluster.put(live)
    result = mixer_report_info.run(RunInMemory(MESH, mesh="east"), cluster, NOW)
    assert cluster.writes == [] and ACCESS not in json.dumps(result)
    return result


def test_handlers_instances_and_rules_become_a_description_that_is_right():
    result = reported(handler(), USER, rule(), GUARDED)
    service = {
        "id": "7",
        "authorities": ["*"],
        "credentials": {"user_key": [{"query_string": {"keys": ["user_key"]}}, {"header": {"keys": ["x-user-key"]}}]},
    }
    draft = result["threescale"]
    assert draft == {
        "backend": {"url": "https://su1.3scale.net"},
        "portal": {"url": "https://acme-admin.3scale.net/", "token": "{{ vaulted_access_token }}"},
        "adapters": [
            {
                "name": "3scale-7",
                "namespace": "shop",
                "selector": {"service-mesh.3scale.net": "true", "service-mesh.3scale.net/service-id": "7"},
                "services": [service],
            }
        ],
    }
    draft["portal"]["token"] = ACCESS
    assert (result["findings"], read_threescale(draft)[1]) == ([], [])
    assert "  adapters:" in result["lines"] and "  - name: 3scale-7" in "\n".join(result["lines"])


def test_every_way_to_bring_credentials_is_looked_up_in_its_order():
    properties = {
        "app_id": 'request.headers["app-id"] | request.query_params["app_id"] | ""',
        "app_key": 'request.headers["app-key"] | ""',
        "client_id": 'request.auth.claims["azp"] | ""',
    }
    result = reported(handler(), instance(user='request.api_key | ""', properties=properties), rule(), GUARDED)
    credentials = result["threescale"]["adapters"][0]["services"][0]["credentials"]
    claims = {
        "filter": {"path": ["envoy.filters.http.jwt_authn", "0"], "keys": ["azp"], "ops": [{"take": {"head": 1}}]}
    }
    assert credentials == {
        "user_key": [{"query_string": {"keys": ["key", "api_key"]}}, {"header": {"keys": ["x-api-key"]}}],
        "app_id": [{"header": {"keys": ["app-id"]}}, {"query_string": {"keys": ["app_id"]}}, claims],
        "app_key": [{"header": {"keys": ["app-key"]}}],
    }
    assert [finding["code"] for finding in result["findings"]] == ["FED897"] and "oidc" in result["findings"][0]["cure"]


def test_a_match_becomes_labels_namespaces_and_hosts():
    match = (
        'context.reporter.kind == "inbound" && destination.labels["app"] == "cart" && destination.namespace == "shop"'
        ' && request.host == "Cart.example"'
    )
    (adapter,) = reported(handler(service_id="9"), USER, rule(match))["threescale"]["adapters"]
    assert (adapter["selector"], adapter["services"][0]["id"], adapter["services"][0]["authorities"]) == (
        {"app": "cart"},
        "9",
        ["cart.example"],
    )


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        ((handler(), USER, rule('source.labels["app"] == "web"'), GUARDED), "matches by source.labels"),
        ((handler(), USER, rule('destination.labels["a"] == "b" || true'), GUARDED), "alternatives"),
        ((handler(), USER, rule('destination.labels["app"] == "nobody"'), GUARDED), "selects no running pod"),
        ((handler(), USER, rule('destination.labels["app"] == "cart"')), "without a service id"),
        ((handler(), USER, GUARDED), "is used by no rule"),
        ((handler(), instance(user='source.principal | ""'), rule(), GUARDED), "takes user_key from source.principal"),
        ((handler(), instance(user="", properties={"plan": "x"}), rule(), GUARDED), "sends the property plan"),
        ((handler(system_url="https://3scale.corp.example"), USER, rule(), GUARDED), "names no backend_url"),
        ((handler(service_id="9"), USER, rule("true")), "selects every workload"),
    ],
)
def test_what_has_no_counterpart_is_listed(objects, says):
    findings = reported(*objects)["findings"]
    assert {finding["code"] for finding in findings} == {"FED897"} and any(
        says in finding["seen"] for finding in findings
    )


def test_the_add_on_gives_its_timeout_and_tells_what_is_lost():
    addon = {
        "enabled": True,
        "client": {"timeout": 3},
        "backend": {"enable_cache": True},
        "system": {"cache_ttl": 300, "cache_max_size": 10},
    }
    result = reported(
        handler(backend_url="https://backend.example"),
        USER,
        rule(),
        GUARDED,
        addons={"3scale": addon},
        policy={"type": "Mixer"},
    )
    assert result["threescale"]["backend"] == {"url": "https://backend.example", "timeout": 3000}
    parts = {row["name"]: row["loses"] for row in result["objects"] if row["kind"] == "ServiceMeshControlPlane"}
    assert parts == {
        "spec.policy": "",
        "spec.addons.3scale": "backend.enable_cache, system.cache_max_size, which have no counterpart",
    }


@pytest.mark.parametrize(
    ("live", "successor"),
    [
        (of_mixer("handler", "x", adapter="threescale"), "3scale adapter"),
        (of_mixer("handler", "x", compiledAdapter="prometheus"), "Telemetry or EnvoyFilter"),
        (of_mixer("handler", "x", compiledAdapter="stdio"), "access log"),
        (of_mixer("handler", "x", compiledAdapter="memquota"), "rate limiting of Envoy"),
        (of_mixer("handler", "x", compiledAdapter="denier"), "AuthorizationPolicy"),
        (of_mixer("handler", "x", compiledAdapter="listchecker"), "AuthorizationPolicy"),
        (of_mixer("handler", "x", compiledAdapter="opa"), "AuthorizationPolicy"),
        (of_mixer("handler", "x", compiledAdapter="fluentd"), "nothing"),
        (of_mixer("handler", "x", compiledAdapter="kubernetesenv"), "nothing"),
        (of_mixer("handler", "x", adapter="apigee"), "Wasm extension"),
        (of_mixer("instance", "x", compiledTemplate="metric"), "Telemetry or EnvoyFilter"),
        (of_mixer("instance", "x", compiledTemplate="tracespan"), "tracing of the control plane"),
        (of_mixer("rule", "x", requestHeaderOperations=[{"name": "a"}]), "VirtualService"),
        (of_mixer("rule", "x"), "nothing"),
        (of_mixer("QuotaSpec", "x"), "rate limiting of Envoy"),
        (of_mixer("HTTPAPISpecBinding", "x"), "nothing"),
        (of_mixer("attributemanifest", "x"), "nothing"),
    ],
)
def test_each_kind_of_object_has_a_successor_or_a_loss(live, successor):
    (heir,) = heirs([live])
    assert heir.successor == successor and heir.how


def test_rules_and_instances_follow_the_handler_that_they_are_used_with():
    action = {"handler": "limit", "instances": ["count"]}
    objects = [
        of_mixer("handler", "limit", compiledAdapter="redisquota"),
        of_mixer("instance", "count", compiledTemplate="quota"),
    ]
    found = heirs([*objects, of_mixer("rule", "limit", actions=[action])])
    assert {heir.successor for heir in found} == {"rate limiting of Envoy"}


def test_what_the_control_plane_made_is_counted_and_not_told():
    own = of_mixer("handler", "prometheus", labels={"maistra.io/owner": SPACE}, compiledAdapter="prometheus")
    lines = reported(own)["lines"]
    assert len(lines) == 1 and "no objects" in lines[0] and "1 more belong to the control plane itself" in lines[0]


def test_quotas_become_rate_limits_of_the_control_plane():
    quotas = [
        {
            "name": f"requestcount.instance.{SPACE}",
            "maxAmount": 500,
            "validDuration": "1s",
            "overrides": [
                {"dimensions": {"destination": "reviews", "source": "web"}, "maxAmount": 2, "validDuration": "5s"}
            ],
        }
    ]
    live = of_mixer(
        "handler",
        "limits",
        compiledAdapter="redisquota",
        params={"redisServerUrl": "redis.shop:6379", "quotas": quotas},
    )
    limits = reported(live)["rate_limits"]["techPreview"]["rateLimiting"]
    assert limits["rls"] == {"enabled": True, "storageBackend": "redis", "storageAddress": "redis.shop:6379"}
    inner = {"key": "source", "value": "web", "rate_limit": {"unit": "minute", "requests_per_unit": 24}}
    assert limits["rawRules"] == {
        "domain": "basic",
        "descriptors": [
            {
                "key": "quota",
                "value": "requestcount",
                "descriptors": [{"key": "destination", "value": "reviews", "descriptors": [inner]}],
            },
            {"key": "quota", "value": "requestcount", "rate_limit": {"unit": "second", "requests_per_unit": 500}},
        ],
    }
    assert "nearest" in limits_of([live], "basic").notes[0] and limits_of([], "basic") is None


@pytest.mark.parametrize("value", [None, "text", [], {"a": []}, 7])
def test_objects_of_odd_shapes_are_told_of_and_never_crash(value):
    odd = []
    for number, live in enumerate(
        (handler(), USER, rule(), of_mixer("handler", "limits", compiledAdapter="memquota", params={"quotas": [value]}))
    ):
        for key in ("spec", *live["spec"]):
            spec = {**live["spec"], key: value} if key in live["spec"] else value
            odd.append({**live, "metadata": {"name": f"odd-{number}-{key.lower()}", "namespace": SPACE}, "spec": spec})
    assert reported(*odd, GUARDED)["lines"]
