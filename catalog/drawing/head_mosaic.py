"""Which head of a model is of which type, found or published: the mosaic, and how types look in it.

A type is told from the others by its letters, which stand in every cell and in the legend; colour
helps the eye. Where types are more than colours, a bar or a frame tells apart what shares one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.drawing.colours import CATEGORIES, text_on
from catalog.drawing.escaping import plain
from catalog.drawing.pictures import GAP, LEFT, RIGHT, TOP, Grid, Picture
from catalog.schema.base import layer_and_head

_LEAST = 18
"""Edge of the smallest cell in px: two letters fit."""

_AFTER, _WRITTEN = 40, 160
"""Where the words above a picture start, after the name of its axis, and their room, in px."""

_COUNTED, _COUNT = 20, 5
"""Edge of the smallest cell that has room for a number in its corner, and what it takes, in px."""

_MARKS = ("", "below", "left", "frame")


@dataclass(frozen=True)
class Look:
    """How a head type is drawn; as markup, its swatch in a legend."""

    colour: str
    letters: str
    mark: str = ""
    """A bar ``below``, a bar at the ``left``, a ``frame``, or nothing."""

    @property
    def ink(self) -> str:
        """Colour of what is written on it."""
        return text_on(self.colour)

    def cell(self, x: int, y: int, size: int, room: float = 0) -> str:
        """A square with its upper left corner at ``x`` and ``y`` (px).

        ``room`` (px) is kept free above the letters, which stand in the middle of what is left.
        """
        font = min(11.0, size * 0.5)
        middle = x + size / 2 + (1 if self.mark == "left" else 0)
        line = y + (size + room) / 2 + font * 0.4
        bar = max(2, size // 8)
        drawn = {
            "": "",
            "below": f'<path d="M{x} {y + size}v-{bar}h{size}v{bar}z" fill="{self.ink}"/>',
            "left": f'<path d="M{x} {y}h{bar}v{size}h-{bar}z" fill="{self.ink}"/>',
            "frame": f'<path d="M{x + 1} {y + 1}h{size - 2}v{size - 2}h-{size - 2}z" fill="none"'
            f' stroke="{self.ink}" stroke-width="2"/>',
        }[self.mark]
        return (
            f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{self.colour}"/>{drawn}'
            f'<text x="{middle:g}" y="{line:.4g}" text-anchor="middle"'
            f' font-size="{font:.3g}" style="fill:{self.ink}">{plain(self.letters)}</text>'
        )

    def __html__(self) -> str:
        """The cell by itself; the legend says its type in words beside it."""
        return (
            '<svg class="hb-swatch" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true"'
            f' style="font-family:system-ui,sans-serif">{self.cell(0, 0, 22)}</svg>'
        )


@dataclass(frozen=True)
class Telling:
    """What a mosaic tells of the heads that it shows, in words."""

    name: str
    """Of the picture, so that a page can hold one of each."""
    title: str
    """With the model's name to come."""
    of_head: str
    """Before the types of a head; may be empty."""
    unnamed: str
    """Of a head without a type."""
    nothing: str
    """Where no head has one."""
    written: str = ""
    """In the picture itself, so that it goes along where the picture goes alone."""


FOUND = Telling("mosaic", "Head types found in", "", "no type found", "Nothing found")
PUBLISHED = Telling(
    "published",
    "Head types that published claims name in",
    "published as ",
    "no claim names it",
    "No head named",
    "published claims, not measured",
)


def abbreviation(name: str, taken: Sequence[str] = ()) -> str:
    """Two letters for a head type that are not ``taken``: ``previous-token`` -> ``Pt``."""
    words = [w for w in name.replace("_", "-").split("-") if w]
    first = words[0][0].upper()
    candidates = [first + word[0] for word in words[1:]]
    candidates += [first + letter for word in words for letter in word[1:]]
    candidates += [f"{first}{number}" for number in range(len(taken) + 1)]
    return next(candidate for candidate in candidates if candidate not in taken)


