# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""make-card.sh, for those without Ansible, makes the card that ``mesh_card`` makes of the same mesh."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.fingerprints import spoken
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.modules import mesh_card
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW, private_key, root
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SCRIPT = Path(__file__).resolve().parents[2] / "playbooks" / "files" / "make-card.sh"
MISSING = [program for program in ("jq", "openssl", "awk", "sh") if shutil.which(program) is None]
SPACE = "east-mesh-system"
# Answers ``get`` from files as kubectl does: one object by its name, or a list of a kind in a namespace.
STAND_IN = """\
#!/usr/bin/env python3
import json, sys
_n, space, _get, kind, *name, _o, _json = sys.argv[1:]
plural = {"servicemeshcontrolplanes": "ServiceMeshControlPlane", "configmaps": "ConfigMap", "services": "Service", "serviceentries": "ServiceEntry",
          "servicemeshpeers": "ServiceMeshPeer", "exportedservicesets": "ExportedServiceSet"}[kind.partition(".")[0]]
found = [one for one in json.load(open(__file__ + ".json")) if one["kind"] == plural and one["metadata"]["namespace"] == space]
if name:
    found = [one for one in found if one["metadata"]["name"] == name[0]]
    if not found:
        sys.exit(f"Error from server (NotFound): {kind} {name[0]!r} not found")
print(json.dumps(found[0] if name else {"kind": "List", "items": found}))
"""
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


def live(api: str, kind: str, name: str, namespace: str = SPACE, **body: object) -> dict:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **body}


def mesh(service: dict, roots: str, *, profile: bool = False) -> list[dict]:
    """Return what stands in a mesh that exports two Services and a ServiceEntry to west."""
    trust = {"security": {"trust": {"domain": "east.local"}}}
    body = (
        {"spec": {"version": "v2.3"}, "status": {"appliedSpec": trust}}
        if profile
        else {"spec": {"version": "v2.3", **trust}}
    )
    ports = [
        {"name": "http-web", "port": 80},
        {"name": "grpc-web-x", "port": 81},
        {"name": "any", "port": 82},
        {"port": 83, "appProtocol": "kubernetes.io/h2c"},
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "MySQL", "port": 3306},
    ]
    entry = {
        "location": "MESH_INTERNAL",
        "hosts": ["api.example.com"],
        "ports": [{"name": "tls", "number": 443, "protocol": "tls"}],
    }
    exported = [("cart", "cart"), ("ledger", "ledger"), ("api.example.com", "api")]
    status = {
        "exportedServices": [
            {
                "exportedName": f"{name}.shop.svc.west-exports.local",
                "localService": {"name": local, "namespace": "shop", "hostname": name},
            }
            for name, local in exported
        ]
    }
    rules = [{"type": "NameSelector", "nameSelector": {"namespace": "shop", "name": "*"}}]
    return [
        live("maistra.io/v2", "ServiceMeshControlPlane", "basic", **body),
        live("v1", "ConfigMap", "istio-ca-root-cert", data={"root-cert.pem": roots}),
        live("maistra.io/v1", "ServiceMeshMemberRoll", "default", status={"configuredMembers": ["shop"]}),
        live("v1", "Service", "west-ingress", **service),
        live("v1", "Service", "cart", "shop", spec={"ports": ports}),
        live("v1", "Service", "ledger", "shop", spec={"ports": [{"name": "tcp", "port": 9000}]}),
        live("networking.istio.io/v1beta1", "ServiceEntry", "api", "shop", spec=entry),
        live("federation.maistra.io/v1", "ExportedServiceSet", "west", spec={"exportRules": rules}, status=status),
    ]


