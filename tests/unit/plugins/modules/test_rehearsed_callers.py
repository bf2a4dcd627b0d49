# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Policies that ``mesh_traffic`` rehearses, on a cluster in memory: what proxies have counted, and when a policy is
enforced.
"""

from __future__ import annotations

import json
import math
import subprocess
from datetime import timedelta
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils import _traffic
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import AUTHORIZATION_POLICY
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.moments import time_text
from ansible_collections.ossm.federation.plugins.module_utils._core.traffic.rehearsals import (
    REHEARSED,
    count_in,
    denied_query,
    metered_in,
    read_rehearsal,
    seconds_of,
    span,
)
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import PROMETHEUS
from ansible_collections.ossm.federation.plugins.modules import traffic_info
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.modules.test_mesh_traffic import (
    FROM_WEST,
    asked,
    keep,
    mesh_traffic,
    refused,
    with_metrics,
)
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory
from ansible_collections.ossm.federation.tests.unit.traffic_in_memory import (
    EXPORTS,
    IMPORTS,
    LOCALITY,
    PEERS,
    account,
    control_plane,
    estate,
    pod,
    service,
    thing,
)

LATER = {**FROM_WEST, "callers": {**FROM_WEST["callers"], "enforce_after": "7d"}}
DRY = {**FROM_WEST, "callers": {**FROM_WEST["callers"], "dry_run": True}}
DAY = timedelta(days=1)
LONG = 99 * 86_400


def counts(cluster, *, uptime=LONG, **denied):
    """Let the Envoys of pods count; None is an Envoy that counts no rehearsals."""
    for name, count in denied.items():
        lines = [f"server.uptime: {uptime}"]
        lines += (
            [] if count is None else [f"http.inbound_0.0.0.0_8080;.rbac.istio_dry_run_allow_.shadow_denied: {count}"]
        )
        cluster.pages[(name.replace("_", "-"), "/stats")] = "\n".join(lines).encode()


def mesh(*pods, **denied):
    """Return a cluster whose checkout has these pods, each with a sidecar that has counted nothing before."""
    cluster = estate(*(pod(name, "checkout", sidecar=True) for name in pods or ("checkout-1",)))
    counts(cluster, **(denied or dict.fromkeys((name.replace("-", "_") for name in pods or ("checkout-1",)), 0)))
    return cluster


def run_of(cluster, rule=LATER, days=0, *, check_mode=False, **params):
    """Run some days after the beginning, and return (whether it changed, the lines about checkout, the warnings by
    code).
    """
    cluster.now = NOW + days * DAY
    run = asked(check_mode, traffic=[rule], **params)
    result = mesh_traffic.run(run, cluster, NOW)
    lines = [line for line in result["lines"] if "rehears" in line or "enforced" in line]
    return (
        result["changed"],
        "\n".join(lines),
        [text for text in run.warnings if text.startswith(("FED848", "FED849", "FED875"))],
    )


def policy(cluster):
    """Return (whether the policy is a rehearsal, since when)."""
    annotations = cluster.get(AUTHORIZATION_POLICY, "shop", "federation.checkout")["metadata"]["annotations"]
    found = read_rehearsal(annotations.get(REHEARSED))
    return annotations.get("istio.io/dry-run") == "true", None if found is None else (found.since - NOW).days


def test_a_policy_is_rehearsed_first_and_enforced_once_the_window_has_shown_nobody_whom_it_would_refuse():
    cluster = mesh()
    assert run_of(cluster)[0] and policy(cluster) == (True, 0)
    changed, told, warned = run_of(cluster, days=6)
    assert (changed, warned, policy(cluster)) == (False, [], (True, 0))
    assert (
        "1 proxy counted nothing that it would refuse (shadow_denied)" in told
        and "enforced by the first run after" in told
    )
    assert run_of(cluster, days=7, check_mode=True)[0] and policy(cluster) == (True, 0)
    changed, told, warned = run_of(cluster, days=7)
    assert (changed, warned, policy(cluster)) == (True, [], (False, None))
    assert "the window of 7d is over" in told and "so the policy is enforced" in told
    changed, told, _warned = run_of(cluster, days=7)
    assert (changed, policy(cluster)) == (False, (False, None)) and "already enforced" in told


def test_a_request_that_the_policy_would_refuse_begins_the_window_anew_and_is_told():
    cluster = mesh("checkout-1", "checkout-2")
    run_of(cluster)
    counts(cluster, checkout_1=3, checkout_2=4)
    changed, _told, warned = run_of(cluster, days=7)
    assert (changed, policy(cluster)) == (True, (True, 7))
    assert "would have refused 7 requests or connections since" in warned[0]
    assert "the window of 7d starts again" in warned[0]
    assert run_of(cluster, days=7)[::2] == (False, []), "what was counted before does not count again"
    assert not run_of(cluster, days=13)[0]
    assert run_of(cluster, days=14)[0] and policy(cluster) == (False, None)


def test_what_envoys_had_counted_before_the_rehearsal_is_not_of_it():
    cluster = mesh(checkout_1=12)
    run_of(cluster)
    assert run_of(cluster, days=7)[0] and policy(cluster) == (False, None)


def test_another_list_is_another_rehearsal():
    cluster = mesh()
    run_of(cluster)
    cluster.put(account("till"))
    other = {**LATER, "callers": {**LATER["callers"], "local": ["shop/web", "shop/till"]}}
    assert run_of(cluster, other, days=6)[0] and policy(cluster) == (True, 6)
    assert run_of(cluster, other, days=7)[0] is False


def restarted(cluster):
    counts(cluster, checkout_1=0, uptime=3600)


def replaced(cluster):
    del cluster._objects[("Pod", "shop", "checkout-1")]
    cluster.put(pod("checkout-2", "checkout", sidecar=True))
    counts(cluster, checkout_2=0)


def added(cluster):
    cluster.put(pod("checkout-2", "checkout", sidecar=True))
    counts(cluster, checkout_2=0)


def counts_less(cluster):
    counts(cluster, checkout_1=0)


def counts_anew(cluster):
    counts(cluster, checkout_1=1)


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (restarted, "the Envoys of checkout-1 started in that time"),
        (replaced, "checkout-1 ended in that time, and its counts are lost"),
        (added, "the Envoys of checkout-2 started in that time"),
        (counts_less, "the Envoys of checkout-1 started in that time"),
        (counts_anew, ""),
    ],
)
def test_counts_that_were_lost_in_the_window_are_unknown_and_not_nothing(happens, why):
    cluster = mesh(checkout_1=2 if happens in (counts_less, counts_anew) else 0)
    run_of(cluster)
    happens(cluster)
    changed, _told, warned = run_of(cluster, days=7)
    assert (changed, policy(cluster)) == (True, (True, 7))
    assert (why in warned[0] and warned[0].startswith("FED849")) if why else warned[0].startswith("FED848")


def silent(cluster):
    cluster.pages.clear()


def mute(cluster):
    counts(cluster, checkout_1=None)


def without_a_sidecar(cluster):
    cluster.put(pod("checkout-1", "checkout"))


def beside_another(cluster):
    spec = {"selector": {"matchLabels": {"app": "checkout"}}, "rules": [{}]}
    cluster.put(
        thing(
            "security.istio.io/v1beta1",
            "AuthorizationPolicy",
            "shop",
            "theirs",
            annotations={"istio.io/dry-run": "true"},
            spec=spec,
        )
    )


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (silent, "the Envoy of checkout-1 gives no counts: does not answer"),
        (mute, "the Envoys of checkout-1 count no rehearsals"),
        (without_a_sidecar, "no running pod of the workload has a sidecar"),
        (
            beside_another,
            "AuthorizationPolicy shop/theirs is rehearsed for the same pods, and Envoy counts both as one",
        ),
    ],
)
def test_while_nobody_can_tell_the_policy_stays_a_rehearsal(happens, why):
    cluster = mesh()
    run_of(cluster)
    happens(cluster)
    changed, _told, warned = run_of(cluster, days=8)
    assert (changed, policy(cluster)) == (False, (True, 0))
    assert warned[0].startswith("FED849") and why in warned[0]


@pytest.mark.parametrize(
    ("verb", "why"),
    [
        ("list", "pods in shop may not be read"),
        ("page", "the Envoy of checkout-1 gives no counts: may not be forwarded to"),
    ],
)
def test_without_the_right_to_ask_the_policy_is_rehearsed_all_the_same_and_never_enforced(monkeypatch, verb, why):
    cluster = mesh()
    known = getattr(cluster, verb)

    def forbidden(first, *rest, **more):
        if verb == "list" and first.name != "Pod":
            return known(first, *rest, **more)
        raise FederationError(
            "FED104", where="pods in shop", what="may not be forwarded to", fix="Ask an administrator"
        )

    monkeypatch.setattr(cluster, verb, forbidden)
    assert run_of(cluster)[0] and policy(cluster) == (True, 0)
    changed, _told, warned = run_of(cluster, days=8)
    assert (changed, policy(cluster)) == (False, (True, 0))
    assert warned[0].startswith("FED849") and why in warned[0]


def test_what_was_not_known_when_it_began_begins_the_window_once_it_can_be_read():
    cluster = mesh()
    pages = dict(cluster.pages)
    cluster.pages.clear()
    run_of(cluster)
    cluster.pages.update(pages)
    changed, _told, warned = run_of(cluster, days=8)
    assert (changed, policy(cluster)) == (True, (True, 8))
    assert "the counts of the proxies at its start are not known" in warned[0]
    assert run_of(cluster, days=15)[0] and policy(cluster) == (False, None)


def test_a_policy_that_is_enforced_is_never_rehearsed_again():
    cluster = mesh()
    keep(cluster, FROM_WEST)
    changed, told, _warned = run_of(cluster)
    assert (changed, policy(cluster)) == (False, (False, None)) and "already enforced" in told


def test_on_2_1_which_would_enforce_at_once_nothing_is_rehearsed():
    cluster = estate(pod("checkout-1", "checkout", sidecar=True), version="v2.1")
    error = refused(cluster, LATER)
    assert (error.code, error.where) == ("FED865", "mesh_traffic, shop/checkout, callers, enforce_after")


def test_on_2_1_no_window_is_ever_over():
    cluster = mesh()
    run_of(cluster)
    cluster.put(control_plane("v2.1"))
    cluster.now, cluster.writes = NOW + 8 * DAY, []
    assert refused(cluster, LATER).code == "FED865"


def test_a_rehearsal_without_an_end_is_told_and_stays():
    cluster = mesh()
    run_of(cluster, DRY)
    assert policy(cluster) == (True, 0)
    changed, told, warned = run_of(cluster, DRY, days=40)
    assert (changed, warned, policy(cluster)) == (False, [], (True, 0))
    assert "1 proxy counted nothing that it would refuse (shadow_denied); callers that did not call in" in told
    counts(cluster, checkout_1=2)
    changed, told, warned = run_of(cluster, DRY, days=41)
    assert (
        (changed, policy(cluster)) == (False, (True, 0))
        and warned[0].startswith("FED848")
        and "would have refused 2" in told
    )
    cluster.pages.clear()
    changed, told, warned = run_of(cluster, DRY, days=42)
    assert (changed, warned) == (False, []) and "not known what it would have refused" in told


def test_a_rehearsal_that_somebody_ended_by_hand_begins_anew_where_it_is_asked_for():
    cluster = mesh()
    run_of(cluster, DRY)
    del cluster._objects[("AuthorizationPolicy", "shop", "federation.checkout")]["metadata"]["annotations"][
        "istio.io/dry-run"
    ]
    assert run_of(cluster, DRY, days=3)[0] and policy(cluster) == (True, 3)


def test_a_rehearsal_that_somebody_keeps_one_is_not_said_to_be_enforced():
    """The annotation stays when only we take it away."""
    for rule, days in ((LATER, 7), (FROM_WEST, 1)):
        cluster = mesh()
        run_of(cluster, LATER if rule is LATER else DRY)
        live = cluster._objects[("AuthorizationPolicy", "shop", "federation.checkout")]
        theirs = {"manager": "kubectl-annotate", "operation": "Update", "fieldsV1": FIELDS[1]}
        live["metadata"]["managedFields"].append({**theirs, "time": time_text(NOW)})
        cluster.writes.clear()
        cluster.now = NOW + days * DAY
        assert refused(cluster, rule).code == "FED107"
        assert policy(cluster)[0]


FIELDS = [{"f:spec": {"f:rules": {}}}, {"f:metadata": {"f:annotations": {"f:istio.io/dry-run": {}}}}]


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("prometheus", [{}, {"prometheus_url": "https://prometheus"}])
@pytest.mark.parametrize("name", ["kubectl-edit", "ossm.federation/traffic"])
def test_what_somebody_changed_and_changed_back_meanwhile_was_not_rehearsed(monkeypatch, fields, prometheus, name):
    rows = [({"pod": "checkout-1", "how": "rise"}, 0.0)]
    monkeypatch.setattr(_traffic.Prometheus, "of", lambda _params, _word: Asked(rows) if prometheus else None)
    cluster = mesh()
    run_of(cluster, **prometheus)
    live = cluster._objects[("AuthorizationPolicy", "shop", "federation.checkout")]
    theirs = {"manager": name, "operation": "Update", "time": time_text(NOW + 6 * DAY), "fieldsV1": fields}
    live["metadata"]["managedFields"].append(theirs)
    changed, _told, warned = run_of(cluster, days=7, **prometheus)
    assert (changed, policy(cluster)) == (True, (True, 7))
    assert warned[0].startswith("FED849") and f"{name} has changed it in that time" in warned[0]
    assert run_of(cluster, days=7, **prometheus)[::2] == (False, []), "the window that began after it is another one"
    managed = live["metadata"]["managedFields"]
    managed[:] = [entry for entry in managed if entry != theirs]
    assert run_of(cluster, days=14, **prometheus)[0] and policy(cluster) == (False, None)


def test_a_label_that_somebody_put_on_a_rehearsal_changes_nothing_of_it():
    cluster = mesh()
    run_of(cluster)
    theirs = {"manager": "kubectl-label", "operation": "Update", "time": time_text(NOW + 6 * DAY)}
    status = {**theirs, "manager": "x", "subresource": "status", "fieldsV1": FIELDS[0]}
    live = cluster._objects[("AuthorizationPolicy", "shop", "federation.checkout")]
    fields = {"f:metadata": {"f:labels": {"f:team": {}}}}
    live["metadata"]["managedFields"] += [{**theirs, "fieldsV1": fields}, status]
    assert run_of(cluster, days=7)[0] and policy(cluster) == (False, None)


def test_a_rehearsal_of_which_nobody_wrote_down_the_beginning_begins_now():
    cluster = mesh()
    run_of(cluster, DRY)
    live = cluster._objects[("AuthorizationPolicy", "shop", "federation.checkout")]
    live["metadata"]["annotations"][REHEARSED] = "soon"
    assert run_of(cluster, DRY, days=3)[0] and policy(cluster) == (True, 3)


def test_traffic_info_tells_a_rehearsal_and_writes_nothing():
    cluster = mesh()
    run_of(cluster)
    counts(cluster, checkout_1=5)
    cluster.now, cluster.writes = NOW + 2 * DAY, []
    given = {
        "mesh": "east",
        "peers": PEERS,
        "exports": EXPORTS,
        "imports": IMPORTS,
        "locality": LOCALITY,
        "traffic": [LATER],
    }
    said = traffic_info.run(RunInMemory(DESCRIBED, PROMETHEUS, traffic_info.OPTIONS, **given), cluster, NOW)
    assert cluster.writes == []
    assert "FED848" in {finding["code"] for finding in said["findings"]} and any(
        "would have refused 5" in line for line in said["lines"]
    )
    row = {
        "service": "shop/checkout",
        "state": "denied",
        "since": time_text(NOW),
        "enforce_after": "7d",
        "denied": 5,
        "why": "",
    }
    assert said["rehearsals"] == [row]


@pytest.mark.parametrize(
    ("callers", "told"),
    [
        ({"enforce_after": "7 days"}, "is '7 days'"),
        ({"enforce_after": 7}, "is 7"),
        ({"enforce_after": "0s"}, "is '0s'"),
        ({"enforce_after": "366d"}, "is '366d'"),
        ({"enforce_after": "7d", "dry_run": True}, "is given together with dry_run"),
        ({"enforce_after": "7d", "local": None}, "so there is nothing to enforce"),
    ],
)
def test_a_window_that_cannot_be_right_is_refused(callers, told):
    whole = {**FROM_WEST["callers"], **callers}
    rule = {**FROM_WEST, "callers": {key: value for key, value in whole.items() if value is not None}}
    error = refused(estate(), rule)
    assert (error.code, told in error.what) == ("FED850", True)


def test_without_a_rehearsal_no_proxy_is_asked():
    cluster = mesh()
    before = cluster.requests
    keep(cluster, FROM_WEST)
    asked_for = cluster.requests - before
    cluster = mesh()
    before = cluster.requests
    keep(cluster, LATER)
    assert cluster.requests - before == asked_for + 2, "the pods of shop, and the one Envoy"
    assert [read for read in cluster.reads if read.startswith("list Pod")] == ["list Pod shop"]


def test_a_workload_of_very_many_pods_is_not_asked():
    cluster = mesh(*(f"checkout-{number}" for number in range(51)))
    run_of(cluster)
    assert "the workload has 51 proxies, and at most 50 can be asked" in run_of(cluster, days=7)[2][0]


@pytest.mark.parametrize(
    ("page", "count"),
    [
        (
            (
                "server.uptime: 7\nhttp.inbound_0.0.0.0_80;.rbac.istio_dry_run_allow_.shadow_denied:"
                " 3\ntcp.rbac.istio_dry_run_allow_.shadow_denied: 1\n"
            ),
            (4, 7),
        ),
        (
            (
                "http.inbound_0.0.0.0_80.rbac.istio_dry_run_allow_shadow_denied:"
                " 3\ntcp.rbac.istio_dry_run_allow_shadow_denied: 4\nserver.uptime: 7"
            ),
            (7, 7),
        ),
        (
            "server.uptime: 7\nhttp.inbound_0.0.0.0_80.rbac.istio_dry_run_deny_shadow_denied: 3\nhttp.x.rbac.denied: 9",
            (None, 7),
        ),
        ("http.inbound_0.0.0.0_80.rbac.istio_dry_run_allow_shadow_denied: 3", None),
        ("<html>", None),
    ],
)
def test_what_envoy_counts_is_read_by_its_names_of_all_versions(page, count):
    found = count_in(page)
    assert (found if found is None else (found.denied, found.seconds)) == count


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "soon",
        "[]",
        "{}",
        json.dumps({"since": "x", "counted": {}}),
        json.dumps({"since": "2026-01-01T00:00:00Z", "counted": {"a": -1}}),
    ],
)
def test_an_annotation_that_this_collection_did_not_write_says_nothing(text):
    assert read_rehearsal(text) is None


@pytest.mark.parametrize(
    ("since", "counted"),
    [
        ("9999-12-31T23:59:59Z", {}),
        ("0001-01-01T00:00:00Z", {}),
        (time_text(NOW), {"checkout-1\x1b[31m": 0}),
        (time_text(NOW), {"": 0}),
    ],
)
def test_an_annotation_that_somebody_edited_neither_reaches_a_terminal_nor_ends_a_run(since, counted):
    cluster = mesh()
    run_of(cluster)
    live = cluster._objects[("AuthorizationPolicy", "shop", "federation.checkout")]
    live["metadata"]["annotations"][REHEARSED] = json.dumps({"since": since, "counted": counted})
    _changed, told, warned = run_of(cluster, days=8)
    assert policy(cluster) == (True, 8) and "\x1b" not in told + "".join(warned)


def test_a_rehearsal_that_begins_in_the_future_begins_anew_and_one_that_a_server_begins_a_moment_later_does_not():
    """An API server's clock that was wrong for one run, or a tenant, would else keep a policy a rehearsal for years."""
    cluster = mesh()
    run_of(cluster, days=30_000)
    assert run_of(cluster, days=1)[0] and policy(cluster) == (True, 1)
    assert run_of(cluster, days=8)[0] and policy(cluster) == (False, None)
    cluster = mesh()
    run_of(cluster, days=1 / 1440)
    assert run_of(cluster)[0] is False, "another API server's clock is a minute behind"


