# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rungs from DNS to the peer's list: how far our egress gateway gets, for discovery (8188) and for calls (15443)
alike.

What Envoy of our own egress gateway tells counts, and what istiod says of its calls. A probe from the machine that
runs Ansible goes another way than the gateway does, so it never decides here. Sources: OpenShift Service Mesh
documentation, "Federation"; maistra/istio ``pkg/servicemesh/federation/server`` (what the peer answers).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from statistics import median

from ..peering import status
from ..plain.addresses import ip_of
from ..plain.data import mapping, some, strings
from . import reasons
from .evidence import DISCOVERY, Evidence
from .gathering import ANSWERED, FAILING
from .steps import Step, either, holds, ours, theirs, unknown

FAR = ("403", "400")
"""Statuses of istiod's calls that only the peer's own gateway or istiod gives: all before it holds."""
OWN_POLICY, VIA_UPSTREAM = "rbac_access_denied", "via_upstream"
SKEWED = 300
RENEWED = timedelta(minutes=1)
LEAST_OF_A_KIND = 3
NEARLY_EQUAL = 8
"""Times count as equal that differ from the usual one by no more than this part of it."""


def works(seen: Evidence, port: str) -> bool:
    """Return whether something proves that the peer is reached on a port, with both identities taken."""
    if port == DISCOVERY:
        is_far = any(seen.disconnect.startswith(code) for code in FAR) and is_from_peer(seen)
        return is_far or seen.outbound.state in (status.CONNECTED, status.STALE)
    return seen.is_answered or any(int(told.get("refused_empty") or 0) for told in seen.ports(port))


def dns(seen: Evidence) -> Step:
    """Whether names among the peer's addresses resolve where the egress gateway runs."""
    names = [address for address in seen.addresses if ip_of(address) is None]
    if works(seen, DISCOVERY):
        return holds("the peer is reached")
    if not names:
        return holds("the peer's addresses are numbers")
    told = {name: seen.dns[name] for name in names if name in seen.dns}
    if ANSWERED in told.values():
        return holds(f"{some([name for name in names if told.get(name) == ANSWERED])} resolves in the egress gateway")
    if len(told) < len(names):
        return unknown("not checked how the egress gateway resolves the peer's names")
    if FAILING in told.values():
        return ours(
            "FED946",
            f"DNS fails in the egress gateway for {some(names)}",
            "DNS of our pods does not work",
            "See the cluster's DNS, and NetworkPolicies to it",
        )
    return either(
        "FED946",
        f"the egress gateway finds no address of {some(names)} in DNS",
        "the name was removed, or our cluster's DNS does not know its zone",
        "Let the cluster's DNS forward that zone",
        f"Does {some(names)} still exist, and in public DNS? If it has changed, please give us a new card.",
    )


def tcp(seen: Evidence, port: str) -> Step:
    """Whether connections come about."""
    kind = seen.failure(port)
    if works(seen, port) or (kind == reasons.NONE and seen.connects(port)):
        return holds(f"connections to port {port} come about")
    if kind in (*reasons.TLS, *reasons.IDENTITY):
        return holds(f"connections to port {port} succeed; the failure is at a later step")
    if kind not in reasons.TCP:
        return unknown(_nobody(seen, port))
    found = f"our egress gateway gets no connection to {some(seen.addresses)}, port {port} ({kind})"
    cutting = [
        str(policy.get("name")) for policy in seen.network_policies or () if int(port) in (policy.get("ports") or ())
    ]
    if cutting:
        return ours(
            "FED947",
            found,
            f"NetworkPolicy {some(cutting)} cuts the egress gateway off",
            f"Let pods of {seen.egress} call that port",
        )
    if kind == reasons.REFUSED:
        cause = (
            "nothing listens there, or something between refuses: the peer's gateway or load balancer, or a firewall"
        )
    else:
        cause = "packets are dropped on the way by a firewall of either side, or nothing has the address"
    return either(
        "FED947",
        found,
        cause,
        f"Check that firewalls allow our nodes to call port {port} there; the playbook publish_cards prints what they "
        "must allow",
        f"We get no connection to {some(seen.addresses)}, port {port}. Does your ingress gateway for us listen there,"
        " and may we call it?",
    )


