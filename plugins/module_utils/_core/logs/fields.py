# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fields of Envoy's access log, each spelled once: its name, the operator that writes it, and what it tells.

Sources: Envoy documentation, "Access logging" (operators, response flags, default format of Istio); Istio 1.6 to 1.18.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One field: what it means for an HTTP request and for a TCP connection; ``of_tcp`` "" is a field that TCP lines
    never have."""

    name: str
    operator: str
    of_http: str
    of_tcp: str = ""


FIELDS = (
    Field(
        "start_time",
        "START_TIME",
        "when the request began",
        "when the connection began; the line is written when it ends",
    ),
    Field("method", "REQ(:METHOD)", "the method of the request"),
    Field("path", "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)", "the path that was asked for, before a route rewrote it"),
    Field("protocol", "PROTOCOL", "the protocol between client and proxy"),
    Field("response_code", "RESPONSE_CODE", "the status; 0 means that the client went away first", "always 0"),
    Field(
        "response_flags",
        "RESPONSE_FLAGS",
        "flags of the proxy about the response; - means nothing unusual",
        "flags of the proxy about the connection; - means nothing unusual",
    ),
    Field(
        "response_code_details",
        "RESPONSE_CODE_DETAILS",
        "where the status comes from: via_upstream is the application's own",
    ),
    Field(
        "connection_termination_details",
        "CONNECTION_TERMINATION_DETAILS",
        "why the proxy itself ended the connection",
        "why the proxy itself ended the connection, such as an AuthorizationPolicy that matched",
    ),
    Field(
        "upstream_transport_failure_reason",
        "UPSTREAM_TRANSPORT_FAILURE_REASON",
        "why TLS to the next hop failed",
        "why TLS to the next hop failed",
    ),
    Field("bytes_received", "BYTES_RECEIVED", "bytes of the request's body", "bytes received from the client"),
    Field("bytes_sent", "BYTES_SENT", "bytes of the response's body", "bytes that went to the client"),
    Field(
        "duration",
        "DURATION",
        "milliseconds from the first byte to the last",
        "milliseconds that the connection lasted",
    ),
    Field("upstream_service_time", "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)", "milliseconds that the next hop took"),
    Field("x_forwarded_for", "REQ(X-FORWARDED-FOR)", "the addresses that the request passed, according to the client"),
    Field("user_agent", "REQ(USER-AGENT)", "the client's program, according to the client"),
    Field("request_id", "REQ(X-REQUEST-ID)", "the id that both sidecars write; gateways of a federation never see it"),
    Field("authority", "REQ(:AUTHORITY)", "the host that was asked for"),
    Field(
        "upstream_host",
        "UPSTREAM_HOST",
        "the address of the next hop; - means none was chosen",
        "the address of the next hop",
    ),
    Field(
        "upstream_cluster",
        "UPSTREAM_CLUSTER",
        "the cluster that was chosen: outbound|port|subset|host, or inbound|port||",
        "the cluster that was chosen: outbound|port|subset|host, or inbound|port||",
    ),
    Field(
        "upstream_local_address",
        "UPSTREAM_LOCAL_ADDRESS",
        "the proxy's own end of the connection to the next hop",
        "the proxy's own end of the connection to the next hop: there it is the downstream remote address",
    ),
    Field(
        "downstream_local_address",
        "DOWNSTREAM_LOCAL_ADDRESS",
        "the address that the client called",
        "the address that the client called",
    ),
    Field(
        "downstream_remote_address",
        "DOWNSTREAM_REMOTE_ADDRESS",
        "the client's end of the connection",
        "the client's end of the connection",
    ),
    Field(
        "requested_server_name",
        "REQUESTED_SERVER_NAME",
        "the SNI that the client sent; - means no TLS",
        "the SNI that the client sent: a gateway of a federation routes by it",
    ),
    Field("route_name", "ROUTE_NAME", "the route that matched; default if it has no name"),
)
BY_NAME = {field.name: field for field in FIELDS}
DETAILS = ("response_code_details", "connection_termination_details")
"""The fields that 2.0 lacks."""

FLAGS = {
    "UH": "no healthy endpoint",
    "UF": "the connection to the endpoint failed",
    "UO": "too many requests or connections at once (circuit breaker)",
    "NR": "no route",
    "URX": "all retries, or all attempts to connect, are used up",
    "NC": "the cluster of the route does not exist",
    "DT": "the request or connection lasted longer than allowed",
    "DC": "the client closed the connection",
    "LH": "the health check of the service failed",
    "UT": "the endpoint took longer than the route allows",
    "LR": "the proxy reset the connection",
    "UR": "the endpoint reset the connection",
    "UC": "the endpoint, or something between, closed the connection",
    "DI": "delayed by a fault that was injected",
    "FI": "ended by a fault that was injected",
    "RL": "limited by the rate limit service",
    "UAEX": "denied by the external authorization service",
    "RLSE": "the rate limit service failed",
    "IH": "refused for a header that strict checking does not allow",
    "SI": "the stream was idle for too long",
    "DPE": "the client broke the protocol",
    "UPE": "the endpoint broke the protocol",
    "UMSDR": "the endpoint took longer than the stream may last",
    "OM": "the proxy's overload manager ended it",
    "DF": "DNS could not resolve the host",
    "NFCF": "the filter configuration has not come",
}

# Other spellings of operators that write the same: of versions, of custom formats.
OPERATORS = {field.operator: field.name for field in FIELDS} | {
    "REQ(:PATH)": "path",
    "REQ(X-ENVOY-ORIGINAL-PATH)": "path",
    "UPSTREAM_REMOTE_ADDRESS": "upstream_host",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": "downstream_remote_address",
    "REQ(AUTHORITY)": "authority",
    "REQ(HOST)": "authority",
    "BYTES_RECEIVED_TOTAL": "bytes_received",
}

DEFAULT_2_0 = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" '
    '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% '
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%"
)
DEFAULT = DEFAULT_2_0.replace(
    "%RESPONSE_FLAGS% ", "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
)


def in_words(flags: str) -> list[str]:
    """Return what response flags mean, each as ``UF: …``; a flag that is not in the table is called unknown."""
    named = [flag.strip() for flag in flags.split(",")] if flags and flags != "-" else []
    return [f"{flag}: {FLAGS.get(flag, 'not known to this collection')}" for flag in named if flag]
