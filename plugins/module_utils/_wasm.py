# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules that look at a whole mesh say of its Wasm extensions and 3scale's adapters: what is wrong with them, as
files, and how they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ._core.catalogue.findings import Finding, Unknown, finding_of
from ._core.extensions.described import Extension, read_extensions
from ._core.extensions.keeping import changes, is_kept_here, key_of, open_until_fetched, standing_of, warnings
from ._core.extensions.plan import Ground, objections, plan
from ._core.extensions.problems import Problem, refuse
from ._core.mesh.described import Mesh
from ._core.plain.errors import FederationError
from ._core.plain.kinds import POD
from ._core.plain.refusals import Refusal
from ._core.plain.supported import EXTENSIONS_FROM, V1_EXTENSIONS_FROM
from ._core.threescale import keeping
from ._core.threescale import plan as of_threescale
from ._core.threescale.described import Described, read_threescale
from ._core.threescale.explaining import Verdict, read_tests, verdict_of
from ._reads.extensions import FORBIDDEN, Around, read_around, read_pods
from ._reads.openshift import never_ready
from ._reads.threescale import read_adapters
from ._secrets import secrets_of

WASM = {
    "extensions": {"type": "raw"},
    "threescale": {"type": "raw"},
}
_OF_EXTENSIONS = ("FED807", "FED808", "FED809", "FED810", "FED811", "FED813")
_OF_THREESCALE = ("FED884", "FED887", "FED894", "FED895", "FED898", "FED899")
_OF_THE_PLATFORM = ("FED824",)


def wasm_of(params: Mapping[str, Any], cluster: Any) -> tuple[list[Finding], list[Unknown]]:
    """Return all that is wrong with what is described of extensions and 3scale, or deserves a warning, and what nobody
    knows of it.

    Nothing is looked at where neither is described. The portal of 3scale is not asked.
    """
    found: list[Finding] = []
    unknown: list[Unknown] = []
    for option, look in (("extensions", _extensions), ("threescale", _threescale)):
        if params[option]:
            try:
                findings, gaps = look(params, cluster)
            except FederationError as error:
                codes = _OF_EXTENSIONS if option == "extensions" else _OF_THREESCALE
                is_gap = error.code == FORBIDDEN
                findings = [] if is_gap else [finding_of(error)]
                gaps = [Unknown(f"{option}, {error.where}", error.what, codes)] if is_gap else []
            found += findings
            unknown += gaps
    return found, unknown


def _extensions(params: Mapping[str, Any], cluster: Any) -> tuple[list[Finding], list[Unknown]]:
    extensions, problems = read_extensions(params["extensions"])
    around = read_around(cluster, params)
    problems = [*problems, *objections(extensions, around.ground)]
    # What is wrong by itself is no ground for guesses about what stands.
    found = _findings(problems)
    unread: list[str] = []
    unasked: list[Refusal] = []
    if not problems:
        desired = plan(extensions, around.ground)
        proxies, unread = read_pods(cluster, around.ground.reached_from(each.namespace for each in extensions))
        futile, unasked = never_ready(cluster, desired)
        found += [*futile, *warnings(extensions, desired, around.live, proxies, around.ground, unread)]
        try:
            found += open_until_fetched(
                changes(around.live, desired, params["mesh"], force=params.get("force", False)), extensions
            )
        except FederationError as error:
            found.append(finding_of(error))
    return found, _gaps(around, unread, unasked, _OF_EXTENSIONS)


def _threescale(params: Mapping[str, Any], cluster: Any) -> tuple[list[Finding], list[Unknown]]:
    described, problems = read_threescale(params["threescale"])
    around = read_adapters(cluster, params)
    ground, mesh = around.ground, params["mesh"]
    problems = [*problems, *of_threescale.objections(described, ground)]
    trials, wrong = read_tests(params.get("threescale_tests") or [], described.adapters)
    found = _findings([*problems, *wrong])
    unread: list[str] = []
    unasked: list[Refusal] = []
    if not problems:
        planned, taken = keeping.without_taken(of_threescale.plan(described, ground), around.live, mesh)
        wrappers = [each for each in planned if each["kind"] in keeping.WRAPPERS]
        proxies, unread = read_pods(
            cluster, ground.reached_from(each.extension.namespace for each in described.adapters)
        )
        futile, unasked = never_ready(cluster, wrappers)
        found += [
            *futile,
            *_findings(of_threescale.cut_off(described, proxies, ground)),
            *of_threescale.doubts(described, ground, keeping.authenticated_in(around.live, mesh)),
            *taken,
            *keeping.several(wrappers, around.live, proxies, ground.namespace),
        ]
        try:
            keeping.turn_of(planned, described.adapters, around.live, ground)
        except FederationError as error:
            found.append(finding_of(error))
    if not wrong:
        found += _unmet(verdicts_known(described, trials, ground))
    return found, _gaps(around, unread, unasked, _OF_THREESCALE)


