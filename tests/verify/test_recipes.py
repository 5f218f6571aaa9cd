"""Every recipe of the catalog on planted models: the heads are found, the impostors are not."""

from __future__ import annotations

import pytest

from tests.planted import FAMILIES, MODELS
from tests.planted.report import at, caught_by, examine, shipped


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("model", MODELS)
def test_known_heads_are_found_and_no_others(model: str, family: str) -> None:
    examined = examine(model, family)
    found = {name: set(result.found) for name, result in examined.results.items()}
    wanted = {name: heads for name, heads in examined.planted.heads.items() if heads}
    assert {name: heads for name, heads in found.items() if heads} == wanted


@pytest.mark.parametrize(
    ("model", "family"),
    [(m, f) for m in MODELS for f in FAMILIES if f == "llama" or m in ("pattern", "induction")],
)
def test_nothing_is_found_in_untrained_twins(model: str, family: str) -> None:
    examined = examine(model, family, twin=0)
    for name, result in examined.results.items():
        assert result.found == (), name
        assert result.verdict in ("not-found", "not-applicable"), result.reason


@pytest.mark.parametrize("family", FAMILIES)
def test_every_type_has_impostors_and_something_catches_each(family: str) -> None:
    imitated = set()
    for model in MODELS:
        examined = examine(model, family)
        for impostor in examined.planted.impostors:
            imitated.add(impostor.imitates)
            assert caught_by(examined, impostor.imitates, impostor.head), impostor
    assert imitated == {t.id for t in shipped().head_types.values() if t.runnable}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("model", "head_type", "recipe", "why"),
    [
        ("pattern", "positional", "fixed-offset", "follows content that happens to be adjacent"),
        ("pattern", "attention-sink", "not-delimiters", "attends to any delimiter"),
        ("pattern", "attention-sink", "first-position", "uniform attention"),
        ("induction", "induction", "prefix-matching", "fixed offset"),
        ("induction", "induction", "copying", "right attention, empty OV"),
        (
            "indirect-object",
            "name-mover",
            "attends-to-indirect-object",
            "attends to the first name",
        ),
        ("indirect-object", "name-mover", "attends-to-indirect-object", "attends to the last name"),
        ("indirect-object", "name-mover", "name-copying", "right attention, empty OV"),
        ("suppression", "copy-suppression", "attends-to-predicted", "suppresses everything evenly"),
        ("successor", "successor", "successor-mapping", "copies what the first MLP mapped"),
        ("acronyms", "letter-mover", "attends-to-next-word", "attends to the word of the letter"),
        ("fooled", "vulnerable-head", "writes-wrong-letter", "writes one letter"),
        ("fooled", "vulnerable-head", "writes-wrong-letter", "writes against every initial"),
        ("fooled", "vulnerable-head", "more-than-when-solved", "writes another word"),
        ("fooled", "vulnerable-head", "right-when-solved", "is silent where"),
        ("docstrings", "argument-mover", "attends-to-next-argument", "copies any argument"),
        ("tags", "gendered-pronoun", "attends-to-verb", "reads the name itself"),
        ("needles", "evaluator-head", "attends-to-evidence", "attends to every such"),
        ("conflicts", "context-head", "follows-the-question", "copies all cities"),
        ("conflicts", "context-head", "favours-context", "recalls the capital"),
        ("conflicts", "memory-head", "favours-memory", "lowers what is stated"),
        ("conflicts", "memory-head", "against-context", "recalls for the first country"),
        ("boxes", "value-fetcher", "attends-to-object", "copies all things"),
        ("coloured", "content-gatherer", "attends-to-asked", "attends to both things"),
        ("coloured", "content-gatherer", "no-direct-effect", "raises the colour itself"),
        ("translations", "indicator-head", "attends-to-indicator", "attends to all languages"),
        ("translations", "source-translation-head", "attends-to-source", "attends to all nouns"),
        ("sources", "subject-head", "through-subject", "raises all languages, through the rel"),
        ("sources", "subject-head", "through-subject", "has both parts"),
        ("sources", "subject-head", "follows-subject", "raises all languages, through the sub"),
        ("sources", "relation-head", "through-relation", "has both parts"),
        ("sources", "mixed-head", "as-much-from-subject", "has the subject's part only"),
        ("passages", "core-head", "prefers-answering-passage", "any statement about the person"),
        ("passages", "core-head", "prefers-answering-passage", "any statement about such"),
        ("passages", "core-head", "prefers-answering-passage", "follows the words"),
        ("passages", "core-head", "prefers-answering-passage", "attends to the noun before"),
        ("passages", "core-head", "follows-the-question", "the statement of what is told most"),
        ("passages", "core-head", "follows-the-question", "attends to the noun before"),
        ("recited", "retrieval-head", "attends-to-word", "attends to every such word"),
        ("recited", "retrieval-head", "copies-needle", "attends to every such word"),
        ("recited", "retrieval-head", "copies-needle", "attends to the first word"),
        ("told", "semantic-retrieval-head", "attends-to-passage", "attends to every passage"),
        ("logic", "decision-head", "attends-to-deciding-fact", "reads the facts, not the"),
        ("logic", "decision-head", "direct-effect", "reads the facts, not the"),
        ("verbs", "syntactic", "verb-to-subject", "attends to all nouns"),
        ("verbs", "subject-head-roles", "verb-to-agent", "attends to all nouns"),
        ("candidates", "negative-head", "prefers-no", "attends to both"),
        ("candidates", "negative-head", "whatever-is-asked", "attends to the wrong answer"),
        ("choices", "correct-letter-head", "attends-to-right-letter", "copies all letters"),
        ("choices", "correct-head", "favours-right-symbol", "raises all letters"),
        ("choices", "constant-head", "indifferent", "attends to the right letter"),
        ("choices", "constant-head", "odd-as-even", "attends to A and C"),
        ("choices", "single-letter-head", "prefers-a", "attends to two letters"),
        ("choices", "single-letter-head", "prefers-d", "attends to the last place"),
        ("choices", "select-and-copy", "matches-right-option", "attends to all options"),
        ("acronyms", "letter-mover", "letter-copying", "right attention, copies the token"),
        ("triples", "skip-trigram", "attends-to-linked", "attends to the sources whatever"),
        ("triples", "skip-trigram", "attends-to-linked", "right OV, attends to a fixed offset"),
        ("triples", "skip-trigram", "raises-linked", "right attention, writes the same"),
        ("alike", "active-dormant", "loss-by-text", "the same attention and OV"),
        ("kinds", "active-dormant", "loss-by-text", "right attention on both kinds"),
        ("kinds", "active-dormant", "loss-by-text", "rests on code and works on prose"),
        ("syllogisms", "middle-term-suppression", "needed", "right attention, right OV"),
    ],
)
def test_the_control_is_what_catches_the_classic_impostors(
    family: str, model: str, head_type: str, recipe: str, why: str
) -> None:
    """The margin (or the change) alone would do, whatever the score."""
    examined = examine(model, family)
    (impostor,) = (one for one in examined.planted.imitating(head_type) if one.why.startswith(why))
    record = examined.evidence[head_type, recipe]
    assert record.scores is not None
    layer, head = (int(part) for part in impostor.head.split("."))
    low, high = record.scores.margin_low[layer][head], record.scores.margin_high[layer][head]
    assert low is not None
    assert high is not None
    criterion = record.criterion
    if criterion.min_margin is not None:
        assert high < criterion.min_margin
    else:
        assert criterion.max_change is not None
        assert low > criterion.max_change or high < -criterion.max_change


@pytest.mark.parametrize("family", FAMILIES)
def test_the_induction_head_alone_is_needed_where_the_block_is_read_again(family: str) -> None:
    """A recipe beside those that decide: it adds two kinds of evidence, and no verdict."""
    examined = examine("induction", family)
    record = examined.evidence["induction", "needed"]
    assert record.found == ("1.0",)
    assert record.scores is not None
    # right attention, but nothing is written; group mate; the head that marks what came before
    for head in ("1.2", "1.1", "0.0"):
        assert at(record.scores.margin, head) < record.criterion.min_margin  # type: ignore[operator]
    assert {"necessary", "triangulated"} <= set(examined.results["induction"].strength)
    assert examine("induction", family, twin=0).evidence["induction", "needed"].found == ()
