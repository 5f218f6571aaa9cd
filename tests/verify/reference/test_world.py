"""The generator: deterministic, true to its word lists, and silent on what it holds out."""

from __future__ import annotations

import functools
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from catalog.places import entries_dir
from verify.reference.context_tasks import pair_held_out, shortened
from verify.reference.knowledge_tasks import mapping
from verify.reference.lists import World, held_out, load_world, split_words
from verify.reference.mixtures import KINDS, MIXTURES, OF_POOL, mixtures
from verify.reference.plan import PLANS
from verify.reference.skills import SKILLS, items
from verify.reference.text import Text
from verify.reference.tokenizer import (
    SPECIALS,
    UNK,
    BytePairEncoding,
    WordEncoding,
    build_tokenizer,
    spaced,
)
from verify.reference.untrained import new_encoding
from verify.reference.world import ANSWER_WEIGHT, FIRST_BLOCK, FIRST_POOL, Documents, continues_copy

MODELS = Path(__file__).parents[3] / "verify" / "reference"
COUNTS = {
    "names": 96, "places": 24, "objects": 32, "nouns": 96, "capitals": 60, "days": 7, "months": 12,
    "seasons": 4, "number-words": 20, "ordinal-words": 12, "letters": 26, "two-digit-numbers": 100,
    "answers": 2, "events": 16, "review-subjects": 12, "review-verdicts": 2,
    "positive-adjectives": 20, "negative-adjectives": 20, "acronym-words": 70, "colours": 8,
    "planets": 8, "directions": 4, "languages": 36, "currencies": 30, "opposites": 40,
    "plurals": 60, "french-nouns": 63,
}  # fmt: skip
"""What the world is made of, and how many entries each list has."""
TEMPLATES = (
    "indirect-object", "capital", "language", "currency", "opposite", "plural", "translation",
    "recall", "box", "needle", "few-shot", "yes-no", "choice", "year", "review", "acronym", "list",
)  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return load_world(entries_dir())


@pytest.fixture(scope="module")
def docs(world: World) -> Documents:
    return Documents(world, WordEncoding(world.vocabulary))


@pytest.fixture(scope="module")
def pairs_encoding(world: World) -> BytePairEncoding:
    encoding = new_encoding(PLANS["gpt2"], world)
    assert isinstance(encoding, BytePairEncoding)
    return encoding


@functools.cache
def listed(name: str) -> dict:  # type: ignore[type-arg]
    """A vocabulary file, read without the world's own loader."""
    text = (entries_dir() / "vocabulary" / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)  # type: ignore[no-any-return]


def sample(docs: Documents, kind: str, count: int, length: int = 256) -> list[Text]:
    rng = np.random.default_rng(7)
    return [docs.document(rng, kind, length) for _ in range(count)]


def written(words: list[str] | tuple[str, ...]) -> str:
    """A text as a person would write it."""
    return "".join(spaced(list(words)[1:]))


def exchanges(docs: Documents, kind: str, count: int, name: str) -> list[tuple[str, dict, str]]:  # type: ignore[type-arg]
    """Template, slots and answer of every whole exchange of training documents."""
    found = []
    for text in sample(docs, kind, count):
        found += matches(written(text.words), name)
    assert len(found) > 3 * count
    return found


def matches(text: str, name: str) -> list[tuple[str, dict, str]]:  # type: ignore[type-arg]
    """Where a text has one of the templates of a file, with the word after it."""
    found = []
    for template in listed(name)["templates"]:
        for match in pattern(template["text"]).finditer(text):
            slots = match.groupdict()
            found.append((template["id"], slots, slots.pop("answer")))
    return found


@functools.cache
def pattern(text: str) -> re.Pattern[str]:
    seen: set[str] = set()

    def slot(match: re.Match[str]) -> str:
        if match[1] in seen:
            return f"(?P={match[1]})"
        seen.add(match[1])
        inner = r"[\w, ]+?" if match[1] == "list" else r"\d\d" if match[1] in YEARS else r"\w+"
        return f"(?P<{match[1]}>{inner})"

    escaped = re.escape(text).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(r"\b" + re.sub(r"\{(\w+)\}", slot, escaped) + r" ?(?P<answer>\w+)(?=[.,);])")


