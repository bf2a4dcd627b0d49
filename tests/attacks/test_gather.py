# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A support dump holds what a supporter needs and no secret: markers are planted in every place that it reads, and all
of it is searched.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from attacks.api import ApiInMemory, serving
from attacks.attack import call, everything_below
from attacks.conftest import CONTROL_PLANE
from attacks.test_verify import mesh, pod
from integration.administrators import Administrator

HOME = "east-mesh-system"
EAST = {"mesh": "east", "api_timeout": 3}
KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpl4nted{0}\nQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoK{0}\n-----END RSA PRIVATE"
    " KEY-----"
)
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJwbDRudGVkIn0.c2lnbmF0dXJl{0}"
HASH = "pl4nted0123456789abcdef0123456789abcdef{0}"
# In each of these {0} makes the secret that place's own.
SPELLED = (
    ("a-key", KEY),
    ("a-key-in-json", json.dumps({"key.pem": KEY})),
    ("a-key-that-has-lost-its-end", "-----BEGIN EC PRIVATE KEY-----\npl4nted{0}\nMHcCAQEEIP"),
    ("a-jwt", "the account sent " + JWT),
    ("an-openshift-token", "oc login --token=sha256~pl4ntedabcdefghijklmnopqrstuvwxyz{0}"),
    ("a-bearer", "Authorization: Bearer pl4nted{0}"),
    ("a-basic", "proxy-authorization: Basic cGw0bnRlZDpwbDRudGVk{0}"),
    ("a-url", "https://somebody:pl4nted{0}@registry.example.com/v2"),
    ("a-url-with-a-user-only", "https://pl4nted{0}@api.example.com"),
    ("threescale", f"GET /admin/api/services.json?access_token={HASH} HTTP/1.1"),
    ("a-user-key", "GET /cart?user_key=pl4nted{0}&x=1"),
    ("a-password", 'password: "pl4nted{0} with words after it pl4nted{0}"'),
    ("a-password-in-json-in-json", json.dumps({"inner": json.dumps({"db_password": "pl4nted{0}"})})),
    ("a-secret-of-a-client", "client_secret = pl4nted{0}"),
    ("a-block", "smtp:\n  password: |\n    first line\n    pl4nted{0}\nnext: 1\n"),
    ("a-list", "api_keys:\n- one\n- pl4nted{0}\nnext: 1\n"),
    ("a-connection-string", "Server=db;Uid=x;Pwd=pl4nted{0};"),
    ("a-signed-url", "https://x.example.com/f?X-Amz-Signature=pl4nted{0}&y=1"),
    ("a-header", "x-api-key: pl4nted{0}"),
    ("a-kubeconfig", "users:\n- user:\n    client-key-data: cGw0bnRlZA{0}\n    token: pl4nted{0}\n"),
    ("a-pull-secret", json.dumps({"auths": {"registry.example.com": {"auth": "cGw0bnRlZA{0}"}}})),
    ("curl", "curl -u admin:pl4nted{0} https://x"),
    ("a-cookie", "set-cookie: session=pl4nted{0}; Path=/"),
    ("aws", "AKIAPL4NTEDAAAAAAA{0}"),
    ("github", "ghp_pl4ntedabcdefghijklmnopqrstuvwxyz01{0}"),
)
# Where a text can stand, as a function of it: the object that holds it.
PLACES = {
    "annotation": lambda text: thing("v1", "Service", HOME, "planted", annotations={"note": text}),
    "last applied": lambda text: thing(
        "v1", "Service", HOME, "planted", annotations={"kubectl.kubernetes.io/last-applied-configuration": text}
    ),
    "status": lambda text: thing(
        "federation.maistra.io/v1", "ServiceMeshPeer", HOME, "planted", status={"message": text}
    ),
    "event": lambda text: {**thing("v1", "Event", HOME, "planted"), "message": text},
    "map": lambda text: {**thing("v1", "ConfigMap", HOME, "istio-basic"), "data": {"mesh": text}},
    "route": lambda text: thing(
        "networking.istio.io/v1beta1", "VirtualService", "shop", "planted", spec={"http": [{"match": [{"uri": text}]}]}
    ),
    "environment": lambda text: running({"env": [{"name": "PILOT_X", "value": text}]}),
    "arguments": lambda text: running({"args": ["serve", text]}),
}
# Where a secret is one by its key or kind, whatever it looks like.
KEYED = {
    "environment": lambda secret: running({"env": [{"name": "SIGNING_THING", "value": secret}]}),
    "an argument's next": lambda secret: running({"args": ["--registry-token", secret]}),
    "wasm": lambda secret: thing(
        "extensions.istio.io/v1alpha1",
        "WasmPlugin",
        "shop",
        "planted",
        spec={"pluginConfig": {"system": {"x": secret}}},
    ),
    "extension": lambda secret: thing(
        "maistra.io/v1", "ServiceMeshExtension", "shop", "planted", spec={"config": {"any": secret}}
    ),
    "filter": lambda secret: thing(
        "networking.istio.io/v1alpha3",
        "EnvoyFilter",
        "shop",
        "planted",
        spec={"configPatches": [{"patch": {"value": {"lua": secret}}}]},
    ),
    "addon": lambda secret: thing(
        "maistra.io/v2", "ServiceMeshControlPlane", HOME, "planted", spec={"addons": {"x": {"apiKey": secret}}}
    ),
    "list": lambda secret: thing(
        "maistra.io/v2", "ServiceMeshControlPlane", HOME, "planted", spec={"techPreview": {"tokens": [secret, secret]}}
    ),
    "data": lambda secret: {**thing("v1", "ConfigMap", HOME, "istio-basic"), "data": {"password": secret}},
    "other map": lambda secret: {**thing("v1", "ConfigMap", HOME, "of-somebody"), "data": {"x": secret}},
    "secret": lambda secret: {**thing("v1", "Secret", HOME, "cacerts"), "data": {"ca-key.pem": secret}},
}


