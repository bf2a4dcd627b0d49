# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rights that are shipped for who keeps extensions are those that the modules use."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, MESH
from ansible_collections.ossm.federation.plugins.module_utils._wasm import standing, wasm_of
from ansible_collections.ossm.federation.plugins.modules import extension_conversion, threescale_adapter, wasm_extension
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.meshes import WHOLE
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.test_converting import (
    IMAGE,
    old,
)
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.threescale.adapters import PORTAL
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils.test_canary import Mesh
from ansible_collections.ossm.federation.tests.unit.plugins.modules.test_threescale_adapter import ANSWER, FETCHING
from ansible_collections.ossm.federation.tests.unit.plugins.modules.test_wasm_extension import SPACE, mesh
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

FILES = Path(__file__).parents[4] / "playbooks" / "files"
VERBS = {"get": "get", "list": "list", "apply": "patch", "delete": "delete", "review": "create"}


def granted(file: str = "extensions-administrator.yml") -> dict[str, set[tuple[str, str, str]]]:
    """Return what each namespace's Role grants: (verb, group, resource)."""
    roles = [
        each for each in yaml.safe_load((FILES / file).read_text(encoding="utf-8"))["items"] if each["kind"] == "Role"
    ]
    return {
        role["metadata"]["namespace"]: {
            (verb, group, resource)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        for role in roles
    }


@pytest.fixture
def used(monkeypatch) -> set:
    """Whatever is asked of a cluster from here on: (namespace, verb, group, resource)."""
    asked: set[tuple[str, str, str, str]] = set()
    for name, verb in VERBS.items():
        answer = getattr(ClusterInMemory, name)

        def told(self, kind, *rest, _answer=answer, _verb=verb, **more):
            namespace = rest[0]["metadata"]["namespace"] if _verb == "patch" else rest[0]
            group = kind.api_version.rpartition("/")[0]
            asked.update(
                {
                    (namespace, _verb, group, kind.plural),
                    *([(namespace, "create", group, kind.plural)] if _verb == "patch" else []),
                }
            )
            return _answer(self, kind, *rest, **more)

        monkeypatch.setattr(ClusterInMemory, name, told)
    return asked


def test_the_shipped_roles_hold_all_that_is_asked_and_no_secret(tmp_path, used):
    cluster = mesh("v2.2", members=("shop",))
    everywhere = [WHOLE, {**WHOLE, "namespace": SPACE}]
    for state in ("present", "absent"):
        wasm_extension.run(
            RunInMemory(MESH, FORCE, wasm_extension.OPTIONS, mesh="east", state=state, extensions=everywhere),
            cluster,
            NOW,
        )
    cluster.put(old())
    options = {"mesh": "east", "images": {IMAGE: IMAGE}, "dest": str(tmp_path), "apply": True}
    extension_conversion.run(RunInMemory(MESH, FORCE, extension_conversion.OPTIONS, **options), cluster, NOW)
    rights = granted()
    assert len(used) > 10 and {each for each in used if each[1:] not in rights[each[0]]} == set()
    assert not [right for role in rights.values() for right in role if right[2] in ("secrets", "*") or "*" in right[:2]]


def test_the_shipped_roles_hold_all_that_a_trial_asks(used):
    east = Mesh(members=("shop",))
    page, merge = east.cluster.page, east.cluster.merge_patch

    def merged(kind, namespace, *rest, **more):
        used.add((namespace, "patch", "", kind.plural))
        return merge(kind, namespace, *rest, **more)

    def asked(namespace, *rest, **more):
        used.add((namespace, "create", "", "pods/portforward"))
        return page(namespace, *rest, **more)

    east.cluster.page, east.cluster.merge_patch = asked, merged
    assert east.keep()[0]["extensions"][0]["ready"]
    plain, more = granted(), granted("extensions-canary.yml")
    assert {("shop", "patch", "", "pods"), (SPACE, "create", "", "pods/portforward")} <= used
    # The test's own proxies look at the whole cluster.
    assert {each for each in used if each[0] and each[1:] not in plain[each[0]] | more[each[0]]} == set()


def test_the_shipped_roles_for_3scale_hold_all_that_is_asked_and_one_named_secret(used, monkeypatch):
    class Answering:
        def __init__(self, *_access):
            """Take any access."""

        def get(self, path):
            return ANSWER

    monkeypatch.setattr(threescale_adapter, "Portal", Answering)
    secret = {"namespace": SPACE, "secret": "threescale-portal", "key": "token"}
    described = {**FETCHING, "portal": {"url": PORTAL["url"], "token_from": secret}}
    adapters = [{**described["adapters"][0], "oidc": {"issuer": "https://sso"}, "switch": "deny"}]
    adapters.append({**adapters[0], "namespace": SPACE, "selector": {"istio": "ingressgateway"}})
    given = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "threescale-portal", "namespace": SPACE},
        "data": {"token": "YWNjZXNzLXRva2Vu"},
    }
    clusters = [mesh(version, members=("shop",)) for version in ("v2.2", "v2.5")]
    for cluster in clusters:
        cluster.put(given)
        for state in ("present", "absent"):
            options = {"mesh": "east", "state": state, "threescale": {**described, "adapters": adapters}}
            threescale_adapter.run(RunInMemory(MESH, FORCE, threescale_adapter.OPTIONS, **options), cluster, NOW)
    rights = granted("threescale-administrator.yml")
    # Which OpenShift this is says an object that no namespace has; who may not read it is told so.
    namespaced = used - {("", "get", "config.openshift.io", "clusterversions")}
    assert (
        len(used) > len(namespaced) > 20 and {each for each in namespaced if each[1:] not in rights[each[0]]} == set()
    )
    assert [right for role in rights.values() for right in role if right[2] in ("secrets", "*")] == [
        ("get", "", "secrets")
    ]
    rules = [
        rule
        for each in yaml.safe_load((FILES / "threescale-administrator.yml").read_text())["items"]
        for rule in each.get("rules", ())
    ]
    assert [rule["resourceNames"] for rule in rules if "secrets" in rule["resources"]] == [["threescale-portal"]]


def test_who_only_reads_may_look_at_all_that_preflight_and_status_say_of_extensions_and_3scale(used):
    services = [{**FETCHING["adapters"][0]["services"][0], "token": "a-service-token", "mapping_rules": []}]
    adapters = [
        {**FETCHING["adapters"][0], "namespace": namespace, "services": services} for namespace in ("shop", SPACE)
    ]
    options = {
        "mesh": "east",
        "namespace": "",
        "control_plane": "basic",
        "extensions": [WHOLE, {**WHOLE, "namespace": SPACE}],
    }
    for version in ("v2.2", "v2.5"):
        cluster = mesh(version, members=("shop",))
        for look in (wasm_of, standing):
            look({**options, "threescale": {**FETCHING, "adapters": adapters}, "threescale_tests": []}, cluster)
    rights = granted("mesh-reader.yml")
    assert len(used) > 10 and {each for each in used if each[1:] not in rights[each[0]]} == set()
