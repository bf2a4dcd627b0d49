# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The card: the only thing that crosses from one mesh to another.

A card is a small JSON document of public facts that one mesh makes for one peer. It has no room for a key, a token or
an API address, and it is hostile text until ``read_card`` has read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import NoReturn, TypeGuard

from ..plain.addresses import is_address
from ..plain.errors import FederationError, refuse
from ..plain.fingerprints import is_same_fingerprint, pins
from ..plain.kinds import DEFAULT_TRUST_DOMAIN, DISCOVERY_PORT, SERVICE_PORT, TRUST_DOMAIN
from ..plain.words import printable
from .trust import Root, check_chains, read_certificates

VERSION = 1
OLDEST_READABLE = 1
SIZE_LIMIT = 1 << 20
DEPTH_LIMIT = 6
# What an entry of a list and a field of an object take at least in JSON: `0,` and `"":0,`.
LEAST_OF_ENTRY, LEAST_OF_FIELD = 2, 5
LIFETIME = timedelta(days=180)
CLOCK_TOLERANCE = timedelta(hours=24)

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_CLIENT_ID = re.compile(r"(?P<domain>[^/]+)/ns/(?P<namespace>[^/]+)/sa/(?P<account>[^/]+)")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
# The part before the namespace is a Service's name, or any host that a ServiceEntry can have.
_EXPORTED = re.compile(r"[A-Za-z0-9*]([A-Za-z0-9._-]*[A-Za-z0-9])?\.[a-z0-9-]+\.svc\.[a-z0-9-]+-exports\.local")
_PORT_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PROTOCOL = re.compile(r"[A-Za-z0-9-]{1,20}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_WRITTEN_TIME = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_NESTING = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
_ASK_FOR_FILE = "Ask for the file that publish_cards wrote"
_ASK_AGAIN = "Ask {mesh} to run publish_cards again and hand over the new file unchanged"


@dataclass(frozen=True)
class Ingress:
    """Where a mesh's gateway for its peer is reached: addresses (IP literals or DNS names) and two ports."""

    addresses: tuple[str, ...]
    discovery_port: int = DISCOVERY_PORT
    service_port: int = SERVICE_PORT


@dataclass(frozen=True)
class Port:
    """One port of an exported service as the exporter names it."""

    name: str
    number: int
    protocol: str


@dataclass(frozen=True)
class Export:
    """One service as its exporter offers it: the exported host name and its ports."""

    name: str
    ports: tuple[Port, ...]


@dataclass(frozen=True)
class Card:
    """What ``mesh`` says of itself to ``audience``; every field is public."""

    mesh: str
    audience: str
    issued: datetime
    trust_domain: str
    roots: tuple[Root, ...]
    ingress: Ingress | None
    client_id: str
    exports: tuple[Export, ...]

    @property
    def file_name(self) -> str:
        """Return the name under which the card is kept: ``east-for-west.json``."""
        return file_name(self.mesh, self.audience)

    def to_data(self) -> dict:
        """Return the card as JSON-friendly data, fields in the documented order."""
        return {
            "version": VERSION,
            "mesh": self.mesh,
            "audience": self.audience,
            "issued": self.issued.astimezone(timezone.utc).strftime(_TIME),
            "trust_domain": self.trust_domain,
            "roots": [{"fingerprint": root.fingerprint, "pem": root.pem} for root in self.roots],
            "ingress": (
                None
                if self.ingress is None
                else {
                    "addresses": list(self.ingress.addresses),
                    "discovery_port": self.ingress.discovery_port,
                    "service_port": self.ingress.service_port,
                }
            ),
            "client_id": self.client_id,
            "exports": [
                {
                    "name": export.name,
                    "ports": [{"name": p.name, "number": p.number, "protocol": p.protocol} for p in export.ports],
                }
                for export in self.exports
            ],
        }

    def to_text(self) -> str:
        """Return the card as the text of its file: equal facts give equal bytes."""
        return json.dumps(self.to_data(), indent=2, ensure_ascii=True) + "\n"

    def renewed(self, earlier: Card | None) -> Card:
        """Return this card, with the earlier one's ``issued`` while its facts hold and half its life is left."""
        if earlier and replace(earlier, issued=self.issued) == self and self.issued - earlier.issued < LIFETIME / 2:
            return replace(self, issued=earlier.issued)
        return self

    def is_old(self, now: datetime) -> bool:
        """Return whether the card has outlived its maximum age of 180 days."""
        return now - self.issued > LIFETIME

    @property
    def spoken(self) -> str:
        """Return the roots' fingerprints as two people compare them by voice, the current root first."""
        return ", ".join(root.spoken for root in self.roots)

    @property
    def pins(self) -> str:
        """Return the line that pins the roots of this card in ``mesh_peers``."""
        return pins(root.fingerprint for root in self.roots)


FLAT, BY_AUDIENCE = "flat", "audience"
LAYOUTS = (FLAT, BY_AUDIENCE)
"""How card files lie in their folder: all beside each other, or a folder per audience, of which each mesh opens its own
only.
"""


def file_name(mesh: str, audience: str, layout: str = FLAT) -> str:
    """Return the name of the file that carries ``mesh``'s card for ``audience``, below the folder of the cards."""
    return f"{audience}/{mesh}.json" if layout == BY_AUDIENCE else f"{mesh}-for-{audience}.json"


def other_layout(layout: str) -> str:
    """Return the layout that was not chosen."""
    return LAYOUTS[1 - LAYOUTS.index(layout)]


def as_readers_take_it(card: Card, now: datetime) -> tuple[Card, list[str]]:
    """Return a card that is to be written without the exports that no reader would take, and a note on each of those.

    Raises ``FederationError`` FED231 when what is left is more than a reader takes.
    """
    reader = _Reader(f"Card {card.file_name}", "")
    exports: list[Export] = []
    notes: list[str] = []
    for export, data in zip(card.exports, card.to_data()["exports"]):
        try:
            exports.append(_export(reader, data, len(exports)))
        except FederationError as error:
            notes.append(
                f"{printable(export.name, 120)} is left out of {card.mesh}'s card for {card.audience}: {error.what}"
            )
    kept = replace(card, exports=tuple(exports))
    try:
        read_card(kept.to_text(), reader.where, now)
    except FederationError as error:
        raise FederationError(
            "FED231",
            where=reader.where,
            what=f"would be refused by {card.audience}: it {error.what}",
            fix=f"Offer {card.audience} less: narrow mesh_exports, or give rules a `to`",
        ) from None
    return kept, notes


def read_card(text: str | bytes, where: str, now: datetime) -> Card:
    """Return the card that a hostile text holds.

    ``where`` names the text in errors (a file's name); ``now`` is timezone-aware.

    Raises ``FederationError``: as ``data_of``, then as ``card_from``.
    """
    return card_from(data_of(text, where), where, now)


_LONGEST_PATH = 256


def data_of(text: str | bytes, where: str, depth: int = DEPTH_LIMIT) -> object:
    """Return the unchecked data of a hostile JSON text; size and depth are bounded before anything is parsed.

    Raises ``FederationError``: FED201 not JSON as cards use it, FED202 over 1 MiB or nested deeper than ``depth``.
    """
    if len(text) > SIZE_LIMIT:
        refuse("FED202", where, "is larger than 1 MiB, no card is", _ASK_FOR_FILE)
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        if _is_deeper_than(depth, text):
            refuse("FED202", where, "is nested too deep", _ASK_FOR_FILE)
        return json.loads(
            text, object_pairs_hook=_unique, parse_float=_no_float, parse_int=_small, parse_constant=_no_float
        )
    except ValueError as reason:
        what = f"is not JSON as cards use it ({printable(str(reason), 80)})"
        is_path = isinstance(text, str) and len(text) < _LONGEST_PATH and not text.lstrip().startswith(("{", "["))
        fix = f"{_ASK_FOR_FILE}; files and folders of cards go into federation_cards_dir" if is_path else _ASK_FOR_FILE
        raise FederationError("FED201", where=where, what=what, fix=fix) from None


def _is_deeper_than(depth: int, text: str) -> bool:
    """Return whether a JSON text nests deeper than ``depth``, looking at each sign once: a parser would recurse."""
    level, is_inside_text = 0, False
    for mark in _NESTING.finditer(text):
        sign = mark[0]
        if sign == '"':
            is_inside_text = not is_inside_text
        elif not is_inside_text and sign in "[{":
            level += 1
            if level > depth:
                return True
        elif not is_inside_text and sign in "]}":
            level -= 1
    return False


def card_from(data: object, where: str, now: datetime) -> Card:
    """Return the card that untrusted data describes; the same checks as for a file.

    Raises ``FederationError``: FED202 too large or deep, FED203 unknown, missing or malformed field, FED211 version,
    FED204 to FED209 for the roots, FED214 client identity, FED218 age, FED219 address.
    """
    refuse_oversize(data, where)
    if isinstance(data, Mapping) and "version" in data:
        _check_version(data["version"], where)
    mesh = data.get("mesh") if isinstance(data, Mapping) else None
    name = mesh if isinstance(mesh, str) and _LABEL.fullmatch(mesh) else "the peer"
    reader = _Reader(where, _ASK_AGAIN.format(mesh=name))
    fields = reader.fields(
        data,
        ["version", "mesh", "audience", "issued", "trust_domain", "roots", "ingress", "client_id", "exports"],
        "the card",
    )
    trust_domain = reader.text(fields["trust_domain"], "trust_domain", TRUST_DOMAIN)
    card = Card(
        mesh=reader.text(fields["mesh"], "mesh", _LABEL),
        audience=reader.text(fields["audience"], "audience", _LABEL),
        issued=reader.time(fields["issued"], "issued"),
        trust_domain=trust_domain,
        roots=_roots(reader, fields["roots"], trust_domain, now),
        ingress=_ingress(reader, fields["ingress"]),
        client_id=reader.text(fields["client_id"], "client_id", limit=600),
        exports=tuple(
            _export(reader, export, at) for at, export in enumerate(reader.items(fields["exports"], "exports"))
        ),
    )
    _check_identity(card, where, reader.fix)
    if card.issued > now + CLOCK_TOLERANCE:
        refuse("FED218", where, f"was issued in the future ({fields['issued']})", "Set the clocks of both sides")
    return card


def _check_version(version: object, where: str) -> None:
    if not _is_whole(version) or not OLDEST_READABLE <= version <= VERSION:
        refuse(
            "FED211",
            where,
            f"has version {printable(str(version), 20)}, this collection reads {OLDEST_READABLE} to {VERSION}",
            "Update this collection, or ask the peer to write the older version",
        )


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


class _Reader:
    """Reads typed fields of one card and refuses what is not as documented."""

    def __init__(self, where: str, fix: str) -> None:
        self.where, self.fix = where, fix

    def refuse(self, what: str) -> NoReturn:
        refuse("FED203", self.where, what, self.fix)

    def fields(self, data: object, names: list[str], place: str) -> Mapping:
        if not isinstance(data, Mapping):
            self.refuse(f"{place} is not an object")
        unknown = sorted(printable(str(key), 40) for key in data if key not in names)
        if unknown:
            self.refuse(f"{place} has the unknown field {unknown[0]}")
        missing = [name for name in names if name not in data]
        if missing:
            self.refuse(f"{place} lacks the field {missing[0]}")
        return data

    def text(self, value: object, place: str, pattern: re.Pattern | None = None, limit: int = 253) -> str:
        if not isinstance(value, str) or not value or len(value) > limit:
            self.refuse(f"{place} is not a text of 1 to {limit} characters")
        if pattern and not pattern.fullmatch(value):
            self.refuse(f"{place} is malformed: {printable(value, 80)}")
        return str(value)

    def items(self, value: object, place: str, most: int = 5000) -> list:
        if not isinstance(value, (list, tuple)) or len(value) > most:
            self.refuse(f"{place} is not a list of at most {most} entries")
        return list(value)

    def port(self, value: object, place: str) -> int:
        if not _is_whole(value) or not 1 <= value <= 65535:
            self.refuse(f"{place} is not a port number")
        return int(value)

    def time(self, value: object, place: str) -> datetime:
        try:
            if isinstance(value, str) and _WRITTEN_TIME.fullmatch(value):
                return datetime.strptime(value, _TIME).replace(tzinfo=timezone.utc)
        except ValueError:
            pass
        self.refuse(f"{place} is not a UTC time such as 2026-01-31T12:00:00Z")


def _roots(reader: _Reader, value: object, trust_domain: str, now: datetime) -> tuple[Root, ...]:
    roots = []
    for number, entry in enumerate(reader.items(value, "roots", most=16), start=1):
        fields = reader.fields(entry, ["fingerprint", "pem"], f"root {number}")
        pem = fields["pem"]
        if not isinstance(pem, str) or len(pem) > 32768:
            reader.refuse(f"root {number}: pem is not a text of at most 32 KiB")
        found = read_certificates(pem, f"{reader.where}, root {number}", now, trust_domain=trust_domain)
        if len(found) != 1:
            reader.refuse(f"root {number} has {len(found)} certificates instead of one")
        if not is_same_fingerprint(
            reader.text(fields["fingerprint"], f"fingerprint of root {number}"), found[0].fingerprint
        ):
            refuse(
                "FED209",
                reader.where,
                f"root {number} has fingerprint {found[0].spoken}, its card names another",
                "The card was changed on its way. " + reader.fix,
            )
        roots.append(found[0])
    if not roots:
        refuse("FED206", reader.where, "has no root certificate", reader.fix)
    check_chains(roots, reader.where)
    if len({root.fingerprint for root in roots}) != len(roots):
        reader.refuse("names one root twice")
    return tuple(roots)


def _ingress(reader: _Reader, value: object) -> Ingress | None:
    if value is None:
        return None
    fields = reader.fields(value, ["addresses", "discovery_port", "service_port"], "ingress")
    addresses = reader.items(fields["addresses"], "ingress.addresses", most=64)
    if not addresses:
        reader.refuse("ingress.addresses is empty")
    for address in addresses:
        if not is_address(address):
            refuse(
                "FED219",
                reader.where,
                f"ingress.addresses holds {printable(str(address), 60)}, which is neither an IP address nor a DNS name",
                "Write addresses without scheme and port; the ports have separate fields",
            )
    return Ingress(
        addresses=tuple(str(address) for address in addresses),
        discovery_port=reader.port(fields["discovery_port"], "ingress.discovery_port"),
        service_port=reader.port(fields["service_port"], "ingress.service_port"),
    )


def _export(reader: _Reader, value: object, at: int) -> Export:
    place = f"exports[{at}]"
    fields = reader.fields(value, ["name", "ports"], place)
    ports = []
    for port in reader.items(fields["ports"], f"{place}.ports", most=1000):
        parts = reader.fields(port, ["name", "number", "protocol"], f"{place}.ports")
        name = "" if parts["name"] == "" else reader.text(parts["name"], f"{place}.ports.name", _PORT_NAME)
        protocol = reader.text(parts["protocol"], f"{place}.ports.protocol", _PROTOCOL)
        ports.append(Port(name=name, number=reader.port(parts["number"], f"{place}.ports.number"), protocol=protocol))
    return Export(name=reader.text(fields["name"], f"{place}.name", _EXPORTED, limit=400), ports=tuple(ports))


def _check_identity(card: Card, where: str, fix: str) -> None:
    parts = _CLIENT_ID.fullmatch(card.client_id)
    if not parts or not _LABEL.fullmatch(parts["namespace"]) or not _SUBDOMAIN.fullmatch(parts["account"]):
        refuse(
            "FED214",
            where,
            f"client_id {printable(card.client_id, 120)} is not <trust domain>/ns/<namespace>/sa/<service account>",
            "Write it without spiffe:// and without wildcards. " + fix,
        )
    if parts["domain"] != card.trust_domain:
        refuse(
            "FED214",
            where,
            f"client_id belongs to {printable(parts['domain'], 60)}, not to the card's trust domain"
            f" {card.trust_domain}",
            fix,
        )
    if card.trust_domain == DEFAULT_TRUST_DOMAIN:
        refuse(
            "FED215",
            where,
            f"{card.mesh} uses the trust domain {DEFAULT_TRUST_DOMAIN}, the default of every mesh that sets none",
            f"Ask {card.mesh} to set spec.security.trust.domain in its ServiceMeshControlPlane",
        )


def refuse_oversize(data: object, where: str) -> None:
    """Refuse data that is deeper or larger than any card, without recursion: FED202.

    Each entry is counted where it stands, so that data which refers to itself stays within the bound as well.
    """
    room, level = SIZE_LIMIT, [data]
    for _depth in range(DEPTH_LIMIT + 1):
        deeper: list = []
        for value in level:
            if isinstance(value, (str, bytes)):
                room -= len(value)
            elif isinstance(value, int):
                room = room if abs(value) < 10**10 else -1
            elif isinstance(value, (list, tuple)):
                room -= LEAST_OF_ENTRY * len(value)
            elif isinstance(value, Mapping):
                room -= LEAST_OF_FIELD * len(value)
            if room < 0:
                refuse("FED202", where, "is larger than any card", _ASK_FOR_FILE)
            if isinstance(value, (list, tuple)):
                deeper += value
            elif isinstance(value, Mapping):
                deeper += [*value, *value.values()]
        if not deeper:
            return
        level = deeper
    refuse("FED202", where, "is nested too deep", _ASK_FOR_FILE)


def _unique(pairs: list[tuple[str, object]]) -> dict:
    if len({key for key, _value in pairs}) != len(pairs):
        raise ValueError("a field is given twice")
    return dict(pairs)


def _small(digits: str) -> int:
    if len(digits) > 10:
        raise ValueError("a number is too long")
    return int(digits)


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} has no place on a card")
