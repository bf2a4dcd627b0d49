# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""An estate: twelve meshes, tenants of two clusters, in full mesh, ring and star; who fails takes down only their own
peerings.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path

import pytest
import yaml
from integration.administrators import ON_ONE_MACHINE, TREE, Administrator, Run, federation_of, versions_of

from testbed import MeshSpec, Testbed

NAMES = ("amber", "birch", "cedar", "delta", "ember", "flint", "grove", "haven", "islet", "jetty", "knoll", "larch")
CLUSTERS = {name: "north" if number < 6 else "south" for number, name in enumerate(NAMES)}
EXAMPLE = TREE / "examples" / "estate"
# Slower than elsewhere: 132 peerings that renew their watches every three seconds would leave no time for the run.
SCALE = 0.5
FULL_MESH, STAR, RING = (("-e", f"@topology/{shape}.yml") for shape in ("full-mesh", "star", "ring"))
DRAWN = ("larch", "haven", "grove")
"""Who fails where time is short: before anything is asked, after writing, and after making a card. `make soak` has all
six.
"""
CARDS = {"federation_cards_dir": "cards"}


class Estate(Administrator):
    """The administrator of the example estate, with the inventory that lies there; ``meshes`` is what single meshes say
    otherwise.
    """

    def write(self) -> None:
        """Write down what single meshes say otherwise."""
        for name in NAMES:
            (self.folder / "host_vars" / f"{name}.yml").write_text(
                yaml.safe_dump({**ON_ONE_MACHINE, **self.meshes.get(name, {})}), encoding="utf-8"
            )

    def turn_round(self) -> None:
        """Turn the order of the inventory's hosts round."""
        path = self.folder / "meshes.yml"
        inventory = yaml.safe_load(path.read_text(encoding="utf-8"))
        clusters = inventory["meshes"]["children"]
        turned = {name: {"hosts": dict(reversed(clusters[name]["hosts"].items()))} for name in reversed(clusters)}
        path.write_text(yaml.safe_dump({"meshes": {"children": turned}}, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """The example's twelve meshes without a federation, each with a cart in <name>-shop."""
    meshes = [
        MeshSpec(name, cluster=cluster, members=[f"{name}-shop"], services={f"{name}-shop": ["cart"]})
        for name, cluster in CLUSTERS.items()
    ]
    with Testbed.start(tmp_path_factory.mktemp("estate"), meshes=meshes, clock_scale=SCALE) as running:
        yield running


@pytest.fixture
def admin(tmp_path: Path, collections: str, estate: Testbed) -> Estate:
    """The estate's administrator, in a copy of the example with the clusters' kubeconfigs beside the inventory."""
    folder = tmp_path / "estate"
    shutil.copytree(EXAMPLE, folder)
    (folder / "host_vars").mkdir()
    for name, cluster in CLUSTERS.items():
        shutil.copy2(estate.meshes[name].kubeconfig, folder / f"{cluster}.kubeconfig")
    # The tests count by Ansible's own recap; the example shows less.
    return Estate(folder, collections, {}, environment={"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"})


def peered(estate: Testbed, name: str) -> set[str]:
    """Return the names of a mesh's peers."""
    return {key.partition("/")[2] for key in federation_of(estate, name) if key.startswith("ServiceMeshPeer/")}


def is_reached(estate: Testbed, mesh: str, peer: str) -> bool:
    """Return whether a workload of ``mesh`` gets an answer from the cart of ``peer``."""
    answer = estate.meshes[mesh].call(f"cart.{peer}-shop.svc.{peer}-imports.local", source=f"client.{mesh}-shop")
    return answer.status == 200 and answer.json["mesh"] == peer


def clear(estate: Testbed, names: Iterable[str]) -> None:
    """Take every trace of a federation out of some meshes, past our own code; their services are offered to nobody by
    then.
    """
    for mesh in (estate.meshes[name] for name in names):
        for kind in ("ImportedServiceSet", "ExportedServiceSet", "ServiceMeshPeer", "ConfigMap"):
            for live in mesh.kube.list(kind, mesh.namespace):
                if kind != "ConfigMap" or "ossm.federation/mesh" in (live["metadata"].get("labels") or {}):
                    mesh.kube.delete(kind, live["metadata"]["name"], mesh.namespace)
        mesh.kube.merge("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace, {"spec": {"gateways": None}})
        mesh.restart_istiod()


def row(run: Run, host: str, peer: str) -> str:
    """Return the line about ``peer`` in the last table of ``host``, whether a task showed it as lines or as a list of
    texts.
    """
    lines = [line.strip().strip('",') for line in run.output.splitlines()]
    tables = [
        at for at, line in enumerate(lines) if line.startswith(f"{host} · ") and lines[at + 1].startswith("PEER ")
    ]
    assert tables, f"no table of {host} was shown:\n{run.output}"
    table = takewhile(lambda line: line and not line.startswith(("]", "ok: ")), lines[tables[-1] + 2 :])
    found = [line for line in table if line.startswith(f"{peer} ")]
    assert found, f"the table of {host} has no {peer}:\n{run.output}"
    return found[0]


def requests_by_namespace(estate: Testbed) -> Counter[str]:
    """Return how many requests the API servers have had of us, by the namespace asked about."""
    counted: Counter[str] = Counter()
    for log in {mesh.audit_log for mesh in estate.meshes.values()}:
        for line in Path(log).read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            if event.get("userAgent") == "ossm.federation":
                counted[event.get("objectRef", {}).get("namespace", "")] += 1
    return counted


@pytest.mark.long
def test_an_arc_of_a_ring_one_mesh_at_a_time(estate: Testbed, admin: Estate) -> None:
    arc = NAMES[:3]
    done = admin.play("federate", "-f", "1", *RING, "--limit", ",".join(arc))
    assert peered(estate, "amber") == {"birch"} and peered(estate, "cedar") == {"birch"}
    assert peered(estate, "birch") == {"amber", "cedar"}
    assert "waits for card larch-for-amber.json" in row(done, "amber", "larch"), (
        "who is not in the run has made no card"
    )
    assert "waits for card delta-for-cedar.json" in row(done, "cedar", "delta")
    assert is_reached(estate, "amber", "birch") and is_reached(estate, "birch", "cedar")
    assert not is_reached(estate, "amber", "cedar"), "a neighbour's neighbour is no peer"
    clear(estate, arc)


def test_a_star_in_batches_of_one_with_carried_cards(estate: Testbed, admin: Estate) -> None:
    hub, leaf = NAMES[5:7]
    star = (*STAR, "-e", f"hub={hub}", "--limit", f"{hub},{leaf}", "-e", "federation_cards_dir=cards")
    admin.play("publish_cards", *star)
    done = admin.play("federate", *star, "-e", "federation_serial=1")
    assert (peered(estate, hub), peered(estate, leaf)) == ({leaf}, {hub}), "of the others no card has come"
    assert "waits for card larch-for-flint.json" in row(done, hub, "larch")
    assert re.search(rf"{hub} +connected +connected", row(done, leaf, hub))
    assert is_reached(estate, leaf, hub) and is_reached(estate, hub, leaf)
    clear(estate, (hub, leaf))


def test_one_control_plane_by_two_ways_is_refused(estate: Testbed, admin: Estate, tmp_path: Path) -> None:
    mesh = estate.meshes["amber"]
    second = mesh.service_account_kubeconfig("second", mesh.namespace, [may_read(tmp_path)], proxied=True)
    admin.meshes["birch"] = {"mesh_kubeconfig": second, "mesh_namespace": mesh.namespace}
    before = versions_of(estate, "amber")
    refused = admin.play("federate", *FULL_MESH, "--limit", "amber,birch", must_pass=False)
    assert (refused.failed("amber"), refused.failed("birch")) == (1, 1)
    assert "FED103 Meshes amber and birch: are one and the same control plane" in refused.output, refused.output
    assert versions_of(estate, "amber") == before


def may_read(folder: Path) -> Path:
    """Return a file with a Role that may read all that we read, and write nothing."""
    groups = ["", "maistra.io", "federation.maistra.io", "discovery.k8s.io", "networking.istio.io", "apps"]
    rules = [{"apiGroups": groups, "resources": ["*"], "verbs": ["get", "list"]}]
    path = folder / "reader.yml"
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader"},
        "rules": rules,
    }
    path.write_text(yaml.safe_dump(role), encoding="utf-8")
    return path


def with_failures(estate: Testbed, admin: Estate, folder: Path) -> dict[str, str]:
    """Let six meshes fail, each at another step; return the code of each that is in the run."""
    nothing = folder / "nothing.yml"
    nothing.write_text("---\n", encoding="utf-8")
    larch, knoll, jetty, islet, haven = (estate.meshes[name] for name in ("larch", "knoll", "jetty", "islet", "haven"))
    # Amber's by its label, of a type that somebody else wants; without the label it would not be amber's at all
    # (FED228).
    service = {"type": "NodePort", "metadata": {"labels": {"federation.maistra.io/ingress-for": "amber"}}}
    islet_holds = {"spec": {"gateways": {"additionalIngress": {"amber-ingress": {"service": service}}}}}
    larch.fault("api-refuse")
    haven.fault("no-address")
    islet.kube.merge("ServiceMeshControlPlane", islet.control_plane, islet.namespace, islet_holds)
    admin.meshes = {
        "larch": {"mesh_kubeconfig": larch.proxied_kubeconfig, "mesh_api_timeout": 1},
        "knoll": {"mesh_kubeconfig": knoll.service_account_kubeconfig("stranger", knoll.namespace, [nothing])},
        "jetty": {"mesh_kubeconfig": jetty.service_account_kubeconfig("reader", jetty.namespace, [may_read(folder)])},
        "haven": {"federation_timeout": 2},
        "grove": {"mesh_peers": [{"name": "amber", "root_fingerprints": ["00" * 32]}]},
    }
    codes = {
        "larch": "FED105",
        "knoll": "FED104",
        "jetty": "FED104",
        "islet": "FED107",
        "haven": "FED601",
        "grove": "FED210",
    }
    return codes if os.environ.get("OSSM_FEDERATION_SOAK") else {name: codes[name] for name in DRAWN}


def fix(estate: Testbed, admin: Estate) -> None:
    """Take away what let meshes fail."""
    admin.meshes = {}
    estate.meshes["larch"].heal("api-refuse")
    estate.meshes["haven"].heal("no-address")
    islet = estate.meshes["islet"]
    islet.kube.merge("ServiceMeshControlPlane", islet.control_plane, islet.namespace, {"spec": {"gateways": None}})


def test_who_fails_is_named_by_the_others_which_finish_and_the_next_run_joins_all_of_them(
    estate: Testbed, admin: Estate, tmp_path: Path
) -> None:
    failures = with_failures(estate, admin, tmp_path)
    finishing = NAMES[:2]
    report = {"federation_report": "report.json"}
    together = [name for name in NAMES if name in (*finishing, *failures)]
    limit = ("--limit", ",".join(together))
    first = admin.play("federate", *FULL_MESH, *limit, variables=report, must_pass=False)
    fix(estate, admin)

    reported = json.loads((admin.folder / "report.json").read_text(encoding="utf-8"))
    assert {name: reported[name]["error"]["code"] for name in failures} == failures
    for name, other in (finishing, reversed(finishing)):
        assert first.failed(name) == 0 and "error" not in reported[name], first.output
        # Grove made its card and failed at what it read later: its peers have done their part.
        assert peered(estate, name) == {other, "grove"}
        assert re.search(rf"{other} +connected +connected", row(first, name, other))
        assert is_reached(estate, name, other)
        assert all("failed in this run" in row(first, name, failed) for failed in failures)
        assert "waits for card" in row(first, name, "ember")
    assert not any(peered(estate, name) for name in failures)

    before = {name: versions_of(estate, name) for name in finishing}
    admin.turn_round()
    admin.meshes = {"cedar": {"mesh_peers": ["larch", "birch"]}}
    (admin.folder / "cards").mkdir(exist_ok=True)
    admin.play("federate", *FULL_MESH, *limit, "-f", "3", variables=CARDS)
    for name in finishing:
        after = versions_of(estate, name)
        kept = [key for key in before[name] if not key.startswith("ServiceMeshControlPlane/")]
        assert {key: after[key] for key in kept} == {key: before[name][key] for key in kept}, (
            "another order is no change"
        )
    for number, name in enumerate(together):
        assert peered(estate, name) == set(together) - {name}
        assert shape_of(estate, name) == shape_of(estate, "amber"), "who failed before looks like all others now"
        assert is_reached(estate, name, together[number - 1]) and is_reached(estate, name, together[number - 3])

    asked = asked_for_one_mesh(estate, admin)
    assert asked.total() < 30, f"many peers cost no more requests than one: {asked}"


def asked_for_one_mesh(estate: Testbed, admin: Administrator) -> Counter[str]:
    """Return how many requests, by namespace, a run for amber alone makes that finds nothing to do."""
    so_far = requests_by_namespace(estate)
    alone = admin.play("federate", *FULL_MESH, "--limit", "amber", variables=CARDS)
    assert alone.changed("amber") == 0
    assert re.search(r"larch +connected +connected", row(alone, "amber", "larch"))
    asked = requests_by_namespace(estate) - so_far
    assert set(asked) <= {"amber-mesh-system", "amber-shop", ""}, "a run for one mesh asks about no other"
    return asked


def shape_of(estate: Testbed, name: str) -> list[str]:
    """Return the specs of a mesh's federation, with its own name, its peers' names and addresses made equal for all
    meshes.
    """
    texts = [
        f"{key} {json.dumps(spec, sort_keys=True)}"
        for key, spec in federation_of(estate, name).items()
        if not key.startswith("ConfigMap/")
    ]
    others = "|".join(set(NAMES) - {name})
    for found, put in ((r"127[.]\d+[.]\d+[.]\d+", "ADDRESS"), (rf"\b{name}\b", "SELF"), (rf"\b({others})\b", "PEER")):
        texts = [re.sub(found, put, text) for text in texts]
    return sorted(texts)
