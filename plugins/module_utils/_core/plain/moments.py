# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times as the API writes them, and as others do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timezone

# What no clock shows is no time: Go writes one that nobody has set as the year 1, and with it nobody can reckon.
FIRST, LAST = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (1900, 9000))
# Go writes as many digits as there are; Python before 3.11 takes six or three, and none takes nine for more than six.
_FRACTION = re.compile(r"[.,]([0-9]{1,9})(?=Z|[+-]|$)")


def time_text(moment: datetime) -> str:
    """Return a moment as the API writes it: RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of(text: object) -> datetime | None:
    """Return the moment that an RFC 3339 text tells, with or without fractions and offset; None for other texts, and
    before or after all clocks.
    """
    try:
        plain = _FRACTION.sub(lambda found: f".{found[1][:6]:0<6}", str(text))
        moment = datetime.fromisoformat(plain.replace("Z", "+00:00"))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return moment if FIRST <= moment < LAST else None


def latest(texts: Iterable[object]) -> datetime | None:
    """Return the last of the moments that some texts tell; None where none tells one."""
    return max((moment for moment in map(time_of, texts) if moment), default=None)
