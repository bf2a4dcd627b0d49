# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations of Envoys: read without secrets, shown as tables, compared by meaning."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.comparing import (
    compared,
    folds_of,
    majority_of,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.dump import health_of, read_dump, table_of
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

TYPE = "type.googleapis.com/envoy.admin.v3."
FILTERS = "type.googleapis.com/envoy.extensions.filters."
DER = b"a certificate"
PEM = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(DER) + b"\n-----END CERTIFICATE-----\n"
CART = "outbound|80|v1|cart.shop.svc.cluster.local"
WEST = "outbound|80||cart.shop.svc.west-imports.local"
# What a secret looks like, wherever it stands; nothing of it may be seen anywhere.
PLANTED = "pl4nted"


def rule(name, kind="destination-rule"):
    return {
        "filter_metadata": {"istio": {"config": f"/apis/networking.istio.io/v1alpha3/namespaces/shop/{kind}/{name}"}}
    }


def hcm(*filters):
    manager = {
        "@type": f"{FILTERS}network.http_connection_manager.v3.HttpConnectionManager",
        "rds": {"route_config_name": "80"},
    }
    return {"name": "hcm", "typed_config": {**manager, "http_filters": list(filters)}}


WASM = {
    "name": "shop.auth",
    "typed_config": {
        "@type": f"{FILTERS}http.wasm.v3.Wasm",
        "config": {
            "root_id": "auth_root",
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": json.dumps({"system": PLANTED}),
            },
            "vm_config": {
                "environment_variables": {"key_values": {"A": PLANTED}},
                "code": {"local": {"filename": "/var/a.wasm"}},
            },
        },
    },
}
OLD_WASM = {
    "name": "old",
    "typed_config": {
        "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
        "type_url": f"{FILTERS}http.wasm.v3.Wasm",
        "value": {"config": {"configuration": {"value": PLANTED}}},
    },
}
LISTENER = {
    "name": "10.0.0.1_80",
    "address": {"socket_address": {"address": "10.0.0.1", "port_value": 80}},
    "filter_chains": [
        {
            "filter_chain_match": {"server_names": ["cart.shop"], "destination_port": 80},
            "filters": [
                hcm(
                    WASM,
                    OLD_WASM,
                    {
                        "name": "lua",
                        "typed_config": {
                            "@type": f"{FILTERS}http.lua.v3.Lua",
                            "default_source_code": {"inline_string": PLANTED},
                        },
                    },
                    {"name": "unknown", "typed_config": {"@type": "type.googleapis.com/some.Body", "nothing": PLANTED}},
                )
            ],
            "transport_socket": {
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                    "common_tls_context": {
                        "tls_certificates": [
                            {"private_key": {"inline_string": PLANTED}, "password": {"inline_bytes": PLANTED}}
                        ],
                        "tls_certificate_sds_secret_configs": [{"name": "default"}],
                    },
                    "session_ticket_keys": {"keys": [{"inline_bytes": PLANTED}]},
                }
            },
        }
    ],
}
ROUTE = {
    "name": "80",
    "virtual_hosts": [
        {
            "name": "cart",
            "domains": ["cart.shop.svc.cluster.local", "cart"],
            "request_headers_to_add": [{"header": {"key": "x-plain-name", "value": PLANTED}}],
            "routes": [
                {
                    "match": {"prefix": "/", "headers": [{"name": "x-api-key", "exact_match": PLANTED}]},
                    "metadata": rule("cart", "virtual-service"),
                    "redirect": {"path_redirect": f"/login?user_key={PLANTED}&a=b"},
                    "typed_per_filter_config": {"x": {"@type": "type.googleapis.com/some.Body", "any": PLANTED}},
                }
            ],
        }
    ],
}
CLUSTER = {"name": CART, "type": "EDS", "metadata": rule("cart"), "connect_timeout": "10s", "lb_policy": "ROUND_ROBIN"}
BOOTSTRAP = {
    "node": {
        "id": "sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local",
        "metadata": {
            "NAMESPACE": "shop",
            "SOME_ENVIRONMENT": PLANTED,
            "ANNOTATIONS": {"a": PLANTED},
            "PROXY_CONFIG": {"proxyMetadata": {"B": PLANTED}},
            "ISTIO_VERSION": "1.18.7",
        },
    },
    "static_resources": {
        "clusters": [
            {
                "name": "tracer",
                "grpc": {
                    "initial_metadata": [{"key": "k", "value": PLANTED}],
                    "call_credentials": [{"access_token": PLANTED}],
                },
                "url": f"https://user:{PLANTED}@collector/",
                "redis": {"auth_password": {"inline_string": PLANTED}},
                "note": f"Bearer {PLANTED}1234, eyJhbGciOi.{PLANTED}.x",
                "pem": f"-----BEGIN RSA PRIVATE KEY-----\n{PLANTED}\n-----END RSA PRIVATE KEY-----",
            }
        ]
    },
}
CHAIN = {"inline_bytes": base64.b64encode(PEM).decode()}
SECRETS = [
    {
        "name": "default",
        "secret": {"tls_certificate": {"certificate_chain": CHAIN, "private_key": {"inline_bytes": PLANTED}}},
    },
    {"name": "ROOTCA", "secret": {"validation_context": {"trusted_ca": {"inline_string": PEM.decode()}}}},
    {"name": "oauth", "secret": {"generic_secret": {"secret": {"inline_string": PLANTED}}}},
]


