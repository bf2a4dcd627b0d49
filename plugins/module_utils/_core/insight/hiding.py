# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of an Envoy's configuration may be shown: all but what can be a secret, which is a digest or is left out.

A filter that this file does not know is shown by its type and a digest: an EnvoyFilter puts anything there. The
configuration of a Wasm extension holds tokens and keys of what it calls (3scale), so it is a digest unless somebody
asks for it. Sources: Envoy's API v3; field notes of 3scale's adapter; Envoy redacts fields that it marks ``sensitive``,
and no other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from ..plain.data import mapping

HIDDEN = "(hidden)"
DEEPEST = 60
LONGEST_REASON = 300
# Envoy quotes a message as protobuf's text: fields with values, and braces around others.
_QUOTED = re.compile(r": *\w+ *[:={]|[{\"\n]")
_SECRET_KEYS = re.compile(
    r"pass(word|wd|phrase)|secret(?!s?_?name|s?_configs?$)|token(?!_bucket|s_per_fill)|private_?key"
    r"|(api|user|app|access|session_ticket|hmac)_?keys?$|credential|authorization|cookie_value|initial_metadata|environment_variables"
    r"|env_vars|proxy_?metadata$|annotations$",
    re.IGNORECASE,
)
_DIGESTED_KEYS = frozenset(
    {"inline_bytes", "inline_string", "inline_code", "source_code", "source_codes", "configuration"}
)
_SECRET_NAMES = re.compile(
    r"authori[sz]ation|cookie|token|secret|pass(word|wd)|api[-_]?key|user[-_]?key|app[-_]?key|credential|signature",
    re.IGNORECASE,
)
_SECRET_TEXTS = (
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=_.~-]{4,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_.-]+"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), HIDDEN),
    (re.compile(r"//[^/@\s]+@"), f"//{HIDDEN}@"),
    (
        re.compile(
            r"\b((?:service|access|refresh|id)_token|(?:user|app|api)_?key|client_secret|password|secret)=[^&\s\"']+",
            re.IGNORECASE,
        ),
        rf"\1={HIDDEN}",
    ),
)
_MARKS = ("bearer", "basic", "eyj", "private key", "@", "=")
"""What a text has in which one of these is found: most have none, and there are hundreds of thousands."""
# Types whose fields are shown; a type of any other name is a digest. The last part of the name counts, versions come
# and go.
_KNOWN = frozenset(
    """HttpConnectionManager TcpProxy Router RBAC Cors HTTPFault FilterConfig GrpcStats JwtAuthentication
    LocalRateLimit HttpInspector TlsInspector OriginalDst ProxyProtocol DownstreamTlsContext UpstreamTlsContext
    HttpProtocolOptions FileAccessLog HttpGrpcAccessLogConfig RawBuffer SniCluster ConnectionLimit MetadataExchange
    PeerMetadata StringValue BoolValue Wasm Bootstrap Cluster Listener RouteConfiguration ClusterLoadAssignment Secret
    BootstrapConfigDump ClustersConfigDump ListenersConfigDump RoutesConfigDump ScopedRoutesConfigDump
    EndpointsConfigDump SecretsConfigDump EcdsConfigDump TypedExtensionConfig InternalUpstreamTransport Config
    StringMatch PluginConfig SetFilterState TypedStruct UuidRequestIdConfig""".split()
)


_DIGEST = re.compile("sha256:[0-9a-f]{16}")


def digest(value: Any) -> str:
    """Return a short fingerprint of anything: equal values have equal ones. One that is a fingerprint already stays as
    it is.
    """
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"


