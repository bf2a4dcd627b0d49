# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order one of 3scale's adapters takes the other's place: asked of the proxies, then the old one goes, or the
new one back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ._cluster.client import Cluster
from ._core.extensions.keeping import key_of
from ._core.insight.switching import counted_twice, heard_of, went_back
from ._core.plain.kinds import WASM_PLUGIN
from ._core.threescale import keeping, selecting
from ._core.threescale.described import Described
from ._loading import watch
from ._reads.extensions import Around
from ._reads.threescale import read_adapters
from ._run import Run


@dataclass(frozen=True)
class Seen:
    """What proxies said of new wrappers: ``why`` one is not known to run, by adapter, which were taken away again, and
    lines for people.
    """

    why: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def follow(
    run: Run, cluster: Cluster, turn: keeping.Turn, planned: Sequence[Mapping], described: Described, around: Around
) -> tuple[keeping.Turn, Seen]:
    """Ask the proxies whether they run the new wrappers, and return both turns as one.

    Where all do, the old wrapper or the denial goes. One that does not load goes itself where the old one runs beside
    it; behind a denial it stays.
    """
    params, ground = run.params, around.ground
    wrappers = {
        each.place: selecting.wrapper_of(each, [one for one in planned if one["kind"] in keeping.WRAPPERS])
        for each in turn.waiting
    }
    plugins = [each for each in wrappers.values() if each["kind"] == WASM_PLUGIN.name]
    if run.check_mode or not plugins:
        return turn, Seen()
    spaces = ground.reached_from(each.extension.namespace for each in turn.waiting)
    found = watch(cluster, around.control_plane, plugins, spaces, seconds=params["wait_timeout"])
    heard = heard_of(
        turn.waiting,
        {place: found.loadings.get(key_of(each), []) for place, each in wrappers.items()},
        ground,
        found.unread,
    )
    if not (heard.done or heard.failed):
        return turn, Seen(heard.why)
    now = read_adapters(cluster, params)
    loaded = {*params["loaded"], *(each.place for each in heard.done)}
    second = keeping.turn_of(planned, described.adapters, now.live, ground, loaded, force=params["force"])
    back = keeping.rolled_back(heard.failed, now.live, ground)
    run.apply(cluster, [*second.changes, *back])
    gone = went_back(heard.failed, back)
    return keeping.Turn((*turn.changes, *second.changes, *back), second.waiting), Seen(
        heard.why, gone, counted_twice(heard.done, found.seconds)
    )