def dumped(clusters=(CLUSTER, {**CLUSTER, "name": WEST, "metadata": {}}), listener=None, version="v1", **bootstrap):
    active = [{"version_info": version, "cluster": one} for one in clusters]
    return {
        "configs": [
            {"@type": f"{TYPE}BootstrapConfigDump", "bootstrap": {**BOOTSTRAP, **bootstrap}},
            {"@type": f"{TYPE}ClustersConfigDump", "version_info": version, "dynamic_active_clusters": active},
            {
                "@type": f"{TYPE}ListenersConfigDump",
                "dynamic_listeners": [
                    {
                        "name": "10.0.0.1_80",
                        "active_state": {"listener": listener or LISTENER},
                        "error_state": {"details": "duplicate"},
                    }
                ],
            },
            {"@type": f"{TYPE}RoutesConfigDump", "dynamic_route_configs": [{"route_config": ROUTE}]},
            {"@type": f"{TYPE}EcdsConfigDump", "ecds_filters": [{"ecds_filter": WASM}]},
            {"@type": f"{TYPE}SecretsConfigDump", "dynamic_active_secrets": SECRETS},
        ]
    }


def read(data=None, origin="shop/cart-1", **more):
    return read_dump(json.dumps(dumped() if data is None else data).encode(), origin, **more)


def test_what_envoy_quotes_of_a_configuration_that_it_rejects_is_not_told():
    data = dumped()
    listener = data["configs"][2]["dynamic_listeners"][0]
    for quoted in ('configuration { value: "hunter2" }', "value: hunter2", '"hunter2"', "\nhunter2"):
        listener["error_state"] = {"details": f"Proto constraint validation failed (X.Config): {quoted}"}
        assert read(data).as_data()["errors"] == [
            "listeners 10.0.0.1_80: Proto constraint validation failed (X.Config)"
        ]


