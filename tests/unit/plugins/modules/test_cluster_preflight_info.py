# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``cluster_preflight_info`` against a cluster in memory: what it finds before anything is installed."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._arguments import OLM
from ansible_collections.ossm.federation.plugins.module_utils._core.errors import FederationError
from ansible_collections.ossm.federation.plugins.modules import cluster_preflight_info
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW

SPACE, MARKET = "openshift-operators", "openshift-marketplace"
MESH = "servicemeshoperator"
PLAIN = {"tracing": {"type": "None"}, "addons": {name: {"enabled": False} for name in ("kiali", "grafana", "prometheus")}}
WANTED = {"mesh": "east", "version": "v2.5", "spec": PLAIN}
TENANT = {"mesh": "east", "members": ["shop"], "admins": {"users": ["anna"]}}


class Module:
    """As much of an AnsibleModule as the module's ``run`` sees."""

    check_mode = False

    def __init__(self, params):
        defaults = {name: option.get("default") for name, option in OLM.items()}
        self.params = {**defaults, "title": "east-cluster", "control_planes": [WANTED], "tenants": [TENANT], **params}


class Forbidding(ClusterInMemory):
    """A cluster that forbids to read some kinds."""

    forbidden: tuple[str, ...] = ()

    def get(self, kind, namespace, name):
        self._guard(kind)
        return super().get(kind, namespace, name)

    def list(self, kind, namespace, selector=None, keep=None):
        self._guard(kind)
        return super().list(kind, namespace, selector, keep)

    def _guard(self, kind):
        if kind.name in self.forbidden:
            raise FederationError("FED104", where=f"list {kind.name}", what="is forbidden", mend="Ask for the right")


def run(cluster, **params):
    return cluster_preflight_info.run(Module(params), cluster, NOW)


def codes(result):
    return [finding["code"] for finding in result["findings"]]


