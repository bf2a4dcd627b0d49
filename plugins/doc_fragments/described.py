# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """What a module is told about a mesh beside its name (fragment mesh): its peers, what it offers and takes."""

    DOCUMENTATION = r"""
options:
  peers:
    description:
      - The peers, each a name or a mapping with C(name), C(local_name), C(root_fingerprints), C(same_cluster),
        C(suspended), C(adopt), C(gateways), C(locality) (C(region), C(zone), C(subzone)) and C(kubectl). An empty list
        is refused.
      - With C(adopt) a peering that somebody else made is taken over unchanged, except for what the entry sets.
      - C(kubectl) describes the peer's own mesh, with C(namespace), C(control_plane), C(version), C(gateways),
        C(exports) and C(imports), where M(ossm.federation.mesh_card) is to write the peer's half as files.
    type: list
    elements: raw
    suboptions:
      name:
        description: What the peer calls itself on its cards.
        type: str
        required: true
      local_name:
        description: What this mesh calls the peer; its name when absent.
        type: str
      root_fingerprints:
        description: The SHA-256 of the roots that a card of the peer may have, as C(show_card) prints them.
        type: list
        elements: str
      same_cluster:
        description: Whether the peer is in the same cluster.
        type: bool
      suspended:
        description: Whether nothing is exchanged with the peer for now; the peering stays.
        type: bool
      adopt:
        description: Whether a peering that somebody made by hand is taken over.
        type: bool
      gateways:
        description: Gateway settings for this peer, which win over O(gateways).
        type: dict
        suboptions: &gateways
          <<: &shared
            service_type:
              description: How the gateway is reached; C(ClusterIP) where the peer is in the same cluster, else
                C(LoadBalancer), when absent.
              type: str
              choices: [LoadBalancer, NodePort, ClusterIP]
            annotations:
              description: Annotations of the Service, such as those that a cloud's load balancer wants.
              type: dict
            addresses:
              description: Where the peer reaches the gateway, instead of what its Service reports. Needed for
                C(NodePort).
              type: list
              elements: str
            discovery_port:
              description: The port for discovery at these addresses; 8188, or the node port, when absent.
              type: int
            service_port:
              description: The port for services at these addresses; 15443, or the node port, when absent.
              type: int
            replicas:
              description: How many pods each gateway has.
              type: int
            node_selector:
              description: Labels of the nodes that the gateways' pods run on.
              type: dict
            tolerations:
              description: Tolerations of the gateways' pods, as the API has them.
              type: list
              elements: dict
            load_balancer_source_ranges:
              description: Ranges of addresses that may connect, such as V(192.0.2.0/24); every address when absent.
              type: list
              elements: str
            external_traffic_policy:
              description: Whether a node passes connections on to other nodes.
              type: str
              choices: [Cluster, Local]
            disruption_budget:
              description: How many pods of a gateway must stay while nodes are drained; one of the two.
              type: dict
              suboptions:
                min_available:
                  description: The number or percentage of pods that stay.
                  type: raw
                max_unavailable:
                  description: The number or percentage of pods that may go.
                  type: raw
          ingress:
            description: The name of the ingress gateway; the peer's local name followed by -ingress when absent.
            type: str
          egress:
            description: The name of the egress gateway; the peer's local name followed by -egress when absent.
            type: str
          node_ports:
            description: Fixed node ports.
            type: dict
            suboptions:
              discovery:
                description: The node port for discovery.
                type: int
              service:
                description: The node port for services.
                type: int
          load_balancer_ip:
            description: The address that the load balancer is asked for.
            type: str
      locality:
        description: Where the peer is, for its imported services.
        type: dict
        suboptions: &locality
          region:
            description: The region, as the nodes' label C(topology.kubernetes.io/region) has it.
            type: str
          zone:
            description: The zone; needs a region.
            type: str
          subzone:
            description: The subzone; needs a zone.
            type: str
      kubectl:
        description: The peer's own mesh, where its administrator has no Ansible.
        type: dict
        suboptions:
          namespace:
            description: The namespace of the peer's control plane.
            type: str
            required: true
          control_plane:
            description: The name of the peer's ServiceMeshControlPlane.
            type: str
            required: true
          version:
            description: The version of the peer's control plane, such as C(v2.5).
            type: str
          gateways:
            description: The peer's gateway settings for this mesh.
            type: dict
            suboptions: *gateways
          exports:
            description: What the peer offers this mesh, rules as in O(exports).
            type: list
            elements: dict
            suboptions: &exports
              name:
                description: The name of a Service; every Service when absent, or where it is C(*).
                type: str
              namespace:
                description: The namespace of the Services; every member namespace when absent.
                type: str
              label_selectors:
                description: Labels of the Services, in place of a name, as kubernetes.core writes them.
                type: list
                elements: str
              alias:
                description: Under which name the service is known on the other side of the rule.
                type: dict
                suboptions:
                  name:
                    description: The name; kept when absent.
                    type: str
                  namespace:
                    description: The namespace; kept when absent.
                    type: str
              to:
                description: The peers that the rule is for; every peer when absent.
                type: list
                elements: str
          imports:
            description: What the peer imports, rules as in O(imports).
            type: list
            elements: dict
            suboptions: &imports
              name:
                description: The name under which the peer exports the service; every name when absent, or where it is
                  C(*).
                type: str
              namespace:
                description: The namespace under which the peer exports the service; every namespace when absent.
                type: str
              alias:
                description: Under which name the service is known on the other side of the rule.
                type: dict
                suboptions:
                  name:
                    description: The name; kept when absent.
                    type: str
                  namespace:
                    description: The namespace; kept when absent.
                    type: str
              import_as_local:
                description: Whether the service is called as one of this cluster's own (C(svc.cluster.local)).
                type: bool
              domain_suffix:
                description: The suffix of imported names in place of C(svc.<peer>-imports.local).
                type: str
              from:
                description: The peers that the rule is for; every peer when absent.
                type: list
                elements: str
  gateways:
    description:
      - Gateway settings for all peers, with C(service_type), C(annotations), C(addresses), C(discovery_port),
        C(service_port), C(replicas), C(node_selector), C(tolerations), C(load_balancer_source_ranges),
        C(external_traffic_policy) and C(disruption_budget). A peer's own C(gateways) win, and may also have C(ingress),
        C(egress), C(node_ports) and C(load_balancer_ip).
    type: dict
    suboptions: *shared
  exports:
    description:
      - Rules of what is exported; the first that matches counts. Each has C(name) and C(namespace), or
        C(label_selectors) and C(namespace), and may have C(alias) (with C(name), C(namespace)) and C(to) (peers, all
        when absent).
    type: list
    elements: dict
    suboptions: *exports
  imports:
    description:
      - Rules of what is imported; the first that matches counts. Each has C(name) and C(namespace) as the peer exports
        them, and may have C(alias), C(import_as_local), C(domain_suffix) and C(from) (peers, all when absent).
    type: list
    elements: dict
    suboptions: *imports
  loopback:
    description:
      - Whether addresses of the machine itself (loopback, link-local, unspecified, multicast and reserved ones) and
        names of one or two labels are taken, on cards and for our own gateways. For testbeds on one machine only; each
        run warns about it.
    type: bool
    default: false
  hold:
    description:
      - Peers, by the names of their meshes, about which nothing is to be done this time, because their own part of the
        run failed. They stay as they are.
    type: list
    elements: str
    default: []
  trust_domain:
    description: The mesh's trust domain; checked against its control plane's.
    type: str
  owner:
    description:
      - Who keeps this description of the mesh, in your own words. It is written on what this collection makes, and a
        run with another O(mesh), or another O(owner), is refused while objects of this description exist.
    type: str
  accept_changes:
    description:
      - Accepted changes of a peer's identity, each as the name of the peer and the digits that a refusal gives, such as
        V(west=3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21). Separators and case of the digits do not matter. The digits
        name the new trust domain, client identity and roots, or one older card, or one other description of this mesh;
        a name alone is refused.
    type: list
    elements: str
    default: []
"""