def type_looks(types: Sequence[str]) -> dict[str, Look]:
    """Head type id -> its look: letters of its own, and a mark where its colour has been used."""
    made: dict[str, Look] = {}
    for position, name in enumerate(dict.fromkeys(types)):
        turn, colour = divmod(position, len(CATEGORIES))
        letters = abbreviation(name, [look.letters for look in made.values()])
        made[name] = Look(CATEGORIES[colour], letters, _MARKS[turn % len(_MARKS)])
    return made


def leading(types: Mapping[str, Sequence[str]], order: Sequence[str]) -> list[str]:
    """The types that give a cell its look, the best-supported of some head, in ``order``."""
    first = {its_types[0] for its_types in types.values() if its_types}
    return [name for name in order if name in first]


def mosaic(
    model: str,
    layers: int,
    heads: int,
    types: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    looks: Mapping[str, Look],
    addresses: Mapping[str, str] | None = None,
    telling: Telling = FOUND,
) -> Picture:
    """Which head is of which type.

    Args:
        model: name of the model, for the title.
        layers: number of layers.
        heads: number of query heads per layer.
        types: head (``layer.head``) -> ids of its types, the best-supported first: that one gives
            the look of the cell, the others are counted in a corner.
        names: id of a head type -> its name.
        looks: see :func:`type_looks`.
        addresses: head -> where a click leads; ``#head-<head>`` where it is not given.
        telling: whether the types were found or published.
    """
    grid = Grid(layers, heads, least=_LEAST)
    size = grid.size - GAP
    parts = [_ground(grid, telling)]
    for head, its_types in types.items():
        layer, index = layer_and_head(head)
        if not its_types or layer >= layers or index >= heads:
            continue
        x, y = grid.corner(layer, index)
        hover = plain(f"{head}: {telling.of_head}" + ", ".join(names[t] for t in its_types))
        look = looks[its_types[0]]
        more = len(its_types) - 1
        inner = look.cell(x + 1, y + 1, size, room=_COUNT if more and size >= _COUNTED else 0)
        if more:
            inner += _more(more, x + 1 + size, y + 1, size, look.ink)
        address = plain((addresses or {}).get(head, f"#head-{head}"))
        parts.append(
            f'<a href="{address}" aria-label="{hover}" data-head="{head}">'
            f"<title>{hover}</title>{inner}</a>"
        )
    if telling.written:
        parts.append(f'<text x="{LEFT + _AFTER}" y="10">{plain(telling.written)}</text>')
    listing = "; ".join(
        f"{head}: " + ", ".join(names[t] for t in its) for head, its in types.items()
    )
    return Picture(
        name=telling.name,
        role="group",
        width=max(grid.width, LEFT + _AFTER + _WRITTEN if telling.written else 0) + RIGHT,
        height=grid.bottom + 8,
        title=f"{telling.title} {model}",
        description=f"Grid of {layers} layers by {heads} heads. {listing or telling.nothing}.",
        body="".join([*parts, *grid.axes()]),
    )


def _ground(grid: Grid, telling: Telling) -> str:
    """All cells, as one dashed line for each layer: a large model has thousands."""
    size = grid.size - GAP
    lines = "".join(
        f"M{LEFT + 1} {TOP + layer * grid.size + grid.size // 2}H{grid.width}"
        for layer in range(grid.layers)
    )
    return (
        f'<path class="ground" data-left="{LEFT}" data-top="{TOP}" data-size="{grid.size}"'
        f' data-layers="{grid.layers}" data-heads="{grid.heads}" data-unnamed="{telling.unnamed}"'
        f' stroke-width="{size}" stroke-dasharray="{size} {GAP}" d="{lines}"/>'
    )


def _more(count: int, right: int, top: int, size: int, ink: str) -> str:
    """How many further types a head has: a number, or a dot where there is no room for one."""
    if size < _COUNTED:
        return f'<circle cx="{right - 3}" cy="{top + 3}" r="1.5" fill="{ink}"/>'
    return (
        f'<text x="{right - 2}" y="{top + 8}" text-anchor="end" font-size="8"'
        f' style="fill:{ink}">+{count}</text>'
    )
