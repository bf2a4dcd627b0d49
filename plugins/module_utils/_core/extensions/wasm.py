# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a Wasm module as far as a proxy must know it: sections, imports, exports. The bytes are a stranger's.

One pass, in which nothing is copied but names; each length is compared with what is left, and each count has a bound.
Sources: WebAssembly Core Specification 1.0 and 3.0, "Binary Format"; Proxy-Wasm ABI 0.1.0, 0.2.0 and 0.2.1;
proxy-wasm-cpp-host (``exports.h``, ``bytecode_util.cc``), which is what Envoy takes a module's ABI from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..plain.data import some
from ..plain.errors import FederationError

LARGEST = 64 << 20
"""Bytes of a module. 3scale's has 2.5 MiB, and a compiled Go module seldom more than 10."""
MOST_NAMES = 20_000
LONGEST_NAME = 4096
_MAGIC, _VERSION = b"\0asm", b"\1\0\0\0"
_COMPONENT = b"\x0d\0\1\0"
_IMPORT, _EXPORT, _CUSTOM, _LAST = 2, 7, 0, 13
# The order that the specification demands; a tag section stands between memory and global, the data count before the
# code.
_ORDER: Mapping[int, int] = {
    section: place for place, section in enumerate((1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11))
}
_TYPED_REFERENCES = (0x63, 0x64)
_BITS_OF_A_SIGNED_33 = (
    35  # what a typed reference refers to; it takes up to five bytes, and nothing here needs its sign
)
_SORTS = ("function", "table", "memory", "global", "tag")
_INSTEAD = {
    b"\x1f\x8b": "compressed with gzip",
    b"PK\3\4": "a zip archive",
    b"\x7fELF": "a program of this machine (ELF)",
    b"(modul": "the text form of a module (WAT)",
    b"(compo": "the text form of a component (WAT)",
    b"<!DOCT": "a web page",
    b"<html>": "a web page",
    b"versio": "a Git LFS pointer, or another text",
    b"BC\xc0\xde": "LLVM bitcode",
}
ABI_EXPORTS = {
    "proxy_abi_version_0_1_0": "0.1.0",
    "proxy_abi_version_0_2_0": "0.2.0",
    "proxy_abi_version_0_2_1": "0.2.1",
}
"""What each Envoy of OpenShift Service Mesh 2.1 to 2.6 (Envoy 1.17 to 1.28) takes."""
_ABI_START = "proxy_abi_version_"
_STARTS = ("_initialize", "_start", "proxy_on_vm_start", "proxy_on_configure", "proxy_on_context_create")
_ALLOCATORS = ("proxy_on_memory_allocate", "malloc")

_HOST = frozenset(
    f"proxy_{name}"
    for name in (
        "log get_status set_property get_property send_local_response get_shared_data set_shared_data"
        " register_shared_queue resolve_shared_queue dequeue_shared_queue enqueue_shared_queue get_header_map_value"
        " add_header_map_value replace_header_map_value remove_header_map_value get_header_map_pairs"
        " set_header_map_pairs get_header_map_size get_buffer_status get_buffer_bytes set_buffer_bytes http_call"
        " grpc_call grpc_stream grpc_close grpc_cancel grpc_send set_tick_period_milliseconds"
        " get_current_time_nanoseconds define_metric increment_metric record_metric get_metric set_effective_context"
        " done call_foreign_function"
    ).split()
)
_OF_ABI: Mapping[str, frozenset[str]] = {
    "0.1.0": frozenset(
        {"proxy_get_configuration", "proxy_continue_request", "proxy_continue_response", "proxy_clear_route_cache"}
    ),
    "0.2.0": frozenset({"proxy_continue_stream", "proxy_close_stream"}),
    "0.2.1": frozenset({"proxy_continue_stream", "proxy_close_stream", "proxy_get_log_level"}),
}
_WASI_MODULES = ("wasi_unstable", "wasi_snapshot_preview1")
_WASI = frozenset(
    "fd_write fd_read fd_seek fd_close fd_fdstat_get environ_get environ_sizes_get args_get args_sizes_get"
    " clock_time_get random_get proc_exit".split()
)


@dataclass(frozen=True)
class Import:
    """One thing that a module needs: the host module and name, and its sort (function, memory, …)."""

    module: str
    name: str
    sort: str

    @property
    def text(self) -> str:
        """Return it as people name it."""
        return f"{self.module}.{self.name}" if self.sort == "function" else f"{self.module}.{self.name} ({self.sort})"


