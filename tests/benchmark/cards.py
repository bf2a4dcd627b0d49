# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the price of reading cards grows with their number, as ratios within one run.

Prints a table; run it as ``python tests/benchmark/cards.py`` from the collection's root.
"""

from __future__ import annotations

import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils"))

from _core.card.card import Card, Export, Ingress, Port, read_card
from _core.card.trust import read_roots
from _core.mesh.described import Mesh
from _core.mesh.parse import parse_mesh
from _core.peering.carrying import receive

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=timezone.utc)
IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
REPEATS = 1 if IS_SMALLEST else 5
COUNTS = (1, 10) if IS_SMALLEST else (1, 10, 100, 1000)
EXPORTS = 10
MEBIBYTE = 1 << 20


def root(name: str) -> str:
    """Return a root certificate of its own for the mesh ``name``, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), NOW, NOW + timedelta(days=3650)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def card_of(name: str) -> bytes:
    """Return the file of the card that the mesh ``name`` makes for hub."""
    exports = tuple(
        Export(f"service-{at}.shop.svc.hub-exports.local", (Port("http", 80, "HTTP"),)) for at in range(EXPORTS)
    )
    identity = f"{name}.local/ns/{name}-mesh-system/sa/hub-egress-service-account"
    card = Card(
        name, "hub", NOW, f"{name}.local", read_roots(root(name), name, NOW), Ingress(("192.0.2.1",)), identity, exports
    )
    return card.to_text().encode()


def hub_of(names: list[str]) -> Mesh:
    """Return the mesh in the middle of a star."""
    return parse_mesh(
        name="hub",
        namespace="hub-mesh-system",
        control_plane="basic",
        peers=names,
        gateways=None,
        exports=[],
        imports=[],
        trust_domain="hub.local",
    )


def seconds(work: Callable[[], object]) -> float:
    """Return the shortest of a few runs: the one that other processes disturbed least."""
    times = []
    for _repeat in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def memory(work: Callable[[], object]) -> float:
    """Return the most memory that the work had at once, in MiB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / MEBIBYTE
    finally:
        tracemalloc.stop()


def main() -> None:
    names = [f"mesh-{number}" for number in range(max(COUNTS))]
    files = {f"{name}-for-hub.json": card_of(name) for name in names}
    data = [json.loads(text) for text in files.values()]
    one = seconds(lambda: read_card(next(iter(files.values())), "card", NOW))
    print(
        f"One card of {len(next(iter(files.values())))} bytes, {EXPORTS} services and one root is read in"
        f" {one * 1e6:.0f} µs, which is 1 below."
    )
    print("cards  as files, each  as data, each  as data for one peer, each  most memory of the files, MiB")
    for count in COUNTS:
        hub, lone = hub_of(names[:count]), hub_of(names[:1])

        def from_files(mesh: Mesh = hub) -> object:
            return receive(mesh, "hub.local", in_run=[], carried=[], file_of=files.get, now=NOW).whole()

        def from_data(mesh: Mesh, carried: list = data[:count]) -> object:
            return receive(mesh, "hub.local", in_run=[], carried=carried, file_of=lambda name: None, now=NOW).whole()

        each = [seconds(work) / count / one for work in (from_files, lambda: from_data(hub), lambda: from_data(lone))]
        print(f"{count:5}  {each[0]:14.1f}  {each[1]:13.1f}  {each[2]:26.2f}  {memory(from_files):30.1f}")


if __name__ == "__main__":
    main()
