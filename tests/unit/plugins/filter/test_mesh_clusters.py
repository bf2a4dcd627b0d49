# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters that list what lies in a cluster."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ossm.federation.plugins.filter.mesh_names import mesh_control_planes
from ansible_collections.ossm.federation.plugins.filter.mesh_names import mesh_tenants as tenants_of


def test_the_filter_lists_the_meshes_of_a_cluster():
    hostvars = {
        "east": {"mesh_cluster": "one", "mesh_members": ["shop"], "mesh_admins": {"users": ["anna"]}},
        "lab": {},
        "far": {"mesh_cluster": "two"},
    }
    assert tenants_of(["east", "lab", "far"], hostvars, "one", ["one", "two"]) == [
        {"mesh": "east", "namespace": "east-mesh-system", "members": ["shop"], "admins": {"users": ["anna"]}}
    ]


def test_a_mesh_of_an_unknown_cluster_is_refused():
    with pytest.raises(AnsibleFilterError, match="FED453 mesh_cluster of east: is won, and the group clusters has one"):
        tenants_of(["east"], {"east": {"mesh_cluster": "won"}}, "one", ["one"])


def test_the_control_planes_that_are_wanted_in_a_cluster_are_listed():
    spec = {"tracing": {"type": "None"}}
    hostvars = {
        "east": {"mesh_cluster": "one", "mesh_version": "v2.5", "mesh_control_plane_spec": spec},
        "lab": {"mesh_cluster": "one"},
        "far": {},
    }
    assert mesh_control_planes(["east", "lab", "far"], hostvars, "one") == [
        {"mesh": "east", "version": "v2.5", "spec": spec, "removed": False},
        {"mesh": "lab", "version": "", "spec": {}, "removed": False},
    ]


def test_a_name_that_a_control_plane_is_given_is_told():
    hostvars = {"east": {"mesh_cluster": "one", "mesh_control_plane": "default"}}
    assert [one["control_plane"] for one in mesh_control_planes(["east"], hostvars, "one")] == ["default"]


def test_that_a_control_plane_is_adopted_is_for_the_cluster_to_say():
    hostvars = {"lab": {"mesh_cluster": "one", "tenants_adopt": ["lab"]}, "pay": {"mesh_cluster": "one"}, "one": {}}
    assert not [tenant for tenant in tenants_of(["lab", "pay"], hostvars, "one") if "adopt" in tenant], (
        "what a mesh says of itself"
    )
    for said in ("lab, pay", ["lab", "pay"]):
        adopted = tenants_of(["lab", "pay"], {**hostvars, "one": {"tenants_adopt": said}}, "one")
        assert [tenant["mesh"] for tenant in adopted if tenant.get("adopt")] == ["lab", "pay"]
    for nothing in ("", " , ", [], None):
        assert not [
            tenant
            for tenant in tenants_of(["lab"], {**hostvars, "one": {"tenants_adopt": nothing}}, "one")
            if "adopt" in tenant
        ]