@pytest.fixture
def made(tmp_path: Path):
    """Run the script against objects and return what it printed, or its error."""
    program = tmp_path / "kubectl"
    program.write_text(STAND_IN, encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def make(objects: list[dict], *options: str) -> subprocess.CompletedProcess:
        (tmp_path / "kubectl.json").write_text(json.dumps(objects), encoding="utf-8")
        words = [
            "sh",
            str(SCRIPT),
            "--mesh",
            "east",
            "--for",
            "west",
            "--namespace",
            SPACE,
            "--control-plane",
            "basic",
            *options,
        ]
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=60)

    return make


def card_of(objects: list[dict], gateways: dict) -> dict:
    peer = {"name": "west", "gateways": gateways} if gateways else "west"
    given = {"mesh": "east", "peers": [peer], "exports": [{"namespace": "shop"}], "loopback": True}
    (card,) = mesh_card.run(
        RunInMemory(DESCRIBED, FORCE, mesh_card.OPTIONS, **given), ClusterInMemory(NOW, *objects), NOW
    )["cards"]
    return card


BALANCED = {
    "spec": {"type": "LoadBalancer", "ports": []},
    "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}, {"hostname": "lb.example.com"}]}},
}
NODES = ["192.0.2.1", "192.0.2.2"]
BY_NODE = {
    "spec": {
        "type": "NodePort",
        "ports": [
            {"name": "tls", "port": 15443, "nodePort": 31443},
            {"name": "https-discovery", "port": 8188, "nodePort": 30188},
        ],
    }
}


@pytest.mark.parametrize(
    ("service", "options", "gateways"),
    [
        pytest.param(BALANCED, (), {}, id="load-balancer"),
        pytest.param(
            BY_NODE,
            ("--address", NODES[0], "--address", NODES[1]),
            {"service_type": "NodePort", "addresses": NODES},
            id="nodes",
        ),
    ],
)
def test_the_script_makes_the_card_that_the_module_makes_byte_for_byte(made, service, options, gateways):
    objects = mesh(service, "# ours\n" + root("east") + root("next") + root("east"), profile=not options)
    done = made(objects, *options)
    assert done.returncode == 0, done.stderr
    expected, card = card_of(objects, gateways), json.loads(done.stdout)
    for field, value in expected.items():
        assert card[field] == value or field == "issued", field
    assert done.stdout == json.dumps({**expected, "issued": card["issued"]}, indent=2) + "\n"
    assert done.stderr.splitlines()[1:] == [f"  {spoken(one['fingerprint'])}" for one in expected["roots"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda objects: objects[0]["spec"].pop("security"), "has no trust domain of its own"),
        (
            lambda objects: objects[1]["data"].update({"root-cert.pem": root("east") + private_key()}),
            "holds a private key",
        ),
        (lambda objects: objects[1]["data"].update({"root-cert.pem": "nothing"}), "holds no root certificate"),
        (lambda objects: objects[3].pop("status"), "has no address yet"),
        (lambda objects: objects.pop(3), "NotFound"),
    ],
)
def test_a_card_that_a_peer_could_not_use_is_not_made(made, change, said):
    objects = mesh(BALANCED, root("east"))
    change(objects)
    done = made(objects)
    assert done.returncode and done.stdout == "" and said in done.stderr


@pytest.mark.parametrize("options", [("--mesh",), ("--for", "$(touch x)"), ("--else", "x")])
def test_words_that_are_not_names_are_refused(made, options):
    done = made([], *options)
    assert done.returncode and done.stdout == "" and "make-card.sh: " in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mesh", "West"), "--mesh: 'West' must be lower-case letters, digits and hyphens"),
        (("--mesh", "west.lab"), "--mesh: 'west.lab' must be"),
        (("--for", "-east"), "--for: '-east' must be"),
        (("--service-port", "https"), "--service-port: 'https' must be a number"),
    ],
)
def test_words_with_which_a_peer_would_refuse_the_card_are_refused_here(made, options, said):
    done = made(mesh(BALANCED, root("east")), *options)
    assert done.returncode and done.stdout == "" and f"make-card.sh: {said}" in done.stderr
