# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rungs from the export rule to a real call: what is offered and taken, and how far the calls of a client get.

Sources: OpenShift Service Mesh documentation, "Federation"; maistra/istio ``pilot/pkg/serviceregistry/federation``;
Envoy documentation, response flags and details (``via_upstream``: the answer came from the other end).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..peering import status
from ..peering.names import exported_service, imported_names
from ..plain.data import at, items, mapping, some, strings
from ..plain.moments import latest
from .evidence import SERVICE, Evidence
from .steps import HOLDS, Step, either, holds, ours, skipped, theirs, unknown

GOOD_TLS = ("", "ISTIO_MUTUAL")
REACHED, NOT_REACHED = "reached", "not reached"
"""What a request of our own came to; ``verification`` has the same words."""
IDLE_SECONDS = 300


def exports(seen: Evidence) -> Step:
    """Whether what we want is offered, and what we offer is seen."""
    offered = dict(_offered(seen))
    missing = [name for name in seen.wanted_imports if name not in offered]
    if missing and seen.imports is not None and seen.is_listening:
        found = f"the peer does not offer {some(missing)}"
        tell = f"Please export {some(missing)} to us (mesh_exports, to: [{seen.mesh}])."
        promised = [name for name in missing if name in strings(mapping(seen.card).get("exports"))]
        if promised:
            return theirs(
                "FED961",
                found,
                f"its card names {some(promised)}: the Service was removed, or its namespace is not a "
                "member of the mesh",
                tell,
            )
        return either(
            "FED961",
            found,
            "the peer's rules do not export it to us, or it has another name there",
            "Compare the names in mesh_imports with the peer's card",
            tell,
        )
    ours_ = _own_exports(seen)
    if ours_ is not None:
        return ours_
    if missing:
        return unknown(f"whether the peer offers {some(missing)} is not known while its list does not come")
    return holds("every requested service is offered, in both directions")


def _offered(seen: Evidence) -> list[tuple[str, dict]]:
    """Return what the peer offers with its rows, as namespace/name of the service over there, and as it is where it is
    none.
    """
    rows = [(str(row["exported"]), row) for row in status.imported(seen.imports)]
    return [(exported_service(host) or host, row) for host, row in rows]


def _own_exports(seen: Evidence) -> Step | None:
    rows = {f"{row['namespace']}/{row['name']}" for row in status.exported(seen.exports)}
    for name in seen.wanted_exports:
        target = mapping(seen.targets.get(name))
        if seen.exports is not None and seen.is_listening and name not in rows:
            if target.get("is_member") is False:
                return ours(
                    "FED957",
                    f"{name} is not exported",
                    "its namespace is not a member of the mesh",
                    "Add the namespace to mesh_members",
                )
            if target.get("exists") is False:
                return ours(
                    "FED957",
                    f"{name} is not exported",
                    "there is no such Service",
                    "Make the Service, or correct mesh_exports",
                )
            return ours(
                "FED957",
                f"{name} is not exported",
                "no export rule matches it, or an earlier one exports it under another name",
                "Run explain for it; correct mesh_exports",
            )
        if int(target.get("ports") or 0) > 1:
            return ours(
                "FED957",
                f"{name} has {target['ports']} ports",
                "federation routes by name alone: with several ports calls find no cluster",
                "Export a Service with one port for each",
            )
    return None


def imports(seen: Evidence) -> Step:
    """Whether our rules take what is offered."""
    rows = dict(_offered(seen))
    for name in seen.wanted_imports:
        row = rows.get(name)
        if row is None or row["imported"]:
            continue
        found = f"the peer offers {name}, and it is not imported"
        foretold = imported_names([str(row["exported"])], mapping(at(seen.imports, "spec")), seen.peer)
        if not any(one.get("imported") for one in foretold):
            return ours(
                "FED962", found, "none of our import rules matches it", "Run explain for it; correct mesh_imports"
            )
        if _is_new(seen):
            return unknown(
                f"{name} was requested moments ago; istiod may take {status.settling_seconds(seen.version)} s"
            )
        return ours(
            "FED962",
            found,
            "a rule matches, but istiod has not applied it: it mistakes a re-created ImportedServiceSet for the old "
            "one",
            "Change a rule once more (any change of spec), or restart istiod",
        )
    taken = [name for name in seen.wanted_imports or rows if rows.get(name) and rows[name]["imported"]]
    if taken:
        return holds(f"imported: {some(taken)}")
    if seen.wanted_imports:
        return unknown("nothing that is asked for is offered")
    return skipped("no import is named, and nothing is imported")


def _is_new(seen: Evidence) -> bool:
    written = latest(
        entry.get("time")
        for entry in items(at(seen.imports, "metadata", "managedFields"))
        if entry.get("subresource") != "status"
    )
    return written is not None and (seen.now - written).total_seconds() < status.settling_seconds(seen.version)