@pytest.mark.parametrize("text", ["7d", "36h", "90m", "1s", "365d"])
def test_a_window_is_told_as_it_was_written(text):
    assert span(seconds_of(text)) == text


def test_two_services_of_the_same_pods_are_not_enforced_by_one_count():
    cluster = mesh()
    cluster.put(service("checkout-admin", selector={"app": "checkout"}))
    both = [LATER, {**LATER, "service": "shop/checkout-admin"}]
    exports = [*EXPORTS, {"name": "checkout-admin", "namespace": "shop", "to": ["west"]}]
    keep(cluster, *both, exports=exports)
    cluster.now = NOW + 8 * DAY
    assert not keep(cluster, *both, exports=exports)["changed"]
    assert policy(cluster) == (True, 0)


# What Prometheus has where proxies cannot tell
# -------------------------------------------------------------------------

URL = {"prometheus_url": "https://prometheus"}


class Asked:
    """A Prometheus that has these rows of rehearsals, and nobody who called."""

    def __init__(self, rows):
        self.rows, self.asked = rows, []

    def ask(self, query):
        if "authz_dry_run" not in query:
            return []
        self.asked.append(query)
        return self.rows


@pytest.mark.parametrize("happens", [restarted, replaced, silent])
def test_where_proxies_cannot_tell_prometheus_ends_the_window(monkeypatch, happens):
    rows = [({"pod": name, "how": "rise"}, 0.0) for name in ("checkout-1", "checkout-2")]
    metrics = Asked(rows)
    monkeypatch.setattr(_traffic.Prometheus, "of", lambda _params, _word: metrics)
    cluster = mesh()
    run_of(cluster, **URL)
    assert metrics.asked == [], "proxies tell"
    happens(cluster)
    changed, told, warned = run_of(cluster, days=7, **URL)
    assert (changed, warned, policy(cluster)) == (True, [], (False, None))
    assert "Prometheus counted nothing that it would refuse" in told and "[604800s:" in metrics.asked[0]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([({"pod": "checkout-1"}, 2.2)], "FED848"),
        ([({"pod": "checkout-1"}, 0.0), ({"pod_name": "checkout-0"}, 1.0)], "FED848"),
        ([({"pod": "checkout-9"}, 0.0)], "FED849"),
        ([({}, 0.0)], "FED849"),
        ([({"pod": "checkout-1"}, math.nan)], "FED849"),
        ([], "FED849"),
        ("has not answered", "FED875"),
    ],
)
def test_what_prometheus_does_not_prove_enforces_nothing(monkeypatch, rows, code):
    metrics = with_metrics(monkeypatch, rows) if isinstance(rows, str) else Asked(rows)
    monkeypatch.setattr(_traffic.Prometheus, "of", lambda _params, _word: metrics)
    cluster = mesh()
    run_of(cluster)
    restarted(cluster)
    _changed, _told, warned = run_of(cluster, days=7, **URL)
    assert policy(cluster)[0] and code in {text[:6] for text in warned}


