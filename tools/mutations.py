# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Break the planner, the comparison, the card reader, keeping and leaving in some thirty ways and see that the unit
tests notice each.

Run it with the Python of the venv "newest", in a copy of the tree: ``python tools/mutations.py``. A change that no
longer fits its file, or after which the tests cannot be read, fails the run as well: it has to be written anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import pathlib
import sys
from collections.abc import Iterator

import pytest

TREE = pathlib.Path(__file__).resolve().parent.parent
CORE = TREE / "plugins" / "module_utils" / "_core"
TESTS = "tests/unit/plugins/module_utils"
# What most tests import besides what may be broken: each run of them is a fork that has it already.
IMPORTED_ONCE = ("hypothesis.strategies", "ansible.module_utils.basic", "yaml", "cryptography.x509")


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One fault: in ``file``, the text ``right``, which stands there once, becomes ``wrong``.

    ``tests`` are those that come first where the file has none of its own.
    """

    fault: str
    file: str
    right: str
    wrong: str
    tests: str = ""


MUTATIONS = (
    Mutation(
        "counts that a proxy took with it are taken for none",
        "traffic/enforcing.py",
        "why = beside or tally.why or _mute(tally) or lost",
        "why = beside or tally.why or _mute(tally)",
        tests="tests/unit/plugins/modules/test_rehearsed_callers.py",
    ),
    Mutation(
        "a peer is given another bundle than its own",
        "peering/plan.py",
        '"certificateChain": {"kind": CONFIG_MAP.name, "name": peer.bundle_name}',
        '"certificateChain": {"kind": CONFIG_MAP.name, "name": f"{peer.name}-ca-root-cert"}',
    ),
    Mutation(
        "the egress gateway looks into another network",
        "peering/plan.py",
        '"requestedNetworkView": list(networks)',
        '"requestedNetworkView": [f"{network}-network" for network in networks]',
    ),
    Mutation(
        "router mode is sent to new control planes",
        "peering/plan.py",
        "if version and version < (2, 2):",
        "if version and version > (2, 2):",
    ),
    Mutation(
        "the client's identity is its trust domain",
        "peering/plan.py",
        '"clientID": card.client_id',
        '"clientID": card.trust_domain',
    ),
    Mutation(
        "what is no longer wanted is not seen",
        "plain/diff.py",
        "if stands is not MISSING and not (isinstance(stands, Mapping) and stands):",
        "if stands is MISSING:",
    ),
    Mutation(
        "an update may re-create what has gone",
        "plain/diff.py",
        '        live["metadata"]["uid"],',
        "        None,",
    ),
    Mutation(
        "another manager's field is taken",
        "plain/diff.py",
        "if other != manager and difference",
        "if other == manager and difference",
    ),
    Mutation(
        "an unknown field on a card is read over",
        "card/card.py",
        "        if unknown:\n",
        "        if unknown and not data:\n",
    ),
    Mutation(
        "a fingerprint may differ from its root",
        "card/card.py",
        "if not is_same_fingerprint(",
        "if False and not is_same_fingerprint(",
    ),
    Mutation(
        "an identity may belong to another trust domain",
        "card/card.py",
        'if parts["domain"] != card.trust_domain:',
        'if not parts["domain"]:',
    ),
    Mutation(
        "imports of a peer of old are made at once",
        "peering/keeping.py",
        "if made and now and now - made < YOUNG:",
        "if made and now:",
    ),
    Mutation(
        "what others made is taken away",
        "peering/keeping.py",
        "for live in peering.objects if is_ours(live)]\n\n\ndef brought",
        "for live in peering.objects]\n\n\ndef brought",
    ),
    Mutation(
        "a silent peer is waited for",
        "peering/keeping.py",
        "    if answers(peering.peer, now, version):\n",
        "    if peering.peer:\n",
    ),
    Mutation(
        "a live export lets its peer go",
        "peering/keeping.py",
        "if peering.peer is not None\n        else []\n    )\n    if answers",
        "if peering.peer is None\n        else []\n    )\n    if answers",
    ),
    Mutation(
        "a known peer may be somebody else",
        "peering/keeping.py",
        "    if not (peering.objects or known):",
        "    if not peering.objects or known:",
    ),
    Mutation(
        "an older card is taken",
        "peering/keeping.py",
        "if found.in_run or not is_older_and_accepted(",
        "if True or not is_older_and_accepted(",
    ),
    Mutation(
        "a peer that answers loses its addresses",
        "peering/leaving.py",
        "or answers(live, now, control_plane.version):",
        "or not answers(live, now, control_plane.version):",
    ),
    Mutation(
        "a set that was filled again lets its peer go",
        "peering/leaving.py",
        "if is_ours(live) and not is_emptied:",
        "if is_ours(live):",
    ),
    Mutation("gateways alone are no leftover", "peering/leaving.py", ", *gateway_owners(control_plane.live)}", "}"),
    Mutation(
        "another peer's gateway goes as well",
        "peering/leaving.py",
        "if path_of(key)[3] not in others\n",
        "if path_of(key)[3] not in ()\n",
    ),
    Mutation(
        "a mesh that nobody has seen is shown as well",
        "report/page.py",
        '"name": name, "role": role, "seen": False, "state": UNKNOWN,',
        '"name": name, "role": role, "seen": False, "state": OK,',
    ),
    Mutation(
        "a peer that is not connected makes its hosts missing",
        "validation/registry.py",
        "if one.may_give(host, namespace, name) and not one.is_connected:",
        "if one.may_give(host, namespace, name) and one.is_connected:",
    ),
    Mutation(
        "a proxy that has not acknowledged what it was sent is in sync",
        "insight/syncz.py",
        "return STALE if row.differing else",
        "return SYNCED if row.differing else",
    ),
    Mutation(
        "of two rows that one istiod has for a proxy any is the newer",
        "insight/syncz.py",
        "if of_it == 1\n",
        "if of_it\n",
    ),
    Mutation(
        "lines of a log that is followed are written twice",
        "logs/lines.py",
        "            if known > 0 and",
        "            if known > 1 and",
    ),
    Mutation(
        "a call of the controller's that fails is a fault",
        "report/page.py",
        'state = _CAME_TO.get(str(row.get("outcome")), UNSURE)',
        'state = _CAME_TO.get(str(row.get("outcome")), DOWN)',
    ),
    Mutation(
        "a bearer's token stands in a line",
        "logs/masking.py",
        'return _SCHEME.sub(rf"\\1{HIDDEN}", _PAIR.sub(',
        "return (_PAIR.sub(",
    ),
    Mutation(
        "a failed rung of the peer's is ours to repair",
        "diagnosis/steps.py",
        'return Step(FAILS, seen, code, THEM, cause, "", tell)',
        'return Step(FAILS, seen, code, US, cause, "", tell)',
        tests=f"{TESTS}/_core/diagnosis/test_ladder.py",
    ),
    Mutation(
        "gateways without pods are ours to repair although their connection is up",
        "diagnosis/standing.py",
        'if not counted.get("ready") and link.state == status.CONNECTED:',
        'if not counted.get("ready") and link.state != status.CONNECTED:',
        tests=f"{TESTS}/_core/diagnosis/test_ladder.py",
    ),
    Mutation(
        "a lone endpoint is never ejected",
        "traffic/plan.py",
        '"maxEjectionPercent": 100,',
        '"maxEjectionPercent": 10,',
        tests="tests/unit/plugins/modules/test_mesh_traffic.py",
    ),
    Mutation(
        "who is not listed is let through the egress gateway",
        "traffic/plan.py",
        '"action": "DENY",',
        '"action": "ALLOW",',
        tests="tests/unit/plugins/modules/test_mesh_traffic.py",
    ),
    Mutation(
        "a rule of somebody else is deleted with the fields that are merged into it",
        "peering/using.py",
        "    if not is_merged(live):\n        return removal_of",
        "    if is_merged(live):\n        return removal_of",
        tests="tests/unit/plugins/modules/test_mesh_traffic.py",
    ),
    Mutation(
        "a rehearsal is written on a version that enforces it",
        "traffic/calling.py",
        "return (standing.control_plane.version or (2, 5)) >= (2, 2)",
        "return (standing.control_plane.version or (2, 5)) >= (2, 1)",
        tests="tests/unit/plugins/modules/test_mesh_traffic.py",
    ),
    Mutation(
        "a client that is nowhere does not stop a split by weight",
        "traffic/localities.py",
        "standing.placed_clients if theirs is not None]",
        "standing.placed_clients if theirs]",
        tests="tests/unit/plugins/modules/test_mesh_traffic.py",
    ),
    Mutation(
        "a share moves on though nobody has seen a call",
        "traffic/measuring.py",
        'return Verdict(False, False, "Prometheus has no calls in that time")',
        'return Verdict(True, True, "Prometheus has no calls in that time")',
        tests="tests/unit/plugins/modules/test_traffic_shift.py",
    ),
    Mutation(
        "an extension becomes the kind that the mesh is about to lose",
        "extensions/plan.py",
        "return named or ground.kinds[-1]",
        "return named or ground.kinds[0]",
    ),
    Mutation(
        "a guard that one pod is to try reaches others that bear the same label",
        "extensions/canary.py",
        "sum(each.labels.get(pair[0]) == pair[1] for each in chosen) == 1",
        "sum(each.labels.get(pair[0]) == pair[1] for each in chosen) >= 1",
        tests=f"{TESTS}/test_canary.py",
    ),
    Mutation(
        "an update that Envoy does not show is called loaded",
        "insight/loading.py",
        'at(plugin, "metadata", "generation") == 1',
        'at(plugin, "metadata", "generation") in (1, 2)',
    ),
)


class FirstFailure:
    """Notes the test that failed first, for pytest."""

    test = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.test:
            self.test = report.nodeid


def first_failure(*tests: str) -> str:
    """Return the name of the first of these unit tests that fails, or nothing. They run in a fork, which has imported
    nothing of this tree.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        sys.dont_write_bytecode = True  # what is broken for a second must not be imported afterwards
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(silent, stream)
        failure = FirstFailure()
        code = pytest.main(["--exitfirst", "--tb=no", *tests], plugins=[failure])
        os.write(writing, failure.test.encode())
        os._exit(code)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        failed = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != (pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK):
        raise SystemExit(f"pytest ended with {code} instead of running {' '.join(tests)}.")
    return failed


