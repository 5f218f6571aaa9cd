"""Examples for the site: the attention of one head, against the library's own eager attention."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from catalog import queries
from catalog.database import build_in_memory
from catalog.loading import load_with_problems
from catalog.schema.example import Example
from tests.verify.catalog_parts import catalog
from verify import evidence_files
from verify.examples import ENOUGH_TOKENS, holds, make_example, recipe_of
from verify.loading import LoadedModel, find, load
from verify.recording import Settings

MODEL = "headbook--reference-llama"


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load(find("reference", catalog(), revision=None, described_as=None), device="cpu")


def committed() -> dict[str, Example]:
    return {made.head_type: made for made in catalog().examples.values() if made.model.id == MODEL}


def made_again(loaded: LoadedModel, head_type: str) -> Example | None:
    with build_in_memory(catalog()) as session:
        entry = queries.head_type(session, head_type)
    result = next(made for made in entry.results if made.model == MODEL)
    records = {
        record.recipe: record
        for record in catalog().evidence.values()
        if record.head_type == head_type and record.model.id == MODEL
    }
    found = catalog().head_types[head_type]
    return make_example(found, result, records, loaded, catalog(), Settings())


def test_every_found_type_with_prompts_has_an_example_of_its_best_head() -> None:
    with build_in_memory(catalog()) as session:
        found = {
            result.head_type: result
            for entry in queries.head_types(session)
            for result in queries.head_type(session, entry.id).results
            if result.model == MODEL and result.found
        }
    shown = {name for name in found if recipe_of(catalog().head_types[name]) is not None}
    assert set(committed()) == shown, "run: make evidence"
    assert "successor" not in shown  # its only recipe reads weights
    for name, example in committed().items():
        records = {
            r.recipe: r
            for r in catalog().evidence.values()
            if r.head_type == name and r.model.id == MODEL
        }
        stale = f"{example.id} is stale; run: make evidence"
        assert holds(example, catalog().head_types[name], found[name], records), stale


@pytest.mark.parametrize("head_type", sorted(committed()))
def test_attention_is_what_eager_attention_gives(head_type: str, loaded: LoadedModel) -> None:
    example = made_again(loaded, head_type)
    assert example is not None
    size = len(example.tokens)
    ids = loaded.tokenizer.convert_tokens_to_ids(
        [loaded.tokenizer.bos_token, *example.tokens[1:]]
        if example.tokens[0] == loaded.tokenizer.bos_token
        else list(example.tokens)
    )
    assert loaded.tokenizer.unk_token_id not in ids
    eager = type(loaded.model).from_pretrained(
        Path(__file__).parents[2] / "verify/reference/llama", attn_implementation="eager"
    )
    layer, head = map(int, example.head.split("."))
    with torch.no_grad():
        every = eager(torch.tensor([ids]), output_attentions=True).attentions
    truth = every[layer][0, head].double().numpy()
    for query in range(size):
        np.testing.assert_allclose(example.attention[query], truth[query, : query + 1], atol=6e-4)
        assert sum(example.attention[query]) == pytest.approx(1, abs=0.03)
    again = committed()[head_type]
    assert (example.tokens, example.head, example.looking) == (
        again.tokens,
        again.head,
        again.looking,
    )


def test_the_marked_keys_are_where_the_head_looks() -> None:
    # induction at a repeated token looks at what came after its first copy, by the tokens alone
    example = committed()["induction"]
    for pair in example.looking:
        (key,) = pair.keys
        assert example.tokens[key - 1] == example.tokens[pair.query]
    hits = [max(range(p.query + 1), key=example.attention[p.query].__getitem__) in p.keys
            for p in example.looking]  # fmt: skip
    assert sum(hits) / len(hits) > 0.8
    previous = committed()["previous-token"]
    assert {pair.query - key for pair in previous.looking for key in pair.keys} == {1}
    assert previous.cut
    assert len(previous.tokens) == ENOUGH_TOKENS


def test_a_file_is_the_same_bytes_each_time_and_reads_back(tmp_path: Path) -> None:
    example = committed()["induction"]
    one = evidence_files.write_example(example, tmp_path / "a")
    other = evidence_files.write_example(example, tmp_path / "b")
    assert one.read_bytes() == other.read_bytes()
    assert one.relative_to(tmp_path / "a").as_posix() == f"{example.id}.json"
    assert evidence_files.read_example(one) == example
    one.write_text("{")
    assert evidence_files.read_example(one) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attention": [[1.0], [0.5]]}, "attention has a row for each token"),
        ({"looking": [{"query": 0, "keys": [1]}]}, "keys not after the query"),
        ({"head": "4.0"}, "there is no head '4.0' in 4 layers of 4 heads"),
    ],
)
def test_an_example_that_does_not_fit_together_is_refused(change: object, message: str) -> None:
    data = json.loads(committed()["induction"].model_dump_json()) | change
    with pytest.raises(ValidationError, match=message):
        Example.model_validate_json(json.dumps(data))


def test_an_example_without_its_evidence_is_told(tmp_path: Path) -> None:
    entries = Path(__file__).parents[2] / "entries"
    shutil.copytree(entries, tmp_path / "entries")
    folder = tmp_path / "entries/evidence" / MODEL
    (gone,) = folder.rglob("induction.prefix-matching.json")
    gone.unlink()
    _, problems = load_with_problems(tmp_path / "entries")
    assert [problem.message for problem in problems] == [
        f"there is no evidence {MODEL}/{gone.parent.name}/induction.prefix-matching,"
        " which the example belongs to"
    ]
    assert problems[0].file.endswith("examples/induction.json")
