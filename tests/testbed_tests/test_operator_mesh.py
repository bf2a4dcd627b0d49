"""The operator on a real API server: a control plane's life, its gateways, member rolls and faults, as observed of the
real one.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from testbed.addresses import Addresses
from testbed.cluster import Cluster
from testbed.kube import Kube, KubeError, Store
from testbed.operator import KINDS, Operator
from testbed.processes import Processes
from testbed.programs import find_programs
from testbed.releases import RELEASES

SCALE = 0.05
HOME, SHOP = "east-mesh-system", "shop"
SMCP = "ServiceMeshControlPlane"


class FastClock:
    """Mesh time that passes twenty times as fast as ours."""

    def seconds(self, seconds: float) -> float:
        return seconds * SCALE


class Switches:
    """Faults, by (mesh, name)."""

    def __init__(self) -> None:
        self.on: dict[tuple[str, str], dict] = {}

    def is_on(self, mesh: str, name: str) -> dict | None:
        return self.on.get((mesh, name))


class CountedAddresses:
    """Each Service an address of its own."""

    def __init__(self) -> None:
        self.given: dict[tuple[str, ...], str] = {}
        self.count = 0

    def for_service(self, *key: str) -> str:
        return self.given.get(key) or self.renew_service(*key)

    def renew_service(self, *key: str) -> str:
        self.count += 1
        self.given[key] = f"127.99.0.{self.count}"
        return self.given[key]


@dataclass
class NamedIstiod:
    """An istiod that only tells what happens to it."""

    told: list[str]
    name: str

    def start(self) -> None:
        self.told.append(f"start {self.name}")

    def stop(self, gateways_stay: bool = False) -> None:
        self.told.append(f"stop {self.name}{', gateways stay' if gateways_stay else ''}")


@dataclass
class Operated:
    """A cluster with an operator, and what a test looks at."""

    kube: Kube
    store: Store
    operator: Operator
    faults: Switches
    addresses: CountedAddresses
    istiods: list[str] = field(default_factory=list)

    def smcp(self) -> dict:
        return self.kube.get(SMCP, "basic", HOME)

    def namespace(self, name: str) -> None:
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "test")

    def apply(self, spec: dict | None, manager: str = "team") -> dict:
        return self.kube.apply(control_plane(spec), manager)

    def ready(self) -> dict:
        """Wait until the control plane is ready by the rule that users are told; return it."""
        return eventually(lambda: is_done(self.smcp()) and self.smcp())


def control_plane(spec: dict | None, name: str = "basic", namespace: str = HOME) -> dict:
    manifest = {"apiVersion": "maistra.io/v2", "kind": SMCP, "metadata": {"name": name, "namespace": namespace}}
    return manifest if spec is None else {**manifest, "spec": spec}


def gateways_for(peer: str, service_type: str = "LoadBalancer") -> dict:
    def ports(discovery: str) -> list[dict]:
        return [{"name": "tls", "port": 15443}, {"name": discovery, "port": 8188}]

    ingress = {
        "type": service_type,
        "metadata": {"labels": {"federation.maistra.io/ingress-for": peer}},
        "ports": ports("https-discovery"),
    }
    egress = {"metadata": {"labels": {"federation.maistra.io/egress-for": peer}}, "ports": ports("http-discovery")}
    return {
        "additionalIngress": {f"{peer}-ingress": {"enabled": True, "service": ingress}},
        "additionalEgress": {
            f"{peer}-egress": {"enabled": True, "requestedNetworkView": [f"network-{peer}"], "service": egress}
        },
    }


def condition(resource: dict, kind: str) -> dict:
    return {entry["type"]: entry for entry in (resource.get("status") or {}).get("conditions") or []}.get(kind, {})


def is_done(smcp: dict) -> bool:
    status = smcp.get("status") or {}
    return (
        all(condition(smcp, kind).get("status") == "True" for kind in ("Reconciled", "Ready"))
        and status.get("observedGeneration") == smcp["metadata"]["generation"]
        and status.get("chartVersion", "").startswith(smcp["spec"]["version"][1:] + ".")
    )


def eventually(found: Callable[[], object], seconds: float = 20.0):
    """Return the first true answer of ``found``; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return answer


