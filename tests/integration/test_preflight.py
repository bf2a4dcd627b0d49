# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The preflight on real API servers: nothing in a healthy federation, everything in one that was made badly by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration.administrators import TREE, Administrator, Run, clear, versions_of

from testbed import Testbed

Make = Callable[..., Administrator]
SHIPPED = TREE / "playbooks" / "files" / "mesh-administrator.yml"
HOME = "east-mesh-system"


@pytest.fixture
def cleared(bed: Testbed) -> Iterator[Testbed]:
    """The testbed, and after the test without what was made by hand."""
    yield bed
    clear(bed)


def codes_in(run: Run) -> set[str]:
    """Return the codes of findings that a run shows."""
    return set(re.findall(r"(?:ERROR|WARNING) +(FED\d{3})", run.output))


def test_a_healthy_federation_has_no_findings_and_is_warned_of_nothing(cleared: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    both.play("federate")
    again = both.play("federate")
    assert (again.changed("east"), again.changed("west")) == (0, 0)
    assert "FED7" not in again.output
    before = versions_of(cleared, "east")
    seen = both.play("preflight", variables={"preflight_strict": True, "federation_report": "report.json"})
    assert codes_in(seen) == set()
    assert seen.output.count("nothing found") == 2, seen.output
    assert versions_of(cleared, "east") == before
    report = json.loads((both.folder / "report.json").read_text(encoding="utf-8"))
    assert [report[name]["findings"] for name in ("east", "west")] == [[], []]


def made_badly_by_hand(bed: Testbed) -> None:
    """Make a peering as somebody might who has read half of the documentation."""
    mesh = bed.meshes["east"]
    gateway = {"service": {"ports": [{"name": "tls", "port": 15443}]}}
    gateways = {
        "additionalIngress": {"in": gateway},
        "additionalEgress": {"out": {**gateway, "enabled": True, "requestedNetworkView": ["partner-network"]}},
    }
    mesh.kube.merge("ServiceMeshControlPlane", mesh.control_plane, HOME, {"spec": {"gateways": gateways}})
    objects = [
        (
            "ServiceMeshPeer",
            "partner",
            {
                "remote": {"addresses": ["https://gw.example.com:8188"]},
                "gateways": {"ingress": {"name": "in"}, "egress": {"name": "out"}},
                "security": {"trustDomain": "partner.local"},
            },
        ),
        (
            "ExportedServiceSet",
            "partner",
            {"exportRules": [{"type": "NameSelector", "nameSelector": {"namespace": "shop", "name": "two-ports"}}]},
        ),
        ("ImportedServiceSet", "from-partner", {"importRules": [{"type": "NameSelector", "nameSelector": {}}]}),
    ]
    for kind, name, spec in objects:
        mesh.kube.create(
            {
                "apiVersion": "federation.maistra.io/v1",
                "kind": kind,
                "metadata": {"name": name, "namespace": HOME},
                "spec": spec,
            }
        )


def test_a_federation_made_badly_by_hand_gives_its_codes(cleared: Testbed, administrator: Make) -> None:
    cleared.meshes["east"].echo("shop", "two-ports", ports=(80, 8080))
    made_badly_by_hand(cleared)
    east = administrator("east")
    before = versions_of(cleared, "east")
    seen = east.play("preflight")
    assert codes_in(seen) >= {
        "FED701",
        "FED702",
        "FED706",
        "FED713",
        "FED731",
        "FED734",
        "FED740",
        "FED747",
        "FED761",
    }, seen.output
    assert "ServiceMeshPeer east-mesh-system/partner, spec.security.clientID: is missing" in seen.output
    strict = east.play("preflight", variables={"preflight_strict": True}, must_pass=False)
    assert strict.failed("east") == 1
    assert versions_of(cleared, "east") == before
    cleared.meshes["east"].unecho("shop", "two-ports")


def test_everything_that_a_run_would_refuse_is_told_at_once(cleared: Testbed, administrator: Make) -> None:
    east = administrator("east")
    east.meshes["east"].update(
        mesh_exports=[{"name": "cart", "namespace": "shop", "to": ["nobody"]}, {"nmae": "ledger", "namespace": "shop"}],
        mesh_imports=[{"namespace": "shop", "import_as_local": True}],
        mesh_trust_domain="other.local",
    )
    refused = east.play("preflight", must_pass=False)
    assert refused.failed("east") == 1
    assert codes_in(refused) == {"FED302", "FED313", "FED317", "FED404"}, refused.output


def test_what_an_administrator_may_not_read_is_unknown(cleared: Testbed, administrator: Make, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    west, mesh = administrator("west"), cleared.meshes["west"]
    shipped = SHIPPED.read_text(encoding="utf-8").replace(HOME, mesh.namespace)
    assert ", sidecars]" in shipped
    rules.write_text(shipped.replace(", sidecars]", "]"), encoding="utf-8")
    west.meshes["west"]["mesh_kubeconfig"] = mesh.service_account_kubeconfig("preflight", mesh.namespace, [rules])
    seen = west.play("preflight")
    assert re.search(r"UNKNOWN +Sidecar objects in .*shop.*: this account may not read them", seen.output), seen.output
    assert codes_in(seen) == set()
