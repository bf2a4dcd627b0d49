# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``traffic_shift`` against a cluster in memory: steps, checks, and what a run in between leaves alone."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils import _shifting
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import DESTINATION_RULE, VIRTUAL_SERVICE
from ansible_collections.ossm.federation.plugins.module_utils._core.traffic.shares import SHIFT, weights_at
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, PROMETHEUS
from ansible_collections.ossm.federation.plugins.modules import mesh_traffic, traffic_shift
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory
from ansible_collections.ossm.federation.tests.unit.traffic_in_memory import (
    EXPORTS,
    IMPORTS,
    LOCALITY,
    PEERS,
    SPACE,
    estate,
    pod,
    rule,
    thing,
)

TILL = {"service": "shop/till", "split": {"local": 0, "west": 100}}
CART = {"service": "shop/cart", "split": {"local": 40, "west": 60}}
HERE, THERE = "till.shop.svc.cluster.local", "till.shop.svc.west-imports.local"
DESCRIPTION = {"mesh": "east", "peers": PEERS, "exports": EXPORTS, "imports": IMPORTS, "locality": LOCALITY}


class Answers:
    """A Prometheus that gives one answer after another; a text is a refusal."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def ask(self, query):
        self.asked.append(query)
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise FederationError("FED875", where="shift_prometheus_url", what=answer, fix="Check it")
        return [({}, value) for value in answer]


@pytest.fixture
def waits(monkeypatch):
    seconds = []
    monkeypatch.setattr(_shifting.time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def east():
    return estate(pod("cart-1", "cart", istio_locality="eu-central"))


def asked(*rules, check_mode=False, **params):
    return RunInMemory(
        DESCRIBED,
        FORCE,
        PROMETHEUS,
        traffic_shift.OPTIONS,
        check_mode=check_mode,
        traffic=list(rules),
        **{**DESCRIPTION, **params},
    )


def shift(cluster, *rules, **params):
    return traffic_shift.run(asked(*rules, **params), cluster, NOW)


def keep(cluster, *rules, **params):
    run = RunInMemory(DESCRIBED, FORCE, mesh_traffic.OPTIONS, traffic=list(rules), **{**DESCRIPTION, **params})
    return mesh_traffic.run(run, cluster, NOW), run.warnings


def till(cluster):
    """Return the weights by host that the VirtualService of till has."""
    live = cluster.get(VIRTUAL_SERVICE, "shop", "federation.till")
    return live and {route["destination"]["host"]: route["weight"] for route in live["spec"]["http"][0]["route"]}


def cart(cluster):
    """Return the weights by region that the DestinationRule of cart has."""
    live = cluster.get(DESTINATION_RULE, "shop", "federation.cart")
    policy = (live or {}).get("spec", {}).get("trafficPolicy", {})
    return (
        policy["loadBalancer"]["localityLbSetting"]["distribute"][0]["to"]
        if "loadBalancer" in policy
        else live and policy
    )


def state(cluster, kind, name):
    return json.loads(cluster.get(kind, "shop", name)["metadata"]["annotations"][SHIFT])


def test_both_kinds_of_split_walk_to_the_goal_and_a_second_run_changes_nothing(east, waits):
    done = shift(east, TILL, CART)
    assert [line for line in done["lines"] if line.startswith("shop/till")] == [
        "shop/till: no split → local 95 : west 5",
        "shop/till: local 95 : west 5 → local 75 : west 25",
        "shop/till: local 75 : west 25 → local 0 : west 100",
        "shop/till: at its goal, local 0 : west 100",
    ]
    assert "shop/cart: no split → local 97 : west 3" in done["lines"]
    assert (till(east), cart(east)) == ({THERE: 100}, {"eu-central/*": 40, "eu-west/*": 60})
    assert SHIFT not in east.get(VIRTUAL_SERVICE, "shop", "federation.till")["metadata"]["annotations"]
    assert (waits, done["pending"]) == ([60, 60, 60], False)
    again = shift(east, TILL, CART)
    assert (again["changed"], len(waits), keep(east, TILL, CART)[0]["changed"]) == (False, 3, False)


def test_a_split_that_is_merged_into_a_rule_of_somebody_else_walks_and_is_given_back(east, waits):
    theirs = rule("cart", connectionPool={"tcp": {"maxConnections": 9}})
    east.put(theirs)
    merging = {**CART, "merge": True}
    weights = []

    def standing():
        policy = east.get(DESTINATION_RULE, "shop", "theirs")["spec"]["trafficPolicy"]
        assert policy["connectionPool"] == {"tcp": {"maxConnections": 9}}
        return policy.get("loadBalancer", {}).get("localityLbSetting", {}).get("distribute", [{}])[0].get("to")

    for _step in range(3):
        shift(east, merging, check="approve")
        weights.append(standing())
    assert weights == [{"eu-central/*": 100 - west, "eu-west/*": west} for west in (3, 15, 60)]
    assert cart(east) is None
    shift(east, merging, action="back")
    assert standing() is None and not keep(east, merging)[0]["changed"]
    shift(east, merging, action="abort")
    left = east.get(DESTINATION_RULE, "shop", "theirs")
    assert (left["spec"], SHIFT in (left["metadata"].get("annotations") or {})) == (theirs["spec"], False)


def test_envoys_are_asked_once_where_they_are_however_many_steps_there_are(waits):
    east = estate(pod("cart-1", "cart", sidecar=True, istio_locality="eu-central"))
    asked_of = []
    east.page = lambda namespace, name, page, by_exec=False: (200, (asked_of.append(name), b"{}")[1])
    assert shift(east, CART)["services"][0]["state"] == "goal"
    assert asked_of == ["cart-1"]


def test_a_rule_about_callers_that_prometheus_must_complete_does_not_stop_a_shift(east, waits):
    assert (
        shift(east, TILL, {"service": "shop/checkout", "callers": {"from_mesh": ["west"]}})["services"][0]["state"]
        == "goal"
    )


def test_a_killed_run_goes_on_where_it_was_after_a_check(east, waits):
    shift(east, TILL, one_step=True)
    assert (till(east), state(east, VIRTUAL_SERVICE, "federation.till")["step"], waits) == ({HERE: 95, THERE: 5}, 5, [])
    shift(east, TILL, one_step=True)
    assert (till(east), waits) == ({HERE: 75, THERE: 25}, [60])
    assert shift(east, TILL)["services"][0]["state"] == "goal"


@pytest.mark.parametrize("goal", [TILL, CART])
def test_traffic_in_between_leaves_a_share_that_is_under_way_alone_and_says_so(east, waits, goal):
    shift(east, goal, check="approve")
    before = len(east.writes)
    done, warned = keep(east, goal)
    assert (done["changed"], len(east.writes)) == (False, before)
    assert any(line.startswith(f"FED876 mesh_traffic, {goal['service']}: is under way") for line in warned)
    keep(east, {**goal, "timeout": "3s"})
    shown = json.dumps(east.get(VIRTUAL_SERVICE, "shop", f"federation.{goal['service'][5:]}")["spec"])
    assert '"timeout": "3s"' in shown


def test_an_approval_is_one_step_a_run_and_the_last_one_forgets_the_shift(east, waits):
    steps = [shift(east, TILL, check="approve") for _run in range(4)]
    assert ([done["pending"] for done in steps], waits) == ([True, True, True, False], [])
    assert not shift(east, TILL, check="approve")["changed"]


@pytest.mark.parametrize("goal", [TILL, CART])
@pytest.mark.parametrize("stood", [None, 70])
@pytest.mark.parametrize("answer", [(0.02,), (float("nan"),), (), (0.0, 0.0), (7.0,), "has not answered within 20 s"])
def test_a_check_that_fails_or_proves_nothing_steps_back_and_stays_there(east, waits, monkeypatch, goal, stood, answer):
    if stood:
        keep(east, {**goal, "split": {"local": stood, "west": 100 - stood}})
    before = (till(east), cart(east))
    monkeypatch.setattr(_shifting.Prometheus, "of", lambda _params, _word: Answers((0.001,), answer))
    with pytest.raises(FederationError) as error:
        shift(east, goal, check="prometheus")
    assert (error.value.code, error.value.result["services"][0]["state"]) == ("FED874", "back")
    nothing = ({HERE: 100}, None) if goal is TILL else (None, {})
    assert (till(east), cart(east)) == (before if stood else nothing)
    done, warned = keep(east, goal)
    assert (done["changed"], any("after a step back from 25 %" in line for line in warned)) == (False, True)
    assert shift(east, goal, one_step=True)["services"][0]["step"] == 5


def test_what_is_not_proven_may_go_on_where_that_is_said(east, waits, monkeypatch):
    monkeypatch.setattr(_shifting.Prometheus, "of", lambda _params, _word: Answers((), "is busy", (0.0,)))
    run = asked(TILL, check="prometheus", unproven="go_on")
    assert traffic_shift.run(run, east, NOW)["services"][0]["state"] == "goal"
    assert [line.split()[0] for line in run.warnings] == ["FED878", "FED878"]


def test_prometheus_is_asked_about_the_calls_that_move_and_about_this_step_alone(east, waits, monkeypatch):
    answers = Answers(*[(0.0,)] * 3)
    monkeypatch.setattr(_shifting.Prometheus, "of", lambda _params, _word: answers)
    shift(east, TILL, check="prometheus", pause=30)
    assert 'destination_service=~"till\\\\.shop\\\\.svc\\\\.west-imports\\\\.local"' in answers.asked[0]
    assert "[30s]" in answers.asked[0] and "or vector(0)" in answers.asked[0]


@pytest.mark.parametrize("goal", [TILL, CART])
@pytest.mark.parametrize("stood", [None, 70])
def test_an_abort_puts_back_what_stood_and_forgets_the_shift(east, waits, goal, stood):
    if stood:
        keep(east, {**goal, "split": {"local": stood, "west": 100 - stood}})
    before = (till(east), cart(east))
    shift(east, goal, check="approve")
    shift(east, goal, check="approve")
    done = shift(east, goal, action="abort")
    assert (till(east), cart(east)) == before
    assert (done["changed"], done["services"][0]["state"]) == (True, "idle")
    assert not shift(east, goal, action="abort")["changed"]
    assert keep(east, goal)[0]["changed"]


def test_a_goal_that_changes_on_the_way_is_walked_to_from_where_the_share_stands(east, waits):
    keep(east, {**TILL, "split": {"local": 90, "west": 10}})
    shift(east, TILL, check="approve", steps=[50, 100])
    assert till(east) == {HERE: 45, THERE: 55}
    shift(east, {**TILL, "split": {"local": 85, "west": 15}}, check="approve", steps=[50, 100])
    assert till(east) == {HERE: 65, THERE: 35}
    shift(east, {**TILL, "split": {"local": 85, "west": 15}}, action="back")
    assert till(east) == {HERE: 90, THERE: 10}


def test_a_shift_to_a_peer_that_gives_the_service_no_more_is_over_and_writes_no_such_region(east, waits):
    north = [*IMPORTS, {"name": "cart", "namespace": "shop", "import_as_local": True, "from": ["north"]}]
    shift(east, {**CART, "split": {"local": 40, "west": 50, "north": 10}}, check="approve", imports=north)
    unknown = [{"name": "west"}, PEERS[1]]
    keep(east, {**CART, "split": {"local": 70, "north": 30}}, imports=north[1:], peers=unknown)
    assert cart(east) == {"eu-central/*": 70, "eu-north/*": 30}


def test_a_share_does_not_move_to_a_region_that_the_import_set_does_not_have_yet(east, waits):
    east.put(thing("federation.maistra.io/v1", "ImportedServiceSet", SPACE, "west", spec={"importRules": []}))
    with pytest.raises(FederationError, match="FED864.*the ImportedServiceSet west says none"):
        shift(east, CART)
    assert east.writes == [] and not shift(east, CART, action="abort")["changed"]
    assert shift(east, TILL)["changed"]


def test_check_mode_shows_the_whole_way_and_waits_for_nothing(east, waits):
    done = shift(east, TILL, check_mode=True)
    assert done["lines"] == ["shop/till: no split → local 95 : west 5 → local 75 : west 25 → local 0 : west 100"]
    assert (done["changed"], east.writes, waits) == (True, [], [])


def test_a_share_that_another_run_moves_meanwhile_is_left_to_it(east, monkeypatch):
    shift(east, TILL, check="approve")
    monkeypatch.setattr(_shifting.time, "sleep", lambda _seconds: shift(east, TILL, check="approve"))
    with pytest.raises(FederationError, match="FED515 Share of shop/till"):
        shift(east, TILL)


def test_a_wildcard_rule_keeps_its_mutual_tls_at_every_step(waits):
    east = estate(
        pod("cart-1", "cart", istio_locality="eu-central"),
        rule("*.local", "east-mesh-system", "default", tls={"mode": "ISTIO_MUTUAL"}),
    )
    for action in ("move", "back"):
        shift(east, CART, action=action, one_step=True)
        assert east.get(DESTINATION_RULE, "shop", "federation.cart")["spec"]["trafficPolicy"]["tls"] == {
            "mode": "ISTIO_MUTUAL"
        }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"before":null}',
        '{"before":null,"start":null,"goal":{"local":200},"step":5,"back":false}',
        "9" * 9000,
    ],
)
def test_an_annotation_that_somebody_changed_is_refused_everywhere(east, waits, text):
    shift(east, TILL, check="approve")
    live = east.get(VIRTUAL_SERVICE, "shop", "federation.till")
    live["metadata"]["annotations"][SHIFT] = text
    east.put(live)
    for run in (shift, keep):
        with pytest.raises(FederationError, match="FED872 VirtualService shop/federation.till"):
            run(east, TILL)


def test_a_share_for_a_host_that_nobody_describes_is_not_walked_from(east, waits):
    keep(east, {**TILL, "split": {"local": 50, "west": 50}})
    live = east.get(VIRTUAL_SERVICE, "shop", "federation.till")
    live["spec"]["http"][0]["route"][1]["destination"]["host"] = "till.shop.svc.south-imports.local"
    east.put(live)
    with pytest.raises(FederationError, match="FED873.*till.shop.svc.south-imports.local"):
        shift(east, TILL)


@pytest.mark.parametrize(
    "params",
    [
        {"steps": []},
        {"steps": [5, 25]},
        {"steps": [25, 5, 100]},
        {"steps": [-5, 100]},
        {"pause": -1},
        {"pause": 4000},
        {"check": "prometheus", "pause": 5, "prometheus_url": "https://localhost"},
        {"check": "prometheus"},
        {"error_rate": 101.0},
        {"services": ["shop/cart"]},
        {"services": []},
        {"services": [""]},
        {"traffic": []},
    ],
)
def test_what_is_asked_wrongly_is_refused_before_anything_is_written(east, waits, params):
    with pytest.raises(FederationError) as error:
        shift(east, TILL, **params) if "traffic" not in params else shift(east)
    assert (error.value.code, east.writes) == ("FED877", [])


def test_weights_make_100_at_every_step_and_inside_one_host_nobody_gets_nothing():
    for goal in (
        {"local": 1, "west": 99},
        {"local": 33, "west": 33, "north": 34},
        {"local": 98, "west": 1, "north": 1},
    ):
        for start in (None, {"local": 100}, {"local": 50, "south": 50}):
            for step in range(1, 101):
                weights = weights_at(start, goal, step, 1)
                assert sum(weights.values()) == 100 and min(weights[name] for name in goal) >= 1
            assert weights == goal
