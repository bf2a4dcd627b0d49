# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The only room that knows Jinja2: it turns a page's data into one HTML file that needs nothing else.

Everything is escaped but our own style sheet and script, and a policy in the file lets the browser run no other.
"""

from __future__ import annotations

from collections.abc import Mapping

from ._core.page import parts
from ._core.page.script import SCRIPT
from ._core.page.style import LABELS, SIGNS, STATES, style
from ._core.page.template import TEMPLATE
from ._core.plain.errors import FederationError
from ._core.report.drawing import drawing_of


def html(page: Mapping) -> str:
    """Return a page as HTML. Raises ``FederationError`` FED971 where this Python has no Jinja2."""
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise FederationError(
            "FED971",
            where="The page",
            what="cannot be made: the Python that runs this module has no Jinja2",
            fix="Run it on the machine that runs Ansible, as playbook report does: its Python has Jinja2",
        ) from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    # Only what is not ASCII can be written from right to left, and then stays in its own place.
    environment.tests["turned"] = lambda text: not str(text).isascii()
    sheet, extra = style(), list(parts.extra(page))
    return environment.from_string(TEMPLATE).render(
        page=page,
        changes=page.get("changes"),
        drawing=drawing_of(page),
        described=parts.described(page),
        tiles=parts.tiles(page["summary"]),
        parts=parts.parts(page, extra),
        services=parts.services(page),
        extra=extra,
        signs=SIGNS,
        labels=LABELS,
        states=STATES,
        verdicts=parts.VERDICTS,
        most=parts.MOST_ROWS,
        style=Markup(sheet),
        script=Markup(SCRIPT),
        policy=parts.policy(sheet, SCRIPT),
    )
