"""What evidence says about a head type in a model, and about a published claim.

Pure Python over ``catalog.schema.evidence``: used when the database is built. Intervals, q and the
status of each head are in the evidence already (``verify.statistics``); here they are only joined.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.agreement import head_scores
from catalog.comparison import compare
from catalog.phrases import figures_of, highest, name_all, name_heads, value_of
from catalog.responses import ClaimResult, RecipeResult, TypeResult
from catalog.schema.base import CAUSAL, OBSERVATIONAL, Strength, layer_and_head
from catalog.schema.claim import Claim
from catalog.schema.evidence import Evidence, Grid, Verdict
from catalog.schema.head_type import HeadType
from catalog.schema.model import Hub, Model


def type_result(
    entry: HeadType,
    model: Model,
    records: Mapping[str, Evidence],
    stale: Collection[str] = (),
) -> TypeResult | None:
    """Join the recipes of ``entry`` per head, as its ``identify`` says.

    A head passes a recipe if the record lists it as found (it met the criterion and was confirmed),
    is unclear if the record says so, and fails otherwise. ``all-of``: it passes if it passes every
    recipe, fails if it fails one, and is unclear otherwise; one recipe that was not applicable
    makes the type not-applicable. ``any-of``: it passes if it passes one recipe, fails if it fails
    all, and is unclear otherwise; recipes that were not run or not applicable are left out.

    Found heads are ordered by their score in the first joined recipe that found them, so that
    scores of different units are not mixed; ties by layer and head.

    Strength is the set of kinds of the recipes that found at least one of the found heads (recipes
    that ``identify`` does not join too), and ``triangulated`` if some observational and some causal
    recipe each found them all.

    Args:
        entry: the head type.
        model: the model.
        records: evidence by recipe id, of this head type, this model and one revision.
        stale: ids of the recipes that have changed since their record was made.

    Returns:
        None if the entry has no recipes, a recipe of an ``all-of`` was not run, or none of an
        ``any-of`` was.
    """
    outcome = join(entry, {name: Judged.of(record) for name, record in records.items()})
    if entry.identify is None or outcome is None:
        return None
    joined = [(name, records[name]) for name in entry.identify.recipes if name in records]
    every = entry.identify.all_of is not None
    missing = [name for name in entry.identify.recipes if name not in records]
    applicable = [(name, record) for name, record in joined if record.scores is not None]
    verdict, found, unclear = outcome.verdict, outcome.found, outcome.unclear
    if verdict != "not-applicable":
        reason = _reason(applicable, every, found, unclear)
        if missing:
            reason = f"{reason[:-1]} (not run: {name_all(missing)})."
    else:
        name, record = next((n, r) for n, r in joined if r.scores is None)
        reason = f"The recipe {name} was not applicable: {record.reason}"
    known = {recipe.id: records[recipe.id] for recipe in entry.recipes if recipe.id in records}
    return TypeResult(
        head_type=entry.id,
        head_type_name=entry.name,
        model=model.id,
        model_name=model.name,
        revision=joined[0][1].model.revision,
        verdict=verdict,
        reason=reason,
        found=found,
        unclear=unclear,
        strength=_strength(entry, known, found),
        recipes=tuple(
            _recipe_result(entry, name, record, found[:1], name in stale)
            for name, record in known.items()
        ),
    )


@dataclass(frozen=True)
class Judged:
    """What of a recipe's record its joining needs."""

    found: tuple[str, ...]
    unclear: tuple[str, ...]
    scores: Mapping[str, float] | None
    """Mean score of every head that has one; None if the recipe was not applicable."""

    @classmethod
    def of(cls, record: Evidence) -> Judged:
        """From evidence."""
        scores = None if record.scores is None else head_scores(record)
        return cls(record.found, record.unclear, scores)


@dataclass(frozen=True)
class Joined:
    """A head type in a model: its recipes joined per head."""

    verdict: Verdict
    found: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()


def join(entry: HeadType, records: Mapping[str, Judged]) -> Joined | None:
    """Join recipes per head by the rules that :func:`type_result` states.

    Returns:
        None where ``type_result`` gives None.
    """
    if entry.identify is None:
        return None
    joined = [records[name] for name in entry.identify.recipes if name in records]
    every = entry.identify.all_of is not None
    if not joined or (every and len(joined) < len(entry.identify.recipes)):
        return None
    applicable = [record for record in joined if record.scores is not None]
    if not applicable or (every and len(applicable) < len(joined)):
        return Joined("not-applicable")
    passing = [set(record.found) for record in applicable]
    possible = [set(record.found) | set(record.unclear) for record in applicable]
    merge = set.intersection if every else set.union
    found, maybe = merge(*passing), merge(*possible)
    verdict: Verdict = "found" if found else "inconclusive" if maybe else "not-found"
    return Joined(verdict, _best_first(found, applicable), _best_first(maybe - found, applicable))


def _best_first(heads: set[str], records: Sequence[Judged]) -> tuple[str, ...]:
    def place(head: str) -> tuple[int, float, tuple[int, int]]:
        order = [(i, r) for i, r in enumerate(records) if head in r.found]
        order += [(len(records) + i, r) for i, r in enumerate(records) if head in r.unclear]
        position, record = order[0]
        return position, -(record.scores or {}).get(head, float("-inf")), layer_and_head(head)

    return tuple(sorted(heads, key=place))


