"""Triples of each head against the layers' own matrices, and the prompts made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from catalog.schema.base import layer_and_head
from catalog.schema.prompts import HeadTriples
from catalog.verdicts import type_result
from tests.planted.triples import DESTINATIONS, triples_model
from tests.planted.words import pairs
from tests.verify.catalog_parts import catalog, words
from tests.verify.test_measures import FAMILIES, model_of, plain, plain_ov, recipe
from verify.anatomy import Anatomy
from verify.attention import PlainAttention
from verify.builders import build
from verify.capture import run_pass
from verify.examples import make_example
from verify.loading import wrap
from verify.measures import RUNNING
from verify.measures.qk_circuit import QKCircuit
from verify.planning import jobs_of, select
from verify.prompts import CannotBuild, PromptSet
from verify.recording import Settings
from verify.running import run
from verify.triples import strongest_triples

both_families = pytest.mark.parametrize("family", FAMILIES)
TOKENS = tuple(range(40, 340, 5))
START = 0
DISTANCES = (1, 4)
LENGTH = 12


@torch.no_grad()
def stream(model: PreTrainedModel, family: str, layer: int, tokens: tuple[int, ...]) -> Tensor:
    """What a head of a layer reads of tokens alone, after the layer's norm: [tokens, width]."""
    inner: Any = model
    if family == "gpt2":
        blocks = inner.transformer.h
        x = inner.transformer.wte.weight[list(tokens)]
        x = x + blocks[0].mlp(blocks[0].ln_2(x)) if layer else x
        made: Tensor = blocks[layer].ln_1(x)
        return made
    blocks = inner.model.layers
    x = inner.model.embed_tokens.weight[list(tokens)]
    x = x + blocks[0].mlp(blocks[0].post_attention_layernorm(x)) if layer else x
    read: Tensor = blocks[layer].input_layernorm(x)
    return read


