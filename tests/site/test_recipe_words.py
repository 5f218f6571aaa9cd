from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter
from recipe_words import (
    control_words,
    criterion_words,
    identify_words,
    measure_words,
    prompts_words,
    steps,
)
from recipe_yaml import recipe_yaml

from catalog.schema.controls import CONTROLS, AnyControl
from catalog.schema.measures import MEASURES, AnyMeasure
from catalog.schema.prompts import BUILDERS, Prompts
from catalog.schema.recipe import Criterion, Identify, Recipe
from tests.site.examples import RECIPES

PROMPTS: list[dict[str, Any]] = [
    {"builder": "repeated-random-tokens", "pool": "names", "gap": 3},
    {"builder": "distant-repeats"},
    {"builder": "random-tokens"},
    {"builder": "natural-text"},
    {"builder": "two-texts", "text": "plain-prose", "other": "plain-code"},
    {"builder": "indirect-object"},
    {"builder": "n-grams"},
    {"builder": "split-words", "words": "rare-words", "fillers": "nouns"},
    {"builder": "head-triples"},
    {"builder": "repeated-passage", "words": "rare-words", "fillers": "nouns"},
    {
        "builder": "templates",
        "templates": "review-templates",
        "fill": {"adjective": {"words": "verdicts", "side": "first"}, "name": "names"},
        "corrupt": {"adjective": {"words": "verdicts", "side": "first", "row": "other"}},
        "roles": {"sentiment": ["adjective"], "summary": ["subject.2"]},
        "answers": {"correct": "adjective"},
    },
    {
        "builder": "templates",
        "templates": "acronym-next-templates",
        "fill": {"due": {"words": "acronym-words", "split": True}},
        "answers": {"correct": "due"},
        "keep": "answered-wrongly",
        "candidates": "letters",
    },
    {"builder": "series", "series": ["days", "months"]},
    {"builder": "few-shot", "pairs": "capitals"},
    {"builder": "needle", "text": "plain-prose", "lengths": [100], "depths": [0.5]},
    {"builder": "conflict", "pairs": "capitals", "templates": "capital-templates"},
    {"builder": "labelled-templates", "templates": "capital-templates", "label": "truth"},
    {"tokens": {"sample": 500}},
    {"tokens": {"vocabulary": ["days", "months", "letters"]}},
    {"tokens": {"vocabulary": ["acronym-words"], "initials": "letters"}},
]
MEASURED: list[dict[str, Any]] = [
    {"kind": "attention", "query": "all", "key": "previous"},
    {"kind": "offset-concentration"},
    {"kind": "attention-to-predicted", "query": "all"},
    {"kind": "ov-copying", "direction": "negative", "top": 10},
    {"kind": "ov-mapping", "relation": "successor"},
    {"kind": "ov-mapping", "relation": "initial"},
    {"kind": "ov-relation", "top": 10},
    {"kind": "direct-logit-attribution", "correct": "indirect-object", "foil": "subject"},
    {"kind": "direct-logit-attribution", "correct": "indirect-object", "through": "subject-1"},
    {
        "kind": "direct-logit-attribution",
        "correct": "indirect-object",
        "after-ablating": {"found-by": "name-mover"},
    },
    {"kind": "qk-matching"},
    {"kind": "composition", "with": {"found-by": "previous-token"}, "input": "key"},
    {"kind": "ablation-effect", "replace": "mean", "metric": "loss", "at": "end"},
    {
        "kind": "path-patching",
        "receivers": {"found-by": "name-mover", "input": "query"},
        "from": "corrupted",
        "correct": "indirect-object",
        "foil": "subject",
    },
    {
        "kind": "activation-patching",
        "mean-over": "clean",
        "inject-into": "zero-shot",
        "correct": "correct",
    },
    {"kind": "probe", "at": "end"},
    {"kind": "retrieval-score"},
]
CONTROLLED: list[dict[str, Any]] = [
    {"vary": "role", "query": "unrepeated", "key": "same-offset"},
    {"vary": "prompts", "variant": "corrupted"},
    {"vary": "prompts", "variant": "solved"},
    {"vary": "tokens", "shuffle": "target"},
    {"vary": "tokens", "input": "first-mlp-successor"},
    {"vary": "heads"},
    {"vary": "model"},
]


def parsed(kind: Any, data: dict[str, Any]) -> Any:
    return TypeAdapter(kind).validate_json(json.dumps(data))


def test_the_lists_above_hold_every_part_of_the_language() -> None:
    assert {type(parsed(Prompts, d)) for d in PROMPTS} == set(BUILDERS)
    assert {type(parsed(AnyMeasure, d)) for d in MEASURED} == set(MEASURES)
    assert {type(parsed(AnyControl, d)) for d in CONTROLLED} == set(CONTROLS)


@pytest.mark.parametrize(
    ("kind", "words", "data"),
    [(Prompts, prompts_words, d) for d in PROMPTS]
    + [(AnyMeasure, measure_words, d) for d in MEASURED]
    + [(AnyControl, control_words, d) for d in CONTROLLED],
)
def test_every_part_has_words_that_name_what_was_chosen(
    kind: Any, words: Any, data: dict[str, Any]
) -> None:
    text = str(words(parsed(kind, data)))
    assert len(text) > 20
    assert "None" not in text
    assert "`" not in text
    for name in (
        *("query", "key", "variant", "correct", "foil", "pool", "pairs", "text", "candidates"),
    ):
        if isinstance(data.get(name), str) and data[name] != "solved":
            assert f"<code>{data[name]}</code>" in text


def test_the_control_of_retrieval_score_is_told_as_what_it_counts() -> None:
    measure = parsed(AnyMeasure, {"kind": "retrieval-score", "query": "generated", "key": "needle"})
    told = str(control_words(parsed(AnyControl, {"vary": "role", "key": "told"}), measure))
    assert "same measure" not in told
    assert "<code>told</code> that is not the right one" in told


def test_criterion_in_words() -> None:
    text = str(criterion_words(Criterion(min_score=0.3, min_margin=0.2, max_q=0.01)))
    assert "at least <strong>0.3</strong>" in text
    assert "control by at least <strong>0.2</strong>" in text
    assert "at most 0.01" in text
    text = str(criterion_words(Criterion(min_score=0.5, max_change=0.1)))
    assert "differs from the control by at most <strong>0.1</strong>" in text


def test_identify_in_words() -> None:
    joined = Identify.model_validate({"all-of": ("a-one", "b-two")})
    assert "all of these recipes find it: <code>a-one</code> and <code>b-two</code>" in str(
        identify_words(joined)
    )
    either = Identify.model_validate({"any-of": ("a-one", "b-two")})
    assert "one of these recipes finds it: <code>a-one</code> or <code>b-two</code>" in str(
        identify_words(either)
    )


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.id)
def test_yaml_reads_back_as_the_same_recipe(recipe: Recipe) -> None:
    (data,) = yaml.safe_load(recipe_yaml(recipe))
    assert Recipe.model_validate_json(json.dumps(data)) == recipe


def test_steps_are_in_the_order_of_a_recipe() -> None:
    assert [step.name for step in steps(RECIPES[0])] == [
        "Prompts",
        "Measure",
        "Control",
        "Criterion",
        "Gate",
    ]
