# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables that may hold secrets, evaluated by Ansible's own templating and never quoted by it."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import AnsibleVaultError
from ansible.template import Templar
from ansible_collections.ossm.federation.plugins.lookup.connection import LookupModule

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19

    def trust_as_template(text):
        return text


SECRET = "a-secret-in-a-variable"
FOLDER = "/inventory"


def looked_up(*names, folder="", hosts=(), **variables):
    """Return what the lookup gives for variables as an inventory has them."""
    known = {name: trust_as_template(value) if isinstance(value, str) else value for name, value in variables.items()}
    templar = Templar(loader=DataLoader(), variables=known)
    return LookupModule(loader=DataLoader(), templar=templar).run(
        list(names), variables=known, folder=folder, hosts=hosts
    )


def refused(code, *names, **rest):
    with pytest.raises(AnsibleLookupError) as caught:
        looked_up(*names, **rest)
    seen, error = [], caught.value
    while error is not None:
        seen.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert code in seen[0]
    assert SECRET not in " ".join(seen)
    return seen[0]


def test_a_variable_is_evaluated_and_one_that_is_not_there_is_empty():
    known = {"mesh_host": "https://{{ name }}:6443", "name": "api", "mesh_proxy": None}
    assert looked_up("mesh_host", "mesh_proxy", "mesh_api_key", **known) == ["https://api:6443", "", ""]


def test_a_variable_that_no_vault_password_opens_is_said_to_be_encrypted():
    class Locked:
        def template(self, value):
            raise ValueError(value) from AnsibleVaultError("no vault secrets were found")

    with pytest.raises(AnsibleLookupError, match="FED101 mesh_api_key: is encrypted.*--vault-id") as caught:
        LookupModule(templar=Locked()).run(["mesh_api_key"], variables={"mesh_api_key": SECRET})
    assert SECRET not in str(caught.value)


def test_what_is_omitted_is_empty():
    assert looked_up("mesh_host", mesh_host="{{ nowhere | default(omit) }}", omit="__omit_place_holder__x") == [""]


@pytest.mark.parametrize(
    "broken",
    [
        SECRET + "{{",
        SECRET + "{{ nowhere }}",
        "{{ '" + SECRET + "' | nofilter }}",
        "{{ ('" + SECRET + "' | from_json).x }}",
        SECRET + "{%",
    ],
)
def test_a_template_that_is_wrong_is_named_and_not_quoted(broken):
    assert "mesh_api_key" in refused("FED101", "mesh_api_key", mesh_api_key=broken)


def test_a_path_is_below_the_folder_and_a_content_stays_what_it_is():
    content = "apiVersion: v1\nkind: Config\n"
    assert looked_up("mesh_kubeconfig", folder=FOLDER, mesh_kubeconfig="east.kubeconfig") == [
        "/inventory/east.kubeconfig"
    ]
    assert looked_up("mesh_kubeconfig", folder=FOLDER, mesh_kubeconfig="/absolute") == ["/absolute"]
    assert looked_up("mesh_kubeconfig", folder=FOLDER, mesh_kubeconfig=content) == [content]
    assert looked_up("mesh_kubeconfig", folder=FOLDER, mesh_kubeconfig={"users": [{"name": "u"}]}) == [
        {"users": [{"name": "u"}]}
    ]


@pytest.mark.parametrize("half", [{}, {"mesh_host": "https://b"}, {"mesh_api_key": "t"}, {"mesh_context": "b"}])
def test_among_several_hosts_one_without_credentials_of_its_own_is_refused(half):
    assert "--limit b" in refused("FED102", "mesh_kubeconfig", hosts=["a", "b"], inventory_hostname="b", **half)
    assert looked_up("mesh_kubeconfig", hosts=["b"], inventory_hostname="b", **half) == [""]


@pytest.mark.parametrize("whole", [{"cluster_kubeconfig": "k"}, {"cluster_host": "https://b", "cluster_api_key": "t"}])
def test_among_several_hosts_one_with_credentials_of_its_own_is_not(whole):
    assert looked_up("cluster_kubeconfig", hosts=["a", "b"], inventory_hostname="b", **whole) == [
        whole.get("cluster_kubeconfig", "")
    ]
