# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that die: whenever they do, nothing half-made stands that must not, and the next run finishes the work."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from integration.administrators import ON_ONE_MACHINE, Administrator
from integration.crashing import Event, Point, Record, Runner, await_cut, brought_down, kill_tree, points, wrong_with

from testbed import MeshSpec, Testbed
from testbed.client import Mesh

# Other points each time; CI tries the same ones. A failure names the seed, and this variable takes it.
SEED = int(os.environ.get("OSSM_FEDERATION_CRASH_SEED") or (4 if os.environ.get("CI") else time.time_ns() % 100_000))
POINTS = 100 if os.environ.get("OSSM_FEDERATION_SOAK") else 12
SCALE = 0.005
NORTH = {
    "ServiceMeshPeer": "north",
    "ExportedServiceSet": "north",
    "ImportedServiceSet": "north",
    "ConfigMap": "north-ca-root-cert",
}
NORTH["ServiceMeshControlPlane"] = "basic"
TEAM_GATEWAY = {"enabled": True, "service": {"ports": [{"name": "http", "port": 8080}]}}


def patient(calls: list[tuple[str, dict]]) -> list[tuple[str, dict]]:
    """Return calls that wait for a busy API server; those that are brought down do not."""
    return [(module, {**options, "api_timeout": 60}) for module, options in calls]


@dataclass(frozen=True)
class Estate:
    """East, which is brought down again and again; west, its peer; north, another peer of east that has nothing to do
    with it.
    """

    bed: Testbed
    runner: Runner
    cards: list[dict]

    @property
    def east(self) -> Mesh:
        return self.bed.meshes["east"]

    def federate(self, *peers: str) -> list[tuple[str, dict]]:
        """Return the modules that the playbook ``federate`` calls to write, with their options."""
        described = {
            **self._access("east"),
            "peers": list(peers) or ["west", "north"],
            "exports": [{"name": "cart", "namespace": "east-shop"}],
            "imports": [{"namespace": "west-shop"}],
        }
        return [("federation_gateways", described), ("federation", {**described, "cards": self.cards})]

    def unfederate(self) -> list[tuple[str, dict]]:
        """Return the modules that the playbook ``unfederate`` calls for one peer, in its order."""
        one = {**self._access("east"), "peers": ["west"]}
        absent, waits = {**one, "state": "absent"}, {**one, "wait": True, "wait_timeout": 30}
        return [
            ("federation", {**absent, "stage": "check"}),
            ("federation", {**absent, "stage": "imports"}),
            ("federation_info", {**waits, "until": "no_imports"}),
            ("federation", {**absent, "stage": "exports"}),
            ("federation_info", {**waits, "until": "no_exports"}),
            ("federation", {**absent, "wait_timeout": 30}),
            ("federation_gateways", absent),
        ]

    def calls(self, run: str) -> list[tuple[str, dict]]:
        return self.federate() if run == "federate" else self.unfederate()

    def _access(self, name: str) -> dict:
        return {
            "kubeconfig": self.bed.meshes[name].proxied_kubeconfig,
            "mesh": name,
            "api_timeout": 1,
            "loopback": True,
        }

    def standing(self) -> dict[str, list[str]]:
        """Return the names of what stands in east, by kind."""
        east = self.east
        gateways = east.kube.get("ServiceMeshControlPlane", east.control_plane, east.namespace)["spec"]["gateways"]
        kinds = ("ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet")
        own = [live["metadata"]["name"] for live in east.kube.list("ConfigMap", east.namespace, "ossm.federation/mesh")]
        return {
            **{
                kind: sorted(live["metadata"]["name"] for live in east.kube.list(kind, east.namespace))
                for kind in kinds
            },
            "ConfigMap": sorted(own),
            **{part: sorted(gateways.get(part) or {}) for part in ("additionalIngress", "additionalEgress")},
        }

    def finish(self, run: str, *, once_more: bool = False) -> list[dict]:
        """Run to the end and return the modules' results; ``once_more`` leaves out what only waits for stages that are
        long past.
        """
        self.runner.start(patient(self.calls(run)[-2 if once_more else 0 :]))
        assert self.runner.wait() == 0, self.runner.results[-1]
        return self.runner.results


def with_both() -> dict[str, list[str]]:
    return {
        **{kind: ["north", "west"] for kind in ("ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet")},
        "ConfigMap": ["north-ca-root-cert", "west-ca-root-cert"],
        "additionalIngress": ["north-ingress", "team-ingress", "west-ingress"],
        "additionalEgress": ["north-egress", "west-egress"],
    }


