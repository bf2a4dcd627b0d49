# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What checks declare is what they do, and what cannot be read is unknown with their codes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.code import WARNING
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.codes import CODES
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.preflight import everything as preflight
from ansible_collections.ossm.federation.plugins.module_utils._core.preflight.checks import ROLL, Read
from ansible_collections.ossm.federation.plugins.modules import preflight_info
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.findings.corpus import CASES, Case
from ansible_collections.ossm.federation.tests.unit.findings.recording import Recording
from ansible_collections.ossm.federation.tests.unit.findings.setups import SPACE, Setup, base, generated, put_platform
from ansible_collections.ossm.federation.tests.unit.pem import NOW


def test_checks_touch_and_yield_what_they_declare_and_nothing_else(monkeypatch):
    recording = Recording(preflight.CHECKS)
    monkeypatch.setattr(preflight, "CHECKS", recording.checks)
    for setup in (*(case.setup() for case in CASES), *map(generated, range(40)), on_2_0()):
        setup.look()
    recording.compare()


def on_2_0() -> Setup:
    """Return a control plane that is refused for its version, on a network that this version does not take either."""
    setup = base()
    put_platform(setup, release="4.6.1")
    setup.control_plane["version"] = "v2.0"
    return setup


def test_what_else_a_check_yields_is_a_warning_of_the_catalogue():
    others = {code for one in preflight.CHECKS for code in one.codes if not code.startswith("FED7")}
    assert [code for code in others if code not in CODES or CODES[code].severity != WARNING] == []


def test_the_checks_together_can_yield_every_code_of_the_preflight_and_no_other():
    declared = {code for one in preflight.CHECKS for code in one.codes if code.startswith("FED7")}
    assert declared == {code for code in CODES if code.startswith("FED7")}


class Refusing(ClusterInMemory):
    """A cluster that refuses one read: with 403, or as if it did not serve the kind."""

    refused: Read
    code = "FED104"

    def get(self, kind, namespace, name):
        self._guard(kind, namespace)
        return super().get(kind, namespace, name)

    def list(self, kind, namespace, *which):
        self._guard(kind, namespace)
        return super().list(kind, namespace, *which)

    def serves(self, group):
        if self.refused.kind.name == "APIGroup":
            raise FederationError(self.code, where=group, what="is forbidden", fix="Ask for the right")
        return super().serves(group)

    def _guard(self, kind, namespace):
        if self.refused.is_about(kind, namespace, SPACE):
            raise FederationError(self.code, where=f"list {kind.name}", what="is forbidden", fix="Ask for the right")


def looked_at(setup: Setup, refused: Read, code: str = "FED104") -> dict:
    """Return what the module finds on a cluster that refuses one read."""
    cluster = Refusing(NOW, *setup.objects.values())
    cluster.server, cluster.groups, cluster.refused, cluster.code = setup.server, setup.groups, refused, code
    return preflight_info.run(setup.module(), cluster, NOW)


def blind_cases() -> Iterator:
    """Give each broken input with each read that a check for its code makes, and with the member roll behind them."""
    for case in CASES:
        reads = {read for one in preflight.CHECKS if case.code in one.codes for read in one.reads}
        for read in sorted({*reads, ROLL} if reads else (), key=lambda read: (read.kind.name, read.where)):
            yield pytest.param(case, read, id=f"{case.code} {case.name} without {read.kind.name} in {read.where}")


@pytest.mark.parametrize(("case", "read"), [*blind_cases()])
def test_what_cannot_be_read_is_found_all_the_same_or_unknown_and_nothing_else_is_invented(case: Case, read: Read):
    seen = looked_at(case.setup(), read)
    found = {entry["code"] for entry in seen["findings"]}
    unknown = {code for gap in seen["unknown"] for code in gap["codes"]}
    assert case.code in found | unknown, seen["lines"]
    assert found <= {case.code, *case.also, "FED104"}, seen["lines"]
