# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The main job: two administrators, or one run, on real API servers, with real requests through real Envoys."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from integration.administrators import EVERYBODY, Administrator, clear, federation_of, until, versions_of

from testbed import Testbed

Make = Callable[..., Administrator]
CARDS = {"federation_cards_dir": "cards"}
# Tasks of one host where nothing is to do: what a run costs is what Ansible takes for each.
MOST_TASKS = {"federate": 8, "status": 5}
# What a mesh with one peer and one member asks its API server for then, of all modules: what federate reads it reads
# once, and no discovery.
# Who imports also looks at the Sidecars of each member, so there is one more for each.
MOST_REQUESTS = {"federate": 11, "status": 8}


def hand_over(giver: Administrator, taker: Administrator, card: str) -> None:
    """Carry one card file from one folder to the other, as people do by mail."""
    (taker.folder / "cards").mkdir(exist_ok=True)
    shutil.copy2(giver.folder / "cards" / card, taker.folder / "cards" / card)


def secrets_of(bed: Testbed) -> set[str]:
    """Return every token, key and password in the meshes' kubeconfigs."""
    found = set()
    for mesh in bed.meshes.values():
        config = yaml.safe_load(Path(mesh.kubeconfig).read_text(encoding="utf-8"))
        for entry in config["users"]:
            for key, text in entry["user"].items():
                found.add(text)
                if key.endswith("-data"):
                    found.add(base64.b64decode(text).decode())
    return found


def asked_of(bed: Testbed, name: str) -> list[str]:
    """Return what this collection has asked a mesh's API server for, by its audit log."""
    events = map(json.loads, Path(bed.meshes[name].audit_log).read_text(encoding="utf-8").splitlines())
    return [
        f"{event['verb']} {event['requestURI'].partition('?')[0]}"
        for event in events
        if event.get("userAgent") == "ossm.federation"
    ]


def connected(output: str) -> str:
    """Return what was printed when it shows east connected both ways."""
    return output if re.search(r"east +connected +connected", output) else ""


@pytest.mark.whole_flow
def test_two_administrators_federate_with_nothing_but_cards(bed: Testbed, administrator: Make) -> None:
    east, west = administrator("east"), administrator("west")

    for admin, card in ((east, "east-for-west.json"), (west, "west-for-east.json")):
        admin.play("publish_cards", "--diff", variables=CARDS)
        assert (admin.folder / "cards" / card).is_file()
    hand_over(east, west, "east-for-west.json")

    first = west.play("federate", "--diff", variables=CARDS)
    assert re.search(r"east +(pending|unknown)", first.output), first.output
    hand_over(west, east, "west-for-east.json")
    second = east.play("federate", "--diff", variables=CARDS)
    assert re.search(r"west +connected +connected", second.output), second.output

    # That east is connected, east says; when west has seen it, too, is for west to say.
    shown = until(
        lambda: connected(west.play("status", variables={**CARDS, "status_fail_on": []}).output),
        "west sees east connected",
    )
    assert "cart.shop.svc.east-imports.local" in shown
    assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").json["mesh"] == "east"
    assert bed.meshes["west"].call("ledger.shop.svc.east-imports.local").status is None

    assert "nothing found" in east.play("preflight", variables=CARDS).output
    rendering = {"mesh_trust_domain": "east.local", "mesh_version": "v2.3", "federation_render_dir": "rendered"}
    assert east.play("render", variables={**CARDS, **rendering}).changed("east") == 1
    assert list((east.folder / "rendered").glob("**/*.yaml"))

    for admin, name in ((east, "east"), (west, "west")):
        before = versions_of(bed, name)
        again = admin.play("federate", "-vvv", variables=CARDS)
        assert again.changed(name) == 0, again.output
        checked = admin.play("federate", "--check", "--diff", variables=CARDS)
        assert checked.changed(name) == 0, checked.output
        assert versions_of(bed, name) == before

    for admin, other in ((east, "west"), (west, "east")):
        text = "".join(admin.printed) + "".join(
            p.read_text(encoding="utf-8") for p in (admin.folder / "cards").iterdir()
        )
        assert not [secret for secret in secrets_of(bed) if secret in text]
        server = re.search(r"server: (\S+)", Path(bed.meshes[other].kubeconfig).read_text(encoding="utf-8"))[1]
        assert server not in text, f"{other}'s API server is named"
        assert "PRIVATE KEY" not in text

    for admin, name in ((east, "east"), (west, "west")):
        report = admin.folder / "report.json"
        admin.play("status", variables={**CARDS, "federation_report": str(report)})
        assert list(json.loads(report.read_text(encoding="utf-8"))) == [name]

    checked = east.play("unfederate", "--check", "--diff", variables=EVERYBODY)
    assert checked.changed("east") > 0
    assert federation_of(bed, "east")
    for admin, name in ((west, "west"), (east, "east")):
        admin.play("unfederate", variables=EVERYBODY)
        assert federation_of(bed, name) == {}
        assert admin.play("unfederate", variables=EVERYBODY).changed(name) == 0
    assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").status is None


