# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a dump is made of: which kinds, which logs, how its files are called, and its index."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..catalogue.findings import Unknown
from ..control_plane.data_plane import PROXY
from ..control_plane.live import ControlPlane
from ..plain.data import at, items, mapping
from ..plain.kinds import (
    AUTHORIZATION_POLICY,
    CONFIG_MAP,
    CONTROL_PLANE,
    CSV,
    DEPLOYMENT,
    DESTINATION_RULE,
    DISRUPTION_BUDGET,
    ENVOY_FILTER,
    EVENT,
    EXPORTS,
    EXTENSION,
    IMPORTS,
    ISTIO_GATEWAY,
    MEMBER,
    MEMBER_ROLL,
    MESH_LABEL,
    NETWORK_POLICY,
    PEER,
    PEER_AUTHENTICATION,
    POD,
    REQUEST_AUTHENTICATION,
    SERVICE,
    SERVICE_ENTRY,
    SIDECAR,
    TELEMETRY,
    VIRTUAL_SERVICE,
    WASM_PLUGIN,
    Kind,
)
from ..plain.moments import time_text
from ..plain.words import shown

MESH = (CONTROL_PLANE, MEMBER_ROLL, PEER, EXPORTS, IMPORTS)
HOME = (DEPLOYMENT, POD, SERVICE, NETWORK_POLICY, DISRUPTION_BUDGET, CONFIG_MAP, CSV, EVENT)
CONFIGURATION = (
    *(VIRTUAL_SERVICE, DESTINATION_RULE, SERVICE_ENTRY, ISTIO_GATEWAY, SIDECAR, ENVOY_FILTER),
    *(AUTHORIZATION_POLICY, PEER_AUTHENTICATION, REQUEST_AUTHENTICATION, TELEMETRY, WASM_PLUGIN, EXTENSION),
)
MEMBERS = (MEMBER, *CONFIGURATION)
MOST_OF_A_KIND = 300
"""Objects of one kind in one namespace at the most."""
MOST_FILES = 5000
LARGEST = 1 << 20
"""Bytes of one file at the most."""
MOST_LOGS = 24
MOST_LOG = 1 << 18
"""Bytes of one log at the most."""
LOGGED = {PROXY: "proxies of gateways", "discovery": "istiod"}
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?")
_LOG_LINES = "5000"


@dataclass
class Dump:
    """The files of a dump by their paths, as it grows: what is in it, what was left out, and what could not be read."""

    mesh: str
    files: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    unread: list[Unknown] = field(default_factory=list)

    def add(self, path: str, text: str, what: str) -> None:
        """Take a file; ``what`` is what the index counts it as. One that is too large, or one too many, is left out and
        told.
        """
        size = len(text.encode("utf-8", "replace"))
        if size > LARGEST:
            self.left_out.append(f"{path}: it has {size:,} bytes, and {LARGEST:,} is the most")
        elif len(self.files) >= MOST_FILES:
            self.left_out.append(f"{path}: the dump has {MOST_FILES:,} files already")
        else:
            self.files[path] = text
            self.counts[what] = self.counts.get(what, 0) + 1

    def add_objects(self, kind: Kind, namespace: str, objects: Sequence[Mapping]) -> None:
        """Take objects of one kind, redacted already, one file each."""
        for live in objects[:MOST_OF_A_KIND]:
            name = file_name(str(at(live, "metadata", "name")))
            self.add(
                f"objects/{file_name(namespace)}/{kind.name}/{name}.json", as_json(live), f"{kind.name} in {namespace}"
            )
        if len(objects) > MOST_OF_A_KIND:
            self.left_out.append(f"{len(objects) - MOST_OF_A_KIND:,} more of {kind.name} in {namespace}")


