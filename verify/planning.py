"""Which recipes to run, and which of them share a pass."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog.explain import did_you_mean
from catalog.loading import Catalog
from catalog.schema.head_type import HeadType
from catalog.schema.recipe import Recipe


@dataclass(frozen=True)
class Job:
    """One recipe of one head type."""

    head_type: str
    recipe: Recipe


def jobs_of(entries: Iterable[HeadType]) -> list[Job]:
    """The runnable recipes of head types, those that ``identify`` joins, in order."""
    return [
        Job(entry.id, entry.recipe(name))
        for entry in entries
        if entry.identify is not None
        for name in entry.identify.recipes
        if entry.recipe(name).status == "runnable"
    ]


def groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs that read the same prompts, together: they are answered in one pass."""
    by_prompts: dict[str, list[Job]] = {}
    for job in jobs:
        key = json.dumps(job.recipe.prompts.model_dump(mode="json"), sort_keys=True)
        by_prompts.setdefault(key, []).append(job)
    return list(by_prompts.values())


def select(catalog: Catalog, names: Sequence[str]) -> list[HeadType]:
    """Head types by id, or all of them.

    Raises:
        LookupError: for an id that does not exist, with what might have been meant.
    """
    unknown = [name for name in names if name not in catalog.head_types]
    if unknown:
        near = did_you_mean(unknown[0], catalog.head_types)
        hint = f"; did you mean '{near}'?" if near else ""
        raise LookupError(f"no head type '{unknown[0]}'{hint}")
    chosen = names or sorted(catalog.head_types)
    return [catalog.head_types[name] for name in dict.fromkeys(chosen)]