def walked(operated: Operated, change: Callable[[], object]) -> list[tuple]:
    """Make a change and return each status of the control plane until it is done, none passed over: (Reconciled, Ready,
    observed, count).
    """
    seen = []
    done = threading.Event()

    def look(_event: str, smcp: dict, _old: dict | None) -> None:
        status = smcp.get("status") or {}
        shown = [condition(smcp, kind) for kind in ("Reconciled", "Ready")]
        row = (
            *(f"{entry.get('status')}/{entry.get('reason')}" for entry in shown),
            status.get("observedGeneration"),
            (status.get("annotations") or {}).get("readyComponentCount"),
        )
        if not seen or seen[-1] != row:
            seen.append(row)
        if is_done(smcp):
            done.set()

    operated.store.subscribe(SMCP, look)
    try:
        change()
        assert done.wait(20), seen
    finally:
        operated.store.unsubscribe(SMCP, look)
    return seen


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    programs, processes, addresses = find_programs(), Processes(), Addresses()
    try:
        started = Cluster(
            "east",
            tmp_path_factory.mktemp("operator"),
            addresses,
            processes,
            str(programs.etcd),
            str(programs.kube_apiserver),
        )
        started.start()
        started.load_crds("2.3")
        yield started
    finally:
        processes.stop()
        addresses.release()


@pytest.fixture(scope="module")
def operated(cluster, tmp_path_factory) -> Iterator[Operated]:
    """A cluster of a 2.3 operator with the ready control plane ``basic`` (v2.3) and namespace ``shop``."""
    kube, faults, addresses, told = cluster.client("istio-operator"), Switches(), CountedAddresses(), []
    store = Store(kube, kinds=list(KINDS))
    store.start()
    store.wait_synced()
    operator = Operator(
        kube,
        store,
        addresses,
        FastClock(),
        faults,
        "east",
        lambda namespace, name, smcp: NamedIstiod(told, f"{namespace}/{name} {smcp['spec']['version']}"),
        directory=tmp_path_factory.mktemp("webhooks"),
        release=RELEASES["2.3"],
        mesh_names={HOME: "east"},
    )
    operator.start()
    bed = Operated(kube, store, operator, faults, addresses, told)
    for name in (HOME, SHOP):
        bed.namespace(name)
    bed.apply({"version": "v2.3", "security": {"trust": {"domain": "east.local"}}})
    bed.ready()
    yield bed
    operator.stop()
    store.stop()


@pytest.fixture
def healed(operated) -> Iterator[Operated]:
    """The operated cluster; faults are off again afterwards."""
    yield operated
    operated.faults.on.clear()


@pytest.fixture
def with_gateways(operated) -> Iterator[Operated]:
    """The operated cluster with the two gateways for peer west, applied as ``ossm.federation``; afterwards without."""
    operated.apply({"gateways": gateways_for("west")}, "ossm.federation")
    operated.ready()
    yield operated
    operated.apply(None, "ossm.federation")
    operated.ready()


def test_a_control_plane_without_profiles_gets_them_and_starts_at_generation_2(operated):
    smcp = operated.ready()
    assert (smcp["spec"]["profiles"], smcp["metadata"]["finalizers"]) == (["default"], ["maistra.io/istio-operator"])
    assert smcp["metadata"]["generation"] >= 2


def test_a_ready_control_plane_tells_what_was_applied(operated):
    status = operated.ready()["status"]
    assert (status["operatorVersion"], status["chartVersion"]) == ("2.3.11", "2.3.11")
    assert status["appliedSpec"]["security"]["trust"]["domain"] == "east.local"
    assert status["readiness"]["components"]["unready"] == status["readiness"]["components"]["pending"] == []
    assert {part["resource"] for part in status["components"]} >= {
        "istio-discovery",
        "istio-ingress",
        "istio-egress",
        "mesh-config",
    }
    assert status["annotations"]["readyComponentCount"] == "5/5"
    assert condition({"status": status}, "Ready")["message"] == "All component deployments are Available"


def test_after_a_change_the_status_is_stale_then_passes_through_an_error_and_overshoots_its_count(operated):
    before = operated.ready()["metadata"]["generation"]
    seen = walked(operated, lambda: operated.apply({"general": {"validationMessages": True}}, "other-team"))
    operated.apply(None, "other-team")
    operated.ready()
    assert seen[0][0].startswith("True/")
    assert seen[0][1:] == ("True/ComponentsReady", before, "5/5")
    between, last = seen[1:-1], seen[-1]
    assert {row[2] for row in between} == {before}
    assert {row[0] for row in between} == {"False/SpecUpdated", "False/ReconcileError"}
    assert {row[0] == row[1] for row in between} == {True}
    assert {row[3] for row in between} >= {"4/5", "6/5", "7/5"}
    assert last == ("True/UpdateSuccessful", "True/ComponentsReady", before + 1, "5/5")


