"""What the measures of today cannot tell, shown on planted models.

Each test belongs to a recipe that is described and waits, and says what it waits for, or to one
that can be run, and says what it misses.
"""

from __future__ import annotations

import pytest
import torch

from catalog.schema.evidence import Evidence
from catalog.schema.recipe import Recipe
from tests.planted import FAMILIES, Family, Planted
from tests.planted import readings as read
from tests.planted.alike import alike_model
from tests.planted.coloured import coloured_model
from tests.planted.concepts import concepts_model
from tests.planted.kinds import kinds_model
from tests.planted.pieces import pieces, pieces_of
from tests.planted.report import at
from tests.planted.triples import triples_model
from tests.planted.words import ids as token_ids
from tests.planted.words import passages
from tests.verify.catalog_parts import catalog
from verify.loading import wrap
from verify.planning import Job, jobs_of, select
from verify.running import run

both_families = pytest.mark.parametrize("family", FAMILIES)


def evidence(planted: Planted, head_type: str) -> dict[str, Evidence]:
    """The runnable recipes of a type on a planted model."""
    loaded = wrap(planted.model, planted.tokenizer, f"planted--{planted.name}")
    jobs = jobs_of(select(catalog(), [head_type]))
    return {record.recipe: record for record in run(loaded, catalog(), jobs)}


def run_one(planted: Planted, recipe: Recipe) -> Evidence:
    """The evidence of one recipe."""
    loaded = wrap(planted.model, planted.tokenizer, f"planted--{planted.name}")
    (record,) = run(loaded, catalog(), [Job("limit", recipe)])
    return record


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
    """``dormant-on-prose`` takes two heads for one, alike but for where they write; one is needed.

    ``loss-by-text`` tells them apart, as whole runs of the model without each of them do.
    """
    model = alike_model(family)
    records = evidence(model, "active-dormant")
    record = records["dormant-on-prose"]
    # and 1.0, which passes on what 0.0 writes
    assert set(records["loss-by-text"].found) == {"0.0", "1.0"}
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


@both_families
def test_heads_that_rest_on_code_are_told_beside_the_type(family: Family) -> None:
    """``dormant-on-code`` is joined to nothing: no published head is of that kind."""
    recipe = catalog().head_types["active-dormant"].recipe("dormant-on-code")
    assert run_one(kinds_model(family), recipe).found == ("0.2",)


@both_families
@torch.no_grad()
def test_concept_induction_heads_that_carry_a_word_and_that_carry_nothing(family: Family) -> None:
    """``concept-copying``: the same scores, and only one of two models completes the word."""
    carrying, empty = (concepts_model(family, carries=carries) for carries in (True, False))
    one, other = (evidence(model, "concept-induction") for model in (carrying, empty))
    for recipe, record in one.items():
        assert set(record.found) >= {"2.0"}
        assert record.scores is not None
        again = other[recipe].scores
        assert again is not None
        assert at(again.mean, "2.0") == pytest.approx(at(record.scores.mean, "2.0"), abs=1e-6)
        assert at(again.margin, "2.0") == pytest.approx(at(record.scores.margin, "2.0"), abs=1e-6)
    # what the head carries is no direct effect, whatever it attends to
    for head_input in (
        read.effective_embedding(carrying),
        read.run(carrying, [[0, 5, 6]])[0].stream[2],
    ):
        logits = read.to_logits(carrying, read.written(carrying, "2.0", head_input))
        assert float(logits.abs().max()) < 1e-3
    at_piece = {piece: i for i, piece in enumerate(pieces())}
    for word in ("marigold", "dragonfly", "hummingbird"):
        ids = [at_piece[piece] for piece in pieces_of(word)]
        passage = [at_piece["river"], at_piece["stone"], *ids, at_piece["bread"]]
        tokens = [0, *passage, *passage[:2], ids[0]]
        due = {
            model: float(r.logits[-1, ids[1:]].min() - r.logits[-1].median())
            for model, r in (
                (model, read.run(planted, [tokens], without=without)[0])
                for model, planted, without in (
                    ("carrying", carrying, ()),
                    ("without", carrying, ("2.0",)),
                    ("empty", empty, ()),
                )
            )
        }
        assert due["carrying"] > due["empty"] + 3
        assert due["empty"] == pytest.approx(due["without"], abs=1e-3)


@both_families
def test_skip_trigram_heads_of_a_few_triples_are_missed(family: Family) -> None:
    """A score is the mean over the 32 strongest triples, so six of them are too few to show."""
    model = triples_model(family, second="question-words")
    records = evidence(model, "skip-trigram")
    for record in records.values():
        assert "0.2" not in record.found
        assert "0.0" in record.found
    attending = records["attends-to-linked"].scores
    assert attending is not None
    assert at(attending.mean, "0.2") == pytest.approx(6 / 32, abs=0.08)


@both_families
@torch.no_grad()
def test_content_gatherers_that_steer_a_mover_and_that_write_nothing(family: Family) -> None:
    """``steers-movers``: two heads attend alike and raise nothing; one is needed for the answer."""
    model = coloured_model(family, empty_twin=True)
    for record in evidence(model, "content-gatherer").values():
        assert {"2.0", "2.1"} <= set(record.found)
    text = (
        "On the table there is a red cup, a blue hat and a green book."
        " What colour is the {}, which is not the key? Its colour is"
    )
    due = {"cup": "red", "hat": "blue", "book": "green"}
    prompts = [[0, *model.tokenizer(text.format(thing))["input_ids"]] for thing in due]
    colours = token_ids(tuple(due.values()))

    def favoured(*without: str) -> list[bool]:
        """Whether the right colour is ahead of the other two by a logit, for each thing."""
        runs = read.run(model, prompts, without=without)
        logits = torch.stack([r.logits[-1, colours] for r in runs])
        others = logits.masked_fill(torch.eye(len(due), dtype=torch.bool), float("-inf"))
        return (logits.diagonal() > others.max(1).values + 1).tolist()

    # 2.2 raises the right colour itself and would do without the others
    assert favoured("2.2") == favoured("2.1", "2.2") == [True, True, True]
    assert favoured("2.0", "2.2") != [True, True, True]