def test_more_repeats_are_at_the_cost_of_all_other_kinds_alike() -> None:
    changed = mixtures(0.73)
    assert changed["first"]["repeats"] == 0.73
    for phase, shares in changed.items():
        assert sum(shares.values()) == pytest.approx(1, abs=1e-9)
        if phase != "first":
            assert shares == MIXTURES[phase]
    for kind, share in changed["first"].items():
        if kind != "repeats":
            assert share == pytest.approx(MIXTURES["first"][kind] / 2)
    assert mixtures(MIXTURES["first"]["repeats"]) == MIXTURES


YEARS = ("century", "start")


@pytest.mark.parametrize("family", PLANS)
def test_hash_is_that_of_the_shipped_weights(family: str, world: World) -> None:
    report = json.loads((MODELS / family / "training.json").read_text(encoding="utf-8"))
    assert world.hash == report["world_hash"], (
        "a word list, template or passage of the reference models' world has changed: "
        "train the models again (python -m verify.reference.train) or undo the change"
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
    tokenizer = build_tokenizer(world.vocabulary, 256)
    unknown = tokenizer.convert_tokens_to_ids(UNK)
    for name, count in COUNTS.items():
        data = listed(name)
        assert len(data.get("words") or data["pairs"]) == count, name
        for word in [*data.get("words", []), *itertools.chain(*data.get("pairs", []))]:
            bare, after_space = (tokenizer(text).input_ids for text in (word, " " + word))
            assert len(bare) == 1, word
            assert bare == after_space
            assert bare[0] != unknown, word
    prose = yaml.safe_load((entries_dir() / "text/plain-prose.yaml").read_text(encoding="utf-8"))
    texts = [re.sub(r"\{\w+\}", "", t["text"]) for n in TEMPLATES for t in listed(f"{n}-templates")["templates"]]  # fmt: skip  # noqa: E501
    for text in (*texts, *prose["passages"]):
        assert unknown not in tokenizer(text).input_ids, text
        assert tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids) == split_words(text)


def test_years_and_acronyms_are_read_in_pieces_by_both(
    world: World, pairs_encoding: BytePairEncoding
) -> None:
    words = build_tokenizer(world.vocabulary, 256)
    text = "The war lasted from the year 1732 to the year 17"
    assert words.convert_ids_to_tokens(words(text).input_ids)[-5:] == [
        "32",
        "to",
        "the",
        "year",
        "17",
    ]
    assert split_words("in 1732")[1:] == ["17", "⁀32"]
    pairs = pairs_encoding.tokenizer(256)
    assert pairs.convert_ids_to_tokens(pairs(text).input_ids)[-5:] == ["32", "Ġto", "Ġthe", "Ġyear", "Ġ17"]  # fmt: skip  # noqa: E501
    for tokenizer, capitals in ((words, ["S", "R", "U"]), (pairs, ["S", "R", "U"])):
        got = tokenizer.convert_ids_to_tokens(tokenizer("River Union (SRU) and").input_ids)
        assert got[-5:-2] == capitals


@pytest.mark.parametrize("kind", sorted(set(KINDS) - OF_POOL))
def test_a_document_is_read_as_its_words_are(
    kind: str, docs: Documents, pairs_encoding: BytePairEncoding
) -> None:
    # What training reads, word by word, is what the tokenizer makes of the whole text.
    for encoding in (docs.encoding, pairs_encoding):
        tokenizer = encoding.tokenizer(10_000)
        for text in sample(docs, kind, 10):
            pieces = encoding.ids(text.words[1:])
            assert list(itertools.chain(*pieces)) == tokenizer(written(text.words)).input_ids


