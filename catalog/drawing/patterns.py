"""The attention pattern of one example as a picture: queries down, keys across."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.drawing.colours import sequential
from catalog.drawing.escaping import plain
from catalog.drawing.pictures import Picture
from catalog.schema.example import Example

_LEFT, _TOP, _EDGE = 16, 18, 8
_FAINT = 0.02
"""Attention below this is drawn as the ground: a pattern is what stands out."""
_TOP_KEYS = 3


def token_words(token: str) -> str:
    """A token as a reader can see it: spaces at its ends and line breaks as signs."""
    shown = token.replace("\n", "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}").replace("\t", "\\t")
    return shown.strip(" ") or "\N{OPEN BOX}"


@dataclass(frozen=True)
class Look:
    """Where the head looks from one token, in words."""

    position: int
    token: str
    scored: bool
    """Whether the recipe scores this query."""
    keys: tuple[int, ...]
    """Where a head of the type should look, if the recipe says so."""
    strongest: tuple[tuple[int, str, float], ...]
    """Position, token and attention of the keys that get most, best first."""
    thousandths: tuple[int, ...]
    """Attention to each token up to this one, in thousandths."""


def looks(example: Example) -> tuple[Look, ...]:
    """A line for every token of the prompt."""
    expected = {pair.query: pair.keys for pair in example.looking}
    made = []
    for position, row in enumerate(example.attention):
        order = sorted(range(len(row)), key=lambda key: (-row[key], key))
        made.append(
            Look(
                position=position,
                token=token_words(example.tokens[position]),
                scored=position in expected,
                keys=expected.get(position, ()),
                strongest=tuple(
                    (key, token_words(example.tokens[key]), row[key])
                    for key in order[:_TOP_KEYS]
                    if row[key] >= _FAINT
                ),
                thousandths=tuple(round(1000 * share) for share in row),
            )
        )
    return tuple(made)


def pattern_picture(example: Example, type_name: str) -> Picture:
    """Every query row; the cells that the recipe reads are outlined."""
    count = len(example.tokens)
    size = max(3, min(8, 264 // count))
    cells = []
    for query, row in enumerate(example.attention):
        for key, share in enumerate(row):
            if share >= _FAINT:
                cells.append(
                    f'<rect x="{_LEFT + key * size}" y="{_TOP + query * size}" width="{size}"'
                    f' height="{size}" fill="{sequential(share)}"/>'
                )
    ground = "".join(
        f"M{_LEFT} {_TOP + query * size}h{(query + 1) * size}v{size}h-{(query + 1) * size}z"
        for query in range(count)
    )
    marks = "".join(
        f"M{_LEFT + key * size} {_TOP + pair.query * size}h{size}v{size}h-{size}z"
        for pair in example.looking
        for key in pair.keys
    )
    edge = count * size
    name = "p-" + "".join(c if c.isalnum() else "-" for c in example.id)
    body = (
        f'<text x="{_LEFT}" y="12">key</text>'
        f'<text x="11" y="{_TOP}" transform="rotate(-90 11 {_TOP})" text-anchor="end">query</text>'
        f'<path fill="{sequential(0)}" d="{ground}"/>{"".join(cells)}'
        f'<path class="expected" d="{marks}"/>'
        f'<rect class="row" x="{_LEFT}" y="{_TOP}" width="{edge}" height="{size}"'
        f' data-size="{size}" data-top="{_TOP}" visibility="hidden"/>'
    )
    return Picture(
        name=name,
        width=_LEFT + edge + _EDGE,
        height=_TOP + edge + _EDGE,
        title=f"Attention of head {example.head} of {example.model.id} in one prompt",
        description=(
            f"Queries from top to bottom, keys from left to right, {count} tokens each;"
            f" lighter is more attention. Outlined: where a head of the type"
            f" {plain(type_name)} should look."
        ),
        body=body,
    )
