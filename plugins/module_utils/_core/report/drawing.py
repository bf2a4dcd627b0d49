# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where everything stands in the picture of a page: meshes as boxes, peerings as lines, names on the lines.

A few meshes stand on a ring, with every peering and every name. Many are put into groups of meshes that have the same
partners, and the picture then has a line per pair of groups, and one per peering that needs somebody; the others are
counted in the head of their group. Equal data gives an equal picture.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from ..peering.verdict import OK
from .page import worst

RING = 8
"""More meshes than these are drawn in groups."""
NAMED = 4
"""Up to so many meshes the names of services stand on the lines."""
MOST_NAMES = 4
MOST_LINES = 60
"""Peerings that are drawn one by one among groups; the tables have all of them."""
ALIKE = 0.5
"""The share of partners from which on two meshes belong to one group."""
WIDE, HIGH, GAP = 190, 58, 20
HEAD, MARGIN = 32, 16
LEFT = 70
"""Room at the left of groups for the lines between those that stand below each other."""
ROW_OF_GROUPS = 1180
_SIGN = 7.2
"""Width of one sign of a text, about."""


def drawing_of(page: Mapping) -> dict:
    """Return the picture: its size, and boxes, lines, labels and groups with whole coordinates."""
    names = [row["name"] for row in page["meshes"]]
    if not names:
        return {"width": 0, "height": 0, "boxes": [], "lines": [], "labels": [], "groups": [], "left_out": 0}
    return _ring(page, names) if len(names) <= RING else _grouped(page, names)


def _box(row: Mapping, x: float, y: float) -> dict:
    """Return a mesh's box with its middle at a place."""
    lines = (
        [row["version"], row["trust_domain"]]
        if row["seen"]
        else [row["role"].replace("peer", "peer of others").replace("run", "not seen"), ""]
    )
    told = " · ".join(part for part in lines if part)
    return {
        "name": row["name"], "shown": _cut(row["name"], WIDE - 44), "told": _cut(told, WIDE - 20),
        "state": row["state"], "seen": row["seen"],
        "x": round(x - WIDE / 2), "y": round(y - HIGH / 2), "width": WIDE, "height": HIGH,
    }  # fmt: skip


def _cut(text: str, width: float) -> str:
    """Return as much of a text as fits, with an ellipsis where something is missing."""
    most = int(width / _SIGN)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _ring(page: Mapping, names: Sequence[str]) -> dict:
    places = _on_a_ring(names)
    labels = [label for row in page["peerings"] if len(names) <= NAMED for label in _labels(row, places)]
    left, top, bottom = _edges(places.values(), labels)
    moved = {name: (x - left, y - top) for name, (x, y) in places.items()}
    return {
        "width": round(max(x for x, _y in moved.values()) + WIDE / 2 + MARGIN),
        "height": round(bottom - top),
        "boxes": [_box(row, *moved[row["name"]]) for row in page["meshes"]],
        "lines": [_line(row, moved) for row in page["peerings"] if all(end in moved for end in row["between"])],
        "labels": [{**label, "x": round(label["x"] - left), "y": round(label["y"] - top)} for label in labels],
        "groups": [],
        "left_out": 0,
    }