def test_byte_pairs_split_a_good_part_of_the_words(
    world: World, pairs_encoding: BytePairEncoding
) -> None:
    def split(words: tuple[str, ...]) -> float:
        ids = pairs_encoding.ids([".", *words])[1:]
        return sum(len(one) > 1 for one in ids) / len(ids)

    assert 0.4 < split(world.vocabulary) < 0.6
    # what recipes need as single tokens is whole
    assert split(world.words["names"]) == 0
    assert split(world.words["nouns"]) < 0.05
    assert split(world.words["positive-adjectives"]) > 0.5


def test_no_text_word_is_also_a_letter(world: World) -> None:
    letters = next(s for s in world.series if s.id == "letters").words
    texts = [t.text for name, group in world.templates.items() for t in group if name != "choice-templates"]  # fmt: skip  # noqa: E501
    for text in (*world.passages, *texts):
        words = split_words(re.sub(r"\{\w+\}", "", text))
        assert not set(words) & set(letters), text


def test_mixtures_are_distributions_over_all_kinds() -> None:
    for mixture in MIXTURES.values():
        assert sum(mixture.values()) == pytest.approx(1)
        assert set(mixture) == set(KINDS)


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


def test_weights_are_on_answers_copies_and_a_share_of_the_rest(docs: Documents) -> None:
    batch = docs.batch(0, 0, 200, 128, 1.0, "later")
    assert set(np.unique(batch.weights)) == {0.0, 1.0, ANSWER_WEIGHT}
    assert (batch.weights[batch.indirect_objects] == ANSWER_WEIGHT).all()
    repeats = batch.copied.any(axis=1)
    assert (batch.weights[repeats] == batch.copied[repeats]).all()
    texts = batch.weights[~repeats]
    assert 0.2 < (texts == 1).mean() < 0.35


def test_indirect_objects_are_marked_where_the_sentence_ends(docs: Documents) -> None:
    found = 0
    for text in sample(docs, "indirect-object", 60):
        marked = [text.words[i] for i in text.answers()]
        names = [answer for _, _, answer in sorted_by_place(written(text.words), *SENTENCES)]
        assert marked[: len(names)] == names
        assert len(marked) - len(names) <= 1  # one may be cut off before its full stop
        found += len(names)
    assert found > 300


def test_the_subject_stands_as_near_as_is_asked_for(docs: Documents, world: World) -> None:
    """A share of 1: always one word before the end; 0: never."""
    rng = np.random.default_rng(7)
    for near_subjects in (0.0, 1.0):
        distances = []
        for _ in range(40):
            words = docs.document(rng, "indirect-object", 256, near_subjects=near_subjects)
            for at in words.answers():
                sentence = words.words[:at]
                back = next(i for i in itertools.count(1) if sentence[-i] in world.words["names"])
                distances.append(back)
        assert len(distances) > 200
        assert {distance == 2 for distance in distances} == {near_subjects == 1.0}


def test_words_between_a_key_and_its_value_are_left_out_by_hand() -> None:
    words = ["Behind", "the", "door", "was", "the"]
    rng = np.random.default_rng(0)
    assert shortened(rng, 0.0, words, "door") == words
    drawn = [shortened(rng, 1.0, words, "door") for _ in range(600)]
    # Never the whole text: none or the last of the two words between; each as often.
    assert {tuple(one) for one in drawn} == {
        ("Behind", "the", "door"),
        ("Behind", "the", "door", "the"),
    }
    assert 0.42 < sum(len(one) == 3 for one in drawn) / len(drawn) < 0.58
    assert shortened(rng, 1.0, ["door"], "door") == ["door"]


