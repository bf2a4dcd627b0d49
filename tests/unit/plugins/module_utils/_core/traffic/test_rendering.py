# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules of traffic written down without a cluster are those that a run writes, and what needs a cluster is named."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.modules import federation, mesh_traffic
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory
from ansible_collections.ossm.federation.tests.unit.traffic_in_memory import EXPORTS, IMPORTS, LOCALITY, PEERS, estate

DESCRIPTION = {
    "mesh": "east",
    "peers": PEERS,
    "exports": EXPORTS,
    "imports": IMPORTS,
    "locality": LOCALITY,
    "trust_domain": "east.local",
}
WRITTEN = [
    {"service": "shop/cart", "failover_to": "west"},
    {"service": "shop/till", "split": {"local": 80, "west": 20}, "timeout": "2s"},
    {"service": "shop/price", "callers": {"service_accounts": ["shop/web"]}},
]


def render(tmp_path, *rules):
    asked = {**DESCRIPTION, "state": "rendered", "render_dir": str(tmp_path), "traffic": list(rules), "version": "v2.5"}
    return federation.run(RunInMemory(DESCRIBED, FORCE, federation.OPTIONS, **asked), None, NOW)


def test_what_is_rendered_is_what_a_run_writes(tmp_path):
    done = render(tmp_path, *WRITTEN)
    cluster = estate()
    mesh_traffic.run(RunInMemory(DESCRIBED, FORCE, mesh_traffic.OPTIONS, **DESCRIPTION, traffic=WRITTEN), cluster, NOW)
    written = list(yaml.safe_load_all((tmp_path / "east" / "traffic.yaml").read_text(encoding="utf-8")))
    assert [(each["kind"], each["metadata"]["name"]) for each in written] == [
        (kind, name) for _verb, kind, name in cluster.writes
    ]
    for each in written:
        metadata = each["metadata"]
        live = cluster._objects[(each["kind"], metadata["namespace"], metadata["name"])]
        assert (each["spec"], metadata["labels"], metadata["annotations"]) == (
            live["spec"],
            live["metadata"]["labels"],
            live["metadata"]["annotations"],
        )
    kustomization = yaml.safe_load((tmp_path / "east" / "kustomization.yaml").read_text(encoding="utf-8"))
    assert "traffic.yaml" in kustomization["resources"]
    assert len(list((tmp_path / "east" / "apply" / "traffic").iterdir())) == len(written) + 1
    assert not [row for row in done["pending"] if row["reason"].startswith("FED")]
    assert render(tmp_path, *WRITTEN)["changed"] is False


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (
            {"service": "shop/checkout", "callers": {"from_mesh": ["west"], "local": "nobody"}},
            "needs the selector of the Service",
        ),
        ({"service": "shop/other", "failover_to": "west"}, "FED852"),
        ({"service": "shop/cart", "split": {"local": 50, "north": 50}}, "FED852"),
    ],
)
def test_a_rule_that_needs_a_cluster_is_left_out_and_named(tmp_path, rule, reason):
    assert any(reason in row["reason"] for row in render(tmp_path, rule)["pending"])
    assert not (tmp_path / "east" / "traffic.yaml").exists()


def test_a_rule_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(FederationError, match="FED855"):
        render(tmp_path, {"service": "shop/till", "split": {"local": 80, "west": 30}})
    assert list(tmp_path.iterdir()) == []


def test_what_belongs_into_a_rule_of_somebody_else_is_left_out_and_named(tmp_path):
    done = render(tmp_path, {**WRITTEN[0], "merge": True}, WRITTEN[1])
    written = list(yaml.safe_load_all((tmp_path / "east" / "traffic.yaml").read_text(encoding="utf-8")))
    assert "DestinationRule" not in {each["kind"] for each in written}
    assert "mesh_traffic, shop/cart, merge: needs the existing DestinationRule" in str(done)