def tests_of(mutation: Mutation) -> str:
    """Return the file with the tests of the file that is broken: tests mirror the plugins."""
    if mutation.tests:
        return mutation.tests
    room, _slash, file = mutation.file.partition("/")
    return f"{TESTS}/_core/{room}/test_{file}"


@contextlib.contextmanager
def broken(mutation: Mutation) -> Iterator[None]:
    """Put one fault into the tree, and take it out again."""
    path = CORE / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.right) != 1:
        raise SystemExit(
            f"{mutation.file} holds {text.count(mutation.right)} times the text that '{mutation.fault}' changes:"
            f" {mutation.right}"
        )
    path.write_text(text.replace(mutation.right, mutation.wrong), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def main() -> None:
    os.chdir(TREE)
    for name in IMPORTED_ONCE:
        importlib.import_module(name)
    noticed_by = {}
    for mutation in MUTATIONS:
        # The tests of the broken file come first: all others are only asked when those have seen nothing.
        with broken(mutation):
            noticed_by[mutation] = first_failure(tests_of(mutation)) or first_failure(TESTS)
        print(
            f"{'caught' if noticed_by[mutation] else 'NOT CAUGHT':<11} {mutation.file:<15} {mutation.fault}", flush=True
        )
    noticing = sorted(filter(None, set(noticed_by.values())))
    if failed := first_failure(*noticing) if noticing else "":
        sys.exit(f"{failed} fails though nothing is broken, so it has noticed nothing.")
    survived = [mutation for mutation, test in noticed_by.items() if not test]
    if survived:
        sys.exit(f"{len(survived)} of {len(MUTATIONS)} faults were not caught.")
    print(f"All {len(MUTATIONS)} faults were caught.")


if __name__ == "__main__":
    main()
