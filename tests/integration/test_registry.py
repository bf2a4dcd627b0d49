# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images pushed to a real registry and read from it: open over plain HTTP, over TLS, with a password, and
with tokens.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attacks.attack import Outcome, call_each
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from unit.plugins.module_utils._core.extensions.modules import module as wasm

from testbed.programs import ProgramsError, find_registry
from testbed.registry import PASSWORD, USER, RealRegistry, real_registry

LOGIN = {"registry_username": USER, "registry_password": PASSWORD}
NOBODY = {"registry_username": None, "registry_password": None}
READERS = {"ServiceMeshExtension": "", "WasmPlugin of 2.2": "", "WasmPlugin from 2.3 on": ""}


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return find_registry()
    except ProgramsError as error:
        if shutil.which("go"):
            raise
        pytest.skip(f"NOT RUN: {error}")


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "plugin.wasm"
    path.write_bytes(wasm())
    return path


@pytest.fixture
def run(collections: str) -> Callable[..., Outcome]:
    """Return what runs one module, as loud as it gets."""

    def one(module: str, check: bool = False, **options: Any) -> Outcome:
        return call_each(collections, module, [options], check=check, shown=True)[0]

    return one


@pytest.fixture(params=["plain", "tls", "password", "token"])
def registry(request: pytest.FixtureRequest, program: Path, tmp_path: Path) -> Iterator[RealRegistry]:
    kind = request.param
    with real_registry(
        program, tmp_path / "registry", tls=kind != "plain", login=kind if kind in ("password", "token") else ""
    ) as running:
        yield running


def secrets(registry: RealRegistry) -> list[str]:
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return [PASSWORD, pair, *registry.tokens]


def asked_as(registry: RealRegistry) -> dict[str, object]:
    return {"registry_ca_cert": registry.ca_file} if registry.ca_file else {"registry_plain_http": True}


def test_an_image_goes_there_once_and_comes_back_by_tag_and_by_digest(
    registry: RealRegistry, run: Callable[..., Outcome], plugin: Path
) -> None:
    options = {**asked_as(registry), **(LOGIN if registry.login else {}), "registry_token_host": registry.token_host}
    name = f"{registry.host}/team/header"
    pack = {"path": str(plugin), "name": "header", "push": f"oci://{name}:1.2", **options}
    planned = run("wasm_image", check=True, **pack)
    assert planned.result.get("changed"), planned.result
    assert run("wasm_module_info", pull=f"{name}:1.2", **options).code == "FED935"
    pushed, again = run("wasm_image", **pack), run("wasm_image", **pack)
    assert (pushed.result["changed"], again.result["changed"], again.result["diff"]) == (True, False, [])
    digest = pushed.result["digest"]
    assert planned.result["digest"] == digest and pushed.result["pinned"] == f"{name}:1.2@{digest}"
    found = [
        run("wasm_module_info", pull=each, **options)
        for each in (f"{name}:1.2", f"{name}@{digest}", f"oci://{name}:gone@{digest}")
    ]
    assert [each.result["image"] for each in found] == [
        {"digest": digest, "layout": "image", "layers": 1, "readers": READERS}
    ] * 3
    assert found[0].result["abi"] == "0.2.1"
    plugin.write_bytes(wasm(abi="0.1.0"))
    other = run("wasm_image", **pack)
    assert (other.code, "move_tag" in other.result["msg"]) == ("FED938", True)
    moved = run("wasm_image", **pack, move_tag=True)
    assert moved.result["changed"] and run("wasm_module_info", pull=f"{name}:1.2", **options).result["abi"] == "0.1.0"
    assert run("wasm_module_info", pull=f"{name}@{digest}", **options).result["abi"] == "0.2.1"
    refused: list[Outcome] = []
    if registry.login:
        refused += [
            run("wasm_module_info", pull=f"{name}:1.2", **{**options, **each})
            for each in ({"registry_password": "wrong-wrong-wrong"}, NOBODY)
        ]
        assert [each.code for each in refused] == ["FED936", "FED936"]
    if registry.token_host:
        refused.append(away := run("wasm_module_info", pull=f"{name}:1.2", **{**options, "registry_token_host": ""}))
        assert away.code == "FED936" and registry.token_host in away.result["msg"] and registry.tokens
    told = "".join(each.printed for each in (planned, pushed, again, *found, other, moved, *refused))
    assert not [text for text in secrets(registry) if text in told]


