# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every code that a user can meet: what it says, why it is refused, and the cure. ``docs/codes.md`` is this, printed.

Each part stands in a file of its own; they are joined here.
"""

from __future__ import annotations

from .access import ACCESS
from .cards import CARDS
from .causes import CAUSES
from .control_plane import CONTROL_PLANE
from .described import DESCRIBED
from .extensions import EXTENSIONS
from .insight import INSIGHT
from .objects import OBJECTS
from .silence import SILENCE
from .threescale import THREESCALE
from .traffic import TRAFFIC
from .validation import VALIDATION
from .waiting import WAITING

RANGES = {
    "1": "Access and the API server",
    "2": "Cards and trust",
    "3": "What you described",
    "4": "The control plane",
    "5": "Objects on the cluster",
    "6": "Waiting",
    "7": "Skipped in silence",
    "8": "Wasm extensions, and traffic between meshes",
    "9": "Insight: health, configuration, logs, causes, and the report",
}

PARTS = (
    *(ACCESS, CARDS, DESCRIBED, CONTROL_PLANE, OBJECTS, WAITING, SILENCE, EXTENSIONS, TRAFFIC, THREESCALE),
    *(INSIGHT, CAUSES, VALIDATION),
)

CODES = {name: code for part in PARTS for name, code in part.items()}
