# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports to make pages of: two meshes that are well, two that are not, hostile ones, and as many as one wants."""

from __future__ import annotations

MADE = "2026-01-31T12:00:00Z"
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "]]></style></script><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "| a | b |\n# head\n[x](javascript:alert(1))",
    "\u202eadmin",
    "מש שלום",
    "x" * 300,
    "see www.evil.example/login",
)


def plane(name: str, days: int = 3641, **more: object) -> dict:
    root = {
        "fingerprint": ":".join([f"{len(name):02X}"] * 32),
        "subject": f"O={name}",
        "not_after": "2036-01-20T12:00:00Z",
        "days_left": days,
    }
    return {
        "name": "basic", "namespace": f"{name}-mesh-system", "uid": "u", "version": "v2.3", "ready": True,
        "condition": "",
        "trust_domain": f"{name}.local", "cluster_domain": "cluster.local", "roots": [root], **more,
    }  # fmt: skip


def peer(name: str, **more: object) -> dict:
    return {
        "peer": name, "mesh": name, "outbound": "connected", "outbound_reason": "", "inbound": "connected",
        "inbound_reason": "",
        "outbound_proven": True, "inbound_proven": True, "unproven": "", "last_full_sync": MADE, "age_seconds": 12,
        "exports": [], "imports": [],
        "offered_not_imported": [], "asked_not_offered": [], "note": "", **more,
    }  # fmt: skip


def offered(name: str, namespace: str, to: str) -> dict:
    return {"name": name, "namespace": namespace, "exported": f"{name}.{namespace}.svc.{to}-exports.local"}


def taken(name: str, namespace: str, us: str, giver: str, *, local: bool = False) -> dict:
    host = f"{name}.{namespace}.svc.{'cluster.local' if local else f'{giver}-imports.local'}"
    return {"exported": f"{name}.{namespace}.svc.{us}-exports.local", "imported": host, "local": local}


def entry(name: str, *peers: dict, **more: object) -> dict:
    members = {"configured": ["shop"], "joined": [], "pending": []}
    base = {
        "verdict": "ok",
        "server": f"https://api.{name}.example.com:6443",
        "control_plane": plane(name),
        "members": members,
    }
    return {**base, "peers": list(peers), "faults": [], "findings": [], **more}


def two() -> dict:
    """East offers two services, west one, which east takes as local."""
    east = peer(
        "west",
        exports=[offered("cart", "shop", "west"), offered("price", "shop", "west")],
        imports=[taken("ledger", "bank", "east", "west")],
    )
    west = peer(
        "east", exports=[offered("ledger", "bank", "east")], imports=[taken("cart", "shop", "west", "east", local=True)]
    )
    warning = {
        "code": "FED761", "severity": "warning", "title": "Exported service with several ports",
        "place": "Service shop/price",
        "seen": "has 2 ports (http 80 and http-admin 8080) and is exported to west",
        "why": "Calls fail: the routes between gateways name no port.",
        "cure": "Make one Service per port with the same selector.",
        "reference": "https://example.com/codes/fed761.html",
    }  # fmt: skip
    return {"east": entry("east", east, findings=[warning]), "west": entry("west", west)}


def unwell() -> dict:
    """East is refused by west, north knows east and east not north, south cannot be read, and a root of
    east ends soon.
    """
    refused = peer("west", outbound="refused", outbound_reason="403 Forbidden", imports=None)
    absent = peer("north", outbound="absent", inbound="absent", imports=None)
    waiting = peer(
        "east",
        outbound="pending",
        outbound_reason="503 Service Unavailable",
        inbound="pending",
        inbound_reason="has not connected",
    )
    faults = [
        {"kind": "pending", "peer": "west", "what": "OUT refused (403 Forbidden)", "fails": True},
        {"kind": "expiring", "peer": "", "what": "root 0404 of this mesh expires in 9 days", "fails": False},
    ]
    return {
        "east": entry("east", refused, absent, faults=faults, verdict="down", control_plane=plane("east", 9)),
        "north": entry(
            "north",
            waiting,
            faults=[{"kind": "pending", "peer": "east", "what": "OUT pending (503)", "fails": True}],
            verdict="down",
        ),
        "south": {
            "verdict": "error",
            "error": {"code": "FED110", "message": "FED110 Mesh south: the API server does not answer"},
            "peers": [],
        },
    }


def probe(text: str) -> dict:
    """A call of a diagnosis from the controller, with what the peer chose."""
    shown = {
        "fingerprint": "B1C3",
        "spoken": "B1C3",
        "subject": text,
        "issuer": text,
        "names": [text],
        "not_after": MADE,
    }
    return {
        "from": "controller", "address": text, "port": 8188, "use": "8188", "server_name": text, "ip": "192.0.2.9",
        "client": "", "outcome": "TLS",
        "is_connected": True, "protocol": "TLSv1.3", "certificate": shown, "asks_for_certificate": True,
        "told": f"shows the certificate of {text}",
    }  # fmt: skip


def hostile() -> dict:
    """Every text of a report that somebody else may choose, chosen badly."""
    rows = []
    for text in HOSTILE:
        host = f"{text}.{text}.svc.x-exports.local"
        names = [{"name": text, "namespace": text, "exported": host}]
        imports = [{"exported": host, "imported": host, "local": False}]
        rows.append(
            peer(
                text,
                outbound_reason=text,
                inbound="pending",
                inbound_reason=text,
                exports=names,
                imports=imports,
                note=text,
                unproven=text,
            )
        )
    findings = [
        dict.fromkeys(("code", "severity", "title", "place", "seen", "why", "cure", "reference"), text)
        for text in HOSTILE
    ]
    gaps = [{"what": text, "because": text, "codes": []} for text in HOSTILE]
    faults = [{"kind": "expiring", "peer": text, "what": text, "fails": True} for text in HOSTILE]
    return {
        text: entry(
            text, *rows, findings=findings, unknown=gaps, faults=faults, verdict=text, error={"code": text,
            "message": text},
            health=[{"component": text, "state": text, "why": text, text: text}],
            diagnoses=[{**dict.fromkeys(("peer", "code", "rung", "side", "seen", "cause", "fix", "tell"), text),
            "probes": [probe(text)]}],
        )
        for text in HOSTILE[:3]
    }  # fmt: skip


def many(count: int) -> dict:
    """A star of stars: one mesh in ten is a hub for nine others, and the hubs are all peers of each other."""
    names = [f"mesh-{number:02d}" for number in range(count)]
    hubs = [name for number, name in enumerate(names) if number % 10 == 0]
    partners: dict[str, list[str]] = {name: [] for name in names}
    for number, name in enumerate(names):
        mine = hubs[number // 10]
        others = [hub for hub in hubs if hub != name] if name == mine else [mine]
        for other in others:
            partners[name].append(other)
            if name != mine:
                partners[other].append(name)
    return {
        name: entry(
            name,
            *(
                peer(to, exports=[offered("cart", name, to)], imports=[taken("cart", to, name, to)])
                for to in sorted(set(partners[name]))
            ),
        )
        for name in names
    }