def test_another_workload_of_the_namespace_does_not_count(monkeypatch):
    metrics = Asked([({"pod": "checkout-1"}, 0.0), ({"pod": "till-1"}, 9.0)])
    monkeypatch.setattr(_traffic.Prometheus, "of", lambda _params, _word: metrics)
    cluster = mesh()
    cluster.put(pod("till-1", "till", sidecar=True))
    run_of(cluster)
    restarted(cluster)
    assert run_of(cluster, days=7, **URL)[0] and policy(cluster) == (False, None)


def test_of_a_pod_that_is_gone_nobody_knows_whose_it_was_so_it_counts():
    rows = [({"pod": "a"}, 1.5), ({"pod": "a"}, 0.5), ({"pod": "gone"}, 2.0), ({"pod": "till"}, 7.0)]
    assert metered_in(rows, ["a"], ["till"]) == 4


SERIES = [
    ('envoy_http_rbac{%s,pod="old",http_conn_manager_prefix="inbound_80"}', "5x60", {"rise": 0}),
    ('envoy_http_inbound_0_0_0_0_80_rbac{%s,pod="rises"}', "5x40 8x20", {"rise": 3}),
    ('envoy_http_inbound_0_0_0_0_81_rbac{%s,pod="rises"}', "1x60", {}),
    ('envoy_http_rbac{%s,pod="begins"}', "_x30 4x30", {"rise": 0, "whole": 4}),
    ('envoy_http_rbac{%s,pod="begins-quiet"}', "_x30 0x30", {"rise": 0, "whole": 0}),
    ('envoy_http_rbac{%s,pod="goes"}', "_x30 2x10 stale", {"rise": 0, "whole": 2}),
    ('envoy_http_rbac{%s,pod="restarted"}', "7x30 0x30", {"rise": 0}),
]


