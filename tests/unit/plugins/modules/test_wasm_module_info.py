# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``wasm_module_info``: files, and what stands in their place."""

from __future__ import annotations

import os

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.modules import wasm_module_info
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.modules import HOSTILE, module
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory


def asked(path, **options):
    return RunInMemory(wasm_module_info.OPTIONS, path=str(path), **options)


def read(path, **options):
    return wasm_module_info.run(asked(path, **options), None, NOW)


def refusal(path, **options):
    with pytest.raises(FederationError) as refused:
        read(path, **options)
    return refused.value.code


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "plugin.wasm"
    path.write_bytes(module())
    return path


def test_a_good_module_is_taken_and_all_that_is_returned_is_documented(file):
    found = read(file)
    assert (found["is_taken"], found["abi"], found["changed"]) == (True, "0.2.1", False)
    assert set(yaml.safe_load(wasm_module_info.RETURN)) - {"image", "signatures"} == set(found) - {"changed"}
    assert read(file, sha256=found["sha256"].upper())["is_taken"]


def test_a_need_that_not_every_proxy_meets_is_a_warning_and_nobody_knows(file):
    file.write_bytes(module(imports=(("wasi_snapshot_preview1", "path_open"),)))
    started = asked(file)
    assert wasm_module_info.run(started, None, NOW)["is_taken"] is None
    assert [text[:6] for text in started.warnings] == ["FED837"]


def test_what_is_no_file_is_not_read(tmp_path, file):
    (tmp_path / "link").symlink_to(file)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert {refusal(tmp_path / place) for place in ("link", "folder", "pipe", "nothing")} == {"FED836"}


def test_hostile_files_a_changed_one_and_one_without_memory_are_refused(file):
    for content, code in (HOSTILE["endless-number"], HOSTILE["gzip"], (module(memory=False), "FED838")):
        file.write_bytes(content)
        assert refusal(file) == code
    assert refusal(file, sha256="0" * 64) == "FED834"


def test_a_file_without_end_is_read_to_the_bound(tmp_path):
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 34)
    assert refusal(tmp_path / "sparse") == "FED835"