def _strength(
    entry: HeadType, records: Mapping[str, Evidence], found: Sequence[str]
) -> tuple[Strength, ...]:
    kinds: set[Strength] = set()
    complete: set[Strength] = set()
    for name, record in records.items():
        strength = entry.recipe(name).measure.strength
        if set(found) & set(record.found):
            kinds.add(strength)
            if set(found) <= set(record.found):
                complete.add(strength)
    if complete & OBSERVATIONAL and complete & CAUSAL:
        kinds.add(Strength.TRIANGULATED)
    return tuple(strength for strength in Strength if strength in kinds)


def _reason(
    records: Sequence[tuple[str, Evidence]],
    every: bool,
    found: Sequence[str],
    unclear: Sequence[str],
) -> str:
    """One sentence with figures."""
    names = [name for name, _ in records]
    several = len(names) > 1
    what = f"{'all' if every else 'one'} of {name_all(names)}" if several else names[0]
    heads = records[0][1].model.layers * records[0][1].model.heads
    if found:
        name, record = next((n, r) for n, r in records if found[0] in r.found)
        verb = "passes" if len(found) == 1 else "pass"
        first = "which" if len(found) == 1 else f"of which {found[0]}"
        return (
            f"{len(found)} of {heads} heads {verb} {what}: {name_heads(found)},"
            f" {first} scores {figures_of(record, found[0])} on {name}."
        )
    each = ", ".join(f"{name} {len(record.found) or 'none'}" for name, record in records)
    alone = f" (alone: {each})" if several else f"; the highest score is {highest(records[0][1])}"
    if unclear:
        verb = "is" if len(unclear) == 1 else "are"
        return (
            f"None of {heads} heads passes {what}{alone}, but {len(unclear)} {verb} unclear: "
            + (f"{name_heads(unclear)}.")
        )
    return f"None of {heads} heads passes {what}{alone}."


def _recipe_result(
    entry: HeadType, name: str, record: Evidence, first_found: tuple[str, ...], stale: bool
) -> RecipeResult:
    """Figures of the first head that the type was found at; where there is none, of the best."""
    figures: dict[str, Any] = dict.fromkeys(("low", "high", "control", "margin", "q"))
    best, score = None, None
    if record.scores is not None and (scores := head_scores(record)):
        best = max(first_found or scores, key=lambda head: scores[head])
        score = scores[best]
        for field_name in figures:
            grid: Grid | None = getattr(record.scores, field_name)
            figures[field_name] = None if grid is None else value_of(grid, best)
    return RecipeResult(
        recipe=name,
        evidence=record.id,
        measure=record.measure,
        unit=record.unit,
        strength=entry.recipe(name).measure.strength,
        verdict=record.verdict,
        reason=record.reason,
        found=record.found,
        best_head=best,
        score=score,
        stale=stale,
        **figures,
    )


def claim_result(
    claim: Claim,
    number: int,
    entry: HeadType,
    model: Model,
    records: Mapping[str, Evidence],
    joined: TypeResult | None,
) -> ClaimResult:
    """Compare a claim with the evidence for its model.

    ``not-run`` without evidence. ``not-comparable`` if the claim is about a training step, or no
    recipe that measures by a method of the claim was run and applicable. Otherwise, for a list of
    heads and each such recipe (``catalog.agreement``):

    - ``reproduced``: recall at least 0.8 and the lower bound of AUROC above 0.9. A ``top-k`` list
      also needs 0.8 of its k heads among the k highest scores. An ``exhaustive`` list of n heads
      allows for at most n / 5 additional found heads, and is else partly reproduced at most.
    - ``partly-reproduced``: recall above 0 (for ``top-k``: or one of them among the k highest
      scores) and that bound above 0.5.
    - ``not-reproduced`` otherwise.

    The recipe with the best verdict is taken, then that with the highest bound, then the first.

    A number of heads is ``reproduced`` if it lies between the number found and that number with the
    unclear heads, partly if some head was found, and else not. ``none: true`` is ``reproduced`` if
    the type was not found, and not if it was. Both read the joined result.

    Args:
        claim: the published statement.
        number: its place in the entry, from 1.
        entry: the head type.
        model: the claim's model.
        records: evidence by recipe id, of this head type, this model and one revision.
        joined: ``type_result`` of the same records.
    """
    known = {recipe.id: records[recipe.id] for recipe in entry.recipes if recipe.id in records}
    said = compare(claim, entry, model, known, joined)
    return ClaimResult(
        id=f"{entry.id}/{number}",
        head_type=entry.id,
        head_type_name=entry.name,
        model=model.id,
        model_name=model.name,
        heads=claim.heads,
        count=claim.count,
        none=claim.none is not None,
        list=claim.list,
        paper=claim.paper,
        place=claim.place,
        methods=claim.methods,
        method=claim.method,
        threshold=claim.threshold,
        training_step=claim.training_step,
        checked=claim.checked,
        note=claim.note,
        verdict=said.verdict,
        explanation=said.explanation,
        recipe=said.recipe,
        evidence=said.evidence,
        recall=said.recall,
        auroc=said.auroc,
        auroc_low=said.auroc_low,
        ranks=said.ranks,
        additional=said.additional,
        command=f"headbook verify {entry.id} --model {_name_to_type(model)}",
    )


def _name_to_type(model: Model) -> str:
    """What a person types for the model: its shortest name."""
    if model.aliases:
        return model.aliases[0]
    return model.source.hub_id if isinstance(model.source, Hub) else model.id
