"""Every verdict on a type and on a claim, from small records whose outcome is worked out by hand.

The model has 2 layers of 4 heads; a record is given by its scores and the heads it found.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog.agreement import agree, auroc, ranks
from catalog.responses import TypeResult
from catalog.schema.claim import Claim
from catalog.schema.evidence import Evidence, GateResult
from catalog.schema.head_type import HeadType
from catalog.schema.model import Model
from catalog.verdicts import claim_result, type_result

CHECKED = {"state": "read", "where": "by hand"}
SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Heads 0.0 to 1.3 in order: 1.3 is the best, then 1.2, 1.1, 1.0, 0.3."""

MEASURES: dict[str, dict[str, Any]] = {
    "looks": {
        "prompts": {"builder": "random-tokens", "count": 8, "seed": 0},
        "measure": {"kind": "attention", "query": "all", "key": "previous"},
        "control": {"vary": "role", "key": "two-before"},
    },
    "copies": {
        "prompts": {"tokens": {"sample": 50}},
        "measure": {"kind": "ov-copying"},
        "control": {"vary": "tokens", "shuffle": "target"},
    },
    "matters": {
        "status": "described",
        "missing": "ablation",
        "prompts": {"builder": "indirect-object", "count": 8, "seed": 0},
        "measure": {
            "kind": "ablation-effect",
            "replace": "mean",
            "metric": "loss",
            "at": "end",
        },
        "control": {"vary": "prompts", "variant": "corrupted"},
    },
}
MEASURES["looks-again"] = MEASURES["looks"]


def read(model: Any, data: dict[str, Any]) -> Any:
    return model.model_validate_json(json.dumps(data))


def entry(identify: dict[str, list[str]] | None, *recipes: str) -> HeadType:
    return read(
        HeadType,
        {
            "id": "looker",
            "name": "Looker head",
            "stage": "latent-reasoning",
            "group": "Test",
            "placed_by": "headbook",
            "summary": "Looks.",
            "definition": "Looks.",
            "action": {"query": "q", "key": "k", "value": "v", "output": "o"},
            "depth": "anywhere",
            "papers": [{"paper": "hand2026made", "role": "introduces"}],
            "no-claims": {
                "reason": "Made by hand.",
                "source": "hand2026made",
                "checked": {"state": "unchecked"},
            },
            "automation": {"level": "core", "reason": "A test."},
            "identify": identify,
            "recipes": [
                {
                    "id": name,
                    "source": "hand2026made",
                    "criterion": {"min_score": 0.3, "min_margin": 0.2},
                    "thresholds": "By hand.",
                    **MEASURES[name],
                }
                for name in recipes
            ],
        },
    )


def model(**changes: Any) -> Model:
    data = {
        "id": "tiny--two",
        "name": "Tiny two",
        "aliases": ["tiny"],
        "source": {"kind": "hub", "hub_id": "tiny/two"},
        "architecture": "GPT2LMHeadModel",
        "layers": 2,
        "heads": 4,
        "kv_heads": 4,
        "width": 16,
        "context": 64,
        "vocabulary": 100,
        "positions": "learned",
        "licence": "MIT",
        "checked": CHECKED,
    }
    return read(Model, {**data, **changes})


