"""What one set of prompts can answer is answered in one pass over it."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import pytest
import torch

from tests.planted import indirect_object_model, induction_model
from tests.verify.catalog_parts import OBSERVED, catalog, recipe
from verify.loading import LoadedModel, wrap
from verify.material import material_of
from verify.planning import Job, jobs_of, select, waves
from verify.recording import Settings
from verify.running import run
from verify.words import Words


class Counting:
    """Counts the rows that a model reads, by what they are."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.rows: Counter[tuple[int, ...]] = Counter()
        self._hook = loaded.model.register_forward_pre_hook(self._see, with_kwargs=True)

    def _see(self, _: Any, args: Any, kwargs: dict[str, torch.Tensor]) -> None:
        for row in kwargs["input_ids"].tolist():
            while row and row[-1] == 0:  # the padding of a batch
                row.pop()
            self.rows[tuple(row)] += 1

    def stop(self) -> None:
        self._hook.remove()


def induction() -> LoadedModel:
    planted = induction_model("llama")
    return wrap(planted.model, planted.tokenizer, "planted--induction")


def read(loaded: LoadedModel, jobs: list[Job]) -> Counter[tuple[int, ...]]:
    list(run(loaded, catalog(), jobs[:1], Settings(batch_size=8)))  # whatever is measured once
    counting = Counting(loaded)
    try:
        list(run(loaded, catalog(), jobs, Settings(batch_size=8)))
    finally:
        counting.stop()
    return counting.rows


def test_recipes_on_the_same_prompts_cost_one_pass_together() -> None:
    """Two recipes on 64 random prompts: 64 rows, and 64 more to confirm, whoever passes."""
    loaded = induction()
    first = Job("previous-token", recipe("previous-token", "previous-position"))
    second = Job("attention-sink", recipe("attention-sink", "first-position"))
    alone = read(loaded, [first])
    together = read(loaded, [first, second])
    assert sum(alone.values()) == 128  # the planted previous-token head passes and is confirmed
    assert together == alone


def built(loaded: LoadedModel, jobs: list[Job]) -> Counter[tuple[int, ...]]:
    """Every prompt of every different prompt set, on both seeds, as often as its builder made it.

    A short word list gives some sentences twice; that is for the builder to say.
    """
    words = Words(
        loaded.tokenizer,
        catalog().vocabularies,
        catalog().texts,
        loaded.anatomy.embedding_rows,
    )
    sets = {job.recipe.prompts.model_dump_json(): job.recipe.prompts for job in jobs}
    rows: Counter[tuple[int, ...]] = Counter()
    for parameters, seed in product(sets.values(), (0, 1)):
        made = material_of(parameters, words, seed, loaded.anatomy)
        if made.prompts is not None:
            rows.update(p.ids for prompts in made.prompts.variants.values() for p in prompts)
    return rows


def test_no_prompt_of_a_whole_run_is_read_more_often_than_it_was_made() -> None:
    loaded = induction()
    # a model without a head has to read them again, and skip-trigrams are read for each head
    entries = [entry for entry in select(catalog(), []) if entry.id != "skip-trigram"]
    jobs = jobs_of(entries, OBSERVED)
    rows, made = read(loaded, jobs), built(loaded, jobs)
    # a single word, or one word again and again, is read for weights
    prompts = {row: count for row, count in rows.items() if len(set(row)) > 1}
    assert len(prompts) > 64 * 5
    assert not {row: count for row, count in prompts.items() if count > made[row]}
    shared = [job for job in jobs if job.recipe.prompts.kind != "tokens"]
    assert len({job.recipe.prompts.model_dump_json() for job in shared}) < len(shared)


def test_scores_and_gate_share_the_pass_over_both_variants() -> None:
    planted = indirect_object_model("llama")
    loaded = wrap(planted.model, planted.tokenizer, "planted--names")
    rows = read(loaded, jobs_of(select(catalog(), ["name-mover"])))
    # clean and corrupted, on both seeds, for attention, direct effect and the gate
    assert sum(count for row, count in rows.items() if len(row) > 1) == 64 * 2 * 2


def test_weights_only_recipes_read_no_prompt_whole() -> None:
    loaded = induction()
    rows = read(loaded, [Job("induction", recipe("induction", "copying"))])
    assert all(len(row) == 1 for row in rows)


def test_recipes_that_use_other_heads_come_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.schema.measures import Attention

    uses = {"a": ("b",), "b": ("c",), "c": (), "d": ("unlisted",)}
    made = recipe("induction", "prefix-matching")
    jobs = [
        Job(name, made.model_copy(update={"measure": made.measure.model_copy()})) for name in uses
    ]
    needs = {id(job.recipe.measure): uses[job.head_type] for job in jobs}
    monkeypatch.setattr(Attention, "found_by", lambda self: needs[id(self)])
    assert [[job.head_type for job in wave] for wave in waves(jobs)] == [["c", "d"], ["b"], ["a"]]


def test_progress_grows_to_the_end_and_names_what_runs() -> None:
    told: list[tuple[str, float]] = []
    loaded = induction()
    chosen = select(catalog(), ["induction", "name-mover", "previous-token"])
    jobs = jobs_of(chosen, OBSERVED)
    list(run(loaded, catalog(), jobs, progress=lambda what, share: told.append((what, share))))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == pytest.approx(1.0)
    assert {what for what, _ in told} >= {"induction", "name-mover", "previous-token"}


@pytest.mark.parametrize(
    ("elapsed", "share", "said"),
    [
        (0.2, 0.5, ""),
        (10.0, 0.01, ""),
        (10.0, 0.5, "about 0:10 left"),
        (60.0, 0.25, "about 3:00 left"),
        (3600.0, 0.4, "about 1:30:00 left"),
        (10.0, 1.0, ""),
    ],
)
def test_the_time_left_follows_from_the_time_so_far(
    elapsed: float, share: float, said: str
) -> None:
    from catalog.commands.model_run import time_left

    assert time_left(elapsed, share) == said
