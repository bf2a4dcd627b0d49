# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of proxies as Istio's default formats write them, and the way of one request: for tests of logs.

Made from the formats of the Istio and Envoy documentation, not taken from a cluster.
"""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.module_utils._core.logs.access import parser
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.lines import Entry, Stream, nanoseconds

IMPORTED = "cart.shop.svc.west-imports.local"
EXPORTED = "cart.shop.svc.west-exports.local"
REQUEST = "7f0a1c4e-2b3d-4c5e-8f90-a1b2c3d4e5f6"


def http(
    *,
    at: str = "2026-11-23T10:11:12.100Z",
    path: str = "/cart",
    code: str = "200",
    flags: str = "-",
    details: str | None = "via_upstream -",
    lasted: str = "12",
    request: str = REQUEST,
    cluster: str = f"outbound|80||{IMPORTED}",
    local: str = "10.1.0.7:41234",
    remote: str = "10.1.0.7:55010",
    host: str = "10.1.0.15:15443",
    failure: str = "-",
) -> str:
    """Return the line of a request; without ``details`` as 2.0 writes it."""
    between = f" {details}" if details else ""
    return (
        f'[{at}] "GET {path} HTTP/1.1" {code} {flags}{between} "{failure}" 0 5124 {lasted} 11 "-" "curl/8.0" "{request}" '
        f'"{IMPORTED}" "{host}" {cluster} {local} 240.240.0.5:80 {remote} - default'
    )


def tcp(
    *,
    at: str = "2026-11-23T10:11:02.000Z",
    flags: str = "-",
    lasted: str = "60000",
    cluster: str = f"outbound|80||{EXPORTED}",
    local: str = "10.1.0.15:33001",
    remote: str = "10.1.0.7:41234",
    sni: str = f"outbound_.80_._.{IMPORTED}",
    host: str = "198.51.100.7:15443",
    failure: str = "-",
) -> str:
    """Return the line of a connection through a gateway, of 2.1 and later."""
    return (
        f'[{at}] "- - -" 0 {flags} - - "{failure}" 900 5124 {lasted} - "-" "-" "-" "-" "{host}" {cluster} {local} '
        f"10.1.0.15:15443 {remote} {sni} -"
    )


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
        local="10.2.0.9:52002", remote="10.1.0.15:33001", sni=f"outbound_.80_._.{EXPORTED}", cluster="outbound|80||cart.shop.svc.cluster.local"
    )
    return {
        "client": entry(CLIENT, http()),
        "egress": entry(EGRESS, tcp(), "2026-11-23T10:12:02.000Z"),
        "ingress": entry(INGRESS, onward, "2026-11-23T10:12:02.000Z"),
        "server": entry(SERVER, inbound),
    }