def record(
    recipe: str,
    found: list[str],
    unclear: list[str] | None = None,
    scores: tuple[float | None, ...] | None = SCORES,
    se: float = 0.0,
) -> Evidence:
    unclear = unclear or []

    def grid(values: tuple[Any, ...]) -> list[list[Any]]:
        return [list(values[:4]), list(values[4:])]

    names = [f"{layer}.{head}" for layer in range(2) for head in range(4)]
    status = tuple(
        "passes" if head in found else "unclear" if head in unclear else "fails" for head in names
    )
    digest = "0" * 64
    given = scores or ()
    return read(
        Evidence,
        {
            "head_type": "looker",
            "recipe": recipe,
            "model": {
                "id": "tiny--two",
                "revision": "r1",
                "architecture": "GPT2LMHeadModel",
                "layers": 2,
                "heads": 4,
                "kv_heads": 4,
                "weights_sha256": digest,
                "config_sha256": digest,
                "tokenizer_sha256": digest,
            },
            "run": {
                "recipe_sha256": digest,
                "prompts_sha256": digest,
                "seed": 0,
                "confirmation_seed": 1,
                "dtype": "float32",
                "device": "cpu",
                "versions": {},
            },
            "measure": MEASURES[recipe]["measure"]["kind"],
            "unit": "share",
            "criterion": {"min_score": 0.3, "min_margin": 0.2},
            "gates": [],
            "sample": {"unit": "prompt", "units": 8, "clusters": 8},
            "scores": None
            if scores is None
            else {
                "mean": grid(given),
                "low": grid(tuple(None if s is None else s - 0.05 for s in given)),
                "high": grid(tuple(None if s is None else s + 0.05 for s in given)),
                "se": grid((se,) * 8),
                "control": grid((0.05,) * 8),
                "margin": grid(tuple(None if s is None else s - 0.05 for s in given)),
                "margin_low": grid((0.0,) * 8),
                "margin_high": grid((1.0,) * 8),
                "q": None,
                "status": grid(status),
            },
            "found": found,
            "unclear": unclear,
            "verdict": "not-applicable"
            if scores is None
            else "found"
            if found
            else "inconclusive"
            if unclear
            else "not-found",
            "reason": "Accuracy 0.20 of 0.75." if scores is None else "By hand.",
        },
    )


BOTH = ("looks", "copies")
ALL, ANY = {"all-of": list(BOTH)}, {"any-of": list(BOTH)}


def joined(identify: dict[str, list[str]], *records: Evidence) -> TypeResult | None:
    return type_result(entry(identify, *BOTH), model(), {r.recipe: r for r in records})


def settled(identify: dict[str, list[str]], *records: Evidence) -> TypeResult:
    result = joined(identify, *records)
    assert result is not None
    return result


# --- types -------------------------------------------------------------------------------------


def test_all_of_finds_the_heads_that_pass_every_recipe() -> None:
    result = settled(
        ALL, record("looks", ["0.1", "1.0", "1.3"]), record("copies", ["1.0", "0.1", "0.2"])
    )
    assert result.verdict == "found"
    assert result.found == ("1.0", "0.1")  # by score on the first recipe: 0.5, 0.2
    assert result.unclear == ()
    assert result.strength == ("pattern", "weights")
    assert result.revision == "r1"
    assert result.reason == (
        "2 of 8 heads pass all of looks and copies: 1.0, 0.1,"
        " of which 1.0 scores 0.50 (0.45 to 0.55) on looks."
    )


def test_all_of_is_inconclusive_where_a_head_fails_nowhere_but_is_unclear_somewhere() -> None:
    result = settled(
        ALL, record("looks", ["0.1"], ["0.2"]), record("copies", ["0.3"], ["0.1", "0.2"])
    )
    assert (result.verdict, result.found) == ("inconclusive", ())
    assert result.unclear == ("0.1", "0.2")  # 0.1 was found by the first recipe, 0.2 by none
    assert result.strength == ()
    assert result.reason == (
        "None of 8 heads passes all of looks and copies (alone: looks 1, copies 1),"
        " but 2 are unclear: 0.1, 0.2."
    )


def test_all_of_is_not_found_where_every_head_fails_one() -> None:
    result = settled(ALL, record("looks", ["0.1"], ["0.2"]), record("copies", ["0.3"]))
    assert (result.verdict, result.found, result.unclear) == ("not-found", (), ())
    assert result.reason == (
        "None of 8 heads passes all of looks and copies (alone: looks 1, copies 1)."
    )


def test_all_of_is_not_applicable_with_one_member_that_is_not() -> None:
    result = settled(ALL, record("looks", ["0.1"]), record("copies", [], scores=None))
    assert (result.verdict, result.found) == ("not-applicable", ())
    assert result.reason == "The recipe copies was not applicable: Accuracy 0.20 of 0.75."
    assert [r.verdict for r in result.recipes] == ["found", "not-applicable"]
    assert result.recipes[1].best_head is None


def test_all_of_without_one_record_says_nothing() -> None:
    assert joined(ALL, record("looks", [])) is None
    assert joined(ALL) is None


def test_any_of_finds_the_heads_that_pass_one_recipe() -> None:
    result = settled(ANY, record("looks", ["0.1"], ["1.3"]), record("copies", ["0.2", "1.3"]))
    assert result.verdict == "found"
    assert result.found == ("0.1", "1.3", "0.2")  # found by looks, then by copies (0.8, 0.3)
    assert result.unclear == ()
    assert result.strength == ("pattern", "weights")