def test_whom_nobody_vouches_for_is_not_asked_and_plain_http_only_when_told(
    program: Path, tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    with real_registry(program, tmp_path / "registry") as running:
        name = f"{running.host}/team/header:1"
        unknown = run("wasm_module_info", pull=name)
        assert unknown.code == "FED935" and "certificate" in unknown.result["msg"]
        assert run("wasm_module_info", pull=name, registry_plain_http=True).code == "FED935"
        assert run("wasm_module_info", pull=name, registry_plain_http=True, **LOGIN).code == "FED936"


def put(registry: RealRegistry, path: str, content: bytes, kind: str) -> None:
    """Put content into a registry that is open and plain, as a program that is not ours would."""
    if "/blobs/" in path:
        begun = urllib.request.Request(f"http://{registry.host}{path.partition('?')[0]}", b"", method="POST")
        with urllib.request.urlopen(begun, timeout=10) as answer:
            url = f"{answer.headers['Location']}&{path.partition('?')[2]}"
    else:
        url = f"http://{registry.host}{path}"
    with urllib.request.urlopen(urllib.request.Request(url, content, {"Content-Type": kind}, method="PUT"), timeout=10):
        pass


MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def described(registry: RealRegistry, content: bytes, kind: str) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    put(registry, f"/v2/team/header/blobs/uploads/?digest={digest}", content, "application/octet-stream")
    return {"mediaType": kind, "digest": digest, "size": len(content)}


def sign_by_bundle(registry: RealRegistry, key: ec.EllipticCurvePrivateKey, image: str, named: str) -> None:
    """Sign the image ``named`` as cosign 3 does, in a bundle that refers to ``image``, and list that as clients do
    where the registry does not.
    """
    kind, of_bundle = "application/vnd.in-toto+json", "application/vnd.dev.sigstore.bundle.v0.3+json"
    subject = [{"digest": {"sha256": named.partition(":")[2]}}]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://sigstore.dev/cosign/sign/v1",
    }
    payload = json.dumps(statement).encode()
    signature = key.sign(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload, ec.ECDSA(hashes.SHA256()))
    signatures = [{"sig": base64.b64encode(signature).decode()}]
    envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": kind, "signatures": signatures}
    bundle = json.dumps(
        {"mediaType": of_bundle, "verificationMaterial": {"publicKey": {"hint": ""}}, "dsseEnvelope": envelope}
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": of_bundle,
            "config": described(registry, b"{}", "application/vnd.oci.empty.v1+json"),
            "layers": [described(registry, bundle, of_bundle)],
            "subject": {"mediaType": MANIFEST, "digest": image, "size": 1},
        }
    ).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    put(registry, f"/v2/team/header/manifests/{digest}", manifest, MANIFEST)
    listed = {"mediaType": MANIFEST, "digest": digest, "size": len(manifest), "artifactType": of_bundle}
    of_index = "application/vnd.oci.image.index.v1+json"
    index = json.dumps({"schemaVersion": 2, "mediaType": of_index, "manifests": [listed]}).encode()
    put(registry, f"/v2/team/header/manifests/{image.replace(':', '-')}", index, of_index)


def sign(registry: RealRegistry, key: ec.EllipticCurvePrivateKey, image: str, named: str) -> None:
    """Sign the image ``named`` as cosign's specification says, and keep that beside the image ``image``."""
    critical = {
        "identity": {"docker-reference": ""},
        "image": {"docker-manifest-digest": named},
        "type": "cosign container image signature",
    }
    payload = json.dumps({"critical": critical, "optional": None}).encode()
    signature = base64.b64encode(key.sign(payload, ec.ECDSA(hashes.SHA256()))).decode()

    layer = described(registry, payload, "application/vnd.dev.cosign.simplesigning.v1+json")
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(registry, b"{}", "application/vnd.oci.image.config.v1+json"),
        "layers": [{**layer, "annotations": {"dev.cosignproject.cosign/signature": signature}}],
    }
    put(registry, f"/v2/team/header/manifests/{image.replace(':', '-')}.sig", json.dumps(manifest).encode(), MANIFEST)


@pytest.mark.parametrize("signs", [sign, sign_by_bundle], ids=["tag", "bundle"])
def test_an_image_is_taken_only_if_the_key_has_signed_that_very_one(
    program: Path, tmp_path: Path, run: Callable[..., Outcome], plugin: Path, signs: Callable[..., None]
) -> None:
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _number in range(2))
    for path, each in (("key.pub", key), ("other.pub", other)):
        (tmp_path / path).write_bytes(each.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with real_registry(program, tmp_path / "registry", tls=False) as registry:
        name = f"{registry.host}/team/header:1"
        digest = run("wasm_image", path=str(plugin), name="header", push=name, registry_plain_http=True).result[
            "digest"
        ]

        def look(public_key: str = "") -> tuple[str | None, object]:
            more = {"public_key": str(tmp_path / public_key)} if public_key else {}
            found = run("wasm_module_info", pull=name, registry_plain_http=True, **more)
            return found.code, found.result.get("signatures")

        assert [look(), look("key.pub"), look("missing.pub")] == [
            (None, {"found": 0, "verified": None}),
            ("FED939", None),
            ("FED939", None),
        ]
        signs(registry, key, digest, digest)
        assert [look(), look("key.pub")] == [
            (None, {"found": 1, "verified": None}),
            (None, {"found": 1, "verified": True}),
        ]
        assert look("other.pub") == ("FED939", None)
        signs(registry, key, digest, f"sha256:{'0' * 64}")
        assert look("key.pub") == ("FED939", None)
