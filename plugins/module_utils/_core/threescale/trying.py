# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is described of 3scale, and the tests that it has to meet before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..catalogue.findings import Finding
from ..extensions.plan import Ground
from ..extensions.problems import refuse
from ..plain.data import some
from ..plain.errors import FederationError
from .described import OPTION, Described, read_threescale
from .explaining import TESTS, Trial, Verdict, read_tests, verdict_of
from .plan import generation_of


def asked_for(params: Mapping[str, Any]) -> tuple[Described, list[Trial]]:
    """Return what is described and its tests, nothing with C(state=absent); refused where anything is wrong with
    either.
    """
    if params["state"] == "absent":
        return Described(None, None, ()), []
    if params["threescale"] is None:
        fix = (
            "Describe backend and adapters, or set threescale_state: absent (option state) to remove everything that "
            "was made"
        )
        raise FederationError("FED880", where=OPTION, what="is not set", fix=fix)
    described, problems = read_threescale(params["threescale"])
    refuse(problems)
    trials, wrong = read_tests(params["tests"], described.adapters)
    refuse(wrong)
    return described, trials


def judged(trials: Sequence[Trial], described: Described, ground: Ground) -> list[Verdict]:
    """Return what becomes of the tests."""
    adapters = {each.place: each for each in described.adapters}
    return [
        verdict_of(trial, adapters[trial.adapter].services, generation_of(adapters[trial.adapter], ground))
        for trial in trials
    ]


def refuse_unmet(verdicts: Sequence[Verdict]) -> None:
    """Refuse to write what a test says is wrong: FED889."""
    missed = [verdict for verdict in verdicts if verdict.missed]
    if missed:
        raise FederationError(
            "FED889",
            where=f"{TESTS}, {missed[0].trial.name}",
            what=f"{len(missed)} of {len(verdicts)} tests are not met: {some([each.text for each in missed], 3, '; ')}",
            fix="Correct the rules, credentials or authorities of the service, or the test's expectations",
            facts={"tests": [each.as_data() for each in missed[:100]]},
        )


def judged_unasked(trials: Sequence[Trial], described: Described, ground: Ground) -> list[Verdict]:
    """Return what becomes of the tests of adapters whose rules are all described, as nobody has asked the portal."""
    known = {each.place for each in described.adapters if all(one.rules is not None for one in each.services)}
    return judged([trial for trial in trials if trial.adapter in known], described, ground)


def unmet(verdicts: Iterable[Verdict]) -> Iterator[Finding]:
    """Give FED889 for each test that is not met."""
    for verdict in verdicts:
        if verdict.missed:
            yield Finding("FED889", f"{TESTS}, {verdict.trial.name}", verdict.text)
