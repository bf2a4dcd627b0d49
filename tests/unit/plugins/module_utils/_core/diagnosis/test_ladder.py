# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Faults as data, with the verdicts that were written before the code: code, rung, and who must act."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.codes import CODES
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis import steps
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.evidence import Evidence
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.ladder import RUNGS, Diagnosis, diagnosed
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.reasons import UNKNOWN, reason_of
from unit.diagnosis.worlds import FAULTS, REASONS, VARIANTS, changed, healthy, with_fault


def diagnosis_of(world: dict) -> Diagnosis:
    return diagnosed(Evidence.of(world))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_gets_its_code_its_rung_and_who_must_act(name: str) -> None:
    found = diagnosis_of(with_fault(FAULTS[name]))
    assert list(found.verdict) == FAULTS[name]["expect"], "\n".join(found.lines())


@pytest.mark.parametrize("name", VARIANTS)
def test_a_peering_that_works_raises_no_alarm_however_unusual_it_is(name: str) -> None:
    found = diagnosis_of(changed(healthy(), VARIANTS[name]))
    assert found.first is None, "\n".join(found.lines())


def test_each_rung_fails_in_two_faults_at_least_and_each_kind_of_failure_in_one() -> None:
    rungs = Counter(fault["expect"][1] for fault in FAULTS.values())
    assert {rung.name: rungs[rung.name] for rung in RUNGS if rungs[rung.name] < 2} == {}
    codes = {fault["expect"][0] for fault in FAULTS.values()}
    assert codes == {code for code in CODES if "FED940" <= code <= "FED969"}


def test_faults_that_look_alike_in_the_status_get_verdicts_of_their_own() -> None:
    groups: dict[str, list[dict]] = {}
    for fault in FAULTS.values():
        if "look_alike" in fault:
            groups.setdefault(fault["look_alike"], []).append(fault)
    pairs = 0
    for name, faults in groups.items():
        statuses = [(with_fault(fault)["peer_object"] or {}).get("status") for fault in faults]
        assert all(status == statuses[0] for status in statuses), name
        assert len({tuple(fault["expect"]) for fault in faults}) > 1, name
        pairs += len(faults) // 2
    assert pairs >= 12


def test_what_is_imported_by_a_rule_for_a_whole_namespace_is_told() -> None:
    told = "\n".join(diagnosis_of(changed(healthy(), VARIANTS["imports-by-namespace"])).lines())
    assert "imported: shop/cart" in told and "nothing is imported" not in told


def test_gateways_without_pods_whose_connection_is_up_are_not_blamed() -> None:
    told = "\n".join(diagnosis_of(changed(healthy(), VARIANTS["pods-that-bear-other-labels"])).lines())
    assert "no pod of the egress gateway west-egress was found ready, and its connection is up" in told


def blinded(world: dict, *parts: str) -> dict:
    return {**world, **dict.fromkeys(parts)}


@pytest.mark.parametrize(
    "hidden",
    [
        ("proxies",),
        ("card",),
        ("handed",),
        ("clock_skew",),
        ("client", "request"),
        ("egress_admits", "proxies"),
        ("card", "handed", "proxies", "network_policies"),
    ],
    ids="-".join,
)
def test_with_less_evidence_nobody_is_blamed_who_is_not_to_blame(hidden: tuple[str, ...]) -> None:
    """What cannot be seen may leave a fault unseen, or make it uncertain; it never turns the blame round."""
    wrong = []
    for name, fault in FAULTS.items():
        side, found = fault["expect"][2], diagnosis_of(blinded(with_fault(fault), *hidden)).verdict
        wrong += [(name, found)] if side != steps.EITHER and found[2] not in ("", side, steps.EITHER) else []
    assert wrong == []


def test_a_probe_from_the_machine_that_runs_ansible_is_no_evidence() -> None:
    with pytest.raises(ValueError, match="probe"):
        Evidence.of({**healthy(), "probe": {"8188": "open"}})


def test_what_fails_is_told_with_evidence_cause_who_acts_and_the_sentence_to_send() -> None:
    both = "\n".join(diagnosis_of(with_fault(FAULTS["firewall-drops-discovery"])).lines())
    assert both.startswith("east → west · FED947 TCP for discovery; who must act: not certain: one of the two")
    assert "if it is us:" in both and "if it is them:   We get no connection to west.example.com, port 8188." in both
    assert "√ DNS" in both and "answer of the peer's istiod" not in both, (
        "what comes after the first that fails is not told"
    )
    us = "\n".join(diagnosis_of(with_fault(FAULTS["our-root-is-new"])).lines())
    assert "do:              Run publish_cards, and hand the new card over" in us and "then tell them:" in us
    them = diagnosis_of(with_fault(FAULTS["peers-policy-refuses"]))
    assert them.as_data()["tell"].startswith("Your workload answers our calls with 403.")
    assert "do:" not in "\n".join(them.lines())


def test_what_nobody_could_read_is_unknown_and_said() -> None:
    world = blinded(healthy(), "proxies", "services", "pods", "imports", "exports", "client", "request")
    found = diagnosis_of({**world, "unread": ["pods in east-mesh-system: the credentials may not list pods"]})
    assert found.first is None
    assert found.lines()[0].startswith("east → west · no rung fails, ") and found.lines()[0].endswith(" unknown")
    assert found.lines()[-1] == "? not read: pods in east-mesh-system: the credentials may not list pods"
    assert {"service", "tcp-15443", "egress"} <= {
        rung.name for rung, step in found.steps if step.state == steps.UNKNOWN
    }


def test_each_failing_step_has_what_its_side_needs() -> None:
    for name, fault in FAULTS.items():
        _rung, step = diagnosis_of(with_fault(fault)).first or pytest.fail(name)
        assert step.seen and step.cause, name
        assert bool(step.fix) == (step.side != steps.THEM), name
        assert step.tell or step.side == steps.US, name


@pytest.mark.parametrize(
    "text",
    [*REASONS.values(), "something new", "-", "delayed connect error: 111", "TLS error: Secret is not supplied by SDS"],
)
def test_a_reason_of_envoys_is_known_or_said_to_be_unknown(text: str) -> None:
    known = text in REASONS.values() or text in ("-", "delayed connect error: 111")
    assert (reason_of(text) == UNKNOWN) is not known


def _paths(value: object, path: tuple = ()) -> list[tuple]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, child in below for found in _paths(child, (*path, key)))]


@pytest.mark.parametrize("odd", [None, 3, "x", [], {"a": 3}], ids=repr)
def test_odd_values_in_live_objects_end_in_a_verdict(odd: object) -> None:
    """An API server checks less than one thinks; what a CRD leaves open is whatever somebody wrote."""
    for part in ("peer_object", "imports", "services"):
        for path in _paths(healthy()[part])[::2]:
            if len(path) < 2:
                continue
            world = healthy()
            holder = world[part]
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = odd
            assert diagnosis_of(world).lines()