def _nobody(seen: Evidence, port: str) -> str:
    if seen.proxies is None:
        return "our egress gateway's Envoy and log were not read"
    if seen.failure(port) == reasons.UNKNOWN:
        return f"connections to port {port} fail for a reason that this collection does not know"
    return f"our egress gateway shows no connection to port {port}"


def tls(seen: Evidence, port: str) -> Step:
    """Whether the other end speaks TLS, with a certificate that our roots vouch for now."""
    kind = seen.failure(port)
    if works(seen, port) or (kind == reasons.NONE and seen.connects(port)) or kind in reasons.IDENTITY:
        return holds(f"TLS on port {port} works")
    if kind not in reasons.TLS:
        return unknown(_nobody(seen, port))
    if kind == reasons.NO_TLS:
        return either(
            "FED952",
            f"port {port} answers without TLS",
            "an HTTP load balancer or proxy is between; federation needs one that forwards TCP",
            "See that nothing on our way out ends the connection",
            f"Is an HTTP load balancer in front of your ingress gateway, port {port}? It must forward TCP (layer 4).",
        )
    if kind in (reasons.EXPIRED, reasons.NOT_YET):
        return _out_of_time(seen, port, kind)
    has = set(strings(mapping(seen.bundle).get("roots")))
    found = f"the certificate on port {port} is not signed by the peer's roots that we have"
    is_lacking = seen.card is not None and not set(strings(mapping(seen.card).get("roots"))) <= has
    if is_lacking and not seen.is_bundle_newer:
        return ours(
            "FED948",
            found,
            "the peer has new roots: its card has them, and our ConfigMap has not",
            "Run federate with the peer's card",
        )
    return either(
        "FED948",
        found,
        "the peer has new roots and gave us no card, or something between terminates TLS with its own certificate",
        "See that nothing on our way out ends TLS",
        f"On port {port} we see a certificate that your card's roots did not sign. Have your roots changed, or does a"
        " load balancer end TLS there? Please send a new card, or let it pass TCP on.",
    )


def _out_of_time(seen: Evidence, port: str, kind: str) -> Step:
    found = (
        f"the certificate on port {port} is {'expired' if kind == reasons.EXPIRED else 'not valid yet'}, as our nodes'"
        " clock has it"
    )
    if seen.clock_skew is None:
        return either(
            "FED951",
            found,
            "the peer's gateway gets no new certificate, or the clock of one of us is wrong",
            "Compare the clock of our nodes with the API server's",
            f"The certificate of your ingress gateway (port {port}) is {kind} for us. Does it get new ones, and is your"
            " clock right?",
        )
    if abs(seen.clock_skew) > SKEWED:
        return ours(
            "FED951",
            found,
            f"our nodes' clock is {seen.clock_skew:,.0f} s off the API server's",
            "Set the clocks right (chrony on the nodes)",
        )
    return theirs(
        "FED951",
        found,
        "the peer's gateway gets no new certificate, or the clock of its istiod is wrong; our clock is right",
        f"The certificate of your ingress gateway (port {port}) is {kind}. Please see whether it gets new ones from"
        " istiod.",
    )


def identity(seen: Evidence, port: str) -> Step:
    """Whether each end takes the other's identity."""
    kind = seen.failure(port)
    if works(seen, port) or (kind == reasons.NONE and seen.connects(port)):
        return holds(f"both ends accept each other's identity on port {port}")
    looked: dict[str, Callable[[Evidence, str], Step]] = {
        reasons.OTHER_NAME: _other_name,
        reasons.OTHER_MESH: _other_name,
        reasons.WE_ARE_NOT_TRUSTED: _untrusted,
        reasons.WE_HAVE_EXPIRED: _own_leaf,
        reasons.WE_ARE_REFUSED: _refused,
    }
    return looked[kind](seen, port) if kind in looked else unknown(_nobody(seen, port))