@dataclass(frozen=True)
class WasmModule:
    """A module: its size and digest, the Proxy-Wasm ABI that it declares, what it needs and gives, its
    custom sections.
    """

    size: int
    sha256: str
    abi: str
    imports: tuple[Import, ...]
    exports: Mapping[str, str]
    custom: tuple[str, ...]

    @property
    def unknown_imports(self) -> list[str]:
        """Return what it needs and not every Envoy of 2.1 to 2.6 gives: without one of these a module is not loaded."""
        host = _HOST | _OF_ABI.get(self.abi, frozenset())
        return sorted(
            each.text
            for each in self.imports
            if each.sort != "function"
            or not (
                (each.module == "env" and (each.name in host or each.name == "pthread_equal"))
                or (each.module in _WASI_MODULES and each.name in _WASI)
            )
        )

    @property
    def missing_exports(self) -> list[str]:
        """Return what a proxy calls and the module does not give: its memory and an allocator."""
        has_allocator = any(self.exports.get(name) == "function" for name in _ALLOCATORS)
        return [
            *([] if self.exports.get("memory") == "memory" else ["memory"]),
            *([] if has_allocator else [" or ".join(_ALLOCATORS)]),
        ]

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        return {
            "size": self.size,
            "sha256": self.sha256,
            "abi": self.abi,
            "imports": sorted(each.text for each in self.imports),
            "unknown_imports": self.unknown_imports,
            "exports": sorted(self.exports),
            "missing_exports": self.missing_exports,
            "custom_sections": list(self.custom),
        }

    def refuse_unloadable(self, where: str) -> None:
        """Refuse a module that no proxy loads, since it does not give what each needs: FED838."""
        if self.missing_exports:
            what = f"does not export {some(self.missing_exports)}"
            raise _refusal(
                "FED838",
                where,
                what,
                "Build it with a Proxy-Wasm SDK as a library (reactor), and strip nothing that is exported",
            )


def read_module(content: bytes, where: str, sha256: str = "") -> WasmModule:
    """Return what a module says of itself; ``sha256`` is the digest that it must have, where one is expected.

    Raises ``FederationError``: FED834 another digest, FED835 larger than any module or with more names, FED830 no
    module, FED831 a broken one, FED832 without an ABI of Proxy-Wasm, FED833 with one that no Envoy of 2.1 to 2.6 takes.
    """
    if len(content) > LARGEST:
        raise _refusal(
            "FED835",
            where,
            f"is larger than {LARGEST >> 20} MiB",
            "Strip it of debugging symbols, or see whether it is the right file",
        )
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and digest != sha256.strip().lower():
        raise _refusal(
            "FED834",
            where,
            f"has the digest {digest}, and {sha256} is expected",
            "Do not use it until you know who changed it, and why",
        )
    _refuse_other(content, where)
    reader = _Reader(content, where)
    imports: tuple[Import, ...] = ()
    exports: dict[str, str] = {}
    custom: list[str] = []
    for section, body in _sections(reader):
        if section == _IMPORT:
            imports = tuple(_imports(body))
        elif section == _EXPORT:
            exports = _exports(body)
        elif section == _CUSTOM:
            if len(custom) >= MOST_NAMES:
                raise body.too_many("custom sections")
            custom.append(body.name())
    return WasmModule(len(content), digest, _abi(exports, where), imports, exports, tuple(custom))


def _refuse_other(content: bytes, where: str) -> None:
    """Refuse what is no module: FED830 that says what it is, where the beginning tells."""
    if content[:4] == _MAGIC and content[4:8] == _VERSION:
        return
    what = next((told for start, told in _INSTEAD.items() if content[:64].lstrip().startswith(start)), "")
    if content[:4] == _MAGIC:
        what = (
            "a component (WASI preview 2)"
            if content[4:8] == _COMPONENT
            else "a module of another version of WebAssembly, or cut off"
        )
    what = what or ("empty" if not content else "no WebAssembly at all")
    raise _refusal(
        "FED830",
        where,
        f"is {what}, and a proxy runs modules of WebAssembly 1.0",
        "Build it for wasm32-wasi or wasm32-unknown-unknown",
    )