def test_one_run_federates_both_meshes_and_takes_it_back(bed: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    fresh = both.play("federate", "--check", "--diff")
    assert "(known after apply)" in fresh.output
    assert re.search(r"east · \d objects to create\n  west gains cart\.shop\n", fresh.output), fresh.output
    assert "the present status: east · east-mesh-system/basic" in fresh.output
    assert federation_of(bed, "east") == federation_of(bed, "west") == {}

    done = both.play("federate", "--diff")
    assert "known after apply" not in done.output
    assert "shop/cart exported as cart.shop.svc.west-exports.local" in done.output
    assert not list(both.folder.glob("**/*-for-*.json")), "a run that sees both meshes needs no files"
    assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").status == 200
    for playbook, most in MOST_TASKS.items():
        before = {name: len(asked_of(bed, name)) for name in bed.meshes}
        counted = both.counted(playbook)
        assert max(counted.values()) <= most, f"{playbook}: {counted}"
        for name, earlier in before.items():
            asked = asked_of(bed, name)[earlier:]
            assert 0 < len(asked) <= MOST_REQUESTS[playbook], asked
            assert playbook == "status" or len(asked) == len(set(asked)), (
                "what one module has read another does not read again"
            )

    seen = both.play("report", variables={"report_json": "page.json", "report_parts": ["preflight", "validate"]})
    assert "Report · 2 of 2 meshes seen · 1 of 1 peerings connected" in seen.output, seen.output
    page = json.loads((both.folder / "page.json").read_text(encoding="utf-8"))
    assert {row["name"]: row["state"] for row in page["meshes"]} == {"east": "ok", "west": "ok"}
    assert {(each["from"], each["to"], each["name"]) for each in page["peerings"][0]["names"]} >= {
        ("east", "west", "cart.shop")
    }
    assert {(row["namespace"], row["mode"]) for row in page["mutual_tls"]} >= {("shop", "PERMISSIVE")}

    both.meshes["west"]["mesh_imports"] = [{"name": "cart", "namespace": "shop", "import_as_local": True}]
    bed.meshes["west"].echo("shop", "cart", text="west's own")
    reports = {
        "federation_report": "drift.json",
        "federation_report_junit": "drift.xml",
        "federation_report_metrics": "drift.prom",
    }
    before = versions_of(bed, "west")
    drifted = both.play("drift", variables=reports, must_pass=False)
    assert "FED631 Mesh west: federate would change ImportedServiceSet west-mesh-system/east" in drifted.output, (
        drifted.output
    )
    assert "√ east: federate would change nothing" in drifted.output and (
        drifted.failed("east"),
        drifted.failed("west"),
    ) == (0, 1)
    assert "west imports cart.shop from east as cart.shop.svc.cluster.local" in drifted.output
    assert versions_of(bed, "west") == before
    report = json.loads((both.folder / "drift.json").read_text(encoding="utf-8"))
    assert {mesh: entry["verdict"] for mesh, entry in report.items()} == {"east": "ok", "west": "drift"}
    assert 'ossm_federation_drift_objects{mesh="west"} 1\n' in (both.folder / "drift.prom").read_text(encoding="utf-8")
    assert '<failure type="drift"' in (both.folder / "drift.xml").read_text(encoding="utf-8")
    assert {(both.folder / f"drift.{end}").stat().st_mode & 0o777 for end in ("json", "xml", "prom")} == {0o600}
    changed = both.play("federate", "--diff")
    assert "west · 1 object changed\n  west imports cart.shop from east as" in changed.output
    assert (changed.changed("east"), changed.changed("west")) == (0, 1)
    answers = {bed.meshes["west"].call("cart.shop.svc.cluster.local").json["mesh"] for _try in range(8)}
    assert answers == {"east", "west"}
    bed.meshes["west"].unecho("shop", "cart")

    both.play("unfederate", variables=EVERYBODY)
    assert federation_of(bed, "east") == federation_of(bed, "west") == {}
    assert both.play("unfederate", variables=EVERYBODY).changed("west") == 0


def commands_of(readme: str, step: int) -> list[str]:
    """Return the blocks of commands that one step of a README gives."""
    return re.findall(r"```sh\n(.*?)```", re.split(r"^## \d+\. ", readme, flags=re.MULTILINE)[step], re.DOTALL)


BY_HAND = [program for program in ("kubectl", "jq", "openssl") if shutil.which(program) is None]


@pytest.mark.skipif(bool(BY_HAND), reason=f"not installed: {', '.join(BY_HAND)}")
def test_a_peer_joins_with_kubectl_alone_and_its_own_federate_finds_what_it_would_have_written(
    bed: Testbed, administrator: Make
) -> None:
    east, west, mesh = administrator("east"), administrator("west"), bed.meshes["west"]
    half = {
        "namespace": mesh.namespace,
        "control_plane": "basic",
        "version": "v2.3",
        "imports": [{"namespace": "shop"}],
    }
    east.meshes["east"]["mesh_peers"] = [{"name": "west", "kubectl": half}]
    east.play("publish_cards", variables=CARDS)
    folder = Path(shutil.copytree(east.folder / "cards" / "east-for-west", west.folder / "from-east"))
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(mesh.kubeconfig), "HOME": str(west.folder)}

    def follow(step: int, block: int = 0) -> str:
        words = ["sh", "-euc", commands_of((folder / "README.md").read_text(encoding="utf-8"), step)[block]]
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    card = json.loads((east.folder / "cards" / "east-for-west.json").read_text(encoding="utf-8"))
    assert card["roots"][0]["fingerprint"] in follow(1).replace(":", "")
    follow(2)
    until(
        lambda: (mesh.kube.get("Service", "east-ingress", mesh.namespace) or {}).get("status", {}).get("loadBalancer"),
        "west's gateway has an address",
    )
    assert "east-ingress" in follow(2, 1)
    follow(4)
    follow(5)
    # A folder as a whole, as render writes them, too: nothing is left out, and nothing is otherwise.
    written = versions_of(bed, "west")
    for manager, part in (("ossm.federation/gateways/east", "gateways"), ("ossm.federation", "peering")):
        words = ["kubectl", "apply", "--server-side", f"--field-manager={manager}", "-k", part]
        applied = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=120
        ).stdout
        assert applied.count("serverside-applied") == len(list((folder / part).glob("*.yaml"))) - 1
    assert versions_of(bed, "west") == written
    made = json.loads((folder / "west-for-east.json").read_text(encoding="utf-8"))
    shutil.copy2(folder / "west-for-east.json", east.folder / "cards")
    east.play("federate", variables=CARDS)
    assert until(lambda: mesh.call("cart.shop.svc.east-imports.local").status == 200, "west's call is answered by east")

    hand_over(east, west, "east-for-west.json")
    before = versions_of(bed, "west")
    west.play("federate", variables=CARDS)
    assert versions_of(bed, "west") == before, "federate wrote again what kubectl had written in its name"
    by_module = json.loads((west.folder / "cards" / "west-for-east.json").read_text(encoding="utf-8"))
    assert {**made, "issued": by_module["issued"]} == by_module
    clear(bed)


