# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two partners that both call themselves prod, told apart by our own names; and a partner that calls us otherwise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from integration.administrators import ON_ONE_MACHINE, Administrator, federation_of

from testbed import MeshSpec, Testbed

CARDS = {"federation_cards_dir": "cards"}
MESHES = [
    MeshSpec("hub", cluster="one", members=["desk"], services={"desk": ["till"]}),
    MeshSpec("acme", cluster="one", members=["acme-shop"], services={"acme-shop": ["cart"]}),
    MeshSpec("globex", cluster="one", members=["globex-shop"], services={"globex-shop": ["cart"]}),
]


def administrators(folder: Path, collections: str, bed: Testbed) -> dict[str, Administrator]:
    """Return the three administrators: the hub's with our names, and those of the two partners that say prod of
    themselves.
    """
    described: dict[str, dict[str, Any]] = {
        "hub": {
            "mesh_peers": [{"name": "prod", "local_name": "acme"}, {"name": "prod", "local_name": "globex"}],
            "mesh_exports": [{"name": "till", "namespace": "desk", "to": ["acme"]}],
            "mesh_imports": [{"name": "cart"}],
        },
        "acme": {
            "mesh_name": "prod",
            "mesh_peers": [{"name": "hub", "local_name": "center"}],
            "mesh_exports": [{"name": "cart", "namespace": "acme-shop"}],
            "mesh_imports": [{"namespace": "desk"}],
        },
        "globex": {
            "mesh_name": "prod",
            "mesh_peers": ["hub"],
            "mesh_exports": [{"name": "cart", "namespace": "globex-shop"}],
            "mesh_imports": [{"namespace": "desk"}],
        },
    }
    found = {}
    for name, own in described.items():
        mesh = bed.meshes[name]
        (folder / name).mkdir()
        whole = {"mesh_kubeconfig": mesh.kubeconfig, **ON_ONE_MACHINE, "mesh_namespace": mesh.namespace, **own}
        found[name] = Administrator(folder / name, collections, {name: whole})
    return found


def test_two_partners_called_prod_federate_with_one_mesh(tmp_path: Path, collections: str) -> None:
    with Testbed.start(tmp_path / "bed", meshes=MESHES, clock_scale=0.05) as bed:
        admins = administrators(tmp_path, collections, bed)
        hub, acme, globex = (admins[name] for name in ("hub", "acme", "globex"))
        handed = hub.play("publish_cards", variables=CARDS).output
        assert (
            "hub-for-acme.json to the administrator of acme (it calls itself prod, and keeps the file as"
            " hub-for-prod.json)" in handed
        )
        for name, partner in (("acme", acme), ("globex", globex)):
            partner.play("publish_cards", variables=CARDS)
            shutil.copy2(hub.folder / "cards" / f"hub-for-{name}.json", partner.folder / "cards" / "hub-for-prod.json")
            shutil.copy2(partner.folder / "cards" / "prod-for-hub.json", hub.folder / "cards" / f"{name}-for-hub.json")
            partner.play("federate", variables=CARDS)
        assert (hub.folder / "cards" / "hub-for-acme.json").read_bytes() != (
            hub.folder / "cards" / "hub-for-globex.json"
        ).read_bytes()

        shown = hub.play("federate", variables={**CARDS, "federation_require_peer": True}).output
        assert "acme" in shown and "globex" in shown
        for name in ("acme", "globex"):
            answer = bed.meshes["hub"].call(f"cart.{name}-shop.svc.{name}-imports.local", source="client.desk")
            assert (answer.status, answer.json["mesh"]) == (200, name)
        acme.play("federate", variables={**CARDS, "federation_require_peer": True})
        assert (
            bed.meshes["acme"].call("till.desk.svc.center-imports.local", source="client.acme-shop").json["mesh"]
            == "hub"
        )
        assert bed.meshes["globex"].call("till.desk.svc.hub-imports.local", source="client.globex-shop").status is None

        cards = [
            json.loads((hub.folder / "cards" / f"{name}-for-hub.json").read_text(encoding="utf-8"))
            for name in ("globex", "acme")
        ]
        again = hub.play("federate", variables={"federation_cards": cards})
        assert again.changed("hub") == 0, "known peers are told apart by who they are on the cluster"

        hub.play("unfederate", variables={"unfederate_peers": ["acme"]})
        assert "ServiceMeshPeer/acme" not in federation_of(bed, "hub")
        assert bed.meshes["hub"].call("cart.globex-shop.svc.globex-imports.local", source="client.desk").status == 200
