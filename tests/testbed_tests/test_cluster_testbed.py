# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The testbed as a whole: it comes up, obeys, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import yaml

from testbed import MeshSpec, Testbed, TestbedError
from testbed.addresses import Addresses
from testbed.client import kube_of
from testbed.kube import KubeError

TESTS = Path(__file__).parent.parent
WAIT_SECONDS = 20
READ_CONFIG_MAPS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, list]}
"""


def wait_until(is_so: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.05)


def processes_of(directory: Path) -> list[int]:
    """The processes that were started for a testbed: their command line names its directory, or they live in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            place = os.readlink(entry / "cwd")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        # a process that has ended and waits for its parent has no command line
        if str(directory) in words or Path(place).is_relative_to(directory):
            found.append(int(entry.name))
    return found


def config_map(name: str, namespace: str = "default") -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}


def gateway(**fields: object) -> dict:
    """A control plane with one additional ingress gateway, as a second manager would apply it."""
    return {"spec": {"gateways": {"additionalIngress": {"a-ingress": {"enabled": True, **fields}}}}}


def control_plane(mesh, **fields: object) -> dict:
    metadata = {"name": mesh.control_plane, "namespace": mesh.namespace}
    return {"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": metadata, **fields}


# coming up


def test_a_mesh_comes_up_ready_with_its_members_and_services(whole_bed):
    for mesh in whole_bed.meshes.values():
        smcp = mesh.kube.get("ServiceMeshControlPlane", "basic", mesh.namespace)
        conditions = {entry["type"]: entry["status"] for entry in smcp["status"]["conditions"]}
        assert conditions["Ready"] == conditions["Reconciled"] == "True"
        assert smcp["spec"]["security"]["trust"]["domain"] == f"{mesh.name}.local"
        assert smcp["status"]["chartVersion"].startswith(mesh.version.removeprefix("v"))
        assert mesh.kube.get("ServiceMeshMemberRoll", "default", mesh.namespace)["status"]["configuredMembers"] == [
            "shop"
        ]
        assert (
            "BEGIN CERTIFICATE"
            in mesh.kube.get("ConfigMap", "istio-ca-root-cert", mesh.namespace)["data"]["root-cert.pem"]
        )
        answer = mesh.call("cart.shop.svc.cluster.local")
        assert (answer.status, answer.json["mesh"], answer.json["service"]) == (200, mesh.name, "cart")


def test_an_echo_service_can_come_and_go(whole_bed):
    east = whole_bed.meshes["east"]
    east.echo("annex", "tea", [8080], labels={"tier": "front"}, text="hello")
    assert east.call("tea.annex.svc.cluster.local", 8080).json["text"] == "hello"
    service = east.kube.get("Service", "tea", "annex")
    assert (service["metadata"]["labels"]["tier"], service["spec"]["ports"][0]["name"]) == ("front", "http")
    wait_until(
        lambda: (
            east.kube.get("ServiceMeshMemberRoll", "default", east.namespace)["status"]["configuredMembers"]
            == ["annex", "shop"]
        )
    )
    east.unecho("annex", "tea")
    wait_until(lambda: east.call("tea.annex.svc.cluster.local", 8080).status != 200)


def test_istiod_can_be_restarted(whole_bed):
    east = whole_bed.meshes["east"]

    def pods() -> set[str]:
        return {pod["metadata"]["name"] for pod in east.kube.list("Pod", east.namespace, "app=istiod")}

    before = pods()
    east.restart_istiod()
    assert len(before) == 1 and not before & pods()


def test_a_mesh_or_fault_that_there_is_not_is_refused_by_name(whole_bed):
    with pytest.raises(TestbedError, match="there is no mesh 'north'; there are east, west"):
        whole_bed.ask("/restart-istiod", mesh="north")
    with pytest.raises(TestbedError, match="there is no fault 'flood'"):
        whole_bed.meshes["east"].fault("flood")


def test_a_second_testbed_in_the_same_directory_is_refused(whole_bed):
    with pytest.raises(TestbedError, match="runs in .* already"):
        Testbed.start(whole_bed.directory)


def test_a_directory_that_holds_something_else_is_refused_and_untouched(tmp_path):
    (tmp_path / "letter").write_text("keep me", encoding="utf-8")
    with pytest.raises(TestbedError, match="is not empty and holds no earlier testbed"):
        Testbed.start(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]


def test_operators_can_be_there_without_a_control_plane(tmp_path):
    with Testbed.start(tmp_path / "bed", [MeshSpec("east", control_plane_present=False)]) as bed:
        east = bed.meshes["east"]
        assert east.kube.list("ServiceMeshControlPlane") == []
        with pytest.raises(KubeError, match="invalid Version specified"):
            east.kube.create(control_plane(east, spec={"version": "v2.9"}))


