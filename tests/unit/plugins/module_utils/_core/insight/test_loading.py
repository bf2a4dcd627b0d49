# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a proxy runs a plugin, by dumps of the shapes that Envoy 1.40 gives."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.plan import manifest_of
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.selecting import Proxy
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.loading import (
    FAILED,
    IDLE,
    LOADED,
    UNKNOWN,
    WARMING,
    Heard,
    acknowledged,
    filters_rejected,
    loading_of,
    read_failures,
    read_filters,
    read_listeners,
    read_rejections,
    read_unfetched,
    readiness,
    refuse_unloaded,
    summary,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.syncz import rows_of
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import WASM_PLUGIN
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.meshes import (
    described,
    ground,
)

from .proxies import NAME, NAMES, TYPE, discovered, filter_of, listener_of

CART = Proxy("shop", "cart-1", {"app": "cart"})
GATEWAY = Proxy("shop", "door-1", {"app": "door"}, is_gateway=True)
MODULE, OTHER = "a" * 64, "b" * 64


def plugin(minor=6, **fields):
    return manifest_of(described(**fields), WASM_PLUGIN, ground(minor))


def listeners(**states):
    entries = [listener_of(*filters, direction=direction) for direction, filters in states.items()]
    return read_listeners(json.dumps({"configs": entries}).encode())


def filters(*entries):
    return read_filters(json.dumps({"configs": entries}).encode())


def held(config=None, module=MODULE, name=NAME):
    return filters(filter_of(module, config, name))


def instead(**rules):
    return filters(discovered(NAME, {"@type": f"{TYPE}extensions.filters.http.rbac.v3.RBAC", **rules}))


DENIES, PASSES = (
    instead(rules={}, rules_stat_prefix="wasm-default-deny"),
    instead(rules_stat_prefix="wasm-default-allow"),
)
WITH, WITHOUT = [NAME], []
ACTIVE, WAITING, UPDATING, NOT_SENT = (WITH, None), (WITHOUT, WITH), (WITH, WITH), (WITHOUT, None)


@pytest.mark.parametrize("name", NAMES)
def test_a_plugin_is_loaded_where_an_active_listener_has_it_with_its_module_and_configuration(name):
    heard = Heard(listeners(inbound=([name], None)), held({"a": 1, "b": [2]}, name=name), is_acknowledged=True)
    assert loading_of(plugin(config={"b": [2], "a": 1}), CART, heard).state == LOADED


@pytest.mark.parametrize(
    ("found", "what", "failures", "state", "why"),
    [
        pytest.param(NOT_SENT, {}, {}, WARMING, "istiod has not sent it yet", id="not-sent"),
        pytest.param(WAITING, {}, {}, WARMING, "inbound waits for it and answers without it", id="open"),
        pytest.param(
            WAITING, {}, {"download_failure": 3}, FAILED, "failed fetches: 3 download_failure", id="held-back"
        ),
        pytest.param(UPDATING, held(), {}, WARMING, "answers with what it was", id="listener-changes"),
        pytest.param(ACTIVE, held(module=OTHER), {}, WARMING, f"runs the module {OTHER[:12]} still", id="update"),
        pytest.param(
            ACTIVE, held(module=OTHER), {"manifest_failure": 1}, FAILED, "1 manifest_failure", id="update-fails"
        ),
        pytest.param(ACTIVE, held({"old": True}), {}, WARMING, "another configuration", id="old-configuration"),
        pytest.param(
            ACTIVE, DENIES, {"manifest_failure": 1}, FAILED, "pilot-agent's filter denies every request", id="closed"
        ),
        pytest.param(ACTIVE, PASSES, {}, FAILED, "pilot-agent's filter passes every request", id="open-by-strategy"),
        pytest.param(ACTIVE, {}, {}, WARMING, "no configuration for it yet", id="not-configured"),
        pytest.param(ACTIVE, None, {}, UNKNOWN, "does not say which module", id="old-envoy"),
        pytest.param(ACTIVE, held(module="x"), {}, UNKNOWN, "its file does not say", id="other-file-name"),
    ],
)
def test_what_stands_in_the_way_is_told(found, what, failures, state, why):
    told = loading_of(
        plugin(), CART, Heard(listeners(inbound=found, outbound=NOT_SENT), what, failures, is_acknowledged=True)
    )
    assert (told.state, why in told.why) == (state, True), told
    assert told.is_missing == (state in (WARMING, FAILED))
    assert told.listeners == (("inbound",) if found in (WAITING, UPDATING) else ())


@pytest.mark.parametrize(
    ("traffic", "proxy", "found", "state"),
    [
        pytest.param("inbound", CART, {"outbound": NOT_SENT}, IDLE, id="a-pod-that-only-calls"),
        pytest.param("outbound", CART, {"inbound": NOT_SENT, "outbound": ACTIVE}, LOADED, id="outbound"),
        pytest.param("outbound", CART, {"inbound": ACTIVE}, IDLE, id="not-for-inbound"),
        pytest.param("both", CART, {"inbound": NOT_SENT, "outbound": ACTIVE}, LOADED, id="both"),
        pytest.param("inbound", GATEWAY, {"outbound": NOT_SENT}, IDLE, id="never-on-a-gateway"),
        pytest.param("gateway", GATEWAY, {"outbound": ACTIVE}, LOADED, id="gateway"),
        pytest.param("gateway", GATEWAY, {"outbound": NOT_SENT}, WARMING, id="gateway-not-yet"),
    ],
)
def test_only_listeners_that_a_plugin_is_for_count(traffic, proxy, found, state):
    assert (
        loading_of(plugin(traffic=traffic), proxy, Heard(listeners(**found), held(), is_acknowledged=True)).state
        == state
    )


REJECTED = (
    "2026-11-29T23:12:32.671431Z\twarning\tenvoy config a.cc:160\tgRPC config for"
    " type.googleapis.com/envoy.config.core.v3.{} rejected: {}\tthread=1\n"
)


@pytest.mark.parametrize(
    ("since", "line", "state"),
    [
        pytest.param(
            "2026-11-29T23:12:32.642Z",
            "Unable to create Wasm plugin shop.header~istio-translated-wasmplugin",
            FAILED,
            id="delta",
        ),
        pytest.param(
            "2026-11-29T23:12:32.642Z", "Error: Unable to create Wasm HTTP filter shop.header", FAILED, id="former"
        ),
        pytest.param(
            "2026-11-29T23:12:33.000Z", "Unable to create Wasm plugin shop.header", LOADED, id="what-was-before"
        ),
        pytest.param(
            "2026-11-29T23:12:32.642Z", "Unable to create Wasm plugin shop.header-2", LOADED, id="longer-name"
        ),
        pytest.param(
            "2026-11-29T23:12:32.642Z", "Unable to create Wasm plugin desk-shop.header", LOADED, id="longer-namespace"
        ),
    ],
)
def test_what_envoys_log_says_to_be_rejected_does_not_run_though_istiod_calls_it_acknowledged(since, line, state):
    """istiod of August 2026 knows the last change alone, which another extension may have made."""
    dump = read_filters(json.dumps({"configs": [{**filter_of(MODULE), "last_updated": since}]}).encode())
    rejections = read_rejections(
        "2026-11-29T23:12:32Z\tinfo\tother\n" + REJECTED.format("TypedExtensionConfig", line) + "rejected: x\n"
    )
    told = loading_of(
        plugin(), CART, Heard(listeners(inbound=ACTIVE), dump, rejections=rejections, is_acknowledged=True)
    )
    assert (told.state, told.why) == (state, f"Envoy has rejected it: {line}" if state == FAILED else "")


@pytest.mark.parametrize(
    ("found", "details", "why"),
    [
        (
            ACTIVE,
            "Unable to create Wasm plugin shop.header~x",
            "Envoy has rejected it: Unable to create Wasm plugin shop.header~x",
        ),
        (
            NOT_SENT,
            "Unable to create Wasm plugin shop.bad",
            "Envoy has rejected the configuration of inbound: Unable to create Wasm plugin shop.bad",
        ),
    ],
)
def test_a_listener_that_envoy_rejects_is_told_with_its_reason(found, details, why):
    entry = {
        **listener_of(*found),
        "error_state": {"details": details, "last_update_attempt": "2026-11-29T23:24:57.018Z"},
    }
    since = "2026-11-29T23:24:57.{:03d}Z"
    for came, is_rejected in ((17, True), (18, found is NOT_SENT), (19, found is NOT_SENT)):
        dump = read_filters(
            json.dumps({"configs": [{**filter_of(MODULE), "last_updated": since.format(came)}]}).encode()
        )
        heard = Heard(read_listeners(json.dumps({"configs": [entry]}).encode()), dump, is_acknowledged=True)
        told = loading_of(plugin(), CART, heard)
        assert (told.state, told.why) == ((FAILED, why) if is_rejected else (LOADED, ""))


@pytest.mark.parametrize(
    "quoted",
    [
        'configuration { value: "hunter2" }',
        "name: shop.header configuration: hunter2",
        '"hunter2"',
        "\nhunter2",
    ],
)
def test_what_envoy_quotes_of_a_configuration_is_not_told(quoted):
    details = f"Proto constraint validation failed (WasmValidationError.Config): {quoted} for shop.header"
    entry = {**listener_of(*ACTIVE), "error_state": {"details": details}}
    told = loading_of(
        plugin(), CART, Heard(read_listeners(json.dumps({"configs": [entry]}).encode()), held(), is_acknowledged=True)
    )
    assert (told.state, told.why) == (
        FAILED,
        "Envoy has rejected it: Proto constraint validation failed (WasmValidationError.Config)",
    )


@pytest.mark.parametrize(
    ("is_acknowledged", "state", "why"),
    [
        (True, LOADED, ""),
        (False, WARMING, "was rejected (see the proxy's log)"),
        (None, UNKNOWN, "does not say whether Envoy accepted"),
    ],
)
def test_what_envoy_was_sent_counts_once_it_has_acknowledged_it(is_acknowledged, state, why):
    """Envoy 1.40 shows a configuration that it has rejected, and goes on with the one before or answers 500."""
    told = loading_of(plugin(), CART, Heard(listeners(inbound=ACTIVE), held(), is_acknowledged=is_acknowledged))
    assert (told.state, why in told.why) == (state, True), told


MADE = "2026-11-29T12:00:00Z"


@pytest.mark.parametrize(
    ("generation", "became", "taken", "rejects", "state"),
    [
        pytest.param(1, "2026-11-29T12:00:00.2Z", True, None, LOADED, id="acknowledged"),
        pytest.param(1, "2026-11-29T12:00:00.2Z", None, 0, LOADED, id="nobody-has-rejected-anything"),
        pytest.param(1, "2026-11-29T12:00:00.2Z", False, None, WARMING, id="not-acknowledged"),
        pytest.param(1, "2026-11-29T12:00:00.2Z", None, None, UNKNOWN, id="istiod-does-not-tell"),
        pytest.param(1, "2026-11-29T12:00:00.2Z", None, 2, UNKNOWN, id="somebody-has-rejected-something"),
        pytest.param(2, "2026-11-29T12:00:00.2Z", True, None, UNKNOWN, id="changed-since"),
        pytest.param(1, "2026-11-29T11:59:59.9Z", True, None, UNKNOWN, id="listener-of-one-that-was-before"),
        pytest.param(1, None, True, None, UNKNOWN, id="listener-without-a-time"),
        pytest.param(None, "2026-11-29T12:00:00.2Z", True, None, UNKNOWN, id="nobody-knows-when-it-was-made"),
    ],
)
def test_an_envoy_that_shows_no_filters_runs_a_plugin_that_has_never_been_another(
    generation, became, taken, rejects, state
):
    """Envoy before 1.25, which is that of meshes before 2.5."""
    entry = listener_of(*ACTIVE)
    entry["active_state"] |= {"last_updated": became} if became else {}
    heard = Heard(
        read_listeners(json.dumps({"configs": [entry]}).encode()), None, is_acknowledged=taken, rejects=rejects
    )
    new = plugin(4)
    new["metadata"] |= {"generation": generation, "creationTimestamp": MADE} if generation else {}
    assert loading_of(new, CART, heard).state == state
    waiting = {**entry, **listener_of(*UPDATING)}
    told = loading_of(
        new,
        CART,
        Heard(
            read_listeners(json.dumps({"configs": [waiting]}).encode()), None, is_acknowledged=taken, rejects=rejects
        ),
    )
    assert told.state == WARMING


PUSHES = '# TYPE\npilot_xds_pushes{type="ecds"} 3\n'


@pytest.mark.parametrize(
    ("metrics", "count"),
    [
        ("", None),
        ('pilot_total_xds_rejects{type="ecds"} 0\n', None),
        (PUSHES, 0),
        (PUSHES + 'pilot_total_xds_rejects{type="lds"} 4\n', 0),
        (PUSHES + 'pilot_total_xds_rejects{type="ecds"} 0\n', 0),
        (PUSHES + 'pilot_total_xds_rejects{type="ecds"} 2\npilot_total_xds_rejects{a="b",type="ecds"} 1\n', 3),
        (PUSHES + "pilot_total_xds_rejects 5\n", 5),
        (PUSHES + 'pilot_total_xds_rejects{type="ecds"} NaN\n', 1),
    ],
    ids=["nothing", "not-an-istiods", "none", "others", "nought", "some", "without-a-type", "no-number"],
)
def test_rejections_of_filters_are_counted_by_what_is_an_istiods_word_alone(metrics, count):
    assert filters_rejected(metrics) == count


URL = f"oci://registry.example/header:1.2@sha256:{MODULE}"
# As agents of Istio 1.12 and of August 2026 write it.
LINES = (
    "2026-11-30T06:32:58Z\terror\twasm\tcannot fetch Wasm module {}: {}\n",
    (
        "2026-11-30T06:32:58Z\terror\twasm\terror in converting the wasm config to local: cannot fetch Wasm module {}:"
        " {}. applying deny RBAC filter\n"
    ),
)


@pytest.mark.parametrize("line", LINES, ids=["former", "newer"])
@pytest.mark.parametrize(
    ("found", "what", "counts"), [(ACTIVE, DENIES, {}), (WAITING, {}, {"manifest_failure": 1})], ids=["denies", "waits"]
)
def test_why_a_module_could_not_be_fetched_is_told_as_the_agent_says_it(line, found, what, counts):
    log = (
        line.format("oci://other", "x")
        + line.format(URL, "unauthorized: " + "GET https://blob?signature=hunter2 401")
        + "rest\n"
    )
    told = loading_of(
        plugin(), CART, Heard(listeners(inbound=found), what, counts, read_unfetched(log), is_acknowledged=True)
    )
    assert told.state == FAILED and told.why.endswith("; it says: unauthorized: GET https://blob 401"), told
    other = loading_of(
        plugin(image="registry.example/x:1"), CART, Heard(listeners(inbound=found), what, counts, read_unfetched(log))
    )
    assert "it says" not in other.why
    assert [read_unfetched(text) for text in ("", "cannot fetch Wasm module ", line.format(URL, ""))] == [{}] * 3


def test_istiods_tell_who_has_acknowledged():
    def row(proxy, **nonces):
        return {"proxy": f"{proxy}.shop", **{f"extensionconfig_{key}": nonce for key, nonce in nonces.items()}}

    rows = [
        row("taken", sent="1", acked="1"),
        row("rejected", sent="2", acked="1"),
        row("first", sent="1"),
        row("none"),
    ]
    rows += [row("moved", sent="5", acked="4"), row("moved", sent="9", acked="9")]
    found = acknowledged(rows_of(json.dumps(rows).encode(), "istiod"))
    assert found == {"taken.shop": True, "rejected.shop": False, "first.shop": False, "moved.shop": False}


def test_a_pod_that_cannot_be_asked_is_unknown_with_the_reason():
    told = loading_of(plugin(), CART, Heard(why="this account may not"))
    assert (told.state, told.why, told.is_missing) == (UNKNOWN, "this account may not", False)


def test_failed_fetches_are_counted_by_their_reason():
    metrics = (
        'istio_agent_wasm_remote_fetch_count{result="success"} 4\n'
        'istio_agent_wasm_remote_fetch_count{result="download_failure"} 2\n'
        'istio_agent_wasm_remote_fetch_count{result="checksum_mismatched"} 1e0\n'
        'istio_agent_wasm_cache_lookup_count{hit="false"} 9\n'
    )
    assert read_failures(metrics) == {"download_failure": 2, "checksum_mismatched": 1}


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000], ids=["nothing", "half", "deep"])
@pytest.mark.parametrize("read", [read_listeners, read_filters])
def test_what_is_no_dump_is_refused(read, content):
    with pytest.raises(FederationError, match="FED922"):
        read(content)


