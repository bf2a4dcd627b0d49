# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules' tests do not say of keeping a control plane: whether its member roll is done with."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.keeping import roll_of, roll_stands
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import MANAGER, MEMBER_ROLL
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW

PLANE = ControlPlane.read({"metadata": {"name": "basic", "namespace": "east-mesh-system"}, "spec": {"version": "v2.5"}})
DESIRED = roll_of({"mesh": "east", "members": ["shop"], "member_selectors": []}, PLANE)


def configured(roll: Mapping) -> dict:
    return {
        **roll,
        "status": {
            "observedGeneration": roll["metadata"].get("generation"),
            "configuredMembers": ["shop"],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def test_a_roll_is_not_done_with_while_it_is_missing_not_configured_or_kept_by_somebody_else() -> None:
    assert not roll_stands(DESIRED, None, PLANE)
    cluster = ClusterInMemory(NOW)
    ours = cluster.apply(MEMBER_ROLL, DESIRED, MANAGER)
    assert not roll_stands(DESIRED, {**ours, "status": {"observedGeneration": 0}}, PLANE)
    assert roll_stands(DESIRED, configured(ours), PLANE)
    theirs = cluster.apply(MEMBER_ROLL, {**DESIRED, "spec": {"members": ["desk"]}}, "gitops", force=True)
    assert not roll_stands(DESIRED, configured(theirs), PLANE)
