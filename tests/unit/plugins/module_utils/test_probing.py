# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real servers on loopback are called, good ones and hostile ones: what is seen of them, and that each call ends in
time.
"""

from __future__ import annotations

import queue
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.ossm.federation.plugins.module_utils import _probing, _resolving
from ansible_collections.ossm.federation.plugins.module_utils._core.card.certificates import told_by
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis import probing
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.probing import Way
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.fingerprints import fingerprints_in
from ansible_collections.ossm.federation.plugins.module_utils._probing import Prober
from unit.loopback import serving
from unit.pem import leaf, private_key, root


def called(port: int, *, seconds: float = 3.0, address: str = "127.0.0.1") -> dict:
    (found,) = Prober(loopback=True, each=seconds).probed([Way(address, port, "8188")])
    return found.as_data()


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    (tmp_path / "chain.pem").write_text(leaf("west workload", "west"), encoding="utf-8")
    (tmp_path / "key.pem").write_text(private_key("west workload"), encoding="utf-8")
    (tmp_path / "root.pem").write_text(root("west"), encoding="utf-8")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    context.load_verify_locations(tmp_path / "root.pem")
    return context


def shaking(context: ssl.SSLContext, seen: queue.Queue[bytes]) -> Callable[[socket.socket], None]:
    def serve(way: socket.socket) -> None:
        with context.wrap_socket(way, server_side=True) as secured:
            seen.put(secured.recv(100))

    return serve


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("wants", [ssl.CERT_NONE, ssl.CERT_REQUIRED])
def test_a_tls_server_shows_its_certificate_whether_it_wants_ours_or_not(
    tls: ssl.SSLContext, version: ssl.TLSVersion, wants: ssl.VerifyMode
) -> None:
    tls.minimum_version = tls.maximum_version = version
    tls.verify_mode = wants
    seen: queue.Queue[bytes] = queue.Queue()
    with serving(shaking(tls, seen)) as port:
        found = called(port)
    assert found["outcome"] == "TLS" and found["is_connected"], found
    assert found["certificate"]["fingerprint"] == fingerprints_in(leaf("west workload", "west"))[0]
    assert "O=west" in found["certificate"]["issuer"] and found["certificate"]["not_after"] == "2036-06-12T12:00:00Z"
    # TLS 1.3 does not tell that nothing is asked for.
    silent = False if version is ssl.TLSVersion.TLSv1_2 else None
    assert found["asks_for_certificate"] is (True if wants is ssl.CERT_REQUIRED else silent), found
    assert "shows the certificate of" in found["told"]
    if wants is ssl.CERT_NONE:
        assert seen.get(timeout=5) == b"", "nothing follows the handshake"
    assert seen.empty()


def drip(way: socket.socket) -> None:
    way.recv(1)
    for sign in b"\x16\x03\x03\x40\x00" + bytes(4000):
        way.sendall(bytes([sign]))
        time.sleep(0.05)


def endless(way: socket.socket) -> None:
    way.recv(1)
    # A certificate message of 16 MiB, record by record.
    way.sendall(b"\x16\x03\x03\x40\x00\x02" + bytes(0x3FFF))
    while True:
        way.sendall(b"\x16\x03\x03\x40\x00" + bytes(0x4000))


def endless_records(way: socket.socket) -> None:
    way.recv(1)
    while True:
        way.sendall(b"\x16\x03\x03\x00\x01\x00" * 1000)


def hello_request(way: socket.socket) -> None:
    # Records that OpenSSL passes over in a handshake of TLS 1.3 (RFC 8446, change_cipher_spec), without end.
    way.recv(1)
    while True:
        way.sendall(b"\x14\x03\x03\x00\x01\x01" * 1000)


@pytest.mark.parametrize(
    ("serve", "outcomes"),
    [
        (lambda way: way.recv(1) and way.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), {"no TLS"}),
        (lambda way: way.sendall(b"220 mail ready\r\n"), {"no TLS"}),
        (lambda way: None, {"closed"}),
        (lambda way: way.recv(4096) and None, {"closed"}),
        (lambda way: time.sleep(2), {"no handshake in time"}),
        (drip, {"no handshake in time"}),
        (endless, {"TLS fails", "endless handshake"}),
        (endless_records, {"TLS fails", "endless handshake"}),
        (hello_request, {"TLS fails", "endless handshake"}),
        (lambda way: way.recv(1) and way.sendall(b"\x15\x03\x03\x00\x02\x02\x70"), {"TLS fails"}),
    ],
    ids=[
        "http",
        "speaks first",
        "closes at once",
        "closes on hello",
        "silent",
        "drip",
        "endless",
        "records",
        "changes",
        "alert",
    ],
)
def test_a_server_that_does_not_go_along_is_told_in_words_and_in_time(serve: Callable, outcomes: set[str]) -> None:
    began = time.monotonic()
    with serving(serve) as port:
        found = called(port, seconds=1.0)
    assert found["outcome"] in outcomes and found["is_connected"] and found["certificate"] == {}, found
    assert found["told"].startswith(("connects, and", "connects, but"))
    assert time.monotonic() - began < 2


def test_a_port_that_nobody_listens_at_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = called(port)
    assert (found["outcome"], found["is_connected"], found["told"]) == ("refused", False, "the connection is refused")


def test_a_name_that_leads_back_here_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"west.example.com": "127.0.0.1", "meta.example.com": "169.254.169.254"}

    def getaddrinfo(name: str, _port: object, **_more: object) -> list:
        if name == "slow.example.com":
            time.sleep(1)
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (known[name], 0))]

    monkeypatch.setattr(_resolving.socket, "getaddrinfo", getaddrinfo)
    asked = [
        Way(name, 8188, "8188")
        for name in ("west.example.com", "meta.example.com", "gone.example.com", "slow.example.com")
    ]
    found = [one.as_data() for one in Prober(each=1.0).probed(asked)]
    assert [one["outcome"] for one in found] == ["not called", "not called", "does not resolve", "does not resolve"]
    assert "in time" not in found[2]["told"] and "no answer of DNS in time" in found[3]["told"]
    assert "loopback" in found[0]["told"] and "link-local" in found[1]["told"]


def test_all_ways_are_called_at_once_and_none_after_the_time_for_all() -> None:
    began = time.monotonic()
    with serving(lambda way: time.sleep(2)) as port:
        prober = Prober(loopback=True, each=1.0, left=1.2)
        first = prober.probed([Way("127.0.0.1", port, "8188") for _number in range(12)])
        later = prober.probed([Way("127.0.0.1", port, "8188"), Way("x", 1, "8188", why_not="it is not one")])
    assert {one.outcome for one in first} == {"no handshake in time"}
    assert [one.as_data()["told"] for one in later] == [
        "not called: the time for all probes is over",
        "not called: it is not one",
    ]
    assert time.monotonic() - began < 3
    assert (_probing.EACH, _probing.ALL) == (5.0, 30.0)


def test_a_certificate_that_cannot_be_read_is_its_fingerprint_alone() -> None:
    told = told_by(b"\x30\x03\x02\x01\x00")
    assert len(told["fingerprint"]) == 64 and told["not_after"] == "" == told["issuer"]
    assert probing.certificate_in_words(told) == "shows a certificate that cannot be read"