def put(cluster, version, kind, name, namespace=SPACE, **body):
    cluster.put({"apiVersion": version, "kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **body})


def offer(cluster, package, *versions, channel="stable", catalog="redhat-operators", name=""):
    channels = [{"name": channel, "currentCSV": versions[-1], "entries": [{"name": each} for each in versions]}]
    status = {"packageName": package, "catalogSource": catalog, "channels": channels}
    put(cluster, "packages.operators.coreos.com/v1", "PackageManifest", name or package, MARKET, status=status)


def catalog(cluster, name="redhat-operators", state="READY"):
    put(cluster, "operators.coreos.com/v1alpha1", "CatalogSource", name, MARKET, status={"connectionState": {"lastObservedState": state}})


@pytest.fixture
def cluster():
    cluster = Forbidding(NOW)
    cluster.groups.add("operators.coreos.com")
    catalog(cluster)
    offer(cluster, MESH, f"{MESH}.v2.5.1", f"{MESH}.v2.6.0")
    return cluster


def test_a_bare_cluster_that_has_what_is_needed_is_in_order_and_nothing_is_written(cluster):
    result = run(cluster)
    assert (result["lines"], result["unknown"], cluster.writes) == (["east-cluster · nothing found"], [], [])


def test_all_that_installing_would_refuse_is_found_at_once(cluster):
    put(cluster, "operators.coreos.com/v1", "OperatorGroup", "one")
    put(cluster, "operators.coreos.com/v1", "OperatorGroup", "two")
    put(cluster, "operators.coreos.com/v1alpha1", "Subscription", "maistraoperator", spec={"name": "maistraoperator"})
    put(cluster, "v1", "Namespace", "shop", "")
    cluster._objects[("Namespace", "", "shop")]["metadata"]["labels"] = {"maistra.io/member-of": "west-mesh-system"}
    wrong = {**WANTED, "version": "v2.1", "spec": {**PLAIN, "policy": {"type": "Mixer"}}}
    result = run(cluster, control_planes=[wrong], operators=[{"package": MESH, "channel": "stabel"}])
    assert codes(result) == ["FED422", "FED426", "FED441", "FED442", "FED449"]
    assert result["counts"] == {"errors": 5, "warnings": 0, "unknown": 0}
    assert "would follow the channel stabel, and in the CatalogSource openshift-marketplace/redhat-operators it has stable" in "\n".join(result["lines"])


def test_a_package_or_first_version_that_a_catalog_lacks_is_found(cluster):
    catalog(cluster, "mirror")
    assert codes(run(cluster, operators=[{"package": MESH, "starting_csv": f"{MESH}.v2.5.0"}])) == ["FED449"]
    assert codes(run(cluster, catalog="mirror")) == ["FED449"], "another catalog's package of the same name does not count"
    offer(cluster, MESH, f"{MESH}.v2.5.1", catalog="mirror", name="the-other")
    assert codes(run(cluster, catalog="mirror")) == []
    assert codes(run(cluster, control_planes=[{**WANTED, "spec": {"tracing": {"type": "None"}}}])) == ["FED449"], "Kiali"


def test_a_catalog_that_does_not_answer_is_a_warning_and_nobody_says_what_it_has(cluster):
    catalog(cluster, state="TRANSIENT_FAILURE")
    cluster._objects.pop(("PackageManifest", MARKET, MESH))
    result = run(cluster)
    assert codes(result) == ["FED454"] and result["findings"][0]["seen"] == "is not READY; OLM has seen TRANSIENT_FAILURE"
    assert result["counts"]["errors"] == 0


def test_an_operator_that_is_too_old_for_what_is_wanted_is_found(cluster):
    spec = {"name": MESH, "source": "redhat-operators", "sourceNamespace": MARKET}
    put(cluster, "operators.coreos.com/v1alpha1", "Subscription", MESH, spec=spec, status={"installedCSV": f"{MESH}.v2.5.1"})
    assert codes(run(cluster)) == []
    result = run(cluster, control_planes=[{**WANTED, "version": "v2.6"}])
    assert codes(result) == ["FED443"] and "has installed servicemeshoperator.v2.5.1" in result["findings"][0]["seen"]


def test_the_platform_is_judged_for_each_version_that_is_wanted(cluster):
    cluster.groups.add("config.openshift.io")
    status = {"history": [{"state": "Completed", "version": "4.10.9"}]}
    put(cluster, "config.openshift.io/v1", "ClusterVersion", "version", "", status=status)
    put(cluster, "config.openshift.io/v1", "Network", "cluster", "", status={"networkType": "OVNKubernetes"})
    both = [WANTED, {**WANTED, "mesh": "lab", "version": "v2.4"}]
    result = run(cluster, control_planes=both)
    assert [(found["code"], found["seen"]) for found in result["findings"]] == [("FED792", "is 4.10.9, and v2.5 is made for 4.13 and later")]


def test_without_olm_that_is_found_and_the_rest_is_looked_at_all_the_same(cluster):
    cluster.groups.clear()
    assert codes(run(cluster, control_planes=[{**WANTED, "version": "2.5"}])) == ["FED420", "FED445"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Subscription", ["FED442", "FED443", "FED447", "FED449"]),
        ("CatalogSource", ["FED447", "FED449", "FED454"]),
        ("PackageManifest", ["FED449"]),
        ("Namespace", ["FED426"]),
    ],
)
def test_what_may_not_be_read_is_unknown(cluster, kind, expected):
    cluster.forbidden = (kind,)
    result = run(cluster)
    assert (codes(result), [gap["codes"] for gap in result["unknown"]], result["counts"]["unknown"]) == ([], [expected], 1)


def test_a_mesh_that_cannot_be_read_does_not_hide_another(cluster):
    put(cluster, "v1", "Namespace", "shop", "")
    cluster._objects[("Namespace", "", "shop")]["metadata"]["labels"] = {"maistra.io/member-of": "west-mesh-system"}
    assert codes(run(cluster, tenants=[{"mesh": "lab", "admins": {}}, TENANT])) == ["FED426", "FED450"]
