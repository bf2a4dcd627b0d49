#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_diagnosis_info
short_description: Find out why a federation does not work, and who must act
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Goes up a ladder for each peer, from the ServiceMeshPeer over addresses, TLS and identities to a real call, and
    reports the first rung that fails, with its evidence, the likely cause, who must act, and the sentence to send to
    the peer.
  - It sees only one side, with the rights of its account. What it may not read is reported as unknown. Where the
    evidence does not tell who must act, it names both candidates.
  - With O(explain) it explains the names of one service instead.
seealso:
  - module: ossm.federation.federation_info
  - module: ossm.federation.federation_verify_info
attributes:
  check_mode: {support: full, description: Reads objects only; nothing is asked of proxies and logs or probed.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  peer:
    description: The only peer to diagnose; without it all.
    type: str
  service:
    description: The only imported service to diagnose, as C(namespace/name) in the peer's offer; without it those that
      O(imports) name.
    type: str
  client:
    description: Who calls it here, as C(namespace/name) of a workload or pod.
    type: str
  since:
    description: How far back logs of proxies are read, as a duration such as C(30m).
    type: str
    default: 30m
  proxies:
    description: Whether Envoys of our gateways are asked, by port-forward, and access logs are read.
    type: bool
    default: true
  cards_dir:
    description: The folder of card files; the peer's card and the one that it was given are compared with the objects
      on the cluster.
    type: path
  probes:
    description:
      - Whether calls of our own are made, and from where. V(none) makes none. In check mode none is made either.
      - V(controller) looks up, connects to and begins a TLS handshake with each address of the peer at both its ports,
        from the machine that runs Ansible. It sends no certificate and no request, takes at most 5 seconds for an
        address and 30 for all, and calls at most six addresses of a peer. Its results are shown beside the ladder and
        decide no rung, since pods may use another route. Addresses of this machine, link-local ones and metadata
        services are called only with O(loopback).
      - V(pod) makes one real request to one import from a pod with a sidecar, that of O(client) or any of a member
        namespace, as M(ossm.federation.federation_verify_info) does. This is a command in a container, and needs
        C(pods/exec). The last rung counts its answer.
    type: str
    choices: [none, controller, pod]
    default: none
    version_added: 0.3.0
  explain:
    description: A service, as C(namespace/name), whose exported and imported names are explained.
    type: str
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
"""

EXAMPLES = r"""
- name: Say why calls to west fail
  ossm.federation.federation_diagnosis_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: cart, namespace: shop}
    client: shop/web
    cards_dir: cards

- name: Look at one import of one peer, with the proxies' logs of the last two hours
  ossm.federation.federation_diagnosis_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    peer: west
    service: shop/cart
    since: 2h

- name: See what this machine gets from the addresses of west, beside the ladder
  ossm.federation.federation_diagnosis_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    cards_dir: cards
    probes: controller

- name: Explain under which names checkout is exported and imported, without a question to any proxy
  ossm.federation.federation_diagnosis_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    explain: shop/checkout
    proxies: false
"""

RETURN = r"""
diagnoses:
  description: One entry per peer, with C(code), C(rung) and C(side) of the first rung that fails (empty where none
    does), what was seen, the likely cause, what we do (C(fix)), the sentence for the peer (C(tell)), and all rungs.
    C(side) is C(us), C(them), or C(either). With O(probes), C(probes) has a row per address and port, or one for the
    request from a pod; C(told) has the result in words. C(certificate) is what the server showed, unchecked;
    C(asks_for_certificate) is null where that is not known.
  returned: success
  type: list
  elements: dict
  sample:
    - peer: west
      code: FED953
      rung: discovery
      side: them
      seen: "istiod reports of its last call: 403 Forbidden"
      cause: the peer expects another client identity than our card has
      fix: ""
      tell: Your ingress gateway refuses us with 403.
      rungs: [{rung: object, state: holds, seen: ServiceMeshPeer east-mesh-system/west and ConfigMap
        east-mesh-system/west-ca-root-cert exist}]
      probes:
        - from: controller
          address: west.example.com
          port: 8188
          use: "8188"
          server_name: ""
          ip: 192.0.2.9
          client: ""
          outcome: refused
          is_connected: false
          protocol: ""
          certificate: {}
          asks_for_certificate:
          told: the connection is refused
      unread: []
explanation:
  description: With O(explain) one row per peer and direction; else empty.
  returned: success
  type: list
  elements: dict
  sample: []
