# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Registries under whose names something else answers: all ends with a code, in bounded time and memory, and no login
goes astray.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attacks.attack import Outcome, call_each
from attacks.registries import LOGIN, PAIR, PASSWORD, TOKEN, HostileRegistry, lying
from unit.plugins.module_utils._core.extensions.modules import module as wasm

SECONDS = 2
ANY = f"@sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileRegistry]:
    with lying(tmp_path_factory.mktemp("registry")) as running:
        yield running


def look(collections: str, registry: HostileRegistry, *asked: tuple[str, dict[str, Any]]) -> list[Outcome]:
    """Read images, each of a behaviour and with options of its own, as loud as it gets."""
    shared = {"registry_ca_cert": str(registry.ca_file), "registry_timeout": 20}
    each = [{**shared, "pull": registry.name(what), **more} for what, more in asked]
    outcomes = call_each(collections, "wasm_module_info", each, shown=True)
    assert all(
        PASSWORD not in outcome.printed and PAIR not in outcome.printed and TOKEN not in outcome.printed
        for outcome in outcomes
    )
    return outcomes


def codes(collections: str, registry: HostileRegistry, *whats: str, **more: Any) -> dict[str, str | None]:
    return dict(
        zip(whats, (outcome.code for outcome in look(collections, registry, *((what, more) for what in whats))))
    )


def test_what_is_good_is_read(collections: str, registry: HostileRegistry) -> None:
    (found,) = look(collections, registry, ("good", {}))
    assert found.result["abi"] == "0.2.1", found.printed


def test_what_does_not_end_ends_here_in_bounded_time_and_memory(collections: str, registry: HostileRegistry) -> None:
    whats = ("endless-manifest", "endless-layer", "endless-headers", "bomb")
    outcomes = look(collections, registry, *((what, {}) for what in whats))
    assert [outcome.code for outcome in outcomes] == ["FED842", "FED842", "FED935", "FED843"]
    assert max(outcome.peak_mib for outcome in outcomes) < 400
    for what in ("drip", "silent", "endless-continue"):
        started = time.monotonic()
        (outcome,) = look(collections, registry, (what, {"registry_timeout": SECONDS}))
        assert outcome.code == "FED935" and time.monotonic() - started < 4 * SECONDS, outcome.printed


def test_other_content_than_the_digest_says_is_refused(collections: str, registry: HostileRegistry) -> None:
    whats = ("another-digest", "another-layer", "short-layer", "long-layer")
    assert codes(collections, registry, *whats) == dict.fromkeys(whats, "FED842")
    (outcome,) = look(collections, registry, ("another-manifest", {"pull": registry.name("another-manifest", ANY)}))
    assert outcome.code == "FED842"


def test_what_is_no_image_is_refused(collections: str, registry: HostileRegistry) -> None:
    expected = {
        "link": "FED843",
        "announced": "FED843",
        **dict.fromkeys(
            (
                "negative",
                "not-a-size",
                "path-as-digest",
                "many-layers",
                "index-in-index",
                "index-of-nothing",
                "deep",
                "page",
            ),
            "FED841",
        ),
    }
    assert codes(collections, registry, *expected) == expected
    assert len(registry.asked_for("index-in-index")) == 2 and not [
        each for each in registry.asked if "catalog" in each[2]
    ]


def test_an_answer_leads_nowhere_that_it_should_not_lead(collections: str, registry: HostileRegistry) -> None:
    before = len(registry.asked_for("elsewhere"))
    whats = ("to-metadata", "to-plain", "to-file", "to-itself")
    assert codes(collections, registry, *whats) == dict.fromkeys(whats, "FED937")
    assert codes(collections, registry, "to-nothing") == {"to-nothing": "FED937"}
    assert len(registry.asked_for("to-itself")) <= 6 and len(registry.asked_for("elsewhere")) == before


def test_the_login_stays_with_the_registry_when_a_layer_does_not(collections: str, registry: HostileRegistry) -> None:
    (outcome,) = look(collections, registry, ("to-elsewhere", LOGIN))
    assert outcome.result.get("abi") == "0.2.1", outcome.printed
    assert {said for _method, _host, _path, said in registry.asked_for("elsewhere")} == {""}
    assert {said for _method, _host, _path, said in registry.asked_for("to-elsewhere")} == {"", f"Basic {PAIR}"}


def test_a_login_goes_to_no_other_giver_of_tokens_and_loops_end(collections: str, registry: HostileRegistry) -> None:
    registry.asked.clear()
    expected = {
        "realm-elsewhere": "FED936",
        "realm-metadata": "FED937",
        "realm-plain": "FED937",
        "realm-of-ours": "FED936",
        "no-challenge": "FED936",
        "only-basic": "FED936",
    }
    assert codes(collections, registry, *expected, **LOGIN) == expected
    assert registry.asked_for("elsewhere") == []
    assert [said for _method, _host, path, said in registry.asked if "/own/token" in path] == [f"Basic {PAIR}"]
    assert max(len(registry.asked_for(what)) for what in expected) <= 4
    # Without a login a token is nobody's secret, and is taken; it goes to the registry alone.
    assert codes(collections, registry, "realm-elsewhere") == {"realm-elsewhere": "FED936"}
    assert {said for _method, _host, _path, said in registry.asked_for("elsewhere")} == {""}
    named = {**LOGIN, "registry_token_host": "127.0.0.1"}
    assert codes(collections, registry, "realm-elsewhere", **named) == {"realm-elsewhere": "FED936"}
    assert registry.asked_for("elsewhere")[-1][3] == f"Basic {PAIR}"


def test_what_a_registry_says_back_is_not_shown(collections: str, registry: HostileRegistry) -> None:
    assert codes(collections, registry, "says-what-it-heard", **LOGIN) == {"says-what-it-heard": "FED935"}
    (outcome,) = look(collections, registry, ("good", {"pull": f"reader:{PASSWORD}@{registry.name('good')}"}))
    assert outcome.code == "FED934"


def test_an_image_is_put_nowhere_else(collections: str, registry: HostileRegistry, tmp_path: Path) -> None:
    (tmp_path / "plugin.wasm").write_bytes(wasm())
    registry.asked.clear()
    options = {
        "path": str(tmp_path / "plugin.wasm"),
        "name": "x",
        "push": registry.name("upload-elsewhere"),
        "registry_ca_cert": str(registry.ca_file),
    }
    (outcome,) = call_each(collections, "wasm_image", [options])
    assert outcome.code == "FED937" and registry.asked_for("elsewhere") == [], outcome.printed
    assert "Nothing was written" in outcome.result["msg"]
