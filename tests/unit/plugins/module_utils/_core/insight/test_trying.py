# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is awaited of the pods that try guards first, who has failed, and who tells nothing."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.canary import Canary
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.keeping import key_of
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.selecting import Proxy
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.loading import (
    FAILED,
    LOADED,
    PATIENCE,
    UNKNOWN,
    WARMING,
    Loading,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.trying import Attempt


def canary(name: str) -> Canary:
    manifest = {"kind": "WasmPlugin", "metadata": {"name": f"{name}-canary", "namespace": "shop"}}
    return Canary(f"shop/{name}", Proxy("shop", "cart-1"), manifest)


GUARD, OTHER = canary("guard"), canary("other")
SOON = Loading("shop/cart-1", UNKNOWN, "it connects again", is_momentary=True)


def attempt(*said: tuple[Canary, Loading], seconds: int = 0, waits: bool = True, is_last: bool = False) -> Attempt:
    loadings = {key_of(each.manifest): [loading] for each, loading in said}
    return Attempt.of([each for each, _loading in said], loadings, seconds=seconds, waits=waits, is_last=is_last)


def said(state: str) -> Loading:
    return Loading("shop/cart-1", state, "why")


@pytest.mark.parametrize(
    ("state", "seconds", "waits", "is_last", "has_failed"),
    [
        (WARMING, PATIENCE, True, False, False),
        (WARMING, 0, True, True, True),
        (FAILED, PATIENCE - 1, True, False, False),
        (FAILED, PATIENCE, True, False, True),
        (FAILED, PATIENCE, False, False, False),
        (LOADED, PATIENCE, True, True, False),
    ],
)
def test_a_wait_ends_at_its_end_or_where_a_pod_has_failed_for_a_while(
    state: str, seconds: int, waits: bool, is_last: bool, has_failed: bool
) -> None:
    found = attempt((GUARD, said(state)), seconds=seconds, waits=waits, is_last=is_last)
    assert found.has_failed is has_failed
    assert bool(found.pending) is (state != LOADED)


def test_while_one_may_still_be_mended_a_wait_goes_on() -> None:
    assert not attempt((GUARD, said(FAILED)), (OTHER, said(WARMING)), seconds=PATIENCE).has_failed


@pytest.mark.parametrize(
    ("seconds", "is_last", "is_awaited"), [(0, False, True), (PATIENCE, False, False), (0, True, False)]
)
def test_who_may_tell_soon_is_awaited_for_a_while_and_is_a_doubt_then(
    seconds: int, is_last: bool, is_awaited: bool
) -> None:
    found = attempt((GUARD, SOON), (OTHER, said(LOADED)), seconds=seconds, is_last=is_last)
    assert list(found.pending) == (["shop/guard"] if is_awaited else [])
    assert [each.place for each in found.doubts] == ([] if is_awaited else ["mesh_extensions, shop/guard"])


def test_who_may_tell_soon_is_not_awaited_beside_what_is_missing() -> None:
    assert list(attempt((GUARD, SOON), (OTHER, said(WARMING))).pending) == ["shop/other"]


def test_a_canary_of_which_no_pod_spoke_has_lost_its_pod() -> None:
    found = Attempt.of([GUARD], {}, seconds=7, waits=True, is_last=True)
    told = str(found.failure())
    assert told.startswith("FED817 mesh_extensions, shop/guard: is not loaded after 7 s by the one pod that tries it: ")
    assert "the pod is gone, or does not bear its label yet" in told


def test_an_error_about_several_says_of_each_what_is_missing() -> None:
    told = str(attempt((GUARD, said(FAILED)), (OTHER, said(WARMING)), seconds=9, is_last=True).failure())
    assert "shop/guard, shop/other: are not loaded after 9 s" in told and "shop/other: shop/cart-1 warming" in told
