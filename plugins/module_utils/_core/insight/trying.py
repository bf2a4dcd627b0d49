# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the pods say that try guards before all others get them: who is awaited, who has failed, who tells nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..catalogue.findings import Finding
from ..extensions.canary import Canary, untried
from ..extensions.keeping import key_of
from ..plain.data import some
from ..plain.errors import FederationError
from .loading import FAILED, LOADED, PATIENCE, WARMING, Loading, summary


@dataclass(frozen=True)
class Attempt:
    """What is ``said`` by canary after so many ``seconds``; with ``waits`` the run waits for them, and with ``is_last``
    they are not asked again.
    """

    said: Mapping[Canary, Sequence[Loading]]
    seconds: int
    waits: bool
    is_last: bool

    @classmethod
    def of(
        cls,
        canaries: Iterable[Canary],
        loadings: Mapping[tuple, Sequence[Loading]],
        *,
        seconds: int,
        waits: bool,
        is_last: bool,
    ) -> Attempt:
        """Return it by what their pods said, by the canaries' keys; a canary of which none spoke has lost its pod."""
        said = {each: loadings.get(key_of(each.manifest)) or [_gone(each)] for each in canaries}
        return cls(said, seconds, waits, is_last)

    @property
    def missing(self) -> dict[Canary, Sequence[Loading]]:
        """Return those that their pods are to run and do not."""
        return {each: told for each, told in self.said.items() if any(one.is_missing for one in told)}

    @property
    def has_failed(self) -> bool:
        """Return whether the wait for what is missing is over: its time is, or no more of it would help."""
        if not self.missing or not self.waits:
            return False
        return self.is_last or (
            self.seconds >= PATIENCE and all(one.state == FAILED for told in self.missing.values() for one in told)
        )

    @property
    def pending(self) -> dict[str, list[Loading]]:
        """Return by place what is awaited still: what is missing, else, for a while, those of which a pod may tell
        soon.
        """
        awaited = self.missing
        if not awaited and not self.is_last and self.seconds < PATIENCE:
            awaited = {each: told for each, told in self.said.items() if any(one.is_momentary for one in told)}
        return {each.place: list(told) for each, told in awaited.items()}

    @property
    def doubts(self) -> list[Finding]:
        """Return FED816 for each that tells nothing; none while something is awaited."""
        silent = {each: told for each, told in self.said.items() if any(one.state != LOADED for one in told)}
        return [] if self.pending else [untried(each.place, summary(told)) for each, told in silent.items()]

    def failure(self) -> FederationError:
        """Return the error for what is missing, with the listeners that wait: FED817."""
        missing = self.missing
        places = {each: f"{each.place}: " if len(missing) > 1 else "" for each in missing}
        told = some([f"{places[each]}{summary(said)}" for each, said in missing.items()], 3, "; ")
        return FederationError(
            "FED817",
            where=f"mesh_extensions, {some([each.place for each in missing], 5)}",
            what=(
                f"{'is' if len(missing) == 1 else 'are'} not loaded after {self.seconds} s by the one pod that tries"
                f" it: {told}; the other pods are as they were, and that pod no longer tries it"
            ),
            fix=(
                "See in the proxy's log why the module cannot be fetched or run; correct its image, pull secret or "
                "config, and run again"
            ),
            facts={"loading": {each.place: [one.as_data() for one in said] for each, said in missing.items()}},
        )


def _gone(canary: Canary) -> Loading:
    return Loading(canary.proxy.place, WARMING, "the pod is gone, or does not bear its label yet")