def _other_name(seen: Evidence, port: str) -> Step:
    wanted = str(seen.security.get("trustDomain") or "")
    found = f"the certificate on port {port} is not of the trust domain {wanted}"
    told = str(mapping(seen.card).get("trust_domain") or "")
    if told and told != wanted and not seen.is_card_older:
        return ours(
            "FED949", found, f"the peer's card says {told}", "Run federate with the peer's card, then restart istiod"
        )
    if told != wanted or seen.failure(port) == reasons.OTHER_MESH:
        return either(
            "FED949",
            found,
            "our ServiceMeshPeer or the peer's card has the wrong trust domain, the address leads to another mesh, or "
            "something between terminates TLS with its own certificate",
            "Compare trustDomain with the peer's card, and see where its address leads from our nodes",
            f"Which trust domain does your mesh have, and does a load balancer end TLS on port {port}? Please send a"
            " new card, or let it pass TCP on.",
        )
    return theirs(
        "FED949",
        found,
        "its own card says that it is: the peer has changed its trust domain, or another mesh's gateway answers",
        f"Your gateway on port {port} is not of {wanted}, as your card has it. Please send a new card.",
    )


def _untrusted(seen: Evidence, port: str) -> Step:
    found = f"the peer's gateway (port {port}) does not know the root of our certificate"
    tell = (
        "Your ingress gateway does not trust our root. Please run federate with our card, and see that its pods have"
        " the new bundle."
    )
    if (
        seen.roots is not None
        and seen.handed is not None
        and not set(seen.roots) <= set(strings(mapping(seen.handed).get("roots")))
    ):
        return ours(
            "FED950",
            found,
            "our root is newer than the card that we gave to the peer",
            "Run publish_cards, and hand the new card over",
            tell,
        )
    if seen.roots is None or not seen.is_handed:
        return either(
            "FED950",
            found,
            "the peer has no card with our root, or has not applied it",
            "Run publish_cards, and hand the card over",
            tell,
        )
    return theirs(
        "FED950",
        found,
        "our card has this root; the peer has not applied it, or one of its pods has an older bundle",
        tell,
    )


def _refused(seen: Evidence, port: str) -> Step:
    """Tell why the peer's gateway refuses our certificate, which it does not say itself: our own proxies
    know its time.
    """
    days = _days_left(seen)
    return _own_leaf(seen, port) if not days or min(days) <= 0 else _untrusted(seen, port)


def _days_left(seen: Evidence) -> list[float]:
    """Return how many days the certificates of our egress gateway last, as far as its pods tell."""
    days = [proxy.get("certificate_days") for proxy in seen.proxies or ()]
    return [left for left in days if isinstance(left, (int, float))]


def _own_leaf(seen: Evidence, port: str) -> Step:
    found = f"the peer's gateway (port {port}) does not accept our certificate"
    if any(left <= 0 for left in _days_left(seen)):
        return ours(
            "FED951",
            found,
            "reported by our egress gateway's Envoy: it gets no new certificate from istiod",
            "Restart the egress gateway; see istiod's log",
        )
    return either(
        "FED951",
        found,
        "our egress gateway gets no new certificate, the peer does not know its root, or the peer's clock is ahead",
        "See the certificate of our egress gateway (/certs of its Envoy)",
        "Your gateway does not accept our certificate. Does it have the roots of our card, and is your clock right?",
    )