def test_no_secret_is_in_what_is_read_of_a_dump_or_of_a_saved_one():
    for clear in (False, True):
        found = read(clear=clear)
        assert set(found.sections) == {"clusters", "listeners", "routes", "bootstrap", "extensions", "secrets"}
        text = json.dumps(found.as_data())
        if clear:
            # Asked for by its own word, the configuration of an extension is shown; "system" is no name of a secret.
            text = text.replace(json.dumps({"system": PLANTED}), "")
        assert PLANTED not in text, text[max(0, text.index(PLANTED) - 300) : text.index(PLANTED) + 40]
        assert read(json.loads(json.dumps(found.as_data())), clear=clear).sections == found.sections
        # A file that somebody else has written may hold anything.
        saved = {
            "kind": "ossm.federation/proxy-configuration",
            "sections": {"clusters": {"a": {"password": PLANTED}}, "secrets": {"b": {"x": PLANTED}}},
        }
        assert PLANTED not in json.dumps(read(saved).as_data())


def test_certificates_are_told_by_their_fingerprints():
    assert read().sections["secrets"] == {
        "default": {"kind": "certificate", "certificates": [hashlib.sha256(DER).hexdigest()]},
        "ROOTCA": {"kind": "roots", "certificates": [hashlib.sha256(DER).hexdigest()]},
        "oauth": {"kind": "other", "certificates": []},
    }


def test_each_section_has_its_columns_and_names_its_object():
    rows = {(row["section"], row["name"]): row for row in table_of(read())}
    assert rows[("clusters", CART)] == {
        "section": "clusters", "name": CART, "fqdn": "cart.shop.svc.cluster.local", "port": "80", "subset": "v1",
        "direction": "outbound",
        "type": "EDS", "object": "destination-rule shop/cart", "federation": False,
    }  # fmt: skip
    assert rows[("clusters", WEST)]["federation"]
    listener = rows[("listeners", "10.0.0.1_80")]
    assert (listener["port"], listener["match"], listener["goes_to"]) == (80, "cart.shop, port 80", "route 80")
    route = rows[("routes", "80")]
    assert (route["domains"], route["match"], route["object"]) == (
        "cart.shop.svc.cluster.local, cart",
        "prefix /",
        "virtual-service shop/cart",
    )
    assert rows[("extensions", "shop.auth")]["root_id"] == "auth_root"
    assert [row["name"] for row in table_of(read(), "WEST-imports")] == [WEST]
    assert read().errors == ("listeners 10.0.0.1_80: duplicate",)


def test_endpoints_say_their_health_and_place():
    host = {
        "address": {"socket_address": {"address": "10.0.0.9", "port_value": 8080}},
        "health_status": {"eds_health_status": "UNHEALTHY", "failed_outlier_check": True},
        "locality": {"region": "eu", "zone": "a"},
        "priority": 1,
        "weight": 3,
    }
    [row] = health_of(json.dumps({"cluster_statuses": [{"name": CART, "host_statuses": [host]}]}).encode(), "x")
    assert list(row.values()) == [CART, "10.0.0.9:8080", "UNHEALTHY", True, 1, 3, "eu/a"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"configs": 1}', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_dump_is_refused(content):
    with pytest.raises(FederationError, match="FED922 shop/cart-1"):
        read_dump(content, "shop/cart-1")


def test_odd_shapes_in_a_dump_are_passed_over():
    odd = dumped()
    odd["configs"] += [
        7,
        {"@type": 7},
        {
            "@type": f"{TYPE}ClustersConfigDump",
            "static_clusters": [None, {"cluster": []}, {"cluster": {"name": 7, "x": 1}}],
        },
    ]
    assert "(unnamed)" in read(odd).sections["clusters"]


def test_pods_that_differ_by_nature_are_equal():
    other = copy.deepcopy(dumped(version="v2"))
    text = json.dumps(other).replace("10.0.0.1", "10.0.0.2").replace("cart-1", "cart-2")
    one = read(own={"10.0.0.1": "POD_IP", "cart-1": "POD_NAME"})
    two = read_dump(text.encode(), "shop/cart-2", own={"10.0.0.2": "POD_IP", "cart-2": "POD_NAME"})
    assert compared(one, two, folds_of([])).differences == ()


