# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Administrators who run our playbooks against the testbed, each with what is theirs and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from integration import warm_playbook

from testbed import Testbed

TREE = Path(__file__).absolute().parents[2]
EVERYBODY = {"unfederate_peers": "all"}
# The testbed's gateways and those who call them are on one machine.
ON_ONE_MACHINE = {"federation_loopback": True}
SERVICES = {"east": {"shop": ["cart", "ledger"]}, "west": {"shop": ["checkout"]}}


@dataclass
class Run:
    """One run of ansible-playbook: its exit code and all that it printed."""

    returncode: int
    output: str

    def changed(self, host: str) -> int:
        """Return how many tasks changed something on ``host``, by the recap."""
        return self._counted(host, "changed")

    def failed(self, host: str) -> int:
        """Return how many tasks failed on ``host``, by the recap."""
        return self._counted(host, "failed")

    def tasks(self, host: str) -> int:
        """Return how many tasks Ansible took up for ``host``, by the recap."""
        return sum(self._counted(host, word) for word in ("ok", "skipped", "failed", "rescued"))

    @property
    def to_accept(self) -> list[str]:
        """Return the lines for ``federation_accept_changes`` that refusals of this run give."""
        return sorted(
            set(re.findall(r"federation_accept_changes=([a-z0-9-]+=[0-9A-F]{4}(?:-[0-9A-F]{4}){7})", self.output))
        )

    def _counted(self, host: str, word: str) -> int:
        found = re.search(rf"^{host} .*\b{word}=(\d+)", self.output, re.MULTILINE)
        assert found, f"the recap names no {host}:\n{self.output}"
        return int(found[1])


@dataclass
class Administrator:
    """Somebody with a folder, an inventory in it, and the kubeconfigs that the inventory names."""

    folder: Path
    collections: str
    meshes: dict[str, dict[str, Any]]
    environment: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self) -> None:
        """Write the inventory down."""
        groups = {"meshes": self.meshes, "clusters": self.clusters}
        inventory = {group: {"hosts": hosts} for group, hosts in groups.items() if hosts}
        (self.folder / "meshes.yml").write_text(yaml.safe_dump(inventory, sort_keys=False), encoding="utf-8")

    def play(
        self, playbook: str, *options: str, variables: Mapping[str, Any] | None = None, must_pass: bool = True
    ) -> Run:
        """Run one playbook, ours by its name or the administrator's own ``….yml``; ``variables`` are given as extra
        variables.

        Fails the test when it fails and ``must_pass``.
        """
        self.write()
        words = ["-i", "meshes.yml", playbook if playbook.endswith(".yml") else f"ossm.federation.{playbook}", *options]
        if variables:
            words += ["-e", json.dumps(variables)]
        code, printed = warm_playbook.play(words, self.folder, self.env)
        self.printed.append(printed)
        assert not must_pass or code == 0, printed
        return Run(code, printed)

    def accept(self, playbook: str, *options: str, variables: Mapping[str, Any] | None = None) -> Run:
        """Play one playbook that is refused for what has changed, and again with the lines that the refusals give."""
        refused = self.play(playbook, variables=variables, must_pass=False)
        assert refused.returncode and refused.to_accept, refused.output
        return self.play(
            playbook, *options, variables={**(variables or {}), "federation_accept_changes": refused.to_accept}
        )

    def counted(self, playbook: str) -> dict[str, int]:
        """Run one playbook that is to change nothing, and return how many tasks each host had, by the recap and a
        callback alike.
        """
        counted, before = self.folder / "counted.json", self.environment
        plugins = str(Path(__file__).absolute().parent / "callbacks")
        counting = {"ANSIBLE_CALLBACK_PLUGINS": plugins, "ANSIBLE_CALLBACKS_ENABLED": "counting"}
        self.environment = {**before, **counting, "OSSM_FEDERATION_COUNTED": str(counted)}
        run, self.environment = self.play(playbook), before
        found = json.loads(counted.read_text(encoding="utf-8"))
        assert found == {host: run.tasks(host) for host in self.meshes}, run.output
        assert not any(run.changed(host) for host in self.meshes), run.output
        return found

    def start(self, playbook: str, *options: str, output: Path | None = None) -> subprocess.Popen:
        """Start one playbook in a session of its own and return it running; what it prints goes to the file
        ``output``.
        """
        self.write()
        words = [
            "ansible-playbook",
            "-i",
            "meshes.yml",
            playbook if playbook.endswith(".yml") else f"ossm.federation.{playbook}",
            *options,
        ]
        with open(output or os.devnull, "wb") as printed:
            streams = {"stdin": subprocess.DEVNULL, "stdout": printed, "stderr": printed}
            return subprocess.Popen(words, cwd=self.folder, env=self.env, start_new_session=True, **streams)

    @property
    def env(self) -> dict[str, str]:
        """The environment of a run: what a shell has, without anything of this test's own shell that speaks
        to Ansible.
        """
        kept = {
            key: text
            for key, text in os.environ.items()
            if not key.startswith(("ANSIBLE_", "K8S_AUTH_", "KUBE", "PYTEST_"))
        }
        return {
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": self.collections,
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / ".ansible" / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **self.environment,
        }