def test_cards_given_as_data_and_evaluated_nowhere(bed: Testbed, administrator: Make) -> None:
    east, west = administrator("east"), administrator("west")
    west.play("publish_cards", variables=CARDS)
    card = json.loads((west.folder / "cards" / "west-for-east.json").read_text(encoding="utf-8"))
    trap = east.folder / "trap"
    hostile = {**card, "client_id": "{{ lookup('ansible.builtin.pipe', 'touch " + str(trap) + "') }}"}
    refused = east.play("federate", variables={"federation_cards": [hostile]}, must_pass=False)
    assert "FED2" in refused.output and not trap.exists()
    assert not [name for name in federation_of(bed, "east") if name.startswith("ServiceMesh")]

    east.play("federate", variables={"federation_cards": [card]})
    assert "ServiceMeshPeer/west" in federation_of(bed, "east")
    east.play("unfederate", variables=EVERYBODY)
    west.play("unfederate", variables=EVERYBODY)


def test_rendering_needs_no_cluster_and_says_what_federate_would_write(bed: Testbed, administrator: Make) -> None:
    both = administrator("east", "west")
    both.play("publish_cards", variables=CARDS)
    both.play("federate", variables=CARDS)
    east = administrator("east")
    east.meshes["east"].update(mesh_kubeconfig="/nonexistent", mesh_trust_domain="east.local", mesh_version="v2.3")
    east.play(
        "render", variables={"federation_cards_dir": str(both.folder / "cards"), "federation_render_dir": "rendered"}
    )
    documents = {
        f"{manifest['kind']}/{manifest['metadata']['name']}": manifest
        for path in (east.folder / "rendered" / "east").glob("*.yaml")
        for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if "metadata" in manifest
    }
    live = federation_of(bed, "east")
    for name in ("ServiceMeshPeer/west", "ExportedServiceSet/west", "ImportedServiceSet/west"):
        assert documents[name]["spec"] == live[name]
    assert documents["ConfigMap/west-ca-root-cert"]["data"] == live["ConfigMap/west-ca-root-cert"]
    patch = documents["ServiceMeshControlPlane/basic"]["spec"]["gateways"]
    assert set(patch["additionalIngress"]) == {"west-ingress"}
    both.play("unfederate", variables=EVERYBODY)
