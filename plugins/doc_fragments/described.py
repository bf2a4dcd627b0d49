# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """What a module is told about a mesh beside its name (fragment mesh): its peers, what it offers and takes."""

    DOCUMENTATION = r"""
options:
  peers:
    description:
      - The peers, each a name or a mapping with C(name), C(local_name), C(root_fingerprints), C(same_cluster),
        C(suspended), C(adopt), C(gateways), C(locality) (C(region), C(zone), C(subzone)) and C(kubectl). An empty list is refused.
      - With C(adopt) a peering that somebody else made is taken over as it stands, where the entry does not say otherwise.
      - C(kubectl) describes the peer's own mesh, with C(namespace), C(control_plane), C(version), C(gateways), C(exports) and C(imports),
        where M(ossm.federation.mesh_card) is to write the peer's half as files.
    type: list
    elements: raw
  gateways:
    description:
      - Gateway settings for all peers, with C(service_type), C(annotations), C(addresses), C(discovery_port),
        C(service_port), C(replicas), C(node_selector), C(tolerations), C(load_balancer_source_ranges),
        C(external_traffic_policy) and C(disruption_budget). A peer's own C(gateways) win, and may also have C(ingress),
        C(egress), C(node_ports) and C(load_balancer_ip).
    type: dict
  exports:
    description:
      - Rules of what is offered, the first that matches counts. Each has C(name) and C(namespace), or C(label_selectors)
        and C(namespace), and may have C(alias) (with C(name), C(namespace)) and C(to) (peers, all when absent).
    type: list
    elements: dict
  imports:
    description:
      - Rules of what is taken, the first that matches counts. Each has C(name) and C(namespace) as the peer exports them,
        and may have C(alias), C(import_as_local), C(domain_suffix) and C(from) (peers, all when absent).
    type: list
    elements: dict
  loopback:
    description:
      - Whether addresses of the machine itself (loopback, link-local, unspecified, multicast and reserved ones) and names of one or two labels are
        taken, on cards and for our own gateways. For testbeds on one machine only; each run warns that it is so.
    type: bool
    default: false
  hold:
    description:
      - Peers, by the names of their meshes, about which nothing is to be done this time, because their own part of the run failed.
        They stay as they are.
    type: list
    elements: str
    default: []
  trust_domain:
    description: The mesh's trust domain; checked against its control plane's.
    type: str
  owner:
    description:
      - Who keeps this description of the mesh, in your own words. It is written on what this collection makes, and a run with another
        O(mesh), or another O(owner), is refused where something of this description stands.
    type: str
  accept_changes:
    description:
      - What may change of who a peer is, each as the name of the peer and the digits that a refusal gives, such as
        V(west=3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21). Separators and case of the digits do not matter. The digits name the new
        trust domain, client identity and roots, or one older card, or one other description of this mesh; a name alone is refused.
    type: list
    elements: str
    default: []
"""
