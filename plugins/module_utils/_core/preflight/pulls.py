# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images that a mesh asks for and may not get: pull secrets that are not named, not there, or not used by a version.

Sources: Istio documentation, WasmPlugin (``imagePullSecret``); maistra.io/v1 ServiceMeshExtension; Kubernetes
documentation, "Images" (waiting containers).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..catalogue.findings import Finding
from ..plain.data import at, items, place_of
from ..plain.kinds import EXTENSION, WASM_PLUGIN
from ..plain.supported import PULL_SECRET_OF_WASM_PLUGIN_FROM, REGISTRIES_WITH_LOGIN
from .checks import check
from .estate import EXTENSIONS, PODS, SECRETS, Estate

NOT_PULLED = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")


@check(reads=EXTENSIONS, codes=["FED750"], is_thorough=True)
def extension_images(estate: Estate) -> Iterator[Finding]:
    """Give images of extensions that a registry hands out after a login only, and that come without one."""
    for live in estate.extensions:
        yield from _extension(estate, live)


@check(reads=[*EXTENSIONS, SECRETS], codes=["FED751"], is_thorough=True)
def pull_secrets(estate: Estate) -> Iterator[Finding]:
    """Give pull secrets that something names and that are not there."""
    for place, namespace, name in named_secrets(estate):
        if (namespace, name) in estate.missing_secrets:
            yield Finding("FED751", place, f"names the pull secret {name}, which does not exist in {namespace}")


@check(reads=[PODS], codes=["FED752"], is_thorough=True)
def waiting_pods(estate: Estate) -> Iterator[Finding]:
    """Give pods of the control plane that wait for their images."""
    for pod in estate.own_pods:
        for container in (
            *items(at(pod, "status", "initContainerStatuses")),
            *items(at(pod, "status", "containerStatuses")),
        ):
            reason = at(container, "state", "waiting", "reason")
            if reason in NOT_PULLED:
                seen = f"waits for {container.get('image')}: {at(container, 'state', 'waiting', 'message') or reason}"
                yield Finding("FED752", f"{place_of(pod)}, container {container.get('name')}", seen)


def named_secrets(estate: Estate) -> list[tuple[str, str, str]]:
    """Return which pull secrets are named: where, the namespace in which they must stand, and the name."""
    plane = estate.control_plane
    found = [
        (f"{plane.place}, {path}", plane.namespace, name)
        for path, name in _pull_secrets(at(plane.live, "spec"), "spec")
    ]
    for live in estate.extensions:
        names = _secrets_of(live) if _are_used(estate, live) else []
        found += [(place_of(live), str(at(live, "metadata", "namespace")), name) for name in names]
    return found


def _extension(estate: Estate, live: Mapping) -> Iterator[Finding]:
    registry = registry_of(str(at(live, "spec", "url") or at(live, "spec", "image") or ""))
    if registry not in REGISTRIES_WITH_LOGIN:
        return
    if not _secrets_of(live):
        yield Finding(
            "FED750", place_of(live), f"asks {registry} for its image, which wants a login, and names no pull secret"
        )
    elif not _are_used(estate, live):
        seen = f"names a pull secret for {registry}, and {estate.control_plane.version_text} does not use it"
        yield Finding(
            "FED750",
            place_of(live),
            seen,
            "Serve the image from a registry that is open to the proxies, or upgrade to 2.3",
        )


def _are_used(estate: Estate, live: Mapping) -> bool:
    """Return whether this version looks at the pull secrets that an extension names."""
    return (
        live.get("kind") != WASM_PLUGIN.name or not estate.version or estate.version >= PULL_SECRET_OF_WASM_PLUGIN_FROM
    )


def registry_of(image: str) -> str:
    """Return the registry of an image or of an ``oci`` URL; "" for what is fetched otherwise, or names none."""
    scheme, separator, rest = image.partition("://")
    if separator and scheme != "oci":
        return ""
    first, slash, _name = (rest if separator else image).partition("/")
    return first.lower() if slash and ("." in first or ":" in first) else ""


def _secrets_of(live: Mapping) -> list[str]:
    spec = at(live, "spec")
    if live.get("kind") == EXTENSION.name:
        return [str(entry["name"]) for entry in items(at(spec, "imagePullSecrets")) if entry.get("name")]
    name = at(spec, "imagePullSecret")
    return [str(name)] if name else []


def _pull_secrets(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Give every ``imagePullSecrets`` below a value: its path, and each name."""
    for key, below in value.items() if isinstance(value, Mapping) else ():
        if key == "imagePullSecrets":
            yield from ((f"{path}.{key}", str(entry["name"])) for entry in items(below) if entry.get("name"))
        else:
            yield from _pull_secrets(below, f"{path}.{key}")


CHECKS = (extension_images, pull_secrets, waiting_pods)
