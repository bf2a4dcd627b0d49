# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Kiali calls the findings of a validation, and the table of the documentation.

Source: Kiali's documentation, "Validations", of version 1.36, the one that comes with control planes of 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping

# By our code: Kiali's. Where Kiali has two for one fault in two places, the second is for the whole mesh.
KIALI: Mapping[str, tuple[str, ...]] = {
    "FED973": ("KIA0101",),
    "FED974": ("KIA0104",),
    "FED975": ("KIA0106",),
    "FED976": ("KIA0201",),
    "FED977": ("KIA0202",),
    "FED978": ("KIA0203",),
    "FED979": ("KIA0208", "KIA0207"),
    "FED980": ("KIA0505", "KIA0506"),
    "FED981": ("KIA0209",),
    "FED982": ("KIA0301",),
    "FED983": ("KIA0302",),
    "FED984": ("KIA1101",),
    "FED985": ("KIA1102",),
    "FED986": ("KIA1103",),
    "FED987": ("KIA1104",),
    "FED988": ("KIA1105",),
    "FED989": ("KIA1106",),
    "FED990": ("KIA1107",),
    "FED991": ("KIA0004",),
    "FED992": ("KIA0002",),
    "FED993": ("KIA1004",),
    "FED994": (),
    "FED995": (),
}
FAILED = "FED972"


def shown_with(code: str) -> str:
    """Return Kiali's code or codes for one of ours; "" where Kiali has none."""
    return "/".join(KIALI.get(code, ()))


def table(titles: Mapping[str, str], severities: Mapping[str, str]) -> list[str]:
    """Return the rows of the documentation's table; ``titles`` and ``severities`` are the catalogue's."""
    rows = [
        f"| [{code}](codes.md#{code.lower()}) | {', '.join(kiali) or 'none'} | {severities[code]} | {titles[code]} |"
        for code, kiali in KIALI.items()
    ]
    return ["| code | Kiali | severity | finding |", "|---|---|---|---|", *rows]
