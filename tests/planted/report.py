"""Recipes against planted truth, as tables: ``python -m tests.planted.report``.

Every recipe of the catalog is run on the planted models that concern its type and on untrained
twins of each; with names of models on those only. Printed are, for each recipe, the numbers between
which its thresholds stand; for each type, sensitivity and specificity over all heads; and for each
impostor, what caught it.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rich.console import Console
from rich.table import Table

from catalog.loading import Catalog, load
from catalog.responses import TypeResult
from catalog.schema.base import layer_and_head
from catalog.schema.evidence import Evidence, Grid
from catalog.verdicts import type_result
from tests.planted import CLASSIC, CLASSIC_MODELS, FAMILIES, MODELS, Planted, random_twin
from verify.loading import LoadedModel, wrap
from verify.planning import Job, jobs_of
from verify.running import run


@dataclass(frozen=True)
class Examined:
    """One planted model, all its evidence and the joined results."""

    planted: Planted
    loaded: LoadedModel
    evidence: dict[tuple[str, str], Evidence]
    results: dict[str, TypeResult]

    @property
    def heads(self) -> list[str]:
        """All heads of the model."""
        anatomy = self.loaded.anatomy
        return [f"{i}.{j}" for i in range(anatomy.layers) for j in range(anatomy.heads)]


@cache
def shipped() -> Catalog:
    """The repository's catalog."""
    return load()


def concerned(model: str, family: str) -> set[str]:
    """The types whose recipes are run on a planted model.

    Those that it has heads or impostors of, and on the first five models all classic types.
    """
    planted = MODELS[model](family)
    own = {name for name, heads in planted.heads.items() if heads}
    imitated = {impostor.imitates for impostor in planted.impostors}
    return own | imitated | (set(CLASSIC) if model in CLASSIC_MODELS else set())


def _is_of_interest(job: Job, planted: Planted) -> bool:
    """Whether it decides about its type, or there are impostors of the type for it to tell apart.

    What decides nothing can take longer than all else: a model is run without each of its heads.
    """
    entry = shipped().head_types[job.head_type]
    decides = entry.identify is not None and job.recipe.id in entry.identify.recipes
    return decides or any(one.imitates == job.head_type for one in planted.impostors)


@cache
def examine(model: str, family: str, twin: int | None = None) -> Examined:
    """Run the recipes that concern a planted model on it, or on an untrained twin of it."""
    planted = MODELS[model](family)
    types = concerned(model, family)
    catalog = shipped()
    entries = [entry for entry in catalog.head_types.values() if entry.id in types]
    jobs = [job for job in jobs_of(entries) if _is_of_interest(job, planted)]
    if twin is not None:
        planted = random_twin(planted, twin)
    loaded = wrap(planted.model, planted.tokenizer, f"planted--{planted.name}")
    evidence = {(record.head_type, record.recipe): record for record in run(loaded, catalog, jobs)}
    results = {}
    for entry in entries:
        mine = {recipe: r for (name, recipe), r in evidence.items() if name == entry.id}
        joined = type_result(entry, loaded.described(), mine)
        if joined is not None:
            results[entry.id] = joined
    return Examined(planted, loaded, evidence, results)


def at(grid: Grid, head: str) -> float:
    """One head's number; NaN where there is none."""
    layer, index = layer_and_head(head)
    value = grid[layer][index]
    return float("nan") if value is None else value


def caught_by(examined: Examined, head_type: str, head: str) -> list[str]:
    """Which recipes, and which part of each, keep a head from counting as a type."""
    entry = shipped().head_types[head_type]
    reasons = []
    for name in entry.identify.recipes if entry.identify else ():
        record = examined.evidence[head_type, name]
        if record.scores is None:
            reasons.append(f"{name}: {record.reason}")
            continue
        if head in record.found:
            continue
        parts = []
        criterion, scores = record.criterion, record.scores
        score, margin = at(scores.mean, head), at(scores.margin, head)
        if not score >= criterion.min_score:
            parts.append(f"score {score:.2f} < {criterion.min_score:g}")
        if criterion.min_margin is not None and not margin >= criterion.min_margin:
            parts.append(f"margin {margin:.2f} < {criterion.min_margin:g}")
        if criterion.max_change is not None and not abs(margin) <= criterion.max_change:
            parts.append(f"change {margin:.2f} > {criterion.max_change:g}")
        reasons.append(f"{name}: {' and '.join(parts) or 'interval'}")
    return reasons


def all_examined(models: Sequence[str], twins: int) -> Iterator[Examined]:
    """These planted models in both families, each before so many untrained twins."""
    for model in models:
        for family in FAMILIES:
            yield examine(model, family)
            for twin in range(twins):
                yield examine(model, family, twin)


