# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text that others wrote, made fit for a terminal, a log or a report: nothing in it moves a cursor, turns the line, or
hides.

What leaves a module, a filter or an action plugin goes through ``shown`` once, at the exit. Letters of any language
stay as they are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

LONGEST = 4000
"""Signs of one text for people. What is longer was not written for them."""
MOST_MARKS = 2
"""Combining signs in a row: no language needs more on one letter, and many of them cover the lines above and below."""
DEEPEST = 64

# Letters and marks that no screen shows. Source: Unicode, DerivedCoreProperties, Default_Ignorable_Code_Point, less
# what is not
# printable anyway; and the braille pattern without a dot.
_UNSEEN = frozenset(
    map(
        chr,
        (
            0x034F,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            0x2800,
            0x3164,
            0xFFA0,
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
# Whose lines are their own: certificates, and the two sides of a diff.
_OF_LINES = frozenset({"pem", "before", "after", "exception"})


def shown(text: str, *, longest: int = LONGEST, with_lines: bool = False) -> str:
    """Return a text of at most ``longest`` signs in which every sign is seen where it stands; others are written as
    ``\\x1b``.

    ``with_lines`` keeps the ends of its lines, and any length.
    """
    if len(text) <= longest and text.isascii() and text.isprintable():
        return text
    if with_lines:
        return "\n".join(shown(line, longest=max(len(line), longest)) for line in text.split("\n"))
    signs, marks = [], 0
    for sign in text[:longest]:
        marks = marks + 1 if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me") else 0
        is_seen = sign.isprintable() and sign not in _UNSEEN and marks <= MOST_MARKS
        signs.append(sign if is_seen else _spelled(sign))
    if len(text) > longest:
        signs.append(f"… ({len(text) - longest:,} more signs)")
    return "".join(signs)


def shown_in(value: Any, *, depth: int = 0, with_lines: bool = False) -> Any:
    """Return data with every text in it as ``shown``, keys included; certificates and both sides of a diff keep their
    lines.
    """
    if isinstance(value, str):
        return shown(value, with_lines=with_lines)
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {
            shown(key) if isinstance(key, str) else key: shown_in(
                below, depth=depth + 1, with_lines=with_lines or key in _OF_LINES
            )
            for key, below in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [shown_in(entry, depth=depth + 1, with_lines=with_lines) for entry in value]
    return value


def _spelled(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode() if ord(sign) > 127 else f"\\x{ord(sign):02x}"


def printable(text: str, most: int) -> str:
    """Return a stranger's text as plain ASCII of at most ``most`` characters, for messages: nothing in it moves a
    cursor.
    """
    shown = text[:most].encode("ascii", "backslashreplace").decode()
    shown = "".join(sign if sign.isprintable() else "?" for sign in shown)
    return shown if len(text) <= most and len(shown) <= most else shown[: most - 1] + "~"
