# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Letting one pod try a guard before all others get it: writing the object for it, asking it, and taking the object
away again.

The order of writing is what a run that is ended at any point leaves behind in a state that the next one finds: the
object stands before its pod bears a label, and goes after the label has gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ._cluster.client import Cluster
from ._core.catalogue.findings import Finding
from ._core.control_plane.live import ControlPlane
from ._core.extensions.canary import CANARY_OF, Canary, Trial, label_of, pod_of, untried
from ._core.extensions.keeping import key_of
from ._core.extensions.plan import EXTENSIONS_MANAGER
from ._core.insight.loading import IDLE, UNKNOWN, Loading
from ._core.insight.trying import Attempt
from ._core.plain.data import at, mapping, some
from ._core.plain.diff import Change, change_to, merge_of, removal_of
from ._core.plain.errors import FORBIDDEN, FederationError
from ._core.plain.kinds import POD, WASM_PLUGIN
from ._loading import watch
from ._reads.loading import read_loadings
from ._run import Run


@dataclass
class Tried:
    """How the ``trials`` of a run fare: which are awaited still, what is said of those that tell nothing, what was
    written, and the seconds it took.
    """

    trials: Sequence[Trial] = ()
    pending: dict[str, list[Loading]] = field(default_factory=dict)
    doubts: list[Finding] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    seconds: int = 0


def try_first(
    run: Run,
    cluster: Cluster,
    control_plane: ControlPlane,
    trials: Sequence[Trial],
    standing: Sequence[Mapping],
    spaces: Iterable[str],
) -> Tried:
    """Have one pod each try what is to be written for many, and return how that goes; ``standing`` are the canaries
    that stand already.

    With C(wait) it is waited for. Nothing is tried in check mode, or where nobody asks the proxies. Raises
    ``FederationError`` FED817 where a pod does not load it; then all canaries have gone again.
    """
    params, tried = run.params, Tried(trials)
    if run.check_mode or not trials:
        return tried
    if not (params["ask_proxies"] or params["wait"]):
        why = "nobody asks the proxies (extensions_wait, options wait and ask_proxies)"
        tried.doubts += [untried(each.place, why) for each in trials]
        return tried
    canaries = _begun(run, cluster, control_plane, trials, standing, tried)
    if not canaries:
        return tried
    found = watch(
        cluster,
        control_plane,
        [each.manifest for each in canaries],
        spaces,
        seconds=params["wait_timeout"] if params["wait"] else 0,
        waited=params["waited"],
        gives_up=True,
    )
    tried.seconds = found.seconds - params["waited"]
    attempt = Attempt.of(
        canaries,
        found.loadings,
        seconds=found.seconds,
        waits=params["wait"],
        is_last=params["wait"] and not params["soft"],
    )
    if attempt.has_failed:
        clear(run, cluster, _live(cluster, [each.key for each in canaries]))
        raise attempt.failure()
    tried.pending = attempt.pending
    tried.doubts += attempt.doubts
    return tried


def finish(run: Run, cluster: Cluster, standing: Sequence[Mapping], tried: Tried) -> list[Change]:
    """Take all canaries away, those of this call too, and return what was written for it; in check mode
    what would be.
    """
    made = {(change.namespace, change.name) for change in tried.changes if change.kind is WASM_PLUGIN}
    places = made | {key_of(each)[1:] for each in standing}
    return clear(run, cluster, _live(cluster, sorted(places)) if made else standing)


def clear(run: Run, cluster: Cluster, standing: Iterable[Mapping]) -> list[Change]:
    """Take live canaries away, each after the label on its pod, and return what was written for it."""
    done: list[Change] = []
    for live in standing:
        place = pod_of(live)
        label = label_of(str(at(live, "metadata", "namespace")), str(at(live, "metadata", "annotations", CANARY_OF)))
        pod = (
            cluster.get(POD, *place)
            if place and label in mapping(at(live, "spec", "selector", "matchLabels"))
            else None
        )
        change = (
            merge_of(pod, {"metadata": {"labels": {label: None}}}, EXTENSIONS_MANAGER)
            if pod and label in mapping(at(pod, "metadata", "labels"))
            else None
        )
        found = [*([change] if change else []), removal_of(live, EXTENSIONS_MANAGER)]
        run.apply(cluster, found, looks_again=False)
        done += found
    return done


def _begun(
    run: Run,
    cluster: Cluster,
    control_plane: ControlPlane,
    trials: Sequence[Trial],
    standing: Sequence[Mapping],
    tried: Tried,
) -> list[Canary]:
    """Return the canaries that stand, written where they did not yet; what cannot be tried is a doubt of ``tried``."""
    begun: list[Canary] = []
    for trial in trials:
        own = next((each for each in standing if key_of(each) == key_of(trial.canaries[0].manifest)), None)
        canary, why = _chosen(cluster, control_plane, trial, own)
        if own is not None and (canary is None or change_to(own, canary.manifest, EXTENSIONS_MANAGER)):
            # Created anew rather than changed: before 2.5 nothing tells whether a change has arrived.
            tried.changes += clear(run, cluster, [own])
            own = None
        why = why if canary is None else _written(run, cluster, canary, own is None, tried)
        if why or canary is None:
            tried.doubts.append(untried(trial.place, why))
        else:
            begun.append(canary)
    return begun


def _chosen(
    cluster: Cluster, control_plane: ControlPlane, trial: Trial, own: Mapping | None
) -> tuple[Canary | None, str]:
    """Return which canary of a trial it is: the one that has begun, else the first whose pod tells and has a listener
    for it; or why none is.
    """
    first = trial.canaries[0]
    if own is not None and pod_of(own) == (first.proxy.namespace, first.proxy.name):
        return first, ""
    any_pod = {**first.manifest, "spec": {**first.manifest["spec"], "selector": {}}}
    (told,) = read_loadings(cluster, control_plane, [any_pod], [each.proxy for each in trial.canaries])
    able = {one.proxy: not one.is_momentary for one in told if one.is_momentary or one.state not in (IDLE, UNKNOWN)}
    fit = [each for each in trial.canaries if each.proxy.place in able]
    # Who does not answer at the moment may do so soon; who answers comes first.
    fit.sort(key=lambda each: not able[each.proxy.place])
    return (fit[0], "") if fit else (None, some([one.text for one in told], 3, "; "))


def _written(run: Run, cluster: Cluster, canary: Canary, is_new: bool, tried: Tried) -> str:
    """Write a canary where none stands, then the label on its pod; return "" or why the pod cannot bear it, and then
    nothing of it stands.
    """
    change = change_to(None, canary.manifest, EXTENSIONS_MANAGER) if is_new else None
    run.apply(cluster, [change] if change else [], looks_again=False)
    tried.changes += [change] if change else []
    pod = cluster.get(POD, canary.proxy.namespace, canary.proxy.name) if canary.label else None
    mark = merge_of(pod, {"metadata": {"labels": {canary.label: "true"}}}, EXTENSIONS_MANAGER) if pod else None
    try:
        run.apply(cluster, [mark] if mark else [], looks_again=False)
    except FederationError as error:
        if error.code != FORBIDDEN:
            raise
        tried.changes += clear(run, cluster, _live(cluster, [canary.key]))
        return (
            f"its pods have all labels in common, and to put one on {canary.proxy.place} this account needs patch on"
            " pods"
        )
    tried.changes += [mark] if mark else []
    return ""


def _live(cluster: Cluster, places: Iterable[tuple[str, str]]) -> list[dict]:
    found = [cluster.get(WASM_PLUGIN, *place) for place in places]
    return [each for each in found if each is not None]
