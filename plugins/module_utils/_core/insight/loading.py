# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether proxies run what a WasmPlugin describes, by what their Envoys and pilot-agents say.

A listener that is active with the plugin's filter says that it runs some version of it; which one is said by the
configuration that Envoy was sent for the filter: the module's file is named after its digest. Envoy shows it even where
it has rejected it and goes on with the one before, or answers 500. What it has taken is told by istiod, to which it
acknowledges; an istiod that sends only what has changed knows that of the last change alone, so the proxy's log counts
too: it names what it rejects a moment after it was sent. An Envoy before 1.25 (meshes before 2.5) does not show
configurations. There a plugin that has not changed since it was made runs where a listener has it that came after it;
an update is not known. An istiod before 2.3 does not say who has acknowledged, and counts rejections of filters without
saying whose: none at all is an answer. Where pilot-agent cannot fetch a module it either holds the configuration back,
so that the listener waits, or puts a filter in its place that denies or passes every request.

Sources: Envoy, admin/v3/config_dump.proto; istio/istio, ``pkg/wasm`` (cache.go, convert.go, monitoring.go) and
``pilot/pkg/model/extensions.go``, whose resource names had no prefix at first and have had two since, and a suffix now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..extensions.keeping import Standing
from ..extensions.selecting import Proxy
from ..plain.data import at, from_json, items, mapping, some
from ..plain.errors import FederationError
from ..plain.moments import time_of
from .hiding import LONGEST_REASON, cleaned, reason_of, type_of
from .statistics import REJECTED, number_of
from .syncz import Row

LOADED, WARMING, FAILED, IDLE, UNKNOWN = "loaded", "warming", "failed", "idle", "unknown"
STATES = (FAILED, WARMING, UNKNOWN, LOADED, IDLE)
"""From the one that people must look at first; idle is a proxy without a listener that the plugin is for."""
_DIRECTIONS = {"SERVER": {"INBOUND"}, "CLIENT": {"OUTBOUND"}}
_FETCHES = re.compile(
    r'^istio_agent_wasm_remote_fetch_count\{[^}]*?result="([a-z_]{1,40})"[^}]*\} (\S{1,30})$', re.ASCII
)
_FETCHED = "success"
_PUSHES = "\npilot_xds_pushes{"
# An istiod that counts without a type counts all.
_REJECTS = re.compile(r'^pilot_total_xds_rejects(?:\{(?:[^}]*,)?type="ecds"[^}]*\})? (\S{1,30})$', re.ASCII).match
_MODULE = re.compile(r"(?:^|/)([0-9a-f]{64})\.wasm$")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})$")
_DISCOVERED = "TypedExtensionConfig"
_UNFETCHED = "cannot fetch Wasm module "
_QUERY = re.compile(r"\?\S+")
PATIENCE = 20
"""Seconds for which a wait asks again where a proxy does not tell at the moment; not to know is no failure
after them.
"""
MOST_LINES = 50_000
MOST_OF_A_REASON = 4000
"""Characters of what Envoy says of a rejection that are looked at."""


@dataclass(frozen=True)
class Listener:
    """One listener for HTTP: its direction, and the names of its filters as it is ``active``, and as it waits to be
    (``warming``).

    ``active_since`` is when it became what it is. ``rejected`` is why Envoy has rejected the last configuration
    for it, "" where it has accepted that, and ``rejected_at`` when.
    """

    name: str
    direction: str
    active: frozenset[str]
    warming: frozenset[str]
    rejected: str = ""
    rejected_at: datetime | None = None
    active_since: datetime | None = None


@dataclass(frozen=True)
class Held:
    """What Envoy has for a filter: a Wasm module by its digest, "" where its file does not tell, and what the module is
    told.

    ``instead`` is what pilot-agent put in its place: ``denies`` or ``passes``. ``since`` is when it came.
    """

    digest: str = ""
    told: object = None
    instead: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class Heard:
    """What one pod said. ``filters`` is None where its Envoy does not tell them; ``why`` is why the pod said nothing at
    all.

    ``unfetched`` is why pilot-agent could not fetch modules, by their addresses, and ``rejections`` are filters that
    Envoy has rejected, each with its time; both as its log says.

    ``is_acknowledged`` is what istiod says: whether the pod's Envoy has taken the filters that it was sent last, None
    where nobody knows. ``rejects`` is how many answers with filters istiods of a version that does not say so (before
    2.3) count as rejected by any proxy since they started, None where that is not known. ``is_momentary`` is whether
    what is not known now may well be known when it is asked again.
    """

    listeners: tuple[Listener, ...] = ()
    filters: Mapping[str, Held] | None = None
    failures: Mapping[str, int] = field(default_factory=dict)
    unfetched: Mapping[str, str] = field(default_factory=dict)
    rejections: Sequence[tuple[datetime, str]] = ()
    is_acknowledged: bool | None = None
    why: str = ""
    is_momentary: bool = False
    rejects: int | None = None


