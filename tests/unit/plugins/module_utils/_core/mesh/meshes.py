# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A mesh called east, as a user describes it."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

PIN = "3F9A" * 16


def described(peers=("west",), **options):
    return parse_mesh(
        **{"name": "east", "namespace": "east-mesh-system", "control_plane": "basic", "peers": peers, **options}
    )


def refusal(**options):
    with pytest.raises(FederationError) as raised:
        described(**options)
    return raised.value


def peer(**options):
    return described([{"name": "west", **options}]).peers[0]
