# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A forwarded port is asked as the same account as everything else, for nothing but what is allowed, and never
believed.
"""

from __future__ import annotations

import itertools
import struct
import time

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._cluster.client import Cluster
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.asking import ENVOY, ISTIOD, Page
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from attacks.api import TOKEN, Raw, serving
from attacks.tunnels import HEAD, frame, tunnelling

STATS = Page(ENVOY, "/stats", {"filter": "update_rejected"})


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("api")) as api:
        yield api


@pytest.fixture
def api(running):
    running.asked.clear()
    running.hostile = None
    return running


def connected(api, **more):
    return Cluster.connect(
        {**api.access, "impersonate_user": "auditor", "impersonate_groups": ["readers"], "api_timeout": 2, **more}
    )


def test_a_forwarded_port_is_asked_as_the_same_account_as_everything_else(api):
    seen = []
    api.hostile = tunnelling(lambda *asked: seen.append(asked) or "x" * 70_000)
    assert connected(api).page("shop", "cart-1", STATS) == (200, b"x" * 70_000)
    assert seen == [("shop", "cart-1", 15000, "/stats?filter=update_rejected")]
    [asked] = api.asked
    assert asked.target == "/api/v1/namespaces/shop/pods/cart-1/portforward?ports=15000"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert (asked.headers["impersonate-user"], asked.headers["impersonate-group"]) == ("auditor", "readers")


def test_a_command_runs_as_the_same_account_and_asks_the_same(api):
    api.hostile = tunnelling(lambda _namespace, _pod, _port, target: f"you asked {target}")
    assert connected(api).page("east", "istiod-1", Page(ISTIOD, "/debug/syncz"), by_exec=True) == (
        200,
        b"you asked /debug/syncz",
    )
    [asked] = api.asked
    assert "/pods/istiod-1/exec?container=discovery&command=pilot-discovery&command=request&command=GET" in asked.target
    assert asked.headers["impersonate-user"] == "auditor"


@pytest.mark.parametrize(
    ("of", "path", "query"),
    [
        (ENVOY, "/quitquitquit", {}),
        (ENVOY, "/logging", {"level": "trace"}),
        (ENVOY, "/config_dump", {"mask": "x"}),
        (ISTIOD, "/debug/syncz", {"push": "true"}),
        (ISTIOD, "/debug/cachez", {"clear": "true"}),
        (ISTIOD, "/debug/force_disconnect", {"proxyID": "a"}),
        (ISTIOD, "/debug/../debug/pprof/heap", {}),
    ],
)
def test_what_does_harm_cannot_be_asked_for(of, path, query):
    with pytest.raises(ValueError, match="may not be asked of"):
        Page(of, path, query)


def test_a_value_of_a_query_stays_a_value(api):
    seen = []
    api.hostile = tunnelling(lambda *asked: seen.append(asked[3]) or "{}")
    connected(api).page("east", "istiod-1", Page(ISTIOD, "/debug/config_dump", {"proxyID": "a.b&push=true\r\nX: y"}))
    assert seen == ["/debug/config_dump?proxyID=a.b%26push%3Dtrue%0D%0AX%3A+y"]


def endless():
    yield HEAD
    yield from itertools.repeat(frame(b"\x00" + b"x" * 10_000))


def slow():
    yield HEAD
    for byte in itertools.cycle(b"\x82\x01\x00"):
        time.sleep(0.05)
        yield bytes([byte])


PORTS = frame(b"\x00\x98\x3a") + frame(b"\x01\x98\x3a")
NASTY = {
    "endless": (endless, "FED901"),
    "byte by byte": (slow, "FED900"),
    "nothing after the switch": (lambda: iter([HEAD]), "FED900"),
    "an end without a goodbye": (lambda: iter([HEAD + PORTS + frame(b"\x00HTTP/1.1 200 OK\r\n\r\nabc")]), "FED900"),
    "no switch": (lambda: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"]), "FED106"),
    "another protocol": (lambda: iter([HEAD.replace(b"v4.channel", b"v9.channel")]), "FED901"),
    "a frame of 8 EiB": (lambda: iter([HEAD + struct.pack(">BBQ", 130, 127, (1 << 63) - 1)]), "FED901"),
    "a masked frame": (lambda: iter([HEAD + b"\x82\x81abcde"]), "FED901"),
    "empty frames for ever": (lambda: itertools.chain([HEAD], itertools.repeat(frame(b"") * 1000)), "FED901"),
    "a channel that was not asked for": (lambda: iter([HEAD + PORTS + frame(b"\x07\x00\x00xx")]), "FED901"),
    "no HTTP": (lambda: iter([HEAD + PORTS + frame(b"\x00SSH-2.0-x\r\n\r\n") + frame(b"", 8)]), "FED901"),
    "headers for ever": (
        lambda: itertools.chain(
            [HEAD + PORTS + frame(b"\x00HTTP/1.1 200 OK\r\n")], itertools.repeat(frame(b"\x00A: b\r\n"))
        ),
        "FED901",
    ),
    "a page that is cut": (
        lambda: iter([HEAD + PORTS + frame(b"\x00HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc") + frame(b"", 8)]),
        "FED900",
    ),
}


@pytest.mark.parametrize("nasty", NASTY)
def test_what_a_hostile_server_sends_over_it_is_bounded_and_told(api, nasty):
    blocks, code = NASTY[nasty]
    api.hostile = lambda _asked: Raw(blocks())
    started = time.monotonic()
    with pytest.raises(FederationError) as refused:
        connected(api, api_timeout=1).page("shop", "cart-1", Page(ENVOY, "/stats", most=1 << 20))
    assert refused.value.code == code, refused.value
    assert time.monotonic() - started < 5


def test_a_port_on_which_nothing_listens_is_told_in_the_kubelets_words(api):
    api.hostile = tunnelling(lambda *_asked: None)
    with pytest.raises(
        FederationError, match=r"FED900 port 15000 of pod shop/cart-1: .*connection refused on port 15000"
    ):
        connected(api).page("shop", "cart-1", STATS)


def test_a_missing_right_is_told_with_its_name(api):
    told = (
        b'{"kind":"Status","message":"pods \\"cart-1\\" is forbidden: User cannot get resource'
        b' pods/portforward","code":403}'
    )
    api.hostile = lambda _asked: (403, {}, told)
    with pytest.raises(FederationError, match="FED104 .*pods/portforward in namespace shop"):
        connected(api).page("shop", "cart-1", STATS)
