"""Prompts sorted by what the model answers: which are kept, and against which wrong answer."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from catalog.schema.evidence import Evidence
from catalog.schema.measures import DirectLogitAttribution
from catalog.schema.prompts import Templates
from catalog.schema.recipe import Gate, Recipe
from tests.planted import FAMILIES, Family, Planted, acronyms_model, fooled_model
from tests.planted import readings as read
from tests.planted.fooled import CONFUSED, GIVEN, UNKNOWN
from tests.planted.report import at
from tests.planted.words import word_list
from tests.verify.catalog_parts import catalog, recipe
from verify.builders import build
from verify.loading import wrap
from verify.planning import Job
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.recording import Settings
from verify.running import run
from verify.sorting import Said, kept, sorted_by_answers
from verify.words import Words

both_families = pytest.mark.parametrize("family", FAMILIES)
WRONG_LETTER = recipe("vulnerable-head", "writes-wrong-letter")


def templates(**fields: Any) -> Templates:
    """Prompts of which only what sorting reads matters."""
    parts = {
        "builder": "templates",
        "templates": "acronym-next-templates",
        "fill": {"due": "nouns"},
        "answers": {"correct": "due"},
    }
    return Templates.model_validate_json(json.dumps({**parts, **fields}))


def prompts_of(correct: list[int], candidates: tuple[int, ...] | None = None) -> PromptSet:
    """Prompts that differ by their first token, and an aligned variant of them."""

    def made(first: int) -> tuple[Prompt, ...]:
        return tuple(
            Prompt(
                ids=(first + i, 0),
                queries={"end": (1,)},
                answers={"right": token},
                candidates=candidates,
                cluster=i,
            )
            for i, token in enumerate(correct)
        )

    return PromptSet({"clean": made(100), "corrupted": made(200)}, left_out=1)


def said(
    answers: list[int], strongest: list[int] | None = None, wrote: list[bool] | None = None
) -> Said:
    wrong = torch.tensor(strongest if strongest is not None else [99] * len(answers))
    whole = torch.tensor(wrote if wrote is not None else [True] * len(answers))
    return Said(torch.tensor(answers).numpy(), wrong.numpy(), whole.numpy())


def firsts(prompts: tuple[Prompt, ...]) -> list[int]:
    return [prompt.ids[0] for prompt in prompts]


def test_answered_correctly_keeps_aligned_variants_aligned() -> None:
    made = kept(
        prompts_of([1, 2, 3, 4]), templates(keep="answered-correctly"), said([1, 9, 3, 4]), seed=0
    )
    assert firsts(made.variants["clean"]) == [100, 102, 103]
    assert firsts(made.variants["corrupted"]) == [200, 202, 203]
    assert made.unaligned == frozenset()
    assert made.left_out == 2
    assert made.answers is not None
    assert (made.answers.drawn, made.answers.correct, made.answers.wrong) == (4, 3, 1)


def test_answered_wrongly_leaves_out_what_is_no_candidate() -> None:
    prompts = prompts_of([1, 2, 3, 4, 5], candidates=(1, 2, 3, 4, 5))
    made = kept(
        prompts,
        templates(keep="answered-wrongly", candidates="letters"),
        said([1, 3, 77, 5, 5], [2, 3, 4, 5, 4]),
        seed=0,
    )
    assert firsts(made.main) == [101, 103]
    assert firsts(made.variants["corrupted"]) == [201, 203]
    assert firsts(made.variants["solved"]) == [100, 104]
    assert made.unaligned == {"solved"}
    assert [p.answers["given"] for p in made.main] == [3, 5]
    assert [p.answers["strongest-wrong"] for p in made.main] == [3, 5]
    assert [p.answers["strongest-wrong"] for p in made.variants["solved"]] == [2, 4]
    # the second solved prompt's own answer is 5, so that 3 is all that it can be compared with
    assert made.variants["solved"][0].answers["given"] in (3, 5)
    assert made.variants["solved"][1].answers["given"] == 3
    assert made.left_out == 2  # one that could not be built, one that was answered with neither


def test_without_candidates_any_other_answer_is_wrong() -> None:
    made = kept(prompts_of([1, 2]), templates(keep="answered-wrongly"), said([1, 77]), seed=0)
    assert firsts(made.main) == [101]


def test_solved_prompts_get_wrong_answers_as_often_as_they_were_given() -> None:
    """3 of 4 failed prompts were given 7, one 8: so about three quarters of the solved ones."""
    correct = [1] * 404
    answers = [7, 7, 7, 8] + [1] * 400
    made = kept(
        prompts_of(correct, candidates=(1, 7, 8, 9)),
        templates(keep="answered-wrongly", candidates="letters"),
        said(answers),
        seed=3,
    )
    drawn = Counter(p.answers["given"] for p in made.variants["solved"])
    assert set(drawn) == {7, 8}
    assert drawn[7] / 400 == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / 400) ** 0.5)


def test_solved_prompts_that_nothing_can_be_compared_with_are_left_out() -> None:
    made = kept(
        prompts_of([7, 1, 7, 2]), templates(keep="answered-wrongly"), said([7, 7, 7, 2]), seed=0
    )
    assert firsts(made.variants["solved"]) == [103]
    nothing = kept(prompts_of([1, 2]), templates(keep="answered-wrongly"), said([1, 2]), seed=0)
    assert nothing.main == nothing.variants["solved"] == ()


@cache
def built(family: Family) -> tuple[Planted, PromptSet, PromptSet]:
    """The planted model, what was drawn, and what is left of it."""
    planted = fooled_model(family)
    loaded = wrap(planted.model, planted.tokenizer, "planted--fooled")
    words = Words(
        loaded.tokenizer, catalog().vocabularies, catalog().texts, loaded.anatomy.embedding_rows
    )
    assert isinstance(WRONG_LETTER.prompts, Templates)
    parameters = WRONG_LETTER.prompts.model_copy(update={"count": 96})
    drawn = build(parameters, words)
    return planted, drawn, sorted_by_answers(drawn, parameters, 0, loaded, Settings())


@both_families
@torch.no_grad()
def test_failed_and_solved_prompts_are_those_of_a_plain_run(family: Family) -> None:
    planted, drawn, left = built(family)
    letters = set(planted.tokenizer.convert_tokens_to_ids(word_list("letters")))
    runs = read.run(planted, [list(prompt.ids) for prompt in drawn.main])
    answers = [int(r.logits[-1].argmax()) for r in runs]
    failed, solved = [], []
    for prompt, answer in zip(drawn.main, answers, strict=True):
        due = prompt.answers["correct"]
        letter = planted.tokenizer.convert_ids_to_tokens(due)
        (solved if answer == due else failed).append(prompt.ids)
        # the model is planted to fail for these words and no others
        assert (answer != due) == (letter in (*CONFUSED, *UNKNOWN))
        assert letter not in CONFUSED or answer == planted.tokenizer.convert_tokens_to_ids(GIVEN)
        assert answer in letters
    assert len(failed) > 4
    assert [prompt.ids for prompt in left.main] == failed
    assert [prompt.ids for prompt in left.variants["solved"]] == solved
    logits = {tuple(r.tokens): r.logits[-1] for r in runs}
    for variant in left.variants.values():
        for prompt in variant:
            rivals = sorted(letters - {prompt.answers["correct"]})
            strongest = rivals[int(logits[prompt.ids][rivals].argmax())]
            assert prompt.answers["strongest-wrong"] == strongest


def evidence(planted: Planted, made: Recipe, settings: Settings | None = None) -> Evidence:
    loaded = wrap(planted.model, planted.tokenizer, f"planted--{planted.name}")
    (record,) = run(loaded, catalog(), [Job("vulnerable-head", made)], settings)
    return record


@both_families
@torch.no_grad()
def test_effects_on_failed_prompts_are_those_of_removing_the_head(family: Family) -> None:
    """The heads of the last layers write to nothing but the logits, and both norms are constant."""
    planted, _, left = built(family)
    parts = {"prompts": WRONG_LETTER.prompts.model_copy(update={"count": 96})}
    record = evidence(planted, WRONG_LETTER.model_copy(update={**parts, "gate": None}))
    assert record.scores is not None
    for variant, grid in (("clean", record.scores.mean), ("solved", record.scores.control)):
        prompts = left.variants[variant]
        tokens = [list(prompt.ids) for prompt in prompts]
        whole = read.run(planted, tokens)
        for head in ("1.0", "1.1", "1.3", "1.4", "2.0"):
            without = read.run(planted, tokens, without=(head,))
            effects = []
            for prompt, one, other in zip(prompts, whole, without, strict=True):
                change = one.logits[-1] - other.logits[-1]
                gap = change[prompt.answers["given"]] - change[prompt.answers["correct"]]
                effects.append(float(gap))
            mean = sum(effects) / len(effects)
            assert at(grid, head) == pytest.approx(mean, rel=1e-3, abs=1e-2)


@both_families
def test_the_mean_over_all_prompts_misses_the_head(family: Family) -> None:
    """Unsorted, the head that makes the errors writes for the right letter on average."""
    content = WRONG_LETTER.model_dump(by_alias=True, mode="json")
    for field in ("keep", "candidates"):
        del content["prompts"][field]
    content["prompts"]["corrupt"] = {
        "due": {"words": "acronym-words", "row": "unnamed", "split": True}
    }
    content["measure"] |= {"correct": "foil", "foil": "correct"}
    content["control"] = {"vary": "prompts", "variant": "corrupted"}
    content["gate"] = None
    unsorted = evidence(fooled_model(family), Recipe.model_validate_json(json.dumps(content)))
    assert "1.0" not in unsorted.found
    assert unsorted.scores is not None
    assert at(unsorted.scores.mean, "1.0") < -1
    assert "1.0" in evidence(fooled_model(family), WRONG_LETTER).found


def test_too_few_failed_prompts_are_not_applicable_and_say_so() -> None:
    record = evidence(acronyms_model("llama"), WRONG_LETTER)
    assert record.verdict == "not-applicable"
    assert "prompts answered wrongly 0, needed 16" in record.reason
    assert record.scores is None
    accuracy = next(gate for gate in record.gates if gate.name == "accuracy")
    assert accuracy.value == 1.0


def test_the_record_tells_which_prompts_were_kept() -> None:
    """By a hash: one model for two that err differently on what was drawn, whatever was drawn."""
    err, solve = fooled_model("llama"), acronyms_model("llama")
    fooled, solved = evidence(err, WRONG_LETTER).run, evidence(solve, WRONG_LETTER).run
    assert fooled.prompts_sha256 == solved.prompts_sha256
    assert None is not fooled.kept_sha256 != solved.kept_sha256 is not None
    unsorted = evidence(solve, recipe("letter-mover", "direct-effect")).run
    assert "kept_sha256" not in unsorted.model_dump(mode="json")


def test_what_is_kept_does_not_depend_on_the_batch_size() -> None:
    planted = fooled_model("llama")
    small = WRONG_LETTER.model_copy(
        update={"prompts": WRONG_LETTER.prompts.model_copy(update={"count": 192})}
    )
    one, other = (evidence(planted, small, Settings(batch_size=size)) for size in (5, 64))
    assert one.gates == other.gates
    assert one.sample == other.sample
    assert one.run.kept_sha256 == other.run.kept_sha256
    assert one.scores is not None
    assert other.scores is not None
    for head in ("1.0", "1.4"):
        assert at(one.scores.margin, head) == pytest.approx(at(other.scores.margin, head), abs=1e-4)


def with_parts(**parts: Any) -> Recipe:
    written = WRONG_LETTER.model_dump(by_alias=True, mode="json")
    return Recipe.model_validate_json(json.dumps({**written, **parts}))


@pytest.mark.parametrize(
    ("part", "fields", "message"),
    [
        ("gate", {"min_kept": None}, "give 'min_kept'"),
        ("prompts", {"keep": "all", "candidates": None}, "role|answer|variant"),
        ("prompts", {"keep": "answered-correctly"}, "answers are wrong"),
        ("prompts", {"answers": {}}, "give 'answers'"),
        (
            "measure",
            {"scale": "share", "correct": "correct", "foil": "foil"},
            "above zero for a wr",
        ),
        ("measure", {"scale": "share", "foil": "strongest-wrong"}, "above zero for a wrong answer"),
        ("measure", {"scale": "share", "foil": None}, "above zero for a wrong answer"),
        ("gate", {"min_logit_difference": 0}, "give 'min_accuracy'"),
        ("gate", {"min_kept": 257}, "asks for 257 prompts of each sort, and 512 are drawn"),
        (
            "criterion",
            {"min_margin": None, "max_q": None, "max_change": 0.1},
            "compares the same prompts",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(part: str, fields: dict[str, Any], message: str) -> None:
    written = WRONG_LETTER.model_dump(by_alias=True, mode="json")
    with pytest.raises(ValidationError, match=message):
        with_parts(**{part: {**written[part], **fields}})


@pytest.mark.parametrize("correct", ["given", "strongest-wrong"])
def test_a_share_of_what_the_wrong_answer_leads_by_is_allowed(correct: str) -> None:
    written = WRONG_LETTER.model_dump(by_alias=True, mode="json")
    made = with_parts(measure={**written["measure"], "correct": correct, "scale": "share"})
    assert isinstance(made.measure, DirectLogitAttribution)
    assert made.measure.scale == "share"


def test_half_of_the_draw_may_be_asked_of_each_sort() -> None:
    assert with_parts(gate={"min_kept": 256}).gate == Gate(min_kept=256)


def test_prompts_in_which_no_two_candidates_are_one_token_are_left_out() -> None:
    """Of words that the tokenizer splits the first letters are known, of others nothing."""
    planted, parameters = acronyms_model("llama"), WRONG_LETTER.prompts
    assert isinstance(parameters, Templates)
    lists = dict(catalog().vocabularies)
    written = lists["letters"].model_dump(mode="json")
    for words, fits in ((("A", "B"), True), (("A", "Zzyzx"), False), (("Zzyzx", "Qxq"), False)):
        lists["letters"] = type(lists["letters"]).model_validate_json(
            json.dumps({**written, "words": words})
        )
        known = Words(planted.tokenizer, lists, catalog().texts, len(planted.tokenizer))
        few = parameters.model_copy(update={"count": 8})
        if fits:
            a, b = planted.tokenizer.convert_tokens_to_ids(["A", "B"])
            assert {prompt.candidates for prompt in build(few, known).main} == {(a, b)}
        else:
            with pytest.raises(CannotBuild):
                build(few, known)


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (
            {"kind": "offset-concentration", "query": "end"},
            "'offset-concentration' compares each prompt with itself",
        ),
        (
            {"kind": "attention-to-predicted", "query": "end"},
            "'attention-to-predicted' is what the model predicts less",
        ),
    ],
)
def test_only_some_measures_compare_failed_with_solved_prompts(
    measure: dict[str, str], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        with_parts(measure=measure)


def test_a_gate_on_kept_prompts_needs_prompts_that_are_kept() -> None:
    made = recipe("letter-mover", "direct-effect").model_dump(by_alias=True, mode="json")
    made["gate"]["min_kept"] = 16
    with pytest.raises(ValidationError, match="for prompts that 'keep' sorts"):
        Recipe.model_validate_json(json.dumps(made))


def test_recipes_without_it_are_written_as_before() -> None:
    """So that their hash, and the evidence that rests on it, stands."""
    made = recipe("letter-mover", "direct-effect").model_dump(mode="json")
    assert not {"keep", "candidates"} & set(made["prompts"])
    assert "min_kept" not in made["gate"]
