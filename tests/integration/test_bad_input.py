# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong is refused before anything is written, with a code, where, what, and how to fix it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from integration.administrators import Administrator, versions_of

from testbed import Testbed

Make = Callable[..., Administrator]

WRONG: list[Any] = [
    pytest.param({"mesh_peers": []}, {}, "FED301", id="no peers"),
    pytest.param(
        {"mesh_exports": [{"name": "cart", "namespace": "shop", "to": ["nobody"]}]},
        {},
        "FED302",
        id="unknown peer in a rule",
    ),
    pytest.param({"mesh_peers": ["east"]}, {}, "FED305", id="itself as a peer"),
    pytest.param(
        {"mesh_imports": [{"namespace": "shop", "domain_suffix": "svc.cluster.local"}]},
        {},
        "FED310",
        id="forbidden suffix",
    ),
    pytest.param(
        {"mesh_exports": [{"name": n, "namespace": "shop", "alias": {"name": "one"}} for n in ("cart", "ledger")]},
        {},
        "FED311",
        id="two rules, one name",
    ),
    pytest.param(
        {"mesh_exports": [{"namespace": "shop"}, {"name": "cart", "namespace": "shop"}]},
        {},
        "FED312",
        id="unreachable rule",
    ),
    pytest.param(
        {"mesh_imports": [{"namespace": "shop", "import_as_local": True}]}, {}, "FED313", id="wildcard as local"
    ),
    pytest.param({"mesh_control_plane": "other"}, {}, "FED401", id="no such control plane"),
    pytest.param({"mesh_trust_domain": "other.local"}, {}, "FED404", id="another trust domain"),
    pytest.param({"mesh_kubeconfig": None}, {}, "FED101", id="no credentials"),
    pytest.param({"mesh_exports": {"name": "cart"}}, {}, "FED325 mesh_exports: ", id="a mapping for a list"),
    pytest.param({}, {"federation_prune": "perhaps"}, "FED325 federation_prune: ", id="neither true nor false"),
    pytest.param({"mesh_imports": "{{ nothing }}"}, {}, "FED325 mesh_imports: ", id="a variable that is not there"),
]


@pytest.mark.parametrize(("wrong", "variables", "code"), WRONG)
def test_wrong_input_is_refused_before_anything_is_written(
    bed: Testbed, administrator: Make, wrong: dict, variables: dict, code: str
) -> None:
    east = administrator("east")
    east.meshes["east"].update(wrong)
    before = versions_of(bed, "east")
    refused = east.play("federate", variables=variables, must_pass=False)
    assert refused.returncode != 0
    assert code in refused.output, refused.output
    assert re.search(rf"/codes/{code[:6].lower()}\.html", refused.output)
    assert "argument_spec" not in refused.output
    assert versions_of(bed, "east") == before


def test_two_hosts_that_are_one_control_plane_are_refused(bed: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    both.meshes["west"].update(
        mesh_kubeconfig=bed.meshes["east"].kubeconfig, mesh_namespace="east-mesh-system", mesh_peers=["east"]
    )
    before = versions_of(bed, "east")
    refused = both.play("federate", must_pass=False)
    assert "FED103" in refused.output
    assert versions_of(bed, "east") == before


def test_credentials_of_the_environment_are_refused_for_several_meshes(bed: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    del both.meshes["west"]["mesh_kubeconfig"]
    both.environment = {"K8S_AUTH_KUBECONFIG": bed.meshes["west"].kubeconfig}
    refused = both.play("federate", must_pass=False)
    assert "FED102" in refused.output


def test_credentials_of_the_environment_serve_a_single_mesh(bed: Testbed, administrator: Make) -> None:
    east = administrator("east")
    del east.meshes["east"]["mesh_kubeconfig"]
    east.environment = {"K8S_AUTH_KUBECONFIG": bed.meshes["east"].kubeconfig}
    # Nothing is federated yet.
    assert "trust domain east.local" in east.play("status", variables={"status_fail_on": []}).output