def discovery(seen: Evidence) -> Step:
    """Whether the peer's istiod answers, and what."""
    if seen.outbound.state in (status.CONNECTED, status.STALE):
        return holds("the peer's istiod answers")
    said = seen.disconnect
    found = f"istiod says of its last call: {said}"
    if said.startswith("403"):
        return _forbidden(seen, found)
    if said.startswith("404"):
        return ours(
            "FED954",
            found,
            "our egress gateway has no route for discovery: it has not got its configuration",
            "See whether it is in sync; restart its pods",
        )
    if said.startswith("400"):
        return theirs(
            "FED955",
            found,
            "the peer's istiod does not know us: its ServiceMeshPeer for us was deleted or is being deleted",
            "Your istiod no longer knows our mesh. Does your ServiceMeshPeer for us still exist? Please run federate.",
        )
    if said.startswith("503"):
        return _unavailable(seen, found)
    return (
        holds("the last call ended well")
        if said.startswith("200")
        else unknown("istiod reports nothing about its calls to the peer")
    )


def _forbidden(seen: Evidence, found: str) -> Step:
    tell = (
        f"Your ingress gateway refuses us with 403. Our client identity is {seen.client_id}; please run federate with"
        " our card."
    )
    if _answers(seen) & {OWN_POLICY} or (seen.egress_admits == "no" and not is_from_peer(seen)):
        return ours(
            "FED953",
            found,
            "one of our AuthorizationPolicies refuses istiod at our own egress gateway",
            f"Admit port 8188 in the policies that select pods of {seen.egress}",
        )
    shown = seen.shown_identities
    if shown and seen.client_id not in shown:
        return ours(
            "FED953",
            f"{found}; our egress gateway shows {some(shown)}, and not {seen.client_id}",
            "its pods run with another service account than the gateway's own",
            f"See spec.serviceAccountName of the pods of {seen.egress}, and let the operator re-create them",
        )
    if seen.handed is not None and mapping(seen.handed).get("client_id") != seen.client_id:
        return ours(
            "FED953",
            found,
            "our client identity is newer than the card that we gave to the peer",
            "Run publish_cards, and hand the new card over",
            tell,
        )
    if not seen.is_handed or not is_from_peer(seen):
        return either(
            "FED953",
            found,
            "the peer expects another client identity from us, or one of our policies refuses istiod at our egress "
            "gateway",
            "See the policies of our egress gateway; run publish_cards, and hand the card over",
            tell,
        )
    return theirs("FED953", found, "the peer expects another client identity than our card has", tell)


def _answers(seen: Evidence) -> set[str]:
    """Return how the latest answers that were no success came about, as our egress gateway's log has it."""
    said = {str(told.get("answered") or "") for told in seen.ports(DISCOVERY)} - {""}
    return {OWN_POLICY if text.startswith(OWN_POLICY) else text for text in said}


def is_from_peer(seen: Evidence) -> bool:
    """Return whether an answer is known to be the peer's, and not one of our own egress gateway."""
    return VIA_UPSTREAM in _answers(seen) or (not _answers(seen) and seen.egress_admits == "yes")


def _unavailable(seen: Evidence, found: str) -> Step:
    tell = (
        "Your ingress gateway for us answers discovery with 503, or cannot be reached. Does it have a ServiceMeshPeer"
        " for us, and does istiod run?"
    )
    if VIA_UPSTREAM in _answers(seen):
        return theirs(
            "FED956",
            f"{found}; our egress gateway got that answer from the peer",
            "the peer's gateway does not reach its istiod",
            tell,
        )
    return either(
        "FED956",
        found,
        "the peer is not reached (address, firewall, TLS), or its gateway has no route for us; the status does not say "
        "which",
        "Run diagnose with the right to read our egress gateway's Envoy and log (playbooks/files/mesh-insight.yml)",
        tell,
    )