def _on_a_ring(names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the middle of each mesh's box: two stand side by side, more on an ellipse whose first is at the top."""
    count = len(names)
    wide = {1: 0, 2: 270}.get(count, 130 + 60 * count)
    high = 0 if count < 3 else 60 + 36 * count
    start = math.pi if count == 2 else -math.pi / 2
    angles = {name: start + 2 * math.pi * at / count for at, name in enumerate(names)}
    return {name: (wide * math.cos(angle), high * math.sin(angle)) for name, angle in angles.items()}


def _edges(places: Collection[tuple[float, float]], labels: Sequence[Mapping]) -> tuple[float, float, float]:
    """Return where the picture begins and ends (left, top, bottom): at its outermost box or label,
    whichever that is.
    """
    left = min(x for x, _y in places) - WIDE / 2
    top = min([*(y - HIGH / 2 for _x, y in places), *(label["y"] - 14 for label in labels)])
    bottom = max([*(y + HIGH / 2 for _x, y in places), *(label["y"] + 4 for label in labels)])
    return left - MARGIN, top - MARGIN, bottom + MARGIN


def _line(row: Mapping, places: Mapping[str, tuple[float, float]]) -> dict:
    """Return a peering's line, from the edge of one box to the edge of the other."""
    (ax, ay), (bx, by) = (places[end] for end in row["between"])
    (x1, y1), (x2, y2) = _edge(ax, ay, bx, by), _edge(bx, by, ax, ay)
    told = f"{row['between'][0]} – {row['between'][1]}: {row['state']}"
    return {"path": f"M{x1} {y1}L{x2} {y2}", "state": row["state"], "told": told, "number": 1}


def _edge(x: float, y: float, to_x: float, to_y: float, wide: float = WIDE, high: float = HIGH) -> tuple[int, int]:
    """Return where the line from the middle of a box to another place leaves the box."""
    dx, dy = to_x - x, to_y - y
    if not (dx or dy):
        return round(x), round(y)
    scale = min(wide / 2 / abs(dx) if dx else math.inf, high / 2 / abs(dy) if dy else math.inf, 1)
    return round(x + dx * scale), round(y + dy * scale)


def _labels(row: Mapping, places: Mapping[str, tuple[float, float]]) -> list[dict]:
    """Return the names that go over a peering, beside the middle of its line: above it one way, below it the other."""
    first, second = row["between"]
    if first not in places or second not in places:
        return []
    (ax, ay), (bx, by) = places[first], places[second]
    middle, room = ((ax + bx) / 2, (ay + by) / 2), max(150.0, abs(bx - ax) - WIDE - 12)
    found = []
    for giver, taker, side in ((first, second, -1), (second, first, 1)):
        names = [each["name"] for each in row["names"] if each["from"] == giver]
        if not names:
            continue
        arrow = "→" if (places[taker][0], places[taker][1]) >= (places[giver][0], places[giver][1]) else "←"
        told = [*names[:MOST_NAMES], *([f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else [])]
        rows = [_cut(f"{name} {arrow}" if arrow == "→" else f"{arrow} {name}", room) for name in told]
        top = middle[1] - 9 - 15 * (len(rows) - 1) if side < 0 else middle[1] + 19
        found += [{"x": round(middle[0]), "y": round(top + 15 * at), "text": text} for at, text in enumerate(rows)]
    return found


def _grouped(page: Mapping, names: Sequence[str]) -> dict:
    partners = _partners(page, names)
    groups = beside_their_hubs(groups_of(partners), partners)
    meshes = {row["name"]: row for row in page["meshes"]}
    places, drawn, bottom = _placed(groups)
    inside, between = _states(page, _members(groups))
    for number, group in enumerate(drawn):
        group["state"] = worst([*inside.get(number, []), *(meshes[name]["state"] for name in groups[number])])
        group["told"] = _told_of(groups[number], inside.get(number, []))
    broken = [
        row
        for row in page["peerings"]
        if row["state"] not in (OK, "suspended") and all(end in places for end in row["between"])
    ]
    return {
        "width": max(group["x"] + group["width"] for group in drawn) + MARGIN,
        "height": bottom,
        "boxes": [_box(meshes[name], *places[name]) for group in groups for name in group],
        "lines": [*_bundles(between, drawn), *(_line(row, places) for row in broken[:MOST_LINES])],
        "labels": [],
        "groups": drawn,
        "left_out": max(0, len(broken) - MOST_LINES),
    }


def _partners(page: Mapping, names: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in names}
    for row in page["peerings"]:
        first, second = row["between"]
        if first in found and second in found and first != second:
            found[first].add(second)
            found[second].add(first)
    return found


def _members(groups: Sequence[Sequence[str]]) -> dict[str, int]:
    """Return the number of each mesh's group."""
    return {name: number for number, group in enumerate(groups) for name in group}


def _states(
    page: Mapping, member_of: Mapping[str, int]
) -> tuple[dict[int, list[str]], dict[tuple[int, int], list[str]]]:
    """Return the states of the peerings inside each group, and of those between each two."""
    inside: dict[int, list[str]] = {}
    between: dict[tuple[int, int], list[str]] = {}
    for row in page["peerings"]:
        first, second = (member_of.get(end) for end in row["between"])
        if first is None or second is None:
            continue
        if first == second:
            inside.setdefault(first, []).append(row["state"])
        else:
            between.setdefault((min(first, second), max(first, second)), []).append(row["state"])
    return inside, between


def _told_of(group: Sequence[str], states: Sequence[str]) -> str:
    meshes = f"{len(group)} mesh{'es' if len(group) != 1 else ''}"
    if not states:
        return meshes
    return f"{meshes} · {states.count(OK)} of {len(states)} peerings among them connected"


def groups_of(partners: Mapping[str, set[str]]) -> list[list[str]]:
    """Return meshes in groups of those that have mostly the same partners, the busiest first; each mesh is in one."""
    left = sorted(partners, key=lambda name: (-len(partners[name]), name))
    groups = []
    while left:
        seed = left[0]
        group = [name for name in left if name == seed or _alike(seed, name, partners)]
        groups.append(group)
        taken = set(group)
        left = [name for name in left if name not in taken]
    return groups


def beside_their_hubs(groups: Sequence[list[str]], partners: Mapping[str, set[str]]) -> list[list[str]]:
    """Return groups in their order, but each that has partners in one other group only right behind that one."""
    member_of = _members(groups)
    known = [
        {member_of[other] for name in group for other in partners[name]} - {number}
        for number, group in enumerate(groups)
    ]
    behind: dict[int, list[int]] = {}
    for number, others in enumerate(known):
        if len(others) == 1 and not (len(known[min(others)]) == 1 and number < min(others)):
            behind.setdefault(min(others), []).append(number)
    leaves = {number for numbers in behind.values() for number in numbers}
    order = [
        number for first in range(len(groups)) if first not in leaves for number in (first, *behind.get(first, ()))
    ]
    return [groups[number] for number in order]


def _alike(one: str, other: str, partners: Mapping[str, set[str]]) -> bool:
    """Return whether two meshes share partners; those that are partners of each other count themselves among them."""
    shares = []
    for first, second in ((partners[one], partners[other]), (partners[one] | {one}, partners[other] | {other})):
        whole = first | second
        shares.append(len(first & second) / len(whole) if whole else 1.0)
    return max(shares) >= ALIKE


def _placed(groups: Sequence[Sequence[str]]) -> tuple[dict[str, tuple[float, float]], list[dict], int]:
    """Return the middle of each mesh's box, a frame per group, and the lower edge of it all. Groups stand in rows, like
    words.
    """
    places, drawn = {}, []
    x, y, tallest = LEFT, MARGIN, 0
    for group in groups:
        columns = min(5, max(1, math.ceil(math.sqrt(len(group) / 1.6))))
        rows = math.ceil(len(group) / columns)
        width, height = GAP + columns * (WIDE + GAP), HEAD + rows * (HIGH + GAP)
        # One mesh alone is a hub, or a mesh with partners of its own: it begins a row, and those that only it knows
        # stand behind it.
        if x > LEFT and (x + width > ROW_OF_GROUPS or len(group) == 1):
            x, y, tallest = LEFT, y + tallest + GAP, 0
        for at, name in enumerate(group):
            column, row = at % columns, at // columns
            places[name] = (x + GAP + column * (WIDE + GAP) + WIDE / 2, y + HEAD + row * (HIGH + GAP) + HIGH / 2)
        drawn.append({"x": x, "y": y, "width": width, "height": height})
        x, tallest = x + width + 2 * GAP, max(tallest, height)
    return places, drawn, y + tallest + MARGIN


def _bundles(between: Mapping[tuple[int, int], Sequence[str]], drawn: Sequence[Mapping]) -> Iterable[dict]:
    """Give a line per pair of groups, from frame to frame; where one stands below the other it goes round those between
    them.
    """
    for (first, second), states in sorted(between.items()):
        one, other = drawn[first], drawn[second]
        (ax, ay), (bx, by) = (
            (group["x"] + group["width"] / 2, group["y"] + group["height"] / 2) for group in (one, other)
        )
        if one["x"] == other["x"] and ay != by:
            x, bend = one["x"], min(LEFT - 6, 14 + abs(by - ay) // 16)
            path = f"M{x} {round(ay)}C{round(x - bend)} {round(ay)} {round(x - bend)} {round(by)} {x} {round(by)}"
        else:
            (x1, y1), (x2, y2) = (
                _edge(ax, ay, bx, by, one["width"], one["height"]),
                _edge(bx, by, ax, ay, other["width"], other["height"]),
            )
            path = f"M{x1} {y1}L{x2} {y2}"
        told = f"{states.count(OK)} of {len(states)} peerings between two groups connected"
        yield {"path": path, "state": worst(states), "told": told, "number": len(states)}