def test_differences_go_by_name_and_then_by_field():
    changed = {**CLUSTER, "connect_timeout": "1s", "circuit_breakers": {"thresholds": [{"max_retries": 3}]}}
    found = compared(read(), read(dumped(clusters=(changed, {**CLUSTER, "name": "new"})), "shop/cart-2"), folds_of([]))
    assert not found.is_equal
    assert [(one.section, one.name, one.how) for one in found.differences] == [
        ("clusters", "new", "only right"),
        ("clusters", CART, "differs"),
        ("clusters", WEST, "only left"),
    ]
    assert found.differences[1].fields == (
        ("connect_timeout", "10s", "1s"),
        ("circuit_breakers/thresholds/0/max_retries", "(not set)", "3"),
    )
    assert found.as_data(1)["left_out"] == 2


def test_entries_with_names_are_compared_wherever_they_stand():
    turned = copy.deepcopy(LISTENER)
    turned["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"].reverse()
    assert compared(read(), read(dumped(listener=turned)), folds_of([])).is_equal


def test_an_extension_that_is_configured_otherwise_differs_by_its_digest():
    other = copy.deepcopy(LISTENER)
    other["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]["typed_config"]["config"][
        "configuration"
    ]["value"] = "{}"
    [found] = compared(read(), read(dumped(listener=other)), folds_of([])).differences
    [(path, left, right)] = found.fields
    assert path.endswith("http_filters/shop.auth/typed_config/config/configuration")
    assert left != right and left.startswith("sha256:")


@pytest.mark.parametrize(
    ("fold", "is_equal"),
    [
        ("clusters/*/connect_timeout", True),
        ("clusters/**", True),
        ("**/connect_timeout", True),
        ("*/outbound*/connect_*", True),
        ("clusters/connect_timeout", False),
        ("routes/**", False),
    ],
)
def test_what_users_fold_away_is_not_told(fold, is_equal):
    right = read(dumped(clusters=({**CLUSTER, "connect_timeout": "1s"}, {**CLUSTER, "name": WEST, "metadata": {}})))
    assert compared(read(), right, folds_of([fold])).is_equal is is_equal


@pytest.mark.parametrize(
    "fold", ["", "cluster/*", "/clusters", "clusters//a", "clusters/" + "*" * 9, "clusters/" + "a" * 400]
)
def test_a_fold_that_is_no_path_is_refused(fold):
    with pytest.raises(FederationError, match="FED923 compare_fold"):
        folds_of([fold])


def test_the_majority_is_what_most_pods_have():
    odd = read(dumped(clusters=({**CLUSTER, "connect_timeout": "1s"},)), "shop/cart-3")
    most = majority_of([read(), read(origin="shop/cart-2"), odd], "most of shop/cart", folds_of([]))
    assert compared(read(), most, folds_of([])).is_equal
    assert [one.how for one in compared(odd, most, folds_of([])).differences] == ["differs", "only right"]


def test_equal_resources_of_many_pods_are_kept_once():
    forms = {}
    one, two = read().sharing(forms), read(origin="b").sharing(forms)
    assert one.sections["listeners"]["10.0.0.1_80"] is two.sections["listeners"]["10.0.0.1_80"]