def thing(version: str, kind: str, namespace: str, name: str, **more: object) -> dict:
    metadata = {
        "name": name,
        "namespace": namespace,
        "annotations": more.pop("annotations", {}),
        "managedFields": [{"manager": "pl4nted"}],
    }
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {}, **more}


def running(container: dict) -> dict:
    return thing(
        "apps/v1",
        "Deployment",
        HOME,
        "planted",
        spec={"template": {"spec": {"containers": [{"name": "c", **container}]}}},
    )


def planted() -> list[dict]:
    found = [
        place(text.replace("{0}", f"{number}"))
        for number, (_name, text) in enumerate(SPELLED, 10)
        for place in PLACES.values()
    ]
    found += [place(f"unlikely-pl4nted-{number}") for number, place in enumerate(KEYED.values())]
    # Objects of one name would be one object.
    for number, live in enumerate(found):
        live["metadata"]["name"] = live["metadata"]["name"].replace("planted", f"planted-{number}")
    return found


def marks(text: str) -> list[str]:
    """Return what of the planted secrets stands in a text, with a little of what is around it."""
    signs = ("pl4nted", "PL4NTED", "cGw0bnRlZ", "c2lnbmF0dXJl", "QUJDREVGR0hJ")
    return [text[max(0, at - 60) : at + 60] for sign in signs for at in [text.find(sign)] if at >= 0]


def logged(asked) -> tuple | None:
    if "/log?" not in asked.target:
        return None
    lines = [
        text.replace("{0}", "77").replace("\n", "\n2026-01-31T12:00:00Z ")
        for _name, text in SPELLED
        if "lost-its-end" not in _name
    ]
    # The end of a key whose beginning is older than the log.
    torn = ["QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoKQUJDREVGR0hJ", "plain words stay"]
    torn[0] = f"2026-01-31T12:00:00.123456789Z {torn[0]}"
    return 200, {"Content-Type": "text/plain"}, "\n".join([*torn, *lines]).encode()


def gather(api: ApiInMemory, collections: str, folder: Path, **options: object) -> tuple[dict, str]:
    result = call(
        collections, "federation_gather_info", {**api.access, **EAST, "folder": str(folder), **options}
    ).result
    return result, everything_below(folder)


@pytest.fixture(scope="module")
def dumped(collections: str, tmp_path_factory) -> tuple[dict, Path, ApiInMemory]:
    """A dump of a mesh in which secrets are planted wherever it looks."""
    folder = tmp_path_factory.mktemp("dumped")
    with serving(folder / "api", CONTROL_PLANE, hostile=logged) as api:
        mesh(api, *planted(), pod("west-egress-1", HOME, "west-egress", "istio-proxy"))
        api.store.writes.clear()
        found = {"run": {"error": {"message": SPELLED[5][1].replace("{0}", "1")}, "token": "unlikely-pl4nted"}}
        result, _text = gather(api, collections, folder / "dumps", found=found)
        return result, folder / "dumps", api


def test_no_secret_that_is_planted_anywhere_is_in_the_dump(dumped):
    result, folder, api = dumped
    text = everything_below(folder)
    assert result["unread"] == [] and result["files"] > 150, result
    assert marks(text) == [] and marks(json.dumps(result)) == []
    assert not [asked.target for asked in api.asked if "/secrets" in asked.target]
    assert api.writes == [] and {asked.method for asked in api.asked} == {"GET"}