@dataclass(frozen=True)
class Loading:
    """How a plugin fares in one proxy, and why; ``listeners`` are those that wait for it.

    ``is_momentary`` is whether an unknown may well be known soon: a proxy that connects again, and not a right that is
    missing.
    """

    proxy: str
    state: str
    why: str = ""
    listeners: tuple[str, ...] = ()
    is_momentary: bool = False

    @property
    def is_missing(self) -> bool:
        """Return whether it is to run there and does not."""
        return self.state in (WARMING, FAILED)

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        return {"pod": self.proxy, "state": self.state, "why": self.why, "listeners": list(self.listeners)}

    @property
    def text(self) -> str:
        """Return it as people read it."""
        return f"{self.proxy} {self.state}{f' ({self.why})' if self.why else ''}"


def read_listeners(content: bytes) -> tuple[Listener, ...]:
    """Return the listeners for HTTP in Envoy's ``/config_dump?resource=dynamic_listeners``. Raises ``FederationError``
    FED922.
    """
    result = []
    for entry in _configs(content):
        states = [mapping(at(entry, key, "listener")) for key in ("active_state", "warming_state")]
        managers = [list(_managers(state)) for state in states]
        if any(managers):
            active, warming = (frozenset(name for each in found for name in _filters(each)) for found in managers)
            direction = next((str(state["traffic_direction"]) for state in states if "traffic_direction" in state), "")
            rejected = str(at(entry, "error_state", "details") or "")[:MOST_OF_A_REASON]
            rejected_at = time_of(at(entry, "error_state", "last_update_attempt"))
            active_since = time_of(at(entry, "active_state", "last_updated"))
            result.append(
                Listener(str(entry.get("name"))[:400], direction, active, warming, rejected, rejected_at, active_since)
            )
    return tuple(result)


def read_filters(content: bytes) -> dict[str, Held]:
    """Return what Envoy has for each filter that it discovers, by ``/config_dump?resource=ecds_filters``. Raises
    ``FederationError`` FED922.
    """
    return {
        str(at(entry, "ecds_filter", "name")): _held(entry)
        for entry in _configs(content)
        if at(entry, "ecds_filter", "typed_config")
    }


def read_failures(metrics: str) -> dict[str, int]:
    """Return how many fetches of modules pilot-agent counts as failed, by its word for the reason."""
    lines = metrics.split("\n", MOST_LINES)[:MOST_LINES]
    counts = {found[1]: int(number_of(found[2])) for found in map(_FETCHES.match, lines) if found}
    return {reason: count for reason, count in counts.items() if count and reason != _FETCHED}


def read_rejections(log: str) -> list[tuple[datetime, str]]:
    """Return what a proxy's log says of filters whose configuration Envoy has rejected: when, and why."""
    found = []
    for line in log.split("\n", MOST_LINES)[:MOST_LINES]:
        head, is_one, why = line.partition(REJECTED)
        moment = time_of(head.partition("\t")[0]) if is_one and _DISCOVERED in head else None
        if moment:
            found.append((moment, why.partition("\t")[0].strip()[:MOST_OF_A_REASON]))
    return found


def read_unfetched(log: str) -> dict[str, str]:
    """Return why pilot-agent could not fetch modules, by their addresses, as its log says last; what a registry's URL
    is asked with is left out.
    """
    found = {}
    for line in log.split("\n", MOST_LINES)[:MOST_LINES]:
        address, _colon, why = line.partition(_UNFETCHED)[2].partition(": ")
        why = why.partition("\t")[0].partition(". applying ")[0]
        if why:
            found[address] = cleaned(_QUERY.sub("", why[:MOST_OF_A_REASON]))[:LONGEST_REASON]
    return found