def test_prometheus_itself_reads_the_question_and_counts_what_began_rose_and_went(promtool, tmp_path):
    labels = 'authz_dry_run_action="allow",authz_dry_run_result="denied",namespace="shop"'
    series = [{"series": text % labels, "values": values} for text, values, _rows in SERIES]
    series.append({"series": SERIES[0][0] % labels.replace("shop", "desk"), "values": "0x30 9x30"})
    series.append({"series": SERIES[0][0] % labels.replace('"denied"', '"allowed"'), "values": "0x30 9x30"})
    samples = [
        {"labels": f'{{how="{how}",pod="{text.split("pod=")[1].split(chr(34))[1]}"}}', "value": value}
        for text, _values, rows in SERIES
        for how, value in rows.items()
    ]
    # What Prometheus has lost, or never looked at, nobody has counted: all rows are of namespaces with a quiet counter.
    known = {"shop": "1+60x60", "short": "_x30 1+60x30", "gap": "1+60x20 _x20 1+60x20", "never": ""}
    quiet = SERIES[0][0] % labels
    series += [{"series": quiet.replace("shop", space), "values": "5x60"} for space in known if space != "shop"]
    series += [
        {"series": f'envoy_server_uptime{{namespace="{space}",pod="old"}}', "values": values}
        for space, values in known.items()
        if values
    ]
    expected = [
        {
            "expr": denied_query(space, 3000),
            "eval_time": "60m",
            "exp_samples": samples if space == "shop" else [],
        }
        for space in known
    ]
    test = {"rule_files": [], "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": expected}]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_who_says_of_itself_that_it_has_called_is_no_caller(monkeypatch, promtool, tmp_path):
    """A pod of another namespace can show metrics of ours; whose pod shows them is a label that Prometheus adds."""
    asked_for = []

    def noting(query):
        asked_for.append(query)
        return []

    monkeypatch.setattr(_traffic.Prometheus, "of", lambda _params, _word: SimpleNamespace(ask=noting))
    run_of(mesh(), FROM_WEST, **URL)
    (query,) = asked_for
    called = (
        'istio_requests_total{reporter="destination",destination_service_namespace="shop",'
        'destination_service_name="checkout",source_principal="spiffe://east.local/ns/%s/sa/x"%s}'
    )
    seen = [("web", ',namespace="shop"'), ("old", ',kubernetes_namespace="shop"'), ("central", "")]
    forged = [("evil", ',namespace="evil"'), ("worse", ',kubernetes_namespace="evil",namespace="shop"')]
    series = [{"series": called % one, "values": "_x30 5x30"} for one in (*seen, *forged)]
    samples = [
        {"labels": f'{{source_principal="spiffe://east.local/ns/{name}/sa/x"}}', "value": 5} for name, _where in seen
    ]
    expected = {"expr": query, "eval_time": "60m", "exp_samples": samples}
    test = {"rule_files": [], "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [expected]}]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def beside(spec, namespace="shop", **annotations):
    """Return the warnings of a run where a policy of somebody else stands."""
    cluster = mesh()
    version = "security.istio.io/v1beta1"
    cluster.put(thing(version, "AuthorizationPolicy", namespace, "theirs", spec=spec, annotations=annotations))
    run = asked(False, traffic=[FROM_WEST])
    mesh_traffic.run(run, cluster, NOW)
    told = asked(False, traffic=[FROM_WEST], service=None, client=None)
    lines = "".join(traffic_info.run(told, cluster, NOW)["lines"])
    found = [text for text in run.warnings if text.startswith("FED829")]
    assert bool(found) == ("FED829" in lines), "traffic_info says it as well"
    return found


def test_pods_that_obey_no_policy_are_told_while_it_is_rehearsed():
    cluster = mesh()
    cluster.put(pod("checkout-2", "checkout"))
    run = asked(False, traffic=[LATER])
    mesh_traffic.run(run, cluster, NOW)
    (told,) = [text for text in run.warnings if text.startswith("FED829")]
    assert "has pods without a sidecar, which obey no policy: checkout-2" in told


OF_CHECKOUT = {"selector": {"matchLabels": {"app": "checkout"}}}
WEB = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]}
ANYBODY = {"from": [{"source": {"principals": ["*"]}}]}


