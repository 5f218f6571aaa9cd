"""Prompts hold what their roles say, checked on the token ids themselves."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tokenizers import AddedToken, Regex, Tokenizer, normalizers
from tokenizers.models import BPE, WordLevel
from tokenizers.pre_tokenizers import ByteLevel, Split
from transformers import PreTrainedTokenizerFast

from catalog.schema.measures import MEASURES
from catalog.schema.prompts import (
    BUILDERS as SCHEMA_BUILDERS,
)
from catalog.schema.prompts import (
    Builder,
    DistantRepeats,
    IndirectObject,
    NaturalText,
    NGrams,
    RandomTokens,
    RepeatedPassage,
    RepeatedRandomTokens,
    Series,
    SplitWords,
    Templates,
    Tokens,
    TokenSource,
    TwoTexts,
)
from tests.planted.spelling import acronym_tokenizer
from tests.verify.catalog_parts import catalog, words
from tests.verify.tiny_models import tiny
from verify.anatomy import Anatomy
from verify.builders import BUILDERS, OF_HEADS, build
from verify.builders.split_words import pieces_of
from verify.measures import RUNNING, WEIGHTS
from verify.measures.tokens import token_units
from verify.prompts import CannotBuild, PromptSet, key_positions, offsets_of, pairs
from verify.words import Words


def parsed(data: dict[str, Any]) -> Templates:
    made = Templates.model_validate_json(json.dumps(data))
    assert isinstance(made, Templates)
    return made


def test_every_runnable_kind_has_code_and_no_other() -> None:
    builders = {
        cls.model_fields["builder"].annotation.__args__[0]  # type: ignore[union-attr]
        for cls in SCHEMA_BUILDERS
        if cls.runnable and "builder" in cls.model_fields
    }
    assert set(BUILDERS) | set(OF_HEADS) == builders
    assert set(BUILDERS).isdisjoint(OF_HEADS)
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
        DistantRepeats(builder="distant-repeats", count=6),
        NaturalText(builder="natural-text", count=6),
        TwoTexts(builder="two-texts", text="plain-prose", other="plain-code", count=6),
        NGrams(builder="n-grams", count=6),
        parsed(
            {
                "builder": "templates",
                "templates": "review-templates",
                "fill": {
                    "adjective": {"words": "verdicts", "side": "first"},
                    "right": {"words": "verdicts", "side": "second"},
                    "wrong": {"words": "verdicts", "side": "second", "row": "opposite"},
                    "subject": "review-subjects",
                    "name": "names",
                },
                "corrupt": {"adjective": {"words": "verdicts", "side": "first", "row": "opposite"}},
                "roles": {"sentiment": ["adjective"], "summary": ["subject.2"]},
                "answers": {"correct": "right", "foil": "wrong"},
                "count": 6,
            }
        ),
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
    assert set(made.variants) == (set(parameters.variant_names()) or {"original"})
    if parameters.variants:
        assert made.main == made.variants[str(parameters.scored)]
    for variant in made.variants.values():
        assert len(variant) == 6
        for prompt in variant:
            assert prompt.ids[: len(words().start)] == words().start
            assert set(prompt.queries) == parameters.query_roles()
            assert set(prompt.places) | set(prompt.relations) == parameters.key_roles()
            assert set(prompt.answers) <= parameters.answer_roles()
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


def spelled(ids: tuple[int, ...], positions: tuple[int, ...]) -> list[str]:
    return [str(words().tokenizer.decode([ids[i]])).strip() for i in positions]


def test_slots_roles_and_variants_of_templates() -> None:
    parameters = parsed(
        {
            "builder": "templates",
            "templates": "year-templates",
            "fill": {
                "event": "events",
                "century": "centuries",
                "low": "two-digit-numbers",
                "earlier": "two-digit-numbers",
                "start": "two-digit-numbers",
                "later": "two-digit-numbers",
            },
            "corrupt": {"start": {"words": "two-digit-numbers", "row": "low"}},
            "roles": {"year": ["start"], "first-century": ["century.1"], "centuries": ["century"]},
            "answers": {"correct": "later", "foil": "earlier"},
            "answer-joined": True,
            "ascending": ["low", "earlier", "start", "later"],
            "count": 12,
        }
    )
    made = build(parameters, words())
    assert len(made.main) == 12
    for clean, corrupted in zip(made.variants["clean"], made.variants["corrupted"], strict=True):
        ((start,), (first, *_)) = clean.places["year"], clean.places["centuries"]
        assert first == clean.places["first-century"][0] == start - 1
        changed = [
            i for i, (a, b) in enumerate(zip(clean.ids, corrupted.ids, strict=True)) if a != b
        ]
        assert changed == [start]
        (year,), (low,) = spelled(clean.ids, (start,)), spelled(corrupted.ids, (start,))
        correct, foil = (
            str(words().tokenizer.decode([clean.answers[role]])) for role in ("correct", "foil")
        )
        assert low < foil < year < correct
        assert corrupted.answers == clean.answers
        end = clean.queries["end"][0]
        assert end == len(clean.ids) - 1
        earlier = clean.relations["earlier-centuries"][end]
        assert earlier == tuple(key for key in clean.places["centuries"] if key < end)


def test_one_pair_fills_two_slots_and_different_rows_share_no_word() -> None:
    parameters = parsed(
        {
            "builder": "templates",
            "templates": "language-templates",
            "fill": {
                "country": {"words": "languages", "side": "first"},
                "language": {"words": "languages", "side": "second"},
                "other": {"words": "languages", "side": "second", "row": "other"},
            },
            "roles": {"subject": ["country"]},
            "answers": {"correct": "language", "foil": "other"},
            "count": 20,
        }
    )
    spoken = dict(catalog().vocabularies["languages"].pairs or ())
    made = build(parameters, words())
    assert set(made.variants) == {"clean"}
    for prompt in made.main:
        (country,) = spelled(prompt.ids, prompt.places["subject"])
        assert words().token(spoken[country]) == prompt.answers["correct"]
        assert prompt.answers["foil"] != prompt.answers["correct"]


def test_a_split_word_stands_at_its_first_token() -> None:
    """With a tokenizer that cuts the words of names after three letters."""
    cut = Words(acronym_tokenizer(), catalog().vocabularies, catalog().texts, 400)
    parameters = next(
        recipe.prompts
        for recipe in catalog().head_types["letter-mover"].recipes
        if isinstance(recipe.prompts, Templates)
    )
    made = build(parameters, cut)
    assert made.left_out == 0
    places = set()
    for clean, corrupted in zip(made.variants["clean"], made.variants["corrupted"], strict=True):
        tokens = cut.tokenizer.convert_ids_to_tokens(list(clean.ids))
        (due,), others = clean.places["next-word"], clean.places["other-words"]
        assert corrupted.places == clean.places
        assert all(len(tokens[i]) == 3 and tokens[i + 1][:2] == "##" for i in (due, *others))
        correct, foil = cut.tokenizer.convert_ids_to_tokens(list(clean.answers.values()))
        assert correct == tokens[due][0]
        assert foil in {tokens[i][0] for i in others}
        written = tokens[tokens.index("(") + 1 :]
        in_order = [tokens[i][0] for i in sorted((due, *others))]
        assert [*written, correct] == in_order[: len(written) + 1]
        assert cut.tokenizer.decode([corrupted.ids[due]])[0] not in in_order
        places.add(sorted((due, *others)).index(due))
    assert places == {0, 1, 2}


def test_words_of_several_tokens_are_left_out_unless_a_fill_splits() -> None:
    whole = Templates.model_validate_json(
        json.dumps(
            {
                "builder": "templates",
                "templates": "review-templates",
                "fill": {"adjective": "positive-adjectives", "subject": "acronym-words"},
                "count": 4,
            }
        )
    )
    assert "split" not in json.dumps(whole.model_dump(mode="json"))
    cut = Words(acronym_tokenizer(), catalog().vocabularies, catalog().texts, 400)
    with pytest.raises(CannotBuild, match="0 of"):
        build(whole, cut)


def test_windows_and_copies_of_distant_repeats() -> None:
    parameters = DistantRepeats(
        builder="distant-repeats", count=4, blocks=(16, 20), near=2, window=5, sinks=3
    )
    for prompt in build(parameters, words()).main:
        for query in prompt.queries["repeat"]:
            (copy,) = prompt.relations["previous-copy"][query]
            assert prompt.ids[copy] == prompt.ids[query]
            assert prompt.relations["near"][query] == (query - 1, query)
            window = tuple(range(query - 4, query + 1))
            assert prompt.relations["window"][query] == window
            assert prompt.relations["sinks-and-window"][query] == (0, 1, 2, *window)
            assert copy < window[0]


def test_contexts_of_n_grams() -> None:
    made = build(NGrams(builder="n-grams", count=10, gap=5), words())
    orders = set()
    for prompt in made.main:
        ids = prompt.ids
        (longer,), (shorter,) = (prompt.places[f"after-{w}-match"] for w in ("longer", "shorter"))
        assert ids[longer - 1] == ids[shorter - 1] == ids[-1]
        assert ids[longer - 2] == ids[-2] != ids[shorter - 2]
        orders.add(longer < shorter)
    assert orders == {True, False}


def test_sentences_and_rare_words_of_natural_text() -> None:
    parameters = NaturalText(builder="natural-text", count=8)
    text = catalog().texts["plain-prose"].passages
    every = [token for passage in text for token in words().encode(passage)]
    for prompt in build(parameters, words()).main:
        for query, keys in prompt.relations["own-sentence"].items():
            assert spelled(prompt.ids, (keys[0] - 1,)) == ["."] or query < keys[0]
            assert "." not in spelled(prompt.ids, keys[:-1])
        for query, keys in prompt.relations["rarest"].items():
            rare = max(every.count(prompt.ids[key]) for key in keys)
            middling = prompt.relations["middling"][query]
            assert rare <= min(every.count(prompt.ids[key]) for key in middling)
            assert max(keys) < query


def test_pieces_of_split_words() -> None:
    split = Words(pieces_tokenizer(), catalog().vocabularies, catalog().texts, 400)
    parameters = SplitWords(
        builder="split-words", words="long-words", fillers="letters", count=6, shown=3
    )
    for prompt in build(parameters, split).main:
        ids = prompt.ids
        (last,), (second,) = prompt.places["last-piece"], prompt.places["second-piece"]
        assert ids[second - 1] == ids[-1]
        assert last > second
        for query in prompt.queries["continuing-piece"]:
            assert prompt.relations["earlier-pieces"][query][-1] == query - 1


def test_passages_come_again_up_to_a_word() -> None:
    split = Words(pieces_tokenizer(), catalog().vocabularies, catalog().texts, 400)
    listed = {tuple(split.encode(w)) for w in catalog().vocabularies["long-words"].words or ()}
    parameters = RepeatedPassage(
        builder="repeated-passage", words="long-words", fillers="letters", count=8, shown=3
    )
    made = build(parameters, split)
    asked = set()
    for clean, nonsense in zip(made.main, made.variants["nonsense"], strict=True):
        (first,), (last,) = clean.places["first-piece"], clean.places["last-piece"]
        end = clean.queries["end"][0]
        assert end == len(clean.ids) - 1
        # the same tokens came before, and after them the word
        passage = len(clean.ids) - first
        assert clean.ids[passage:] == clean.ids[:first]
        assert clean.ids.index(clean.ids[end]) == first - 1
        assert clean.ids[first : last + 1] in listed
        others = clean.places["other-last-pieces"]
        assert len(others) == 2
        assert last not in others
        for variant in (clean, nonsense):
            assert variant.ids[passage:] == variant.ids[:first]
        assert nonsense.places == clean.places
        assert nonsense.ids[first : last + 1] not in listed
        words_at = {
            i for i, (a, b) in enumerate(zip(clean.ids, nonsense.ids, strict=True)) if a != b
        }
        assert end not in words_at
        assert words_at
        asked.add(sum(other < last for other in others))
    assert len(asked) > 1


def test_words_that_are_not_split_are_told() -> None:
    parameters = SplitWords(builder="split-words", words="long-words", fillers="nouns")
    with pytest.raises(CannotBuild, match="splits 0 of"):
        build(parameters, words())


def pieces_tokenizer() -> PreTrainedTokenizerFast:
    """Every three letters are a token."""
    listed = catalog().vocabularies
    known = [*(listed["long-words"].words or ()), *(listed["letters"].words or ())]
    chunks = [word[i : i + 3] for word in known for i in range(0, len(word), 3)]
    table = {token: i for i, token in enumerate(dict.fromkeys(["<unk>", *chunks]))}
    made = Tokenizer(WordLevel(table, unk_token="<unk>"))
    made.pre_tokenizer = Split(Regex(r"\w{1,3}"), behavior="removed", invert=True)
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")


def prepending(merged: list[str]) -> Words:
    """Llama 2's kind: a text starts with a space that the tokenizer puts there, written "▁"."""
    letters = sorted({letter for word in merged for letter in word} | set("aonethONETH.,"))
    vocabulary = {piece: i for i, piece in enumerate(["<unk>", "▁", *letters])}
    merges = []
    for word in merged:
        made = "▁"
        for letter in word:
            if (made, letter) not in merges:
                merges.append((made, letter))
            made += letter
            vocabulary.setdefault(made, len(vocabulary))
    made_of = Tokenizer(BPE(vocab=vocabulary, merges=merges, unk_token="<unk>"))
    made_of.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=made_of, unk_token="<unk>")
    return Words(fast, catalog().vocabularies, catalog().texts, len(fast))