def loading_of(plugin: Mapping, proxy: Proxy, heard: Heard) -> Loading:
    """Return how a WasmPlugin that selects a proxy fares in it, by what its pod said."""
    if heard.why:
        return Loading(proxy.place, UNKNOWN, heard.why, is_momentary=heard.is_momentary)
    mine = [each for each in heard.listeners if _is_for(plugin, each, proxy)]
    if not mine:
        return Loading(proxy.place, IDLE, "it has no HTTP listener that the extension is for")
    name = _name_of(plugin)
    held = held_of(plugin, heard.filters)
    failed = _failure(plugin, mine, held, heard)
    if failed:
        return Loading(proxy.place, FAILED, failed)
    is_waiting = any(_named(each.warming, name) for each in mine)
    if is_waiting or not any(_named(each.active, name) for each in mine):
        return _not_active(plugin, proxy, heard, mine)
    if heard.filters is None:
        if _has_never_been_another(plugin, [each for each in mine if _named(each.active, name)]):
            return _taken(proxy, heard)
        why = "it is in active listeners, but this Envoy does not say which module it is"
        return Loading(proxy.place, UNKNOWN, why, is_momentary=heard.is_momentary)
    if held is None:
        return Loading(proxy.place, WARMING, "it is in active listeners, and Envoy has no configuration for it yet")
    return _as_described(plugin, proxy, held, heard)


def _failure(plugin: Mapping, listeners: Iterable[Listener], held: Held | None, heard: Heard) -> str:
    """Return why a plugin cannot run in a proxy whatever it waits for: its module was not fetched, or Envoy has
    rejected it; "" where neither is so.
    """
    if held is not None and held.instead:
        instead = f"pilot-agent's filter {held.instead} every request"
        return f"its module could not be fetched, and {instead}{_reported(plugin, heard)}"
    refused = _rejection(_name_of(plugin), listeners, held, heard)
    return f"Envoy has rejected it: {reason_of(refused)}" if refused else ""


def _rejection(name: str, listeners: Iterable[Listener], held: Held | None, heard: Heard) -> str:
    """Return why Envoy has rejected a plugin as it was sent last, by its listeners and by its log; "" where neither
    says so.
    """
    is_meant = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])").search
    since = held.since if held else None
    # Envoy keeps a listener's rejection until it is sent that one again: what came after it, or in the same
    # millisecond, mends it.
    listed = [each.rejected for each in listeners if not (since and each.rejected_at and each.rejected_at <= since)]
    logged = [why for moment, why in heard.rejections if since and moment >= since]
    return next((why for why in (*listed, *logged) if is_meant(why)), "")


def _not_active(plugin: Mapping, proxy: Proxy, heard: Heard, listeners: Sequence[Listener]) -> Loading:
    """Return how a plugin fares whose listeners wait for it, or that none has yet."""
    failed, name = _failures(plugin, heard), _name_of(plugin)
    waiting = [each.name for each in listeners if _named(each.warming, name)]
    if not waiting:
        rejected = next((each for each in listeners if each.rejected), None)
        if rejected:
            return Loading(
                proxy.place,
                FAILED,
                f"Envoy has rejected the configuration of {rejected.name}: {reason_of(rejected.rejected)}",
            )
        return Loading(proxy.place, WARMING, "no listener has it: istiod has not sent it yet")
    version = "with what it was" if any(_named(each.active, name) for each in listeners) else "without it"
    why = (
        f"{some(waiting, 3)} {'waits' if len(waiting) == 1 else 'wait'} for it and"
        f" {'answers' if len(waiting) == 1 else 'answer'} {version}"
    )
    return Loading(proxy.place, FAILED if failed else WARMING, f"{why}{failed}", tuple(waiting))


def _as_described(plugin: Mapping, proxy: Proxy, held: Held, heard: Heard) -> Loading:
    """Return how a plugin fares whose filter is active with some module and some configuration."""
    digest = _digest_of(plugin)
    if digest and held.digest and digest != held.digest:
        failed = _failures(plugin, heard)
        return Loading(
            proxy.place, FAILED if failed else WARMING, f"it runs the module {held.digest[:12]} still{failed}"
        )
    if _canonical(held.told) != _canonical(at(plugin, "spec", "pluginConfig") or None):
        return Loading(proxy.place, WARMING, "it runs with another configuration still")
    if digest and not held.digest:
        return Loading(proxy.place, UNKNOWN, "it is in active listeners, but its file does not say which module it is")
    return _taken(proxy, heard)