@pytest.mark.parametrize(
    ("spec", "namespace"),
    [
        ({**OF_CHECKOUT, "rules": [{}]}, "shop"),
        ({"rules": [{"to": [{"operation": {"ports": ["80"]}}]}]}, "shop"),
        ({**OF_CHECKOUT, "rules": [WEB, ANYBODY]}, "shop"),
        ({**OF_CHECKOUT, "rules": [{"from": [*WEB["from"], {"source": {"namespaces": ["desk"]}}]}]}, "shop"),
        ({"action": "ALLOW", "rules": [ANYBODY]}, "east-mesh-system"),
    ],
)
def test_a_policy_beside_ours_that_admits_others_is_told(spec, namespace):
    (told,) = beside(spec, namespace)
    assert f"AuthorizationPolicy {namespace}/theirs on the same pods may also admit callers" in told


@pytest.mark.parametrize(
    ("spec", "annotations"),
    [
        ({**OF_CHECKOUT, "rules": [WEB]}, {}),
        ({**OF_CHECKOUT, "rules": [{**WEB, "to": [{"operation": {"ports": ["80"]}}]}]}, {}),
        (OF_CHECKOUT, {}),
        ({**OF_CHECKOUT, "action": "DENY", "rules": [{}]}, {}),
        ({"selector": {"matchLabels": {"app": "till"}}, "rules": [{}]}, {}),
        ({**OF_CHECKOUT, "rules": [{}]}, {"istio.io/dry-run": "true"}),
    ],
)
def test_a_policy_beside_ours_that_admits_nobody_else_is_not_told(spec, annotations):
    assert beside(spec, **annotations) == []