def test_any_of_is_inconclusive_or_not_found() -> None:
    assert settled(ANY, record("looks", []), record("copies", [], ["0.1"])).verdict == (
        "inconclusive"
    )
    assert settled(ANY, record("looks", []), record("copies", [])).verdict == "not-found"


def test_any_of_uses_what_there_is() -> None:
    partial = settled(ANY, record("looks", ["0.1"]))
    assert (partial.verdict, partial.strength) == ("found", ("pattern",))
    assert partial.reason.endswith("(not run: copies).")
    gated = settled(ANY, record("looks", [], scores=None), record("copies", ["0.2"]))
    assert (gated.verdict, gated.found) == ("found", ("0.2",))
    none = settled(ANY, record("looks", [], scores=None), record("copies", [], scores=None))
    assert none.verdict == "not-applicable"
    assert joined(ANY) is None


def test_one_recipe_alone_names_its_highest_score() -> None:
    alone = entry({"all-of": ["looks"]}, "looks")
    result = type_result(alone, model(), {"looks": record("looks", [])})
    assert result is not None
    assert result.reason == (
        "None of 8 heads passes looks; the highest score is 0.80 (0.75 to 0.85), of 1.3."
    )
    found = type_result(alone, model(), {"looks": record("looks", ["1.3"])})
    assert found is not None
    assert found.reason == (
        "1 of 8 heads passes looks: 1.3, which scores 0.80 (0.75 to 0.85) on looks."
    )


def test_an_entry_without_recipes_has_no_result() -> None:
    assert type_result(entry(None), model(), {}) is None


def test_triangulated_needs_an_observational_and_a_causal_kind_on_the_same_heads() -> None:
    both = entry({"any-of": ["looks", "matters"]}, "looks", "matters")

    def strength(looks: list[str], matters: list[str]) -> tuple[str, ...]:
        result = type_result(
            both,
            model(),
            {"looks": record("looks", looks), "matters": record("matters", matters)},
        )
        assert result is not None
        return result.strength

    assert strength(["0.1", "0.2"], ["0.2", "0.1"]) == ("pattern", "necessary", "triangulated")
    assert strength(["0.1", "0.2"], ["0.1"]) == ("pattern", "necessary")
    assert strength(["0.1"], []) == ("pattern",)
    # two observational kinds do not triangulate
    observed = settled(ALL, record("looks", ["0.1"]), record("copies", ["0.1"]))
    assert observed.strength == ("pattern", "weights")


def test_recipe_results_hold_the_figures_of_a_found_head_or_of_the_best() -> None:
    found = settled(ALL, record("looks", ["0.1"]), record("copies", ["0.1"])).recipes[0]
    assert (found.recipe, found.best_head, found.score) == ("looks", "0.1", 0.2)
    assert (found.low, found.high) == (pytest.approx(0.15), pytest.approx(0.25))

    looks = settled(ALL, record("looks", ["0.1"]), record("copies", [])).recipes[0]
    assert (looks.recipe, looks.best_head, looks.score) == ("looks", "1.3", 0.8)
    assert (looks.low, looks.high) == (pytest.approx(0.75), pytest.approx(0.85))
    assert (looks.control, looks.margin, looks.q) == (0.05, pytest.approx(0.75), None)
    assert looks.evidence == "tiny--two/r1/looker.looks"
    assert looks.strength == "pattern"


# --- agreement with a list ---------------------------------------------------------------------


def test_auroc_counts_pairs_and_halves_ties() -> None:
    # pairs (3, 1) (3, 2) (3, 3) (2, 1) (2, 2) (2, 3): 1 + 1 + .5 + 1 + .5 + 0 of 6
    assert auroc([3, 2], [1, 2, 3]) == pytest.approx(4 / 6)
    assert auroc([1], [0, 0]) == 1.0
    assert auroc([0], [1, 1]) == 0.0


def test_ranks_count_the_heads_above() -> None:
    tied = record("looks", ["1.3"], scores=(0.1, 0.2, 0.3, 0.4, 0.5, 0.8, None, 0.8))
    places = ranks(tied, ["0.0", "1.1", "1.3", "1.2"])
    assert [(p.head, p.rank, p.score, p.status) for p in places] == [
        ("0.0", 7, 0.1, "fails"),
        ("1.1", 1, 0.8, "fails"),
        ("1.3", 1, 0.8, "passes"),
    ]  # 1.2 has no score


