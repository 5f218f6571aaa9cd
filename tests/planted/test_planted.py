"""The planted heads do what they are said to do, and nothing else in the models does.

The verifier takes no part: attention is eager, circuits are matrix products of the weights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.planted import (
    CLASSIC,
    CLASSIC_MODELS,
    FAMILIES,
    HEAD_TYPES,
    MODELS,
    Family,
    Planted,
    random_twin,
)
from tests.planted import readings as read
from tests.planted.induction import FIXED_OFFSET
from tests.planted.readings import Scores
from tests.planted.successor import SERIES
from tests.planted.words import ids, vocabulary, word_list

both_families = pytest.mark.parametrize("family", FAMILIES)
all_models = pytest.mark.parametrize("name", sorted(MODELS))
classic_models = pytest.mark.parametrize("name", CLASSIC_MODELS)


@lru_cache
def planted(name: str, family: Family) -> Planted:
    if name == "random":
        return random_twin(planted("induction", family), seed=0)
    return MODELS[name](family)


@dataclass(frozen=True)
class Readings:
    """Everything that decides a type, for all heads of one model."""

    previous: Scores
    two_before: Scores
    first: Scores
    first_or_mark: float
    """What position 0 gets of a head that attends evenly to it and to every punctuation mark."""
    first_in_text: Scores
    marks_in_text: Scores
    offsets: dict[int, Scores]
    offsets_shuffled: dict[int, Scores]
    to_copy: dict[str, Scores]
    after_copy: Scores
    continues: float
    copying: Scores
    anti_copying: Scores
    name_copying: Scores
    to_object: Scores
    to_subjects: Scores
    direct: Scores
    solved: float
    to_predicted: Scores
    to_unpredicted: Scores
    successor: dict[str, Scores]
    successor_of_mlp: dict[str, Scores]


@lru_cache
@torch.no_grad()
def readings(name: str, family: Family) -> Readings:
    model = planted(name, family)
    words = list(range(read.FIRST_WORD, len(vocabulary()), 9))
    noise = read.run(model, read.random_tokens(8, 64, seed=1))
    text = read.run(model, read.natural_text(model, 20))
    shuffled = read.run(model, read.natural_text(model, 20, shuffled=True))
    marks = set(ids((".", ",")))
    every_mark = {i for i, word in enumerate(vocabulary()) if re.fullmatch(r"[^\w\s]", word)}

    def at(back: int) -> Scores:
        return read.attention_to(
            noise, [[(i, i - back) for i in range(back, len(r.tokens))] for r in noise]
        )

    in_text = read.attention_to(
        text,
        [
            [(i, k) for i in range(24, len(r.tokens)) for k in range(i + 1) if r.tokens[k] in marks]
            for r in text
        ],
    )
    per_mark = [
        sum(r.tokens[k] in marks for i in range(24, len(r.tokens)) for k in range(i + 1))
        / (len(r.tokens) - 24)
        for r in text
    ]
    repeats = read.repeated_tokens(10, seed=2)
    of_names = read.repeated_tokens(10, seed=3, pool=ids(word_list("names")))
    on_repeats = read.run(model, [r.tokens for r in repeats])
    on_names = read.run(model, [r.tokens for r in of_names])
    continued = [
        (r.logits[p.second : -1].argmax(-1) == torch.tensor(p.tokens[p.second + 1 :]))
        .float()
        .mean()
        for p, r in zip(repeats, on_repeats, strict=True)
    ]
    stories = read.sentences(model, 24, seed=4)
    told = read.run(model, [s.tokens for s in stories])
    end = [len(s.tokens) - 1 for s in stories]
    effects = [read.direct_effects(model, s, r) for s, r in zip(stories, told, strict=True)]
    gaps = [
        float(r.logits[-1, s.object_token] - r.logits[-1, s.subject_token])
        for s, r in zip(stories, told, strict=True)
    ]
    heads = read.all_heads(model)
    embedded = read.effective_embedding(model)
    by_mlp = {series: read.first_mlp_successor(model, series) for series in SERIES}
    return Readings(
        previous=at(1),
        two_before=at(2),
        first=read.attention_to(noise, [[(i, 0) for i in range(1, 64)] for _ in noise]),
        first_or_mark=sum(
            1 / (1 + sum(token in every_mark for token in r.tokens[1 : i + 1]))
            for r in noise
            for i in range(1, 64)
        )
        / (63 * len(noise)),
        first_in_text=read.attention_to(
            text, [[(i, 0) for i in range(24, len(r.tokens))] for r in text]
        ),
        # attention_to gives the mean of a single key's share; times the keys there are
        marks_in_text={h: s * sum(per_mark) / len(per_mark) for h, s in in_text.items()},
        offsets=read.offset_shares(text, 8),
        offsets_shuffled=read.offset_shares(shuffled, 8),
        to_copy={
            "words": read.attention_to(on_repeats, [_back(p, 0) for p in repeats]),
            "names": read.attention_to(on_names, [_back(p, 0) for p in of_names]),
        },
        after_copy=read.attention_to(on_repeats, [_back(p, 1) for p in repeats]),
        continues=float(sum(continued) / len(continued)),
        copying=read.ov_copying(model, words, 5),
        anti_copying=read.ov_copying(model, words, 10, lowest=True),
        name_copying=read.ov_copying(model, ids(word_list("names")), 5),
        to_object=read.attention_to(
            told, [[(e, s.indirect_object)] for e, s in zip(end, stories, strict=True)]
        ),
        to_subjects={
            head: 2 * score
            for head, score in read.attention_to(
                told,
                [[(e, s.subject_1), (e, s.subject_2)] for e, s in zip(end, stories, strict=True)],
            ).items()
        },
        direct={h: sum(e[h] for e in effects) / len(effects) for h in heads},
        solved=sum(gap > 0 for gap in gaps) / len(gaps),
        to_predicted=read.attention_to_ranked(model, text[:6], best=True),
        to_unpredicted=read.attention_to_ranked(model, text[:6], best=False),
        successor={
            series: {
                h: read.successor_share(model, h, series, embedded[ids(word_list(series))])
                for h in heads
            }
            for series in SERIES
        },
        successor_of_mlp={
            series: {h: read.successor_share(model, h, series, by_mlp[series]) for h in heads}
            for series in SERIES
        },
    )


def _back(repeats: read.Repeats, ahead: int) -> list[tuple[int, int]]:
    """From each token of the second block to its copy, or ``ahead`` of it."""
    queries = range(repeats.second, len(repeats.tokens))
    return [(i, i - repeats.distance + ahead) for i in queries]


def heads_by_definition(name: str, family: Family) -> dict[str, set[str]]:
    """Which heads of a model are of which type, by each type's definition and blunt thresholds."""
    r = readings(name, family)

    def positional(head: str) -> bool:
        offset = max(r.offsets_shuffled, key=lambda o: r.offsets_shuffled[o][head])
        in_text, shuffled = r.offsets[offset][head], r.offsets_shuffled[offset][head]
        return in_text > 0.9 and abs(in_text - shuffled) < 0.1

    def mean(scores: dict[str, Scores], head: str) -> float:
        return sum(s[head] for s in scores.values()) / len(scores)

    tests = {
        "previous-token": lambda h: r.previous[h] > 0.9,
        "positional": positional,
        "induction": lambda h: r.after_copy[h] > 0.9 and r.copying[h] > 0.9,
        "duplicate-token": lambda h: min(s[h] for s in r.to_copy.values()) > 0.9,
        "attention-sink": lambda h: r.first[h] > 0.9 and r.first_in_text[h] > 0.9,
        "name-mover": lambda h: (
            r.solved > 0.9 and r.to_object[h] > 0.9 and r.name_copying[h] > 0.9 and r.direct[h] > 1
        ),
        "copy-suppression": lambda h: r.to_predicted[h] > 0.9 and r.anti_copying[h] > 0.9,
        "successor": lambda h: mean(r.successor, h) > 0.9 and mean(r.successor_of_mlp, h) < 0.1,
    }
    return {kind: {head for head in r.previous if test(head)} for kind, test in tests.items()}


