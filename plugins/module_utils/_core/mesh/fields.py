# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fields of a description: each is of its kind, or refused with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..plain.errors import refuse
from ..plain.fingerprints import plain_fingerprint

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def check_keys(given: Mapping, known: set[str], place: str) -> None:
    if not isinstance(given, Mapping):
        refuse("FED317", place, "is not a mapping", "Write it as key: value")
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        refuse("FED317", place, f"has the unknown key {unknown[0]}", f"Known are {', '.join(sorted(known))}")


def check_label(value: object, place: str, longest: int, code: str = "FED303") -> str:
    if not isinstance(value, str) or not LABEL.fullmatch(value) or len(value) > longest:
        shown = "is missing" if value in (None, "") else f"{value!r} is not a DNS label of at most {longest} characters"
        refuse(code, place, shown, "Use lower-case letters, digits and hyphens")
    return str(value)


def fingerprint_of(value: object, place: str) -> str:
    plain = plain_fingerprint(str(value))
    if not re.fullmatch(r"[0-9A-F]{64}", plain):
        refuse(
            "FED303",
            f"{place}, root_fingerprints",
            f"{value!r} is not a SHA-256 fingerprint",
            "Give 64 hexadecimal digits; mesh_card prints them",
        )
    return plain


def list_of(value: object, place: str) -> list:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    refuse("FED317", place, "is not a list", "Write it as a list")


def texts_of(value: object, place: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        refuse("FED307", place, "is not a mapping", "Write it as key: value")
    for key, text in value.items():
        if text is None or isinstance(text, (Mapping, list, tuple)):
            refuse("FED307", f"{place}, {key}", "is not a text", "Write it as key: value")
        if not isinstance(text, (str, int)):
            # YAML has made 1.2 of 1.20.
            refuse("FED307", f"{place}, {key}", f"is not a text; it was read as {text}", "Put the value in quotes")
    return {str(key): str(text).lower() if isinstance(text, bool) else str(text) for key, text in value.items()}


def mappings_of(value: object, place: str) -> tuple[Mapping, ...]:
    entries = list_of(value, place)
    if not all(isinstance(entry, Mapping) and entry for entry in entries):
        refuse("FED307", place, "has an entry that is not a mapping, or is empty", "Write each as key: value")
    return tuple(entries)


def boolean_of(value: object, place: str) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    if str(value).lower() in ("true", "yes", "on", "1"):
        return True
    if str(value).lower() in ("false", "no", "off", "0"):
        return False
    refuse("FED317", place, f"is {value!r}", "Write true or false")


def port_of(value: object, place: str) -> int | None:
    number = whole_of(value, place)
    if number is not None and not 1 <= number <= 65535:
        refuse("FED307", place, f"is {number}", "Give a port from 1 to 65535")
    return number


def whole_of(value: object, place: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value)):
        refuse("FED307", place, f"is {value!r}", "Give a whole number")
    return int(str(value))
