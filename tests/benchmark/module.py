# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What it costs to read a Wasm module, against the digest alone and against ``wasmtime``'s parser, as ratios within one
run.

Prints a table; run it as ``python tests/benchmark/module.py`` from the collection's root. ``wasmtime`` validates also
the code, which the reader passes over; where it is not installed its line says so.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils"))

from _core.extensions.wasm import read_module

IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
REPEATS, FUNCTIONS = (1, 10) if IS_SMALLEST else (5, 40_000)
# One function of five instructions, local.get 0, i32.const 1, i32.add, drop, end.
BODY = b"\x00\x20\x00\x41\x01\x6a\x1a\x0b"


def number(value: int) -> bytes:
    """Return an unsigned number as LEB128."""
    result = b""
    while value > 0x7F:
        result, value = result + bytes([value & 0x7F | 0x80]), value >> 7
    return result + bytes([value])


def section(kind: int, *parts: bytes) -> bytes:
    """Return a section that is a list of parts."""
    body = number(len(parts)) + b"".join(parts)
    return bytes([kind]) + number(len(body)) + body


def name(text: str) -> bytes:
    """Return a name with its length."""
    return number(len(text)) + text.encode()


def module(functions: int) -> bytes:
    """Return a module as a Proxy-Wasm SDK makes it, with some exports and many functions."""
    exports = [
        "proxy_abi_version_0_2_1",
        "proxy_on_memory_allocate",
        *(f"export_{at}" for at in range(min(functions, 200) - 2)),
    ]
    return b"\0asm\1\0\0\0" + b"".join(
        (
            section(1, b"\x60\x01\x7f\x00"),
            section(2, *(name("env") + name(f"proxy_function_{at}") + b"\0\0" for at in range(30))),
            section(3, *[b"\0"] * functions),
            section(5, b"\0\x01"),
            section(
                7,
                name("memory") + b"\x02\0",
                *(name(text) + b"\0" + number(30 + at) for at, text in enumerate(exports)),
            ),
            section(10, *[number(len(BODY)) + BODY] * functions),
        )
    )


def seconds(work: Callable[[], object]) -> float:
    """Return the shortest time of some repetitions."""
    best = float("inf")
    for _repeat in range(REPEATS):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def main() -> None:
    content = module(FUNCTIONS)
    digest = seconds(lambda: hashlib.sha256(content).hexdigest())
    rows: list[tuple[str, float | None]] = [
        ("digest alone", digest),
        ("wasm_module_info's reader", seconds(lambda: read_module(content, "x", ""))),
    ]
    try:
        from wasmtime import Engine, Module
    except ImportError:
        rows.append(("wasmtime, validation alone", None))
    else:
        engine = Engine()
        rows.append(("wasmtime, validation alone", seconds(lambda: Module.validate(engine, content))))
    print(
        f"A module of {len(content) / 1024:,.0f} KiB with {FUNCTIONS:,} functions. 1 is its SHA-256 digest"
        f" ({digest * 1000:.2f} ms), best of {REPEATS}."
    )
    for what, spent in rows:
        print(f"{what:30}  {'not installed' if spent is None else f'{spent / digest:7.1f}'}")


if __name__ == "__main__":
    main()
