# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbooks of a federation in few runs: what differs between two Ansibles differs by statement, which the newest's
many runs need not repeat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from integration.administrators import EVERYBODY, Administrator, federation_of

from testbed import MeshSpec, Testbed


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """Two meshes in one cluster, of which east offers cart."""
    services = {"east": ["cart"], "west": []}
    meshes = [
        MeshSpec(name, cluster="one", members=[f"{name}-shop"], services={f"{name}-shop": has})
        for name, has in services.items()
    ]
    with Testbed.start(tmp_path_factory.mktemp("bed"), meshes=meshes) as running:
        yield running


@pytest.mark.short_flow
def test_a_federation_comes_is_looked_at_and_goes(bed: Testbed, administrator: Callable[..., Administrator]) -> None:
    both, east = administrator("east", "west"), administrator("east")
    for name, mesh in both.meshes.items():
        mesh.update(mesh_trust_domain=f"{name}.local", mesh_version="v2.3")
    both.meshes["east"]["mesh_exports"] = [{"name": "cart", "namespace": "east-shop"}]
    both.meshes["west"]["mesh_imports"] = [{"namespace": "east-shop"}]
    written = {"federation_cards_dir": "cards", "federation_render_dir": "rendered", "federation_report": "status.json"}
    others = [f"ossm.federation.{name}" for name in ("federate", "status", "preflight", "render")]
    done = both.play("publish_cards", *others, "--diff", variables=written)
    assert (
        bed.meshes["west"].call("cart.east-shop.svc.east-imports.local", source="client.west-shop").json["mesh"]
        == "east"
    )
    assert "west gains cart.east-shop" in done.output and "nothing found" in done.output, done.output
    assert list(json.loads((both.folder / "status.json").read_text(encoding="utf-8"))) == ["east", "west"]
    assert {path.name for path in (both.folder / "rendered").iterdir()} >= {"east", "west"}

    again = both.play("federate", "--check", "--diff")
    assert (again.changed("east"), again.changed("west")) == (0, 0), again.output

    card = json.loads((both.folder / "cards" / "west-for-east.json").read_text(encoding="utf-8"))
    trap = east.folder / "trap"
    hostile = {**card, "client_id": "{{ lookup('ansible.builtin.pipe', 'touch " + str(trap) + "') }}"}
    refused = east.play("federate", variables={"federation_cards": [hostile]}, must_pass=False)
    assert "FED2" in refused.output and not trap.exists(), refused.output

    both.play("unfederate", "--diff", variables=EVERYBODY)
    assert federation_of(bed, "east") == federation_of(bed, "west") == {}
