# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A registry that lies, over TLS on loopback. What it does is named by the repository that it is asked for, so that one
server is all of them.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import gzip
import hashlib
import io
import json
import ssl
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from unit.plugins.module_utils._core.extensions.modules import module as wasm

from testbed.certificates import ClusterAuthority

MANIFEST, INDEX = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
USER, PASSWORD = "reader", "a-password-of-a-registry"
LOGIN = {"registry_username": USER, "registry_password": PASSWORD}
PAIR = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
TOKEN = "a-token-that-a-registry-gave"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(*files: tuple[str, bytes], link: str = "") -> bytes:
    """Return a layer with files, and a link under the name ``link``."""
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return gzip.compress(kept.getvalue(), mtime=0)


def manifest(*descriptors: Mapping) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": list(descriptors)}).encode()


def of(content: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": LAYER, "digest": digest(content), "size": len(content), **more}


GOOD = layer(("plugin.wasm", wasm()))
LINKED = layer(link="plugin.wasm")


@functools.cache
def bomb() -> bytes:
    """Return a layer that grows to 256 MiB; seconds of work, for the one test that sends it."""
    packing = zlib.compressobj(wbits=31)
    return b"".join([*(packing.compress(bytes(1 << 20)) for _piece in range(256)), packing.flush()])


def index(content: bytes, **more: Any) -> bytes:
    told = {
        "mediaType": MANIFEST,
        "digest": digest(content),
        "size": len(content),
        "platform": {"os": "linux", "architecture": "amd64"},
        **more,
    }
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [told]}).encode()


@dataclass
class HostileRegistry:
    """A running registry: its port, the file of its authority, and all that it was asked, with the header
    Authorization.
    """

    port: int
    ca_file: Path
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def name(self, what: str, wanted: str = ":1") -> str:
        """Return the image that makes it do ``what``."""
        return f"localhost:{self.port}/{what}/x{wanted}"

    def asked_for(self, what: str) -> list[tuple[str, str, str, str]]:
        """Return method, host, path and Authorization of what it was asked of one kind."""
        return [each for each in self.asked if f"/{what}/" in each[2]]


