# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``wasm_image``, and ``wasm_module_info`` on what it packs."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.modules import wasm_image, wasm_module_info
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.modules import module
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "plugin.wasm"
    path.write_bytes(module())
    return path


def pack(file, check_mode=False, **options):
    given = {"path": str(file), "dest": str(file.with_suffix(".tar")), "name": "header", **options}
    return wasm_image.run(RunInMemory(wasm_image.OPTIONS, check_mode=check_mode, **given), None, NOW)


def look(path, **options):
    return wasm_module_info.run(RunInMemory(wasm_module_info.OPTIONS, image=str(path), **options), None, NOW)


def refusal(call, *given, **options):
    with pytest.raises(FederationError) as refused:
        call(*given, **options)
    return refused.value.code


def test_an_image_is_packed_once_and_read_by_both_kinds(file):
    planned = pack(file, check_mode=True)
    assert planned["changed"] and not file.with_suffix(".tar").exists()
    packed = pack(file)
    assert (packed["changed"], packed["digest"]) == (True, planned["digest"]) and not pack(file)["changed"]
    assert set(yaml.safe_load(wasm_image.RETURN)) - {"pinned"} == set(packed) - {"changed", "diff"}
    found = look(file.with_suffix(".tar"), digest=packed["digest"])
    assert found["image"] == {
        "digest": packed["digest"],
        "layout": "image",
        "layers": 1,
        "readers": {"ServiceMeshExtension": "", "WasmPlugin of 2.2": "", "WasmPlugin from 2.3 on": ""},
    }
    assert (found["abi"], found["is_taken"]) == ("0.2.1", True)


def test_another_module_is_another_image_and_the_diff_names_both(file):
    first = pack(file)
    file.write_bytes(module(imports=(("env", "proxy_done"),)))
    second = pack(file)
    assert (
        second["diff"][0]["before"].strip() == first["digest"]
        and second["diff"][0]["after"].strip() == second["digest"]
    )
    assert first["digest"] != second["digest"]


def test_what_no_proxy_loads_is_not_packed(file):
    assert refusal(pack, file, sha256="0" * 64) == "FED834"
    file.write_bytes(module(memory=False))
    assert refusal(pack, file) == "FED838"
    file.write_bytes(b"text")
    assert refusal(pack, file) == "FED830" and not file.with_suffix(".tar").exists()


def test_another_digest_than_the_expected_one_is_refused(file):
    pack(file)
    archive = file.with_suffix(".tar")
    assert refusal(look, archive, digest=f"sha256:{'0' * 64}") == "FED842"
    assert refusal(look, archive, sha256="0" * 64) == "FED834"
    assert refusal(look, file) == "FED841" and refusal(look, file.with_name("nothing")) == "FED836"


def test_a_link_in_the_place_of_the_archive_is_not_followed(file, tmp_path):
    file.with_suffix(".tar").symlink_to(tmp_path / "elsewhere")
    assert refusal(pack, file) == "FED836" and not (tmp_path / "elsewhere").exists()