def with_north_only() -> dict[str, list[str]]:
    return {part: [name for name in names if not name.startswith("west")] for part, names in with_both().items()}


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory, collections: str) -> Iterator[Estate]:
    """Both meshes as tenants of one API server; west has done its half; north is a card, and a peer of east already."""
    specs = [
        MeshSpec(name, cluster="one", version="v2.5", members=[f"{name}-shop"], services={f"{name}-shop": ["cart"]})
        for name in ("east", "west", "north")
    ]
    with Testbed.start(tmp_path_factory.mktemp("bed"), meshes=specs, clock_scale=SCALE) as bed:
        runner = Runner(collections, tmp_path_factory.mktemp("runner"))
        east = bed.meshes["east"]
        team = {"spec": {"gateways": {"additionalIngress": {"team-ingress": TEAM_GATEWAY}}}}
        east.kube.merge("ServiceMeshControlPlane", east.control_plane, east.namespace, team)
        cards = {}
        for name, peers in (("west", ["east"]), ("north", ["east"]), ("east", ["west"])):
            mesh = {"kubeconfig": bed.meshes[name].kubeconfig, "mesh": name, "loopback": True}
            described = {**mesh, "peers": peers, "exports": [{"namespace": f"{name}-shop"}]}
            runner.start([("federation_gateways", described), ("mesh_card", {**described, "wait": True})])
            assert runner.wait() == 0, runner.results
            cards[name] = runner.results[-1]["cards"][0]
        west = {
            "kubeconfig": bed.meshes["west"].kubeconfig,
            "mesh": "west",
            "loopback": True,
            "peers": ["east"],
            "imports": [{"namespace": "east-shop"}],
        }
        runner.start([("federation", {**west, "exports": [{"namespace": "west-shop"}], "cards": [cards["east"]]})])
        assert runner.wait() == 0, runner.results
        made = Estate(bed, runner, [cards["west"], cards["north"]])
        made.finish("federate")
        yield made
        runner.stop()


def live(name: str, **parts: object) -> dict:
    return {"metadata": {"name": name}, **parts}


PEER = live(
    "west", spec={"security": {"clientID": "west.local/ns/w/sa/e"}, "gateways": {"ingress": {"name": "west-ingress"}}}
)
SOUND: dict[str, dict[str, dict]] = {
    "ServiceMeshPeer": {"west": PEER},
    "ExportedServiceSet": {"west": live("west", spec={"exportRules": [{"type": "NameSelector"}]})},
    "ImportedServiceSet": {},
    "ConfigMap": {"west-ca-root-cert": live("west-ca-root-cert", data={"root-cert.pem": "PEM"})},
    "ServiceMeshControlPlane": {"basic": live("basic", spec={"gateways": {"additionalIngress": {"west-ingress": {}}}})},
}
GONE = {**SOUND, "ServiceMeshPeer": {}}
OFFERED = {"west": live("west", spec={"exportRules": []}, status={"exportedServices": [{"exportedName": "cart"}]})}


@pytest.mark.parametrize(
    ("state", "event", "wrong"),
    [
        pytest.param(SOUND, Event(1, "ServiceMeshPeer", "west", PEER), [], id="all is well"),
        pytest.param(
            {**SOUND, "ConfigMap": {}},
            Event(1, "ConfigMap", "west-ca-root-cert", None),
            ["is without its bundle"],
            id="no bundle",
        ),
        pytest.param(
            {**SOUND, "ServiceMeshPeer": {"west": live("west", spec={"security": {}})}},
            Event(1, "ServiceMeshPeer", "west", PEER),
            ["has no clientID"],
            id="no client identity",
        ),
        pytest.param(
            {**SOUND, "ServiceMeshControlPlane": {}},
            Event(1, "ServiceMeshControlPlane", "basic", None),
            ["without its gateway"],
            id="no gateway",
        ),
        pytest.param(
            GONE, Event(1, "ExportedServiceSet", "west", {}), ["which is no peer"], id="exports before the peer"
        ),
        pytest.param(
            {**GONE, "ExportedServiceSet": OFFERED},
            Event(1, "ServiceMeshPeer", "west", None),
            ["deleted while services were exported"],
            id="peer before exports",
        ),
    ],
)
def test_what_must_never_be_is_seen(state: dict, event: Event, wrong: list[str]) -> None:
    found = wrong_with(state, event, PEER)
    assert len(found) == len(wrong) and all(words in text for words, text in zip(wrong, found)), found


