# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The reader of Wasm modules beside ``wasmtime``, which compiles what it takes: drawn modules, whole, changed and
broken.

``OSSM_FEDERATION_SOAK=1`` draws a hundred times as many.
"""

from __future__ import annotations

import collections
import hashlib
import os
import random
import re
from collections.abc import Callable, Iterator

import pytest
import wasmtime
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.wasm import ABI_EXPORTS, read_module
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

from .modules import HOSTILE, MAGIC, name, number, section

MODULES, CHANGES = (6_000, 10) if os.environ.get("OSSM_FEDERATION_SOAK") else (60, 10)
NAMES = ("memory", "proxy_log", "proxy_on_configure", "malloc", "_start", "a", "été", "日本", "x" * 200, "")
HOSTS = ("env", "wasi_snapshot_preview1", "other", "")
ABIS = (*ABI_EXPORTS, "proxy_abi_version_0_3_0", "")
REFERENCES = ("funcref", "externref", "(ref null func)", "(ref null $s)", "(ref null extern)", "(ref $s)")
SORTS = {"FuncType": "function", "TableType": "table", "MemoryType": "memory", "GlobalType": "global", "TagType": "tag"}
BROKEN = re.compile(
    r"out of order|duplicate export name|malformed UTF-8|malformed section id|malformed import kind|malformed external"
    r" kind"
)
"""What wasmtime says of a module that is broken in what the reader reads; it also says much of code and types, which it
does not.
"""


def told(content: bytes) -> str | tuple[list, list]:
    """Return what wasmtime says against a module, or its imports and exports."""
    engine = wasmtime.Engine()
    try:
        wasmtime.Module.validate(engine, content)  # which, unlike the next line, takes no text
        module = wasmtime.Module(engine, content)
    except wasmtime.WasmtimeError as error:
        return str(error)
    imports = [(each.module, each.name, SORTS[type(each.type).__name__]) for each in module.imports]
    return imports, [(each.name, SORTS[type(each.type).__name__]) for each in module.exports]


def read(content: bytes) -> str | tuple[list, list]:
    """Return the code with which the reader refuses a module, or its imports and exports."""
    try:
        module = read_module(content, "Wasm module plugin.wasm")
    except FederationError as refused:
        return str(refused.code)
    return [(each.module, each.name, each.sort) for each in module.imports], list(module.exports.items())


def expected(exports: list[tuple[str, str]]) -> str:
    """Return how the reader refuses a module with these exports, nothing where it takes it."""
    functions = [name for name, sort in exports if sort == "function"]
    if any(name in ABI_EXPORTS for name in functions):
        return ""
    return "FED833" if any(name.startswith("proxy_abi_version_") for name in functions) else "FED832"


def agreement(content: bytes) -> str:
    """Return in which way both agree on a module. Raises ``AssertionError`` where they do not."""
    theirs, ours = told(content), read(content)
    evidence = f"{content.hex()}: wasmtime {theirs}, the reader {ours}"
    if isinstance(theirs, str):
        assert isinstance(ours, str) or not BROKEN.search(theirs), evidence
        return "refused by both" if isinstance(ours, str) else "broken where only code and types are"
    wanted = expected(theirs[1])
    assert ours == (wanted or theirs), evidence
    return "taken by both" if not wanted else "a module for something else"


def drawn(chance: random.Random) -> bytes:
    """Return a module that is whole: imports and exports of every sort, code, data, custom sections."""

    def text(words: tuple[str, ...]) -> str:
        return '"' + "".join(f"\\{byte:02x}" for byte in chance.choice(words).encode()) + '"'

    wanted = {
        "(func)": 6,
        "(func (param i32 f64 funcref) (result i64))": 3,
        f"(table {chance.choice(('', 'i64 '))}{chance.randrange(9)} {chance.choice(REFERENCES[:5])})": 2,
        f"(memory {chance.choice(('1', '1 2', 'i64 1 70000', '1 2 shared'))})": 2,
        f"(global {chance.choice(('i32', '(mut i64)', 'v128', *REFERENCES))})": 2,
        "(tag (param i32))": 1,
    }
    sorts = chance.choices(list(wanted), list(wanted.values()), k=chance.randrange(12))
    imports = [f"(import {text(HOSTS)} {text(NAMES)} {each})" for each in sorts]
    given = {"proxy_on_memory_allocate": "func 0", "g": "global $g", "t": "table $t", "e": "tag $e"}
    given["memory"] = chance.choice(("memory $m", "func $f"))
    given = {each: given[each] for each in chance.sample(sorted(given), chance.randrange(len(given) + 1))}
    given |= {each: "func $f" for each in chance.sample(ABIS, 1) if each}
    customs = [f"(@custom {text(NAMES)} {text(NAMES)})" for _each in range(chance.randrange(3))]
    rest = [
        "(memory $m 1) (table $t 2 funcref) (global $g (mut i32) (i32.const 7)) (tag $e (param i64))",
        (
            "(func $f (param i32) (result i32) (local i64) (i32.add (local.get 0) (global.get $g)))"
            if not imports
            else "(func $f)"
        ),
        f'(elem (table $t) (i32.const 0) func $f) (data (memory $m) (i32.const 16) "{"z" * chance.randrange(300)}")',
        *(f'(export "{each}" ({given[each]}))' for each in given),
    ]
    return bytes(wasmtime.wat2wasm(f"(module (type $s (struct)) {' '.join([*imports, *rest, *customs])})"))


def sections(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the sections of a module that is whole."""
    at = len(MAGIC)
    while at < len(content):
        kind, size, shift = content[at], 0, 0
        at += 1
        while True:
            size, at, shift = size | (content[at] & 0x7F) << shift, at + 1, shift + 7
            if content[at - 1] < 0x80:
                break
        yield kind, content[at : at + size]
        at += size


