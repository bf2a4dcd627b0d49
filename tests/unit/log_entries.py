# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines as they are read, and the way of one request from web of east to cart of west: for tests of logs."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.module_utils._core.logs.access import parser
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.lines import Entry, Stream, nanoseconds

from .access_lines import EXPORTED, http, tcp

CLIENT = Stream("east", "shop", "web-1", "istio-proxy")
EGRESS = Stream("east", "east-mesh-system", "west-egress-1", "istio-proxy", True, "west")
INGRESS = Stream("west", "west-mesh-system", "east-ingress-1", "istio-proxy", True, "east", True)
SERVER = Stream("west", "shop", "cart-1", "istio-proxy")
APPLICATION = Stream("east", "shop", "web-1", "web")


def entry(stream: Stream, text: str, written: str = "2026-11-23T10:11:13.000Z") -> Entry:
    """Return a line as it is read."""
    return Entry(nanoseconds(written) or 0, stream, text, parser()(text) if stream.is_proxy else None)


def way() -> dict[str, Entry]:
    """Return the lines of one request from web of east to cart of west, by who wrote them."""
    inbound = http(
        at="2026-11-23T10:11:12.103Z",
        lasted="8",
        cluster="inbound|8080||",
        local="127.0.0.6:40001",
        remote="10.2.0.9:52002",
        host="10.2.0.21:8080",
    )
    onward = tcp(
        local="10.2.0.9:52002",
        remote="10.1.0.15:33001",
        sni=f"outbound_.80_._.{EXPORTED}",
        cluster="outbound|80||cart.shop.svc.cluster.local",
    )
    return {
        "client": entry(CLIENT, http()),
        "egress": entry(EGRESS, tcp(), "2026-11-23T10:12:02.000Z"),
        "ingress": entry(INGRESS, onward, "2026-11-23T10:12:02.000Z"),
        "server": entry(SERVER, inbound),
    }
