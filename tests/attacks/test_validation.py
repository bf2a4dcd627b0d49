# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Istio objects are anybody's who may write into a member namespace: a validation reads them, and shows
them as text.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from attacks.api import ApiInMemory
from integration.administrators import Administrator
from unit.traffic_in_memory import roll, routes, thing

HOSTILE = "\u202echart\x1b[2J\n{{ 7 * 7 }}"


def test_a_hostile_route_is_a_finding_in_the_table_and_in_junit(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    hosts = [
        {"destination": {"host": HOSTILE, "subset": HOSTILE}},
        {"destination": {"host": "*" * 5000}},
        {"destination": "x"},
        7,
    ]
    for live in (
        roll("shop"),
        routes(HOSTILE, name="odd", http=[{"route": hosts}]),
        thing("v1", "Service", "shop", "odd", spec={"selector": [1]}),
    ):
        api.store.put(live)
    east = Administrator(tmp_path, collections, {"east": {**api.variables, "mesh_peers": ["west"]}})
    run = east.play("validate", variables={"federation_report_junit": "report.xml"}, must_pass=False)
    assert (
        run.returncode
        and "FED984 KIA1101" in run.output
        and "FED972 The Istio configuration of east: has" in run.output
    ), run.output
    assert "\u202e" not in run.output and "\x1b[2J" not in run.output and "{{ 7 * 7 }}" in run.output
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()[0]
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert [name for name in failed if name and name.startswith("FED984 VirtualService shop/odd")]
