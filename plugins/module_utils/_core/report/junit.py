# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of a run as JUnit's XML, which CI systems show: a suite for each mesh, a case for each thing that was
looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from ..peering.verdict import DOWN, DRIFT, ERROR
from ..plain.data import items, mapping

# What XML 1.0 cannot hold in any spelling.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Case:
    """One thing that was looked at: how it ended is "" (well), ``failure``, ``error`` or ``skipped``, and ``what`` was
    seen.
    """

    name: str
    ending: str = ""
    kind: str = ""
    what: str = ""


def junit(report: Mapping[str, Any]) -> str:
    """Return a report, as ``mesh_report`` gives it, as XML."""
    root = ElementTree.Element("testsuites", name="ossm.federation")
    for mesh, entry in report.items():
        cases = list(_cases(mapping(entry)))
        counts: dict[str, Any] = {
            word: str(sum(case.ending == ending for case in cases)) for word, ending in _COUNTED.items()
        }
        suite = ElementTree.SubElement(root, "testsuite", name=_clean(mesh), tests=str(len(cases)), **counts)
        for case in cases:
            element = ElementTree.SubElement(suite, "testcase", classname=_clean(mesh), name=_clean(case.name))
            if case.ending:
                ElementTree.SubElement(element, case.ending, type=_clean(case.kind), message=_clean(case.what))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def _cases(entry: Mapping) -> Iterator[Case]:
    error, verdict = mapping(entry.get("error")), entry.get("verdict")
    if error and verdict not in (DOWN, DRIFT):
        yield Case("run", "error", str(error.get("code") or ERROR), str(error.get("message")))
    else:
        yield Case("run")
    faults = items(entry.get("faults"))
    yield from _peers(entry, faults)
    if error and verdict == DOWN and not any(fault.get("fails") for fault in faults):
        yield Case("peers", "failure", str(error.get("code")), str(error.get("message")))
    yield from _drift(entry)
    yield from _health(entry)
    for row in items(entry.get("calls")):
        # What is not reached or not known is a finding.
        if not row.get("code"):
            yield Case(f"call {row.get('host')}:{row.get('port')}")
    for row in items(entry.get("findings")):
        name = f"{row.get('code')} {row.get('place')}"
        ending = "failure" if row.get("severity") == "error" else "skipped"
        yield Case(name, ending, str(row.get("code")), f"{row.get('seen')}. {row.get('cure')}")


def _peers(entry: Mapping, faults: list) -> Iterator[Case]:
    """Give a case for each peer, and one for the mesh's own roots where they have a fault."""
    for row in items(entry.get("peers")):
        own = [fault for fault in faults if fault.get("peer") == row.get("peer")]
        yield _of_faults(f"peer {row.get('peer')}", own)
    of_roots = [fault for fault in faults if not fault.get("peer")]
    if of_roots:
        yield _of_faults("roots", of_roots)


def _of_faults(name: str, faults: list) -> Case:
    """Return a case for one peer: a fault that fails no run is only told."""
    if not faults:
        return Case(name)
    ending = "failure" if any(fault.get("fails") for fault in faults) else "skipped"
    return Case(name, ending, str(faults[0].get("kind")), "; ".join(str(fault.get("what")) for fault in faults))


def _drift(entry: Mapping) -> Iterator[Case]:
    if "drift" not in entry:
        return
    changes = items(entry["drift"])
    for change in changes:
        place = f"{change.get('kind')} {change.get('namespace')}/{change.get('name')}"
        yield Case(place, "failure", DRIFT, f"federate would {change.get('action')} it")
    if not changes:
        yield Case("drift")


def _health(entry: Mapping) -> Iterator[Case]:
    """Give a case for each component and workload that no finding is about; what is unknown is skipped."""
    for row in items(entry.get("health")):
        if not row.get("code"):
            ending = "" if row.get("state") == "healthy" else "skipped"
            yield Case(f"component {row.get('component')}", ending, str(row.get("state")), str(row.get("evidence")))
    for row in items(entry.get("proxies")):
        if row.get("in_order") == row.get("proxies"):
            yield Case(f"proxies of {row.get('workload')}")


def _clean(text: object) -> str:
    return _NO_XML.sub("?", str(text))
