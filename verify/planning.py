"""Which recipes to run, in which order, and which of them share a pass."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.fingerprints import prompts_content, sha256_of
from catalog.loading import Catalog
from catalog.schema.base import Stage, Strength
from catalog.schema.head_type import HeadType
from catalog.schema.recipe import Recipe
from catalog.suggestions import did_you_mean


@dataclass(frozen=True)
class Job:
    """One recipe of one head type."""

    head_type: str
    recipe: Recipe

    @property
    def key(self) -> tuple[str, str]:
        """Ids of head type and recipe."""
        return self.head_type, self.recipe.id


def jobs_of(entries: Iterable[HeadType], strengths: Collection[Strength] = ()) -> list[Job]:
    """The runnable recipes of head types: those that ``identify`` joins, in order, then the others.

    A recipe beside those decides nothing about the type; it adds to the kinds of evidence.

    Args:
        entries: the head types.
        strengths: only recipes that show these kinds of evidence; all if empty.
    """
    return [
        Job(entry.id, recipe)
        for entry in entries
        for recipe in (*_joined(entry), *_beside(entry))
        if recipe.status == "runnable" and (not strengths or recipe.measure.strength in strengths)
    ]


def _joined(entry: HeadType) -> Iterator[Recipe]:
    for name in entry.identify.recipes if entry.identify else ():
        yield entry.recipe(name)


def _beside(entry: HeadType) -> Iterator[Recipe]:
    joined = entry.identify.recipes if entry.identify else ()
    yield from (recipe for recipe in entry.recipes if recipe.id not in joined)


def groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs that read the same prompts, together: they are answered in one pass."""
    by_prompts: dict[str, list[Job]] = {}
    for job in jobs:
        key = sha256_of(prompts_content(job.recipe.prompts))
        by_prompts.setdefault(key, []).append(job)
    return list(by_prompts.values())


def waves(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs in an order in which recipes that use another type's heads come after that type.

    The entries are checked to form no circle, so this ends; a type that is not among the jobs is
    waited for by nobody.
    """
    waiting, made = list(jobs), []
    while waiting:
        open_types = {job.head_type for job in waiting}
        ready = [
            job
            for job in waiting
            if not (set(job.recipe.measure.found_by()) - {job.head_type}) & open_types
        ]
        ready = ready or waiting
        made.append(ready)
        done = {job.key for job in ready}
        waiting = [job for job in waiting if job.key not in done]
    return made


def select(
    catalog: Catalog, names: Sequence[str], stages: Collection[Stage] = ()
) -> list[HeadType]:
    """Head types by id, or all of them; of these, those of some stages.

    Raises:
        LookupError: for an id that does not exist, with what might have been meant.
    """
    unknown = [name for name in names if name not in catalog.head_types]
    if unknown:
        near = did_you_mean(unknown[0], catalog.head_types)
        hint = f"; did you mean '{near}'?" if near else ""
        raise LookupError(f"no head type '{unknown[0]}'{hint}")
    chosen = [
        catalog.head_types[name] for name in dict.fromkeys(names or sorted(catalog.head_types))
    ]
    return [entry for entry in chosen if not stages or entry.stage in stages]


def unmeasured(
    entries: Iterable[HeadType],
    run: Collection[tuple[str, str]],
    failures: Mapping[tuple[str, str], str],
) -> Mapping[str, str]:
    """Head types that got no verdict, and why: id -> reason.

    Args:
        entries: the head types that were asked for.
        run: head type and id of the recipes that have evidence.
        failures: by head type and recipe, why it could not be computed.
    """
    reasons = {}
    for entry in entries:
        if entry.identify is None:
            reasons[entry.id] = f"no recipe: {entry.automation.reason}"
            continue
        joined = list(_joined(entry))
        waiting = [recipe for recipe in joined if recipe.status != "runnable"]
        left_out = [
            recipe
            for recipe in joined
            if recipe.status == "runnable" and (entry.id, recipe.id) not in run
        ]
        needs_all = entry.identify.all_of is not None
        missing = [*waiting, *left_out]
        if not missing or (not needs_all and len(missing) < len(joined)):
            continue
        said = [f"{recipe.id} has no code yet: {recipe.missing}" for recipe in waiting]
        for recipe in left_out:
            failure = failures.get((entry.id, recipe.id))
            said.append(
                f"{recipe.id} ({recipe.measure.strength}) was left out"
                if failure is None
                else f"{recipe.id} failed: {failure}"
            )
        reasons[entry.id] = "; ".join(said)
    return reasons