def test_what_a_supporter_needs_is_there_each_in_a_file_that_nobody_else_reads(dumped):
    result, folder, _api = dumped
    text = everything_below(folder)
    [readme] = folder.rglob("README.md")
    home = readme.parent / "objects" / HOME
    assert str(readme.parent) == result["folder"]
    peer = json.loads((home / "ServiceMeshPeer" / "west.json").read_text(encoding="utf-8"))
    assert peer["kind"] == "ServiceMeshPeer" and peer["spec"]["remote"]["addresses"] == ["192.0.2.7"]
    assert (readme.parent / "logs" / "west-egress-1_istio-proxy.log").is_file() and "plain words stay" in text
    assert {path.name for path in (readme.parent / "findings").iterdir()} == {"status.json", "run.json"}
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*")} == {0o600, 0o700}
    index = readme.read_text(encoding="utf-8")
    assert (
        "| 1 | ServiceMeshMemberRoll in east-mesh-system |" in index
        and "## What could not be read\n\nNothing." in index
    )


def test_a_public_scanner_finds_nothing_in_the_dump_and_much_in_what_was_planted(dumped, tmp_path):
    _result, folder, _api = dumped
    (tmp_path / "planted").mkdir()
    for name, text in SPELLED:
        (tmp_path / "planted" / f"{name}.txt").write_text(text.replace("{0}", "55"), encoding="utf-8")
    # Digests, times and names of objects are what its plugins for entropy call secrets.
    plugins = ["--disable-plugin", "Base64HighEntropyString", "--disable-plugin", "HexHighEntropyString"]
    scan = [sys.executable, "-m", "detect_secrets", "scan", "--all-files", "--no-verify", *plugins, "."]
    in_dump, in_planted = (
        json.loads(subprocess.run(scan, cwd=where, capture_output=True, check=True).stdout)["results"]
        for where in (folder, tmp_path / "planted")
    )
    assert in_dump == {} and len(in_planted) >= 8, (in_dump, sorted(in_planted))


def test_what_may_not_be_read_is_told_and_the_rest_is_there(api, collections, tmp_path):
    mesh(api)
    told = json.dumps(
        {"kind": "Status", "message": 'is forbidden: User "u" cannot list resource "events"', "code": 403}
    ).encode()
    api.hostile = lambda asked: (403, {}, told) if "/events" in asked.target or "/log?" in asked.target else None
    result, text = gather(api, collections, tmp_path)
    assert {gap["what"] for gap in result["unread"]} == {
        f"Event in {HOME}",
        f"log of {HOME}/istiod-basic-abc-1/discovery",
    }
    assert f"- Event in {HOME}: FED104" in text and '"ImportedServiceSet"' in text


def test_a_mesh_that_does_not_answer_gives_a_dump_of_what_was_found(api, collections, tmp_path):
    access = {**api.access, "host": "https://127.0.0.1:9", "api_timeout": 1}
    found = {"run": {"error": {"message": "unreachable"}}, "../x": {"a": 1}}
    result = call(
        collections,
        "federation_gather_info",
        {**access, **EAST, "api_timeout": 1, "folder": str(tmp_path), "found": found},
    ).result
    assert (result.get("failed"), result["files"]) == (None, 3), result
    assert "the API server does not answer" in everything_below(tmp_path) and len(result["unread"]) == 1
    assert sorted(path.name for path in tmp_path.rglob("*.json")) == ["other.json", "run.json"]


def test_a_name_that_leads_elsewhere_and_a_link_lead_nowhere(api, collections, tmp_path):
    mesh(api, thing("v1", "Service", HOME, "../../../../escaped"), thing("v1", "Service", HOME, "x" * 300))
    result, _text = gather(api, collections, tmp_path / "dumps")
    assert result.get("failed") is None and not list(tmp_path.glob("escaped*"))
    assert result["files"] > 3, "what is no object ends its own list and not the dump"
    (tmp_path / "other").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "east").symlink_to(tmp_path / "other")
    result, _text = gather(api, collections, tmp_path / "linked")
    assert result["code"] == "FED235" and not list((tmp_path / "other").iterdir())


def test_check_mode_writes_nothing(api, collections, tmp_path):
    mesh(api)
    result = call(
        collections, "federation_gather_info", {**api.access, **EAST, "folder": str(tmp_path / "d")}, check=True
    ).result
    assert result["folder"] == "" and result["files"] > 3 and not (tmp_path / "d").exists()


def test_the_playbook_writes_a_dump_with_what_it_found(api: ApiInMemory, collections: str, tmp_path: Path):
    mesh(api)
    secret = base64.b64encode(b"pl4nted").decode()
    admin = Administrator(
        tmp_path, collections, {"east": {**api.variables, "mesh_peers": ["west"], "gather_dir": "support"}}
    )
    run = admin.play("gather", must_pass=False)
    assert "files → " in run.output, run.output
    [found] = (tmp_path / "support" / "east").glob("*/findings/run.json")
    assert json.loads(found.read_text(encoding="utf-8"))["east"]["peers"][0]["peer"] == "west"
    assert secret not in run.output
