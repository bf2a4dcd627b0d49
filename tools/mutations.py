# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Break the planner, the comparison, the card reader, keeping and leaving in some thirty ways and see that the unit tests notice each.

Run it with the Python of the venv "newest", in a copy of the tree: ``python tools/mutations.py``. A change that no longer
fits its file fails the run as well: it has to be written anew.
"""

from __future__ import annotations

import dataclasses
import pathlib
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent
CORE = TREE / "plugins" / "module_utils" / "_core"
TESTS = "tests/unit/plugins/module_utils"


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
        'differences, live["metadata"]["uid"], force',
        "differences, None, force",
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
        "if peering.peer is not None else []\n    if answers",
        "if peering.peer is None else []\n    if answers",
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
        "if path_of(key)[3] not in others]",
        "if path_of(key)[3] not in ()]",
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
)


def passes(tests: str) -> bool:
    """Return whether these unit tests pass."""
    words = [sys.executable, "-m", "pytest", "--quiet", "--exitfirst", "--no-header", tests]
    return subprocess.run(words, cwd=TREE, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode == 0


def tests_of(mutation: Mutation) -> str:
    """Return the file with the tests of the file that is broken: tests mirror the plugins."""
    if mutation.tests:
        return mutation.tests
    room, _slash, file = mutation.file.partition("/")
    return f"{TESTS}/_core/{room}/test_{file}"


def is_caught(mutation: Mutation) -> bool:
    """Put one fault into the tree, run the tests, take it out again, and return whether they failed.

    The tests of the broken file come first: all others are only asked when those have seen nothing.
    """
    path = CORE / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.right) != 1:
        raise SystemExit(f"{mutation.file} holds {text.count(mutation.right)} times the text that '{mutation.fault}' changes: {mutation.right}")
    path.write_text(text.replace(mutation.right, mutation.wrong), encoding="utf-8")
    try:
        return not (passes(tests_of(mutation)) and passes(TESTS))
    finally:
        path.write_text(text, encoding="utf-8")


def main() -> None:
    if not all(passes(tests) for tests in sorted({tests_of(mutation) for mutation in MUTATIONS})):
        sys.exit("The unit tests fail before anything is broken.")
    survived = []
    for mutation in MUTATIONS:
        caught = is_caught(mutation)
        print(f"{'caught' if caught else 'NOT CAUGHT':<11} {mutation.file:<15} {mutation.fault}", flush=True)
        if not caught:
            survived.append(mutation)
    if survived:
        sys.exit(f"{len(survived)} of {len(MUTATIONS)} faults were not caught.")
    print(f"All {len(MUTATIONS)} faults were caught.")


if __name__ == "__main__":
    main()