def cleaned(value: Any, *, clear: bool = False, depth: int = 0) -> Any:
    """Return configuration without what can be a secret. ``clear`` leaves the configuration of Wasm extensions, less
    what is known as secret.
    """
    if depth > DEEPEST:
        return digest(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [cleaned(entry, clear=clear, depth=depth + 1) for entry in value]
    if not isinstance(value, Mapping):
        return value
    closed = _closed(value, depth)
    if closed is not None:
        return closed
    name = value.get("key") or value.get("name") or value.get("header_name")
    is_secret = (
        isinstance(name, str) and bool(_SECRET_NAMES.search(name)) and not isinstance(value.get("secret"), Mapping)
    )
    return {_text(str(key)): _field(str(key), below, is_secret, clear, depth + 1) for key, below in value.items()}


def reason_of(details: str) -> str:
    """Return why Envoy has rejected something, up to where it quotes the configuration, which may hold anything; 300
    characters at the most.
    """
    return _text(_QUOTED.split(details, maxsplit=1)[0].strip(" :(")[:LONGEST_REASON])


def _closed(value: Mapping, depth: int) -> dict | None:
    """Return the type and the digest of a message whose fields are not shown; None where they are."""
    if set(value) == {"@type", "digest"} and _DIGEST.fullmatch(str(value["digest"])):
        return {"@type": _text(str(value["@type"])), "digest": value["digest"]}
    kind = type_of(value)
    if kind and kind not in _KNOWN and depth:
        return {"@type": _text(str(value["@type"])), "digest": digest(value)}
    if kind == "TypedStruct" and _last(str(value.get("type_url"))) not in _KNOWN:
        return {"@type": _text(str(value.get("type_url"))), "digest": digest(value)}
    return None


def _field(key: str, value: Any, is_secret: bool, clear: bool, depth: int) -> Any:
    """Return one field; ``is_secret`` says that it belongs to a header, or anything else with a name, whose value must
    not be shown.
    """
    if is_secret and key in (
        "value",
        "raw_value",
        "values",
        "exact",
        "string_match",
        "exact_match",
        "prefix_match",
        "contains_match",
    ):
        return HIDDEN
    if key in _DIGESTED_KEYS and not (clear and key == "configuration"):
        return digest(value) if value not in (None, "", {}) else value
    if key.endswith("headers_to_add"):
        return digest(value) if value else value
    if clear and key == "configuration":
        return cleaned(_opened(value), clear=clear, depth=depth)
    # What is no field's name, such as that of a policy, is a key of somebody's own.
    if _SECRET_KEYS.search(key) and not _is_plain(value) and (key.isidentifier() or not isinstance(value, Mapping)):
        return HIDDEN
    return cleaned(value, clear=clear, depth=depth)


def _is_plain(value: Any) -> bool:
    """Whether a value says only whether or how many, which is no secret whatever its key is called."""
    return value is None or isinstance(value, (bool, int, float))


def _opened(value: Any) -> Any:
    """Return the configuration of an extension, which is most often JSON inside of a text, as data."""
    text = mapping(value).get("value") if isinstance(value, Mapping) else value
    if isinstance(text, str):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return digest(text)
    return value


def _text(text: str) -> str:
    small = text.lower()
    if not any(mark in small for mark in _MARKS):
        return text
    for pattern, instead in _SECRET_TEXTS:
        text = pattern.sub(instead, text)
    return text


def type_of(value: Mapping) -> str:
    """Return the last part of a message's type, such as ``Wasm``; "" of what has none."""
    kind = value.get("@type")
    return _last(kind) if isinstance(kind, str) else ""


def _last(name: str) -> str:
    return name.rpartition(".")[2].rpartition("/")[2]


def secret_of(entry: Mapping) -> dict:
    """Return what may be told of one entry of Envoy's secrets: its kind, and the fingerprints of its certificates.
    Nothing else of it is kept.
    """
    secret = mapping(entry.get("secret"))
    chain = mapping(mapping(secret.get("tls_certificate")).get("certificate_chain"))
    trusted = mapping(mapping(secret.get("validation_context")).get("trusted_ca"))
    kind = "certificate" if chain else "roots" if trusted else "other"
    return {"kind": kind, "certificates": fingerprints_of(chain or trusted)}


_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.{1,100000}?)-----END CERTIFICATE-----", re.DOTALL)


def fingerprints_of(source: Mapping) -> list[str]:
    """Return the SHA-256 of each certificate that a data source holds."""
    text = source.get("inline_bytes")
    try:
        content = base64.b64decode(text) if isinstance(text, str) else str(source.get("inline_string") or "").encode()
        found = [base64.b64decode(b"".join(body.split())) for body in _PEM.findall(content)[:100]]
    except (ValueError, binascii.Error):
        return []
    return [hashlib.sha256(der).hexdigest() for der in found]
