"""What stands beside a page of a model, a head or a mosaic: where it belongs, what is next to it.

The sidebar of other pages lists all of their section. Thousands of pages of heads would each repeat
every model, and each page of a model all the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log

from book import Book

from catalog.responses import HeadTypeDetail, ModelDetail
from catalog.schema.base import layer_and_head

MOST_HEADS = 60
"""Heads in a sidebar. Of more, it has those of the layers nearest to the page's own."""

MOST_MODELS = 8
"""Models in the sidebar of a model. Of more, it has those nearest in number of heads."""

Link = tuple[str, str]
"""Words and address."""


@dataclass(frozen=True)
class Group:
    """Links under a label. Those of a row stand side by side: the heads of a layer."""

    label: str
    rows: tuple[tuple[Link, ...], ...]


@dataclass(frozen=True)
class Near:
    """Links of a sidebar, in order; ``here`` is the address of the page itself."""

    here: str
    links: tuple[Link, ...]
    """What leads up."""
    groups: tuple[Group, ...]
    """What is beside it; a group without rows is not there."""


def near_head(book: Book, model: str, page: str, scored: bool) -> Near:
    """Beside ``page``, the page of a head or of all heads: the model and its heads, by layer."""
    path = f"models/{model}"
    heads = _heads(book, model, layer_and_head(page)[0] if page in book.listed_heads[model] else 0)
    return Near(f"{path}/{page}", _up(book, model, scored), _filled(heads))


def near_model(book: Book, model: ModelDetail, scored: bool) -> Near:
    """Beside the page of a model: models like it, and its heads, by layer."""
    groups = _filled(_like(book, model), _heads(book, model.id, 0))
    return Near(f"models/{model.id}", _up(book, model.id, scored), groups)


def near_mosaic(book: Book, entry: HeadTypeDetail) -> Near:
    """Beside the mosaic of a head type: its page, and the mosaics of its group."""
    path = f"head-types/{entry.id}"
    others = tuple(
        (other.name, f"head-types/{other.id}/mosaic")
        for other in book.head_types
        if (other.stage, other.group) == (entry.stage, entry.group) and has_mosaic(other)
    )
    group = Group("Mosaics of this group", tuple((other,) for other in others))
    return Near(f"{path}/mosaic", ((entry.name, path),), _filled(group))


def _filled(*groups: Group) -> tuple[Group, ...]:
    return tuple(group for group in groups if group.rows)


def _up(book: Book, model: str, scored: bool) -> tuple[Link, ...]:
    path = f"models/{model}"
    name = (book.model_names[model], path)
    return (name, ("Every head", f"{path}/heads")) if scored else (name,)


def _heads(book: Book, model: str, layer: int) -> Group:
    heads = book.listed_heads[model]
    shown = _nearest(heads, layer)
    rows = tuple(
        tuple((head, f"models/{model}/{head}") for head in group)
        for _, group in groupby(shown, lambda head: layer_and_head(head)[0])
    )
    some = "" if len(shown) == len(heads) else f", {len(shown)} of {len(heads)}"
    return Group(f"Heads with findings or claims{some}", rows)


def _like(book: Book, model: ModelDetail) -> Group:
    """Other models of the architecture; of one that stands alone, models with as many heads."""
    others = [other for other in book.models if other.id != model.id]
    same = [other for other in others if other.architecture == model.architecture]
    size = model.layers * model.heads
    shown = sorted(same or others, key=lambda m: abs(log(m.layers * m.heads / size)))[:MOST_MODELS]
    shown.sort(key=lambda m: (m.layers * m.heads, m.name))
    label = "Models of its architecture" if same else "Models of about its size"
    some = f", {len(shown)} of {len(same)}" if same and len(shown) < len(same) else ""
    rows = tuple(((other.name, f"models/{other.id}"),) for other in shown)
    return Group(label + some, rows)


def has_mosaic(entry: HeadTypeDetail) -> bool:
    """Whether there is a model that the type was looked for in, or claimed for."""
    return bool(entry.results or entry.claim_results)


def _nearest(heads: Sequence[str], layer: int) -> list[str]:
    """The heads of ``layer``, then of those beside it, as long as there is room."""
    by_layer = {
        number: list(group) for number, group in groupby(heads, lambda h: layer_and_head(h)[0])
    }
    shown: list[int] = []
    room = MOST_HEADS
    for number in sorted(by_layer, key=lambda number: (abs(number - layer), number)):
        room -= len(by_layer[number])
        if shown and room < 0:
            break
        shown.append(number)
    return [head for number in sorted(shown) for head in by_layer[number]]
