"""What the page of a head type shows, beyond the entry itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from book import Book, standing

from catalog.drawing.curves import Training, trainings
from catalog.drawing.patterns import Look, looks, pattern_picture
from catalog.drawing.pictures import Picture
from catalog.drawing.record_view import View
from catalog.drawing.type_mosaic import type_mosaic
from catalog.responses import Emergence, HeadTypeDetail, ModelDetail, TypeResult
from catalog.schema.base import Strength, layer_and_head
from catalog.schema.example import Example

INLINE_BYTES = 120_000
"""Pictures beyond this stand in files of their own and are fetched when they come into view."""


@dataclass(frozen=True)
class AttentionView:
    """An example as a page shows it."""

    example: Example
    picture: Picture
    looks: tuple[Look, ...]


@dataclass(frozen=True)
class History:
    """A type over the training of one model."""

    emergence: Emergence
    trainings: tuple[Training, ...]


@dataclass(frozen=True)
class Tile:
    """A head type in one model, on its mosaic page."""

    model: ModelDetail
    result: TypeResult | None
    picture: Picture
    recipe: str | None
    """The recipe whose scores are shown."""
    published: tuple[str, ...]


def attention_view(book: Book, entry: HeadTypeDetail) -> AttentionView | None:
    """The example of a type that reads best: whose tokens are whole characters.

    Of those, from the first of the models it was found in.
    """
    mine = [made for made in book.examples if made.head_type == entry.id]
    if not mine:
        return None
    order = {result.model: place for place, result in enumerate(standing(entry.results))}

    def place(made: Example) -> tuple[int, int, str]:
        pieces = sum("\N{REPLACEMENT CHARACTER}" in token for token in made.tokens)
        return pieces, order.get(made.model.id, len(order)), made.id

    example = min(mine, key=place)
    return AttentionView(example, pattern_picture(example, entry.name), looks(example))


def histories(book: Book, entry: HeadTypeDetail) -> tuple[History, ...]:
    """The type over the training of every model whose checkpoints were run."""
    thresholds = {recipe.id: recipe.criterion.min_score for recipe in entry.recipes}
    return tuple(
        History(made, trainings(made, thresholds))
        for made in book.emergences
        if made.head_type == entry.id
    )


def inlined(views: Mapping[str, View], names: list[str]) -> frozenset[str]:
    """The records whose pictures stand in the page itself, within ``INLINE_BYTES``."""
    room = INLINE_BYTES
    chosen = set()
    for name in names:
        picture = views[name].picture
        if picture is None:
            continue
        room -= len(picture.inside())
        if room < 0:
            break
        chosen.add(name)
    return frozenset(chosen)


def mosaic_tiles(book: Book, entry: HeadTypeDetail, views: Mapping[str, View]) -> tuple[Tile, ...]:
    """The type in every model that has evidence or a claim: models that were run first."""
    results = {result.model: result for result in standing(entry.results)}
    claimed = {claim.model for claim in entry.claim_results}
    tiles = []
    for model in book.models:
        if model.id not in results and model.id not in claimed:
            continue
        result = results.get(model.id)
        recipe = _shown_recipe(result)
        record = views[recipe[1]].record if recipe and recipe[1] in views else None
        published = book.published_heads(entry.id, model.id)
        inside = [h for h in sorted(published, key=layer_and_head) if _is_inside(h, model)]
        picture = type_mosaic(
            model.id,
            model.name,
            model.layers,
            model.heads,
            record,
            result.found if result else (),
            inside,
        )
        tiles.append(Tile(model, result, picture, recipe[0] if recipe else None, tuple(inside)))
    return tuple(sorted(tiles, key=lambda tile: tile.result is None))


def _shown_recipe(result: TypeResult | None) -> tuple[str, str] | None:
    """Recipe and record whose scores are drawn: the first about attention, or else the first."""
    if result is None:
        return None
    scored = [r for r in result.recipes if r.score is not None]
    scored.sort(key=lambda r: r.strength != Strength.PATTERN)
    return (scored[0].recipe, scored[0].evidence) if scored else None


def _is_inside(head: str, model: ModelDetail) -> bool:
    layer, _, index = head.partition(".")
    return int(layer) < model.layers and int(index) < model.heads