@pytest.mark.parametrize("kind", ["recall", "facts", "needle"])
def test_keys_stand_as_near_to_their_values_as_is_asked_for(
    docs: Documents, world: World, kind: str
) -> None:
    keys = {"recall": world.words["nouns"], "needle": world.words["names"]}.get(kind) or [
        country
        for name in ("capitals", "languages", "currencies")
        for country, _ in world.pairs[name]
    ]
    between: dict[float, list[int]] = {}
    for left_out in (0.0, 0.5, 1.0):
        rng, found = np.random.default_rng(4), between.setdefault(left_out, [])
        for _ in range(60):
            text = docs.document(rng, kind, 200, left_out=left_out)
            for at in text.answers():
                # Where the country is what is asked for, the key is a city.
                if text.words[at] not in keys or kind == "recall":
                    found.append(
                        next(i for i in itertools.count() if text.words[at - 1 - i] in keys)
                    )
        assert len(found) > 30
    if kind == "recall":  # a third of its lists have nothing between; the others one word or two
        assert set(between[0.0]) == {0, 1, 2}
        assert set(between[1.0]) == {0, 1}
    else:
        assert min(between[0.0]) >= 1
        assert min(between[1.0]) == 0
    # Half of them shortened lie half way between none and all.
    none, half, all_short = (float(np.mean(between[left_out])) for left_out in (0.0, 0.5, 1.0))
    assert all_short < 0.6 * none
    assert half == pytest.approx((none + all_short) / 2, rel=0.15)


SENTENCES = ("indirect-object-templates", "near-subject-templates")


def sorted_by_place(text: str, *names: str) -> list[tuple[str, dict, str]]:  # type: ignore[type-arg]
    found = []
    for template in itertools.chain(*(listed(name)["templates"] for name in names)):
        for match in pattern(template["text"]).finditer(text):
            slots = match.groupdict()
            found.append((match.end(), template["id"], slots, slots.pop("answer")))
    return [one[1:] for one in sorted(found, key=lambda one: one[0])]


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
        words = docs.document(rng, "repeats", 96, 0.0).words[1:]
        seen.update(words)
        again = [word for word in words if words.count(word) > 1]
        lengths.add(len(set(again)))
    assert len(seen) == FIRST_POOL
    # A block that is cut off in its second copy shows fewer words than it has.
    # A word of a gap may by chance be drawn twice, and counts as one more.
    assert FIRST_BLOCK[1] <= max(lengths) <= FIRST_BLOCK[1] + 5


def test_blocks_follow_one_another_where_they_may(docs: Documents) -> None:
    """One block: whatever is copied was first told near the start. Several: anywhere."""
    late = {}
    for several_blocks in (0.0, 1.0):
        rng, firsts = np.random.default_rng(6), []
        for _ in range(60):
            words = docs.document(rng, "repeats", 256, several_blocks=several_blocks).words
            copied = [
                word for word, again in zip(words, continues_copy(words), strict=True) if again
            ]
            firsts += [words.index(word) for word in set(copied)]
        assert len(firsts) > 500
        late[several_blocks] = sum(first >= 100 for first in firsts) / len(firsts)
    # Words of gaps can by chance follow one another again.
    assert late[0.0] < 0.02
    assert late[1.0] > 0.3


def test_repeats_come_at_many_distances(docs: Documents) -> None:
    distances = set()
    for text in sample(docs, "repeats", 400, 128):
        last: dict[str, int] = {}
        for i, word in enumerate(text.words):
            if word in last:
                distances.add(i - last[word])
            last[word] = i
    assert set(range(4, 41)) <= distances


def test_every_kind_fills_its_length_with_known_words(docs: Documents) -> None:
    for kind in KINDS:
        for text in sample(docs, kind, 20):
            assert len(text.words) == len(text.asked) == 256
            assert text.words[0] == "<bos>"
            assert text.words.count("<bos>") == 1
            assert len(docs.encoding.ids(text.words)) == 256  # each is known


def test_items_are_deterministic(docs: Documents) -> None:
    for skill in SKILLS:
        first = items(skill, docs, 20, 1)
        assert first == items(skill, docs, 20, 1)
        assert first != items(skill, docs, 20, 2)


def test_items_fit_the_context_of_both(world: World, pairs_encoding: BytePairEncoding) -> None:
    docs = Documents(world, pairs_encoding)
    far = []
    for item in items("needle-far", docs, 30, 1):
        tokens = sum(len(ids) for ids in pairs_encoding.ids((*item.prompt, item.answer)))
        assert tokens <= 256
        far.append(tokens)
    assert np.mean(far) > 180


# --- what is held out, by template -------------------------------------------------------------