@torch.no_grad()
def plain_scores(model: PreTrainedModel, family: str, layer: int, head: int) -> Tensor:
    """Scores of destinations for sources, start token last, a mean over distances."""
    inner: Any = model
    read = stream(model, family, layer, (*TOKENS, START))
    if family == "gpt2":
        attention = inner.transformer.h[layer].attn.c_attn
        made = read @ attention.weight + attention.bias
        query, key = (made[:, 32 * i + 8 * head :][:, :8] for i in (0, 1))
        return query @ key.T / 8**0.5
    attention = inner.model.layers[layer].self_attn
    query = (read @ attention.q_proj.weight.T)[:, 8 * head : 8 * head + 8]
    key = (read @ attention.k_proj.weight.T)[:, 8 * (head // 2) : 8 * (head // 2) + 8]
    angles = 10000.0 ** (-torch.arange(4) / 4)
    scores = torch.zeros(len(read), len(read))
    for distance in DISTANCES:
        # complex numbers: dimensions i and i + 4 of a query are turned by distance * angle
        turned = torch.complex(query[:, :4], query[:, 4:]) * torch.polar(
            torch.ones(4), distance * angles
        )
        still = torch.complex(key[:, :4], key[:, 4:])
        scores += (turned @ still.conj().T).real
    return scores / len(DISTANCES) / 8**0.5


@both_families
@pytest.mark.parametrize("layer", [0, 1])
def test_scores_are_the_products_of_queries_and_keys(family: str, layer: int) -> None:
    model = model_of(family)
    circuit = QKCircuit(Anatomy(model), torch.tensor([*TOKENS, START]), DISTANCES)
    for head, scores in enumerate(circuit.scores(layer)):
        expected = plain_scores(model, family, layer, head)
        np.testing.assert_allclose(scores, expected, atol=1e-3, rtol=1e-3)


@both_families
def test_triples_are_the_strongest_by_predicted_attention_and_writing(family: str) -> None:
    """Brute force over all triples of the candidates, in loops."""
    model = model_of(family)
    texts = [f"word {i // 4}" for i in range(len(TOKENS))]  # four tokens each are one word
    found = list(
        strongest_triples(
            Anatomy(model), TOKENS, texts, (START,), count=5, length=LENGTH, distances=DISTANCES
        )
    )
    assert len(found) == 8
    for layer, head in ((0, 1), (1, 2)):
        scores = plain_scores(model, family, layer, head).double().exp().numpy()
        logits = np.stack(
            [plain_ov(model, family, layer, head, token)[list(TOKENS)].numpy() for token in TOKENS]
        )
        count = len(TOKENS)
        predicted = np.array(
            [
                [
                    scores[d, s] / (scores[d, s] + 9 * scores[d, :count].mean() + scores[d, count])
                    for s in range(count)
                ]
                for d in range(count)
            ]
        )
        linked = logits - logits.mean(0, keepdims=True)
        linked = linked - linked.mean(1, keepdims=True)
        best = []
        for s in range(count):
            added = predicted[:, s] - 0.9 * predicted[:, s].mean()
            others = [d for d in range(count) if d // 4 != s // 4]
            d = max(others, key=lambda d: added[d])
            o = int(linked[s].argmax())
            best.append((added[d] * linked[s, o], TOKENS[s], TOKENS[d], TOKENS[o]))
        best.sort(reverse=True)
        mine = [(t.source, t.destination, t.output) for t in found[4 * layer + head]]
        assert mine == [triple[1:] for triple in best[:5]]


def made_for(model: PreTrainedModel, **more: Any) -> tuple[HeadTriples, PromptSet]:
    parameters = HeadTriples(builder="head-triples", count=6, length=20, distances=(2, 9), **more)
    return parameters, build(parameters, words(), Anatomy(model))


def test_prompts_hold_the_triples_of_their_head() -> None:
    model = model_of("llama")
    parameters, made = made_for(model)
    assert made == made_for(model)[1]
    assert set(made.variants) == parameters.variant_names()
    assert [p.head for p in made.main] == [head for head in range(8) for _ in range(6)]
    for number, prompt in enumerate(made.main):
        (end,), (at,) = prompt.queries["end"], prompt.places["source"]
        assert end == len(prompt.ids) - 1 == 19
        assert end - at == parameters.distances[number % 6 % 2]
        assert len(set(prompt.ids)) == 20
        marked = {prompt.ids[at], prompt.ids[end]}
        assert not (set(prompt.ids) - marked) & set(prompt.answers.values())
        outputs = {p.answers["output"] for p in made.main if p.head == prompt.head}
        assert (prompt.answers["output"] != prompt.answers["other-output"]) == (len(outputs) > 1)
        source, destination = (
            made.variants[name][number] for name in ("other-source", "other-destination")
        )
        changed = {
            name: [i for i in range(20) if prompt.ids[i] != variant.ids[i]]
            for name, variant in (("source", source), ("destination", destination))
        }
        assert changed == {"source": [at], "destination": [end]}
        assert source.answers == destination.answers == prompt.answers
        # of the same head, and linked to neither answer
        donors = [
            p
            for p in made.main
            if p.head == prompt.head and p.ids[p.places["source"][0]] == source.ids[at]
        ]
        assert len(donors) == 1
        if outputs - set(prompt.answers.values()):
            assert donors[0].answers["output"] not in prompt.answers.values()
    # the same random tokens at the same places for every head
    first, second = made.main[0], made.main[6]
    assert sum(a == b for a, b in zip(first.ids, second.ids, strict=True)) >= 20 - 3 - 6


@both_families
def test_a_source_is_never_its_destination_in_another_case(family: str) -> None:
    """A head that looks for the present word, in whatever case, finds no triple to show it on."""
    planted = triples_model("llama" if family == "llama" else "gpt2")
    loaded = wrap(planted.model, planted.tokenizer, "planted--triples")
    parameters = HeadTriples(builder="head-triples", count=8)
    made = build(parameters, words(), loaded.anatomy)
    similar = [p for p in made.main if p.head == 6 + 4]
    assert len(similar) == 8
    for prompt in made.main:
        spelled = loaded.tokenizer.convert_ids_to_tokens(
            [prompt.ids[prompt.places["source"][0]], prompt.ids[-1]]
        )
        assert spelled[0].lower() != spelled[1].lower()


def test_a_large_vocabulary_is_sampled() -> None:
    model = model_of("gpt2")
    _, made = made_for(model, candidates=64)
    _, other = made_for(model, candidates=64, seed=1)
    for prompts in (made, other):
        tokens = {p.ids[i] for p in prompts.main for i in (p.places["source"][0], 19)}
        tokens |= {token for p in prompts.main for token in p.answers.values()}
        assert len(tokens) <= 64
    assert {p.ids for p in made.main}.isdisjoint(p.ids for p in other.main)


@both_families
def test_heads_are_scored_on_their_own_prompts(family: str) -> None:
    model = model_of(family)
    anatomy = Anatomy(model)
    parts = {
        "prompts": {"builder": "head-triples", "count": 4, "length": 16, "distances": [3]},
        "measure": {"kind": "attention", "query": "end", "key": "source"},
        "control": {"vary": "prompts", "variant": "other-destination"},
    }
    made = recipe(**parts)
    prompts = build(made.prompts, words(), anatomy)
    measure = RUNNING["attention"](made, prompts, anatomy)
    for variant, readers in measure.readers().items():
        run_pass(anatomy, prompts.variants[variant], readers, batch_size=5)
    units = measure.units()
    assert units.score.shape == units.control.shape == (4, 8)
    assert units.clusters.tolist() == [0, 1, 2, 3]
    for variant, scores in (("linked", units.score), ("other-destination", units.control)):
        for number, prompt in enumerate(prompts.variants[variant]):
            head, unit = divmod(number, 4)
            attention = plain(model, prompt.ids).attentions[head // 4]
            expected = float(attention[0, head % 4, 15, 12])
            assert scores[unit, head] == pytest.approx(expected, abs=1e-5)


def test_models_that_cannot_be_tried_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CannotBuild, match="prompts of 200 tokens do not fit a context of 160"):
        build(HeadTriples(builder="head-triples", length=200), words(), Anatomy(model_of("gpt2")))
    monkeypatch.setattr(PlainAttention, "call", None)  # as where a module shows weights only
    with pytest.raises(CannotBuild, match="GPT2LMHeadModel does not show queries and keys"):
        made_for(model_of("gpt2"))


def test_the_example_of_a_type_is_one_of_the_heads_own_prompts() -> None:
    planted = triples_model("gpt2")
    loaded = wrap(planted.model, planted.tokenizer, "planted--triples")
    (entry,) = select(catalog(), ["skip-trigram"])
    records = {record.recipe: record for record in run(loaded, catalog(), jobs_of([entry]))}
    result = type_result(entry, loaded.described(), records)
    assert result is not None
    example = make_example(entry, result, records, loaded, catalog(), Settings())
    assert example is not None
    layer, head = layer_and_head(result.found[0])
    assert example.prompt // 32 == 6 * layer + head
    (looking,) = example.looking
    (key,) = looking.keys
    linked = {DESTINATIONS["country"]: "languages", DESTINATIONS["word"]: "opposites"}
    sources = [source for source, _ in pairs(linked[example.tokens[looking.query]])]
    assert example.tokens[key] in sources