def test_a_tokenizer_that_starts_texts_with_a_space_sees_words_as_inside_a_sentence() -> None:
    known = ["dog", "cat", "apple"]
    some = prepending([*known, "straw", "black"])
    # the very case: a space before a word is a token of its own, since there is one already
    assert len(some.encode(" dog")) == 2
    inside = some.encode("cat dog")[1:]
    assert inside == [some.token("dog")] == list(some.pieces("dog"))
    assert len({some.first_piece(word) for word in known}) == 3
    assert pieces_of(some, known) == []
    # a split word: its known start, with the space in it, and its letters
    (split,) = pieces_of(some, ["dogtea"])
    assert list(split) == some.encode("cat dogtea")[1:]
    assert len(split) == 4
    assert byte_level(known).gap == " "
    assert words().gap == " "


def test_initials_are_those_of_different_words_where_the_tokenizer_prepends() -> None:
    listed = [f"{a}{b}" for a in "ABCDEFGHIJKLM" for b in ("ot", "an")]
    some = prepending([*listed, *(f"({letter}" for letter in "ABCDEFGHIJKLM")])
    firsts = {some.first_piece(word) for word in listed}
    assert len(firsts) == len(listed)


def test_split_words_that_all_start_alike_are_told() -> None:
    alike = Words(pieces_tokenizer(), catalog().vocabularies, catalog().texts, 400)
    parameters = SplitWords(builder="split-words", words="long-words", fillers="letters", shown=4)
    first = alike.pieces((catalog().vocabularies["long-words"].words or ())[0])[0]
    alike._pieces.update(
        {
            word: (first, *alike.pieces(word)[1:])
            for word in catalog().vocabularies["long-words"].words or ()
        }
    )
    with pytest.raises(CannotBuild, match="only 0 split words start with another piece"):
        build(parameters, alike)


