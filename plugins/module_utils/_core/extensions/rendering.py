# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Extensions as files that ``oc apply`` takes."""

from __future__ import annotations

from collections.abc import Mapping

from ..plain.data import mapping

_OF_THE_SERVER = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "ownerReferences",
    "finalizers",
)


def text_of(manifest: Mapping) -> str:
    """Return an object as YAML."""
    import yaml  # only those who write files need it

    return yaml.safe_dump(manifest, sort_keys=True, default_flow_style=False, allow_unicode=True)


def old_text(live: Mapping) -> str:
    """Return a live object as YAML that makes it again: without its status and what the API server wrote."""
    metadata = {key: value for key, value in mapping(live.get("metadata")).items() if key not in _OF_THE_SERVER}
    return text_of(
        {"apiVersion": live.get("apiVersion"), "kind": live.get("kind"), "metadata": metadata, "spec": live.get("spec")}
    )
