# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What 3scale's portal says of a service, read as a stranger's text.

Source: 3scale Account Management API, "Proxy Config Show Latest"; 3scale/porta, ``ProxyConfig``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..extensions.problems import Problem, refuse
from ..plain.data import at, items
from ..plain.errors import FederationError
from .described import OPTION, Secret, Service, read_rules

MOST_RULES = 1000
_OF_PORTAL = {"production": "production", "staging": "sandbox", "sandbox": "sandbox"}
"""The portal's own words for the environments that the adapter knows."""


def path_of(service: Service) -> str:
    """Return the path of the portal that tells of a service in its environment."""
    return f"/admin/api/services/{service.id}/proxy/configs/{_OF_PORTAL[service.environment]}/latest.json"


def service_of(answer: object, asked: Service) -> Service:
    """Return what the portal says of a service, with token and rules. Raises ``FederationError`` FED892, or as
    ``read_rules``.
    """
    content = at(answer, "proxy_config", "content")
    found = at(content, "id")
    if str(found) != asked.id:
        raise refusal(
            asked,
            "is another service, or none, in the portal's answer",
            "See that portal names the admin portal of the account",
        )
    if at(content, "backend_authentication_type") != "service_token":
        fix = "Have the account use service tokens, or write the token of the service"
        raise refusal(asked, "has no service token in the portal, which the adapter needs", fix)
    token = at(content, "backend_authentication_value")
    if not isinstance(token, str) or not 8 <= len(token) <= 4096 or not token.isascii() or not token.isprintable():
        raise refusal(
            asked, "has a token in the portal's answer that cannot be one", "Look at the service in the portal"
        )
    given = sorted(items(at(content, "proxy", "proxy_rules"))[: MOST_RULES + 1], key=_position)
    if not given:
        what = f"has no mapping rules in the portal for {asked.environment}, so every request would be refused"
        raise refusal(
            asked, what, f"Add rules in the portal and promote them to {asked.environment}, or write mapping_rules"
        )
    problems: list[Problem] = []
    rules = read_rules(
        [_rule(each) for each in given], (OPTION, f"service {asked.id}", "mapping rules of the portal"), problems
    )
    refuse(problems)
    return Service(asked.id, asked.authorities, asked.credentials, asked.environment, token, tuple(rules))


def refusal(service: Service, what: str, fix: str, code: str = "FED892") -> FederationError:
    """Return the error for one service."""
    return FederationError(code, where=f"{OPTION}, service {service.id}", what=what, fix=fix)


def _position(rule: Mapping) -> int:
    position = rule.get("position")
    return position if isinstance(position, int) else 0


def _rule(given: Mapping) -> dict[str, Any]:
    return {
        "method": given.get("http_method"),
        "pattern": given.get("pattern"),
        "usages": [{"name": given.get("metric_system_name"), "delta": given.get("delta")}],
        "last": given.get("last") is True,
    }


def no_token(source: Secret, what: str, fix: str) -> FederationError:
    return FederationError("FED896", where=f"Secret {source.namespace}/{source.name}", what=what, fix=fix)