def as_istiod_writes(value):
    """Return it with the names of fields as istiod's JSON has them; keys of other people stay."""
    if isinstance(value, list):
        return [as_istiod_writes(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub("_([a-z0-9])", lambda found: found[1].upper(), key): (
            content if key in ("match", "istio") else as_istiod_writes(content)
        )
        for key, content in value.items()
    }


def test_istiod_names_fields_otherwise_than_envoy_and_means_the_same():
    cluster = {
        "name": CART,
        "connect_timeout": "10s",
        "outlier_detection": {"consecutive_5xx": 3, "max_ejection_percent": 100},
        "typed_extension_protocol_options": {"envoy.x.v3.Http": {"http2_protocol_options": {}, "accept_http_10": True}},
        "transport_socket_matches": [
            {"name": "tlsMode-istio", "match": {"tlsMode": "istio"}, "transport_socket": {"name": "tls"}}
        ],
        "metadata": {"filter_metadata": {"istio": {"services": [{"shortName": "cart"}]}}},
    }
    secret = {"private_key": {"inline_string": PLANTED}}
    clusters = [
        {"version_info": "1", "cluster": cluster},
        {"version_info": "1", "cluster": {"name": "tls", "tls_certificates": [secret]}},
    ]
    said = {
        "configs": [{"@type": f"{TYPE}ClustersConfigDump", "version_info": "1", "dynamic_active_clusters": clusters}]
    }
    envoy = read_dump(json.dumps(said).encode(), "envoy")
    istiod = read_dump(json.dumps(as_istiod_writes(said)).encode(), "istiod")
    assert (istiod.sections, istiod.dynamic) == (envoy.sections, envoy.dynamic)
    assert PLANTED not in json.dumps(istiod.as_data())


def test_with_istiod_only_what_it_sends_is_compared():
    static = {"@type": f"{TYPE}ClustersConfigDump", "static_clusters": [{"cluster": {"name": "agent"}}]}
    found = read({"configs": [*dumped()["configs"], static]}).only(["clusters"]).only_dynamic()
    assert set(found.sections["clusters"]) == {CART, WEST}


def test_what_has_no_end_is_read_in_time():
    deep = json.loads("[" * 900 + "]" * 900)
    same = [{"cluster": {"name": "a", "x": number}} for number in range(20_000)]
    hostile = {
        "configs": [
            {"@type": f"{TYPE}ClustersConfigDump", "static_clusters": [{"cluster": {"name": "deep", "x": deep}}, *same]}
        ]
    }
    try:
        assert len(read(hostile).sections["clusters"]) == 20_001
    except FederationError as refused:
        assert refused.code == "FED922"


def test_istiods_dump_with_the_names_of_protobufs_json_is_equal_to_envoys_and_hides_the_same():
    """A real istiod answers so; keys of maps and of free-form structures are data and stay."""
    match = {"name": "tlsMode-istio", "match": {"tlsMode": "istio"}}
    secret = {"inline_string": PLANTED}
    of_envoy = {
        "name": CART,
        "connect_timeout": "10s",
        "proxy_100_continue": True,
        "transport_socket_matches": [
            {
                **match,
                "transport_socket": {
                    "typed_config": {"common_tls_context": {"tls_certificates": [{"private_key": secret}]}}
                },
            }
        ],
        "metadata": {"filter_metadata": {"istio": {"someKey": 1}}},
        "typed_extension_protocol_options": {"envoy.v3.HttpProtocolOptions": {"http2_protocol_options": {}}},
    }
    of_istiod = {
        "name": CART,
        "connectTimeout": "10s",
        "proxy100Continue": True,
        "transportSocketMatches": [
            {
                **match,
                "transportSocket": {
                    "typedConfig": {
                        "commonTlsContext": {"tlsCertificates": [{"privateKey": {"inlineString": PLANTED}}]}
                    }
                },
            }
        ],
        "metadata": {"filterMetadata": {"istio": {"someKey": 1}}},
        "typedExtensionProtocolOptions": {"envoy.v3.HttpProtocolOptions": {"http2ProtocolOptions": {}}},
    }
    kind = f"{TYPE}ClustersConfigDump"
    sides = (
        {"@type": kind, "version_info": "1", "dynamic_active_clusters": [{"cluster": of_envoy}]},
        {"@type": kind, "versionInfo": "1", "dynamicActiveClusters": [{"cluster": of_istiod}]},
    )
    left, right = (read_dump(json.dumps({"configs": [side]}).encode(), "side") for side in sides)
    assert compared(left, right, folds_of([])).as_data()["differences"] == []
    assert PLANTED not in json.dumps([left.as_data(), right.as_data()])
    assert "someKey" in json.dumps(right.as_data())