def test_agreement_of_exact_scores() -> None:
    seen = agree(record("looks", ["1.3", "1.1"]), ["1.3", "1.2", "0.3"])
    assert seen.recall == pytest.approx(1 / 3)
    assert seen.additional == ("1.1",)
    # 0.8 and 0.7 lie above all five others, 0.4 above three of them: 13 of 15 pairs
    assert seen.auroc == pytest.approx(13 / 15)
    assert seen.auroc_low == pytest.approx(13 / 15)  # scores without error
    assert seen.top == pytest.approx(2 / 3)  # the three highest are 1.3, 1.2, 1.1


def test_lower_bound_of_auroc_follows_the_standard_errors() -> None:
    """One head 0.1 above one other, both with standard error 0.1.

    The difference of the redrawn scores is normal with mean 0.1 and deviation 0.141: it is negative
    in 24% of draws, so the 2.5th percentile of AUROC is 0. At a tenth of the error it is 1.
    """
    two = (0.8, 0.7, *(None,) * 6)
    assert agree(record("looks", [], scores=two, se=0.1), ["0.0"]).auroc_low == 0.0
    assert agree(record("looks", [], scores=two, se=0.01), ["0.0"]).auroc_low == 1.0


def test_a_score_of_unknown_error_makes_the_lower_bound_no_better() -> None:
    """The published head may be the lowest, the other one the highest of all."""
    three = (0.8, 0.7, 0.6, *(None,) * 5)
    certain = record("looks", [], scores=three, se=0.0)
    assert certain.scores is not None
    assert agree(certain, ["0.0"]).auroc_low == 1.0
    errors = ((None, 0.0, 0.0, None), (None,) * 4)
    unknown = certain.scores.model_copy(update={"se": errors})
    assert agree(certain.model_copy(update={"scores": unknown}), ["0.0"]).auroc_low == 0.0
    errors = ((0.0, None, 0.0, None), (None,) * 4)
    unknown = certain.scores.model_copy(update={"se": errors})
    assert agree(certain.model_copy(update={"scores": unknown}), ["0.0"]).auroc_low == 0.5


def test_a_published_head_without_a_score_ranks_below_all() -> None:
    some = record("looks", [], scores=(None, *SCORES[1:]))
    assert agree(some, ["0.0"]).auroc == 0.0


def test_agreement_is_the_same_every_time() -> None:
    noisy = record("looks", [], se=0.1)
    assert agree(noisy, ["0.3", "1.3"]) == agree(noisy, ["0.3", "1.3"])


# --- claims ------------------------------------------------------------------------------------


def claim(
    heads: list[str] | None = None,
    listed: str = "examples",
    methods: tuple[str, ...] = ("attention",),
    **more: Any,
) -> Claim:
    about = {} if heads is None else {"heads": heads, "list": listed}
    return read(
        Claim,
        {
            "model": "tiny--two",
            **about,
            "paper": "hand2026made",
            "place": "table 1",
            "methods": list(methods),
            "checked": CHECKED,
            **more,
        },
    )


def compared(said: Claim, *records: Evidence, identify: dict[str, list[str]] | None = None) -> Any:
    recipes = ["looks", "copies", "looks-again"]
    about = entry(identify or {"any-of": ["looks"]}, *recipes)
    by_recipe = {r.recipe: r for r in records}
    result = type_result(about, model(), by_recipe)
    return claim_result(said, 3, about, model(), by_recipe, result)


def test_a_claim_without_evidence_is_not_run() -> None:
    result = compared(claim(["1.3"]))
    assert (result.verdict, result.ranks, result.recall) == ("not-run", (), None)
    assert result.id == "looker/3"
    assert result.command == "headbook verify looker --model tiny"
    assert result.explanation == "No recipe for Looker head was run on Tiny two yet."


def test_the_command_names_the_model_as_a_person_would() -> None:
    def command(**changes: Any) -> str:
        made = model(**changes)
        return claim_result(
            claim(["1.3"]), 1, entry({"any-of": ["looks"]}, "looks"), made, {}, None
        ).command

    assert command(aliases=[]) == "headbook verify looker --model tiny/two"
    shipped = {"kind": "shipped", "folder": "reference/two", "revision": "v1"}
    assert command(aliases=[], source=shipped) == "headbook verify looker --model tiny--two"


