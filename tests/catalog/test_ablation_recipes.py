"""What a recipe of ablation-effect may say, and what it is told where it may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from catalog.schema.recipe import Recipe

MEASURE = {
    "kind": "ablation-effect",
    "replace": "mean",
    "metric": "logit-difference",
    "at": "end",
    "correct": "indirect-object",
    "foil": "subject",
}


def recipe(*, control: dict[str, str] | None = None, **measure: Any) -> Recipe:
    """A recipe on sentences with an indirect object; None leaves a field of the measure out."""
    parts = {name: value for name, value in {**MEASURE, **measure}.items() if value is not None}
    data = {
        "id": "needed",
        "source": "someone2020",
        "thresholds": "for a test",
        "prompts": {"builder": "indirect-object", "count": 64, "seed": 0},
        "measure": parts,
        "control": control or {"vary": "prompts", "variant": "corrupted"},
        "criterion": {"min_score": 0.1, "min_margin": 0.1},
    }
    return Recipe.model_validate_json(json.dumps(data))


@pytest.mark.parametrize("replace", ["zero", "mean", "resample"])
@pytest.mark.parametrize(
    "metric",
    [
        {"metric": "logit-difference"},
        {"metric": "accuracy"},
        {"metric": "accuracy", "foil": None},
        {"metric": "probability", "foil": None},
        {"metric": "loss", "foil": None},
        {"metric": "loss", "foil": None, "correct": None},
    ],
    ids=str,
)
def test_every_metric_and_replacement_has_code(replace: str, metric: dict[str, Any]) -> None:
    assert recipe(replace=replace, **metric).kinds_without_code() == []
    elsewhere = recipe(replace=replace, control={"vary": "role", "query": "subject-2"}, **metric)
    assert elsewhere.kinds_without_code() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"correct": None, "foil": None}, "metric 'logit-difference' is about an answer"),
        ({"foil": None}, "metric 'logit-difference' needs two answers: give 'foil' too"),
        ({"metric": "probability"}, "metric 'probability' is about one answer: leave out 'foil'"),
        ({"metric": "loss"}, "metric 'loss' is about one answer: leave out 'foil'"),
        ({"at": "needle"}, "query role 'needle' is not marked by builder 'indirect-object'"),
        ({"correct": "city"}, "answer 'city' is not marked by builder 'indirect-object'"),
        ({"control": {"vary": "role", "query": "end"}}, "the control is the measure itself"),
        ({"control": {"vary": "role", "key": "subject-1"}}, "an ablation has no key"),
        ({"control": {"vary": "tokens", "shuffle": "target"}}, "for measures that read weights"),
    ],
    ids=str,
)
def test_what_means_nothing_is_refused_with_the_reason(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        recipe(**changes)


def test_parts_without_code_are_named() -> None:
    beside = recipe(also={"found-by": "name-mover"})
    assert beside.kinds_without_code() == ["measure.also"]
    among = recipe(control={"vary": "heads"})
    assert among.kinds_without_code() == ["control.vary 'heads'"]