def host(seen: Evidence) -> Step:
    """Whether the client can resolve an imported name."""
    if seen.client is None:
        return skipped("no client was named")
    pods, name = mapping(seen.client.get("pods")), seen.client.get("name")
    if pods.get("all") and not pods.get("with_sidecar"):
        return ours(
            "FED963",
            f"no pod of {name} has a sidecar",
            "imported names resolve in sidecars only",
            "Let a sidecar be injected: a member namespace and sidecar.istio.io/inject",
        )
    if seen.client.get("dns_capture") is False:
        return ours(
            "FED963",
            f"sidecars of {name} do not answer DNS",
            "the control plane or the pods turn DNS capture off",
            "Set ISTIO_META_DNS_CAPTURE to true, and restart the pods",
        )
    return holds(f"sidecars of {name} answer for imported names") if pods.get("all") else unknown(f"{name} has no pods")


def endpoints(seen: Evidence) -> Step:
    """Whether the client's sidecar has endpoints of the import: pods of our own egress gateway."""
    if seen.client is None:
        return skipped("no client was named")
    counted = seen.client.get("endpoints")
    if not isinstance(counted, Mapping):
        return unknown("the client's Envoy was not read")
    if not counted.get("all"):
        return ours(
            "FED964",
            "the client's sidecar has no endpoint for the import",
            "it has no pod of our egress gateway: another network, or none ready",
            "See the pods of the egress gateway, and requestedNetworkView before 2.3",
        )
    if not counted.get("healthy"):
        return either(
            "FED964",
            f"all {counted['all']} endpoints are ejected",
            "calls to the peer failed too often; the pods are used again automatically",
            "See outlierDetection of the DestinationRule, and have more pods of the egress gateway",
            "Calls to your service have failed so often that our proxies ejected it. What do your workload's logs say?",
        )
    return holds(f"{counted['healthy']} of {counted['all']} endpoints are healthy")


def sidecar(seen: Evidence) -> Step:
    """Whether the client's sidecar has the host at all."""
    if seen.client is None:
        return skipped("no client was named")
    name = seen.client.get("name")
    if seen.client.get("sidecar_hides"):
        return ours(
            "FED965",
            f"a Sidecar object hides the import from {name}",
            f"its egress does not name {seen.namespace}/*",
            f"Add {seen.namespace}/* to its egress hosts",
        )
    if seen.client.get("has_cluster") is False:
        return ours(
            "FED965",
            f"the sidecar of {name} does not have the import",
            "istiod has not sent it, or the sidecar has rejected it",
            "Run health for proxies out of sync; restart the pod",
        )
    return (
        holds(f"the sidecar of {name} has the import")
        if seen.client.get("has_cluster")
        else unknown("the client's Envoy was not read")
    )


def egress(seen: Evidence) -> Step:
    """Whether each pod of our egress gateway is in sync and routes the import."""
    if not seen.proxies:
        return unknown("our egress gateway's Envoy was not read")
    denied = sum(int(told.get("denied") or 0) for told in seen.ports(SERVICE))
    if denied and not seen.is_answered:
        return ours(
            "FED969",
            f"{denied:,} calls were refused at our own egress gateway",
            "one of our AuthorizationPolicies, such as that of callers in mesh_traffic, does not admit this client",
            "Run routes for the client and the service: it names the policy",
        )
    stale = [str(proxy.get("pod")) for proxy in seen.proxies if proxy.get("is_synced") is False]
    if stale:
        return ours(
            "FED966",
            f"{len(stale)} of {len(seen.proxies)} pods of the egress gateway are not in sync with istiod:"
            f" {some(stale)}",
            "they have refused it, or lost istiod",
            "Restart these pods",
        )
    routed = _routed(seen)
    blind = [
        str(proxy.get("pod"))
        for proxy in seen.proxies
        if proxy.get("has_sni") is not None and not routed <= set(strings(proxy.get("has_sni")))
    ]
    if blind and not seen.is_answered:
        return ours(
            "FED966",
            f"{some(blind)} takes no connection for {some(sorted(routed))}",
            "istiod has not made the route, or the pod has not got it",
            "Restart the pod; then istiod",
        )
    return holds("all pods of the egress gateway that were read are in sync")


def _routed(seen: Evidence) -> set[str]:
    """Return the services that our egress gateway has to route: what is imported of what is asked for."""
    taken = {name for name, row in _offered(seen) if row["imported"]}
    return taken & set(seen.wanted_imports) if seen.wanted_imports else taken