def planted_types(examined: list[Examined]) -> list[str]:
    """The head types that some model has planted."""
    return sorted({name for one in examined for name, heads in one.planted.heads.items() if heads})


def thresholds_table(examined: list[Examined]) -> Table:
    """For each recipe: the lowest planted head, the highest impostor, the highest untrained one."""
    table = Table(title="where the thresholds stand (score / margin)", title_justify="left")
    for column in (
        "recipe",
        "needs",
        "planted, lowest",
        "impostors, highest",
        "untrained, highest",
    ):
        table.add_column(column)
    for head_type in planted_types(examined):
        entry = shipped().head_types[head_type]
        for name in entry.identify.recipes if entry.identify else ():
            criterion = entry.recipe(name).criterion
            planted, impostors, untrained = [], [], []
            for one in examined:
                record = one.evidence.get((entry.id, name))
                if record is None or record.scores is None:
                    continue
                scores = record.scores
                pairs = {h: (at(scores.mean, h), at(scores.margin, h)) for h in one.heads}
                if "random" in one.planted.name:
                    untrained.extend(pairs.values())
                    continue
                # of recipes of which one is enough, a head need not be what each looks for
                truth = one.planted.heads[entry.id]
                if entry.identify is not None and entry.identify.all_of is None:
                    truth = truth & set(record.found)
                planted.extend(pairs[h] for h in truth)
                impostors.extend(pairs[i.head] for i in one.planted.imitating(entry.id))
            limit = criterion.min_margin
            second = f"{limit:g}" if limit is not None else f"±{criterion.max_change:g}"
            table.add_row(
                f"{entry.id}: {name}",
                f"{criterion.min_score:g} / {second}",
                _extreme(planted, min),
                _extreme(impostors, max),
                _extreme(untrained, max),
            )
    return table


def _extreme(pairs: list[tuple[float, float]], pick: type[min] | type[max]) -> str:  # type: ignore[valid-type]
    if not pairs:
        return "-"
    return f"{pick(p[0] for p in pairs):.2f} / {pick(p[1] for p in pairs):.2f}"


def accuracy_table(examined: list[Examined]) -> Table:
    """Sensitivity and specificity of each type over all heads of planted and untrained models."""
    table = Table(title="sensitivity and specificity", title_justify="left")
    for column in (
        "head type",
        "planted heads found",
        "other heads found",
        "untrained heads found",
    ):
        table.add_column(column, justify="right")
    sums = [0] * 6
    for head_type in planted_types(examined):
        hits = planted = wrong = others = untrained_wrong = untrained = 0
        for one in examined:
            if head_type not in one.results:
                continue
            result = one.results.get(head_type)
            found = set(result.found) if result else set()
            truth = one.planted.heads[head_type]
            if "random" in one.planted.name:
                untrained += len(one.heads)
                untrained_wrong += len(found)
                continue
            planted += len(truth)
            hits += len(found & truth)
            others += len(one.heads) - len(truth)
            wrong += len(found - truth)
        counts = (hits, planted, wrong, others, untrained_wrong, untrained)
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
        table.add_row(head_type, *_pairs(counts))
    table.add_section()
    table.add_row("all", *_pairs(sums))
    return table


def _pairs(counts: Sequence[int]) -> list[str]:
    return [f"{n} of {m}" for n, m in zip(counts[::2], counts[1::2], strict=True)]


def impostors_table(examined: list[Examined]) -> Table:
    """Each impostor and what caught it."""
    table = Table(title="impostors", title_justify="left")
    for column in ("imitates", "why it is none", "model, head", "caught by"):
        table.add_column(column, overflow="fold")
    for one in examined:
        for impostor in one.planted.impostors:
            caught = caught_by(one, impostor.imitates, impostor.head)
            found = one.results.get(impostor.imitates)
            missed = found is not None and impostor.head in found.found
            table.add_row(
                impostor.imitates,
                impostor.why,
                f"{one.planted.name} {impostor.head}",
                "NOT CAUGHT" if missed else "; ".join(caught),
            )
    return table


def main() -> None:
    """Print the tables."""
    console = Console(width=180) if not sys.stdout.isatty() else Console()
    parser = ArgumentParser(description="Recipes against planted truth, as tables.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="planted models; all if none")
    parser.add_argument("--twins", type=int, default=3, help="untrained twins of each (3)")
    asked = parser.parse_args()
    models = asked.models or list(MODELS)
    if unknown := sorted(set(models) - set(MODELS)):
        parser.error(f"no planted model: {', '.join(unknown)} (there are: {', '.join(MODELS)})")
    with console.status(f"running every recipe on {len(models)} planted models"):
        examined = list(all_examined(models, asked.twins))
    for table in (thresholds_table, accuracy_table, impostors_table):
        console.print(table(examined))


if __name__ == "__main__":
    main()