@pytest.mark.parametrize("listed", ["examples", "exhaustive", "top-k"])
def test_reproduced(listed: str) -> None:
    result = compared(claim(["1.3", "1.2"], listed), record("looks", ["1.3", "1.2"]))
    assert result.verdict == "reproduced"
    assert (result.recall, result.auroc, result.auroc_low) == (1.0, 1.0, 1.0)
    assert (result.recipe, result.evidence) == ("looks", "tiny--two/r1/looker.looks")
    assert [place.rank for place in result.ranks] == [1, 2]
    assert result.additional == ()


def test_recall_of_four_fifths_is_enough() -> None:
    said = claim(["1.3", "1.2", "1.1", "1.0", "0.3"])
    assert compared(said, record("looks", ["1.3", "1.2", "1.1", "1.0"])).verdict == "reproduced"
    three = compared(said, record("looks", ["1.3", "1.2", "1.1"]))
    assert (three.verdict, three.recall) == ("partly-reproduced", pytest.approx(0.6))


def test_partly_reproduced_for_want_of_auroc() -> None:
    # 0.8 lies above all six others, 0.5 above four: 10 of 12 pairs
    result = compared(claim(["1.3", "1.0"]), record("looks", ["1.3", "1.0"]))
    assert (result.verdict, result.recall) == ("partly-reproduced", 1.0)
    assert result.auroc == pytest.approx(10 / 12)
    assert [place.rank for place in result.ranks] == [1, 4]


def test_uncertain_scores_lower_the_verdict() -> None:
    said, found = claim(["1.3", "1.2"]), ["1.3", "1.2"]
    assert compared(said, record("looks", found, se=0.005)).verdict == "reproduced"
    unsure = compared(said, record("looks", found, se=0.1))
    assert unsure.verdict == "partly-reproduced"
    assert unsure.auroc == 1.0
    assert unsure.auroc_low < 0.9


def test_not_reproduced_without_a_found_head_or_above_chance() -> None:
    none = compared(claim(["1.3", "1.2"]), record("looks", ["1.1"]))
    assert (none.verdict, none.recall, none.additional) == ("not-reproduced", 0.0, ("1.1",))
    # 0.1 lies above none of the others and 0.8 above all: 6 of 12 pairs is chance
    chance = compared(claim(["0.0", "1.3"]), record("looks", ["1.3"]))
    assert (chance.verdict, chance.auroc) == ("not-reproduced", 0.5)


def test_additional_heads_count_only_against_an_exhaustive_list() -> None:
    found = record("looks", ["1.3", "1.2", "1.1"])
    for listed, verdict in (
        ("examples", "reproduced"),
        ("top-k", "reproduced"),
        ("exhaustive", "partly-reproduced"),
    ):
        result = compared(claim(["1.3", "1.2"], listed), found)
        assert (result.verdict, result.additional) == (verdict, ("1.1",))
    assert "exhaustive" in compared(claim(["1.3", "1.2"], "exhaustive"), found).explanation


def test_an_exhaustive_list_allows_for_a_fifth_more() -> None:
    five = claim(["1.3", "1.2", "1.1", "1.0", "0.3"], "exhaustive")
    one_more = record("looks", ["1.3", "1.2", "1.1", "1.0", "0.3", "0.2"])
    assert compared(five, one_more).verdict == "reproduced"
    two_more = record("looks", ["1.3", "1.2", "1.1", "1.0", "0.3", "0.2", "0.1"])
    assert compared(five, two_more).verdict == "partly-reproduced"


def test_a_top_k_list_is_compared_with_the_k_highest_scores() -> None:
    # three published, all found; 0.3 is fifth, so two of three are among the three highest.
    # 0.8 and 0.7 lie above all five others, 0.4 above three: 13 of 15 pairs
    said, found = ["1.3", "1.2", "0.3"], ["1.3", "1.2", "0.3"]
    result = compared(claim(said, "top-k"), record("looks", found))
    assert (result.verdict, result.recall) == ("partly-reproduced", 1.0)
    assert "has 2 of them among its 3 highest scores" in result.explanation

    # a list of two whose heads rank 1 and 3 of 8 (AUROC 11 of 12): enough for examples only
    near, both = record("looks", ["1.3", "1.1"]), ["1.3", "1.1"]
    assert compared(claim(both, "examples"), near).verdict == "reproduced"
    assert compared(claim(both, "top-k"), near).verdict == "partly-reproduced"

    # none found, but the two highest scores are the published ones
    ranked = compared(claim(["1.3", "1.2"], "top-k"), record("looks", []))
    assert (ranked.verdict, ranked.recall) == ("partly-reproduced", 0.0)