@pytest.mark.parametrize(
    "content", [b"[]", b"{}", b'{"configs": 3}', b'{"configs": [{"active_state": [], "ecds_filter": 1}]}']
)
@pytest.mark.parametrize("read", [read_listeners, read_filters])
def test_dumps_of_odd_shapes_hold_nothing(read, content):
    assert not read(content)


def told(*states):
    found = {LOADED: (ACTIVE, held()), WARMING: (WAITING, {}), UNKNOWN: (ACTIVE, None)}
    by_state = {
        IDLE: Heard(),
        **{state: Heard(listeners(inbound=each), what, is_acknowledged=True) for state, (each, what) in found.items()},
    }
    return [
        loading_of(plugin(), Proxy("shop", f"cart-{number}"), by_state[state]) for number, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("states", "is_ready", "text"),
    [
        ([LOADED, LOADED], True, "loaded in 2 of 2 pods"),
        ([LOADED, IDLE], True, "loaded in 1 of 2 pods, 1 without a listener that it is for"),
        ([IDLE], None, "loaded in 0 of 1 pods, 1 without a listener that it is for"),
        ([], None, "loaded in 0 of 0 pods"),
        (
            [LOADED, UNKNOWN],
            None,
            "shop/cart-1 unknown (it is in active listeners, but this Envoy does not say which module it is)",
        ),
        (
            [UNKNOWN, WARMING],
            False,
            "shop/cart-1 warming (inbound waits for it and answers without it); shop/cart-0 unknown",
        ),
    ],
)
def test_a_plugin_is_ready_where_all_proxies_that_it_is_for_run_it(states, is_ready, text):
    assert readiness(told(*states)) is is_ready
    assert summary(told(*states)).startswith(text)


def test_a_wait_in_vain_ends_with_the_pods_and_their_listeners():
    with pytest.raises(
        FederationError, match=r"FED814 WasmPlugin shop/header: is not loaded after 120 s: .*inbound waits"
    ) as refused:
        refuse_unloaded({"shop/header": told(LOADED, WARMING)}, 120)
    assert refused.value.facts["loading"]["shop/header"][1]["listeners"] == ["inbound"]
    refuse_unloaded({}, 120)