def admission(seen: Evidence) -> Step:
    """Whether the peer's ingress gateway lets calls in: what it ends after the handshake, without a byte, it
    refuses."""
    if seen.is_answered:
        return holds("calls come through")
    ended = sum(int(told.get("refused_empty") or 0) for told in seen.ports(SERVICE))
    if not ended or seen.code[:1] in ("2", "3", "4"):
        return unknown("no call shows whether the peer's gateway admits us")
    found = f"{ended:,} connections to port {SERVICE} ended after the handshake without a byte"
    tell = (
        f"Your ingress gateway ends our calls after the handshake. Our client identity is {seen.client_id}; after a"
        " change of it your istiod needs a restart."
    )
    if seen.handed is not None and mapping(seen.handed).get("client_id") != seen.client_id:
        return ours(
            "FED968",
            found,
            "our client identity is newer than the card that we gave to the peer",
            "Run publish_cards, and hand the new card over",
            tell,
        )
    if not seen.is_handed:
        return either(
            "FED968",
            found,
            "the peer's gateway expects another identity for services than we have, or does not reach its workload",
            "Run publish_cards, and hand the card over",
            tell,
        )
    return theirs(
        "FED968",
        found,
        "the peer's gateway keeps our former identity for services, or does not reach its workload",
        tell,
    )


def target(seen: Evidence) -> Step:
    """Whether the workload at the end takes the call, at the peer and here."""
    if seen.is_answered and seen.code == "403":
        return theirs(
            "FED967",
            "the answer 403 came from the peer's workload",
            "an AuthorizationPolicy there, or the application itself, refuses",
            "Your workload answers our calls with 403. All our calls arrive as your ingress gateway for us: does an"
            " AuthorizationPolicy admit it?",
        )
    if seen.is_answered and seen.code in ("502", "503", "504"):
        return theirs(
            "FED967",
            f"the answer {seen.code} came from the peer's side",
            "its workload has no ready pod, or the application fails",
            f"Our calls are answered with {seen.code} on your side. Are pods of the service ready?",
        )
    for name in seen.wanted_exports:
        told = mapping(seen.targets.get(name))
        if told.get("ready") == 0:
            return ours(
                "FED967",
                f"no pod of {name}, which we export, is ready",
                "the peer's calls find nobody",
                "See the pods' events and logs",
            )
        if told.get("admitted") == "no":
            return ours(
                "FED967",
                f"our policies refuse the peer's callers at {name}",
                "all of them arrive as our own ingress gateway for the peer",
                "Admit it: callers of mesh_traffic, from_mesh",
            )
    return (
        holds("the peer's workload answers") if seen.is_answered else unknown("no call has reached the peer's workload")
    )


def request(seen: Evidence) -> Step:
    """Whether a real call of the client succeeds."""
    mode = str(mapping(seen.client).get("tls_mode") or "")
    if mode not in GOOD_TLS:
        return ours(
            "FED969",
            f"one of our DestinationRules calls the import with tls.mode {mode}",
            "our egress gateway accepts only the mesh's mutual TLS",
            "Set ISTIO_MUTUAL, or remove tls from the rule",
        )
    own = _own_request(seen)
    if own is not None and (not seen.code or _has_passed(seen)):
        return own
    if not seen.code:
        return unknown("no access line of a call was found")
    call = mapping(seen.request)
    found = f"the client's sidecar logged {seen.code} {call.get('flags') or ''}".rstrip()
    if _has_passed(seen):
        return holds(found)
    # One answer does not disprove what fails now and then, such as a full pool or an idle connection.
    found += f"; {own.seen}" if own is not None and own.state == HOLDS else ""
    return _failed(call, found)


def _failed(call: Mapping, found: str) -> Step:
    """Return what Envoy's flags tell of a call that failed."""
    flags = str(call.get("flags") or "").split(",")
    if "UO" in flags:
        return ours(
            "FED969",
            found,
            "its own connection pool is full",
            "Raise connectionPool in the DestinationRule of the client",
        )
    idle = call.get("idle")
    tell = (
        "Calls on connections that were idle for minutes fail. Does a load balancer before your ingress gateway drop"
        " idle connections?"
    )
    if "UC" in flags and isinstance(idle, (int, float)) and idle >= IDLE_SECONDS:
        return either(
            "FED969",
            f"{found} on a connection that was idle for {idle:.0f} s",
            "something between forgets idle connections silently",
            "Set idle_timeout for the service in mesh_traffic, below that time",
            tell,
        )
    return either(
        "FED969",
        found,
        "the call fails, and no earlier step explains why",
        "Run logs with logs_request for its id",
        "Calls to your service fail. What does the log of your ingress gateway for us show for that time?",
    )


def _has_passed(seen: Evidence) -> bool:
    return seen.is_answered or seen.code[:1] in ("1", "2", "3", "4")


def _own_request(seen: Evidence) -> Step | None:
    """Return what a request of our own from a pod decides; None where there was none, or nobody knows what
    it came to.
    """
    own = mapping(seen.own_request)
    found = f"our request from {own.get('client')} to {own.get('host')}: {own.get('evidence')}"
    if own.get("state") == REACHED:
        return holds(found)
    if own.get("state") != NOT_REACHED:
        return None
    return either(
        "FED969",
        found,
        "the call fails, and no earlier step explains why",
        "Run logs for the pod and our egress gateway at that time",
        "Calls to your service fail. What does the log of your ingress gateway for us show for that time?",
    )
