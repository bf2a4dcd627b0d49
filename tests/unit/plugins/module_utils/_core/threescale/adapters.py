# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Descriptions of 3scale's adapter that the tests of this folder share."""

from __future__ import annotations

import copy
from typing import Any

TOKEN = "service-token-of-the-tests"
ACCESS = "access-token-of-the-tests"
RULES = [
    {"method": "GET", "pattern": "/", "usages": [{"name": "hits", "delta": 1}]},
    {
        "method": "any",
        "pattern": "/products/{id}/sold$",
        "usages": [{"name": "sales", "delta": 1}, {"name": "hits", "delta": 2}],
    },
    {"method": "POST", "pattern": "/orders?kind={kind}&v=2", "usages": [{"name": "orders", "delta": 1}], "last": True},
    {"method": "POST", "pattern": "/orders", "usages": [{"name": "orders", "delta": 10}]},
]
SERVICE = {
    "id": "2555417834789",
    "token": TOKEN,
    "authorities": ["cart.shop", "*.cart.shop:8080"],
    "credentials": {
        "user_key": [{"query_string": {"keys": ["user_key"]}}, {"header": {"keys": ["x-user-key", "x-api-key"]}}]
    },
    "mapping_rules": RULES,
}
ADAPTER = {
    "name": "cart",
    "namespace": "shop",
    "selector": {"app": "cart"},
    "pull_secret": "red-hat",
    "services": [SERVICE],
}
WHOLE = {"backend": {"url": "https://su1.3scale.net", "timeout": 2000}, "adapters": [ADAPTER]}
PORTAL = {"url": "https://acme-admin.3scale.net", "token": ACCESS}


def changed(whole: dict | None = None, **at: object) -> dict:
    """Return a description with fields set by paths such as ``adapters__0__name``; ``...`` takes a field out."""
    result = copy.deepcopy(WHOLE if whole is None else whole)
    for path, value in at.items():
        place: Any = result
        *outer, last = [int(key) if key.isdigit() else key for key in path.split("__")]
        for key in outer:
            place = place[key]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return result
