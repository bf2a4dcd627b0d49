# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hands carried cards to the module as they stand: a card is hostile text, and Jinja in it must never be evaluated."""

from __future__ import annotations

import re

from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var


class ActionModule(ActionBase):
    """Run the module with the cards of the variable that ``cards_from`` names."""

    def run(self, tmp: str | None = None, task_vars: dict | None = None) -> dict:
        """Return the module's result."""
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        name = arguments.pop("cards_from", None)
        if name and not arguments.get("cards"):
            arguments["cards"] = self._cards(str(name), task_vars or {})
        result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        return result

    def _cards(self, name: str, variables: dict) -> list:
        """Return a variable's cards as they stand.

        Only a variable that is as a whole an expression is evaluated, and that once: the variables it names stand
        for what they hold, since that may be a card.
        """
        value = variables.get(name)
        if isinstance(value, str) and value.lstrip().startswith("{{"):
            named = set(re.findall(r"\w+", value)) - {"hostvars", "vars"}
            known = {word: wrap_var(variables[word]) for word in sorted(named & set(variables))}
            with self._templar.set_temporary_context(available_variables=known):
                value = self._templar.template(value)
        if value is None or value == "":
            return []
        return wrap_var(list(value) if isinstance(value, (list, tuple)) else [value])
