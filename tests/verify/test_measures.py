"""Each measure against a plain computation of its formula on an untrained model."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    PreTrainedModel,
)

from catalog.schema.recipe import Criterion, Recipe
from tests.verify.catalog_parts import catalog, words
from verify.anatomy import Anatomy
from verify.builders import build
from verify.capture import run_pass
from verify.measures import RUNNING, WEIGHTS
from verify.measures.attention_to_predicted import predicted_positions
from verify.measures.tokens import token_units
from verify.prompts import PromptSet
from verify.recording import Scored, _same_options, _scores
from verify.statistics import Options, Units, summarise

FAMILIES = ("gpt2", "llama")


def model_of(family: str) -> PreTrainedModel:
    size = words().size
    model: PreTrainedModel = (
        GPT2LMHeadModel(
            GPT2Config(vocab_size=size, n_positions=160, n_embd=32, n_layer=2, n_head=4)
        )
        if family == "gpt2"
        else LlamaForCausalLM(
            LlamaConfig(
                vocab_size=size,
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=160,
            )
        )
    )
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 0.1 if "norm" in name or "ln_" in name else 0.3
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def recipe(**parts: Any) -> Recipe:
    content = {
        "id": "under-test",
        "source": "olsson2022induction",
        "criterion": {"min_score": 0.0, "min_margin": 0.0},
        "thresholds": "none",
        **parts,
    }
    return Recipe.model_validate_json(json.dumps(content))


def direct_effect(control: dict[str, str], **more: str) -> Recipe:
    """The direct effect on the indirect object over the subject, in logits."""
    return recipe(
        prompts={"builder": "indirect-object", "count": 4},
        measure={
            "kind": "direct-logit-attribution",
            "correct": "indirect-object",
            "foil": "subject",
            "scale": "logits",
            **more,
        },
        control=control,
    )


def measured(made: Recipe, model: PreTrainedModel) -> tuple[Units, PromptSet]:
    anatomy = Anatomy(model)
    prompts = build(made.prompts, words())
    measure = RUNNING[made.measure.kind](made, prompts, anatomy)
    for variant, readers in measure.readers().items():
        run_pass(anatomy, prompts.variants[variant], readers, batch_size=4)
    return measure.units(), prompts


@torch.no_grad()
def plain(model: PreTrainedModel, ids: tuple[int, ...]) -> Any:
    model.set_attn_implementation("eager")
    return model(
        input_ids=torch.tensor([ids]),
        output_attentions=True,
        output_hidden_states=True,
        use_cache=False,
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_is_the_mean_over_queries_of_eager_attention(family: str) -> None:
    model = model_of(family)
    made = recipe(
        prompts={"builder": "repeated-random-tokens", "count": 5, "periods": [6, 9]},
        measure={"kind": "attention", "query": "repeat", "key": "after-previous-copy"},
        control={"vary": "role", "query": "unrepeated", "key": "same-offset"},
    )
    units, prompts = measured(made, model)
    for index, prompt in enumerate(prompts.main):
        attentions = plain(model, prompt.ids).attentions
        scores, controls = [], []
        queries = prompt.queries["repeat"]
        for query in queries:
            # the first copy is the only earlier place of the same token
            key = prompt.ids.index(prompt.ids[query]) + 1
            scores.append(torch.stack([a[0, :, query, key] for a in attentions]))
            distance = query - key
        controls = [
            torch.stack([a[0, :, query, query - distance] for a in attentions])
            for query in prompt.queries["unrepeated"]
        ]
        np.testing.assert_allclose(
            units.score[index], torch.stack(scores).mean(0).flatten(), atol=1e-5
        )
        np.testing.assert_allclose(
            units.control[index], torch.stack(controls).mean(0).flatten(), atol=1e-5
        )


@pytest.mark.parametrize("family", FAMILIES)
def test_offset_concentration_counts_the_strongest_keys(family: str) -> None:
    model = model_of(family)
    made = recipe(
        prompts={"builder": "natural-text", "count": 4, "length": 16},
        measure={"kind": "offset-concentration", "max_offset": 3},
        control={"vary": "prompts", "variant": "shuffled"},
        criterion={"min_score": 0.5, "max_change": 0.1},
    )
    units, prompts = measured(made, model)
    shares = {
        variant: np.stack(
            [
                [
                    [
                        np.mean(
                            [
                                query - int(layer[0, head, query].argmax()) == offset
                                for query in range(max(4, offset), 16)
                            ]
                        )
                        for offset in (1, 2, 3)
                    ]
                    for layer in plain(model, prompt.ids).attentions
                    for head in range(4)
                ]
                for prompt in prompts.variants[variant]
            ]
        )
        for variant in ("original", "shuffled")
    }
    best = shares["shuffled"].mean(0).argmax(-1)
    expected = np.take_along_axis(shares["original"], best[None, :, None], -1)[..., 0]
    np.testing.assert_allclose(units.score, expected, atol=1e-9)
    expected = np.take_along_axis(shares["shuffled"], best[None, :, None], -1)[..., 0]
    np.testing.assert_allclose(units.control, expected, atol=1e-9)
    # a confirmation scores the distance that the first seed chose
    assert units.options is not None
    assert units.options.values == (1, 2, 3)
    assert units.options.chosen.tolist() == best.tolist()
    others = units.choosing((best + 1) % 3)
    expected = np.take_along_axis(shares["original"], ((best + 1) % 3)[None, :, None], -1)[..., 0]
    np.testing.assert_allclose(others.score, expected, atol=1e-9)


def test_a_distance_is_kept_for_the_confirmation_and_recorded() -> None:
    first = np.zeros((40, 2, 3))
    first[:, 0, 0] = first[:, 1, 2] = 1.0  # one head looks 1 back, the other 3
    second = np.zeros((40, 2, 3))
    second[:, 0, 0] = second[:, 1, 1] = 1.0  # on other prompts the other looks 2 back

    def scored(shares: np.ndarray) -> Scored:
        units = Units(
            shares[..., 0],
            shares[..., 0],
            True,
            np.arange(40),
            "mean",
            bounds=(0.0, 1.0),
            options=Options(shares, shares, (1, 2, 3), shares.mean(0).argmax(-1)),
        )
        return Scored(units.choosing(shares.mean(0).argmax(-1)), (), None, "0" * 64, True)

    one, two = scored(first), scored(second)
    assert one.units is not None
    assert two.units is not None
    assert two.units.score.mean(0).tolist() == [1.0, 1.0]
    again = _same_options(one, two)
    assert again.units is not None
    assert again.units.score.mean(0).tolist() == [1.0, 0.0]
    criterion = Criterion(min_score=0.9, max_change=0.1)
    record = _scores(summarise(one.units, criterion, seed=0), one.units, (1, 2))
    assert record.distance == ((1, 3),)
    assert "divisor" not in record.model_dump(mode="json")


def test_the_logit_lens_has_the_bias_of_the_unembedding() -> None:
    model = PhiForCausalLM(
        PhiConfig(
            vocab_size=50,
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=4,
            max_position_embeddings=32,
        )
    ).eval()
    with torch.no_grad():
        model.lm_head.bias.normal_().mul_(5)
        residual, tokens = torch.randn(6, 32), torch.tensor([3, 49, 7, 3])
        anatomy = Anatomy(model)
        expected = model.lm_head(anatomy.final_norm(residual))[:, tokens]
        torch.testing.assert_close(anatomy.lens(residual, tokens), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_to_predicted_follows_the_logit_lens(family: str) -> None:
    model = model_of(family)
    anatomy = Anatomy(model)
    made = recipe(
        prompts={"builder": "natural-text", "count": 3, "length": 20},
        measure={"kind": "attention-to-predicted", "query": "all"},
        control={"vary": "role", "key": "unpredicted"},
    )
    units, prompts = measured(made, model)
    for index, prompt in enumerate(prompts.main):
        seen = plain(model, prompt.ids)
        for layer in range(2):
            with torch.no_grad():
                lens = model.get_output_embeddings()(
                    anatomy.final_norm(seen.hidden_states[layer][0])
                )
            scores, controls = [], []
            for query in range(4, 20):
                candidates = [
                    i
                    for i in range(1, query)
                    if prompt.ids[i] not in (prompt.ids[query], prompt.ids[0])
                ]
                logit = {i: float(lens[query, prompt.ids[i]]) for i in candidates}
                if len(candidates) < 4:
                    continue
                top = prompt.ids[max(candidates, key=lambda i: logit[i])]
                best = [i for i in candidates if prompt.ids[i] == top]
                ordered = sorted(logit.values())
                median = ordered[(len(ordered) - 1) // 2]
                low = [i for i in candidates if i not in best and logit[i] <= median]
                row = seen.attentions[layer][0, :, query]
                scores.append(row[:, best].sum(-1))
                controls.append(len(best) * row[:, low].mean(-1))
            flat = slice(4 * layer, 4 * layer + 4)
            np.testing.assert_allclose(
                units.score[index, flat], torch.stack(scores).mean(0), atol=1e-5
            )
            np.testing.assert_allclose(
                units.control[index, flat], torch.stack(controls).mean(0), atol=1e-5
            )


def test_predicted_positions_by_hand() -> None:
    ids = torch.tensor([9, 1, 2, 3, 2, 4, 5])
    logits = torch.tensor([[0.0, 1.0, 7.0, 3.0, 7.0, 2.0, 9.0]])
    predicted, lower, usable = predicted_positions(logits, ids, torch.tensor([6]))
    assert predicted.tolist() == [[False, False, True, False, True, False, False]]
    # of 1, 2, 3, 2, 4 with logits 1, 7, 3, 7, 2 the median is 3
    assert lower.tolist() == [[False, True, False, True, False, True, False]]
    assert usable.tolist() == [True]


@pytest.mark.parametrize("family", FAMILIES)
def test_direct_attribution_of_a_head_is_what_its_removal_takes_from_the_frozen_readout(
    family: str,
) -> None:
    """Zero one head of the last layer at ``end``; the residual moves by its output, exactly."""
    model = model_of(family)
    anatomy = Anatomy(model)
    made = direct_effect({"vary": "prompts", "variant": "corrupted"})
    units, prompts = measured(made, model)
    shared = made.model_copy(update={"measure": made.measure.model_copy(update={"scale": "share"})})
    share, _ = measured(shared, model)
    differences = []
    for index, prompt in enumerate(prompts.main):
        correct, foil = prompt.answers["indirect-object"], prompt.answers["subject"]
        whole = _final_residual(model, anatomy, prompt.ids)
        logits = plain(model, prompt.ids).logits[0, -1]
        differences.append(float(logits[correct] - logits[foil]))
        direction = anatomy.unembedding.weight[correct] - anatomy.unembedding.weight[foil]
        weight = anatomy.final_norm.weight
        assert isinstance(weight, torch.Tensor)
        direction, weight = direction.detach(), weight.detach()
        for head in range(4):
            with _one_head_silenced(anatomy, 1, head):
                without = _final_residual(model, anatomy, prompt.ids)
            moved = whole["after attention"] - without["after attention"]
            if family == "gpt2":
                moved = moved - moved.mean()
                scale = whole["end"].std(unbiased=False)
            else:
                scale = whole["end"].pow(2).mean().sqrt()
            expected = float((moved * weight / scale) @ direction)
            assert units.score[index, 4 + head] == pytest.approx(expected, abs=2e-4)
    np.testing.assert_allclose(
        share.score, units.score / np.mean(differences), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_an_effect_through_a_role_is_attention_times_what_the_values_there_write(
    family: str,
) -> None:
    """Head by head and key by key, from eager attention and the layers' own matrices."""
    model = model_of(family)
    anatomy = Anatomy(model)
    made = direct_effect({"vary": "role", "key": "indirect-object"}, through="subjects")
    units, prompts = measured(made, model)
    for index, prompt in enumerate(prompts.main):
        run = plain(model, prompt.ids)
        unembedding = anatomy.unembedding.weight.detach()
        direction = (
            unembedding[prompt.answers["indirect-object"]] - unembedding[prompt.answers["subject"]]
        )
        final = _final_residual(model, anatomy, prompt.ids)["end"]
        weight = anatomy.final_norm.weight
        assert isinstance(weight, torch.Tensor)
        for scores, role in ((units.score, "subjects"), (units.control, "indirect-object")):
            keys = [key for key in prompt.places[role] if key < len(prompt.ids)]
            assert keys
            for head in range(4):
                moved = torch.zeros(32)
                for key in keys:
                    value = _value(family, anatomy, run.hidden_states[1][0, key], head)
                    moved += run.attentions[1][0, head, -1, key] * value
                if family == "gpt2":
                    moved = moved - moved.mean()
                    scale = final.std(unbiased=False)
                else:
                    scale = final.pow(2).mean().sqrt()
                expected = float((moved * weight.detach() / scale) @ direction)
                assert scores[index, 4 + head] == pytest.approx(expected, abs=2e-4)


