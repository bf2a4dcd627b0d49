# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for ``Cluster`` that keeps objects in memory, merges what is applied, and writes down each request."""

from __future__ import annotations

import pickle
from datetime import datetime
from typing import TypeVar

T = TypeVar("T")


class ClusterInMemory:
    """Answers as ``Cluster`` does; ``writes`` are the writing requests in order: (verb, kind, name). ``reads`` are the
    reading ones, as text.

    ``pages`` are what pods serve to themselves, by pod and path; who is not in them does not answer. ``logs`` are
    those of their proxies.
    """

    server = "https://127.0.0.1:6443"

    def __init__(self, now: datetime, *objects: dict) -> None:
        self.now = now
        self.requests = 0
        self.groups: set[str] = set()
        self.readers: set[str] = set()
        self.secrets: set[str] = set()
        self.pages: dict[tuple[str, str], bytes] = {}
        self.logs: dict[str, bytes] = {}
        self.dry_runs: list[tuple[str, str]] = []
        self.writes: list[tuple[str, str, str]] = []
        self.reads: list[str] = []
        self._objects: dict[tuple[str, str, str], dict] = {}
        self._uids = 0
        for manifest in objects:
            self.put(manifest)

    def put(self, manifest: dict) -> None:
        """Keep an object that somebody else made."""
        self._uids += 1
        kept = copied(manifest)
        kept["metadata"].setdefault("uid", f"uid-{self._uids}")
        self._objects[_key(kept["kind"], kept["metadata"])] = kept

    def set_status(self, kind: str, namespace: str, name: str, status: dict) -> None:
        """Say what istiod says of an object."""
        self._objects[(kind, namespace, name)]["status"] = status

    def get(self, kind, namespace, name):
        self.requests += 1
        self.reads.append(f"get {kind.name} {namespace}/{name}")
        return copied(self._objects.get((kind.name, namespace, name)))

    def outline(self, kind, namespace, name):
        live = self.get(kind, namespace, name)
        return live and {key: live[key] for key in ("apiVersion", "kind", "metadata")}

    def list(self, kind, namespace, selector=None, keep=None):
        self.requests += 1
        self.reads.append(f"list {kind.name} {namespace}")
        found = [
            copied(live)
            for (of, place, _name), live in self._objects.items()
            if of == kind.name and namespace in ("", place)
        ]
        return found if keep is None else [kept for live in found if (kept := keep(live)) is not None]

    def apply(self, kind, manifest, manager, force=False, dry_run=False):
        self.requests += 1
        metadata = manifest["metadata"]
        if dry_run:
            self.dry_runs.append((kind.name, metadata["name"]))
            return copied(manifest)
        self.writes.append(("apply", kind.name, metadata["name"]))
        live = self._objects.get(_key(kind.name, metadata))
        if live is None:
            assert "uid" not in metadata, "an update must not create what has gone"
            self.put(manifest)
            live = self._objects[_key(kind.name, metadata)]
        assert metadata.get("uid", live["metadata"]["uid"]) == live["metadata"]["uid"], (
            "another object has taken the name"
        )
        managed = live["metadata"].setdefault("managedFields", [])
        before = next((entry["fieldsV1"] for entry in managed if entry["manager"] == manager), {})
        fields = _fields(
            {key: manifest[key] for key in ("spec", "data", "rules", "roleRef", "subjects") if key in manifest}
        )
        fields |= {"f:metadata": {"f:labels": _fields(metadata["labels"])}} if metadata.get("labels") else {}
        others = [
            entry["fieldsV1"] for entry in managed if entry["manager"] != manager and not entry.get("subresource")
        ]
        _drop(live, before, _union(fields, *others))
        _merge(live, {key: below for key, below in manifest.items() if key != "metadata"})
        live["metadata"].setdefault("labels", {}).update(metadata.get("labels") or {})
        if metadata.get("annotations"):
            fields.setdefault("f:metadata", {})["f:annotations"] = _fields(metadata["annotations"])
            live["metadata"].setdefault("annotations", {}).update(metadata["annotations"])
        managed[:] = [entry for entry in managed if entry["manager"] != manager]
        managed.append({"manager": manager, "operation": "Apply", "fieldsV1": fields})
        return copied(live)

    def merge_patch(self, kind, namespace, name, patch, manager=""):
        self.requests += 1
        self.writes.append(("merge", kind.name, name))
        live = self._objects[(kind.name, namespace, name)]
        assert patch.get("metadata", {}).get("uid", live["metadata"]["uid"]) == live["metadata"]["uid"]
        _merge_away(live, patch)
        return copied(live)

    def delete(self, kind, namespace, name, uid):
        self.requests += 1
        self.writes.append(("delete", kind.name, name))
        assert self._objects[(kind.name, namespace, name)]["metadata"]["uid"] == uid
        del self._objects[(kind.name, namespace, name)]
        return True

    def review(self, kind, namespace, body):
        self.requests += 1
        allowed = bool(self.readers & {*body["spec"].get("groups", ())})
        return {"kind": kind.name, "status": {"allowed": allowed}}

    def page(self, namespace, pod, page, *, by_exec=False):
        self.requests += 1
        if (pod, page.path) not in self.pages:
            where = f"port {page.port} of pod {namespace}/{pod}"
            # Not at the top: attacks import this before there is a folder that Ansible finds the collection in.
            from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

            raise FederationError("FED900", where=where, what="does not answer", fix="See what runs there")
        return 200, self.pages[(pod, page.path)]

    def copy_log(self, namespace, pod, query, write, most):
        self.requests += 1
        self.reads.append(f"log {namespace}/{pod} since {query.get('sinceTime', '')}")
        write(self.logs.get(pod, b""))
        return len(self.logs.get(pod, b""))

    def serves(self, group):
        self.requests += 1
        return group in self.groups

    def schema(self, api_version):
        self.requests += 1
        self.reads.append(f"schema {api_version}")
        return None


def copied(value: T) -> T:
    """Return a copy of data: as ``copy.deepcopy`` makes it, several times faster."""
    return pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def _key(kind: str, metadata: dict) -> tuple[str, str, str]:
    return kind, metadata.get("namespace", ""), metadata["name"]


def _fields(value: object) -> dict:
    return {f"f:{key}": _fields(below) for key, below in value.items()} if isinstance(value, dict) else {}


def _union(*trees: dict) -> dict:
    """Return all fields of several managers: what one of them gives up stays while another holds it."""
    result: dict = {}
    for tree in trees:
        for name, below in tree.items():
            result[name] = _union(result.get(name, {}), below)
    return result


def _drop(live: dict, before: dict, after: dict) -> None:
    """Take away the fields that were owned and are no longer sent, and what they leave empty; others' fields stay."""
    for name, below in before.items():
        key = name[2:]
        if key not in live:
            continue
        if below and isinstance(live[key], dict):
            _drop(live[key], below, after.get(name, {}))
        if name not in after and (not below or not live[key]):
            del live[key]


def _merge(live: dict, manifest: dict) -> None:
    for key, value in manifest.items():
        if value is None:
            live.pop(key, None)
        elif isinstance(value, dict) and isinstance(live.get(key), dict):
            _merge(live[key], value)
        else:
            live[key] = copied(value)


def _merge_away(live: dict, patch: dict) -> None:
    """Merge as RFC 7396 says: None removes."""
    for key, value in patch.items():
        if value is None:
            live.pop(key, None)
        elif isinstance(value, dict) and isinstance(live.get(key), dict):
            _merge_away(live[key], value)
        elif isinstance(value, dict):
            live[key] = {}
            _merge_away(live[key], value)
        else:
            live[key] = copied(value)
