# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a Wasm module tells, and how hostile ones are refused."""

from __future__ import annotations

import hashlib
import random
import time
import tracemalloc

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.wasm import LARGEST, read_module
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

from .modules import HOSTILE, MAGIC, MEMORY, entries, exported, module, name, section


def read(content, sha256=""):
    return read_module(content, "Wasm module plugin.wasm", sha256)


@pytest.mark.parametrize("abi", ["0.1.0", "0.2.0", "0.2.1"])
def test_a_module_tells_its_abi_digest_and_needs(abi):
    content = module(abi, (("env", "proxy_log"), ("wasi_snapshot_preview1", "fd_write")), ("proxy_on_request_headers",))
    found = read(content, hashlib.sha256(content).hexdigest())
    assert (found.abi, found.size, found.custom, found.unknown_imports, found.missing_exports) == (
        abi,
        len(content),
        ("name",),
        [],
        [],
    )
    assert found.as_data()["imports"] == ["env.proxy_log", "wasi_snapshot_preview1.fd_write"]
    assert "proxy_on_request_headers" in found.exports


@pytest.mark.parametrize(
    ("abi", "needs", "unknown"),
    [
        ("0.2.1", ("env", "proxy_get_log_level"), []),
        ("0.1.0", ("env", "proxy_get_log_level"), ["env.proxy_get_log_level"]),
        ("0.1.0", ("env", "proxy_continue_request"), []),
        ("0.2.0", ("env", "proxy_continue_request"), ["env.proxy_continue_request"]),
        ("0.2.1", ("wasi_snapshot_preview1", "path_open"), ["wasi_snapshot_preview1.path_open"]),
        ("0.2.1", ("wasi_unstable", "fd_write"), []),
        ("0.2.1", ("other", "proxy_log"), ["other.proxy_log"]),
        ("0.2.1", ("env", "emscripten_notify_memory_growth"), ["env.emscripten_notify_memory_growth"]),
    ],
)
def test_what_not_every_proxy_gives_is_told(abi, needs, unknown):
    assert read(module(abi, (needs,))).unknown_imports == unknown


def test_imports_of_every_sort_are_read():
    kinds = (b"\0\0", b"\1\x70\1\1\2", b"\2\0\1", b"\3\x7f\0", b"\4\0\0")
    imports = entries(*(name("env") + name(f"i{number}") + body for number, body in enumerate(kinds)))
    content = (
        MAGIC
        + section(2, imports)
        + section(7, entries(exported("proxy_abi_version_0_2_1"), exported("memory", MEMORY)))
    )
    found = read(content)
    assert [each.sort for each in found.imports] == ["function", "table", "memory", "global", "tag"]
    assert found.missing_exports == ["proxy_on_memory_allocate or malloc"]


@pytest.mark.parametrize(("content", "code"), HOSTILE.values(), ids=HOSTILE)
def test_what_no_proxy_loads_is_refused_with_the_reason(content, code):
    with pytest.raises(FederationError) as refused:
        read(content)
    assert refused.value.code == code, refused.value


def test_a_changed_module_is_refused_before_anything_of_it_is_read():
    with pytest.raises(FederationError) as refused:
        read(b"garbage", "0" * 64)
    assert refused.value.code == "FED834"


def test_a_module_that_is_too_large_is_not_even_digested():
    with pytest.raises(FederationError) as refused:
        read(bytes(LARGEST + 1))
    assert refused.value.code == "FED835"


def test_whatever_the_bytes_nothing_but_a_refusal_comes_and_soon():
    chance, content = random.Random(16), module(exports=tuple(f"f{number}" for number in range(20)))
    for _draw in range(1500):
        drawn = bytearray(content)
        for _change in range(chance.randrange(1, 5)):
            drawn[chance.randrange(8, len(drawn))] = chance.randrange(256)
        try:
            read(bytes(drawn[: chance.randrange(8, len(drawn) + 1)]))
        except FederationError as refused:
            assert refused.code in {"FED831", "FED832", "FED833", "FED835"}


def test_a_large_module_takes_little_memory_and_time():
    content = (
        module()[:8]
        + section(1, entries())
        + section(7, entries(exported("proxy_abi_version_0_2_1")))
        + section(11, bytes(16 << 20))
    )
    tracemalloc.start()
    started = time.process_time()
    read(content)
    spent, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20 and spent < 2
