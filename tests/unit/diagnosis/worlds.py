# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The evidence of a peering that works, with a fault in it: what the YAML beside this says, made into data."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unit.yaml_texts import loaded

HERE = Path(__file__).parent
FAULTS = loaded((HERE / "faults.yml").read_text(encoding="utf-8"))
VARIANTS = loaded((HERE / "variants.yml").read_text(encoding="utf-8"))

# What istiod writes of its last call.
SAID = {
    "503": "503 Service Unavailable",
    "403": "403 Forbidden",
    "404": "404 Not Found",
    "400": "400 Bad Request",
    "200": "200 OK",
    "no-host": "dial tcp: lookup west-egress.east-mesh-system.svc.cluster.local: no such host",
    "dial-refused": "dial tcp 172.30.4.7:8188: connect: connection refused",
}
# What Envoy writes of a connection that fails: its own words, but for a time-out.
_VERIFY = "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:"
_AT_DEPTH = f"{_VERIFY}_X509_verify_cert:_certificate_verification_error_at_depth_0:"
REASONS = {
    "none": "",
    "connect_timeout": "connection_timeout",
    "refused": "delayed_connect_error:_Connection_refused",
    "verify": f"{_AT_DEPTH}_unable_to_get_local_issuer_certificate:TLS_error_end",
    "no_tls": "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end",
    "expired": f"{_AT_DEPTH}_certificate_has_expired:TLS_error_end",
    "not_yet": f"{_AT_DEPTH}_certificate_is_not_yet_valid:TLS_error_end",
    "san": f"{_VERIFY}_SAN_matcher,_certificate_SANs_are_[spiffe://else.local/ns/a/sa/b]:TLS_error_end",
    "no_bundle": f"{_VERIFY}_no_trust_bundle_store:TLS_error_end",
    "unknown_ca": "TLS_error:|268436504:SSL_routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA:TLS_error_end",
    # All that an Envoy with SPIFFE bundles lets us know of why it refuses our certificate.
    "certificate_unknown": (
        "TLS_error:|268436502:SSL_routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_UNKNOWN:TLS_error_end"
    ),
    # An older Envoy's.
    "alert_expired": "TLS error: 268436501:SSL routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_EXPIRED",
}


# A copy of JSON is made faster than one of objects.
HEALTHY = json.dumps(loaded((HERE / "healthy.yml").read_text(encoding="utf-8")))


def healthy() -> dict[str, Any]:
    return json.loads(HEALTHY)


def with_fault(fault: Mapping) -> dict[str, Any]:
    """Return the evidence of a peering with one of ``FAULTS``."""
    world = healthy()
    entry = world["peer_object"]["status"]["discoveryStatus"]["active"][0]
    if "down" in fault and fault["down"] != "none":
        entry["watch"] = {
            "connected": False,
            "lastConnected": "2026-11-23T09:59:50Z",
            "lastDisconnect": "2026-11-23T09:55:00Z",
            "lastDisconnectStatus": SAID[fault["down"]],
            "lastFullSync": "2026-11-23T09:30:00Z",
        }
    if fault.get("inbound") is False:
        entry["remotes"] = []
    if fault.get("down") == "none":
        world["peer_object"].pop("status")
        world["imports"].pop("status"), world["exports"].pop("status")
    for port, kind in (fault.get("fails") or {}).items():
        for proxy in world["proxies"]:
            proxy["ports"][port].update(connected=0, failed=0 if kind == "none" else 9, reason=REASONS[kind])
        world["request"] = {"code": "503", "flags": "UC", "details": "", "idle": None}
    if "down" in fault:
        world["request"] = None
    if fault.get("down") in ("403", "400"):
        for proxy in world["proxies"]:
            proxy["ports"]["8188"]["answered"] = "via_upstream"
    return changed(world, fault.get("set") or {})


def changed(world: dict, changes: Mapping[str, Any]) -> dict:
    """Return ``world`` with values set at paths; a path may have ``*`` for each entry of a list."""
    for path, value in changes.items():
        for holder, key in _places(world, _parts(path)):
            if isinstance(holder, list) and key == len(holder):
                holder.append(value)
            else:
                holder[key] = copy.deepcopy(value)
    return world


def _parts(path: str) -> list[str]:
    return path.split(".")


def _places(value: Any, parts: list[str]) -> Iterator[tuple[Any, Any]]:
    key, rest = parts[0], parts[1:]
    if key == "*":
        for entry in value:
            yield from _places(entry, rest)
        return
    name: Any = int(key) if isinstance(value, list) else key
    if not rest:
        yield value, name
    else:
        yield from _places(value[name], rest)
