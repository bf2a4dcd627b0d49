# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Extensions and meshes that the tests of this folder share."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.described import (
    Extension,
    read_extensions,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.plan import Ground

DIGEST = f"sha256:{'a' * 64}"
IMAGE = f"registry.example/header:1.2@{DIGEST}"
WHOLE = {"name": "header", "namespace": "shop", "selector": {"app": "cart"}, "image": IMAGE}


def described(**fields: object) -> Extension:
    """Return one extension as read from a description."""
    (extension,), problems = read_extensions([{**WHOLE, **fields}])
    assert problems == []
    return extension


def ground(minor: int, **fields: object) -> Ground:
    """Return a mesh of version 2.``minor`` with the member shop."""
    return Ground(
        **{
            "mesh": "east",
            "namespace": "east-mesh-system",
            "version": (2, minor),
            "members": frozenset({"shop"}),
            **fields,
        }
    )