def test_a_refusal_reaches_the_user_with_code_400_and_changes_nothing(operated):
    generation = operated.ready()["metadata"]["generation"]
    with pytest.raises(KubeError) as refused:
        operated.apply({"version": "v1.1", "security": {"trust": {"domain": "east.local"}}})
    assert refused.value.status == 400
    assert (
        "admission webhook \"smcp.validation.maistra.io\" denied the request: Only '[v2.0 v2.1 v2.2 v2.3]' versions are"
        " supported" in str(refused.value)
    )
    assert operated.smcp()["metadata"]["generation"] == generation


def test_a_webhook_that_is_down_gives_500_connection_refused(healed):
    healed.faults.on["east", "webhook-down"] = {}

    def refused() -> str:
        try:
            healed.kube.merge(SMCP, "basic", HOME, {"metadata": {"labels": {"touched": "yes"}}})
        except KubeError as error:
            return str(error) if error.status == 500 else ""
        return ""

    message = eventually(refused)
    assert re.search(
        r'failed calling webhook "smcp\.(mutation|validation)\.maistra\.io": .*connect: connection refused$', message
    )
    healed.faults.on.clear()
    eventually(lambda: not refused())


def test_a_federation_gateway_becomes_a_service_a_deployment_and_a_service_account(with_gateways):
    kube, smcp = with_gateways.kube, with_gateways.smcp()
    service = kube.get("Service", "west-ingress", HOME)
    own = service["metadata"]["labels"]
    assert (
        own.items()
        >= {
            "app": "west-ingress",
            "istio": "ingressgateway",
            "istio.io/rev": "basic",
            "maistra.io/owner": HOME,
            "maistra.io/owner-name": "basic",
            "maistra-version": "2.3.11",
            "release": "istio",
            "federation.maistra.io/ingress-for": "west",
        }.items()
    )
    assert (
        service["metadata"]["annotations"]["maistra.io/mesh-generation"] == f"2.3.11-{smcp['metadata']['generation']}"
    )
    assert service["metadata"]["ownerReferences"][0]["uid"] == smcp["metadata"]["uid"]
    assert service["spec"]["selector"] == {
        "app": "west-ingress",
        "istio": "ingressgateway",
        "federation.maistra.io/ingress-for": "west",
    }
    assert [(port["name"], port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [
        ("tls", 15443, 15443),
        ("https-discovery", 8188, 8188),
    ]
    template = kube.get("Deployment", "west-egress", HOME)["spec"]["template"]
    assert (
        template["metadata"]["labels"].items()
        >= {
            "maistra.io/gateway": f"west-egress.{HOME}",
            "service.istio.io/canonical-name": "west-egress",
        }.items()
    )
    env = {entry["name"]: entry["value"] for entry in template["spec"]["containers"][0]["env"]}
    assert (
        env.items()
        >= {
            "TRUST_DOMAIN": "east.local",
            "ISTIO_META_MESH_ID": "east.local",
            "ISTIO_META_REQUESTED_NETWORK_VIEW": "network-west",
        }.items()
    )
    assert kube.get("ServiceAccount", "west-egress-service-account", HOME)
    assert kube.get("NetworkPolicy", "west-ingress", HOME)
    assert condition(kube.get("Deployment", "west-ingress", HOME), "Available")["status"] == "True"


def test_applying_the_same_part_again_changes_nothing_and_leaves_the_teams_fields(with_gateways):
    before = with_gateways.ready()["metadata"]
    again = with_gateways.apply({"gateways": gateways_for("west")}, "ossm.federation")
    assert (again["metadata"]["resourceVersion"], again["metadata"]["generation"]) == (
        before["resourceVersion"],
        before["generation"],
    )
    assert again["spec"]["security"]["trust"]["domain"] == "east.local"


def test_a_load_balancer_has_no_address_until_the_cloud_gives_one(with_gateways, healed):
    address = with_gateways.addresses.for_service("east", HOME, "west-ingress")
    entry = eventually(lambda: load_balancer(with_gateways.kube, "west-ingress"))[0]
    assert entry["ip"] == address
    healed.faults.on["east", "no-address"] = {}
    healed.apply({"gateways": gateways_for("north")}, "north")
    healed.ready()
    assert not load_balancer(healed.kube, "north-ingress")
    healed.faults.on.clear()
    eventually(lambda: load_balancer(healed.kube, "north-ingress"))
    healed.apply(None, "north")
    healed.ready()


def load_balancer(kube: Kube, name: str) -> list[dict]:
    return ((kube.get("Service", name, HOME)["status"].get("loadBalancer")) or {}).get("ingress") or []


def test_a_node_port_gateway_gets_ports_and_no_address(operated):
    operated.apply({"gateways": gateways_for("south", "NodePort")}, "south")
    operated.ready()
    service = operated.kube.get("Service", "south-ingress", HOME)
    operated.apply(None, "south")
    operated.ready()
    assert all(port["nodePort"] >= 30000 for port in service["spec"]["ports"])
    assert service["status"] == {"loadBalancer": {}}


def test_applying_no_spec_removes_our_gateways_and_keeps_the_teams_fields(operated):
    operated.apply({"gateways": gateways_for("gone")}, "ossm.federation/gateways/gone")
    operated.ready()
    assert operated.kube.get("Service", "gone-ingress", HOME)
    operated.apply(None, "ossm.federation/gateways/gone")
    spec = operated.ready()["spec"]
    assert "gateways" not in spec
    assert spec["security"] == {"trust": {"domain": "east.local"}}
    for kind, name in (
        ("Service", "gone-ingress"),
        ("Deployment", "gone-egress"),
        ("ServiceAccount", "gone-egress-service-account"),
    ):
        assert operated.kube.get(kind, name, HOME) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"proxy": {"networking": {"protocol": {"autodetect": {"inbound": True}}}}},
        {"security": {"identity": {"typ": "ThirdParty"}}},
        {"runtime": {"components": {"pilot": {"container": {"envs": {"X": "1"}}}}}},
        {"addons": {"kiali": {"enable": False}}},
        {"gateways": {"additionalIngress": {"x": {"requestedNetworkView": ["network-west"]}}}},
        {"gateways": {"additionalIngress": {"x": {"routeConfig": {"enabled": False}}}}},
        {"meshConfig": {"extensionProviders": []}},
    ],
    ids=str,
)
def test_a_field_that_is_none_of_the_control_plane_s_is_refused_by_server_side_apply(operated, spec):
    with pytest.raises(KubeError, match="field not declared in schema"):
        operated.apply({"version": "v2.3", **spec}, "careless")