@torch.no_grad()
def _value(family: str, anatomy: Anatomy, x: torch.Tensor, head: int) -> torch.Tensor:
    """What a head of the second layer writes for a stream at a key, without any bias: [width]."""
    block: Any = anatomy.blocks[1]
    mine = slice(8 * head, 8 * head + 8)
    if family == "gpt2":
        normed = (x - x.mean()) / (x.var(unbiased=False) + 1e-5).sqrt() * block.ln_1.weight
        value = normed @ block.attn.c_attn.weight[:, 64:][:, mine]
        return value @ block.attn.c_proj.weight[mine]
    normed = x / (x.pow(2).mean() + 1e-6).sqrt() * block.input_layernorm.weight
    shared = slice(8 * (head // 2), 8 * (head // 2) + 8)
    value = block.self_attn.v_proj.weight[shared] @ normed
    return block.self_attn.o_proj.weight[:, mine] @ value


class _one_head_silenced:  # noqa: N801
    def __init__(self, anatomy: Anatomy, layer: int, head: int) -> None:
        self._projection = anatomy.blocks[layer].get_submodule(
            "attn.c_proj" if anatomy.architecture == "GPT2LMHeadModel" else "self_attn.o_proj"
        )
        self._columns = slice(head * anatomy.head_width, (head + 1) * anatomy.head_width)

    def __enter__(self) -> None:
        def silence(_: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
            changed = args[0].clone()
            changed[..., self._columns] = 0
            return (changed,)

        self._hook = self._projection.register_forward_pre_hook(silence)

    def __exit__(self, *_: object) -> None:
        self._hook.remove()


def _final_residual(
    model: PreTrainedModel, anatomy: Anatomy, ids: tuple[int, ...]
) -> dict[str, torch.Tensor]:
    """The residual stream at the last position after the last attention, and at the end."""
    kept: dict[str, torch.Tensor] = {}
    norm = anatomy.blocks[1].get_submodule(
        "ln_2" if anatomy.architecture == "GPT2LMHeadModel" else "post_attention_layernorm"
    )
    hooks = [
        norm.register_forward_pre_hook(
            lambda _m, args: kept.__setitem__("after attention", args[0][0, -1])
        ),
        anatomy.final_norm.register_forward_pre_hook(
            lambda _m, args: kept.__setitem__("end", args[0][0, -1])
        ),
    ]
    with torch.no_grad():
        model(input_ids=torch.tensor([ids]), use_cache=False)
    for hook in hooks:
        hook.remove()
    return kept


@pytest.mark.parametrize("family", FAMILIES)
def test_ov_copying_ranks_the_token_among_what_the_head_writes(family: str) -> None:
    model = model_of(family)
    anatomy = Anatomy(model)
    for direction in ("positive", "negative"):
        made = recipe(
            prompts={"tokens": {"sample": 40}},
            measure={"kind": "ov-copying", "top": 50, "direction": direction},
            control={"vary": "tokens", "shuffle": "target"},
        )
        tokens = token_units(made.prompts, words())  # type: ignore[arg-type]
        units = WEIGHTS["ov-copying"](made, tokens, anatomy)
        expected = np.zeros((40, 8))
        for unit, token in enumerate(tokens.ids):
            for layer in range(2):
                for head in range(4):
                    logits = plain_ov(model, family, layer, head, token)
                    ranked = logits.argsort(descending=direction == "positive")
                    expected[unit, 4 * layer + head] = token in ranked[:50]
        np.testing.assert_array_equal(units.score, expected)
        assert 0 < units.score.mean() < 1
        assert not units.paired


@pytest.mark.parametrize("family", FAMILIES)
def test_ov_relation_ranks_the_second_word_of_a_pair(family: str) -> None:
    model = model_of(family)
    anatomy = Anatomy(model)
    pairs = catalog().vocabularies["languages"].pairs or ()
    for direction in ("positive", "negative"):
        made = recipe(
            prompts={"tokens": {"vocabulary": ["languages"]}},
            measure={"kind": "ov-relation", "top": 100, "direction": direction},
            control={"vary": "tokens", "shuffle": "target"},
        )
        tokens = token_units(made.prompts, words())  # type: ignore[arg-type]
        assert tokens.ids == tuple(words().token(first) for first, _ in pairs)
        units = WEIGHTS["ov-relation"](made, tokens, anatomy)
        score, control = np.zeros((len(pairs), 8)), np.zeros((len(pairs), 8))
        for unit, (first, second) in enumerate(pairs):
            for head in range(8):
                logits = plain_ov(model, family, head // 4, head % 4, words().token(first) or 0)
                ranked = logits.argsort(descending=direction == "positive")[:100]
                score[unit, head] = words().token(second) in ranked
                control[unit, head] = words().token(pairs[unit - 1][1]) in ranked
        np.testing.assert_array_equal(units.score, score)
        np.testing.assert_array_equal(units.control, control)
        assert 0 < units.score.mean() < 1
        assert not units.paired


@pytest.mark.parametrize("family", FAMILIES)
def test_the_control_evenly_is_the_share_of_the_keys(family: str) -> None:
    made = recipe(
        prompts={"builder": "natural-text", "count": 6, "length": 24},
        measure={"kind": "attention", "query": "all", "key": "delimiter"},
        control={"vary": "role", "key": "evenly"},
    )
    units, prompts = measured(made, model_of(family))
    for index, prompt in enumerate(prompts.main):
        marks = prompt.places["delimiter"]
        shares = [
            sum(key <= query for key in marks) / (query + 1)
            for query in prompt.queries["all"]
            if min(marks, default=query + 1) <= query
        ]
        if shares:
            np.testing.assert_allclose(units.control[index], np.mean(shares), atol=1e-5)
        else:
            assert np.isnan(units.control[index]).all()


@torch.no_grad()
def plain_ov(
    model: PreTrainedModel, family: str, layer: int, head: int, token: int
) -> torch.Tensor:
    """Module by module: difference of two runs of norm, values, projection, so biases cancel."""
    inner: Any = model
    here = slice(8 * head, 8 * head + 8)
    if family == "gpt2":
        blocks, embed = inner.transformer.h, inner.transformer.wte.weight[token]
        x = embed + blocks[0].mlp(blocks[0].ln_2(embed)) if layer else embed
        block = blocks[layer]
        normed = block.ln_1(x) - block.ln_1.bias
        value = normed @ block.attn.c_attn.weight[:, 64:][:, here]
        written = value @ block.attn.c_proj.weight[here]
        written = (written - written.mean()) * inner.transformer.ln_f.weight
    else:
        blocks, embed = inner.model.layers, inner.model.embed_tokens.weight[token]
        x = embed + blocks[0].mlp(blocks[0].post_attention_layernorm(embed)) if layer else embed
        block = blocks[layer]
        group = head // 2
        value = block.self_attn.v_proj.weight[8 * group : 8 * group + 8] @ block.input_layernorm(x)
        written = block.self_attn.o_proj.weight[:, here] @ value
        written = written * inner.model.norm.weight
    logits: torch.Tensor = inner.lm_head.weight @ written
    return logits


@pytest.mark.parametrize("family", FAMILIES)
def test_ov_mapping_picks_the_successor_within_its_series(family: str) -> None:
    model = model_of(family)
    anatomy = Anatomy(model)
    made = recipe(
        prompts={"tokens": {"vocabulary": ["days", "months", "letters"]}},
        measure={"kind": "ov-mapping", "relation": "successor"},
        control={"vary": "tokens", "input": "first-mlp-successor"},
    )
    tokens = token_units(made.prompts, words())  # type: ignore[arg-type]
    units = WEIGHTS["ov-mapping"](made, tokens, anatomy)
    assert units.score.shape == (7 + 12 + 25, 8)
    expected = []
    for name in ("days", "months", "letters"):
        vocabulary = catalog().vocabularies[name]
        members = [words().token(word) for word in vocabulary.words or ()]
        for word in vocabulary.words or ():
            following = vocabulary.successor(word)
            if following is None:
                continue
            row = []
            for layer in range(2):
                for head in range(4):
                    logits = plain_ov(model, family, layer, head, words().token(word) or 0)
                    row.append(members[int(logits[members].argmax())] == words().token(following))
            expected.append(row)
    np.testing.assert_array_equal(units.score, np.array(expected, dtype=float))
    assert 0 < units.score.mean() < 1
    # heads of the first layer run before the first MLP
    assert not units.control[:, :4].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_ov_mapping_ranks_the_initial_of_a_word_among_the_letters(family: str) -> None:
    model = model_of(family)
    made = recipe(
        prompts={"tokens": {"vocabulary": ["acronym-words"], "initials": "letters"}},
        measure={"kind": "ov-mapping", "relation": "initial"},
        control={"vary": "tokens", "shuffle": "target"},
    )
    tokens = token_units(made.prompts, words())  # type: ignore[arg-type]
    units = WEIGHTS["ov-mapping"](made, tokens, Anatomy(model))
    listed = catalog().vocabularies["acronym-words"].words or ()
    assert units.score.shape == (len(listed), 8)
    assert len(set(units.clusters.tolist())) == len(listed)
    letters = catalog().vocabularies["letters"].words or ()
    at = [words().token(letter) for letter in letters]
    by_token = {words().token(word): word for word in listed}
    some = range(0, len(listed), 7)
    for row in some:
        word, following = (by_token[tokens.ids[(row + i) % len(listed)]] for i in (0, -1))
        for layer in range(2):
            for head in range(4):
                logits = plain_ov(model, family, layer, head, tokens.ids[row])
                best = letters[int(logits[at].argmax())]
                assert units.score[row, 4 * layer + head] == (best == word[0])
                assert units.control[row, 4 * layer + head] == (best == following[0])
        assert word[0] != following[0]
    assert 0 < units.score.mean() < 0.5