def test_tokens_that_no_text_holds_are_not_drawn() -> None:
    plain = ["a", "b", "<b>", "[", "<0x0A>"]
    unused = ["<unused7>", "[control_3]", "<|reserved_special_token_5|>"]
    table = {token: i for i, token in enumerate(["<unk>", *plain, *unused])}
    made = Tokenizer(WordLevel(table, unk_token="<unk>"))
    fast = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")
    fast.add_tokens([AddedToken("<header>", special=True), AddedToken("added", special=False)])
    assert fast.convert_tokens_to_ids("<header>") not in fast.all_special_ids
    some = Words(fast, catalog().vocabularies, catalog().texts, len(fast))
    drawn = fast.convert_ids_to_tokens(some.ordinary.tolist())
    assert drawn == [*plain, "added"]


def test_roles_that_occur_in_no_prompt_make_a_recipe_not_applicable() -> None:
    """A tokenizer that never has a full stop alone: nothing is in a sentence of its own."""
    recipe = next(
        one
        for entry in catalog().head_types.values()
        for one in entry.recipes
        if getattr(one.measure, "key", None) == "own-sentence" and one.status == "runnable"
    )
    joined = words()
    prompts = build(recipe.prompts.model_copy(update={"count": 4}), joined)
    bare = PromptSet(
        {
            name: tuple(
                replace(prompt, relations={role: {} for role in prompt.relations})
                for prompt in made
            )
            for name, made in prompts.variants.items()
        }
    )
    with pytest.raises(CannotBuild, match="no prompt has"):
        RUNNING["attention"](recipe, bare, Anatomy(tiny("gpt2")))