def until(look: Callable[[], Any], what: str, seconds: float = 180) -> Any:
    """Return what ``look`` sees as soon as it sees anything; fail the test when it does not in time."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return seen


def described(bed: Testbed, name: str) -> dict[str, Any]:
    """Return what an administrator writes of one mesh: east offers cart to west, which takes it."""
    own = {
        "east": {"mesh_peers": ["west"], "mesh_exports": [{"name": "cart", "namespace": "shop"}], "mesh_imports": []},
        "west": {"mesh_peers": ["east"], "mesh_exports": [], "mesh_imports": [{"namespace": "shop"}]},
    }[name]
    return {"mesh_kubeconfig": bed.meshes[name].kubeconfig, **ON_ONE_MACHINE, **own}


def federation_of(bed: Testbed, name: str) -> dict[str, dict]:
    """Return the specs of everything that a federation leaves in a mesh's namespace, by kind and name."""
    mesh = bed.meshes[name]
    found = {}
    for kind in ("ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet", "ConfigMap"):
        for live in mesh.kube.list(kind, mesh.namespace):
            labels = live["metadata"].get("labels") or {}
            if kind != "ConfigMap" or "ossm.federation/mesh" in labels:
                found[f"{kind}/{live['metadata']['name']}"] = live.get("spec") or live.get("data")
    gateways = (
        mesh.kube.get("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace)["spec"].get("gateways") or {}
    )
    for part in ("additionalIngress", "additionalEgress"):
        found.update({f"{part}/{gateway}": spec for gateway, spec in (gateways.get(part) or {}).items()})
    return found


def versions_of(bed: Testbed, name: str) -> dict[str, str]:
    """Return the generations of a mesh's federation objects and control plane: equal before and after
    nothing changed.
    """
    mesh = bed.meshes[name]
    kinds = ("ServiceMeshControlPlane", "ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet")
    return {
        f"{kind}/{live['metadata']['name']}": f"{live['metadata']['uid']}:{live['metadata']['generation']}"
        for kind in kinds
        for live in mesh.kube.list(kind, mesh.namespace)
    }


def clear(bed: Testbed) -> None:
    """Take every fault and every trace of a federation out of all meshes, past our own code, and start their istiods
    anew.
    """
    faults = bed.state()["faults"]
    for mesh in bed.meshes.values():
        for fault in faults.get(mesh.name, {}):
            mesh.heal(fault)
        for kind in ("ImportedServiceSet", "ExportedServiceSet", "ServiceMeshPeer", "ConfigMap"):
            for live in mesh.kube.list(kind, mesh.namespace):
                if kind != "ConfigMap" or "ossm.federation/mesh" in (live["metadata"].get("labels") or {}):
                    mesh.kube.delete(kind, live["metadata"]["name"], mesh.namespace)
        control_plane = mesh.kube.get("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace)
        remembered = [
            key
            for key in control_plane["metadata"].get("annotations") or {}
            if key.startswith("ossm.federation/known-")
        ]
        nothing = {"metadata": {"annotations": dict.fromkeys(remembered)}, "spec": {"gateways": None}}
        mesh.kube.merge("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace, nothing)
        mesh.restart_istiod()
