"""Pictures of a model's heads, layers x heads, as SVG, and the scores of one record drawn so.

An SVG is written twice: alone in a file, where it brings its own style for light and dark, and
inside a page, where the site's stylesheet gives the colours of text and lines. Cell colours are
the same in both. Every cell carries its numbers as ``<title>``, which browsers show on hover.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from catalog.drawing.colours import diverging, sequential, text_on
from catalog.drawing.escaping import plain
from catalog.drawing.numbers import number, q_value
from catalog.schema.evidence import Evidence
from catalog.schema.measures import MEASURES

MEASURE_RANGES = {
    get_args(measure.model_fields["kind"].annotation)[0]: measure.range for measure in MEASURES
}
"""Kind of measure -> the range its scores lie in, None where it has no bounds."""

LEFT, TOP, RIGHT, GAP = 44, 26, 12, 2
"""Room for the numbers of layers and heads, at the other end, and between cells, in px."""

_LEGEND_WIDTH = 220

_STYLE = """<style>
.hb-picture{background:#fff;color:#1c2430;font:11px system-ui,sans-serif}
@media(prefers-color-scheme:dark){.hb-picture{background:#1e2129;color:#dfe3ea}}
.hb-picture text{fill:currentColor}
.hb-picture rect:has(title){stroke:color-mix(in srgb,currentColor 18%,transparent)}
.hb-picture .pass,.hb-picture .unclear{fill:none;stroke:currentColor;stroke-width:2}
.hb-picture .unclear{stroke-dasharray:3 2}
.hb-picture .none{fill:none;stroke:currentColor;stroke-opacity:.35}
.hb-picture .ground{fill:none;stroke:currentColor;stroke-opacity:.09}
.hb-picture .empty{fill:currentColor;fill-opacity:.09}
.hb-picture .tick{stroke:currentColor;stroke-width:2}
.hb-picture .published{fill:#fff;stroke:#000}
</style>"""


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
    least: int = 0
    """The smallest cell, where something is written in it."""
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", max(self.least, cell_size(self.heads)))

    @property
    def width(self) -> int:
        return LEFT + self.heads * self.size

    @property
    def bottom(self) -> int:
        return TOP + self.layers * self.size

    def corner(self, layer: int, head: int) -> tuple[int, int]:
        """Upper left corner of a cell."""
        return LEFT + head * self.size, TOP + layer * self.size

    def axes(self) -> list[str]:
        """Names of both axes and numbers of layers and heads."""
        half = self.size // 2
        parts = [f'<text x="{LEFT}" y="10">head</text>', '<text x="2" y="22">layer</text>']
        step = _every(self.heads, self.size)
        parts += [
            f'<text x="{LEFT + h * self.size + half}" y="22" text-anchor="middle">{h}</text>'
            for h in range(0, self.heads, step)
        ]
        step = _every(self.layers, self.size + 4)
        parts += [
            f'<text x="{LEFT - 6}" y="{TOP + y * self.size + half + 4}"'
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
                f'<rect x="{LEFT + step * width}" y="{top}" width="{width}" height="12"'
                f' fill="{self.colour(value)}"/>'
            )
        share = (threshold - self.low) / (self.high - self.low)
        at = round(LEFT + min(1.0, max(0.0, share)) * _LEGEND_WIDTH)
        end = LEFT + _LEGEND_WIDTH
        # both ends of a scale around 0 in one label: beside each other they would run together
        low, high = f"{self.low:.3g}", f"{self.high:.3g}"
        if self.low < 0:
            low, high = "", f"±{high}"
        parts += [
            f'<path class="tick" d="M{at} {top - 4}v20"/>',
            f'<text x="{LEFT}" y="{top - 7}">{low}</text>',
            f'<text x="{end}" y="{top - 7}" text-anchor="end">{high} {plain(unit)}</text>',
            f'<text x="{min(max(at, LEFT + 52), end - 52)}" y="{top + 28}" text-anchor="middle">'
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
    size = grid.size - GAP
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
        width=max(grid.width, LEFT + _LEGEND_WIDTH) + RIGHT,
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
        words.append(f"q {plain(q_value(q))}")
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
