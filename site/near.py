"""What stands beside a small page (``stamping.py``): its model or head type, what is next to it.

The sidebar of other pages lists all of their section. Thousands of pages of heads would each repeat
every model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from book import Book

from catalog.responses import HeadTypeDetail
from catalog.schema.base import layer_and_head

MOST_HEADS = 60
"""Heads in a sidebar. Of more, it has those of the layers nearest to the page's own."""


@dataclass(frozen=True)
class Near:
    """Links of a sidebar, in order; ``here`` is the address of the page itself."""

    here: str
    links: tuple[tuple[str, str], ...]
    """Words and address of what leads up."""
    label: str
    """What the links below are; empty if there are none."""
    beside: tuple[tuple[tuple[str, str], ...], ...]
    """Rows of words and address; heads of a layer share one."""


def near_head(book: Book, model: str, page: str, scored: bool) -> Near:
    """Beside ``page``, the page of a head or of all heads: the model and its heads, by layer."""
    path = f"models/{model}"
    links = [(book.model_names[model], path)]
    if scored:
        links.append(("Every head", f"{path}/heads"))
    heads = book.listed_heads[model]
    shown = _nearest(heads, layer_and_head(page)[0] if page in heads else 0)
    rows = tuple(
        tuple((head, f"{path}/{head}") for head in group)
        for _, group in groupby(shown, lambda head: layer_and_head(head)[0])
    )
    some = "" if len(shown) == len(heads) else f", {len(shown)} of {len(heads)}"
    label = f"Heads with findings or claims{some}" if rows else ""
    return Near(f"{path}/{page}", tuple(links), label, rows)


def near_mosaic(book: Book, entry: HeadTypeDetail) -> Near:
    """Beside the mosaic of a head type: its page, and the mosaics of its group."""
    path = f"head-types/{entry.id}"
    others = tuple(
        (other.name, f"head-types/{other.id}/mosaic")
        for other in book.head_types
        if (other.stage, other.group) == (entry.stage, entry.group) and has_mosaic(other)
    )
    links = ((entry.name, path),)
    return Near(f"{path}/mosaic", links, "Mosaics of this group", tuple((o,) for o in others))


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