def test_two_meshes_can_share_a_cluster(tmp_path):
    meshes = [
        MeshSpec(name, cluster="one", members=[f"{name}-shop"], services={f"{name}-shop": ["cart"]})
        for name in ("east", "west")
    ]
    with Testbed.start(tmp_path / "bed", meshes) as bed:
        east, west = bed.meshes["east"], bed.meshes["west"]
        assert east.kubeconfig == west.kubeconfig
        assert west.call("cart.west-shop.svc.cluster.local", source="client.west-shop").json["mesh"] == "west"


# the kinds


def test_route_config_of_a_gateway_is_refused_as_on_2_3_and_taken_as_on_2_5(whole_bed):
    east, west = whole_bed.meshes["east"], whole_bed.meshes["west"]
    fields = gateway(routeConfig={"enabled": False})
    with pytest.raises(KubeError, match="additionalIngress.a-ingress.routeConfig: field not declared in schema"):
        east.kube.apply(control_plane(east, **fields), "gateways")
    stored = west.kube.apply(control_plane(west, **fields), "gateways")
    assert stored["spec"]["gateways"]["additionalIngress"]["a-ingress"]["routeConfig"] == {"enabled": False}
    west.kube.apply(control_plane(west), "gateways")


def test_unknown_fields_of_a_gateway_are_refused(whole_bed):
    east = whole_bed.meshes["east"]
    with pytest.raises(
        KubeError, match="additionalIngress.a-ingress.requestedNetworkView: field not declared in schema"
    ):
        east.kube.apply(control_plane(east, **gateway(requestedNetworkView=["network-a"])), "gateways")


MESH_RULES = {
    "VirtualService": {
        "hosts": ["cart.shop.svc.cluster.local"],
        "http": [
            {
                "route": [{"destination": {"host": "cart.shop.svc.east-imports.local"}, "weight": 100}],
                "retries": {"attempts": 2},
            }
        ],
    },
    "DestinationRule": {
        "host": "cart.shop.svc.east-imports.local",
        "trafficPolicy": {"outlierDetection": {"interval": "10s"}},
    },
    "Gateway": {
        "selector": {"istio": "ingressgateway"},
        "servers": [{"hosts": ["*"], "port": {"name": "http", "number": 80, "protocol": "HTTP"}}],
    },
    "Sidecar": {"egress": [{"hosts": ["./*", "istio-system/*"]}]},
}


@pytest.mark.parametrize("kind", MESH_RULES)
def test_a_kind_of_istios_is_served_in_both_its_versions_and_kept_as_it_came(whole_bed, kind):
    east = whole_bed.meshes["east"]
    rule = {"kind": kind, "metadata": {"name": "rule", "namespace": "shop"}, "spec": MESH_RULES[kind]}
    made = east.kube.apply({"apiVersion": "networking.istio.io/v1beta1", **rule}, "test")
    assert made["spec"] == MESH_RULES[kind]
    assert east.kube.get(f"networking.istio.io/v1alpha3/{kind.lower()}s", "rule", "shop")["spec"] == MESH_RULES[kind]
    east.kube.delete(kind, "rule", "shop")


def test_an_authorization_policy_knows_its_words(whole_bed):
    east = whole_bed.meshes["east"]
    source = {"principals": ["east.local/ns/east-mesh-system/sa/west-ingress-service-account"]}
    policy = {
        "apiVersion": "security.istio.io/v1beta1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "callers", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "cart"}},
            "action": "ALLOW",
            "rules": [{"from": [{"source": source}]}],
        },
    }
    assert east.kube.apply(policy, "test")["spec"] == policy["spec"]
    with pytest.raises(KubeError, match="action"):
        east.kube.apply({**policy, "spec": {"action": "PERHAPS"}}, "test", force=True)
    east.kube.delete("AuthorizationPolicy", "callers", "shop")


def test_a_gateways_ports_are_merged_by_their_number(whole_bed):
    east = whole_bed.meshes["east"]
    for manager, port in (("one", 15443), ("two", 8188)):
        stored = east.kube.apply(control_plane(east, **gateway(service={"ports": [{"port": port}]})), manager)
    ports = stored["spec"]["gateways"]["additionalIngress"]["a-ingress"]["service"]["ports"]
    assert sorted(port["port"] for port in ports) == [8188, 15443]
    for manager in ("one", "two"):
        stored = east.kube.apply(control_plane(east), manager)
    assert "additionalIngress" not in (stored["spec"].get("gateways") or {})