def wanted(kind: Kind, live: Mapping, control_plane: ControlPlane | None) -> bool:
    """Return whether an object belongs into a dump. Of ConfigMaps only roots, the mesh's own configuration and what is
    ours.
    """
    if kind is not CONFIG_MAP:
        return True
    metadata = mapping(live.get("metadata"))
    name = str(metadata.get("name"))
    own = {control_plane.root_config_map, f"istio-{control_plane.name}"} if control_plane else set()
    return name in own or name.endswith("-ca-root-cert") or MESH_LABEL in mapping(metadata.get("labels"))


def in_time(kind: Kind, objects: Iterable[Mapping]) -> list[Mapping]:
    """Return objects by name; of events the latest first, so that the bound takes the oldest."""
    if kind is not EVENT:
        return sorted(objects, key=lambda live: str(at(live, "metadata", "name")))
    return sorted(objects, key=lambda live: str(live.get("lastTimestamp") or live.get("eventTime") or ""), reverse=True)


def logs_of(pods: Iterable[Mapping], left_out: list[str]) -> list[tuple[str, str]]:
    """Return the pods and containers whose logs a dump has: proxies of gateways, and istiod."""
    found = [
        (str(at(pod, "metadata", "name")), str(container.get("name")))
        for pod in pods
        for container in items(at(pod, "spec", "containers"))
        if container.get("name") in LOGGED
    ]
    if len(found) > MOST_LOGS:
        left_out.append(f"logs of {len(found) - MOST_LOGS} more containers")
    return sorted(found)[:MOST_LOGS]


def log_query(container: str, since: int) -> dict[str, str]:
    """Return what is asked for of a log: its last lines, since so many seconds, to a bound."""
    return {
        "container": container,
        "sinceSeconds": str(since),
        "tailLines": _LOG_LINES,
        "limitBytes": str(MOST_LOG),
        "timestamps": "true",
    }


def file_name(name: str) -> str:
    """Return what a file is called: an object's name, or a digest of what cannot be one."""
    if _NAME.fullmatch(name) and ".." not in name:
        return name
    return f"name-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"


def folder_name(mesh: str, at_time: datetime) -> str:
    """Return the folder of a dump below the one that the user names."""
    return f"{file_name(mesh)}/{at_time.strftime('%Y%m%dT%H%M%SZ')}"


def as_json(value: Any) -> str:
    """Return a value as the text of a file."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def index(dump: Dump, at_time: datetime, head: Sequence[str], versions: Mapping[str, str]) -> str:
    """Return the index of a dump, in Markdown: what is there, what was left out, what could not be read and why. It is
    redacted by its caller.
    """
    lines = [f"# Support dump of {shown(dump.mesh)}", "", f"Made {time_text(at_time)} by `ossm.federation.gather`.", ""]
    lines += [f"- {key}: {shown(text)}" for key, text in versions.items()]
    lines += ["", "## What is here", "", "| files | what |", "|---|---|"]
    lines += [f"| {count} | {shown(what)} |" for what, count in sorted(dump.counts.items())]
    lines += [
        "",
        (
            "Each object and each log is a separate file: `objects/<namespace>/<kind>/<name>.json`, "
            "`logs/<pod>_<container>.log`."
        ),
        "",
    ]
    if head:
        lines += ["## Status", "", "```", *map(shown, head), "```", ""]
    lines += ["## What was left out", "", *LEFT_OUT, *(f"- {shown(what)}" for what in dump.left_out), ""]
    lines += ["## What could not be read", ""]
    lines += [f"- {shown(gap.what)}: {shown(gap.because)}" for gap in dump.unread] or ["Nothing."]
    return "\n".join([*lines, ""])


LEFT_OUT = (
    (
        "- Objects of kind Secret are not read. Of ConfigMaps only roots, the mesh's configuration and those of this"
        " collection are written."
    ),
    (
        "- `(hidden)` stands for tokens, keys, passwords, user information in URLs, and for values of environment"
        " variables but those of Istio's programs."
    ),
    (
        "- `sha256:…` stands for what may hold anything, such as the configuration of a Wasm extension or a value of an"
        " EnvoyFilter. Equal ones are equal."
    ),
    "- `managedFields`, and the annotation that holds an object as it was last applied, are left out.",
)
