# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules that look at a whole mesh say of its Wasm extensions and 3scale's adapters: what is wrong with them, as
files, and how they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._core.catalogue.findings import Finding, Unknown, finding_of
from ._core.extensions.described import Extension, read_extensions
from ._core.extensions.keeping import (
    changes,
    findings_of,
    gaps_of,
    is_kept_here,
    key_of,
    line_of,
    open_until_fetched,
    standing_of,
    warnings,
)
from ._core.extensions.plan import Ground, objections, plan
from ._core.extensions.problems import refuse
from ._core.mesh.described import Mesh
from ._core.plain.errors import FORBIDDEN, FederationError
from ._core.plain.refusals import Refusal
from ._core.plain.supported import EXTENSIONS_FROM, V1_EXTENSIONS_FROM
from ._core.threescale import keeping
from ._core.threescale import plan as of_threescale
from ._core.threescale.described import read_threescale
from ._core.threescale.explaining import read_tests
from ._core.threescale.rendering import rendered as rendered_threescale
from ._core.threescale.trying import judged_unasked, unmet
from ._reads.extensions import Around, read_around, read_pods
from ._reads.openshift import never_ready
from ._reads.threescale import read_adapters
from ._secrets import secrets_of

WASM = {
    "extensions": {"type": "raw"},
    "threescale": {"type": "raw"},
}
_OF_EXTENSIONS = ("FED807", "FED808", "FED809", "FED810", "FED811", "FED813")
_OF_THREESCALE = ("FED884", "FED887", "FED894", "FED895", "FED898", "FED899")


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
    found = findings_of(problems)
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
    return found, gaps_of(around.unknown, unread, unasked, _OF_EXTENSIONS)


def _threescale(params: Mapping[str, Any], cluster: Any) -> tuple[list[Finding], list[Unknown]]:
    described, problems = read_threescale(params["threescale"])
    around = read_adapters(cluster, params)
    ground, mesh = around.ground, params["mesh"]
    problems = [*problems, *of_threescale.objections(described, ground)]
    trials, wrong = read_tests(params.get("threescale_tests") or [], described.adapters)
    found = findings_of([*problems, *wrong])
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
            *findings_of(of_threescale.cut_off(described, proxies, ground)),
            *of_threescale.doubts(described, ground, keeping.authenticated_in(around.live, mesh)),
            *taken,
            *keeping.several(wrappers, around.live, proxies, ground.namespace),
        ]
        try:
            keeping.turn_of(planned, described.adapters, around.live, ground)
        except FederationError as error:
            found.append(finding_of(error))
    if not wrong:
        found += unmet(judged_unasked(trials, described, ground))
    return found, gaps_of(around.unknown, unread, unasked, _OF_THREESCALE)


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
        found["threescale"], secret = rendered_threescale(params["threescale"], mesh, version)
        left_out += secret
    return found, left_out


def _rendered_extensions(
    params: Mapping[str, Any], mesh: Mesh, version: tuple[int, int]
) -> tuple[list[dict], list[str]]:
    extensions, problems = read_extensions(params["extensions"])
    refuse(problems)
    ground = Ground.as_described(mesh.name, mesh.namespace, version, [each.namespace for each in extensions])
    secret = [each for each in extensions if secrets_of({"extensions": [each.told]})]
    left_out = [
        f"mesh_extensions, {each.place}: has a secret in its configuration, and files go to others; extend writes it"
        for each in secret
    ]
    plain = [each for each in extensions if each not in secret]
    wrong = objections(plain, ground)
    left_out += [f"{each.code} {each.where} {each.what}; render reads no cluster" for each in wrong]
    places = {each.path[1] for each in wrong}
    return plan([each for each in plain if each.place not in places], ground), left_out


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
        lines |= {line_of(row): bool(row["stands"]) and row["ready"] is not False for row in found}
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
