# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Descriptions in which something was replaced: they are refused with a place, or planned and explained; nothing else
happens.
"""

from __future__ import annotations

import copy
import random

from ansible_collections.ossm.federation.plugins.module_utils._core.threescale.described import OPTION, read_threescale
from ansible_collections.ossm.federation.plugins.module_utils._core.threescale.explaining import (
    TESTS,
    explain,
    read_tests,
    request_of,
    verdict_of,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.threescale.operations import _RUN, _TAKES
from ansible_collections.ossm.federation.plugins.module_utils._core.threescale.plan import doubts, objections, plan
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.meshes import ground

from .adapters import PORTAL, WHOLE, changed
from .test_explaining import BY_BOTH, BY_JSON, BY_TOKEN

ODD = [
    None,
    "",
    "text",
    0,
    -1,
    7,
    True,
    2.5,
    [],
    {},
    [None],
    ["a", 1],
    {"a": 1},
    {1: "a"},
    {None: []},
    "\x1b",
    "x" * 5000,
    [[]],
    "all",
]
SERVICES = [
    {**WHOLE["adapters"][0]["services"][0], "id": str(number), "credentials": each}
    for number, each in enumerate((BY_BOTH, BY_JSON, BY_TOKEN))
]
RICH = changed(
    {**WHOLE, "portal": PORTAL},
    adapters__0__services=[*WHOLE["adapters"][0]["services"], *SERVICES],
    adapters__0__oidc={"issuer": "https://sso", "audiences": ["a"]},
)
REQUEST = {
    "host": "cart.shop",
    "path": "/?user_key=a",
    "headers": {"authorization": "Basic YTpi"},
    "claims": {"azp": "x"},
    "query": {"a": "b"},
}
TEST = {"request": REQUEST, "expect": {"status": None, "usages": {"hits": 1}, "rules": ["GET /"]}}


def places(value, at=()):
    """Give the paths of everything in a description."""
    yield at
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(child, (*at, key))


def spoiled(value, dice):
    """Return a description with one to three places replaced by something odd."""
    result = copy.deepcopy(value)
    for _time in range(dice.randint(1, 3)):
        paths = [path for path in places(result) if path]
        if not paths:
            break
        *outer, last = dice.choice(paths)
        place = result
        for key in outer:
            place = place[key]
        place[last] = copy.deepcopy(dice.choice(ODD))
    return result


def test_a_spoiled_description_is_refused_with_its_place_or_planned_and_explained():
    dice, taken = random.Random(11), 0
    for _try in range(250):
        found, problems = read_threescale(spoiled(RICH, dice))
        assert all(problem.path[0] == OPTION and problem.what and problem.fix for problem in problems)
        if problems:
            continue
        taken += 1
        for minor in (2, 5):
            assert plan(found, ground(minor)) and list(doubts(found, ground(minor))) is not None
            objections(found, ground(minor))
        for adapter in found.adapters:
            explain(adapter.services, request_of(REQUEST))
    assert taken


def test_a_spoiled_test_is_refused_with_its_place_or_has_a_verdict():
    dice, adapters = random.Random(12), read_threescale(changed())[0].adapters
    for _try in range(300):
        trials, problems = read_tests([spoiled(TEST, dice)], adapters)
        assert len(trials) + bool(problems) == 1 and all(problem.path[0] == TESTS for problem in problems)
        for trial in trials:
            assert verdict_of(trial, adapters[0].services, "0.0.3").text


def test_every_operation_that_is_taken_is_run():
    assert set(_TAKES) == set(_RUN)
