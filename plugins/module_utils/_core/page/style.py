# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the page looks: two palettes, and a style sheet that names their colours only.

Every state has a colour, a sign and a word, so that nobody needs the colour. A test holds each pair of text and
background to the contrast of WCAG 2.1, level AA.
"""

from __future__ import annotations

LIGHT = {
    "back": "#ffffff", "panel": "#f4f6f9", "line": "#c3cad4", "text": "#1b2330", "soft": "#4b5667", "link": "#0b57a4",
    "ok": "#0a6b2d", "ok-back": "#e3f4e8", "down": "#a3161b", "down-back": "#fde8e8", "unsure": "#7a4b00",
    "unsure-back": "#fdf1d8",
    "unknown": "#4b5667", "unknown-back": "#e8ebf0", "suspended": "#5a3d8a", "suspended-back": "#efe8f9",
}  # fmt: skip
DARK = {
    "back": "#12161d", "panel": "#1b212b", "line": "#3d4757", "text": "#e8ecf2", "soft": "#aab4c3", "link": "#8ec2ff",
    "ok": "#7fd99a", "ok-back": "#12301d", "down": "#ff9c9c", "down-back": "#3d1517", "unsure": "#f2c66d",
    "unsure-back": "#36280c",
    "unknown": "#b3bccb", "unknown-back": "#2a313d", "suspended": "#cdb4f5", "suspended-back": "#2b2140",
}  # fmt: skip
STATES = ("ok", "down", "unsure", "unknown", "suspended")
LABELS = {"ok": "ok", "down": "down", "unsure": "check", "unknown": "unknown", "suspended": "suspended"}
SIGNS = {"ok": "√", "down": "×", "unsure": "‼", "unknown": "?", "suspended": "‖"}


def _palette(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def _of_states() -> str:
    dashes = {"down": "7 5", "unknown": "2 5", "unsure": "12 4", "suspended": "1 7"}
    rules = []
    for state in STATES:
        rules.append(f".state.{state} {{ color: var(--{state}); background: var(--{state}-back); }}")
        rules.append(f"svg .box.{state} rect {{ fill: var(--{state}-back); stroke: var(--{state}); }}")
        rules.append(f"svg .sign.{state} {{ fill: var(--{state}); }}")
        dash = f" stroke-dasharray: {dashes[state]};" if state in dashes else ""
        rules.append(f"svg .line.{state} {{ stroke: var(--{state});{dash} }}")
        rules.append(f"svg .group.{state} rect {{ stroke: var(--{state}); }}")
    return "\n".join(rules)


_SHEET = """
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, "Liberation Sans", sans-serif; color: var(--text); background: var(--back); }
.wrap { max-width: 78rem; margin: 0 auto; padding: 0 1rem 3rem; }
h1 { font-size: 1.6rem; margin: 1.2rem 0 .2rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; } h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
h1, h2, h3, p, td, dd, li { overflow-wrap: anywhere; }
p { margin: .3rem 0; } a { color: var(--link); } .soft { color: var(--soft); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--back); padding: .5rem; z-index: 2; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem; margin: 1rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--panel); border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .8rem; }
.tiles b { display: block; font-size: 1.3rem; }
nav ul, .filter { display: flex; flex-wrap: wrap; gap: .4rem 1rem; padding: 0; margin: .6rem 0; list-style: none; }
.filter { background: var(--panel); border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .8rem; align-items: center; }
.filter[hidden] { display: none; }
.filter fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem .8rem; }
.filter legend { position: absolute; left: -999rem; }
input, button { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--soft); border-radius: .3rem; padding: .2rem .5rem; }
input[type=search] { width: 16rem; max-width: 100%; } button { cursor: pointer; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: start; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); min-width: 6.2rem; }
td.long { min-width: 15rem; } th { background: var(--panel); white-space: nowrap; } tbody tr:last-child td { border-bottom: 0; }
.state { display: inline-block; border-radius: .3rem; padding: 0 .45rem; white-space: nowrap; font-weight: 600; }
code, .mono { font-family: ui-monospace, "Liberation Mono", monospace; font-size: .88em; overflow-wrap: anywhere; }
section { content-visibility: auto; contain-intrinsic-size: auto 40rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; padding: .3rem .8rem; content-visibility: auto; }
summary { cursor: pointer; overflow-wrap: anywhere; } details .scroll { margin: .4rem 0; }
.actions { padding-inline-start: 1.4rem; } .actions li { margin: .5rem 0; }
.scroll + .scroll { margin-top: .8rem; }
svg { display: block; min-width: 34rem; width: 100%; max-width: 60rem; height: auto; margin: 0 auto; } svg.wide { min-width: 60rem; max-width: none; }
svg text { font: 13px system-ui, "Liberation Sans", sans-serif; fill: var(--text); } svg .name { font-weight: 700; }
svg .told { fill: var(--soft); font-size: 12px; } svg .sign { font-weight: 700; }
svg .box rect { stroke-width: 1.5; } svg .box.unseen rect { stroke-dasharray: 5 4; }
svg .label, svg .group text { paint-order: stroke; stroke: var(--back); stroke-width: 5px; stroke-linejoin: round; }
svg .line { stroke-width: 2; fill: none; } svg .line.many { stroke-width: 4; } svg .group rect { fill: none; stroke-width: 1; }
[data-hidden] { display: none; }
@media print {
  .filter, nav, .skip, .theme { display: none; } .scroll { overflow: visible; border: 0; } .wrap { max-width: none; padding: 0; }
  tr, details, .tiles li { break-inside: avoid; }
  section { content-visibility: visible; } svg, svg.wide { min-width: 0; } body { font-size: 10pt; } details { content-visibility: visible; }
  .state, svg rect { print-color-adjust: exact; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
"""


def style() -> str:
    """Return the style sheet: the system's choice of light or dark, the reader's own above it, and light on paper."""
    light, dark = _palette(LIGHT), _palette(DARK)
    return "\n".join(
        [
            f":root {{ color-scheme: light dark; {light} }}",
            f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}",
            f':root[data-theme="light"] {{ color-scheme: light; {light} }}',
            f':root[data-theme="dark"] {{ color-scheme: dark; {dark} }}',
            f"@media print {{ :root, :root[data-theme] {{ {light} }} }}",
            _SHEET.strip(),
            _of_states(),
        ]
    )
