# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter that the first play of each playbook asks; documented in the YAML file beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible import context
from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.reference import link_to
from ..module_utils._core.plain.words import shown
from ..plugin_utils.whole import files_of_nobody, refuse_parts, refuse_words


def played_whole(hosts: object, groups: Mapping, sources: Iterable[str] = ()) -> object:
    """Return ``hosts`` as they are, where Ansible passes over nothing that was said; see the filter's documentation."""
    try:
        refuse_parts(context.CLIARGS)
        refuse_words(context.CLIARGS.get("extra_vars") or ())
    except FederationError as error:
        raise AnsibleFilterError(f"{error} Nothing was written.  ({error.reference})") from None
    for name, near in files_of_nobody(sources, groups):
        told = f"FED336 {shown(name)}: is for no host and no group of this inventory, so nothing reads it."
        Display().warning(f"{told} If it is for {shown(near)}, rename it.  ({link_to('FED336')})")
    return hosts


class FilterModule:
    """The collection's filter on what a run was told."""

    def filters(self) -> dict:
        """Return the filter by its name."""
        return {"played_whole": played_whole}
