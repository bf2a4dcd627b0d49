# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gives a variable that may hold a secret to a task: where its template is wrong, Ansible would print it, and this does
not.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: connection
author: The ossm.federation authors (@ossm)
version_added: 0.1.0
short_description: The value of a variable that says how a cluster is reached
description:
  - Returns the value of a variable such as C(mesh_kubeconfig) or C(mesh_api_key), with its templates evaluated; an
    empty text when the variable is not there.
  - Where its template cannot be evaluated, it fails with FED101 and the variable's name. What Ansible itself says then
    quotes the template, and a password with C({{) in it is one.
  - The roles of this collection use it; in plays of your own, an expression does as well.
options:
  _terms:
    description: The name of the variable.
    type: list
    elements: str
    required: true
  folder:
    description: A folder. A value that is a relative path is returned as a path below it, one that is the content of a
      file as it is.
    type: str
  hosts:
    description:
      - The hosts of the run, for a variable that ends in C(_kubeconfig). With more than one, a host that has neither it
        nor C(_host) and C(_api_key) of the same name fails with FED102, because one environment cannot serve them all.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: See which control plane a mesh is
  ossm.federation.federation_info:
    mesh: east
    kubeconfig: "{{ lookup('ossm.federation.connection', 'mesh_kubeconfig', folder=inventory_dir) }}"
    until: reachable
"""

RETURN = r"""
_raw:
  description: The value, one for each name.
  type: list
  elements: raw
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.secrets import is_content
from ansible_collections.ossm.federation.plugins.plugin_utils.credentials import borrowed
from ansible_collections.ossm.federation.plugins.plugin_utils.specs import LOCKED, UNLOCK, is_locked

OMITTED = "AnsibleValueOmittedError"


class LookupModule(LookupBase):
    """Return variables, evaluated; one that cannot be is named and not quoted."""

    def run(
        self, terms: list, variables: Mapping | None = None, folder: str = "", hosts: Sequence = (), **_options: Any
    ) -> list:
        """Return the values of the variables ``terms``."""
        values = [self._value(str(name), variables or {}, folder) for name in terms]
        for name, value in zip(terms, values):
            whose = str(name).removesuffix("_kubeconfig")
            if (
                len(hosts) > 1
                and not value
                and not all(self._value(f"{whose}_{part}", variables or {}, "") for part in ("host", "api_key"))
            ):
                error = borrowed(whose, str((variables or {}).get("inventory_hostname")), len(hosts))
                raise AnsibleLookupError(f"{error}  ({error.reference})")
        return values

    def _value(self, name: str, variables: Mapping, folder: str) -> Any:
        try:
            value = plain(self._templar.template(variables[name])) if name in variables else ""
        except Exception as error:
            if type(error).__name__ == OMITTED:
                return ""
            failed = refusal(name, error)
        else:
            if value is None or value == variables.get("omit"):
                return ""
            return below(folder, value) if folder and isinstance(value, str) and value else value
        # Outside of the block above: what is raised there would bring along what it quotes.
        raise AnsibleLookupError(f"{failed}  ({failed.reference})")


def refusal(name: str, error: Exception) -> FederationError:
    """Return the refusal for a variable whose template is wrong; the error's text would quote it."""
    is_undefined = "Undefined" in type(error).__name__
    if is_locked(error):
        return FederationError("FED101", where=name, what=LOCKED, fix=UNLOCK)
    return FederationError(
        "FED101",
        where=name,
        what=(
            "names a variable that is not defined"
            if is_undefined
            else f"is a template that cannot be evaluated ({type(error).__name__})"
        ),
        fix="Correct it; what is no template, and has {{, {% or {# in it, is given with !unsafe",
    )


def below(folder: str, value: str) -> str:
    """Return a path below ``folder``; what is no path stays as it is."""
    return value if is_content(value) else os.path.join(folder, os.path.expanduser(value))


def plain(value: Any) -> Any:
    """Return a value without Ansible's own kinds of mappings, lists and texts, evaluated to its last leaf."""
    if isinstance(value, Mapping):
        return {str(key): plain(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(child) for child in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