def verdicts_known(described: Described, trials: Iterable[Any], ground: Ground) -> list[Verdict]:
    """Return what becomes of the tests of adapters whose rules are all described; the portal is not asked here."""
    adapters = {
        each.place: each for each in described.adapters if all(service.rules is not None for service in each.services)
    }
    return [
        verdict_of(
            trial, adapters[trial.adapter].services, of_threescale.generation_of(adapters[trial.adapter], ground)
        )
        for trial in trials
        if trial.adapter in adapters
    ]


def _unmet(verdicts: Iterable[Verdict]) -> Iterator[Finding]:
    for verdict in verdicts:
        if verdict.missed:
            yield Finding("FED889", f"threescale_tests, {verdict.trial.name}", verdict.text)


def _findings(problems: Iterable[Problem]) -> list[Finding]:
    return [Finding(each.code, each.where, each.what, each.fix) for each in problems]


def _gaps(around: Around, unread: Iterable[str], unasked: Iterable[Refusal], codes: tuple[str, ...]) -> list[Unknown]:
    gaps = [*around.unknown, *(Refusal(POD, place) for place in unread)]
    return [
        *(Unknown(gap.what, gap.because, codes) for gap in gaps),
        *(Unknown(gap.what, gap.because, _OF_THE_PLATFORM) for gap in unasked),
    ]


# how they are written down


def rendered(
    params: Mapping[str, Any], mesh: Mesh, version: tuple[int, int] | None
) -> tuple[dict[str, list[dict]], list[str]]:
    """Return the objects of what is described that need no cluster and hold no secret, by folder, and in words what is
    left out.

    Raises ``FederationError`` for a description that cannot be read.
    """
    if not params["extensions"] and not params["threescale"]:
        return {}, []
    if version is None or version < EXTENSIONS_FROM:
        return {}, ["mesh_extensions, mesh_threescale: need mesh_version, v2.0 or newer, since render reads no cluster"]
    found: dict[str, list[dict]] = {}
    left_out: list[str] = []
    if params["extensions"]:
        found["extensions"], left_out = _rendered_extensions(params, mesh, version)
    if params["threescale"] and version < V1_EXTENSIONS_FROM:
        left_out.append("mesh_threescale: needs mesh_version v2.1 or newer, the first that runs the Wasm adapter")
    elif params["threescale"]:
        found["threescale"], secret = _rendered_threescale(params, mesh, version)
        left_out += secret
    return found, left_out


def _rendered_extensions(
    params: Mapping[str, Any], mesh: Mesh, version: tuple[int, int]
) -> tuple[list[dict], list[str]]:
    extensions, problems = read_extensions(params["extensions"])
    refuse(problems)
    ground = _described_ground(mesh, version, extensions)
    secret = [
        each for each in extensions if secrets_of({"extensions": [{"config": dict(each.config), "env": _env(each)}]})
    ]
    left_out = [
        f"mesh_extensions, {each.place}: has a secret in its configuration, and files go to others; extend writes it"
        for each in secret
    ]
    plain = [each for each in extensions if each not in secret]
    wrong = objections(plain, ground)
    left_out += [f"{each.code} {each.where} {each.what}; render reads no cluster" for each in wrong]
    places = {each.path[1] for each in wrong}
    return plan([each for each in plain if each.place not in places], ground), left_out


