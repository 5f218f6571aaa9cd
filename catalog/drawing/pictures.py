"""Pictures of a model's heads, layers x heads, as SVG: scores of one record, types of one model.

An SVG is written twice: alone in a file, where it brings its own style for light and dark, and
inside a page, where the site's stylesheet gives the colours of text and lines. Cell colours are
the same in both. Every cell carries its numbers as ``<title>``, which browsers show on hover.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from catalog.drawing.colours import CATEGORIES, diverging, sequential, text_on
from catalog.drawing.escaping import plain
from catalog.schema.evidence import Evidence
from catalog.schema.measures import MEASURES

MEASURE_RANGES = {
    get_args(measure.model_fields["kind"].annotation)[0]: measure.range for measure in MEASURES
}
"""Kind of measure -> the range its scores lie in, None where it has no bounds."""

_LEFT, _TOP, _RIGHT, _GAP = 44, 26, 12, 2
_LEGEND_WIDTH = 220

_STYLE = """<style>
.hb-picture{background:#fff;color:#1c2430;font:11px system-ui,sans-serif}
@media(prefers-color-scheme:dark){.hb-picture{background:#1e2129;color:#dfe3ea}}
.hb-picture text{fill:currentColor}
.hb-picture .pass,.hb-picture .unclear{fill:none;stroke:currentColor;stroke-width:2}
.hb-picture .unclear{stroke-dasharray:3 2}
.hb-picture .none{fill:none;stroke:currentColor;stroke-opacity:.35}
.hb-picture .empty{fill:currentColor;fill-opacity:.09}
.hb-picture .tick{stroke:currentColor;stroke-width:2}
.hb-picture .published{fill:#fff;stroke:#000}
</style>"""


NONE = "\N{EN DASH}"
"""Shown for a number that does not exist."""


def number(value: float | None) -> str:
    """Three digits after the point, as in every table and picture of the site; a dash for None."""
    if value is None:
        return NONE
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text


def cell_size(heads: int) -> int:
    """Edge of a cell in px: smaller for wide models, never too small to hit or to see."""
    for most, size in ((8, 30), (12, 26), (16, 22), (32, 16)):
        if heads <= most:
            return size
    return 12


def _every(count: int, size: int) -> int:
    """Distance between axis labels so that they do not touch."""
    for step in (1, 2, 4, 8, 16):
        if step * size >= 20 or step >= count:
            return step
    return 32


@dataclass(frozen=True)
class Grid:
    """Where the cells of ``layers`` x ``heads`` lie, in px from the upper left."""

    layers: int
    heads: int
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", cell_size(self.heads))

    @property
    def width(self) -> int:
        return _LEFT + self.heads * self.size

    @property
    def bottom(self) -> int:
        return _TOP + self.layers * self.size

    def corner(self, layer: int, head: int) -> tuple[int, int]:
        """Upper left corner of a cell."""
        return _LEFT + head * self.size, _TOP + layer * self.size

    def axes(self) -> list[str]:
        """Names of both axes and numbers of layers and heads."""
        half = self.size // 2
        parts = [f'<text x="{_LEFT}" y="10">head</text>', '<text x="2" y="22">layer</text>']
        step = _every(self.heads, self.size)
        parts += [
            f'<text x="{_LEFT + h * self.size + half}" y="22" text-anchor="middle">{h}</text>'
            for h in range(0, self.heads, step)
        ]
        step = _every(self.layers, self.size + 4)
        parts += [
            f'<text x="{_LEFT - 6}" y="{_TOP + y * self.size + half + 4}"'
            f' text-anchor="end">{y}</text>'
            for y in range(0, self.layers, step)
        ]
        return parts


@dataclass(frozen=True)
class Picture:
    """One picture. ``body`` is trusted markup made here; ``title`` and ``description`` are text."""

    name: str
    width: int
    height: int
    title: str
    description: str
    body: str = field(repr=False)
    role: str = "img"
    """``group`` where there are links inside: a screen reader passes over what is in an image."""

    def _svg(self, style: str) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="hb-picture" role="{self.role}"'
            f' width="{self.width}" height="{self.height}"'
            f' viewBox="0 0 {self.width} {self.height}"'
            f' aria-labelledby="{self.name}-t {self.name}-d">'
            f'<title id="{self.name}-t">{plain(self.title)}</title>'
            f'<desc id="{self.name}-d">{plain(self.description)}</desc>'
            f"{style}{self.body}</svg>"
        )

    def alone(self) -> str:
        """The text of an ``.svg`` file."""
        return self._svg(_STYLE) + "\n"

    def inside(self) -> str:
        """Markup for a page that has the site's stylesheet."""
        return self._svg("")

    def __html__(self) -> str:
        """What a template prints, without escaping it again."""
        return self.inside()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.alone()


@dataclass(frozen=True)
class Scale:
    """Score -> colour: 0..1 where the measure has that range, else symmetric around 0."""

    low: float
    high: float

    @classmethod
    def of(cls, evidence: Evidence) -> Scale:
        """The scale of a record; unbounded measures get the largest value or threshold."""
        bounds = MEASURE_RANGES.get(evidence.measure)
        if bounds is not None:
            return cls(*bounds)
        scores = evidence.scores
        values = [v for row in scores.mean for v in row if v is not None] if scores else []
        most = max([abs(v) for v in values] + [abs(evidence.criterion.min_score)])
        return cls(-(most or 1.0), most or 1.0)

    def colour(self, value: float) -> str:
        """``#rrggbb`` of a score."""
        if self.low < 0:
            return diverging(value / self.high)
        return sequential((value - self.low) / (self.high - self.low))

    def legend(self, top: int, threshold: float, unit: str) -> list[str]:
        """A bar of the colours with the ends of the scale and the threshold marked."""
        steps = 44
        width = _LEGEND_WIDTH // steps
        parts = []
        for step in range(steps):
            value = self.low + (self.high - self.low) * (step + 0.5) / steps
            parts.append(
                f'<rect x="{_LEFT + step * width}" y="{top}" width="{width}" height="12"'
                f' fill="{self.colour(value)}"/>'
            )
        share = (threshold - self.low) / (self.high - self.low)
        at = round(_LEFT + min(1.0, max(0.0, share)) * _LEGEND_WIDTH)
        end = _LEFT + _LEGEND_WIDTH
        low, high = f"{self.low:.3g}", f"{self.high:.3g}"
        parts += [
            f'<path class="tick" d="M{at} {top - 4}v20"/>',
            f'<text x="{_LEFT}" y="{top - 7}">{low}</text>',
            f'<text x="{end}" y="{top - 7}" text-anchor="end">{high} {plain(unit)}</text>',
            f'<text x="{min(max(at, _LEFT + 52), end - 52)}" y="{top + 28}" text-anchor="middle">'
            f"needed: {threshold:.3g}</text>",
        ]
        return parts


_STATUS_WORDS = {"passes": "passes", "fails": "does not pass", "unclear": "unclear"}


def score_picture(evidence: Evidence, published: frozenset[str] = frozenset()) -> Picture:
    """Scores of one evidence record.

    A solid outline: every threshold is passed; a dot in it: found (and confirmed on the second
    seed). A dashed outline: unclear. A white corner: ``published``, named in a claim.

    Raises:
        ValueError: for a record without scores (a recipe that was not applicable).
    """
    scores = evidence.scores
    if scores is None:
        raise ValueError(f"{evidence.id} has no scores")
    grid = Grid(evidence.model.layers, evidence.model.heads)
    scale = Scale.of(evidence)
    size = grid.size - _GAP
    cells: list[str] = []
    marks: list[str] = []
    for layer, row in enumerate(scores.mean):
        for index, value in enumerate(row):
            x, y = grid.corner(layer, index)
            head = f"{layer}.{index}"
            status = scores.status[layer][index]
            box = f'x="{x + 1}" y="{y + 1}" width="{size}" height="{size}"'
            paint = 'class="none"' if value is None else f'fill="{scale.colour(value)}"'
            hover = _hover(evidence, layer, index, head in published)
            cells.append(f"<rect {box} {paint}><title>{hover}</title></rect>")
            if status != "fails":
                kind = "pass" if status == "passes" else "unclear"
                marks.append(f'<rect class="{kind}" {box}/>')
            if head in evidence.found and value is not None:
                dark = text_on(scale.colour(value))
                marks.append(
                    f'<circle cx="{x + 1 + size / 2:g}" cy="{y + 1 + size / 2:g}"'
                    f' r="{max(2, size // 7)}" fill="{dark}"/>'
                )
            if head in published:
                edge = max(4, size // 3)
                marks.append(
                    f'<path class="published" d="M{x + 1 + size} {y + 1}h-{edge}l{edge} {edge}z"/>'
                )
    legend_top = grid.bottom + 30
    body = "".join(
        [
            "<g>",
            *cells,
            '</g><g pointer-events="none">',
            *marks,
            "</g>",
            *grid.axes(),
            *scale.legend(legend_top, evidence.criterion.min_score, evidence.unit),
        ]
    )
    name = "e-" + "".join(c if c.isalnum() else "-" for c in evidence.id)
    return Picture(
        name=name,
        width=max(grid.width, _LEFT + _LEGEND_WIDTH) + _RIGHT,
        height=legend_top + 36,
        title=f"Recipe {evidence.recipe} on {evidence.model.id}: score of every head",
        description=_description(evidence),
        body=body,
    )


def _hover(evidence: Evidence, layer: int, index: int, published: bool) -> str:
    scores = evidence.scores
    assert scores is not None
    value = scores.mean[layer][index]
    if value is None:
        return f"{layer}.{index}: no score"
    words = [
        f"{layer}.{index}: {number(value)}"
        f" ({number(scores.low[layer][index])} to {number(scores.high[layer][index])})",
        f"control {number(scores.control[layer][index])}",
        f"margin {number(scores.margin[layer][index])}",
    ]
    if scores.q is not None and (q := scores.q[layer][index]) is not None:
        words.append(f"q {number(q)}")
    words.append(_STATUS_WORDS[scores.status[layer][index]])
    if published:
        words.append("published")
    return ", ".join(words)


def _description(evidence: Evidence) -> str:
    found = ", ".join(evidence.found) or "none"
    return (
        f"Grid of {evidence.model.layers} layers by {evidence.model.heads} heads, coloured by"
        f" score ({evidence.measure}, {evidence.unit}). Found: {found}."
        " The table of the highest scores says the same in text."
    )


def abbreviation(name: str, taken: Sequence[str] = ()) -> str:
    """Two letters for a head type that are not ``taken``: ``previous-token`` -> ``Pt``."""
    words = [w for w in name.replace("_", "-").split("-") if w]
    first = words[0][0].upper()
    candidates = [first + word[0] for word in words[1:]]
    candidates += [first + letter for word in words for letter in word[1:]]
    for candidate in candidates:
        if candidate not in taken:
            return candidate
    return f"{first}{len(taken)}"


def type_colours(types: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Head type id -> (colour, two letters); letters tell apart what colours repeat."""
    made: dict[str, tuple[str, str]] = {}
    for position, name in enumerate(types):
        letters = abbreviation(name, [letters for _, letters in made.values()])
        made[name] = (CATEGORIES[position % len(CATEGORIES)], letters)
    return made


def mosaic(
    model: str,
    layers: int,
    heads: int,
    found: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    colours: Mapping[str, tuple[str, str]],
    addresses: Mapping[str, str] | None = None,
) -> Picture:
    """Which head is of which type.

    Args:
        model: name of the model, for the title.
        layers: number of layers.
        heads: number of query heads per layer.
        found: head (``layer.head``) -> ids of the types it was found to be, the best-supported
            first: that one gives the colour and the letters, the others are counted in a corner.
        names: id of a head type -> its name.
        colours: see :func:`type_colours`.
        addresses: head -> where a click leads; ``#head-<head>`` where it is not given.
    """
    grid = Grid(layers, heads)
    size = grid.size - _GAP
    empty = []
    parts: list[str] = []
    for layer in range(layers):
        for index in range(heads):
            x, y = grid.corner(layer, index)
            head = f"{layer}.{index}"
            types = list(found.get(head, ()))
            if not types:
                # one path for all of them: a model has thousands
                empty.append(f"M{x + 1} {y + 1}h{size}v{size}h-{size}z")
                continue
            hover = plain(f"{head}: " + ", ".join(names[t] for t in types))
            colour, letters = colours[types[0]]
            ink = text_on(colour)
            inner = (
                f'<rect x="{x + 1}" y="{y + 1}" width="{size}" height="{size}" fill="{colour}"/>'
            )
            letter_size = min(11.0, size * 0.5)
            if letter_size >= 6:
                inner += (
                    f'<text x="{x + 1 + size / 2:g}" y="{y + 1 + size / 2 + letter_size * 0.4:.4g}"'
                    f' text-anchor="middle" font-size="{letter_size:.3g}"'
                    f' style="fill:{ink}">{letters}</text>'
                )
            if len(types) > 1:
                inner += _more(len(types) - 1, x + 1 + size, y + 1, size, ink)
            address = plain((addresses or {}).get(head, f"#head-{head}"))
            parts.append(
                f'<a href="{address}" aria-label="{hover}" data-head="{head}">'
                f"<title>{hover}</title>{inner}</a>"
            )
    listing = "; ".join(
        f"{head}: " + ", ".join(names[t] for t in types) for head, types in found.items()
    )
    return Picture(
        name="mosaic",
        role="group",
        width=grid.width + _RIGHT,
        height=grid.bottom + 8,
        title=f"Head types found in {model}",
        description=f"Grid of {layers} layers by {heads} heads. {listing or 'Nothing found'}.",
        body="".join(
            [
                f'<path class="empty" data-left="{_LEFT}" data-top="{_TOP}" data-size="{grid.size}"'
                f' data-layers="{layers}" data-heads="{heads}" d="{"".join(empty)}"/>',
                *parts,
                *grid.axes(),
            ]
        ),
    )


def _more(count: int, right: int, top: int, size: int, ink: str) -> str:
    """How many further types a head has: a number, or a dot where there is no room for one."""
    if size < 20:
        return f'<circle cx="{right - 3}" cy="{top + 3}" r="1.5" fill="{ink}"/>'
    return (
        f'<text x="{right - 2}" y="{top + 8}" text-anchor="end" font-size="8"'
        f' style="fill:{ink}">+{count}</text>'
    )
