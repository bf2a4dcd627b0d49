# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wasm modules byte by byte, good and hostile ones. Source: WebAssembly Core Specification 1.0, "Binary Format"."""

from __future__ import annotations

MAGIC = b"\0asm\1\0\0\0"
FUNCTION, TABLE, MEMORY, GLOBAL = range(4)


def number(value: int) -> bytes:
    """Return an unsigned number as LEB128."""
    result = b""
    while value > 0x7F:
        result, value = result + bytes([value & 0x7F | 0x80]), value >> 7
    return result + bytes([value])


def name(text: str) -> bytes:
    """Return a name with its length."""
    return number(len(text.encode())) + text.encode()


def section(kind: int, body: bytes) -> bytes:
    """Return a section with its length."""
    return bytes([kind]) + number(len(body)) + body


def entries(*parts: bytes) -> bytes:
    """Return a list with its count."""
    return number(len(parts)) + b"".join(parts)


def imported(module: str, text: str) -> bytes:
    """Return the import of a function."""
    return name(module) + name(text) + b"\0\0"


def exported(text: str, sort: int = FUNCTION) -> bytes:
    """Return an export."""
    return name(text) + bytes([sort, 0])


def module(
    abi: str = "0.2.1",
    imports: tuple = (("env", "proxy_log"),),
    exports: tuple = (),
    custom: tuple = ("name",),
    memory: bool = True,
) -> bytes:
    """Return a module as a Proxy-Wasm SDK makes it, without its code."""
    given = [exported("memory", MEMORY), exported("proxy_on_memory_allocate")] if memory else []
    given += [exported(f"proxy_abi_version_{abi.replace('.', '_')}")] if abi else []
    parts = [
        section(1, entries(b"\x60\0\0")),
        section(2, entries(*(imported(*each) for each in imports))),
        section(7, entries(*given, *(exported(each) for each in exports))),
        *(section(0, name(each) + b"anything") for each in custom),
    ]
    return MAGIC + b"".join(parts)


EXPORTS = section(7, entries(exported("proxy_abi_version_0_2_1")))
HOSTILE = {
    "nothing": (b"", "FED830"),
    "text": (b"hello, world", "FED830"),
    "gzip": (b"\x1f\x8b\x08\0" + b"\0" * 20, "FED830"),
    "zip": (b"PK\3\4" + b"\0" * 20, "FED830"),
    "program": (b"\x7fELF" + b"\0" * 20, "FED830"),
    "wat": (b"  (module (func))", "FED830"),
    "component": (b"\0asm\x0d\0\1\0", "FED830"),
    "only-magic": (b"\0asm", "FED830"),
    "version-2": (b"\0asm\2\0\0\0", "FED830"),
    "no-sections": (MAGIC, "FED832"),
    "cut-in-section": (module()[:-3], "FED831"),
    "cut-in-header": (MAGIC + b"\7", "FED831"),
    "huge-section": (MAGIC + b"\7\xff\xff\xff\xff\x0f", "FED831"),
    "endless-number": (MAGIC + b"\7" + b"\x80" * 1000, "FED831"),
    "number-over-32-bits": (MAGIC + b"\7\xff\xff\xff\xff\x7f", "FED831"),
    "unknown-section": (MAGIC + section(14, b""), "FED831"),
    "section-twice": (MAGIC + EXPORTS + EXPORTS, "FED831"),
    "out-of-order": (MAGIC + EXPORTS + section(1, entries()), "FED831"),
    "announces-millions": (MAGIC + section(7, number(2**31) + b"\0" * 10), "FED831"),
    "many-exports": (MAGIC + section(7, number(30_000) + b"\0" * 90_000), "FED835"),
    "many-custom-sections": (MAGIC + section(0, b"\0") * 30_000, "FED835"),
    "long-name": (MAGIC + section(7, number(1) + name("a" * 5000) + b"\0\0"), "FED835"),
    "name-out-of-section": (MAGIC + section(7, number(1) + number(4000) + b"ab"), "FED831"),
    "name-not-utf-8": (MAGIC + section(7, entries(b"\2\xff\xfe\0\0")), "FED831"),
    "export-twice": (MAGIC + section(7, entries(exported("a"), exported("a"))), "FED831"),
    "bytes-behind": (MAGIC + section(7, entries(exported("a")) + b"\0"), "FED831"),
    "odd-sort": (MAGIC + section(7, entries(exported("a", 9))), "FED831"),
    "odd-import": (MAGIC + section(2, entries(name("env") + name("memory") + b"\2\x09")), "FED831"),
    "custom-without-name": (MAGIC + section(0, b""), "FED831"),
    "no-abi": (module(abi=""), "FED832"),
    "start-without-abi": (module(abi="", exports=("_start",)), "FED832"),
    "abi-as-memory": (MAGIC + section(7, entries(exported("proxy_abi_version_0_2_1", MEMORY))), "FED832"),
    "newer-abi": (module(abi="0.3.0"), "FED833"),
}
