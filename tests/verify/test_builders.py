"""Prompts hold what their roles say, checked on the token ids themselves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast

from catalog.schema.measures import MEASURES
from catalog.schema.prompts import (
    BUILDERS as SCHEMA_BUILDERS,
)
from catalog.schema.prompts import (
    Builder,
    IndirectObject,
    NaturalText,
    RandomTokens,
    RepeatedRandomTokens,
    Series,
    Tokens,
    TokenSource,
)
from tests.verify.catalog_parts import catalog, words
from verify.builders import BUILDERS, build
from verify.measures import RUNNING, WEIGHTS
from verify.measures.tokens import token_units
from verify.prompts import CannotBuild, key_positions, offsets_of, pairs
from verify.words import Words


def test_every_runnable_kind_has_code_and_no_other() -> None:
    builders = {
        cls.model_fields["builder"].annotation.__args__[0]  # type: ignore[union-attr]
        for cls in SCHEMA_BUILDERS
        if cls.runnable and "builder" in cls.model_fields
    }
    assert set(BUILDERS) == builders
    measures = {
        cls.model_fields["kind"].annotation.__args__[0]  # type: ignore[union-attr]
        for cls in MEASURES
        if cls.runnable
    }
    assert set(RUNNING) | set(WEIGHTS) == measures


@pytest.mark.parametrize(
    "parameters",
    [
        RandomTokens(builder="random-tokens", count=6, length=20),
        RepeatedRandomTokens(builder="repeated-random-tokens", count=6),
        NaturalText(builder="natural-text", count=6),
        IndirectObject(builder="indirect-object", count=6),
        Series(builder="series", count=6, series=("days", "months")),
    ],
    ids=lambda p: p.kind,
)
def test_prompts_are_deterministic_and_offer_the_roles_of_the_schema(parameters: Builder) -> None:
    made = build(parameters, words())
    assert made == build(parameters, words())
    other = build(parameters.model_copy(update={"seed": 1}), words())
    assert [p.ids for p in other.main] != [p.ids for p in made.main]
    assert set(made.variants) == (set(parameters.variants) or {"original"})
    for variant in made.variants.values():
        assert len(variant) == 6
        for prompt in variant:
            assert prompt.ids[: len(words().start)] == words().start
            assert set(prompt.queries) == parameters.queries
            assert set(prompt.places) | set(prompt.relations) == parameters.keys
            assert set(prompt.answers) <= parameters.answers
            assert all(0 <= q < len(prompt.ids) for qs in prompt.queries.values() for q in qs)


def test_repeats_are_where_the_roles_say() -> None:
    parameters = RepeatedRandomTokens(
        builder="repeated-random-tokens", count=40, periods=(5, 9, 16), gap="random"
    )
    offsets = set()
    for prompt in build(parameters, words()).main:
        ids = prompt.ids
        (offset,) = offsets_of(prompt, "repeat", "previous-copy")
        offsets.add(offset)
        for query in prompt.queries["repeat"]:
            (copy,), _ = key_positions(prompt, "previous-copy", query)
            assert ids[copy] == ids[query]
            (after,), _ = key_positions(prompt, "after-previous-copy", query)
            assert ids[after - 1] == ids[query]
            if query + 1 < len(ids):
                assert ids[after] == ids[query + 1]
            assert ids.count(ids[query]) == 2
        for query in prompt.queries["unrepeated"]:
            assert ids[query] not in ids[:query]
            keys, _ = key_positions(prompt, "same-offset", query, (offset,))
            assert len(keys) == 1
            assert ids[keys[0]] != ids[query]
    # several distances, or a head that looks a fixed distance back would pass
    assert len(offsets) >= 6


def test_a_small_pool_still_gives_repeats_of_its_own_words() -> None:
    parameters = RepeatedRandomTokens(
        builder="repeated-random-tokens", count=8, periods=(20, 30), pool="names"
    )
    names = set(words().tokens(catalog().vocabularies["names"].words or ()).values())
    for prompt in build(parameters, words()).main:
        assert set(prompt.ids[1:]) <= names
        for query in prompt.queries["repeat"]:
            (copy,), _ = key_positions(prompt, "previous-copy", query)
            assert prompt.ids[copy] == prompt.ids[query]
            # the only earlier place of the token
            assert prompt.ids[:query].count(prompt.ids[query]) == 1


def test_too_few_words_are_said_to_be_too_few() -> None:
    parameters = RepeatedRandomTokens(
        builder="repeated-random-tokens", count=2, periods=(30,), pool="days"
    )
    with pytest.raises(CannotBuild, match="7 usable tokens are too few for a period of 30"):
        build(parameters, words())


def test_shuffled_text_has_the_same_tokens() -> None:
    made = build(NaturalText(builder="natural-text", count=10), words())
    for plain, mixed in zip(made.variants["original"], made.variants["shuffled"], strict=True):
        assert sorted(plain.ids) == sorted(mixed.ids)
        assert plain.ids[0] == mixed.ids[0]
        assert plain.ids != mixed.ids
        for prompt in (plain, mixed):
            texts = {words().tokenizer.decode([prompt.ids[i]]) for i in prompt.places["delimiter"]}
            assert texts <= {".", ","}
    assert made.unknown_share == 0.0


def test_indirect_object_roles_point_at_the_names() -> None:
    made = build(IndirectObject(builder="indirect-object", count=48), words())
    first_mentions = 0
    for clean, corrupted in zip(made.variants["clean"], made.variants["corrupted"], strict=True):
        ids, places = clean.ids, clean.places
        (io,), (s1,), (s2,) = (places[k] for k in ("indirect-object", "subject-1", "subject-2"))
        assert ids[io] == clean.answers["indirect-object"]
        assert ids[s1] == ids[s2] == clean.answers["subject"] != ids[io]
        assert s1 < s2
        assert clean.queries["end"] == (len(ids) - 1,)
        first_mentions += io < s1
        # the corrupted twin: same length, same places, three names of its own, same answers
        assert len(corrupted.ids) == len(ids)
        assert corrupted.places == places
        others = {corrupted.ids[i] for i in (io, s1, s2)}
        assert len(others) == 3
        assert not others & {ids[io], ids[s1]}
        assert corrupted.answers == clean.answers
        changed = [i for i, (a, b) in enumerate(zip(ids, corrupted.ids, strict=True)) if a != b]
        assert changed == sorted({io, s1, s2})
    assert first_mentions == 24


def test_series_run_on_and_wrap() -> None:
    made = build(Series(builder="series", count=60, series=("days", "letters")), words())
    days = [words().token(day) for day in catalog().vocabularies["days"].words or ()]
    letters = [words().token(x) for x in catalog().vocabularies["letters"].words or ()]
    wrapped = 0
    for prompt in made.main:
        run = [*prompt.ids[1:], prompt.answers["successor"]]
        members = days if prompt.cluster == 0 else letters
        steps = [members.index(b) - members.index(a) for a, b in itertools.pairwise(run)]
        if members is letters:
            assert set(steps) == {1}  # letters do not wrap
        else:
            assert {step % 7 for step in steps} == {1}
            wrapped += -6 in steps
        assert prompt.answers["current"] == prompt.ids[-1]
    assert wrapped


def test_universal_roles_and_pairs() -> None:
    prompt = build(RandomTokens(builder="random-tokens", count=2, length=10), words()).main[0]
    assert key_positions(prompt, "previous", 7) == ([6], 1.0)
    assert key_positions(prompt, "two-before", 7) == ([5], 1.0)
    assert key_positions(prompt, "self", 7) == ([7], 1.0)
    assert key_positions(prompt, "first", 7) == ([0], 1.0)
    assert key_positions(prompt, "uniform", 7) == (list(range(8)), 1 / 8)
    # an evenly spread head gives 1/(i+1) everywhere: the uniform role scores just that
    length = len(prompt.ids)
    even = np.tril(np.ones((length, length))) / np.arange(1, length + 1)[:, None]
    chosen = pairs(prompt, "all", "uniform")
    assert chosen is not None
    measured = (even[chosen.query, chosen.key] * chosen.weight).sum()
    expected = np.mean([1 / (query + 1) for query in prompt.queries["all"]])
    assert measured == pytest.approx(expected)


def byte_level(merged: list[str]) -> Words:
    """A byte-level tokenizer in which only the given words are whole, with a leading space."""
    alphabet = sorted(ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate(alphabet)}
    merges = []
    for word in merged:
        made = "Ġ"
        for letter in word:
            if (made, letter) not in merges:
                merges.append((made, letter))
            made += letter
            vocabulary.setdefault(made, len(vocabulary))
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>")
    return Words(fast, catalog().vocabularies, catalog().texts, len(fast))


def test_split_words_are_left_out_and_counted() -> None:
    some = byte_level(["Mary", "John", "Alice", "Tom", "Kate", "Paul", "shop", "park", "ball"])
    assert some.token("Mary") is not None
    assert some.token("Zebulon") is None
    assert some.spaced("Mary")
    names = ("Mary", "John", "Alice", "Tom", "Kate", "Paul", "Anna", "Bob", "James", "Peter")
    listed = catalog().vocabularies["names"].words or ()
    assert set(names) <= set(listed)
    parameters = Tokens(tokens=TokenSource(vocabulary=("names",)))
    units = token_units(parameters, byte_level(list(names)))
    assert len(units.ids) == 10
    assert units.left_out == len(listed) - 10
    assert units.single_token_share == pytest.approx(10 / len(listed))
    with pytest.raises(CannotBuild, match=f"only 2 of {len(listed)} listed words are one token"):
        token_units(parameters, byte_level(["Mary", "John"]))


def test_series_tokens_know_their_successors() -> None:
    units = token_units(Tokens(tokens=TokenSource(vocabulary=("days", "letters"))), words())
    days, letters = units.series
    assert len(days.pairs) == 7  # Sunday is followed by Monday
    assert len(letters.pairs) == 25  # nothing follows Z
    assert (words().token("Sunday"), words().token("Monday")) in days.pairs
    assert (words().token("C"), words().token("D")) in letters.pairs


def test_indirect_object_with_a_byte_level_tokenizer() -> None:
    names = ["Mary", "John", "Alice", "Tom", "Kate", "Paul", "Anna"]
    places = list(catalog().vocabularies["places"].words or ())[:3]
    objects = list(catalog().vocabularies["objects"].words or ())[:3]
    some = byte_level(names + places + objects)
    made = build(IndirectObject(builder="indirect-object", count=12), some)
    for prompt in made.main:
        for role, answer in (("indirect-object", "indirect-object"), ("subject-2", "subject")):
            (place,) = prompt.places[role]
            assert prompt.ids[place] == prompt.answers[answer]
    assert 0 < made.single_token_share < 1


def test_too_few_single_token_names_cannot_be_built() -> None:
    with pytest.raises(CannotBuild, match=r"only 2 of \d+ name words are one token"):
        build(
            IndirectObject(builder="indirect-object", count=4),
            byte_level(["Mary", "John", "shop", "ball"]),
        )


def test_the_next_seed_reads_text_of_its_own() -> None:
    first, second = (
        build(NaturalText(builder="natural-text", count=64, seed=seed), words()).main
        for seed in (0, 1)
    )
    assert len({prompt.ids for prompt in first}) == 64
    assert not {prompt.ids for prompt in first} & {prompt.ids for prompt in second}


def test_words_of_a_pool_that_are_split_count_in_the_gate() -> None:
    names = [*(catalog().vocabularies["names"].words or ())][:40]
    made = build(
        RepeatedRandomTokens(builder="repeated-random-tokens", count=2, periods=(8,), pool="names"),
        byte_level(names),
    )
    assert made.single_token_share == pytest.approx(40 / 96)


def test_the_start_token_is_not_unknown() -> None:
    some = words()
    start = some.start[0]
    assert some.unknown is not None
    assert some.unknown_share([[start, 5, 6, some.unknown]]) == pytest.approx(1 / 3)
    same = Words(some.tokenizer, some.vocabularies, some.texts, some.size)
    same.unknown = start
    assert same.unknown_share([[start, 5, 6, 7]]) == 0.0
