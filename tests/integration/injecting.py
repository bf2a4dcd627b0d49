# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two running meshes into which faults are injected, one after the other; each is healed before the next.

The steps of injected_faults.yml, with ``mesh`` east or west: ``patch`` (mesh, kind, name or namespace/name, merge
patch, subresource), ``delete`` (mesh, kind, name), ``make`` (mesh, manifest), ``fault`` (mesh, one of the testbed's,
its settings), ``way`` and ``back`` (port, what stands before the peer's gateway, or before ours, does with it:
``middlebox.Way``), ``card`` (theirs or ours, paths and values), ``pod`` (name, ready or sidecar), ``client``
(``callers.Calls`` of the client's sidecar), ``echo`` (mesh, service, status), ``calls`` (how many), ``restart`` (mesh),
``wait`` (seconds).
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import datetime
import http.client
import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attacks.api import ApiInMemory, Asked, Switched, serving
from attacks.attack import call
from attacks.tunnels import tunnelling
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from integration.administrators import ON_ONE_MACHINE, Administrator, until
from unit.yaml_texts import loaded

from testbed import MeshSpec, Testbed
from testbed.authority import Authority, Identity
from testbed.callers import LOG, Calls, Sidecar
from testbed.gateways import LOG_ENDING, admin_of
from testbed.kubelet import Logs
from testbed.middlebox import Middlebox, Way
from testbed.pages import PORT as PAGES
from testbed.programs import find_programs
from testbed.rollouts import NODE

HERE = Path(__file__).parent
FAULTS: dict[str, dict] = loaded((HERE / "injected_faults.yml").read_text(encoding="utf-8"))
VARIANTS: dict[str, dict] = loaded((HERE / "injected_variants.yml").read_text(encoding="utf-8"))
RECORD = HERE / "injected_results.json"
"""What a diagnosis found when all faults were injected last; the page of faults is made of it."""
HOST, PORT = "checkout.shop.svc.west-imports.local", 80
SECONDS_TO_SHOW, SECONDS_TO_HEAL = 30, 45
SECONDS_TO_LOG, SECONDS_TO_TELL = 0.7, 10
LOCKED_SECONDS = 1.5
ENVOY, SECONDS_OF_A_PAGE = 15000, 20

Verdict = tuple[str, str, str]


class Meshes:
    """East and west, federated, with a client in east. As a context manager they end with the block."""

    def __init__(self, directory: Path, collections: str) -> None:
        self._directory, self._collections = directory, collections
        self._undo: list[Callable[[], Any]] = []
        self._running = contextlib.ExitStack()
        self._admins: dict[str, Path] = {}
        self._copies: dict[str, Path] = {}

    def __enter__(self) -> Meshes:
        services = {"east": {"shop": ["cart"]}, "west": {"shop": ["checkout"]}}
        meshes = [MeshSpec(name, services=offered) for name, offered in services.items()]
        self.bed = Testbed.start(self._directory / "bed", meshes=meshes, insight=True)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for part in ("client", "way", "back", "_logs"):
            if hasattr(self, part):
                getattr(self, part).stop()
        self._running.close()
        self.bed.stop()

    def _start(self) -> None:
        bed = self.bed
        self.authorities = {
            name: Authority(bed.directory / name / f"istiod-{name}-{mesh.namespace}" / "ca", mesh.trust_domain)
            for name, mesh in bed.meshes.items()
        }
        self.stranger = Authority(self._directory / "stranger", "stranger.local")
        self.way, self.back = (self._box_before("west", "east-ingress"), self._box_before("east", "west-ingress"))
        self.addresses = {"west": self.way.address, "east": self.back.address}
        for name, address in self.addresses.items():
            for number in ("", "2"):
                bed.name(f"gateway{number}.{name}.example", [address])
        for mesh in bed.meshes.values():
            logs = {"spec": {"proxy": {"accessLogging": {"file": {"name": "/dev/stdout"}}}}}
            mesh.kube.merge("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace, logs)
        self._federate()
        self.client = Sidecar(find_programs().envoy, self._directory / "client", self._calls())
        self._wait_for_client()
        self._serve_pods()
        assert self._is_well(SECONDS_TO_HEAL), {mesh: self.peer(mesh) for mesh in ("east", "west")}

    def _box_before(self, mesh: str, gateway: str) -> Middlebox:
        return Middlebox(self.bed.address("middlebox", mesh), self._behind(mesh, gateway))

    def _behind(self, mesh: str, gateway: str) -> dict[int, tuple[str, int]]:
        """Return where a gateway listens now: one that was made anew has another address."""
        target = self.bed.address("service", mesh, self.bed.meshes[mesh].namespace, gateway)
        return {port: (target, port) for port in (8188, 15443)}

    def _federate(self) -> None:
        folder = self._directory / "both"
        folder.mkdir()
        self.cards = folder / "cards"
        offered, other = {"east": "cart", "west": "checkout"}, {"east": "west", "west": "east"}
        hosts = {
            name: {
                "mesh_kubeconfig": mesh.kubeconfig,
                **ON_ONE_MACHINE,
                "mesh_peers": [{"name": other[name], "gateways": {"addresses": [f"gateway.{name}.example"]}}],
                "mesh_exports": [{"name": offered[name], "namespace": "shop"}],
                "mesh_imports": [{"name": offered[other[name]], "namespace": "shop"}],
            }
            for name, mesh in self.bed.meshes.items()
        }
        administrator = Administrator(folder, self._collections, hosts)
        for playbook in ("publish_cards", "federate"):
            administrator.play(playbook, variables={"federation_cards_dir": str(self.cards)})
        self.kept = {path.name: path.read_text(encoding="utf-8") for path in self.cards.glob("*.json")}
        assert set(self.kept) == {"west-for-east.json", "east-for-west.json"}, self.kept

    def _calls(self) -> Calls:
        home = self.bed.meshes["east"].namespace
        authority = self.authorities["east"]
        return Calls(
            address=self.bed.address("client"),
            identity=authority.identity("shop", "web"),
            roots={"east.local": authority.root()},
            egress=(self.bed.address("service", "east", home, "west-egress"),),
            expected=f"spiffe://east.local/ns/{home}/sa/west-egress-service-account",
            hosts={HOST: PORT},
        )

    def _serve_pods(self) -> None:
        home = self.bed.meshes["east"].namespace
        folder = self.bed.directory / "east" / f"istiod-east-{home}" / "envoy"
        self._logs = Logs(self._directory / "logs")
        pods = [
            (f"{gateway}-1", home, gateway, folder / f"{gateway}{LOG_ENDING}")
            for gateway in ("west-egress", "west-ingress")
        ]
        self._admins = {**{name: folder for name, *_rest in pods}, "web-1": self.client.directory}
        pods += [("web-1", "shop", "web", self.client.directory / LOG), ("cart-1", "shop", "cart", None)]
        self._copies = {name: self._logs.copy_of(log, name) for name, _space, _app, log in pods if log}
        self._logs.start()
        self._tunnel = tunnelling(self._page)
        self._make_node(self._running.enter_context(serving(self._directory / "kubelet", hostile=self._as_kubelet)))
        kube = self.bed.meshes["east"].kube
        for name, namespace, app, log in pods:
            kube.create(_pod(name, namespace, app, "istio-proxy" if log else "app"))
            ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            kube.merge("Pod", name, namespace, {"status": ready}, "status")

    def _make_node(self, kubelet: ApiInMemory) -> None:
        """Make the node on which all pods of east run; its kubelet is ours."""
        kube, address = self.bed.meshes["east"].kube, urlsplit(kubelet.url)
        kube.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
        ends = {"kubeletEndpoint": {"Port": address.port}}
        told = {"addresses": [{"type": "InternalIP", "address": address.hostname}], "daemonEndpoints": ends}
        kube.merge("Node", NODE, None, {"status": told}, "status")

    def _as_kubelet(self, asked: Asked) -> Switched | tuple | None:
        """Answer what an API server asks of a kubelet: logs of containers, as a runtime keeps them, and
        ports of pods.
        """
        url = urlsplit(asked.target)
        parts = url.path.strip("/").split("/")
        if parts[0] != "containerLogs":
            return self._tunnel(asked)
        since = parse_qs(url.query).get("sinceTime", [""])[0].rstrip("Z")
        lines = self._copies[parts[2]].read_text(encoding="utf-8").splitlines()
        kept = [line.replace(" stdout F ", " ", 1) for line in lines if line.partition(" ")[0][: len(since)] >= since]
        return 200, {"Content-Type": "text/plain"}, "".join(f"{line}\n" for line in kept).encode()

    def _page(self, _namespace: str, pod: str, port: int, target: str) -> tuple[int, bytes] | None:
        """Return what a process says in place of a pod."""
        if port == ENVOY and pod in self._admins:
            place = admin_of(self._admins[pod])
        elif pod.startswith("istiod"):
            place = self._istiod_pages
        else:
            return None
        connection = http.client.HTTPConnection(*place, timeout=SECONDS_OF_A_PAGE)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return None
        finally:
            connection.close()

    @property
    def _istiod_pages(self) -> tuple[str, int]:
        mesh = self.bed.meshes["east"]
        return self.bed.address("service", "east", mesh.namespace, f"istiod-{mesh.control_plane}"), PAGES

    # how it is

    def peer(self, mesh: str = "east") -> dict:
        """Return what istiod says of the peer in its status: ``up``, ``said`` of the last call, ``inbound``."""
        other = {"east": "west", "west": "east"}[mesh]
        live = self.bed.meshes[mesh].kube.get("ServiceMeshPeer", other, self.bed.meshes[mesh].namespace) or {}
        found = (live.get("status") or {}).get("discoveryStatus") or {}
        entries = [*found.get("active", []), *found.get("inactive", [])]
        watches = [entry.get("watch") or {} for entry in entries]
        up = any(watch.get("connected") for watch in watches)
        said = " ".join(watch.get("lastDisconnectStatus", "") for watch in watches if not watch.get("connected"))
        inbound = any(remote.get("connected") for entry in entries for remote in entry.get("remotes") or ())
        return {
            "up": up,
            "said": said,
            "inbound": inbound,
            "synced": any(watch.get("lastFullSync") for watch in watches),
        }

    def _set(self, kind: str, key: str) -> list[dict]:
        home = self.bed.meshes["east"].namespace
        return ((self.bed.meshes["east"].kube.get(kind, "west", home) or {}).get("status") or {}).get(key) or []

    def _shows(self, sign: Mapping[str, Any]) -> bool:
        """Return whether a fault shows as it is known by."""
        (kind, value), *_rest = sign.items()
        looks: dict[str, Callable[[], bool]] = {
            "said": lambda: value in self.peer()["said"],
            "inbound": lambda: self.peer()["inbound"] is value,
            "connected": lambda: self.peer()["up"] is value,
            "call": lambda: self.client.call(HOST) == value,
            "offered": lambda: bool(self._set("ImportedServiceSet", "importedServices")) is value,
            "imported": (
                lambda: (
                    any(
                        row["localService"].get("hostname")
                        for row in self._set("ImportedServiceSet", "importedServices")
                    )
                    is value
                )
            ),
            "exported": lambda: bool(self._set("ExportedServiceSet", "exportedServices")) is value,
            "locked": lambda: self._is_locked() is value,
        }
        return looks[kind]()

    def _is_locked(self) -> bool:
        connection = http.client.HTTPConnection(*self._istiod_pages, timeout=LOCKED_SECONDS)
        try:
            connection.request("GET", "/debug/registryz")
            connection.getresponse().read()
            return False
        except TimeoutError:
            return True
        finally:
            connection.close()

    def _is_well(self, seconds: float) -> bool:
        """Return once both meshes are connected in both directions, and a call is answered; False where that takes too
        long.
        """
        deadline = time.monotonic() + seconds
        while True:
            self.way.targets, self.back.targets = (
                self._behind("west", "east-ingress"),
                self._behind("east", "west-ingress"),
            )
            told = [self.peer(mesh) for mesh in ("east", "west")]
            is_so = all(one["up"] and one["inbound"] and one["synced"] for one in told)
            is_so = (
                is_so
                and self._shows({"imported": True})
                and self._shows({"exported": True})
                and self.client.is_in_force()
            )
            if is_so and self.client.call(HOST) == 200:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)

    # one fault

    def diagnosed(self, fault: Mapping[str, Any]) -> Verdict:
        """Inject a fault, wait until it shows, return what a diagnosis says, and heal it."""
        return self.result_of(fault)[0]

    def result_of(self, fault: Mapping[str, Any]) -> tuple[Verdict, dict]:
        """Return the same with all that the diagnosis told."""
        began = time.monotonic()
        try:
            for step in fault.get("do") or ():
                (verb, given), *_rest = step.items()
                getattr(self, f"_do_{verb}")(*(given if isinstance(given, list) else [given]))
            self._wait_for(fault.get("until"))
            told = self._lines_of_client()
            for _number in range(2):
                self.client.call(HOST)
            if "call" in fault:
                assert self.client.call(HOST) == fault["call"]
            self._wait_for_lines(told + 2)
            return self._diagnose(fault, math.ceil(time.monotonic() - began) + 1)
        finally:
            self._heal(fault)

    def _lines_of_client(self) -> int:
        return self._copies["web-1"].read_bytes().count(b"\n")

    def _wait_for_lines(self, count: int) -> None:
        """Wait until the client's sidecar has told of so many calls, which a busy machine delays, and a moment more for
        the gateways behind it.
        """
        deadline = time.monotonic() + SECONDS_TO_TELL
        while self._lines_of_client() < count and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(SECONDS_TO_LOG)

    def _wait_for(self, sign: Mapping[str, Any] | None) -> None:
        if sign is None or "wait" in sign:
            time.sleep(sign["wait"] if sign else 0)
            return
        deadline = time.monotonic() + SECONDS_TO_SHOW
        while not self._shows(sign):
            assert time.monotonic() < deadline, f"the fault never showed: {dict(sign)}; the peer: {self.peer()}"
            time.sleep(0.1)

    def _diagnose(self, fault: Mapping[str, Any], seconds: int) -> tuple[Verdict, dict]:
        mesh, without = self.bed.meshes["east"], fault.get("without") or ()
        options: dict[str, Any] = {
            "kubeconfig": mesh.kubeconfig,
            "mesh": "east",
            "peers": [{"name": "west", "gateways": {"addresses": ["gateway.east.example"]}}],
            "exports": [{"name": "cart", "namespace": "shop"}],
            "imports": [{"name": "checkout", "namespace": "shop"}],
            "since": f"{max(seconds, 5)}s",
            "proxies": "proxies" not in without,
            "loopback": True,
            "api_timeout": 5,
        }
        options |= {} if "cards" in without else {"cards_dir": str(self.cards)}
        options |= {} if "client" in without else {"client": "shop/web"}
        options |= {"service": fault["service"]} if "service" in fault else {}
        outcome = call(self._collections, "federation_diagnosis_info", options)
        assert not outcome.result.get("failed"), outcome.printed
        (found,) = outcome.result["diagnoses"]
        return (found["code"], found["rung"], found["side"]), found

    def _heal(self, fault: Mapping[str, Any]) -> None:
        while self._undo:
            self._undo.pop()()
        for name, text in self.kept.items():
            (self.cards / name).write_text(text, encoding="utf-8")
        for mesh in fault.get("restart") or ():
            self.bed.meshes[mesh].restart_istiod()
        if not self._is_well(SECONDS_TO_HEAL):
            for mesh in self.bed.meshes.values():
                mesh.restart_istiod()
            told = {mesh: self.peer(mesh) for mesh in ("east", "west")}
            assert self._is_well(SECONDS_TO_HEAL), f"the meshes did not heal: {told}"

    # the steps

    def _place(self, mesh: str, name: str) -> tuple[Any, str, str]:
        namespace, _slash, rest = name.rpartition("/")
        return self.bed.meshes[mesh].kube, rest, namespace or self.bed.meshes[mesh].namespace

    def _do_patch(self, mesh: str, kind: str, name: str, patch: dict, subresource: str | None = None) -> None:
        kube, name, namespace = self._place(mesh, name)
        before = kube.get(kind, name, namespace)
        assert before, f"there is no {kind} {namespace}/{name}"
        kube.merge(kind, name, namespace, self._filled(patch), subresource)
        self._undo.append(lambda: _restore(kube, before, subresource))

    def _do_delete(self, mesh: str, kind: str, name: str) -> None:
        kube, name, namespace = self._place(mesh, name)
        before = kube.get(kind, name, namespace)
        kube.delete(kind, name, namespace)
        self._undo.append(lambda: kube.create(_fresh(before)))

    def _do_make(self, mesh: str, manifest: dict) -> None:
        kube, home = self.bed.meshes[mesh].kube, self.bed.meshes[mesh].namespace
        metadata = {"namespace": home, **manifest["metadata"]}
        kube.apply({**manifest, "metadata": metadata}, "testbed", force=True)
        self._undo.append(lambda: kube.delete(manifest["kind"], metadata["name"], metadata["namespace"]))

    def _do_fault(self, mesh: str, name: str, settings: dict) -> None:
        self.bed.meshes[mesh].fault(name, **settings)
        self._undo.append(lambda: self.bed.meshes[mesh].heal(name))

    def _do_way(self, port: int, given: dict) -> None:
        self.way.treat(port, self._way(given))
        self._undo.append(lambda: self.way.treat(port, Way()))

    def _do_back(self, port: int, given: dict) -> None:
        self.back.treat(port, self._way(given))
        self._undo.append(lambda: self.back.treat(port, Way()))

    def _way(self, given: dict) -> Way:
        words = dict(given)
        of, knows = words.pop("of", ""), words.pop("knows", "")
        home = self.bed.meshes["west"].namespace
        identities: dict[str, Callable[[], Identity]] = {
            "stranger": lambda: self.stranger.identity("a", "b"),
            "peer": lambda: self.authorities["west"].identity(home, "east-ingress-service-account"),
        }
        identity = identities[of]() if of else None
        return Way(**words, identity=identity, roots=self.stranger.root() if knows else "")

    def _do_card(self, whose: str, changes: dict) -> None:
        name = {"theirs": "west-for-east.json", "ours": "east-for-west.json"}[whose]
        card = json.loads((self.cards / name).read_text(encoding="utf-8"))
        for path, value in changes.items():
            holder = card
            *above, key = path.split(".")
            for part in above:
                holder = holder[part]
            holder[key] = self._card_value(key, value, card)
        (self.cards / name).write_text(json.dumps(card), encoding="utf-8")

    def _card_value(self, key: str, value: Any, card: dict) -> Any:
        if key == "issued":
            return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        if key == "roots":
            also = card["roots"] if "too" in value else []
            return [*also, *map(_root_of_card, self._roots(value))]
        return value

    def _roots(self, words: str) -> list[str]:
        """Return roots, PEM, by what is said of them: those that west publishes now, that of a stranger, or both."""
        west = self.bed.meshes["west"]
        live = west.kube.get("ConfigMap", "istio-ca-root-cert", west.namespace)["data"]["root-cert.pem"]
        return [*([live] if "west" in words else []), *([self.stranger.root()] if "stranger" in words else [])]

    def _filled(self, value: Any) -> Any:
        """Return a patch with what it names in words: roots, and the peer's address."""
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if isinstance(value, str) and value.startswith("root of"):
            return "".join(self._roots(value))
        return self.addresses["west"] if value == "address of west" else value

    def _do_pod(self, name: str, given: dict) -> None:
        kube, pod, namespace = self._pod(name)
        before = copy.deepcopy(pod)
        if "ready" in given:
            status = {"conditions": [{"type": "Ready", "status": str(given["ready"])}]}
            kube.merge("Pod", pod["metadata"]["name"], namespace, {"status": status}, "status")
            self._undo.append(lambda: _restore(kube, before, "status"))
        else:
            # A pod's containers cannot be changed: one without a sidecar takes its place.
            bare = _fresh(before)
            bare["metadata"]["annotations"] = {}
            bare["spec"]["containers"] = [{"name": "app", "image": "app"}]
            self._replace_pod(kube, bare, before["status"])
            self._undo.append(lambda: self._replace_pod(kube, _fresh(before), before["status"]))

    @staticmethod
    def _replace_pod(kube: Any, pod: dict, status: dict) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        kube.delete("Pod", name, namespace)
        kube.create(pod)
        kube.merge("Pod", name, namespace, {"status": {key: status[key] for key in ("phase", "conditions")}}, "status")

    def _pod(self, name: str) -> tuple[Any, dict, str]:
        mesh = self.bed.meshes["east"]
        found = [pod for namespace in (mesh.namespace, "shop") for pod in mesh.kube.list("Pod", namespace)]
        pod = next(pod for pod in found if pod["metadata"]["name"].startswith(name))
        return mesh.kube, pod, pod["metadata"]["namespace"]

    def _do_client(self, given: dict) -> None:
        words = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
        self._follow(dataclasses.replace(self._calls(), **words))
        self._undo.append(lambda: self._follow(self._calls()))

    def _follow(self, calls: Calls) -> None:
        self.client.follow(calls)
        self._wait_for_client()

    def _wait_for_client(self) -> None:
        until(self.client.is_in_force, "the client's sidecar follows", SECONDS_TO_SHOW)

    def _do_echo(self, mesh: str, service: str, status: int) -> None:
        self.bed.meshes[mesh].answer("shop", service, status)
        self._undo.append(lambda: self.bed.meshes[mesh].answer("shop", service, 200))

    def _do_calls(self, number: int) -> None:
        for _number in range(number):
            self.client.call(HOST)

    def _do_restart(self, mesh: str) -> None:
        self.bed.meshes[mesh].restart_istiod()

    @staticmethod
    def _do_wait(seconds: float) -> None:
        time.sleep(seconds)


def _pod(name: str, namespace: str, app: str, container: str) -> dict:
    annotations = {"sidecar.istio.io/status": "{}"} if app == "web" else {}
    metadata = {"name": name, "namespace": namespace, "labels": {"app": app}, "annotations": annotations}
    spec = {"nodeName": NODE, "containers": [{"name": container, "image": container}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _fresh(live: Mapping) -> dict:
    """Return an object as one makes it."""
    kept = {
        key: live["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in live["metadata"]
    }
    return {**{key: copy.deepcopy(value) for key, value in live.items() if key != "status"}, "metadata": kept}


def _restore(kube: Any, before: Mapping, subresource: str | None) -> None:
    metadata = before["metadata"]
    live = kube.get(before["kind"], metadata["name"], metadata.get("namespace"))
    part = "status" if subresource else "data" if "data" in before else "spec"
    write = kube.update_status if subresource else kube.replace
    if live is not None:
        write({**live, part: before.get(part) or {}})


def _root_of_card(pem: str) -> dict:
    return {"fingerprint": x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex(), "pem": pem}