def with_bytes_changed(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _each in range(chance.randrange(1, 4)):
        changed[chance.randrange(len(MAGIC), len(changed))] = chance.choice(
            (0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256))
        )
    return bytes(changed)


def cut_off(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(4, len(content))]


def with_bytes_put_in(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(MAGIC), len(content) + 1)
    return content[:at] + chance.randbytes(chance.randrange(1, 3)) + content[at:]


def with_sections_moved(content: bytes, chance: random.Random) -> bytes:
    parts = list(sections(content))
    one, other = chance.randrange(len(parts)), chance.randrange(len(parts) + 1)
    parts.insert(other, parts[one] if chance.random() < 0.5 else parts.pop(one))
    return MAGIC + b"".join(section(*each) for each in parts)


def with_a_custom_section(content: bytes, chance: random.Random) -> bytes:
    """It may stand anywhere between sections, and its name may be no UTF-8, which breaks the module."""
    parts = [section(*each) for each in sections(content)]
    body = name(chance.choice(NAMES)) if chance.random() < 0.7 else b"\2\xc3\x28"
    parts.insert(chance.randrange(len(parts) + 1), section(0, body + chance.randbytes(chance.randrange(9))))
    return MAGIC + b"".join(parts)


def with_lengths_written_long(content: bytes, chance: random.Random) -> bytes:
    """A number may be written with more bytes than it needs, up to five."""

    def long(value: int) -> bytes:
        short = number(value)
        more = chance.randrange(6 - len(short) + (chance.random() < 0.2))
        return short if not more else short[:-1] + bytes([short[-1] | 0x80]) + b"\x80" * (more - 1) + b"\0"

    return MAGIC + b"".join(bytes([kind]) + long(len(body)) + body for kind, body in sections(content))


WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    with_bytes_changed,
    with_bytes_changed,
    cut_off,
    with_bytes_put_in,
    with_sections_moved,
    with_a_custom_section,
    with_lengths_written_long,
)


def test_what_a_whole_module_needs_and_gives_is_what_wasmtime_says() -> None:
    chance = random.Random(16)
    ways = collections.Counter(agreement(drawn(chance)) for _number in range(MODULES))
    print(dict(ways))
    assert set(ways) == {"taken by both", "a module for something else"}, ways


def test_no_changed_module_is_called_broken_that_wasmtime_takes_nor_taken_where_it_is_broken_in_what_is_read() -> None:
    chance = random.Random(17)
    ways: collections.Counter[str] = collections.Counter()
    for _number in range(MODULES):
        content = drawn(chance)
        for _change in range(CHANGES):
            ways[agreement(chance.choice(WAYS)(content, chance))] += 1
    print(dict(ways))
    least = MODULES * CHANGES // 20
    assert all(ways[each] > least for each in ("taken by both", "a module for something else", "refused by both")), ways


# What is larger than any compiler writes (FED835) is a bound of ours alone.
@pytest.mark.parametrize("name", [name for name, (_content, code) in HOSTILE.items() if code != "FED835"])
def test_a_hostile_module_is_no_better_for_wasmtime(name: str) -> None:
    agreement(HOSTILE[name][0])


def test_the_digest_of_a_module_is_that_of_its_bytes() -> None:
    content = drawn(random.Random(18)) + section(7, b"")
    with pytest.raises(FederationError) as refused:
        read_module(content, "Wasm module plugin.wasm", hashlib.sha256(content[:-1]).hexdigest())
    assert refused.value.code == "FED834"
