"""Evidence whose recipe has changed is told as stale wherever it is read."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from catalog.answers import compute
from catalog.database import build_in_memory
from catalog.fingerprints import is_stale
from catalog.loading import Catalog, load
from catalog.schema.head_type import HeadType

MODEL = "headbook--reference-llama"


@cache
def untouched() -> Catalog:
    return load()


def with_changed(catalog: Catalog, head_type: str, name: str, **changes: object) -> Catalog:
    """The catalog with one field of one recipe's criterion changed."""
    entry = catalog.head_types[head_type]
    recipes = tuple(
        recipe.model_copy(update={"criterion": recipe.criterion.model_copy(update=changes)})
        if recipe.id == name
        else recipe
        for recipe in entry.recipes
    )
    changed = entry.model_copy(update={"recipes": recipes})
    return replace(catalog, head_types={**catalog.head_types, head_type: changed})


def stale_ids(catalog: Catalog) -> set[str]:
    return {record.id for record in compute(catalog).evidence if record.stale}


def test_only_the_changed_recipe_makes_its_evidence_stale() -> None:
    before = stale_ids(untouched())
    changed = with_changed(untouched(), "induction", "copying", min_score=0.51)
    new = stale_ids(changed) - before
    assert {name.rpartition("/")[2] for name in new} == {"induction.copying"}
    assert f"{MODEL}/" in " ".join(new)  # in each model that was run
    answers = compute(changed)
    assert answers.counts.evidence_stale == len(before) + len(new)
    (result,) = (r for r in answers.results if (r.head_type, r.model) == ("induction", MODEL))
    assert {r.recipe: r.stale for r in result.recipes} == {
        "prefix-matching": False,
        "copying": True,
        "needed": False,
    }


def test_a_raised_version_of_the_engine_makes_all_evidence_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("catalog.fingerprints.ENGINE_VERSION", 2)
    assert stale_ids(untouched()) == {record.id for record in untouched().evidence.values()}


def test_words_about_a_recipe_do_not_make_it_stale() -> None:
    entry = untouched().head_types["induction"]
    record = next(r for r in untouched().evidence.values() if r.head_type == "induction")
    recipe = entry.recipe(record.recipe)
    said = recipe.model_copy(update={"thresholds": "Other words about the same numbers."})
    others = tuple(r for r in entry.recipes if r.id != recipe.id)

    def stale(changed: HeadType) -> bool:
        return is_stale(record, changed, untouched().vocabularies, untouched().texts)

    assert not stale(entry.model_copy(update={"recipes": (said, *others)}))
    assert stale(entry.model_copy(update={"recipes": others}))  # the recipe is gone


def test_show_says_so_and_how_to_run_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    from catalog import queries
    from catalog.commands import views

    changed = with_changed(untouched(), "induction", "copying", min_score=0.51)
    with build_in_memory(changed) as session:
        views.show(queries.head_type(session, "induction"))
        views.show_counts(queries.counts(session))
        summaries = {row.id: row.stale for row in queries.evidence_list(session)}
    said = " ".join(capsys.readouterr().out.split())
    assert "the recipe has changed since: copying" in said
    assert f"headbook verify induction --model {MODEL}" in said
    assert "stale: their recipe has changed since" in said
    assert [name for name, stale in summaries.items() if stale and "copying" in name]
