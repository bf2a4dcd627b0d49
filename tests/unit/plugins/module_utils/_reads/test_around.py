# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is looked at around a control plane before an upgrade."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._reads.around import read_found
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.modules.test_upgrade_plan_info import SPACE, injected


@pytest.mark.parametrize(
    ("version", "sidecar", "is_looked_for"), [((2, 0), "2.1.6", True), ((2, 1), "", False)], ids=["on 2.0", "on 2.1"]
)
def test_mixers_objects_are_looked_for_by_the_control_planes_version_whatever_sidecars_run(
    version, sidecar, is_looked_for
):
    rule = {"kind": "rule", "metadata": {"name": "limit", "namespace": SPACE}}
    cluster = ClusterInMemory(NOW, injected("cart-1", sidecar), rule)
    cluster.groups = {"config.istio.io"}
    plane = {"metadata": {"name": "basic", "namespace": SPACE}, "spec": {"version": f"v{version[0]}.{version[1]}"}}
    found = read_found(cluster, ControlPlane.read(plane), {"mesh": "east", "images": {}})
    assert found.mixer_objects == ((f"rule {SPACE}/limit",) if is_looked_for else ())