def watch(seen: Evidence) -> Step:
    """Whether the stream of changes is up, and is left alone."""
    broken = _times(seen, "broken")
    tell = (
        "Our watch to your istiod is cut again and again. Does a load balancer or firewall before your ingress gateway"
        " end idle connections?"
    )
    usual = median(broken) if broken else 0
    alike = [one for one in broken if abs(one - usual) <= usual / NEARLY_EQUAL]
    # One or two may have been cut off by something else.
    if len(alike) >= LEAST_OF_A_KIND and len(alike) * 3 >= len(broken) * 2:
        return either(
            "FED958",
            f"{len(alike)} watches were cut off, each after {usual / 1000:.1f} s",
            "something between ends connections after a fixed time",
            "See idle time-outs on our way out: of proxies, firewalls and NAT",
            tell,
        )
    if seen.outbound.state in (status.CONNECTED, status.STALE):
        return holds("the watch is connected")
    ended = seen.disconnected
    if not seen.has_status or ended is None:
        return unknown("istiod reports nothing about a watch")
    if seen.now - ended <= RENEWED:
        return unknown("the watch has just ended, and is made again within a minute")
    if not seen.disconnect.startswith("200"):
        return unknown(f"the watch is down: {seen.disconnect}")
    lasted = _times(seen, "durations")
    found = f"the watch ended {status.age(int((seen.now - ended).total_seconds()))} ago and was not made again"
    if len(lasted) >= LEAST_OF_A_KIND and max(lasted) - min(lasted) < max(lasted) / 50:
        cause = f"each connection ended after {max(lasted) / 1000:.0f} s: something between ends idle ones"
    else:
        cause = "our istiod does not call again, or the other end closes the stream at once"
    return either(
        "FED958", found, cause, "See istiod's log for the peer's name, and idle time-outs on our way out", tell
    )


def _times(seen: Evidence, word: str) -> list[int]:
    """Return how long watches lasted, in milliseconds, as each pod of our egress gateway tells it."""
    return [int(one) for told in seen.ports(DISCOVERY) for one in told.get(word) or ()]


def full_sync(seen: Evidence) -> Step:
    """Whether the peer's full list arrived recently."""
    link = seen.outbound
    if link.state == status.CONNECTED:
        return holds("the peer's full list arrived recently")
    if link.state != status.STALE:
        return unknown("it is not connected")
    when = (
        f"the last came {status.age(int((seen.now - link.last_sync).total_seconds()))} ago"
        if link.last_sync
        else "none has ever arrived"
    )
    return either(
        "FED959",
        f"the watch is connected, and the peer's whole list has not come lately: {when}",
        "the peer does not answer our polls, or our istiod waits for a lock and writes no status",
        "See whether istiod answers, and restart it where it does not",
        "Your istiod keeps our watch and does not answer our polls for the list of services. Please search its log for "
        "our mesh's name.",
    )


def inbound(seen: Evidence) -> Step:
    """Whether the peer calls us: each side polls the other, whoever exports."""
    link = seen.inbound
    if link.state == status.CONNECTED:
        return holds("the peer's istiod calls us")
    if not seen.has_status:
        return unknown("istiod has no status for the peer")
    told, has = str(mapping(seen.card).get("client_id") or ""), str(seen.security.get("clientID") or "")
    if told and told != has and not seen.is_card_older:
        return ours(
            "FED960",
            f"the peer does not call us, and our ServiceMeshPeer expects {has or 'nobody'} where its card says {told}",
            "we answer it with 403",
            "Run federate with the peer's card, then restart istiod",
        )
    return either(
        "FED960",
        "the peer's istiod does not call us",
        "it has suspended us or not federated, or something between cuts it off from our ingress gateway",
        "See that firewalls and loadBalancerSourceRanges let the peer call our ingress gateway",
        "Your istiod does not call us. Is your ServiceMeshPeer for us correct and not suspended, and what does its "
        "status say?",
    )


def of_ports(look: Callable[[Evidence, str], Step], port: str) -> Callable[[Evidence], Step]:
    """Return the rung of one port."""
    return lambda seen: look(seen, port)