def test_a_reconcile_error_stays_until_it_is_healed(healed):
    healed.faults.on["east", "reconcile-error"] = {}
    eventually(lambda: condition(healed.smcp(), "Ready").get("reason") == "ReconcileError")
    healed.faults.on.clear()
    assert condition(healed.ready(), "Reconciled")["reason"] == "ReconcileSuccessful"


def test_a_namespace_joins_once_it_exists_and_leaves_when_the_roll_drops_it(operated):
    kube = operated.kube
    roll = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": {"name": "default", "namespace": HOME},
    }
    kube.apply({**roll, "spec": {"members": ["later"]}}, "team")

    def status_when(reason: str) -> dict:
        def look() -> dict | None:
            live = kube.get("ServiceMeshMemberRoll", "default", HOME)
            return live["status"] if condition(live, "Ready").get("reason") == reason else None

        return eventually(look)

    waiting = status_when("ReconcileError")
    assert waiting["annotations"]["configuredMemberCount"] == "0/1"
    assert waiting["pendingMembers"] == ["later"]
    assert (
        condition({"status": waiting}, "Ready")["message"] == "The following namespaces are not yet configured: [later]"
    )
    told = condition({"status": waiting["memberStatuses"][0]}, "Reconciled")
    assert (told["reason"], told["message"]) == ("NamespaceNotExists", "Namespace later does not exist")

    operated.namespace("later")
    joined = status_when("Configured")
    assert (joined["configuredMembers"], joined["annotations"]["configuredMemberCount"]) == (["later"], "1/1")
    generation = operated.smcp()["status"]["observedGeneration"]
    assert (joined["meshGeneration"], joined["meshReconciledVersion"]) == (generation, f"2.3.11-{generation}")
    assert kube.get("Namespace", "later")["metadata"]["labels"]["maistra.io/member-of"] == HOME
    assert kube.get("NetworkPolicy", "istio-mesh-basic", "later")
    assert kube.get("RoleBinding", f"istiod-clusterrole-basic-{HOME}", "later")
    assert kube.get("ServiceMeshMember", "default", "later")["spec"]["controlPlaneRef"] == {
        "namespace": HOME,
        "name": "basic",
    }

    kube.apply({**roll, "spec": {"members": []}}, "team")
    eventually(lambda: "maistra.io/member-of" not in kube.get("Namespace", "later")["metadata"]["labels"])
    eventually(lambda: kube.get("ServiceMeshMember", "default", "later") is None)