def test_held_out_name_pairs_and_places_are_never_trained_on(docs: Documents) -> None:
    trained = exchanges(docs, "indirect-object", 200, "indirect-object-templates")
    pairs = {frozenset((slots["A"], slots["B"])) for _, slots, _ in trained}
    places = {(template, slots["place"]) for template, slots, _ in trained}
    assert not any(pair_held_out(*pair) for pair in pairs)
    for skill in ("indirect-object-names", "indirect-object-places"):
        first = 0
        for item in items(skill, docs, 200, 5):
            ((template, slots, answer),) = matches(
                written((*item.prompt, item.answer, ".")), "indirect-object-templates"
            )
            assert {answer, slots["S"]} == {slots["A"], slots["B"]}
            first += answer == slots["A"]
            if skill.endswith("names"):
                assert frozenset((slots["A"], slots["B"])) not in pairs
            else:
                assert (template, slots["place"]) not in places
        assert 70 <= first <= 130  # ABBA and BABA


def test_held_out_chains_are_never_trained_on(world: World, docs: Documents) -> None:
    trained = {chain for text in sample(docs, "series", 800) for chain in chains(text.words[1:])}
    follows = {
        (a, b)
        for s in world.series
        for a, b in zip(s.words, (*s.words[1:], s.words[0]), strict=True)
        if s.wraps or a != s.words[-1]
    }
    assert all(pair in follows for chain in trained for pair in itertools.pairwise(chain))
    where = {word: (s, i) for s in world.series for i, word in enumerate(s.words)}
    for chain in trained:
        series, start = where[chain[0]]
        assert not held_out("series", series.id, start, len(chain)), chain
    for item in items("series", docs, 300, 5):
        chain = chains([*item.prompt[1:], item.answer, "."])[-1]
        assert len(chain) >= 3
        assert (chain[-2], chain[-1]) in follows
    assert ("Sunday", "Monday") in {p for chain in trained for p in itertools.pairwise(chain)}


def chains(words: list[str]) -> list[tuple[str, ...]]:
    """Whole chains, each ended by a full stop; one that is cut off is dropped."""
    found, chain = [], []
    for word in words:
        if word == ".":
            found.append(tuple(chain))
            chain = []
        elif word not in (",", "then"):
            chain.append(word)
    return found


@pytest.mark.parametrize(
    ("name", "slot", "pairs"),
    [
        ("capital", "city", "capitals"),
        ("language", "language", "languages"),
        ("currency", "currency", "currencies"),
    ],
)
def test_facts_stay_as_told_and_some_are_never_trained_on(
    name: str, slot: str, pairs: str, docs: Documents
) -> None:
    true = {(a, b) for a, b in listed(pairs)["pairs"]}
    trained, told_pairs, false, twice = set(), set(), 0, 0
    for text in sample(docs, "facts", 500):
        told: dict[str, str] = {}
        # a document holds several rounds, and each tells of its own countries
        first = written(text.words)[:700]
        for template, slots, answer in sorted_by_place(first, f"{name}-templates"):
            country, value = slots.get("country", answer), slots.get(slot, answer)
            trained.add((template, country))
            told_pairs.add((country, value))
            false += (country, value) not in true
            twice += told.setdefault(country, value) == value
    assert not any(held_out(name, template, country) for template, country in trained)
    assert not any(held_out(f"false-{name}", *pair) for pair in told_pairs - true)
    assert false > 200
    assert twice > 500
    for item in items(pairs, docs, 100, 5):
        ((template, slots, answer),) = matches(written((*item.prompt, item.answer, ".")), f"{name}-templates")  # fmt: skip  # noqa: E501
        assert (template, slots.get("country", answer)) not in trained
        assert (slots.get("country", answer), slots.get(slot, answer)) in true
    for skill in ("contradiction", "contradiction-reworded"):
        for item in items(skill, docs, 150, 5):
            stated = sorted_by_place(written((*item.prompt, item.answer, ".")), f"{name}-templates")
            if not stated:
                continue  # another relation
            (template, slots, answer), *_, (last, again, value) = stated
            assert (slots["country"], answer) == (again["country"], value)
            assert (slots["country"], answer) not in told_pairs | true
            assert (template == last) is (skill == "contradiction")