def _has_never_been_another(plugin: Mapping, listeners: Iterable[Listener]) -> bool:
    """Return whether what active listeners have of a plugin can only be what it is now: it has not changed since it was
    made, and they came after it.

    A listener becomes active once Envoy has the filter's configuration: istiod lets it wait for that without an end.
    """
    made = time_of(at(plugin, "metadata", "creationTimestamp"))
    return (
        made is not None
        and at(plugin, "metadata", "generation") == 1
        and all(each.active_since and each.active_since >= made for each in listeners)
    )


def _taken(proxy: Proxy, heard: Heard) -> Loading:
    """Return how a plugin fares that Envoy was sent as it is now: it shows it, or has it in its listeners, also where
    it has rejected it.
    """
    if heard.is_acknowledged or (heard.is_acknowledged is None and heard.rejects == 0):
        return Loading(proxy.place, LOADED)
    if heard.is_acknowledged is None:
        why = "istiod sent it to Envoy, and does not say whether Envoy accepted or rejected it"
        if heard.rejects:
            why = f"{why}; it counts {heard.rejects} rejections of filters since it started, but not of which"
        return Loading(proxy.place, UNKNOWN, why, is_momentary=heard.is_momentary)
    return Loading(
        proxy.place,
        WARMING,
        "Envoy was sent it and has not acknowledged it: it is on the way, or was rejected (see the proxy's log)",
    )


def filters_rejected(metrics: str) -> int | None:
    """Return how many answers with filters proxies have rejected since an istiod started, by its metrics; None where
    these are not an istiod's.
    """
    if _PUSHES not in metrics:
        return None
    lines = metrics.split("\n", MOST_LINES)[:MOST_LINES]
    # What is no number is no nought.
    return sum(int(number_of(found[1])) or int(found[1] != "0") for found in map(_REJECTS, lines) if found)


def acknowledged(rows: Iterable[Row]) -> dict[str, bool]:
    """Return of each proxy (``name.namespace``) whether it has acknowledged the filters that it was sent last; who is
    sent none is left out.
    """
    found: dict[str, bool] = {}
    for row in rows:
        sent, acked = row.nonces.get("extensionconfig", ("", ""))
        if sent:
            found[row.proxy] = sent == acked and found.get(row.proxy, True)
    return found


def _failures(plugin: Mapping, heard: Heard) -> str:
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(heard.failures.items()))
    return f"; pilot-agent counts failed fetches: {told}{_reported(plugin, heard)}" if told else ""


def _reported(plugin: Mapping, heard: Heard) -> str:
    why = heard.unfetched.get(str(at(plugin, "spec", "url")), "")
    return f"; it says: {why}" if why else ""


def readiness(loadings: Sequence[Loading]) -> bool | None:
    """Return whether a plugin runs in every proxy that it is for; None where that is not known of all, or it is for
    none.
    """
    states = {each.state for each in loadings}
    if states & {WARMING, FAILED}:
        return False
    return True if LOADED in states and UNKNOWN not in states else None


def summary(loadings: Sequence[Loading]) -> str:
    """Return in words what stands in the way, or how many proxies run it."""
    bad = sorted(
        (each for each in loadings if each.state not in (LOADED, IDLE)), key=lambda each: STATES.index(each.state)
    )
    if bad:
        return some([each.text for each in bad], 3, "; ")
    count = sum(each.state == LOADED for each in loadings)
    idle = len(loadings) - count
    return f"loaded in {count} of {len(loadings)} pods" + (
        f", {idle} without a listener that it is for" if idle else ""
    )


def refuse_unloaded(missing: Mapping[str, Sequence[Loading]], seconds: int) -> None:
    """End a wait that was in vain: FED814, with the pods and the listeners that wait. Nothing happens where nothing is
    missing.
    """
    if not missing:
        return
    places = sorted(missing)
    told = some([f"{place}: {summary(missing[place])}" for place in places], 3, "; ")
    raise FederationError(
        "FED814",
        where=f"{'WasmPlugin' if len(places) == 1 else 'WasmPlugins'} {some(places, 5)}",
        what=f"{'is' if len(places) == 1 else 'are'} not loaded after {seconds} s: {told}",
        fix=(
            "Look in the proxy's log why the module cannot be fetched or run; correct its image, pull secret or "
            "config, or remove the extension from mesh_extensions, and run again"
        ),
        facts={"loading": {place: [each.as_data() for each in missing[place]] for place in places}},
    )


