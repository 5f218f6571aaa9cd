"""The retrieval score, against a model that writes by itself and plain eager attention."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from catalog.schema.prompts import Templates
from catalog.schema.recipe import Recipe
from tests.planted import FAMILIES, Family, Planted, recited_last_model, recited_model
from tests.planted import readings as read
from tests.planted.report import at
from tests.verify.catalog_parts import catalog, recipe
from verify.builders import build
from verify.capture import run_pass
from verify.loading import wrap
from verify.measures import RUNNING
from verify.planning import Job
from verify.prompts import Prompt, PromptSet
from verify.recording import Settings
from verify.running import run
from verify.sorting import sorted_by_answers
from verify.statistics import Units, summarise
from verify.words import Words

both_families = pytest.mark.parametrize("family", FAMILIES)
COPIES = recipe("retrieval-head", "copies-needle")
SMALL = COPIES.model_copy(
    update={"prompts": COPIES.prompts.model_copy(update={"count": 24}), "gate": None}
)


@cache
def built(family: Family) -> tuple[Planted, PromptSet, PromptSet]:
    planted = recited_model(family)
    loaded = wrap(planted.model, planted.tokenizer, "planted--recited")
    words = Words(
        loaded.tokenizer, catalog().vocabularies, catalog().texts, loaded.anatomy.embedding_rows
    )
    assert isinstance(SMALL.prompts, Templates)
    drawn = build(SMALL.prompts, words)
    return planted, drawn, sorted_by_answers(drawn, SMALL.prompts, 0, loaded, Settings())


def written_by_itself(planted: Planted, prompt: Prompt) -> list[int]:
    """The model writes each word that is due and reads on, with the words between them given."""
    tokens: list[int] = []
    for position, given in enumerate(prompt.ids):
        after_query = position - 1 in prompt.queries["generated"]
        if after_query:
            (r,) = read.run(planted, [tokens])
            tokens.append(int(r.logits[-1].argmax()))
        else:
            tokens.append(given)
    (r,) = read.run(planted, [tokens])
    return [*tokens, int(r.logits[-1].argmax())]


@both_families
@torch.no_grad()
def test_kept_prompts_are_those_that_the_model_writes_by_itself(family: Family) -> None:
    planted, drawn, left = built(family)
    kept = {prompt.ids for prompt in left.main}
    for prompt in drawn.main:
        wanted = [*prompt.ids, prompt.answers["correct"]]
        assert (written_by_itself(planted, prompt) == wanted) == (prompt.ids in kept)
    assert len(kept) >= 12


@both_families
def test_a_word_that_the_model_would_not_write_leaves_the_prompt_out(family: Family) -> None:
    _, drawn, _ = built(family)
    planted = recited_model(family)
    loaded = wrap(planted.model, planted.tokenizer, "planted--recited")
    prompt = drawn.main[0]
    second = prompt.queries["generated"][1] + 1
    ids = list(prompt.ids)
    ids[second] = ids[prompt.queries["generated"][0] + 1]  # the first word, said again
    wrong = Prompt(tuple(ids), prompt.queries, prompt.places, answers=prompt.answers)
    one = PromptSet({"clean": (wrong, prompt)})
    assert isinstance(SMALL.prompts, Templates)
    left = sorted_by_answers(one, SMALL.prompts, 0, loaded, Settings())
    assert wrong not in left.main


@both_families
@torch.no_grad()
def test_scores_are_read_while_the_words_are_written(family: Family) -> None:
    """Step by step, as the source does: strongest key of the last position, and its token."""
    planted, _, left = built(family)
    loaded = wrap(planted.model, planted.tokenizer, "planted--recited")
    (record,) = run(loaded, catalog(), [Job("retrieval-head", SMALL)])
    assert record.scores is not None
    hits: dict[str, list[float]] = {}
    others: dict[str, list[float]] = {}
    for prompt in left.main:
        told = set(prompt.places["told"])
        for step, query in enumerate(prompt.queries["generated"]):
            (r,) = read.run(planted, [list(prompt.ids[: query + 1])])
            token = int(r.logits[-1].argmax())
            for head in ("1.0", "1.1", "1.2", "1.3"):
                layer, index = (int(part) for part in head.split("."))
                key = int(r.attention[layer, index, -1].argmax())
                same = key == prompt.places["needle"][step]
                assert same == (key in prompt.places["needle"] and r.tokens[key] == token)
                hits.setdefault(head, []).append(float(same))
                others.setdefault(head, []).append(float(key in told and not same))
    for head, found in hits.items():
        assert at(record.scores.mean, head) == pytest.approx(sum(found) / len(found), abs=1e-6)
        control = sum(others[head]) / len(others[head])
        assert at(record.scores.control, head) == pytest.approx(control, abs=1e-6)


@both_families
def test_a_model_that_recites_the_person_told_last_is_no_case_for_the_recipe(
    family: Family,
) -> None:
    """Its right answers all have one order, and so has the head that follows that order."""
    planted = recited_last_model(family)
    loaded = wrap(planted.model, planted.tokenizer, "planted--recited-last")
    (record,) = run(loaded, catalog(), [Job("retrieval-head", COPIES)])
    assert record.verdict == "not-applicable"
    (accuracy,) = (gate for gate in record.gates if gate.name == "accuracy")
    assert 0.5 <= accuracy.value < 0.7
    assert not accuracy.passed


@pytest.mark.parametrize("whole_templates", [True, False])
def test_order_alone_does_not_pass_where_the_gate_is_just_met(whole_templates: bool) -> None:
    """All that the gate lets a model get wrong has one order: half of those templates are lost,
    or half of the prompts of each. The head attends to the due word of the person told last."""
    assert isinstance(COPIES.prompts, Templates)
    assert COPIES.gate is not None
    assert COPIES.gate.min_accuracy == 0.75
    texts = [t.text for t in catalog().vocabularies[COPIES.prompts.templates].templates or ()]
    last = np.array([text.index("{who}") > text.index("{other}") for text in texts])
    assert last.sum() * 2 == len(last) == 24
    each = COPIES.prompts.count // len(texts)
    first = np.flatnonzero(~last)
    kept = {int(i): each for i in np.flatnonzero(last)}
    kept |= (
        {int(i): each for i in first[:6]} if whole_templates else dict.fromkeys(first, each // 2)
    )
    clusters = np.repeat(list(kept), list(kept.values()))
    assert len(clusters) == 0.75 * COPIES.prompts.count
    score = last[clusters].astype(np.float64)[:, None]
    units = Units(score, 1 - score, True, clusters, "mean", bounds=(0, 1))
    summary = summarise(units, COPIES.criterion, seed=0)
    assert summary.margin[0] == pytest.approx(1 / 3)
    assert summary.status == ("unclear",)  # which is not counted


@pytest.mark.parametrize(
    ("head_type", "name"),
    [("retrieval-head", "copies-needle"), ("core-head", "follows-the-question")],
)
def test_templates_left_test_q_on_a_thousand_heads(head_type: str, name: str) -> None:
    """However the prompts are spread that the model gets wrong and that are left out for it."""
    tested = recipe(head_type, name)
    assert isinstance(tested.prompts, Templates)
    assert tested.gate is not None
    assert tested.gate.min_accuracy is not None
    assert tested.criterion.max_q is not None
    templates = len(catalog().vocabularies[tested.prompts.templates].templates or ())
    each = tested.prompts.count // templates
    assert each * templates == tested.prompts.count
    sorts = tested.prompts.is_sorted
    lost = int((1 - tested.gate.min_accuracy) * tested.prompts.count) // each if sorts else 0
    assert 2 ** (templates - lost) >= 1024 / tested.criterion.max_q


_AT_ONE_PLACE = "give a role that the prompts mark"


@pytest.mark.parametrize(
    ("part", "fields", "message"),
    [
        ("prompts", {"writes": None}, "give the prompts 'keep: answered-correctly' and 'writes"),
        ("prompts", {"writes": "nowhere"}, "a role that is not marked: nowhere"),
        ("prompts", {"keep": "answered-wrongly"}, "for answered-correctly only"),
        *[("measure", {"key": key}, _AT_ONE_PLACE) for key in ("self", "first", "earlier-needle")],
        *[
            ("control", {"key": key}, _AT_ONE_PLACE)
            for key in ("uniform", "same-offset", "evenly", "previous", "self", "earlier-told")
        ],
        ("control", {"query": "end"}, "another key role and no query"),
        ("control", {"query": "end", "key": None}, "another key role and no query"),
    ],
)
def test_parts_that_do_not_fit_are_refused(part: str, fields: dict[str, str], message: str) -> None:
    written = COPIES.model_dump(by_alias=True, mode="json")
    written[part] |= fields
    with pytest.raises(ValidationError, match=message):
        Recipe.model_validate_json(json.dumps(written))


def test_other_builders_do_not_tell_what_is_written() -> None:
    written = COPIES.model_dump(by_alias=True, mode="json")
    written["prompts"] = {"builder": "indirect-object"}
    written["measure"] |= {"query": "end", "key": "indirect-object"}
    written["control"]["key"] = "subjects"
    del written["gate"]["min_kept"]
    with pytest.raises(ValidationError, match="use 'templates' with 'writes: end'"):
        Recipe.model_validate_json(json.dumps(written))


def test_one_written_token_a_prompt_is_a_hit_or_none() -> None:
    """A share then, whose interval knows that 1 in each of 24 prompts is no certainty."""
    planted, _, kept = built("gpt2")
    cut = PromptSet(
        {
            "clean": tuple(
                replace(
                    prompt,
                    queries={**prompt.queries, "generated": prompt.queries["generated"][:1]},
                    places={**prompt.places, "needle": prompt.places["needle"][:1]},
                )
                for prompt in kept.main
            )
        }
    )
    anatomy = wrap(planted.model, planted.tokenizer, "planted--recited").anatomy
    kinds = {}
    for name, prompts in (("several", kept), ("one", cut)):
        measure = RUNNING["retrieval-score"](SMALL, prompts, anatomy)
        run_pass(anatomy, prompts.main, measure.readers()["clean"], batch_size=16)
        kinds[name] = measure.units().kind
        assert set(np.unique(measure.units().score)) <= {0.0, 1 / 3, 2 / 3, 1.0}
    assert kinds == {"several": "mean", "one": "share"}
