# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wasm extensions as a user describes them, checked once.

Sources: CRDs of maistra.io/v1 ServiceMeshExtension and extensions.istio.io/v1alpha1 WasmPlugin; distribution's
reference grammar.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..plain.kinds import EXTENSION, WASM_PLUGIN, is_label
from ..plain.selectors import label_selector
from .phases import LAST_PHASE, PHASES, new_phase
from .problems import Problem

OPTION = "mesh_extensions"
ALL = "all"
"""The word that selects every workload: an absent or empty selector never does."""
POLICIES = ("IfNotPresent", "Always", "Never")
TRAFFIC = ("inbound", "outbound", "both", "gateway")
FAILURES = ("closed", "open")
KINDS = (EXTENSION.name, WASM_PLUGIN.name)
MOST = 1000
DEEPEST = 60
NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SCHEMES = ("oci", "http", "https", "file")
PRIORITIES = range(-(2**31), 2**31)
_WHOLE = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Extension:
    """One extension: a module for the proxies that ``selector`` selects; ``None`` selects every workload.

    ``image`` has no scheme where it is an OCI image. What is ``None`` or empty is left to the kind's own default.
    ``canary`` is whether one pod tries a guard before the others get it.
    """

    name: str
    namespace: str
    image: str
    selector: Mapping[str, str] | None
    phase: str = LAST_PHASE
    priority: int | None = None
    config: Mapping = field(default_factory=dict)
    pull_secret: str = ""
    pull_policy: str = ""
    kind: str = ""
    plugin_name: str = ""
    sha256: str = ""
    traffic: str = "inbound"
    ports: tuple[int, ...] = ()
    fail: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    canary: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it from the others: namespace and name."""
        return self.namespace, self.name

    @property
    def place(self) -> str:
        """Return it as people name it."""
        return f"{self.namespace}/{self.name}"

    @property
    def told(self) -> dict:
        """Return what its module is told, as a description has it."""
        env = [{"name": name, "value": value} for name, value in self.env.items()]
        return {"config": dict(self.config), "env": env}

    @property
    def is_pinned(self) -> bool:
        """Return whether its module can never change under running proxies."""
        return bool(self.sha256) or _DIGEST.search(self.image) is not None

    @property
    def is_oci(self) -> bool:
        """Return whether a registry serves it."""
        return "://" not in self.image


def read_extensions(described: object) -> tuple[list[Extension], list[Problem]]:
    """Return the extensions that are described well, and everything that is wrong with the others: FED800
    and FED801.
    """
    if not isinstance(described, Sequence) or isinstance(described, str):
        return [], [
            Problem(
                "FED800",
                (OPTION,),
                "is not a list",
                "Write a list of extensions, each a mapping with name, namespace and image",
            )
        ]
    if len(described) > MOST:
        what = f"has {len(described):,} entries, and at most {MOST:,} are allowed"
        return [], [Problem("FED800", (OPTION,), what, "Keep several meshes, or fewer extensions with wider selectors")]
    extensions: list[Extension] = []
    problems: list[Problem] = []
    seen: dict[tuple[str, str], int] = {}
    for number, entry in enumerate(described):
        found = list(_wrong(number, entry))
        problems += found
        if found or not isinstance(entry, Mapping):
            continue
        extension = _extension(entry)
        if extension.key in seen:
            what = f"is described twice, as entries {seen[extension.key] + 1} and {number + 1}"
            problems.append(
                Problem("FED801", (OPTION, extension.place), what, "Give each extension of a namespace its own name")
            )
            continue
        seen[extension.key] = number
        extensions.append(extension)
    return extensions, problems


def _extension(entry: Mapping) -> Extension:
    given = {key: value for key, value in entry.items() if value is not None}
    selector = given.pop("selector")
    image = str(given.pop("image"))
    return Extension(
        **{
            **given,
            "image": image.removeprefix("oci://"),
            "selector": None if selector == ALL else dict(sorted(selector.items())),
            "ports": tuple(sorted(set(given.get("ports", ())))),
            "env": {each["name"]: each["value"] for each in given.get("env", ())},
        }
    )


def _is_name(value: object) -> str:
    return (
        ""
        if isinstance(value, str) and NAME.fullmatch(value)
        else "must be lower-case letters, digits, dots and hyphens"
    )


def _is_namespace(value: object) -> str:
    return "" if isinstance(value, str) and is_label(value) else "must be the name of a namespace"


def _is_selector(value: object) -> str:
    if value == ALL:
        return ""
    if not isinstance(value, Mapping):
        return f"must be labels such as {{app: cart}}, or the word {ALL}"
    if not value:
        return f"is empty, which would select every workload; write labels, or the word {ALL}"
    if any(not isinstance(text, str) or "," in text for pair in value.items() for text in pair):
        return "must have texts as its labels; put numbers and true or false in quotes"
    try:
        label_selector([f"{key}={text}" for key, text in value.items()])
    except ValueError as reason:
        return str(reason)
    return ""


def _is_image(value: object) -> str:
    if not isinstance(value, str) or value.split() != [value] or not value.isprintable():
        return "must be an image such as registry.example/header:1.2@sha256:…, or an http or https address"
    scheme, separator, rest = value.partition("://")
    if separator and (scheme not in _SCHEMES or not rest):
        return f"must begin with one of {', '.join(f'{each}://' for each in _SCHEMES)}, or have no scheme at all"
    name = rest if separator else value
    if "@" in name.partition("/")[0] and name.partition("/")[1]:
        return "must not contain a user or password; name a pull_secret instead"
    if (not separator or scheme == "oci") and "@" in name and not _DIGEST.fullmatch(name.rpartition("@")[2]):
        return "has something else than sha256: and 64 lower-case hexadecimal digits after its @"
    return ""


def _one_of(words: Sequence[str]) -> Callable[[object], str]:
    return lambda value: "" if value in words else f"must be one of {', '.join(words)}"


def _is_phase(value: object) -> str:
    if word := new_phase(value):
        return f"is {value}, a word of ServiceMeshExtension; write {word}, and each kind gets its own word"
    return _one_of(PHASES)(value)


def _is_priority(value: object) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool) and value in PRIORITIES
    return "" if is_number else f"is {value!r}, and must be a whole number of 32 bits; the higher runs first"


def _is_config(value: object) -> str:
    if not isinstance(value, Mapping):
        return "must be a mapping: both kinds pass an object"
    if _is_json(value):
        return ""
    return (
        "has values that JSON cannot express: put dates, very large numbers and keys in quotes, "
        f"and nest at most {DEEPEST} levels"
    )


def _is_json(value: object, depth: int = 0) -> bool:
    """Return whether an API server takes a value and gives it back as it is."""
    if depth > DEEPEST:
        return False
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(below, depth + 1) for key, below in value.items())
    if isinstance(value, (list, tuple)):
        return all(_is_json(below, depth + 1) for below in value)
    if isinstance(value, int):
        return value in _WHOLE
    return value is None or isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))


def _is_boolean(value: object) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _is_text(value: object) -> str:
    return "" if isinstance(value, str) and value else "must be a text that is not empty"


def _is_sha256(value: object) -> str:
    return "" if isinstance(value, str) and _SHA256.fullmatch(value) else "must be 64 lower-case hexadecimal digits"


def _are_ports(value: object) -> str:
    is_good = (
        isinstance(value, (list, tuple))
        and value
        and all(isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536 for port in value)
    )
    return "" if is_good else "must be a list of port numbers from 1 to 65535"


def _is_env(value: object) -> str:
    if not isinstance(value, (list, tuple)) or not value:
        return "must be a list of {name, value}"
    for each in value:
        if (
            not isinstance(each, Mapping)
            or set(each) != {"name", "value"}
            or not all(isinstance(text, str) for text in each.values())
        ):
            return "must be a list of {name, value}, both texts"
        if not _ENV_NAME.fullmatch(each["name"]):
            return f"has the name {each['name']}, which no environment variable can have"
    names = [each["name"] for each in value]
    return "" if len(names) == len(set(names)) else "names a variable twice"


_CHECKS: Mapping[str, Callable[[object], str]] = {
    "name": _is_name,
    "namespace": _is_namespace,
    "image": _is_image,
    "selector": _is_selector,
    "phase": _is_phase,
    "priority": _is_priority,
    "config": _is_config,
    "pull_secret": _is_name,
    "pull_policy": _one_of(POLICIES),
    "kind": _one_of(KINDS),
    "plugin_name": _is_text,
    "sha256": _is_sha256,
    "traffic": _one_of(TRAFFIC),
    "ports": _are_ports,
    "fail": _one_of(FAILURES),
    "env": _is_env,
    "canary": _is_boolean,
}
# What must be there, and what to do where it is not.
_REQUIRED = {
    "name": "Give the name",
    "namespace": "Give the namespace",
    "image": "Give the image",
    "selector": f"Write labels, or selector: {ALL} for every workload of the namespace",
}


def _wrong(number: int, entry: object) -> Iterator[Problem]:
    """Give everything that is wrong with one entry."""
    if not isinstance(entry, Mapping):
        yield Problem(
            "FED800", (OPTION, f"entry {number + 1}"), "is not a mapping", "Write name, namespace, selector and image"
        )
        return
    name, namespace = entry.get("name"), entry.get("namespace")
    at = f"{namespace}/{name}" if isinstance(name, str) and isinstance(namespace, str) else f"entry {number + 1}"
    for key in entry:
        if key not in _CHECKS:
            yield Problem(
                "FED800", (OPTION, at, str(key)), "is not a field of an extension", f"Use one of {', '.join(_CHECKS)}"
            )
    for key in _CHECKS:
        if key in entry and entry[key] is None and key not in _REQUIRED:
            fix = f"Give {key} a value, or remove it: an empty field would be ignored silently"
            yield Problem("FED800", (OPTION, at, key), "is there and empty", fix)
    for key, fix in _REQUIRED.items():
        if entry.get(key) is None:
            yield Problem("FED800", (OPTION, at, key), "is missing", fix)
    for key, check in _CHECKS.items():
        what = check(entry[key]) if entry.get(key) is not None else ""
        if what:
            yield Problem("FED800", (OPTION, at, key), what, f"Correct {key}")
