# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hands carried cards to the module as they stand: a card is hostile text, and Jinja in it must never be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import AnsibleUnsafe, wrap_var
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import (
    DEPTH_LIMIT,
    card_from,
    data_of,
    refuse_oversize,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import printable
from ansible_collections.ossm.federation.plugins.modules import federation as module
from ansible_collections.ossm.federation.plugins.plugin_utils.expressions import evaluated, refuse_calls
from ansible_collections.ossm.federation.plugins.plugin_utils.here import HereAction

MOST_NOTES = 5
MOST_CARRIED = 20
"""Of how many meshes one workflow's jobs hand their cards on: AWX gives every job the cards of all, whoever they are
for.
"""

display = Display()


class ActionModule(HereAction):
    """Run the module with the cards of the variable that ``cards_from`` names."""

    MODULE = module

    def act(self, variables: dict) -> dict:
        """Return the module's result; cards that are out of bounds never reach the module."""
        arguments = dict(self._task.args)
        name = arguments.pop("cards_from", None)
        if name:
            given = arguments.get("cards") or self._cards(str(name), variables)
            mesh, now = str(arguments.get("mesh") or ""), datetime.now(timezone.utc)
            handed, notes = handed_on(str(name), mesh, variables, now)
            arguments["cards"] = [*given, *handed]
            for note in notes:
                display.warning(note)
        return self._execute_module(module_args=arguments, task_vars=variables)

    def _cards(self, name: str, variables: dict) -> list:
        """Return a variable's cards as they stand.

        Only a variable that is as a whole an expression is evaluated, and that once: the variables it names stand
        for what they hold, since that may be a card. Raises ``FederationError`` FED230, FED234, FED201, FED202.
        """
        value = variables.get(name)
        if isinstance(value, str) and value.lstrip().startswith("{{"):
            refuse_calls(value, name)
            # A text that Ansible itself would not evaluate, because a module or a file gave it, stays a text.
            if not isinstance(value, AnsibleUnsafe) and self._templar.is_template(value):
                value = evaluated(value, name, variables)
        if value is None or value == "":
            return []
        cards = list(value) if isinstance(value, (list, tuple)) else [value]
        for number, card in enumerate(cards, start=1):
            refuse_oversize(card, f"{name}, card {number}")
        return wrap_var(cards)


def handed_on(name: str, mesh: str, variables: dict, now: datetime) -> tuple[list, list[str]]:
    """Return the cards that earlier jobs of a workflow made for ``mesh``, as they stand, and notes on what is left out.

    Each of those jobs gave its mesh's cards a variable of its own (``federation_cards_of_west``), since of two
    artifacts with one name only the later reaches the jobs that follow. It is a JSON text, or what such a text holds.
    Nothing in it is evaluated. A job speaks for its own mesh alone: cards of others in its variable are left out, and
    so is what is no card in order, so that one job cannot stop the others' peerings. Cards for other meshes are left
    out without a word.

    Raises ``FederationError`` FED360 for more meshes than a workflow's artifacts are good for.
    """
    prefix = f"{name}_of_"
    own = prefix + mesh.replace("-", "_")
    found: list = []
    notes: list[str] = []
    keys = sorted(key for key in variables if key.startswith(prefix))
    if len(keys) > MOST_CARRIED:
        raise FederationError(
            "FED360",
            where=f"{prefix}*",
            what=(
                f"{len(keys)} meshes handed their cards on as artifacts of one workflow, and every job gets all of"
                f" them; {MOST_CARRIED} are the most"
            ),
            fix="Carry the cards by Git and set federation_cards_dir; extensions/awx does that with awx_cards_dir",
        )
    for key in (key for key in keys if key != own):
        # The name of a mesh has no underscore, so there is one mesh for each name of a variable.
        speaker = key[len(prefix) :].replace("_", "-")
        left_out: list[str] = []
        for number, card in enumerate(_cards_in(key, variables[key], left_out), start=1):
            reason = _why_not(card, f"{key}, card {number}", speaker, mesh, now)
            found += [card] if reason is None else []
            left_out += [reason] if reason else []
        notes += left_out[:MOST_NOTES]
        notes += (
            [f"{len(left_out) - MOST_NOTES} more entries of {key} are left out"] if len(left_out) > MOST_NOTES else []
        )
    return wrap_var(found), notes


def _cards_in(key: str, value: object, left_out: list[str]) -> list:
    """Return the entries of one job's variable; none, and the reason in ``left_out``, for what cannot hold cards."""
    try:
        if isinstance(value, str):
            value = data_of(str(value), key, DEPTH_LIMIT + 1)
    except FederationError as error:
        left_out.append(f"{key} is left out: {error}")
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _why_not(card: object, where: str, speaker: str, mesh: str, now: datetime) -> str | None:
    """Return why an entry is left out, "" where that is nobody's concern, None for a card that ``speaker`` made for
    ``mesh``.
    """
    try:
        refuse_oversize(card, where)
        said = card if isinstance(card, Mapping) else {}
        if isinstance(said.get("audience"), str) and said["audience"] != mesh:
            return ""
        if isinstance(said.get("mesh"), str) and said["mesh"] != speaker:
            return (
                f"{where} is left out: it speaks for {printable(said['mesh'], 63)}, and only cards of {speaker} belong"
                " there"
            )
        card_from(card, where, now)
    except FederationError as error:
        return f"{where} is left out: {error}"
    except ImportError:
        # The module says what is missing.
        return None
    return None
