# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looking names up, without a name server."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from ansible_collections.ossm.federation.plugins.module_utils import _resolving
from ansible_collections.ossm.federation.plugins.module_utils._resolving import resolved


@pytest.fixture
def names(monkeypatch):
    """Names as a name server might know them; one of them is never answered."""
    never = threading.Event()
    known = {"lb.example.com": ["192.0.2.7", "192.0.2.7", "2001:db8::7"]}

    def getaddrinfo(name, _port, **_more):
        if name == "slow.example.com":
            never.wait(30)
        if name == "strange":
            raise UnicodeError("label too long")
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(None, None, None, "", (address, 0)) for address in known[name]]

    monkeypatch.setattr(_resolving.socket, "getaddrinfo", getaddrinfo)
    yield
    never.set()


def test_a_name_is_its_addresses_or_none(names):
    assert resolved(["lb.example.com", "gone.example.com", "strange"]) == {
        "lb.example.com": ["192.0.2.7", "2001:db8::7"],
        "gone.example.com": [],
        "strange": [],
    }


def test_a_resolver_that_does_not_answer_is_waited_for_no_longer_than_asked(names):
    started = time.monotonic()
    assert resolved(["slow.example.com", "lb.example.com"], seconds=0.2) == {
        "lb.example.com": ["192.0.2.7", "2001:db8::7"]
    }
    assert time.monotonic() - started < 10


def test_no_names_take_no_time():
    assert resolved([]) == {}
