# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which kinds (CRDs) may go with the operators that brought them, and whose objects would go along.

Source: OpenShift Service Mesh documentation, "Removing Service Mesh", clean up of operator resources.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..control_plane.members import CREATED_BY
from ..plain.data import at, items
from ..plain.diff import is_ours
from ..plain.kinds import COMMUNITY, CRD, JAEGER, KIALI, SAIL, Kind

_MAISTRA, _ISTIO = "maistra.io", "istio.io"
# Who else uses the kinds of a group: packages of OLM, by the group.
_SHARED = {
    _MAISTRA: ("maistraoperator",),
    _ISTIO: ("maistraoperator",),
    KIALI: ("kiali-ossm", "kiali"),
    JAEGER: ("jaeger-product", "jaeger"),
}
_OPERATOR = "maistra-istio-operator"


@dataclass(frozen=True)
class Definition:
    """One CustomResourceDefinition: its name and uid, the kind that it defines in the version that is stored, and
    whether it is being deleted.
    """

    name: str
    uid: str
    kind: Kind
    is_going: bool = False

    @classmethod
    def read(cls, live: Mapping) -> Definition:
        """Return what matters of a live CustomResourceDefinition."""
        metadata, spec = live["metadata"], live["spec"]
        # What is stored needs no conversion, and the webhook that would convert it may have gone with its operator.
        stored = next(version["name"] for version in items(spec["versions"]) if version.get("storage"))
        kind = Kind(spec["names"]["kind"], f"{spec['group']}/{stored}", spec["names"]["plural"])
        return cls(metadata["name"], metadata["uid"], kind, bool(metadata.get("deletionTimestamp")))

    @property
    def group(self) -> str:
        """Return its API group."""
        return self.kind.api_version.partition("/")[0]

    @property
    def family(self) -> str:
        """Return the domain that its group lies in: maistra.io, istio.io, kiali.io or jaegertracing.io; "" for anything
        else.
        """
        return next((family for family in _SHARED if self.group == family or self.group.endswith(f".{family}")), "")

    def outline(self) -> dict:
        """Return as much of the live object as its removal takes."""
        return {"apiVersion": CRD.api_version, "kind": CRD.name, "metadata": {"name": self.name, "uid": self.uid}}


def going(definitions: Collection[Definition], subscribed: Collection[str]) -> tuple[list[Definition], list[str]]:
    """Return which definitions go, and in words which families stay, with the reason.

    ``subscribed`` are the packages that OLM still has: what one of them brought is theirs. Istio's kinds are shared by
    all Istios.
    """
    groups = {definition.group for definition in definitions}
    stays: dict[str, str] = {}
    for family, packages in _SHARED.items():
        still = sorted(set(packages) & set(subscribed))
        others = [group for group in (SAIL, COMMUNITY) if group in groups] if family == _ISTIO else []
        if still:
            stays[family] = f"the operator {still[0]} is subscribed"
        elif others:
            stays[family] = f"{others[0]} is served, so another Istio uses them"
    found = [definition for definition in definitions if definition.family]
    told = [
        f"kinds of {family} stay: {why}"
        for family, why in stays.items()
        if any(each.family == family for each in found)
    ]
    return sorted((each for each in found if each.family not in stays), key=lambda each: each.name), told


def is_foreign(live: Mapping) -> bool:
    """Return whether an object is neither this collection's nor the mesh operator's, and hangs on no other object."""
    metadata = live["metadata"]
    made = at(metadata, "labels", "app.kubernetes.io/managed-by") == _OPERATOR or CREATED_BY in (
        metadata.get("annotations") or {}
    )
    return not (made or metadata.get("ownerReferences") or is_ours(live))