class _Reader:
    """Reads a part of a module from front to back, and refuses to leave it."""

    def __init__(self, content: bytes, where: str, at: int = 8, end: int | None = None) -> None:
        self._content, self._where = content, where
        self.at, self.end = at, len(content) if end is None else end

    @property
    def is_done(self) -> bool:
        """Return whether nothing is left."""
        return self.at >= self.end

    def byte(self) -> int:
        """Return the next byte."""
        if self.is_done:
            raise self.broken("ends in the middle")
        self.at += 1
        return self._content[self.at - 1]

    def number(self, bits: int = 32) -> int:
        """Return the next unsigned number (LEB128), which takes as many bytes as ``bits`` need and no more."""
        value = 0
        for shift in range(0, bits, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> bits:
                    break
                return value
        raise self.broken(f"has a number of more than {bits} bits")

    def part(self, size: int) -> _Reader:
        """Return a reader for the next ``size`` bytes, and go past them."""
        if size > self.end - self.at:
            raise self.broken(f"announces {size:,} bytes where {self.end - self.at:,} are left")
        part = _Reader(self._content, self._where, self.at, self.at + size)
        self.at += size
        return part

    def name(self) -> str:
        """Return the next name."""
        size = self.number()
        if size > LONGEST_NAME:
            raise _refusal(
                "FED835",
                self._where,
                f"has a name of {size:,} bytes",
                "See whether it is the right file; no compiler writes such names",
            )
        start = self.part(size).at
        try:
            return self._content[start : self.at].decode("utf-8")
        except UnicodeDecodeError:
            raise self.broken("has a name that is not UTF-8") from None

    def count(self, what: str) -> int:
        """Return the next number of entries; each takes at least a byte."""
        number = self.number()
        if number > self.end - self.at:
            raise self.broken(f"announces {number:,} {what} where {self.end - self.at:,} bytes are left")
        if number > MOST_NAMES:
            raise self.too_many(what)
        return number

    def broken(self, what: str) -> FederationError:
        """Return the error for a module that breaks the format here."""
        return _refusal(
            "FED831",
            self._where,
            f"{what}, at byte {self.at:,}",
            "Build or copy it again; compare its digest with that of the source",
        )

    def too_many(self, what: str) -> FederationError:
        """Return the error for more entries than any compiler writes."""
        return _refusal(
            "FED835", self._where, f"has more than {MOST_NAMES:,} {what}", "See whether it is the right file"
        )


def _sections(reader: _Reader) -> Iterator[tuple[int, _Reader]]:
    """Yield each section's number and body, in the order of the specification, each once but for custom ones."""
    last = -1
    while not reader.is_done:
        section = reader.byte()
        if section > _LAST:
            raise reader.broken(f"has a section of the unknown kind {section}")
        if section != _CUSTOM:
            if _ORDER[section] <= last:
                raise reader.broken("has a section twice, or out of order")
            last = _ORDER[section]
        yield section, reader.part(reader.number())


def _imports(body: _Reader) -> Iterator[Import]:
    for _number in range(body.count("imports")):
        module, name, sort = body.name(), body.name(), _sort(body)
        if sort == "function":
            body.number()
        elif sort == "table":
            _value_type(body)
            _limits(body)
        elif sort == "memory":
            _limits(body)
        elif sort == "global":
            _value_type(body)
            body.byte()
        else:
            body.byte()
            body.number()
        yield Import(module, name, sort)
    _refuse_rest(body, "imports")


def _exports(body: _Reader) -> dict[str, str]:
    exports: dict[str, str] = {}
    for _number in range(body.count("exports")):
        name, sort = body.name(), _sort(body)
        body.number()
        if name in exports:
            raise body.broken("has an export twice")
        exports[name] = sort
    _refuse_rest(body, "exports")
    return exports


def _sort(body: _Reader) -> str:
    sort = body.byte()
    if sort >= len(_SORTS):
        raise body.broken(f"has an entry of the unknown sort {sort}")
    return _SORTS[sort]


def _value_type(body: _Reader) -> None:
    if body.byte() in _TYPED_REFERENCES:
        body.number(_BITS_OF_A_SIGNED_33)


def _limits(body: _Reader) -> None:
    flags = body.byte()
    if flags > 7:
        raise body.broken("has limits of an unknown form")
    bits = 64 if flags & 4 else 32
    body.number(bits)
    if flags & 1:
        body.number(bits)


def _refuse_rest(body: _Reader, what: str) -> None:
    if not body.is_done:
        raise body.broken(f"has extra bytes after its {what}")


def _abi(exports: Mapping[str, str], where: str) -> str:
    """Return the ABI that a module declares: the first export that names one, as Envoy takes it."""
    functions = [name for name, sort in exports.items() if sort == "function"]
    found = next((ABI_EXPORTS[name] for name in functions if name in ABI_EXPORTS), "")
    if found:
        return found
    other = next(
        (name.removeprefix(_ABI_START).replace("_", ".") for name in functions if name.startswith(_ABI_START)), ""
    )
    if other:
        what = f"declares version {other} of the Proxy-Wasm ABI, which no Envoy of 2.1 to 2.6 supports"
        raise _refusal("FED833", where, what, f"Build it with an SDK of version {', '.join(ABI_EXPORTS.values())}")
    is_command = any(name in functions for name in _STARTS)
    what = (
        "exports no version of the Proxy-Wasm ABI"
        if is_command
        else "is a WebAssembly module for something else than a proxy"
    )
    raise _refusal(
        "FED832",
        where,
        f"{what} (no function {_ABI_START}…)",
        "Build it with a Proxy-Wasm SDK, and export the version's function",
    )


def _refusal(code: str, where: str, what: str, fix: str) -> FederationError:
    return FederationError(code, where=where, what=what, fix=fix)