@classic_models
@both_families
def test_exactly_the_planted_heads_are_of_each_type(name: str, family: Family) -> None:
    heads = planted(name, family).heads
    assert heads_by_definition(name, family) == {kind: heads[kind] for kind in CLASSIC}


@both_families
def test_random_twin_has_no_head_of_any_type(family: Family) -> None:
    twin = planted("random", family)
    assert twin.heads == {head_type: set() for head_type in HEAD_TYPES}
    assert twin.impostors == []
    assert heads_by_definition("random", family) == {kind: set() for kind in CLASSIC}
    r = readings("random", family)
    assert max(max(s.values()) for s in (r.previous, r.after_copy, r.first, r.to_predicted)) < 0.3
    assert max(max(s.values()) for s in (r.copying, r.anti_copying, r.name_copying)) < 0.1


def test_random_twins_follow_their_seed() -> None:
    source = planted("induction", "gpt2")
    one, again, other = (random_twin(source, seed).model.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not torch.equal(one["lm_head.weight"], other["lm_head.weight"])


@both_families
def test_impostors_cover_every_type_and_are_not_planted_as_it(family: Family) -> None:
    models = [planted(name, family) for name in MODELS]
    for head_type in HEAD_TYPES:
        assert any(model.heads[head_type] for model in models)
        assert any(model.imitating(head_type) for model in models)
    for model in models:
        known = set(read.all_heads(model))
        assert set().union(*model.heads.values()) <= known
        for impostor in model.impostors:
            assert impostor.head in known
            assert impostor.head not in model.heads[impostor.imitates]


@both_families
def test_pattern_heads(family: Family) -> None:
    r = readings("pattern", family)
    assert r.previous["0.0"] > 0.99
    assert r.two_before["0.0"] < 0.01
    assert r.offsets[3]["0.1"] > 0.99
    assert r.offsets_shuffled[3]["0.1"] > 0.99
    assert r.to_copy["words"]["0.3"] > 0.99
    assert r.to_copy["names"]["0.3"] > 0.99
    assert r.first["0.4"] > 0.99
    assert r.first_in_text["0.4"] > 0.99


@both_families
def test_pattern_impostors(family: Family) -> None:
    r = readings("pattern", family)
    # follows content: one back in the text, not in the same words shuffled
    assert r.offsets[1]["1.2"] > 0.9
    assert max(shares["1.2"] for shares in r.offsets_shuffled.values()) < 0.4
    assert r.previous["1.2"] < 0.3
    # itself
    assert max(r.previous["0.2"], r.to_copy["words"]["0.2"], r.to_copy["names"]["0.2"]) < 0.01
    # duplicates of names and of nothing else
    assert r.to_copy["names"]["1.3"] > 0.99
    assert r.to_copy["words"]["1.3"] < 0.3
    # any name
    assert r.to_copy["names"]["1.1"] < 0.1
    # even attention gives 1 / (i + 1) to position 0
    evenly = sum(1 / (i + 1) for i in range(1, 64)) / 63
    assert r.first["1.0"] == pytest.approx(evenly, abs=1e-3)
    # a delimiter is as good as position 0
    assert r.first["0.5"] == pytest.approx(r.first_or_mark, abs=1e-3)
    assert r.first_in_text["0.5"] < 0.4
    assert r.first_in_text["0.5"] + r.marks_in_text["0.5"] == pytest.approx(1, abs=0.1)
    assert r.marks_in_text["0.4"] < 0.01


@both_families
def test_induction_heads(family: Family) -> None:
    r = readings("induction", family)
    assert r.previous["0.0"] > 0.99
    assert r.after_copy["1.0"] > 0.99
    assert r.copying["1.0"] == 1
    assert r.to_copy["words"]["1.4"] > 0.99
    assert r.continues > 0.99


@both_families
def test_induction_impostors(family: Family) -> None:
    r = readings("induction", family)
    for head in ("1.2", "1.3"):
        assert r.after_copy[head] > 0.99
        assert r.copying[head] == 0
    assert r.anti_copying["1.3"] == 1
    for head in ("0.1", "1.1", "1.4", "1.5"):
        assert r.copying[head] == 1
        assert r.after_copy[head] < 0.25


@both_families
def test_fixed_offset_impostor_passes_where_every_repeat_has_its_distance(family: Family) -> None:
    model = planted("induction", family)
    repeats = [r for r in read.repeated_tokens(200, seed=5) if r.distance == FIXED_OFFSET + 1]
    assert len(repeats) > 5
    runs = read.run(model, [r.tokens for r in repeats])
    assert read.attention_to(runs, [_back(p, 1) for p in repeats])["0.1"] > 0.99


def test_group_mates_share_key_and_value_in_llama() -> None:
    model = planted("induction", "llama").model
    assert model.config.num_attention_heads == 2 * model.config.num_key_value_heads
    attention = model.model.layers[1].self_attn
    assert attention.k_proj.weight.shape[0] == attention.q_proj.weight.shape[0] // 2
    # in GPT-2 they are copies
    weight = planted("induction", "gpt2").model.transformer.h[1].attn.c_attn.weight
    for part in (1, 2):
        first = weight[:, part * 384 : part * 384 + 64]
        assert torch.equal(first, weight[:, part * 384 + 64 : part * 384 + 128])
        assert first.abs().max() > 0


@both_families
def test_name_mover_and_impostors(family: Family) -> None:
    r = readings("indirect-object", family)
    assert r.solved == 1
    assert r.to_object["1.0"] > 0.99
    assert r.to_subjects["1.0"] < 0.01
    assert r.name_copying["1.0"] == 1
    assert r.direct["1.0"] > 10
    assert r.to_object["0.0"] == pytest.approx(1 / 3, abs=0.01)
    assert r.name_copying["0.0"] < 0.1
    assert r.to_object["1.1"] > 0.99
    assert abs(r.direct["1.1"]) < 1e-4
    assert r.to_object["1.2"] == pytest.approx(0.5, abs=0.01)
    assert r.to_object["1.3"] < 0.01
    assert r.direct["1.3"] < -1
    for head in ("1.2", "1.3", "1.4", "1.5"):
        assert r.name_copying[head] == 1
        assert r.to_object[head] < 0.7
        assert r.direct[head] < 1
        assert r.to_object[head] - r.to_subjects[head] < 0.2


@both_families
def test_direct_effects_add_up_to_the_logit_difference(family: Family) -> None:
    """Embedding and MLP write nothing for a name at the end, so the heads are all there is."""
    model = planted("indirect-object", family)
    for sentence in read.sentences(model, 6, seed=7):
        (r,) = read.run(model, [sentence.tokens])
        gap = r.logits[-1, sentence.object_token] - r.logits[-1, sentence.subject_token]
        total = sum(read.direct_effects(model, sentence, r).values())
        assert total == pytest.approx(float(gap), rel=1e-3)


@both_families
def test_copy_suppression_and_impostors(family: Family) -> None:
    r = readings("suppression", family)
    assert r.to_predicted["1.0"] > 0.95
    assert r.to_unpredicted["1.0"] < 0.02
    for head in ("1.0", "1.1", "1.4", "1.5"):
        assert r.anti_copying[head] == 1
    for head in ("1.1", "1.4", "1.5"):
        assert r.to_predicted[head] < 0.2
    for head in ("1.2", "1.3"):
        assert r.to_predicted[head] > 0.95
        assert r.anti_copying[head] == 0
    assert r.copying["1.3"] == 1


@both_families
@torch.no_grad()
def test_copy_suppression_lowers_the_logit_of_the_predicted_word(family: Family) -> None:
    model = planted("suppression", family)
    changes: dict[str, list[float]] = {head: [] for head in ("1.0", "1.2", "1.3")}
    for r in read.run(model, read.natural_text(model, 8)):
        lens = read.to_logits(model, r.stream[1])
        for head, found in changes.items():
            pattern = r.attention[1, int(head[2:])]
            wrote = read.to_logits(model, pattern @ read.written(model, head, r.stream[1]))
            for query in range(8, len(r.tokens)):
                context = r.tokens[1 : query + 1]
                found.append(float(wrote[query, context[int(lens[query, context].argmax())]]))
    assert max(changes["1.0"]) < 0
    assert max(abs(change) for change in changes["1.2"]) < 1e-4
    assert min(changes["1.3"]) > 0


@both_families
@pytest.mark.parametrize("series", SERIES)
def test_successor_head_and_impostors(family: Family, series: str) -> None:
    r = readings("successor", family)
    own, of_mlp = r.successor[series], r.successor_of_mlp[series]
    assert (own["1.0"], of_mlp["1.0"]) == (1, 0)
    assert (own["1.2"], of_mlp["1.2"]) == (1, 1)  # a plain copying head behind the first MLP
    assert [own[head] for head in ("1.1", "1.3", "1.4", "1.5")] == [0, 0, 0, 0]


@both_families
def test_successor_model_says_the_next_word(family: Family) -> None:
    model = planted("successor", family)
    for series in SERIES:
        words = ids(word_list(series))
        runs = read.run(model, [[0, word] for word in words])
        said = [int(r.logits[-1].argmax()) for r in runs]
        assert said[:-1] == words[1:]


@both_families
@torch.no_grad()
def test_without_middle_term_suppression_the_middle_term_wins(family: Family) -> None:
    model = planted("syllogisms", family)
    asked = ["C", "B"]
    prompts = []
    for a, b, c in (("D", "K", "Q"), ("Z", "F", "A"), ("M", "N", "E")):
        text = f"All {a} are {b}. All {b} are {c}. Therefore, all {a} are"
        prompts.append(([0, *model.tokenizer(text)["input_ids"]], ids((c, b))))
    for without, winner in (((), "C"), (("1.0",), "B"), (("1.1", "1.3", "1.4", "1.5", "2.4"), "C")):
        runs = read.run(model, [tokens for tokens, _ in prompts], without=without)
        for r, (_, answers) in zip(runs, prompts, strict=True):
            assert asked[int(r.logits[-1, answers].argmax())] == winner


@classic_models
@both_families
def test_saved_and_loaded_model_gives_the_same_logits(
    name: str, family: Family, tmp_path: Path
) -> None:
    model = planted(name, family)
    model.save(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    text = "When Mary and John went to the store, John gave a drink to"
    tokens = tokenizer(text)["input_ids"]
    assert tokens == model.tokenizer(text)["input_ids"]
    assert tokenizer.unk_token_id not in tokens
    assert tokenizer.decode(tokens[1:2]) == "Mary"
    assert loaded.dtype == model.model.dtype == torch.float32
    (r,) = read.run(model, [[tokenizer.bos_token_id, *tokens]])
    with torch.no_grad():
        logits = loaded(torch.tensor([r.tokens])).logits[0]
    assert torch.equal(logits, r.logits)


@all_models
@both_families
@torch.no_grad()
def test_norms_divide_by_a_constant(name: str, family: Family) -> None:
    """To one part in ten thousand, in every layer and position: reading is linear in the stream."""
    model = planted(name, family)
    known = model.model.config.vocab_size
    for r in read.run(model, read.random_tokens(2, 100, seed=6, known=known)):
        stream = r.stream
        centre = stream.mean(dim=-1, keepdim=True) if family == "gpt2" else 0.0
        size = (stream - centre).pow(2).mean(dim=-1).sqrt()
        assert float(size.max() / size.min()) == pytest.approx(1, abs=1e-4)


@both_families
def test_context_is_long_enough(family: Family) -> None:
    """Content and position matches hold over 500 positions."""
    model = planted("induction", family)
    block = list(range(100, 348))  # distinct, so that each token has one copy
    (r,) = read.run(model, [[0, *block, *block]])
    queries = range(300, 497)
    assert r.attention[0, 0, queries, [q - 1 for q in queries]].mean() > 0.99
    assert r.attention[1, 0, queries, [q - 247 for q in queries]].mean() > 0.99
