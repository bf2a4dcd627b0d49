# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every field that we write beside the federation's own kinds is one that the API knows, of its type and among its
words.

An API server drops, or refuses, a field that a kind does not have: what we thought to have said would not be said. The
testbed's definitions are always at hand; the genuine ones where ``OSSM_FEDERATION_CRDS`` names them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.described import read_extensions
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.plan import objections, plan
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.threescale import plan as threescale
from ansible_collections.ossm.federation.plugins.module_utils._core.threescale.described import read_threescale

from .plugins.module_utils._core.extensions.meshes import IMAGE, WHOLE, ground
from .plugins.module_utils._core.threescale.adapters import ADAPTER, PORTAL, SERVICE
from .plugins.module_utils._core.threescale.adapters import WHOLE as ADAPTERS
from .plugins.modules.test_extension_conversion import run as converted
from .plugins.modules.test_extension_conversion import with_old
from .plugins.modules.test_mesh_traffic import ALL, FAILOVER, FROM_WEST, SPLIT, TO_WEST, WEIGHTS, keep
from .traffic_in_memory import estate, rule

TREE = Path(__file__).parents[2]
TESTBED = TREE / "tests" / "testbed" / "crds"
GENUINE = Path(os.environ.get("OSSM_FEDERATION_CRDS") or TREE.parent / "shared" / "crds")
# Istio's own definitions stand in a folder of their own; ServiceMeshExtension went with 2.3.
FOLDERS = {"testbed": [TESTBED], "genuine": [GENUINE / "istio", GENUINE / "2.1"]}
needs_genuine = pytest.mark.skipif(
    not GENUINE.is_dir(), reason="optional: set OSSM_FEDERATION_CRDS to a folder with genuine definitions"
)
SOURCES = ["testbed", pytest.param("genuine", marks=needs_genuine)]
OPEN = "x-kubernetes-preserve-unknown-fields"
TYPES = {"object": Mapping, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
EVERY_FIELD = {
    "phase": "AUTHZ",
    "priority": 3,
    "config": {"first": {"second": [1]}},
    "pull_secret": "registry",
    "pull_policy": "Always",
    "plugin_name": "header_root",
    "sha256": "a" * 64,
    "ports": [8080],
    "env": [{"name": "LEVEL", "value": "debug"}],
}


@lru_cache(maxsize=2)
def schemas(source: str) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Return the schema of each kind by (apiVersion, kind)."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {}
    for path in (path for folder in FOLDERS[source] for path in sorted(folder.glob("*.yaml"))):
        for text in yaml.load_all(path.read_text(encoding="utf-8"), loader):
            for version in text["spec"]["versions"] if text and text.get("kind") == "CustomResourceDefinition" else ():
                key = (f"{text['spec']['group']}/{version['name']}", text["spec"]["names"]["kind"])
                found[key] = version["schema"]["openAPIV3Schema"]
    return found


def wrong_in(schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
    """Give what of a value its schema does not know, path first."""
    kind = TYPES.get(schema.get("type", ""))
    if value is None and schema.get("nullable"):
        return
    if kind and (not isinstance(value, kind) or (isinstance(value, bool) and schema["type"] != "boolean")):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not among {schema['enum']}"
    if isinstance(value, list):
        for number, entry in enumerate(value):
            yield from wrong_in(schema.get("items", {}), entry, f"{at}[{number}]")
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        yield from (f"{at}.{name}: is missing" for name in schema.get("required", ()) if name not in value)
        for name, below in value.items():
            inner = known.get(name) or schema.get("additionalProperties")
            if isinstance(inner, Mapping):
                yield from wrong_in(inner, below, f"{at}.{name}")
            elif not schema.get(OPEN):
                yield f"{at}.{name}: is not declared"


def unknown_to(source: str, manifests: Iterable[Mapping]) -> list[str]:
    """Return everything in some manifests that their kinds do not know."""
    found = []
    for one in manifests:
        schema = schemas(source)[(one["apiVersion"], one["kind"])]
        found += list(
            wrong_in(schema["properties"]["spec"], one["spec"], f"{one['kind']} {one['metadata']['name']}: spec")
        )
    return found


def expressible(minor: int, kind: str) -> list[dict]:
    """Return an extension as an object: with as many fields as that version and kind can say."""
    fields: dict = {**WHOLE, "kind": kind}
    place = ground(minor, is_inbound_only=True)
    for name, value in EVERY_FIELD.items():
        extensions, problems = read_extensions([{**fields, name: value}])
        assert problems == []
        if not objections(extensions, place):
            fields[name] = value
    extensions, _problems = read_extensions([fields])
    return [] if objections(extensions, place) else plan(extensions, place)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ["ServiceMeshExtension", "WasmPlugin"])
def test_an_extension_with_all_that_its_version_can_say_is_known_field_by_field(kind: str, source: str) -> None:
    found = {minor: expressible(minor, kind) for minor in range(6)}
    assert [minor for minor, objects in found.items() if objects] == (
        [0, 1, 2] if kind == "ServiceMeshExtension" else [2, 3, 4, 5]
    )
    assert unknown_to(source, [one for objects in found.values() for one in objects]) == []
    fullest = found[2] if kind == "ServiceMeshExtension" else found[5]
    assert len(fullest[0]["spec"]) == (7 if kind == "ServiceMeshExtension" else 11)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("phase", ["AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE"])
@pytest.mark.parametrize("policy", ["IfNotPresent", "Always"])
@pytest.mark.parametrize("traffic", ["inbound", "outbound", "both", "gateway"])
def test_every_word_of_a_plugin_is_one_of_its_kinds(traffic: str, policy: str, phase: str, source: str) -> None:
    extensions, problems = read_extensions(
        [{**WHOLE, "phase": phase, "pull_policy": policy, "traffic": traffic, "ports": [80]}]
    )
    assert (problems, objections(extensions, ground(5))) == ([], [])
    assert unknown_to(source, plan(extensions, ground(5))) == []


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("old", ["PreAuthN", "PostAuthN", "PreAuthZ", "PostAuthZ", "PreStats", "PostStats"])
def test_what_a_conversion_makes_is_known_field_by_field(
    old: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {
        "phase": old,
        "priority": 4,
        "config": {"a": [1]},
        "image": IMAGE,
        "workloadSelector": {"labels": {"app": "cart"}},
    }
    live = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshExtension",
        "metadata": {"name": "old", "namespace": "shop"},
        "spec": spec,
    }
    cluster = with_old("v2.2", live)
    made = _applied(cluster, monkeypatch)
    # A guard stops the run until somebody has seen the new one.
    with suppress(FederationError):
        converted(cluster, dest=str(tmp_path), apply=True, images={IMAGE: IMAGE})
    assert len(made) == 1 and unknown_to(source, made) == []


def _applied(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Return the list into which everything goes that is applied to a cluster from now on."""
    found: list[dict] = []
    apply = cluster.apply

    def noted(kind: Any, manifest: dict, *rest: Any, dry_run: bool = False, **more: Any) -> Any:
        if not dry_run:
            found.append(manifest)
        return apply(kind, manifest, *rest, dry_run=dry_run, **more)

    monkeypatch.setattr(cluster, "apply", noted)
    return found


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("minor", [1, 2, 3, 4, 5, 6])
def test_all_around_an_adapter_of_3scale_is_known_field_by_field(minor: int, source: str) -> None:
    oidc = {"issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/keys", "audiences": ["shop"]}
    place = ground(minor, is_inbound_only=True)
    system = {} if minor < 3 else {"system": {"ttl": 60}}
    service = {key: value for key, value in SERVICE.items() if key != "mapping_rules" or not system}
    backend = {**ADAPTERS["backend"], "ca_certificates": "/etc/pki/tls/certs/ca-bundle.crt"}
    whole = {
        "backend": backend,
        "portal": PORTAL,
        "adapters": [{**ADAPTER, "oidc": oidc, "services": [service], **system}],
    }
    described, problems = read_threescale(whole)
    assert (problems, threescale.objections(described, place)) == ([], [])
    objects = [*threescale.plan(described, place, "access"), threescale.denial_of(described.adapters[0], "east")]
    kinds = {"ServiceEntry", "DestinationRule", "RequestAuthentication", "AuthorizationPolicy"}
    assert {one["kind"] for one in objects} == {*kinds, "ServiceMeshExtension" if minor < 3 else "WasmPlugin"}
    assert unknown_to(source, objects) == []


RULES = [
    *([each] for each in ALL),
    [WEIGHTS],
    [
        {
            **FAILOVER,
            "timeout": "5s",
            "retries": {"attempts": 2, "per_try_timeout": "500ms", "retry_on": "connect-failure,503"},
        }
    ],
    [{**SPLIT, "timeout": "5s"}],
    [{"service": "shop/cart", "idle_timeout": "60s"}, {"service": "shop/till", "idle_timeout": "60s"}],
    [{**FROM_WEST, "callers": {**FROM_WEST["callers"], "dry_run": True}}],
    [{**TO_WEST, "timeout": "1m", "retries": {"attempts": 0}}],
]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("version", ["v2.2", "v2.3", "v2.5"])
@pytest.mark.parametrize("rules", RULES, ids=range(len(RULES)))
def test_all_that_routes_and_admits_is_known_field_by_field(
    rules: list, version: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = rule(
        "*.shop.svc.cluster.local", tls={"mode": "ISTIO_MUTUAL"}, connectionPool={"tcp": {"maxConnections": 9}}
    )
    cluster = estate(theirs, version=version)
    made = _applied(cluster, monkeypatch)
    keep(cluster, *rules)
    assert made and unknown_to(source, made) == []


def test_what_no_schema_knows_is_seen() -> None:
    plugin = {"apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin", "metadata": {"name": "x"}}
    spec = {
        "url": 5,
        "phase": "LAST",
        "selector": {"labels": {"app": "cart"}},
        "match": [{"ports": [{"number": True}]}],
    }
    assert unknown_to("testbed", [{**plugin, "spec": spec}]) == [
        "WasmPlugin x: spec.url: 5 is no string",
        "WasmPlugin x: spec.phase: 'LAST' is not among ['UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS']",
        "WasmPlugin x: spec.selector.labels: is not declared",
        "WasmPlugin x: spec.match[0].ports[0].number: True is no integer",
    ]