def _rendered_threescale(
    params: Mapping[str, Any], mesh: Mesh, version: tuple[int, int]
) -> tuple[list[dict], list[str]]:
    described, problems = read_threescale(params["threescale"])
    refuse(problems)
    ground = _described_ground(mesh, version, [each.extension for each in described.adapters])
    left_out = [
        f"mesh_threescale, {each.place}: has tokens in the clear, and files may be passed on; threescale writes it"
        for each in described.adapters
    ]
    return [each for each in of_threescale.plan(described, ground) if each["kind"] not in keeping.WRAPPERS], left_out


def _described_ground(mesh: Mesh, version: tuple[int, int], extensions: Iterable[Extension]) -> Ground:
    """Return the ground as render takes it: namespaces that are named are members."""
    return Ground(mesh.name, mesh.namespace, version, frozenset(each.namespace for each in extensions))


def _env(extension: Extension) -> list[dict]:
    return [{"name": name, "value": value} for name, value in extension.env.items()]


# how they stand


def standing(params: Mapping[str, Any], cluster: Any) -> tuple[list[dict], dict[str, bool]]:
    """Return how what is described stands, in rows and in lines, which say whether that is as it should be; nothing
    where nothing is described.

    A row's ``stands`` is None where nobody may look. A description that cannot be read is a line; preflight says what
    is wrong with it.
    """
    rows: list[dict] = []
    lines: dict[str, bool] = {}
    for option, look in (("extensions", _standing_extensions), ("threescale", _standing_adapters)):
        if not params[option]:
            continue
        try:
            found = look(params, cluster)
        except FederationError as error:
            lines[f"{option}: not known, {error.code} {error.where} {error.what}"] = False
            continue
        rows += found
        lines |= {_text(row): bool(row["stands"]) and row["ready"] is not False for row in found}
    return rows, lines


def _standing_extensions(params: Mapping[str, Any], cluster: Any) -> list[dict]:
    extensions, problems = read_extensions(params["extensions"])
    refuse(problems)
    around = read_around(cluster, params)
    manifests = plan(extensions, around.ground)
    return _rows("extension", extensions, manifests, around, cluster, lambda live: is_kept_here(live, params["mesh"]))


def _standing_adapters(params: Mapping[str, Any], cluster: Any) -> list[dict]:
    described, problems = read_threescale(params["threescale"])
    refuse(problems)
    around = read_adapters(cluster, params)
    wrappers = [each for each in of_threescale.plan(described, around.ground) if each["kind"] in keeping.WRAPPERS]
    extensions = [each.extension for each in described.adapters]
    return _rows(
        "3scale", extensions, wrappers, around, cluster, lambda live: keeping.is_kept_here(live, params["mesh"])
    )


def _rows(
    what: str,
    extensions: Sequence[Extension],
    manifests: Sequence[Mapping],
    around: Around,
    cluster: Any,
    is_ours: Callable[[Mapping], bool],
) -> list[dict]:
    proxies, unread = read_pods(cluster, around.ground.reached_from(each.namespace for each in extensions))
    live = {key_of(each): each for each in around.live}
    rows = []
    for extension, manifest in zip(sorted(extensions, key=lambda each: each.key), manifests):
        kind, namespace, name = key_of(manifest)
        own = live.get((kind, namespace, name))
        seen = standing_of(extension, manifest, own, proxies, around.ground, unread)
        is_hidden = any((gap.kind.name, gap.namespace) == (kind, namespace) for gap in around.unknown)
        stands = None if is_hidden else own is not None and is_ours(own)
        taken = "somebody else's object has this name" if own else "not written yet"
        why = "this account may not read it" if is_hidden else taken
        readiness = {"ready": seen.is_ready, "why": seen.why} if stands else {"ready": None, "why": why}
        row = {"what": what, "kind": kind, "namespace": namespace, "name": name, "stands": stands}
        rows.append({**row, **readiness, "pods": None if seen.proxies is None else list(seen.proxies)})
    return rows


def _text(row: Mapping) -> str:
    readiness = {True: "ready", False: "not ready", None: "readiness unknown"}[row["ready"]]
    state = {True: readiness, False: "missing", None: "unknown"}[row["stands"]]
    pods = "" if row["pods"] is None else f", {len(row['pods'])} pod{'s' * (len(row['pods']) != 1)}"
    why = f": {row['why']}" if row["why"] else ""
    return f"{row['what']} {row['namespace']}/{row['name']}: {row['kind']}, {state}{pods}{why}"