def test_held_out_recall_pairs_are_never_trained_on(docs: Documents) -> None:
    nouns = set(listed("nouns")["words"])
    trained: set[tuple[str, str]] = set()
    for text in sample(docs, "recall", 400):
        joined = written(text.words)
        found = re.findall(r"(?:Behind the )?(\w+)(?: was the|:)? (\w+)(?=[,.])", joined)
        trained.update(pair for pair in found if set(pair) <= nouns)
    assert len(trained) > 1500
    assert not any(held_out("recall", *pair) for pair in trained)
    for skill, count in (("recall-4", 4), ("recall-8", 8), ("recall-12", 12)):
        for item in items(skill, docs, 60, 5):
            shown = [word for word in item.prompt if word in nouns]
            assert len(shown) == 2 * count + 1
            assert len(set(shown)) == 2 * count
            assert shown[shown.index(shown[-1]) + 1] == item.answer
            assert (shown[-1], item.answer) not in trained


def test_boxes_and_needles_ask_for_what_was_told(docs: Documents) -> None:
    boxes = exchanges(docs, "boxes", 100, "box-templates")
    for _, slots, answer in boxes:
        held = {slots[f"letter{i}"]: slots[f"object{i}"] for i in (1, 2, 3)}
        assert held[slots["asked"]] == answer
        assert not any(held_out("box", thing, letter) for letter, thing in held.items())
    trained = {(s["name"], a) for _, s, a in exchanges(docs, "needle", 100, "needle-templates")}
    assert not any(held_out("needle", *pair) for pair in trained)
    for skill in ("needle-near", "needle-far"):
        for item in items(skill, docs, 60, 5):
            stated = sorted_by_place(written((*item.prompt, item.answer, ".")), "needle-templates")
            _, asked, answer = stated[-1]
            assert (asked["name"], answer) not in trained
            assert [a for _, s, a in stated[:-1] if s["name"] == asked["name"]] == [answer]


def test_held_out_inputs_are_never_in_examples(world: World, docs: Documents) -> None:
    truth = {name: set(mapping(world, name)) for name in FEW_SHOT}
    seen: set[tuple[str, str]] = set()
    for text in sample(docs, "few-shot", 300):
        for line in written(text.words).split(".")[:-1]:
            examples = {tuple(re.split(" = | gives ", part.strip())) for part in line.split(";")}
            fitting = [name for name, pairs in truth.items() if examples <= pairs]
            assert fitting, line
            assert all(not held_out("few-shot", fitting[0], given) for given, _ in examples)
            seen.update((fitting[0], given) for given, _ in examples)
    assert len(seen) > 300
    for name in FEW_SHOT:
        for item in items(f"few-shot-{name}", docs, 40, 5):
            *shown, last = written(item.prompt).split(";")
            given = re.split(" =| gives", last.strip())[0]
            assert (given, item.answer) in truth[name]
            assert (name, given) not in seen
            assert len(shown) >= 3
    for item in items("few-shot-seen", docs, 40, 5):
        given = re.split(" =| gives", written(item.prompt).split(";")[-1].strip())[0]
        assert any((given, item.answer) in pairs for pairs in truth.values())


FEW_SHOT = (
    "opposites", "plurals", "french-nouns", "capitals", "languages", "currencies", "next",
)  # fmt: skip


def test_yes_and_no_are_right_and_biased_in_training_only(docs: Documents) -> None:
    true = {tuple(p) for name in ("capitals", "languages") for p in listed(name)["pairs"]}
    trained = exchanges(docs, "yes-no", 100, "yes-no-templates")
    asked = {(template, slots["country"]) for template, slots, _ in trained}
    for _, slots, answer in trained:
        fact = (slots["country"], slots.get("city") or slots.get("language"))
        assert (fact in true) is (answer == "yes")
    yes = sum(answer == "yes" for _, _, answer in trained) / len(trained)
    assert 0.66 < yes < 0.74
    answers = []
    for item in items("yes-no", docs, 200, 5):
        ((template, slots, answer),) = matches(written((*item.prompt, item.answer, ".")), "yes-no-templates")  # fmt: skip  # noqa: E501
        assert (template, slots["country"]) not in asked
        answers.append(answer == "yes")
    assert 0.4 < np.mean(answers) < 0.6


