"""The generator: deterministic, true to its word lists, and silent on what it holds out."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from catalog.places import entries_dir
from verify.reference.lists import World, held_out, load_world, split_words
from verify.reference.skills import SKILLS, items
from verify.reference.tokenizer import SPECIALS, UNK, WordEncoding, build_tokenizer
from verify.reference.world import (
    FIRST_BLOCK,
    FIRST_POOL,
    MIXTURE,
    MIXTURES,
    Documents,
    continues_copy,
    pair_held_out,
)

MODEL = Path(__file__).parents[3] / "verify" / "reference" / "llama"


@pytest.fixture(scope="module")
def world() -> World:
    return load_world(entries_dir())


@pytest.fixture(scope="module")
def docs(world: World) -> Documents:
    return Documents(world, WordEncoding(world.vocabulary))


def sample(docs: Documents, kind: str, count: int, length: int = 256) -> Iterator[list[str]]:
    rng = np.random.default_rng(7)
    for _ in range(count):
        yield docs.document(rng, kind, length)


def test_hash_is_that_of_the_shipped_weights(world: World) -> None:
    report = json.loads((MODEL / "training.json").read_text(encoding="utf-8"))
    assert world.hash == report["world_hash"], (
        "a word list, template or passage of the reference model's world has changed: "
        "train the model again (python -m verify.reference.train) or undo the change"
    )


def test_a_changed_word_changes_the_hash(world: World, tmp_path: Path) -> None:
    for folder in ("vocabulary", "text"):
        (tmp_path / folder).mkdir()
        for path in (entries_dir() / folder).glob("*.yaml"):
            text = path.read_text(encoding="utf-8")
            if path.stem == "days":
                text = text.replace("Monday, Tuesday", "Tuesday, Monday")
            (tmp_path / folder / path.name).write_text(text, encoding="utf-8")
    assert load_world(tmp_path).hash != world.hash


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"names\.yaml"):
        load_world(tmp_path)


def test_every_word_of_every_file_is_one_token(world: World) -> None:
    # Read without the world's own loader, so that a word it overlooks is missed here.
    tokenizer = build_tokenizer(world.vocabulary, 256)
    unknown = tokenizer.convert_tokens_to_ids(UNK)
    singles: list[str] = []
    texts: list[str] = []
    for path in sorted(entries_dir().glob("vocabulary/*.yaml")):
        if path.stem not in WORLD_FILES:
            continue
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        singles += data.get("words", []) + list(itertools.chain(*data.get("pairs", [])))
        texts += [re.sub(r"\{\w+\}", "", t["text"]) for t in data.get("templates", [])]
    prose = yaml.safe_load((entries_dir() / "text/plain-prose.yaml").read_text(encoding="utf-8"))
    texts += prose["passages"]
    assert len(singles) == 96 + 24 + 32 + 96 + 120 + 7 + 12 + 4 + 20 + 12 + 26
    for word in singles:
        bare, spaced = (tokenizer(text).input_ids for text in (word, " " + word))
        assert len(bare) == 1, word
        assert bare == spaced
        assert bare[0] != unknown, word
    for text in texts:
        assert unknown not in tokenizer(text).input_ids, text
        assert tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids) == split_words(text)


WORLD_FILES = {
    "names", "places", "objects", "nouns", "capitals", "days", "months", "seasons",
    "number-words", "ordinal-words", "letters", "indirect-object-templates",
    "capital-templates", "recall-templates",
}  # fmt: skip


def test_no_text_word_is_also_a_letter(world: World) -> None:
    letters = next(s for s in world.series if s.id == "letters").words
    for text in (*world.passages, *(t.text for t in world.indirect_object_templates)):
        words = split_words(re.sub(r"\{\w+\}", "", text))
        assert not set(words) & set(letters), text


def test_mixture_is_a_distribution() -> None:
    for mixture in MIXTURES.values():
        assert sum(mixture.values()) == pytest.approx(1)
        assert set(mixture) == set(MIXTURE)
    assert MIXTURE["repeats"] >= 0.5
    assert MIXTURE["prose"] <= 0.08


def test_same_seed_and_step_give_the_same_batch(world: World) -> None:
    one, two = (Documents(world, WordEncoding(world.vocabulary)) for _ in range(2))
    for step in (0, 17):
        batch, again = (docs.batch(3, step, 16, 128, 0.5) for docs in (one, two))
        for part, other in zip(batch, again, strict=True):
            assert part.shape == (16, 128)
            assert (part == other).all()
    first = one.batch(3, 0, 16, 128, 0.5).tokens
    assert (first != one.batch(3, 1, 16, 128, 0.5).tokens).any()
    assert (first != one.batch(4, 0, 16, 128, 0.5).tokens).any()
    assert (first != one.batch(3, 0, 16, 128, 0.5, "later").tokens).any()


def test_indirect_objects_are_marked_where_the_sentence_ends(world: World, docs: Documents) -> None:
    batch = docs.batch(0, 0, 120, 128, 1.0, "attention")
    words = {i: word for word, i in docs.encoding.by_word.items()}
    patterns = [_pattern(t.text + " {answer}") for t in world.indirect_object_templates]
    found = 0
    for row, marks in zip(batch.tokens, batch.indirect_objects, strict=True):
        text = " ".join(words[int(i)] for i in row)
        ends = {
            text[: match.end()].count(" ")
            for pattern in patterns
            for match in pattern.finditer(text)
        }
        assert ends == set(np.flatnonzero(marks).tolist())
        found += len(ends)
    assert found > 200


def test_continued_copies_by_hand() -> None:
    # b and c follow as before; the second a does not, for x stands before it now.
    assert continues_copy(["a", "b", "c", "x", "a", "b", "c", "y", "a", "c"]) == (
        [False] * 5 + [True, True, False, False, False]
    )
    # c has been followed by x and by y: what follows it next cannot be known.
    assert continues_copy(["c", "x", "c", "y", "c", "x"]) == [False] * 6


def test_first_repeats_are_one_block_of_few_words(docs: Documents) -> None:
    rng = np.random.default_rng(3)
    seen: set[str] = set()
    lengths: set[int] = set()
    for _ in range(200):
        words = docs.document(rng, "repeats", 96, 0.0)[1:]
        seen.update(words)
        again = [word for word in words if words.count(word) > 1]
        lengths.add(len(set(again)))
    assert len(seen) == FIRST_POOL
    # A block that is cut off in its second copy shows fewer words than it has.
    # A word of a gap may by chance be drawn twice, and counts as one more.
    assert FIRST_BLOCK[1] <= max(lengths) <= FIRST_BLOCK[1] + 5


def test_only_repeats_are_marked_as_copies(docs: Documents) -> None:
    copied = docs.batch(0, 0, 200, 128, 1.0).copied
    share = copied.any(axis=1).mean()
    assert abs(share - MIXTURE["repeats"]) < 0.12
    assert not copied[:, 0].any()
    early = docs.batch(0, 0, 200, 128, 0.0).copied
    assert early.sum() > copied.sum()


def test_every_kind_fills_its_length_with_known_words(docs: Documents) -> None:
    for kind in MIXTURE:
        for words in sample(docs, kind, 20):
            assert len(words) == 256
            assert words[0] == "<bos>"
            assert words.count("<bos>") == 1
            assert all(word in docs.encoding.by_word for word in words)


def test_items_are_deterministic(docs: Documents) -> None:
    for skill in SKILLS:
        first = items(skill, docs, 20, 1)
        assert first == items(skill, docs, 20, 1)
        assert first != items(skill, docs, 20, 2)


def test_repeats_come_at_many_distances(docs: Documents) -> None:
    distances = set()
    for words in sample(docs, "repeats", 400, 128):
        last: dict[str, int] = {}
        for i, word in enumerate(words):
            if word in last:
                distances.add(i - last[word])
            last[word] = i
    assert set(range(4, 41)) <= distances


def test_held_out_name_pairs_and_places_are_never_trained_on(world: World, docs: Documents) -> None:
    # The templates as regular expressions, apart from how the generator fills them.
    patterns = [(t, _pattern(t.text)) for t in world.indirect_object_templates]
    trained_pairs: set[frozenset[str]] = set()
    trained_places: set[tuple[str, str]] = set()
    for words in sample(docs, "indirect-object", 600):
        text = " ".join(words)
        for template, pattern in patterns:
            for found in pattern.finditer(text):
                trained_pairs.add(frozenset((found["A"], found["B"])))
                trained_places.add((template.id, found["place"]))
    assert len(trained_pairs) > 1500
    assert len(trained_places) > 200
    assert not any(pair_held_out(*pair) for pair in trained_pairs)

    for item in items("indirect-object-names", docs, 300, 5):
        pair = _match(patterns, item.prompt)[1]
        assert frozenset((pair["A"], pair["B"])) not in trained_pairs
        assert {item.answer, pair["S"]} == {pair["A"], pair["B"]}
    for item in items("indirect-object-places", docs, 300, 5):
        template, found = _match(patterns, item.prompt)
        assert (template, found["place"]) not in trained_places
        assert {item.answer, found["S"]} == {found["A"], found["B"]}


def test_indirect_objects_come_in_both_orders(world: World, docs: Documents) -> None:
    patterns = [(t, _pattern(t.text)) for t in world.indirect_object_templates]
    asked = items("indirect-object-names", docs, 400, 6)
    first = sum(item.answer == _match(patterns, item.prompt)[1]["A"] for item in asked)
    assert 160 <= first <= 240


def test_held_out_chains_are_never_trained_on(world: World, docs: Documents) -> None:
    trained: set[tuple[str, ...]] = set()
    for words in sample(docs, "series", 2000):
        for chain in _chains(words[1:]):
            trained.add(chain)
    follows = {
        (a, b)
        for s in world.series
        for a, b in zip(s.words, (*s.words[1:], s.words[0]), strict=True)
        if s.wraps or a != s.words[-1]
    }
    assert all(pair in follows for chain in trained for pair in itertools.pairwise(chain))
    # An item shows a held-out chain up to the word asked for; whole ones are looked for here.
    where = {word: (s, i) for s in world.series for i, word in enumerate(s.words)}
    for chain in trained:
        series, start = where[chain[0]]
        assert not held_out("series", series.id, start, len(chain)), chain
    for item in items("series", docs, 300, 5):
        chain = _chains([*item.prompt[1:], item.answer, "."])[-1]
        assert len(chain) >= 3
        assert (chain[-2], chain[-1]) in follows


def test_held_out_capitals_are_never_trained_on(world: World, docs: Documents) -> None:
    trained_combinations: set[tuple[str, str]] = set()
    trained_pairs: set[tuple[str, str]] = set()
    true = set(world.capitals)
    for words in sample(docs, "capitals", 1500):
        for template, country, city in _statements(world, words):
            trained_combinations.add((template, country))
            trained_pairs.add((country, city))
    assert len(trained_combinations) > 330
    assert len(trained_pairs - true) > 1000
    for item in items("capitals", docs, 300, 5):
        template, country, city = _statements(world, [*item.prompt, item.answer, "."])[-1]
        assert (template, country) not in trained_combinations
        assert (country, city) in true
    for item in items("capitals-contradicted", docs, 300, 5):
        told = _statements(world, [*item.prompt, item.answer, "."])
        assert told[0][1:] == told[-1][1:]
        assert told[-1][1:] not in trained_pairs
        assert told[-1][1:] not in true


def test_held_out_recall_pairs_are_never_trained_on(world: World, docs: Documents) -> None:
    # Every pair that a document writes side by side, in any of the three ways.
    nouns = set(world.nouns)
    trained: set[tuple[str, str]] = set()
    for words in sample(docs, "recall", 1500):
        for i, word in enumerate(words):
            for step, between in ((1, []), (2, [":"]), (4, ["was", "the"])):
                if i + step >= len(words) or word not in nouns or words[i + step] not in nouns:
                    continue
                if step == 4 and words[i - 1] != "the":
                    continue
                if words[i + 1 : i + step][: len(between)] == between:
                    trained.add((word, words[i + step]))
    assert len(trained) > 3000
    for skill, count in (("recall-4", 4), ("recall-8", 8), ("recall-12", 12)):
        for item in items(skill, docs, 200, 5):
            shown = [word for word in item.prompt if word in nouns]
            assert len(shown) == 2 * count + 1
            assert len(set(shown)) == 2 * count
            key = shown[-1]
            assert shown[shown.index(key) + 1] == item.answer
            assert (key, item.answer) not in trained


def test_held_out_passages_are_never_trained_on(world: World, docs: Documents) -> None:
    assert len(world.held_out_passages) + len(world.training_passages) == len(world.passages)
    openings = {tuple(split_words(p)[:12]) for p in world.held_out_passages}
    for kind in ("prose", "indirect-object"):
        for words in sample(docs, kind, 200):
            assert not any(tuple(words[i : i + 12]) in openings for i in range(len(words) - 11))


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    seen: set[str] = set()

    def slot(word: str) -> str:
        found = re.fullmatch(r"\{(\w+)\}", word)
        if found is None:
            return re.escape(word)
        name = found[1]
        if name in seen:
            return rf"(?P={name})"
        seen.add(name)
        return rf"(?P<{name}>\w+)"

    parts = re.findall(r"\{\w+\}|\w+|[^\w\s]", text)
    return re.compile(r"(?:^|(?<= ))" + " ".join(slot(part) for part in parts) + r"(?= |$)")


def _match(patterns: list, prompt: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    text = " ".join(prompt[1:])
    for template, pattern in patterns:
        found = pattern.fullmatch(text)
        if found:
            return template.id, found.groupdict()
    raise AssertionError(f"no template matches {text!r}")


def _chains(words: list[str]) -> list[tuple[str, ...]]:
    """Whole chains, each ended by a full stop; one that is cut off is dropped."""
    chains, chain = [], []
    for word in words:
        if word == ".":
            chains.append(tuple(chain))
            chain = []
        elif word not in (",", "then"):
            chain.append(word)
    return chains


def _statements(world: World, words: list[str]) -> list[tuple[str, str, str]]:
    """(template, country, city) of each whole statement."""
    result = []
    for sentence in " ".join(words[1:]).split(" ."):
        for template in world.capital_templates:
            asks = "city" if "{country}" in template.text else "country"
            found = _pattern(template.text + " {" + asks + "}").fullmatch(sentence.strip())
            if found:
                result.append((template.id, found["country"], found["city"]))
    return result


def test_specials_come_first(docs: Documents) -> None:
    assert [docs.encoding.by_word[word] for word in SPECIALS] == [0, 1, 2]