def test_wherever_a_run_dies_the_next_one_finishes_and_the_next_one_finishes(estate: Estate) -> None:
    requests = {run: sum(result["requests"] for result in estate.finish(run)) for run in ("unfederate", "federate")}
    assert estate.standing() == with_both()
    east = estate.east
    record = Record(east.kube, east.namespace)
    begun: list[tuple[int, Point]] = []
    reached = 0
    for point in points(SEED, POINTS, requests):
        told = f"seed {SEED}, {point}"
        begun.append((int(east.kube.list_with_version("ServiceMeshPeer")[1]), point))
        # A run that meets one cut and goes on has the time that any other run has.
        calls = estate.calls(point.run)
        calls = calls if point.is_killed or "off" in point.how else patient(calls)
        status = brought_down(estate.bed, east, estate.runner, calls, point)
        if point.is_killed:
            reached += status < 0
        elif "off" in point.how:
            assert status == 0 or estate.runner.results[-1]["code"] == "FED105", (told, estate.runner.results[-1])
            reached += status != 0
        else:
            assert status == 0, (told, estate.runner.results[-1])
            reached += 1
        if status:
            estate.finish(point.run)
        assert estate.standing() == (with_both() if point.run == "federate" else with_north_only()), told
        again = estate.finish(point.run, once_more=True)
        assert not [result["changes"] for result in again if result["changed"]], told
    record.catch_up(NORTH)
    record.stop()
    assert reached >= POINTS * 0.8, f"seed {SEED}: only {reached} runs were brought down"
    assert len(list(record.states())) > 8 * POINTS
    wrong = violations(record, begun)
    assert not wrong, f"seed {SEED}: " + "\n".join(wrong)


@pytest.mark.parametrize("run", ["federate", pytest.param("unfederate", marks=pytest.mark.long)])
def test_a_playbook_may_be_killed_or_interrupted_wherever_it_is(
    estate: Estate, tmp_path: Path, collections: str, run: str
) -> None:
    east = estate.east
    if run == "unfederate":
        estate.finish("federate")
    record, chance = Record(east.kube, east.namespace), random.Random(SEED)
    mesh = {
        "mesh_kubeconfig": east.proxied_kubeconfig,
        **ON_ONE_MACHINE,
        "mesh_peers": ["west"],
        "mesh_exports": [{"name": "cart", "namespace": "east-shop"}],
        "mesh_imports": [{"namespace": "west-shop"}],
        "federation_cards": estate.cards,
        "unfederate_peers": "all",
    }
    admin = Administrator(tmp_path, collections, {"east": mesh})
    # At writes of three kinds; what comes between them changes nothing.
    for at, number in zip(sorted(chance.sample(range(1, 5), 3)), (signal.SIGKILL, signal.SIGINT, signal.SIGKILL)):
        when, told = chance.choice(("before", "after")), f"seed {SEED}, {run}: {number.name} at write {at}"
        east.fault("api-cut", at=at, when=when, holds=True, match="^(PATCH|DELETE) ")
        running = admin.start(run, output=tmp_path / "printed")
        await_cut(estate.bed, east, lambda running=running: running.poll() is None)
        kill_tree(running.pid, number)
        running.wait(30)
        east.heal("api-cut")
        printed = (tmp_path / "printed").read_text(encoding="utf-8")
        if number == signal.SIGINT and running.returncode:
            assert "User interrupted execution" in printed, (told, printed)
            assert "Traceback" not in printed, (told, printed)
    admin.play(run)
    assert admin.play(run).changed("east") == 0
    assert estate.standing() == (with_both() if run == "federate" else with_north_only())
    record.catch_up(NORTH)
    record.stop()
    wrong = violations(record, [])
    assert not wrong, f"seed {SEED}: " + "\n".join(wrong)


# Two runs on one mesh, started at once, and what they may both end as. A refusal names what the other has changed
# meanwhile.
PAIRS = [("federate", "federate"), ("federate", "unfederate"), ("unfederate", "federate"), ("unfederate", "unfederate")]
ROUNDS = 25 if os.environ.get("OSSM_FEDERATION_SOAK") else 1
REFUSALS = {"FED107", "FED109", "FED502", "FED515"}


@pytest.fixture
def second(tmp_path: Path, collections: str) -> Iterator[Runner]:
    """Somebody else who runs modules at the same time."""
    runner = Runner(collections, tmp_path)
    yield runner
    runner.stop()