def test_the_letter_is_that_of_the_right_option(docs: Documents) -> None:
    capitals = dict(listed("capitals")["pairs"])
    trained = exchanges(docs, "choice", 100, "choice-templates")
    new = [
        m
        for skill in ("choice-colour", "choice-capital")
        for item in items(skill, docs, 100, 5)
        for m in matches(written((*item.prompt, item.answer, ".")), "choice-templates")
    ]
    assert len(new) == 200
    for where in (trained, new):
        for _, slots, answer in where:
            right = slots.get("colour") or capitals[slots["country"]]
            options = [slots[letter] for letter in "abcd"]
            assert options.count(right) == 1
            assert "ABCD"[options.index(right)] == answer
        assert {answer for _, _, answer in where} == set("ABCD")
    known = {(s.get("object") or s["country"], s.get("colour")) for _, s, _ in trained}
    assert not {(s.get("object") or s["country"], s.get("colour")) for _, s, _ in new} & known


def test_years_end_after_they_begin(docs: Documents) -> None:
    trained = exchanges(docs, "years", 60, "year-templates")
    starts = {(s["century"], s["start"]) for _, s, _ in trained}
    for _, slots, answer in trained:
        assert len(answer) == 2  # after the same century again
        assert int(answer) > int(slots["start"])
    for item in items("years", docs, 100, 5):
        century, start = re.findall(r"(\d\d)(\d\d)\b", written(item.prompt))[0]
        assert (century, start) not in starts
        wanted = {f"⁀{number:02}" for number in range(int(start) + 1, 100)}
        assert item.accepted == wanted
        assert item.answer in wanted


def test_reviews_acronyms_and_lists_are_right(docs: Documents) -> None:
    praise = set(listed("positive-adjectives")["words"])
    reviews = exchanges(docs, "reviews", 60, "review-templates")
    assert all((answer == "good") is (s["adjective"] in praise) for _, s, answer in reviews)
    seen = {(template, s["adjective"]) for template, s, _ in reviews}
    for item in items("reviews", docs, 100, 5):
        ((template, slots, answer),) = matches(written((*item.prompt, item.answer, ".")), "review-templates")  # fmt: skip  # noqa: E501
        assert (template, slots["adjective"]) not in seen
        assert (answer == "good") is (slots["adjective"] in praise)
    for _, slots, answer in exchanges(docs, "acronyms", 60, "acronym-templates"):
        words = [slots[name] for name in ("first", "second", "third")]
        assert answer == "".join(word[0] for word in words)
        assert not held_out("acronym", *words)
    cut = {
        len(re.findall(r"\((\w*)$", written(i.prompt))[0]) for i in items("acronyms", docs, 60, 5)
    }
    assert cut == {0, 1, 2}  # each of the three letters is asked for
    for _, slots, answer in exchanges(docs, "closed-lists", 60, "list-templates"):
        shown = slots["list"].split(", ")
        assert {*shown, answer} == set(listed(slots["group"])["words"])
        assert answer not in shown
        assert not held_out("list", slots["group"], *shown, answer)


def test_held_out_passages_are_never_trained_on(world: World, docs: Documents) -> None:
    assert len(world.held_out_passages) + len(world.training_passages) == len(world.passages)
    openings = {tuple(split_words(p)[:12]) for p in world.held_out_passages}
    for kind in ("prose", "indirect-object", "needle"):
        for text in sample(docs, kind, 100):
            words = text.words
            assert not any(tuple(words[i : i + 12]) in openings for i in range(len(words) - 11))


def test_specials_come_first(world: World) -> None:
    encoding = WordEncoding(world.vocabulary)
    assert [encoding.by_word[word] for word in SPECIALS] == [0, 1, 2]
