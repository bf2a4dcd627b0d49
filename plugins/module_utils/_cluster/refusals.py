# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an API server's refusal means, as a table: the first row that fits tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._core.install.tenants import is_for_restarts
from .._core.plain.answers import DENIED, Answer, quoted
from .._core.plain.data import some
from .._core.plain.kinds import CONTROL_PLANE, MEMBER_ROLL, Kind
from .messages import Request


@dataclass(frozen=True)
class Refused:
    """A request, the answer that refuses it, and the kind of object that it is about where a missing kind would say
    something.
    """

    request: Request
    answer: Answer
    kind: Kind | None = None

    @property
    def fields(self) -> str:
        """The fields that other managers hold."""
        return some(sorted({conflict["field"] for conflict in self.answer.conflicts}))

    @property
    def managers(self) -> str:
        """Who holds them."""
        return some(sorted({conflict["manager"] for conflict in self.answer.conflicts}))

    @property
    def scope(self) -> str:
        """Where a right is missing."""
        return f" in namespace {self.request.namespace}" if self.request.namespace else ""

    def fact(self, name: str) -> Any:
        """Return one fact of a refusal by its name."""
        return getattr(self.answer if name in ("status", "reason", "conflicts") else self.request, name)


@dataclass(frozen=True)
class Row:
    """One meaning: its code, whether it ``fits``, its words, and the ``facts`` by name that go with it.

    ``is_of_server`` says that it is about the server as a whole, whatever was asked for.
    """

    code: str
    fits: Callable[[Refused], bool]
    what: Callable[[Refused], str]
    fix: Callable[[Refused], str]
    facts: tuple[str, ...] = ()
    is_of_server: bool = False


def _fix(text: str) -> Callable[[Refused], str]:
    """Return what gives the same advice always."""
    return lambda _refused: text


ROWS = (
    Row(
        "FED106",
        lambda it: DENIED in it.answer.reason,
        lambda it: f"refused: {it.answer.reason.partition(DENIED)[2].lstrip(': ') or it.answer.reason}",
        _fix("Change what it names; an admission webhook of the cluster refuses it"),
        facts=("status", "reason"),
    ),
    Row(
        "FED101",
        lambda it: it.answer.status == 401,
        lambda it: f"the API server does not accept the credentials{quoted(it.answer.reason)}",
        _fix("Give a token or certificate that is valid now; tokens expire"),
        is_of_server=True,
    ),
    Row(
        "FED104",
        lambda it: it.answer.status == 403 and ("cannot" in it.answer.reason or not it.answer.reason),
        lambda it: (
            f"the credentials may not {it.request.verb} {it.request.resource}{it.scope}{quoted(it.answer.reason)}"
        ),
        lambda it: (
            "Have a cluster administrator do it: restarts: false in mesh_admins leaves this right out, and so may other"
            " Roles (docs/rights.md)"
            if is_for_restarts(it.request.verb, it.request.resource)
            else "Ask a cluster administrator for the Role of docs/rights.md"
        ),
        facts=("verb", "resource", "namespace"),
    ),
    Row(
        "FED107",
        lambda it: bool(it.answer.conflicts),
        lambda it: f"{it.fields} is set by the field manager {it.managers}",
        lambda it: f"Let {it.managers} stop setting it, or take it over with force: true",
        facts=("conflicts",),
    ),
    Row(
        "FED109",
        lambda it: it.answer.is_replaced,
        lambda it: f"the object was removed or replaced meanwhile{quoted(it.answer.reason)}",
        _fix("Run again"),
    ),
    Row(
        "FED108",
        lambda it: it.answer.is_kind_unknown and it.kind is not None,
        lambda it: f"the API server does not serve {it.kind.name} ({it.kind.api_version})",
        lambda it: (
            "Install the OpenShift Service Mesh operator, or see that this is the cluster you mean"
            if it.kind in (CONTROL_PLANE, MEMBER_ROLL)
            else (
                "Its CRD comes with the first ServiceMeshControlPlane that the operator reconciles: create one and wait"
                " until it is ready"
            )
        ),
    ),
    Row(
        "FED106",
        lambda it: 200 <= it.answer.status < 400,
        lambda it: f"answered {it.answer.status} with something that is not the Kubernetes API's JSON",
        _fix(
            "See that host, or the kubeconfig's server, is the API server's own URL and not a console's or a login"
            " page's"
        ),
        facts=("status",),
    ),
    Row(
        "FED106",
        lambda it: True,
        lambda it: f"the API server answered {it.answer.status}{quoted(it.answer.reason)}",
        _fix("Change what it names and run again"),
        facts=("status", "reason"),
    ),
)


def meaning_of(refused: Refused) -> Row:
    """Return the first row that fits a refusal; the last one always does."""
    return next(row for row in ROWS if row.fits(refused))