def test_texts_in_a_folder_take_the_place_of_ours(tmp_path):
    folder = tmp_path / "crds"
    folder.mkdir()
    crd = yaml.safe_load((TESTS / "testbed" / "crds" / "servicemeshpeers.yaml").read_text(encoding="utf-8"))
    crd["spec"]["names"]["shortNames"] = ["other"]
    (folder / "peers.yaml").write_text(yaml.safe_dump(crd), encoding="utf-8")
    with Testbed.start(tmp_path / "bed", [MeshSpec("east", control_plane_present=False)], crds=folder) as bed:
        stored = bed.meshes["east"].kube.get("CustomResourceDefinition", crd["metadata"]["name"])
        assert stored["spec"]["names"]["shortNames"] == ["other"]


# credentials


def test_a_service_account_may_do_what_its_role_allows_and_nothing_else(whole_bed, tmp_path):
    rules = tmp_path / "role.yaml"
    rules.write_text(READ_CONFIG_MAPS, encoding="utf-8")
    east = whole_bed.meshes["east"]
    for is_proxied in (False, True):
        account = kube_of(east.service_account_kubeconfig("visitor", east.namespace, [rules], proxied=is_proxied))
        assert account.get("ConfigMap", "istio-ca-root-cert", east.namespace)
        for refused in (
            lambda: account.create(config_map("mine", east.namespace)),
            lambda: account.list("ConfigMap"),
            lambda: account.list("Secret", east.namespace),
        ):
            with pytest.raises(KubeError, match="forbidden: User .*system:serviceaccount:east-mesh-system:visitor"):
                refused()


def test_a_caller_without_a_token_is_refused(whole_bed):
    east = whole_bed.meshes["east"]
    answer = requests.get(
        f"{east.kube.server}/api/v1/secrets", verify=east.kube.ca_file, timeout=10, proxies={"no": "proxy"}
    )
    assert answer.status_code in (401, 403)


def test_what_users_ask_is_in_the_audit_log_and_what_the_testbed_asks_is_not(whole_bed):
    east = whole_bed.meshes["east"]
    east.kube.list("ConfigMap", "kube-public")
    wait_until(lambda: "/api/v1/namespaces/kube-public/configmaps" in Path(east.audit_log).read_text(encoding="utf-8"))
    assert '"username":"testbed"' not in Path(east.audit_log).read_text(encoding="utf-8")


# faults of the way to the API server


@pytest.fixture
def proxied(whole_bed) -> Iterator:
    """East's mesh and a client that goes through its proxy; what is switched on is off again afterwards."""
    east = whole_bed.meshes["east"]
    yield east, kube_of(east.proxied_kubeconfig)
    for fault in whole_bed.state()["faults"].get("east", {}):
        east.heal(fault)


def test_the_proxy_hands_on_reads_writes_and_refusals(proxied):
    _east, kube = proxied
    kube.create(config_map("through"))
    assert kube.merge("ConfigMap", "through", "default", {"data": {"a": "b"}})["data"] == {"a": "b"}
    with pytest.raises(KubeError, match="AlreadyExists"):
        kube.create(config_map("through"))
    kube.delete("ConfigMap", "through", "default")
    assert kube.get("ConfigMap", "through", "default") is None


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_only_as_many_requests_fail_as_are_told_and_only_those_that_match(proxied, status):
    east, kube = proxied
    east.fault("api-errors", status=status, count=2, match="^GET .*/configmaps")
    assert kube.list("Namespace")
    for _time in range(2):
        with pytest.raises(KubeError) as refusal:
            kube.list("ConfigMap")
        assert refusal.value.status == status
    assert kube.list("ConfigMap")


def test_a_slow_proxy_answers_late(proxied):
    east, kube = proxied
    east.fault("api-slow", seconds=0.6)
    started = time.monotonic()
    assert kube.list("Namespace")
    assert time.monotonic() - started >= 0.6


def test_a_hanging_proxy_does_not_answer_until_it_is_healed(proxied):
    east, kube = proxied
    east.fault("api-hang")
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{kube.server}/version", verify=kube.ca_file, timeout=0.7, proxies={"no": "proxy"})
    east.heal("api-hang")
    assert kube.list("Namespace")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cut_connection_is_cut_before_or_after_the_api_server_has_dealt_with_the_request(proxied, when):
    east, kube = proxied
    east.fault("api-cut", at=2, when=when, match="/configmaps")
    assert kube.list("ConfigMap")
    with pytest.raises(requests.ConnectionError):
        kube.create(config_map(f"cut-{when}"))
    assert (kube.get("ConfigMap", f"cut-{when}", "default") is not None) == (when == "after")
    assert kube.list("ConfigMap")
    east.fault("api-cut", at=1, when=when, lasts=True)
    for _time in range(2):
        with pytest.raises(requests.ConnectionError):
            kube.list("Namespace")
    east.heal("api-cut")
    assert kube.list("Namespace")


