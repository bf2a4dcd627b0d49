# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kubelet's server for pods that are processes of this machine: their logs, ports and commands, by way of the API
server's own subresources.
"""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .cluster import Cluster
from .processes import Process, Processes

_READ_SECONDS = 0.2


@dataclass(frozen=True)
class Served:
    """A pod: which ``ports`` of this machine its own ports are, as (address, port), and the log of each container.

    ``commands`` are containers in which commands may run: on this machine, with these variables of the environment.
    """

    name: str
    namespace: str
    ports: Mapping[int, tuple[str, int]]
    logs: Mapping[str, Path]
    commands: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Logs:
    """Copies what processes write into files as a container runtime keeps them, line by line with the time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stop = threading.Event()
        self._copied: dict[Path, tuple[Path, int]] = {}
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def copy_of(self, log: Path, name: str) -> Path:
        """Return where the copy of ``log`` is kept, from now on."""
        target = self._folder / f"{name}.log"
        target.touch()
        self._copied[log] = target, 0
        return target

    def start(self) -> None:
        """Begin to copy."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_READ_SECONDS):
            for log, (target, done) in list(self._copied.items()):
                if log.exists() and log.stat().st_size > done:
                    self._copied[log] = target, self._copy(log, target, done)

    @staticmethod
    def _copy(log: Path, target: Path, done: int) -> int:
        with open(log, "rb") as read:
            read.seek(done)
            text = read.read()
        whole = text[: text.rfind(b"\n") + 1]
        moment = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z").encode()
        with open(target, "ab") as written:
            written.writelines(moment + b" stdout F " + line + b"\n" for line in whole.splitlines())
        return done + len(whole)


def start_kubelet(
    cluster: Cluster, kwok: Path, processes: Processes, node: str, place: tuple[str, int], pods: Iterable[Served]
) -> Process:
    """Start kwok as the kubelet of ``node``, listening at ``place``, and return it; the pods' status stays whoever
    wrote it.
    """
    address, port = place
    certificate, key = cluster.authority.serving("kubelet", [address])
    kubeconfig = cluster.directory / "kubeconfig-kubelet"
    cluster.write_kubeconfig(kubeconfig, cluster.name, cluster.server)
    api = "kwok.x-k8s.io/v1alpha1"
    stage = {
        "resourceRef": {"apiGroup": "v1", "kind": "Node"},
        "selector": {"matchLabels": {"nobody": "has-this"}},
        "next": {},
    }
    texts: list[dict] = [{"apiVersion": api, "kind": "Stage", "metadata": {"name": "none"}, "spec": stage}]
    for pod in pods:
        metadata = {"name": pod.name, "namespace": pod.namespace}
        forwards = [
            {"ports": [own], "target": {"address": target[0], "port": target[1]}} for own, target in pod.ports.items()
        ]
        texts.append({"apiVersion": api, "kind": "PortForward", "metadata": metadata, "spec": {"forwards": forwards}})
        logs = [{"containers": [name], "logsFile": str(path)} for name, path in pod.logs.items()]
        texts.append({"apiVersion": api, "kind": "Logs", "metadata": metadata, "spec": {"logs": logs}})
        execs = [
            {"containers": [name], "local": {"envs": [{"name": key, "value": value} for key, value in given.items()]}}
            for name, given in pod.commands.items()
        ]
        texts.append({"apiVersion": api, "kind": "Exec", "metadata": metadata, "spec": {"execs": execs}})
    config = cluster.directory / "kubelet.yaml"
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as written:
        yaml.safe_dump_all(texts, written, sort_keys=False)
    words = [
        kwok,
        f"--kubeconfig={kubeconfig}",
        f"--manage-single-node={node}",
        f"--config={config}",
        f"--server-address={address}:{port}",
    ]
    words += [
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        "--node-lease-duration-seconds=0",
        f"--node-ip={address}",
    ]
    started = processes.start("kubelet", words, cluster.directory / "kubelet.log", {"HOME": str(cluster.directory)})
    status = {
        "addresses": [{"type": "InternalIP", "address": address}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    cluster.kube.merge("Node", node, None, {"status": status}, "status")
    return started