class Handler(BaseHTTPRequestHandler):
    """Answers each request as its repository says."""

    protocol_version = "HTTP/1.1"
    registry: HostileRegistry

    def log_message(self, *_args: object) -> None:
        """Keep the tests' output to the tests."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def without_end(self, piece: bytes = b" " * 65536, pause: float = 0) -> None:
        """Send a body that never ends."""
        self.close_connection = True
        self.send_response(200)
        self.end_headers()
        while not self.registry.ended.wait(pause):
            self.wfile.write(piece)

    def elsewhere(self, path: str = "") -> str:
        """Return a place of the same server under another name."""
        return f"https://127.0.0.1:{self.registry.port}/elsewhere/{path}"

    def handle_one(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        said = self.headers.get("Authorization", "")
        self.registry.asked.append((self.command, self.headers.get("Host", ""), self.path, said))
        parts = self.path.split("/")
        with contextlib.suppress(OSError):
            if parts[1] != "v2":
                answer_elsewhere(self)
                return
            behaviour = BEHAVIOURS[parts[2]]
            behaviour(self, parts[4], parts[5] if len(parts) > 5 else "")

    do_GET = do_HEAD = do_POST = do_PUT = handle_one


def answer_elsewhere(asked: Handler) -> None:
    """Give tokens, and a good layer, to anybody: what matters is what it was told."""
    if "token" in asked.path:
        asked.answer(200, json.dumps({"token": TOKEN}).encode())
    else:
        asked.answer(200, GOOD)


Behaviour = Callable[[Handler, str, str], None]


def image(content: bytes, told: bytes | None = None, **announced: Any) -> Behaviour:
    """Return what gives an image of one layer; ``told`` is what comes in its place."""

    def behave(asked: Handler, kind: str, _wanted: str) -> None:
        if kind == "manifests":
            asked.answer(200, manifest(of(content, **announced)))
        else:
            asked.answer(200, content if told is None else told)

    return behave


def always(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    return lambda asked, _kind, _wanted: asked.answer(status, body, **headers)


def layers_at(location: Callable[[Handler], str]) -> Behaviour:
    """Return what gives a good manifest and leads to another place for the layer."""

    def behave(asked: Handler, kind: str, _wanted: str) -> None:
        if kind == "manifests":
            asked.answer(200, manifest(of(GOOD)))
        else:
            asked.answer(307, Location=location(asked))

    return behave


def wants_token(realm: Callable[[Handler], str]) -> Behaviour:
    """Return what wants a token of a realm, and takes none."""
    return lambda asked, _kind, _wanted: asked.answer(
        401, WWW_Authenticate=f'Bearer realm="{realm(asked)}",service="x"'
    )


def _endless_layer(asked: Handler, kind: str, wanted: str) -> None:
    if kind == "manifests":
        asked.answer(200, manifest(of(GOOD)))
    else:
        asked.without_end()


def _endless_continue(asked: Handler, _kind: str, _wanted: str) -> None:
    asked.close_connection = True
    while not asked.registry.ended.wait(0.01):
        asked.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _endless_headers(asked: Handler, _kind: str, _wanted: str) -> None:
    asked.close_connection = True
    asked.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not asked.registry.ended.is_set():
        asked.wfile.write(b"X-Header: " + b"x" * 1000 + b"\r\n")


def _silent(asked: Handler, _kind: str, _wanted: str) -> None:
    asked.close_connection = True
    asked.registry.ended.wait(30)


def _index_in_index(asked: Handler, _kind: str, wanted: str) -> None:
    inner = index(b"{}")
    asked.answer(200, inner if wanted == digest(inner) else index(inner))


def _after_login(asked: Handler, kind: str, wanted: str) -> None:
    """Lead to another host once the login has come."""
    if not asked.headers.get("Authorization"):
        asked.answer(401, WWW_Authenticate='Basic realm="x"')
    else:
        layers_at(lambda each: each.elsewhere("layer"))(asked, kind, wanted)


def _upload_elsewhere(asked: Handler, _kind: str, _wanted: str) -> None:
    if asked.command == "POST":
        asked.answer(202, Location=asked.elsewhere("upload"))
    else:
        asked.answer(404)


def _says_what_it_heard(asked: Handler, _kind: str, _wanted: str) -> None:
    said = asked.headers.get("Authorization", "")
    if not said:
        asked.answer(401, WWW_Authenticate='Basic realm="x"')
    else:
        asked.answer(500, json.dumps({"errors": [{"message": f"{said} {PASSWORD}"}]}).encode(), X_Heard=said)


BEHAVIOURS: dict[str, Behaviour] = {
    "good": image(GOOD),
    "endless-manifest": lambda asked, _kind, _wanted: asked.without_end(),
    "endless-layer": _endless_layer,
    "endless-continue": _endless_continue,
    "endless-headers": _endless_headers,
    "drip": lambda asked, _kind, _wanted: asked.without_end(b" ", 0.1),
    "silent": _silent,
    "another-manifest": always(manifest(of(GOOD))),
    "another-digest": always(manifest(of(GOOD)), Docker_Content_Digest=f"sha256:{'0' * 64}"),
    "another-layer": image(GOOD, LINKED.ljust(len(GOOD), b"\0")[: len(GOOD)]),
    "short-layer": image(GOOD, GOOD[:-1]),
    "long-layer": image(GOOD, GOOD + b"\0"),
    "bomb": lambda *asked: image(bomb())(*asked),
    "link": image(LINKED),
    "announced": image(GOOD, size=1 << 50),
    "negative": image(GOOD, size=-1),
    "not-a-size": image(GOOD, size=True),
    "path-as-digest": image(GOOD, digest="sha256:../../../../v2/_catalog"),
    "many-layers": always(manifest(*[of(GOOD)] * 5000)),
    "index-in-index": _index_in_index,
    "index-of-nothing": always(b'{"manifests": []}'),
    "deep": always(b"[" * 500_000),
    "page": always(b"<html>log in</html>"),
    "to-metadata": layers_at(lambda _asked: "https://169.254.169.254/latest/meta-data"),
    "to-plain": layers_at(lambda asked: f"http://127.0.0.1:{asked.registry.port}/elsewhere/layer"),
    "to-file": layers_at(lambda _asked: "file:///etc/passwd"),
    "to-itself": layers_at(lambda asked: asked.path),
    "to-nothing": layers_at(lambda _asked: "https://"),
    "to-elsewhere": _after_login,
    "realm-elsewhere": wants_token(lambda asked: asked.elsewhere("token")),
    "realm-metadata": wants_token(lambda _asked: "https://169.254.169.254/token"),
    "realm-plain": wants_token(lambda asked: f"http://127.0.0.1:{asked.registry.port}/elsewhere/token"),
    "realm-of-ours": wants_token(lambda asked: f"https://localhost:{asked.registry.port}/own/token"),
    "no-challenge": always(b"", 401),
    "only-basic": always(b"", 401, WWW_Authenticate='Basic realm="x"'),
    "upload-elsewhere": _upload_elsewhere,
    "says-what-it-heard": _says_what_it_heard,
}


@contextmanager
def lying(folder: Path) -> Iterator[HostileRegistry]:
    """Run the registry until the block ends."""
    authority = ClusterAuthority(folder, "authority of the registry")
    certificate, key = authority.serving("registry", ["127.0.0.1"], ["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    registry = HostileRegistry(0, authority.file)
    handler = type("Bound", (Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads, server.block_on_close = True, False
    server.socket = context.wrap_socket(server.socket, server_side=True)
    registry.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield registry
    finally:
        registry.ended.set()
        server.shutdown()
        server.server_close()
