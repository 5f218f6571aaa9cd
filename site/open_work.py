"""What recipes wait for: the parts of the recipe language that have no code yet.

Counted from the entries, never typed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from book import Book

from catalog.responses import HeadTypeDetail
from catalog.schema.recipe import Recipe

_WORDS = {
    "prompts.builder": "Builder",
    "measure.kind": "Measure",
    "control.vary": "Control that varies",
    "measure.after-ablating": "Measures after ablating other heads",
    "measure.also": "Ablation beside other heads that are ablated",
}


@dataclass(frozen=True)
class Waiting:
    """A recipe that is written down and cannot be run."""

    entry: HeadTypeDetail
    recipe: Recipe
    parts: tuple[str, ...]
    """Titles of the parts that have no code."""


@dataclass
class Part:
    """A part of the language without code, and the recipes that wait for it."""

    title: str
    """``Measure path-patching``."""
    measure: str | None
    """Its kind, if it is a measure: the page of measures tells of it."""
    waiting: list[Waiting] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """Where it stands on its page."""
        return self.title.lower().replace(" ", "-")

    @property
    def alone(self) -> int:
        """Recipes that wait for nothing else."""
        return sum(len(recipe.parts) == 1 for recipe in self.waiting)


@dataclass(frozen=True)
class OpenWork:
    """All of it."""

    types: tuple[HeadTypeDetail, ...]
    """Head types without a recipe that runs."""
    recipes: int
    parts: tuple[Part, ...]
    """Those that most recipes wait for first."""
    told: tuple[Part, ...]
    """The parts below which recipes are told in full: with these, every recipe is."""
    others: tuple[Waiting, ...]
    """Recipes whose parts all have code, or that the language cannot say yet."""


def open_work(book: Book) -> OpenWork:
    """What is open, over all head types."""
    waiting = [
        Waiting(entry, recipe, tuple(_title(part)[0] for part in recipe.kinds_without_code()))
        for entry in book.head_types
        for recipe in entry.recipes
        if recipe.status == "described"
    ]
    parts: dict[str, Part] = {}
    for one in waiting:
        for told in one.recipe.kinds_without_code():
            title, measure = _title(told)
            parts.setdefault(title, Part(title, measure)).waiting.append(one)
    order = sorted(parts.values(), key=lambda part: (-len(part.waiting), part.title))
    return OpenWork(
        types=tuple(entry for entry in book.head_types if not entry.runnable),
        recipes=len(waiting),
        parts=tuple(order),
        told=_told(order),
        others=tuple(one for one in waiting if not one.parts),
    )


def _told(parts: list[Part]) -> tuple[Part, ...]:
    """Parts that some recipe waits for alone, and those with a recipe that is told nowhere else."""
    told = [part for part in parts if part.alone]
    for part in parts:
        names = {one.title for one in told}
        if part not in told and any(not names & set(one.parts) for one in part.waiting):
            told.append(part)
    return tuple(told)


def _title(part: str) -> tuple[str, str | None]:
    """Words for a part that ``Recipe.kinds_without_code`` names; its kind, if it is a measure."""
    where, _, name = part.partition(" ")
    name = name.strip("'")
    title = f"{_WORDS.get(where, where)} {name}".strip()
    return title, name if where == "measure.kind" else None
