"""One head type in one model, small: many of these stand side by side on a mosaic page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from catalog.drawing.colours import text_on
from catalog.drawing.pictures import Picture, Scale
from catalog.schema.evidence import Evidence

_SHADES = 24
_WIDEST = 176
_LARGEST = 18
"""Edge of a cell in px where there are few heads."""


def type_mosaic(
    model: str,
    model_name: str,
    layers: int,
    heads: int,
    record: Evidence | None,
    found: Collection[str] = (),
    published: Collection[str] = (),
) -> Picture:
    """Layers from top to bottom, heads from left to right.

    Cells are coloured by score if there is a record; a dot marks the heads that the type was found
    at, a white corner those that a claim names. Scores are drawn in ``_SHADES`` steps, all cells of
    a step as one path, so that a model of thousands of heads stays a few kilobytes.

    Args:
        model: id of the model.
        model_name: its name.
        layers: number of layers.
        heads: number of query heads per layer.
        record: the scores to show; None where the model was not run.
        found: heads that the type was found at.
        published: heads that claims name.
    """
    cell = max(3, min(_LARGEST, _WIDEST // heads))
    scores = record.scores if record is not None else None
    body = []
    colour_of: dict[str, str] = {}
    if record is not None and scores is not None:
        scale = Scale.of(record)
        span = scale.high - scale.low
        by_shade: dict[int, list[str]] = defaultdict(list)
        for layer, row in enumerate(scores.mean):
            for index, value in enumerate(row):
                if value is None:
                    continue
                share = min(1.0, max(0.0, (value - scale.low) / span))
                shade = round(share * (_SHADES - 1))
                by_shade[shade].append(f"M{index * cell} {layer * cell}h{cell}v{cell}h-{cell}z")
                colour_of[f"{layer}.{index}"] = scale.colour(
                    scale.low + span * shade / (_SHADES - 1)
                )
        for shade, paths in sorted(by_shade.items()):
            colour = scale.colour(scale.low + span * shade / (_SHADES - 1))
            body.append(f'<path fill="{colour}" d="{"".join(paths)}"/>')
    else:
        body.append(f'<rect class="empty" width="{heads * cell}" height="{layers * cell}"/>')
        body.append(_lines(layers, heads, cell))
    for head in published:
        x, y = _corner(head, cell)
        body.append(
            f'<path class="published" stroke-width="{min(1, cell / 8):.2g}"'
            f' d="M{x + cell} {y}h-{cell}l{cell} {cell}z"/>'
        )
    for head in found:
        x, y = _corner(head, cell)
        ink = text_on(colour_of.get(head, "#000000"))
        body.append(
            f'<circle cx="{x + cell / 2:g}" cy="{y + cell / 2:g}" r="{max(1.2, cell / 4):g}"'
            f' fill="{ink}"/>'
        )
    name = "m-" + "".join(c if c.isalnum() else "-" for c in model)
    told = [f"found at {', '.join(found)}"] if found else []
    told += [f"published: {', '.join(published)}"] if published else []
    return Picture(
        name=name,
        width=heads * cell,
        height=layers * cell,
        title=model_name,
        description=f"{layers} layers by {heads} heads. {'; '.join(told) or 'No head named'}.",
        body="".join(body),
    )


def _corner(head: str, cell: int) -> tuple[int, int]:
    layer, _, index = head.partition(".")
    return int(index) * cell, int(layer) * cell


def _lines(layers: int, heads: int, cell: int) -> str:
    """A faint grid, so that a model that was not run still shows how many heads it has."""
    rows = "".join(f"M0 {layer * cell}h{heads * cell}" for layer in range(1, layers))
    columns = "".join(f"M{index * cell} 0v{layers * cell}" for index in range(1, heads))
    return f'<path class="lines" d="{rows}{columns}"/>'
