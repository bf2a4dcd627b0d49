# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands of 3scale's adapters in a mesh, who may read it, and the access token in its Secret: one LIST per kind
and namespace.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .._cluster.client import Cluster
from .._core.catalogue.findings import Finding
from .._core.control_plane.ground import ground_of
from .._core.control_plane.members import ROLL, membership
from .._core.plain.data import at
from .._core.plain.errors import FORBIDDEN, UNSEEN, FederationError
from .._core.plain.kinds import (
    ACCESS_REVIEW,
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    MEMBER_ROLL,
    REQUEST_AUTHENTICATION,
    SECRET,
    SERVICE_ENTRY,
    Kind,
    home_of,
)
from .._core.plain.refusals import Refusal
from .._core.threescale.described import Secret
from .._core.threescale.portal import no_token
from .extensions import Around
from .peerings import read_control_plane

AROUND = (SERVICE_ENTRY, DESTINATION_RULE, REQUEST_AUTHENTICATION, AUTHORIZATION_POLICY)


def read_adapters(cluster: Cluster, params: Mapping[str, Any], needed: Collection[str] = ()) -> Around:
    """Return a mesh with all that may be of 3scale's adapters in it.

    What is not served, or may not be read, is no error; but for the adapters themselves in ``needed`` namespaces, where
    one that somebody else made would be written over. There it raises ``FederationError`` FED104.
    """
    namespace = home_of(params)
    control_plane = read_control_plane(cluster, namespace, params["control_plane"])
    members = membership(cluster.get(MEMBER_ROLL, namespace, ROLL))
    ground = ground_of(control_plane, params["mesh"], members["configured"], is_going=params.get("state") == "absent")
    live: list[dict] = []
    unknown: list[Refusal] = []
    for kind in (*ground.kinds, *AROUND):
        for place in sorted(ground.namespaces):
            try:
                live += cluster.list(kind, place)
            except FederationError as error:
                is_needed = error.code == FORBIDDEN and kind in ground.kinds and place in needed
                if error.code not in UNSEEN or is_needed:
                    raise
                if error.code == FORBIDDEN:
                    unknown.append(Refusal(kind, place))
    return Around(control_plane, ground, tuple(live), tuple(unknown))


def access_token(cluster: Cluster, source: Secret) -> str:
    """Return the access token that one key of one Secret holds. Raises ``FederationError`` FED896 where it
    holds none.
    """
    live = cluster.get(SECRET, source.namespace, source.name)
    if live is None:
        raise no_token(source, "does not exist", "Correct token_from, or make the Secret")
    text = at(live, "data", source.key)
    try:
        token = base64.b64decode(str(text), validate=True).decode("ascii").strip() if isinstance(text, str) else ""
    except (binascii.Error, ValueError):
        token = ""
    if not 8 <= len(token) <= 4096 or not token.isprintable() or " " in token or ":" in token:
        raise no_token(
            source, f"has no access token under {source.key}", "Correct the key, or the content of the Secret"
        )
    return token


def readers_of(cluster: Cluster, kind: Kind, namespace: str) -> Iterator[Finding]:
    """Give which wide groups may read the objects of a kind in a namespace, where this account may ask: FED893."""
    groups = ("system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    resource = {
        "namespace": namespace,
        "verb": "get",
        "group": kind.api_version.partition("/")[0],
        "resource": kind.plural,
    }
    for group in groups:
        body = {
            "apiVersion": ACCESS_REVIEW.api_version,
            "kind": ACCESS_REVIEW.name,
            "metadata": {"namespace": namespace},
            "spec": {"groups": [group], "resourceAttributes": resource},
        }
        try:
            answer = cluster.review(ACCESS_REVIEW, namespace, body)
        except FederationError as error:
            if error.code not in UNSEEN:
                raise
            return
        if at(answer, "status", "allowed") is True:
            yield Finding(
                "FED893",
                f"{kind.name} objects in {namespace}",
                f"may be read by the group {group}, and have service tokens in the clear",
            )
            return