def test_a_claim_by_another_method_is_not_comparable_and_still_shows_ranks() -> None:
    result = compared(claim(["1.3"], methods=("path-patching",)), record("looks", ["1.3"]))
    assert result.verdict == "not-comparable"
    assert result.explanation == (
        "The claim rests on path-patching; the recipes that were run measure by attention."
    )
    assert [(place.head, place.rank) for place in result.ranks] == [("1.3", 1)]
    assert (result.recipe, result.recall, result.auroc) == ("looks", None, None)


def test_a_recipe_that_was_not_applicable_compares_nothing() -> None:
    result = compared(claim(["1.3"]), record("looks", [], scores=None))
    assert (result.verdict, result.ranks) == ("not-comparable", ())
    assert result.explanation == "The recipe looks was not applicable: Accuracy 0.20 of 0.75."


def test_a_claim_about_a_training_step_is_not_comparable() -> None:
    result = compared(claim(["1.3"], training_step=10000), record("looks", ["1.3"]))
    assert result.verdict == "not-comparable"
    assert "training step 10,000" in result.explanation
    assert len(result.ranks) == 1


def test_a_list_of_all_heads_compares_with_nothing() -> None:
    every = [f"{layer}.{head}" for layer in range(2) for head in range(4)]
    result = compared(claim(every), record("looks", every))
    assert (result.verdict, result.auroc) == ("not-comparable", None)


def test_the_best_recipe_of_the_method_is_taken() -> None:
    result = compared(
        claim(["1.3", "1.2"], methods=("attention", "ov-circuit")),
        record("looks", ["1.3"]),
        record("copies", ["1.3", "1.2"]),
    )
    assert (result.verdict, result.recipe) == ("reproduced", "copies")
    same = compared(
        claim(["1.3", "1.2"]),
        record("looks", ["1.3"]),
        record("copies", ["1.3", "1.2"]),
        record("looks-again", ["1.3"]),
    )
    assert (same.verdict, same.recipe) == ("partly-reproduced", "looks")


@pytest.mark.parametrize(
    ("found", "unclear", "count", "verdict"),
    [
        (["0.1", "0.2"], [], 2, "reproduced"),
        (["0.1", "0.2"], [], 3, "partly-reproduced"),
        (["0.1", "0.2"], [], 1, "partly-reproduced"),
        (["0.1", "0.2"], ["0.3"], 3, "reproduced"),
        (["0.1", "0.2"], ["0.3"], 4, "partly-reproduced"),
        ([], ["0.3"], 1, "reproduced"),
        ([], ["0.3"], 2, "not-reproduced"),
        ([], [], 2, "not-reproduced"),
    ],
)
def test_a_number_of_heads(found, unclear, count: int, verdict: str) -> None:
    assert compared(claim(count=count), record("looks", found, unclear)).verdict == verdict


@pytest.mark.parametrize(
    ("found", "unclear", "verdict"),
    [
        ([], [], "reproduced"),
        (["0.1"], [], "not-reproduced"),
        ([], ["0.1"], "not-comparable"),
    ],
)
def test_a_claim_that_there_are_none(found, unclear, verdict: str) -> None:
    result = compared(claim(none=True), record("looks", found, unclear))
    assert result.verdict == verdict
    assert result.none
    assert result.additional == tuple(found)


def test_numbers_need_a_settled_type() -> None:
    for said in (claim(none=True), claim(count=2)):
        result = compared(said, record("looks", []), identify={"all-of": ["looks", "copies"]})
        assert result.verdict == "not-comparable"
        assert result.explanation == "Not every recipe that identifies the type was run."


def test_gates_are_shown_as_shares_or_whole_counts() -> None:
    count = GateResult(name="prompts answered wrongly", value=3.0, needed=16.0, passed=False)
    assert count.shown == ("3", "16")
    share = GateResult(name="accuracy", value=0.59375, needed=0.75, passed=False)
    assert share.shown == ("0.594", "0.75")
