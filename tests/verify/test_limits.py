"""What the measures of today cannot tell, shown on planted models.

Each test belongs to a recipe that is described and waits, and says what it waits for.
"""

from __future__ import annotations

import pytest
import torch

from catalog.schema.evidence import Evidence
from tests.planted import FAMILIES, Family, Planted
from tests.planted import readings as read
from tests.planted.alike import alike_model
from tests.planted.report import at
from tests.planted.words import passages
from tests.verify.catalog_parts import catalog
from verify.loading import wrap
from verify.planning import jobs_of, select
from verify.running import run

both_families = pytest.mark.parametrize("family", FAMILIES)


def evidence(planted: Planted, head_type: str) -> dict[str, Evidence]:
    """The runnable recipes of a type on a planted model."""
    loaded = wrap(planted.model, planted.tokenizer, f"planted--{planted.name}")
    jobs = jobs_of(select(catalog(), [head_type]))
    return {record.recipe: record for record in run(loaded, catalog(), jobs)}


def loss(planted: Planted, prompts: list[list[int]], *, without: tuple[str, ...] = ()) -> float:
    """Mean over prompts of the mean cross-entropy of the next token, nats."""
    losses = [
        torch.nn.functional.cross_entropy(r.logits[:-1], torch.tensor(r.tokens[1:]))
        for r in read.run(planted, prompts, without=without)
    ]
    return float(torch.stack(losses).mean())


@both_families
@torch.no_grad()
def test_active_dormant_heads_with_and_without_work(family: Family) -> None:
    """``loss-by-text``: two heads alike in weights but for where they write; one is needed."""
    model = alike_model(family)
    record = evidence(model, "active-dormant")["dormant-on-prose"]
    assert set(record.found) == {"0.0", "0.1"}
    assert record.scores is not None
    for grid in (record.scores.mean, record.scores.margin):
        assert at(grid, "0.0") == pytest.approx(at(grid, "0.1"), abs=1e-6)
    # neither writes to the logits, whatever it attends to
    every = read.effective_embedding(model)
    for head in ("0.0", "0.1"):
        assert float(read.to_logits(model, read.written(model, head, every)).abs().max()) < 1e-3
    texts = {
        kind: [[0, *model.tokenizer(text)["input_ids"]] for text in passages(f"plain-{kind}")[:6]]
        for kind in ("code", "prose")
    }
    whole = {kind: loss(model, prompts) for kind, prompts in texts.items()}
    for head, needed in (("0.0", True), ("0.1", False)):
        change = {
            kind: loss(model, prompts, without=(head,)) - whole[kind]
            for kind, prompts in texts.items()
        }
        assert (change["code"] > 0.1) == needed, change
        assert abs(change["prose"]) < 0.01, change