# Reading


def _configs(content: bytes) -> list[Mapping]:
    page = from_json(content)
    if page is None:
        raise FederationError(
            "FED922",
            where="An Envoy's /config_dump",
            what="is not JSON",
            fix="Find out what answers at the pod's port 15000",
        )
    return items(mapping(page).get("configs"))


def _managers(listener: Mapping) -> Iterator[Mapping]:
    for chain in (*items(listener.get("filter_chains")), *items([listener.get("default_filter_chain")])):
        for each in items(chain.get("filters")):
            config = mapping(each.get("typed_config"))
            if type_of(config) == "HttpConnectionManager":
                yield config


def _filters(manager: Mapping) -> Iterator[str]:
    for each in items(manager.get("http_filters")):
        yield str(each.get("name"))


def _held(entry: Mapping) -> Held:
    config, since = mapping(at(entry, "ecds_filter", "typed_config")), time_of(entry.get("last_updated"))
    if type_of(config) == "RBAC":
        return Held(instead="denies" if "rules" in config else "passes", since=since)
    inner = mapping(config.get("config") or at(config, "value", "config"))
    file = _MODULE.search(str(at(inner, "vm_config", "code", "local", "filename")))
    return Held(file[1] if file else "", _told(inner.get("configuration")), since=since)


def _told(configuration: object) -> object:
    """Return what a module is told: a text that holds JSON, in the wrapper that type URLs need."""
    value = mapping(configuration).get("value", configuration)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _canonical(value: object) -> str:
    return json.dumps(value or None, sort_keys=True, default=str)


def _is_for(plugin: Mapping, listener: Listener, proxy: Proxy) -> bool:
    """Return whether a plugin is for a listener by its direction. All of a gateway's are of the class CLIENT."""
    modes = [each.get("mode") for each in items(at(plugin, "spec", "match"))]
    wanted: set[str] = set().union(*(_DIRECTIONS.get(str(mode), {"INBOUND", "OUTBOUND"}) for mode in modes))
    if proxy.is_gateway:
        return not modes or "OUTBOUND" in wanted
    return listener.direction in (wanted or {"INBOUND"})


def _named(filters: Iterable[str], name: str) -> bool:
    # Neither a namespace nor a name holds what stands around them: a prefix that ends with a stroke, a suffix that
    # begins with a tilde.
    return any(each.rpartition("/")[2].partition("~")[0] == name for each in filters)


def _name_of(plugin: Mapping) -> str:
    return f"{at(plugin, 'metadata', 'namespace')}.{at(plugin, 'metadata', 'name')}"


def held_of(plugin: Mapping, filters: Mapping[str, Held] | None) -> Held | None:
    """Return what Envoy has for a plugin, of all its ``filters``; None where it has nothing, or does not tell."""
    return next((held for each, held in (filters or {}).items() if _named((each,), _name_of(plugin))), None)


def _digest_of(plugin: Mapping) -> str:
    """Return the digest that pilot-agent knows a module by: that which the plugin says, or that of its image."""
    said = at(plugin, "spec", "sha256")
    found = _DIGEST.search(str(at(plugin, "spec", "url")))
    return str(said) if said else found[1] if found else ""


def with_word_of_istiod(heard: Heard, proxy: Proxy, taken: Mapping[str, bool]) -> Heard:
    """Return what was heard with istiod's word; an istiod that tells of others will tell of a proxy that connects
    again.
    """
    known = taken.get(f"{proxy.name}.{proxy.namespace}")
    return replace(heard, is_acknowledged=known, is_momentary=heard.is_momentary or bool(known is None and taken))


def told_of(plugins: Sequence[Mapping], proxy: Proxy, heard: Heard) -> list[Loading]:
    return [loading_of(plugin, proxy, heard) for plugin in plugins]


def are_all(told: Sequence[Loading], *states: str) -> bool:
    return all(each.state in states for each in told)


def as_told(row: Standing, loadings: Sequence[Loading] | None) -> Standing:
    """Return how an extension stands, by what its proxies said where they were asked; some of which nobody may read are
    not known to run it.
    """
    if not loadings:
        return row
    said, is_ready, why = tuple(each.as_data() for each in loadings), readiness(loadings), summary(loadings)
    if row.proxies is None and is_ready is not False:
        is_ready, why = None, f"{why}, of those that this account may read"
    return replace(row, is_ready=is_ready, why=why, loadings=said)