lines:
  description: All of it as lines.
  returned: success
  type: list
  elements: str
  sample: ["east → west · no rung fails"]
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import Unknown
from ..module_utils._core.diagnosis.asking import chosen, refuse_odd
from ..module_utils._core.diagnosis.evidence import Evidence
from ..module_utils._core.diagnosis.explaining import Home, explained, lines
from ..module_utils._core.diagnosis.ladder import Diagnosis, diagnosed
from ..module_utils._core.diagnosis.probing import CONTROLLER, FROM, NOBODY, POD, call_row, wanted_first, ways_of
from ..module_utils._core.logs.choosing import Span
from ..module_utils._core.mesh.described import Peer
from ..module_utils._core.mesh.parse import described_mesh
from ..module_utils._described import DESCRIBED
from ..module_utils._options import CLUSTER
from ..module_utils._probing import Prober
from ..module_utils._reads.diagnosis import Looking
from ..module_utils._reads.peerings import read_control_plane, standing_mesh
from ..module_utils._run import Module, Run, run_module
from ..module_utils._verify import one_call

OPTIONS = {
    "peer": {"type": "str"},
    "service": {"type": "str"},
    "client": {"type": "str"},
    "since": {"type": "str", "default": "30m"},
    "proxies": {"type": "bool", "default": True},
    "cards_dir": {"type": "path"},
    "probes": {"type": "str", "choices": list(FROM), "default": NOBODY},
    "explain": {"type": "str"},
}
NAMED = {"service": "diagnose_service", "client": "diagnose_from", "explain": "explain_service"}
"""Options that name something in a namespace, and what roles call them."""


def run(run: Run, cluster: Cluster, _now: datetime) -> dict:
    """Return the diagnosis of each peer, or the explanation of a service."""
    params = run.params
    mesh = described_mesh(params)
    for option, variable in NAMED.items():
        refuse_odd(params[option], variable)
    control_plane = read_control_plane(cluster, mesh.namespace, mesh.control_plane)
    mesh, _peers = standing_mesh(cluster, mesh, control_plane)
    looking = Looking(
        cluster,
        mesh,
        control_plane,
        cluster.now,
        params["cards_dir"] or "",
        asks_proxies=params["proxies"] and not run.check_mode,
        span=Span.read({"since": params["since"]}, cluster.now, role="diagnose"),
    )
    if params["explain"]:
        return explanation(params["explain"], looking)
    peers = chosen(mesh, params["peer"])
    probing = Probing(looking, NOBODY if run.check_mode else params["probes"], params)
    found = [probing.diagnosis(peer) for peer in peers]
    shown = [line for one in found for line in one.lines()]
    if run.check_mode and params["probes"] != NOBODY:
        shown.append("check mode makes no probes")
    return {"changed": False, "diagnoses": [one.as_data() for one in found], "explanation": [], "lines": shown}


@dataclass
class Probing:
    """Diagnoses peers, with calls of our own from ``origin``."""

    looking: Looking
    origin: str
    params: Mapping
    _prober: Prober | None = None

    def diagnosis(self, peer: Peer) -> Diagnosis:
        """Return the diagnosis of one peer; a call from a pod is evidence, those from here stand beside it."""
        client, service = self.params["client"] or "", self.params["service"] or ""
        told = self.looking.evidence(peer, client=client, service=service)
        if self.origin == CONTROLLER:
            card = self.looking.card_of(peer)
            ways = ways_of(told, card.exports if card else (), loopback=bool(self.params["loopback"]))
            self._prober = self._prober or Prober(loopback=bool(self.params["loopback"]))
            return diagnosed(Evidence.of(told), [one.as_data() for one in self._prober.probed(ways)])
        if self.origin == POD:
            call, unread = self._call(peer, told, client, service)
            told = {**told, "own_request": call, "unread": [*told["unread"], *unread]}
            return diagnosed(Evidence.of(told), [call_row(call)])
        return diagnosed(Evidence.of(told))

    def _call(self, peer: Peer, told: Mapping, client: str, service: str) -> tuple[dict, list[str]]:
        """Return what one request from a pod came to, and what could not be read for it."""
        unread: list[Unknown] = []
        imports = wanted_first(told["imports"], told["wanted_imports"], only=bool(service))
        found = one_call(
            self.looking.cluster,
            self.looking.control_plane,
            peer.local_name,
            imports,
            client=client,
            card=self.looking.card_of(peer),
            unread=unread,
        )
        gaps = [f"{gap.what}: {gap.because}" for gap in unread]
        if found is None:
            why = f"{service or 'nothing'} is {'not ' if service else ''}imported from {peer.local_name}"
            return {"host": "", "port": 0, "client": "", "state": "unknown", "evidence": why}, gaps
        call = {"host": found.target.host, "port": found.target.port, "client": found.client}
        return {**call, "state": found.state, "evidence": found.evidence}, gaps


def explanation(service: str, looking: Looking) -> dict:
    """Return the names of one service, and why it has them."""
    live, pairs = looking.service(service), looking.pairs()
    plane = looking.control_plane
    rows = explained(service, live, pairs, Home(plane.namespace, plane.trust_domain, plane.cluster_domain))
    shown = lines(looking.mesh.name, service, rows, exists=live is not None)
    return {
        "changed": False,
        "diagnoses": [],
        "explanation": rows,
        "lines": [*shown, *(f"? not read: {what}" for what in looking.unread)],
    }


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
