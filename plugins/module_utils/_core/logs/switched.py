# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the proxies of a mesh write an access log, in which format, and what to do where they write none.

Sources: ServiceMeshControlPlane reference (``spec.proxy.accessLogging``); Istio documentation, "Telemetry API".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..catalogue.findings import Finding
from ..plain.data import at, from_json, items, mapping, place_of
from .access import Unparsable, expression_of, name_of

STDOUT = ("/dev/stdout", "/dev/stderr", "/proc/self/fd/1")


@dataclass(frozen=True)
class Switched:
    """What the control plane and Telemetry objects say of the access log.

    ``file`` is the file of the control plane, "" for none; ``telemetries`` are the objects that turn a log on.
    ``formats`` are texts, ``keys`` the names of a JSON format and the fields they stand for; ``unread`` are formats
    that could not be read, and why.
    """

    place: str
    file: str = ""
    telemetries: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @property
    def is_off(self) -> bool:
        return not (self.file or self.telemetries)


def switched(control_plane: Mapping, telemetries: Iterable[Mapping] = (), formats: Iterable[str] = ()) -> Switched:
    """Return how the access log of a mesh stands; ``formats`` are those that the user gives beside it."""
    spec = mapping(at(control_plane, "spec"))
    file = mapping(at(spec, "proxy", "accessLogging", "file"))
    texts, keys, unread = [*map(str, formats)], {}, []
    own = file.get("format")
    if isinstance(own, str) and own:
        if str(file.get("encoding")) == "JSON":
            keys = _keys(own)
        else:
            texts.append(own)
    logs = [live for live in telemetries if _turns_on(live)]
    for provider in items(at(spec, "meshConfig", "extensionProviders")) + items(
        at(spec, "techPreview", "meshConfig", "extensionProviders")
    ):
        written = at(provider, "envoyFileAccessLog", "logFormat")
        text, labels = at(written, "text"), mapping(at(written, "labels"))
        texts += [text] if isinstance(text, str) and text else []
        keys |= {str(key): name_of(str(value).strip("%")) for key, value in labels.items()}
    good = []
    for text in texts:
        try:
            expression_of(text)
            good.append(text)
        except Unparsable as error:
            unread.append(f"a format of the access log {error}: its lines stay texts")
    return Switched(
        place_of(control_plane),
        str(file.get("name") or ""),
        tuple(map(place_of, logs)),
        tuple(good),
        keys,
        tuple(unread),
    )


def _keys(text: str) -> dict[str, str]:
    """Return the names of a JSON format and the fields that they stand for; none where it is no JSON."""
    named = {str(key): value for key, value in mapping(from_json(text)).items() if isinstance(value, str)}
    return {key: name_of(value.strip("%")) for key, value in named.items() if value.startswith("%")}


def _turns_on(live: Mapping) -> bool:
    return any(not entry.get("disabled") for entry in items(at(live, "spec", "accessLogging")))


def findings_of(found: Switched) -> list[Finding]:
    """Return what keeps access lines from being seen: FED930, FED932."""
    if found.is_off:
        return [
            Finding(
                "FED930",
                found.place,
                "spec.proxy.accessLogging.file.name is not set, and no Telemetry object turns an access log on, so"
                " proxies write none",
                "Set spec.proxy.accessLogging.file: {name: /dev/stdout, encoding: JSON} there; new lines come within a"
                " minute, without restarts",
            )
        ]
    if found.file and found.file not in STDOUT:
        return [
            Finding(
                "FED930",
                found.place,
                f"the access log goes to {found.file} inside each pod, where pods/log does not reach",
                "Set spec.proxy.accessLogging.file.name: /dev/stdout",
            )
        ]
    return []