def test_a_namespace_that_joins_by_itself_stands_in_the_rolls_status_and_never_in_its_spec(operated):
    kube = operated.kube
    roll = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": {"name": "default", "namespace": HOME},
    }
    operated.namespace("kept")
    operated.namespace("desk")
    kube.apply({**roll, "spec": {"members": ["kept"]}}, "team")

    def configured(*names: str) -> dict | None:
        live = kube.get("ServiceMeshMemberRoll", "default", HOME)
        return live if (live.get("status") or {}).get("configuredMembers") == list(names) else None

    eventually(lambda: configured("kept"))
    member = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMember",
        "metadata": {"name": "default", "namespace": "desk"},
    }
    kube.apply({**member, "spec": {"controlPlaneRef": {"name": "basic", "namespace": HOME}}}, "owner of desk")
    live = eventually(lambda: configured("desk", "kept"))
    assert (live["spec"]["members"], live["status"]["members"]) == (["kept"], ["desk", "kept"])
    assert condition(live, "Ready")["reason"] == "Configured"
    writers = {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry["fieldsV1"]
        for entry in live["metadata"]["managedFields"]
    }
    assert set(writers) == {
        ("team", "Apply", ""),
        ("istio-operator", "Update", ""),
        ("istio-operator", "Update", "status"),
    }
    assert writers["istio-operator", "Update", ""] == {
        "f:metadata": {"f:finalizers": {".": {}, 'v:"maistra.io/istio-operator"': {}}}
    }

    joined = eventually(
        lambda: (
            condition(own := kube.get("ServiceMeshMember", "default", "desk"), "Ready").get("status") == "True" and own
        )
    )
    assert joined["status"]["annotations"]["controlPlaneRef"] == f"{HOME}/basic"
    assert joined["status"]["meshReconciledVersion"] == live["status"]["meshReconciledVersion"]
    assert "maistra.io/created-by" not in joined["metadata"].get("annotations", {})
    again = kube.apply({**roll, "spec": {"members": ["kept"]}}, "team")
    assert again["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"], (
        "nothing changes and nothing is taken away"
    )

    kube.delete("ServiceMeshMember", "default", "desk")
    assert eventually(lambda: configured("kept"))["spec"]["members"] == ["kept"]
    eventually(lambda: "maistra.io/member-of" not in kube.get("Namespace", "desk")["metadata"]["labels"])
    kube.apply({**roll, "spec": {"members": []}}, "team")
    eventually(lambda: kube.get("ServiceMeshMember", "default", "kept") is None)


def test_a_roll_that_the_operator_made_goes_with_the_last_that_joined(operated):
    kube = operated.kube
    kube.delete("ServiceMeshMemberRoll", "default", HOME)
    eventually(lambda: kube.get("ServiceMeshMemberRoll", "default", HOME) is None)
    for name in ("first", "second"):
        operated.namespace(name)
        member = {
            "apiVersion": "maistra.io/v1",
            "kind": "ServiceMeshMember",
            "metadata": {"name": "default", "namespace": name},
        }
        kube.apply({**member, "spec": {"controlPlaneRef": {"name": "basic", "namespace": HOME}}}, "owner")

    def members() -> list[str]:
        roll = kube.get("ServiceMeshMemberRoll", "default", HOME) or {"metadata": {}}
        return (roll.get("status") or {}).get("configuredMembers") or []

    eventually(lambda: members() == ["first", "second"])
    made = kube.get("ServiceMeshMemberRoll", "default", HOME)
    assert made["metadata"]["annotations"] == {"maistra.io/created-by": "servicemeshmember-controller"}
    kube.delete("ServiceMeshMember", "default", "first")
    eventually(lambda: members() == ["second"])
    kube.delete("ServiceMeshMember", "default", "second")
    eventually(lambda: kube.get("ServiceMeshMemberRoll", "default", HOME) is None)


def test_a_member_of_an_unknown_control_plane_says_so(operated):
    operated.namespace("lonely")
    member = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMember",
        "metadata": {"name": "default", "namespace": "lonely"},
    }
    operated.kube.apply({**member, "spec": {"controlPlaneRef": {"name": "nope", "namespace": HOME}}}, "team")
    told = eventually(lambda: condition(operated.kube.get("ServiceMeshMember", "default", "lonely"), "Reconciled"))
    assert (told["status"], told["reason"]) == ("False", "ErrorControlPlaneMissing")
    assert told["message"] == "the referenced ServiceMeshControlPlane object does not exist"


