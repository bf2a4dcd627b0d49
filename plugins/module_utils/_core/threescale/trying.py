# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is described of 3scale, and the tests that it has to meet before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    unmet = [verdict for verdict in verdicts if verdict.missed]
    if unmet:
        raise FederationError(
            "FED889",
            where=f"{TESTS}, {unmet[0].trial.name}",
            what=f"{len(unmet)} of {len(verdicts)} tests are not met: {some([each.text for each in unmet], 3, '; ')}",
            fix="Correct the rules, credentials or authorities of the service, or the test's expectations",
            facts={"tests": [each.as_data() for each in unmet[:100]]},
        )