def test_a_refusing_proxy_refuses_connections_and_comes_back_on_the_same_port(proxied):
    east, kube = proxied
    assert kube.list("Namespace")
    east.fault("api-refuse")
    with pytest.raises(requests.ConnectionError, match="refused"):
        requests.get(f"{kube.server}/version", verify=kube.ca_file, timeout=5, proxies={"no": "proxy"})
    with pytest.raises(requests.ConnectionError):
        kube.list("Namespace")
    assert east.kube.list("Namespace")
    east.heal("api-refuse")
    assert kube.list("Namespace")


def test_webhooks_that_are_down_make_writes_fail_as_while_an_operator_starts(proxied):
    east, _kube = proxied
    patch = {"metadata": {"annotations": {"touched": "yes"}}}
    east.fault("webhook-down")

    def is_refused() -> bool:
        try:
            east.kube.merge("ServiceMeshControlPlane", "basic", east.namespace, patch)
        except KubeError as error:
            return error.status == 500 and 'failed calling webhook "smcp.mutation.maistra.io"' in error.message
        return False

    wait_until(is_refused)
    east.heal("webhook-down")
    wait_until(lambda: not is_refused())


# the end


def test_nothing_is_left_after_the_end(tmp_path):
    bed = Testbed.start(tmp_path / "bed", fresh=True)
    assert len(processes_of(bed.directory)) == 7  # the supervisor, and etcd, API server and Envoy of each mesh
    bed.stop()
    assert processes_of(bed.directory) == []
    assert not (bed.directory / "testbed.json").exists()
    bed.stop()
    with pytest.raises(TestbedError, match="no testbed runs in"):
        Testbed.attach(bed.directory)


def test_two_testbeds_run_side_by_side_and_nothing_is_left_of_one_that_was_killed(whole_bed, tmp_path):
    bed = Testbed.start(tmp_path / "bed", [MeshSpec("east")], fresh=True)
    assert bed.meshes["east"].kube.server != whole_bed.meshes["east"].kube.server
    os.kill(bed.pid, signal.SIGKILL)
    wait_until(lambda: processes_of(bed.directory) == [])
    assert whole_bed.meshes["east"].call("cart.shop.svc.cluster.local").status == 200
    with Testbed.start(bed.directory, [MeshSpec("east")]) as again:
        assert again.meshes["east"].call("cart.shop.svc.cluster.local").status == 200


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_testbed_ends_with_the_command_that_started_it(tmp_path, end):
    directory = tmp_path / "bed"
    # Whoever runs the tests in the background may have SIGINT ignored, and children inherit that.
    words = [
        "env",
        "--default-signal=INT",
        sys.executable,
        "-m",
        "testbed",
        "up",
        "--dir",
        str(directory),
        "--meshes",
        "east",
        "--no-control-planes",
    ]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as command:
        output = iter(command.stdout)
        assert any(line.startswith("Up in") for line in output)
        os.kill(command.pid, end)
        command.wait(WAIT_SECONDS)
        command.stdout.close()
    wait_until(lambda: processes_of(directory) == [])


def test_a_detached_testbed_stays_until_it_is_ended(tmp_path):
    directory = tmp_path / "bed"

    def run(*words: str) -> subprocess.CompletedProcess:
        line = [sys.executable, "-m", "testbed", *words, "--dir", str(directory)]
        return subprocess.run(
            line, env={**os.environ, "PYTHONPATH": str(TESTS)}, capture_output=True, text=True, check=False
        )

    assert run("up", "--meshes", "east", "--detach").returncode == 0
    called = run("call", "--mesh", "east", "http://cart.shop.svc.cluster.local/hello")
    assert (called.returncode, called.stdout[:4]) == (0, "200 ")
    assert run("call", "--mesh", "east", "http://nobody.shop.svc.cluster.local/").returncode == 1
    assert run("down").returncode == 0
    assert processes_of(directory) == []


# addresses


def test_addresses_are_stable_never_shared_and_of_no_other_testbed():
    first, second = Addresses(), Addresses()
    try:
        keys = [("east", f"namespace-{number}", "cart") for number in range(600)]
        given = [first.for_service(*key) for key in keys]
        assert len(set(given)) == len(given)
        assert [first.for_service(*key) for key in keys] == given
        assert second.for_service(*keys[0]) not in given
        assert not any(address.endswith((".0", ".255")) for address in given)
    finally:
        first.release()
        second.release()


def test_the_api_servers_certificate_is_for_its_address_alone(whole_bed):
    east = whole_bed.meshes["east"]
    host, _colon, port = east.kube.server.removeprefix("https://").partition(":")
    certificate = ssl.get_server_certificate((host, int(port)), ca_certs=east.kube.ca_file)
    assert certificate.startswith("-----BEGIN CERTIFICATE-----")