def istiod_pods(operated: Operated, phase: str = "Running") -> list[str]:
    pods = operated.kube.list("Pod", HOME, "app=istiod,istio.io/rev=basic")
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == phase]


def test_istiod_is_restarted_on_demand_and_by_a_rollout_restart(operated):
    def pod() -> str:
        pods = istiod_pods(operated)
        return pods[0] if len(pods) == 1 else ""

    first = eventually(pod)
    operated.operator.restart_istiod(HOME, "basic")
    second = eventually(pod)
    restart = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
    operated.kube.merge("Deployment", "istiod-basic", HOME, restart)
    third = eventually(lambda: pod() not in ("", second) and pod())
    assert len({first, second, third}) == 3
    assert third.startswith("istiod-basic-")
    eventually(lambda: third == operated.operator.istiod_pod(HOME, "basic"))
    assert operated.kube.get("Pod", third, HOME)["status"]["startTime"]
    life = [f"stop {HOME}/basic v2.3, gateways stay", f"start {HOME}/basic v2.3"]
    eventually(lambda: operated.istiods[-4:] == life * 2)


def test_a_restart_of_istiod_shows_in_the_deployments_status_from_the_old_pod_to_the_new(operated):
    def status() -> dict:
        return operated.kube.get("Deployment", "istiod-basic", HOME)["status"]

    def is_settled() -> bool:
        deployment = operated.kube.get("Deployment", "istiod-basic", HOME)
        counts = [
            deployment["status"].get(f"{word}eplicas")
            for word in ("r", "updatedR", "readyR", "availableR", "unavailableR")
        ]
        return deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"] and counts == [
            1,
            1,
            1,
            1,
            None,
        ]

    eventually(is_settled)
    [old] = istiod_pods(operated)
    restart = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "later"}}}}}
    changed = operated.kube.merge("Deployment", "istiod-basic", HOME, restart)
    before = status()
    assert before["observedGeneration"] < changed["metadata"]["generation"] and before["updatedReplicas"] == 1
    rolling = eventually(lambda: status().get("unavailableReplicas") and status())
    assert (rolling["observedGeneration"], rolling["replicas"], rolling["updatedReplicas"]) == (
        changed["metadata"]["generation"],
        2,
        1,
    )
    assert rolling["availableReplicas"] == 1 and istiod_pods(operated) == [old]
    eventually(is_settled)
    eventually(lambda: istiod_pods(operated) not in ([], [old]))


def test_an_older_control_plane_with_mixer_is_updated_and_counted_down_and_a_deleted_one_leaves_its_roll_behind(
    operated,
):
    operated.namespace("old")
    old = {"policy": {"type": "Mixer"}, "telemetry": {"type": "Mixer"}, "addons": {"3scale": {"enabled": True}}}
    kube = operated.kube

    def is_old_done() -> bool:
        return is_done(kube.get(SMCP, "old", "old"))

    kube.apply(control_plane({"version": "v2.0", **old}, "old", "old"), "team")
    eventually(is_old_done)
    assert kube.get(SMCP, "old", "old")["status"]["annotations"]["readyComponentCount"] == "8/8"
    kube.apply(control_plane({"version": "v2.1"}, "old", "old"), "team")
    eventually(is_old_done)
    status = kube.get(SMCP, "old", "old")["status"]
    assert (status["chartVersion"], status["annotations"]["readyComponentCount"]) == ("2.1.6", "6/6")

    roll = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": {"name": "default", "namespace": "old"},
    }
    kube.apply({**roll, "spec": {"members": []}}, "team")
    kube.delete(SMCP, "old", "old")
    assert kube.get(SMCP, "old", "old")["metadata"]["deletionTimestamp"]
    eventually(lambda: kube.get(SMCP, "old", "old") is None)
    left = eventually(
        lambda: (
            condition(kube.get("ServiceMeshMemberRoll", "default", "old"), "Ready").get("reason") == "ErrSMCPMissing"
        )
    )
    assert left
    assert {found["metadata"]["name"] for found in kube.list("ConfigMap", "old")} >= {"servicemesh-federation"}
    assert kube.list("Deployment", "old") == kube.list("Service", "old") == []
    assert operated.istiods[-1] == "stop old/old v2.1"
