# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that are brought down at a chosen request, and a record of every state that the API server held meanwhile."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.administrators import TREE

from testbed.client import Mesh, Testbed
from testbed.kube import Kube, resource_of

KINDS = ("ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet", "ConfigMap", "ServiceMeshControlPlane")
POLL_SECONDS = 0.01
LONGEST_SECONDS = 90.0


@dataclass(frozen=True)
class Point:
    """Where and how one run is brought down: at its request number ``at``."""

    number: int
    run: str
    at: int
    how: str

    @property
    def fault(self) -> dict[str, Any]:
        """The settings of the testbed's fault ``api-cut``."""
        return {
            "at": self.at,
            "when": "after" if "after" in self.how else "before",
            "lasts": "off" in self.how,
            "holds": self.how.startswith("killed"),
        }

    @property
    def is_killed(self) -> bool:
        return "killed" in self.how


# A killed process, with its request not sent yet or dealt with; a connection cut once, which the run survives; one that
# stays cut until the run gives up; and a process that is killed while it tries again.
HOWS = (
    "killed before the answer came",
    "killed after the request was dealt with",
    "cut before",
    "cut after",
    "cut off before",
    "cut off after",
    "cut off before, then killed",
    "cut off after, then killed",
)


def points(seed: int, count: int, requests: Mapping[str, int]) -> list[Point]:
    """Return ``count`` points, equal for an equal ``seed``; ``requests`` says how many requests each kind of run sends.

    The draw is stratified: the points of one kind of run lie in as many equal parts of it as there are points, one in
    each, and every way to die comes up as often as any other, so that few points see as much as they can.
    """
    chance = random.Random(seed)
    runs = list(requests)
    parts = {run: (count - n + len(runs) - 1) // len(runs) for n, run in enumerate(runs)}
    strata = {run: chance.sample(range(parts[run]), parts[run]) for run in runs}
    hows = [how for _round in range(count // len(HOWS) + 1) for how in chance.sample(HOWS, len(HOWS))]
    found = []
    for n in range(count):
        run = runs[n % len(runs)]
        width = requests[run] / parts[run]
        begin = strata[run][n // len(runs)] * width
        found.append(Point(n, run, min(requests[run], 1 + int(begin + chance.random() * width)), hows[n]))
    return found


class Runner:
    """A process that runs modules, one order at a time."""

    def __init__(self, collections: str, folder: Path) -> None:
        path = os.pathsep.join([collections, str(TREE / "tests"), os.environ.get("PYTHONPATH", "")])
        kept = {key: text for key, text in os.environ.items() if not key.startswith(("ANSIBLE_", "K8S_AUTH_", "KUBE"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "integration.module_runner"],
            env={**kept, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._results = folder / "results"

    def start(self, calls: Sequence[tuple[str, dict]]) -> int:
        """Start calls of modules and return the process that makes them."""
        self._process.stdin.write(json.dumps({"calls": calls, "results": str(self._results)}) + "\n")
        self._process.stdin.flush()
        return self._said()["pid"]

    def wait(self) -> int:
        """Return how the started process ended."""
        return self._said()["status"]

    @property
    def results(self) -> list[dict]:
        """What the modules of the latest run returned, as far as they came."""
        return [
            json.loads(line) for line in self._results.read_text(encoding="utf-8").splitlines() if line.startswith("{")
        ]

    def stop(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait(LONGEST_SECONDS)
        self._process.stdout.close()

    def _said(self) -> dict:
        line = self._process.stdout.readline()
        assert line, f"the runner of modules ended with {self._process.wait()}"
        return json.loads(line)


def brought_down(bed: Testbed, mesh: Mesh, runner: Runner, calls: Sequence[tuple[str, dict]], point: Point) -> int:
    """Run ``calls`` until the point is reached, bring it about, and return how the process ended."""
    mesh.fault("api-cut", **point.fault)
    pid = runner.start(calls)
    if point.is_killed:
        await_cut(bed, mesh, lambda: _is_running(pid))
        kill_group(pid)
    status = runner.wait()
    mesh.heal("api-cut")
    return status


def await_cut(bed: Testbed, mesh: Mesh, is_running: Callable[[], bool]) -> None:
    """Return when the fault ``api-cut`` has come about, or the run has ended before."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while is_running() and not bed.state()["faults"][mesh.name]["api-cut"].get("is_done"):
        assert time.monotonic() < deadline, "the request at which the run should be brought down never came"
        time.sleep(POLL_SECONDS)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill_group(pid: int) -> None:
    """Kill a process group that is led by ``pid``; one that has ended by itself is no error."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


@dataclass(frozen=True)
class Event:
    """One change that the API server made known: the state of one object from ``version`` on, None once it
    is deleted.
    """

    version: int
    kind: str
    name: str
    live: dict | None


class Record:
    """All changes of a federation's objects in one namespace, from the start to the end, in the order in which they
    happened.

    One API server gives the versions of all kinds from one counter, so events of several watches have one order.
    """

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube, self._namespace = kube, namespace
        self._before: dict[str, dict[str, dict]] = {}
        self._events: list[Event] = []
        self._connections: list[Any] = []
        self._threads: list[threading.Thread] = []
        self._problem = ""
        self._seen: dict[str, int] = {}
        self._changed = threading.Condition()
        for kind in KINDS:
            found, version = kube.list_with_version(kind)
            self._before[kind] = {
                live["metadata"]["name"]: live for live in found if live["metadata"]["namespace"] == namespace
            }
            self._threads.append(
                threading.Thread(target=self._follow, args=(kind, version), name=f"record-{kind}", daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def _event(self, kind: str, live: dict, *, is_gone: bool = False) -> Event:
        metadata = live["metadata"]
        return Event(int(metadata["resourceVersion"]), kind, metadata["name"], None if is_gone else live)

    def _follow(self, kind: str, version: str) -> None:
        query = urllib.parse.urlencode({"watch": "true", "resourceVersion": version, "timeoutSeconds": "3600"})
        connection, answer = self._kube.watch_connection(f"{resource_of(kind).path(self._namespace)}?{query}")
        self._connections.append(connection)
        for line in lines_of(answer):
            event = json.loads(line)
            with self._changed:
                if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
                    self._problem = f"the watch of {kind} ended: {event}"
                    return
                self._events.append(self._event(kind, event["object"], is_gone=event["type"] == "DELETED"))
                self._seen[kind] = self._events[-1].version
                self._changed.notify_all()

    def catch_up(self, marked: Mapping[str, str]) -> None:
        """Return when every watch has seen what was there when it was called: ``marked`` names an object of each kind
        to mark.
        """
        for kind, name in marked.items():
            stamp = {"metadata": {"annotations": {"crash-test": str(time.monotonic_ns())}}}
            version = int(self._kube.merge(kind, name, self._namespace, stamp)["metadata"]["resourceVersion"])
            with self._changed:
                assert self._changed.wait_for(
                    lambda kind=kind, version=version: self._problem or self._seen.get(kind, 0) >= version,
                    LONGEST_SECONDS,
                )
        assert not self._problem, self._problem

    def states(self) -> Iterator[tuple[Event, dict[str, dict[str, dict]]]]:
        """Yield each event with the state it led to: objects by kind and name. The record begins while nothing runs."""
        with self._changed:
            events = sorted(self._events, key=lambda event: event.version)
        state = {kind: dict(found) for kind, found in self._before.items()}
        for event in events:
            state[event.kind].pop(event.name, None)
            if event.live is not None:
                state[event.kind][event.name] = event.live
            yield event, state

    def stop(self) -> None:
        """End the watches."""
        for connection in self._connections:
            connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LONGEST_SECONDS)
        for connection in self._connections:
            connection.close()


def lines_of(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield the lines of a stream until it ends, however it does."""
    try:
        yield from answer
    except (OSError, http.client.HTTPException):
        return


def wrong_with(state: Mapping[str, Mapping[str, dict]], event: Event, before: Mapping | None) -> list[str]:
    """Return what must never be, and is so after ``event``; ``before`` is the object as it was until then."""
    found = []
    peers, exports, maps = state["ServiceMeshPeer"], state["ExportedServiceSet"], state["ConfigMap"]
    for name, peer in peers.items():
        security = peer["spec"].get("security") or {}
        bundle = maps.get((security.get("certificateChain") or {}).get("name") or f"{name}-ca-root-cert")
        if not ((bundle or {}).get("data") or {}).get("root-cert.pem"):
            found.append(f"peer {name} is without its bundle")
        if not security.get("clientID"):
            found.append(f"peer {name} has no clientID")
        found += [
            f"peer {name} is without its gateway {gateway}"
            for gateway in missing_gateways(peer, state["ServiceMeshControlPlane"])
        ]
    for name, live in exports.items():
        if rules_of(live) and name not in peers:
            found.append(f"there are exports to {name}, which is no peer")
    if event.kind == "ServiceMeshPeer" and event.live is None and before is not None:
        own = exports.get(event.name) or {}
        if rules_of(own) or (own.get("status") or {}).get("exportedServices"):
            found.append(f"peer {event.name} was deleted while services were exported to it")
    return found


def rules_of(exports: Mapping) -> list:
    return (exports.get("spec") or {}).get("exportRules") or []


def missing_gateways(peer: Mapping, control_planes: Mapping[str, dict]) -> list[str]:
    """Return which of a peer's gateways no control plane has."""
    wanted = peer["spec"].get("gateways") or {}
    had = {
        (part, name)
        for live in control_planes.values()
        for part, word in (("ingress", "additionalIngress"), ("egress", "additionalEgress"))
        for name in (live["spec"].get("gateways") or {}).get(word) or {}
    }
    return [settings["name"] for part, settings in wanted.items() if (part, settings["name"]) not in had]


def kill_tree(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process and all that came of it: Ansible's workers lead sessions of their own."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(
                path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            )
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    for process in found:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue
