# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tar archives in memory: read as a stranger's, in bounds, and written so that equal content gives equal bytes.

Source: POSIX.1-2001, pax, "ustar Interchange Format".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

BLOCK = 512
MOST_ENTRIES = 10_000
_FILE, _DIRECTORY, _LINKS = (b"0", b"\0", b"7"), b"5", (b"1", b"2")
_EXTENDED = (b"x", b"g", b"L", b"K")


class Unusable(ValueError):
    """An archive that is broken, or out of bounds; its text says what, as the end of a sentence."""


@dataclass(frozen=True)
class Entry:
    """One file of an archive: its name without a leading ``/`` or ``./``, and its content; None for a link, whose
    content is elsewhere.
    """

    name: str
    content: bytes | None


def entries(archive: bytes) -> Iterator[Entry]:
    """Give the files and links of an archive in their order. Raises ``Unusable``."""
    place, count = 0, 0
    while place + BLOCK <= len(archive):
        header = archive[place : place + BLOCK]
        if not any(header):
            return
        count += 1
        if count > MOST_ENTRIES:
            raise Unusable(f"has more than {MOST_ENTRIES:,} entries")
        _refuse_broken(header)
        size, sort = _number(header[124:136]), header[156:157]
        start = place + BLOCK
        if size > len(archive) - start:
            raise Unusable("is cut off in the middle of a file")
        if sort in _EXTENDED:
            _refuse_renaming(archive[start : start + size], sort)
        elif sort in _FILE:
            yield Entry(_name(header), archive[start : start + size])
        elif sort in _LINKS:
            yield Entry(_name(header), None)
        elif sort != _DIRECTORY:
            raise Unusable("contains a device or a pipe")
        place = start + -(-size // BLOCK) * BLOCK
    raise Unusable("ends without the mark of an end")


def inflated(content: bytes, most: int) -> bytes:
    """Return what a gzip stream holds, at most ``most`` bytes. Raises ``Unusable`` for more, and for what
    is no gzip.
    """
    unpacking = zlib.decompressobj(wbits=31)
    try:
        result = unpacking.decompress(content, most + 1)
    except zlib.error:
        raise Unusable("is not compressed with gzip, or broken") from None
    if len(result) > most:
        raise Unusable(f"unpacks to more than {most >> 20} MiB")
    if not unpacking.eof:
        raise Unusable("is cut off")
    return result


def deflated(content: bytes) -> bytes:
    """Return content as a gzip stream without name and time."""
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packing.compress(content) + packing.flush()


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files in their order: owner, time and rights are the same for all."""
    parts = []
    for name, content in files.items():
        parts += [_header(name, len(content)), content, b"\0" * (-len(content) % BLOCK)]
    return b"".join([*parts, b"\0" * (2 * BLOCK)])


def _header(name: str, size: int) -> bytes:
    fields = [
        (name.encode("ascii"), 100),
        (b"0000644", 8),
        (b"0000000", 8),
        (b"0000000", 8),
        (f"{size:011o}".encode(), 12),
        (b"00000000000", 12),
        (b" " * 8, 8),
        (b"0", 1),
        (b"", 100),
        (b"ustar\x0000", 8),
    ]
    header = b"".join(value.ljust(width, b"\0") for value, width in fields).ljust(BLOCK, b"\0")
    return header[:148] + f"{sum(header):06o}\0 ".encode() + header[156:]


def _refuse_broken(header: bytes) -> None:
    counted = sum(header[:148]) + 8 * 32 + sum(header[156:])
    if _number(header[148:156]) != counted:
        raise Unusable("is not a tar archive, or broken")


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        # Base 256, which GNU tar writes for what does not fit.
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    text = field.split(b"\0")[0].strip()
    if not all(48 <= sign <= 55 for sign in text):
        raise Unusable("is not a tar archive, or broken")
    return int(text or b"0", 8)


def _name(header: bytes) -> str:
    name, prefix = (part.split(b"\0")[0].decode("utf-8", "replace") for part in (header[:100], header[345:500]))
    whole = f"{prefix}/{name}" if prefix and header[257:262] == b"ustar" else name
    while whole.startswith(("/", "./")):
        whole = whole.partition("/")[2]
    return whole


def _refuse_renaming(content: bytes, sort: bytes) -> None:
    """Refuse extended headers that give a file another name or size than its own header."""
    if sort not in (b"x", b"g") or any(f" {key}=".encode() in content for key in ("path", "size", "linkpath")):
        raise Unusable("gives files names or sizes in extended headers, which are not read here")
