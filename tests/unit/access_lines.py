# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of proxies as Istio's default formats write them: for tests of logs.

Made from the formats of the Istio and Envoy documentation, not taken from a cluster.
"""

from __future__ import annotations

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
        f'[{at}] "GET {path} HTTP/1.1" {code} {flags}{between} "{failure}" 0 5124 {lasted} 11 "-" "curl/8.0"'
        f' "{request}" "{IMPORTED}" "{host}" {cluster} {local} 240.240.0.5:80 {remote} - default'
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