def at_once(chance: random.Random, *runs: tuple[Runner, list[tuple[str, dict]]]) -> list[dict | None]:
    """Start runs one shortly after the other, and return how each ended: None, or the result that refused."""
    for runner, calls in runs:
        runner.start(calls)
        time.sleep(chance.choice((0, 0.02, 0.1, 0.3)))
    return [runner.results[-1] if runner.wait() else None for runner, _calls in runs]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_runs_on_one_mesh_end_whole_or_with_a_code(estate: Estate, second: Runner, one: str, other: str) -> None:
    chance = random.Random(f"{SEED} {one} {other}")
    whole = {"federate": with_both(), "unfederate": with_north_only()}
    for number in range(ROUNDS):
        begin = chance.choice(["federate", "unfederate"])
        estate.finish(begin)
        told = f"seed {SEED}, round {number}, from {begin}"
        ends = at_once(chance, (estate.runner, patient(estate.calls(one))), (second, patient(estate.calls(other))))
        assert all(end is None or end.get("code") in REFUSALS for end in ends), (told, ends)
        if not any(ends):
            assert estate.standing() in (whole[one], whole[other]), (told, estate.standing())
        last = chance.choice([one, other])
        estate.finish(last)
        assert estate.standing() == whole[last], told
        again = estate.finish(last, once_more=True)
        assert not [result["changes"] for result in again if result["changed"]], told
    estate.finish("federate")


def test_two_runs_that_make_one_mesh_end_whole_or_with_a_code(estate: Estate, second: Runner) -> None:
    chance, access = random.Random(f"{SEED} attic"), {"kubeconfig": estate.east.kubeconfig}

    def kept(number: int) -> list[tuple[str, dict]]:
        """Return the calls that ``tenants`` and ``control_plane`` make; each round wants other members, rights and log
        files.
        """
        members = ["attic-shop", *(["attic-desk"] if number % 2 else [])]
        tenant = {"mesh": "attic", "members": members, "admins": {"users": ["anna"], "restarts": bool(number % 2)}}
        logs = {"proxy": {"accessLogging": {"file": {"name": f"/dev/stdout{number}"}}}}
        named = {**access, "mesh": "attic"}
        plane = {"version": "v2.5", "trust_domain": "attic.local", "spec": {**logs, "tracing": {"type": "None"}}}
        return [
            ("mesh_tenants", {**access, "tenants": [tenant]}),
            ("control_plane", {**named, **plane}),
            ("member_roll", {**named, "members": members}),
        ]

    for number in range(ROUNDS + 1):
        told = f"seed {SEED}, round {number}"
        ends = at_once(chance, (estate.runner, kept(number)), (second, kept(number)))
        assert all(end is None or end.get("code") in REFUSALS for end in ends), (told, ends)
        estate.runner.start(kept(number))
        assert estate.runner.wait() == 0, (told, estate.runner.results[-1])
        changed = [result["changes"] for result in estate.runner.results if result["changed"]]
        assert not changed or any(ends), f"{told}: both had ended well, and {changed} was left to do"
        estate.runner.start(kept(number))
        assert estate.runner.wait() == 0 and not any(result["changed"] for result in estate.runner.results), told
    estate.runner.start([("mesh_tenants", {**kept(0)[0][1], "state": "absent"})])
    assert estate.runner.wait() == 0, estate.runner.results[-1]
    estate.east.kube.delete("ServiceMeshControlPlane", "basic", "attic-mesh-system")


def violations(record: Record, begun: list[tuple[int, Point]]) -> list[str]:
    """Return every state that must never be, with the point at which it came about."""
    found, before = [], {}
    for event, state in record.states():
        for wrong in wrong_with(state, event, before.get((event.kind, event.name))):
            point = next((point for version, point in reversed(begun) if version < event.version), None)
            found.append(f"{point}: after {event.kind} {event.name} at version {event.version}: {wrong}")
        before[(event.kind, event.name)] = event.live
        if begun and event.version > begun[0][0]:
            missing = {"team-ingress", "north-ingress"} - set(names_of_gateways(state))
            found += [f"{event.kind} {event.name}: gateway {name} is gone" for name in missing]
    return found


def names_of_gateways(state: dict) -> list[str]:
    return [
        name
        for live in state["ServiceMeshControlPlane"].values()
        for name in live["spec"]["gateways"].get("additionalIngress") or {}
    ]
