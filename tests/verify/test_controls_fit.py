"""Controls that a measure has no code for are refused when the recipe is read, not when it runs."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from catalog.schema.recipe import Recipe
from tests.verify.catalog_parts import recipe


@pytest.mark.parametrize(
    ("head_type", "name", "control", "message"),
    [
        ("positional", "fixed-offset", {"vary": "role", "key": "first"}, "write 'vary: prompts'"),
        (
            "copy-suppression",
            "attends-to-predicted",
            {"vary": "role", "key": "first"},
            "key: unpredicted",
        ),
        ("induction", "copying", {"vary": "role", "key": "first"}, "write 'vary: tokens'"),
        (
            "induction",
            "copying",
            {"vary": "tokens", "input": "first-mlp-successor"},
            "is for 'relation: successor'",
        ),
    ],
)
def test_a_control_without_code_is_refused(
    head_type: str, name: str, control: dict[str, str], message: str
) -> None:
    written = recipe(head_type, name).model_dump(by_alias=True, mode="json")
    assert Recipe.model_validate_json(json.dumps(written)).id == name
    with pytest.raises(ValidationError, match=message):
        Recipe.model_validate_json(json.dumps({**written, "control": control}))
