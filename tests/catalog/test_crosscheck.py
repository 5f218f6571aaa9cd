"""Mistakes between files, and the whole line that each of them gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.loading import read
from catalog.recipe_checks import LIST_KINDS
from catalog.references import cycles
from catalog.schema.prompts import BUILDERS
from tests.catalog.entries_tree import FILES, edit, put

TYPE = "head-types/previous-token.yaml"
SUCCESSOR = "head-types/successor.yaml"
GPT2 = "models/openai-community--gpt2.yaml"
TINY = "models/headbook--tiny.yaml"
REDIRECTS = "redirects.yaml"
CHANGE = "changes/2025-01-31-first.yaml"

NAME_TASK = "{builder: indirect-object, templates: gave, places: names, objects: names}"


def lines(entries: Path) -> list[str]:
    return [str(problem) for problem in read(entries).problems]


# file, what is replaced, by what, what the problem points at, the problem
@pytest.mark.parametrize(
    ("file", "old", "new", "anchor", "message"),
    [
        (
            TYPE,
            "{paper: olsson2022induction",
            "{paper: olsson2022inductions",
            "olsson2022inductions",
            "papers[0].paper: unknown paper 'olsson2022inductions'; did you mean"
            " 'olsson2022induction'?",
        ),
        (
            TYPE,
            "    paper: olsson2022induction",
            "    paper: xu2026pattern",
            "xu2026",
            "claims[0].paper: unknown paper 'xu2026pattern'; there is no"
            " entries/papers/xu2026pattern.yaml",
        ),
        (
            TYPE,
            "    source: olsson2022induction",
            "    source: xu2026pattern",
            "xu2026",
            "recipes[0].source: unknown paper 'xu2026pattern'; there is no"
            " entries/papers/xu2026pattern.yaml",
        ),
        (
            TYPE,
            "related:",
            "caveats:\n  - {text: Beware., source: xu2026pattern}\nrelated:",
            "xu2026",
            "caveats[0].source: unknown paper 'xu2026pattern'; there is no"
            " entries/papers/xu2026pattern.yaml",
        ),
        (
            TYPE,
            "model: openai-community--gpt2",
            "model: openai-community--gpt3",
            "openai-",
            "claims[0].model: unknown model 'openai-community--gpt3'; did you mean"
            " 'openai-community--gpt2'?",
        ),
        (
            TYPE,
            '"5.6"',
            '"12.0"',
            '"12.0"',
            "claims[0].heads[1]: openai-community--gpt2 has no head '12.0': 12 layers of 12 heads,"
            " '0.0' to '11.11'",
        ),
        (
            SUCCESSOR,
            "none: true",
            "count: 5",
            "5\n    paper",
            "claims[0].count: 5 heads are more than headbook--tiny has (4)",
        ),
        (
            TYPE,
            "type: successor",
            "type: succesor",
            "succesor",
            "related[0].type: unknown head type 'succesor'; did you mean 'successor'?",
        ),
        (
            TYPE,
            "type: successor",
            "type: previous-token",
            "previous-token, rel",
            "related[0].type: a head type is not related to itself",
        ),
        (
            SUCCESSOR,
            "vocabulary: [days]",
            "vocabulary: [days, dais]",
            "dais",
            "recipes[0].prompts.tokens.vocabulary[1]: unknown word list 'dais'; did you mean"
            " 'days'?",
        ),
        (
            SUCCESSOR,
            "vocabulary: [days]",
            "vocabulary: [names]",
            "names]",
            "recipes[0].prompts.tokens.vocabulary[0]: 'names' is a list of kind words; this needs"
            " series",
        ),
        (
            SUCCESSOR,
            "series: [days]",
            "series: [gave]",
            "gave]",
            "recipes[1].prompts.series[0]: 'gave' is a list of kind templates; this needs series",
        ),
        (
            TYPE,
            "{builder: random-tokens, count: 8}",
            "{builder: natural-text, text: plane}",
            "plane",
            "recipes[0].prompts.text: unknown text set 'plane'; did you mean 'plain'?",
        ),
        (
            SUCCESSOR,
            "status: described\n    missing: ablation",
            "status: runnable",
            "runnable",
            "recipes[1].status: not runnable yet: control.vary 'heads' has no code; write"
            " `status: described` and name what is missing under `missing`",
        ),
        (
            SUCCESSOR,
            "    status: described\n    missing: ablation\n",
            "",
            "id: series-attribution",
            "recipes[1].status: not runnable yet: control.vary 'heads' has no code; write"
            " `status: described` and name what is missing under `missing`",
        ),
        (
            SUCCESSOR,
            "at: end}",
            "at: end, also: {found-by: induction}}",
            "induction",
            "recipes[1].measure.also.found-by: unknown head type 'induction'; there is no"
            " entries/head-types/induction.yaml",
        ),
        (
            SUCCESSOR,
            "at: end}",
            "at: end, also: {found-by: successor}}",
            "successor}",
            "recipes[1].measure.also.found-by: recipes that use each other's heads go in a circle:"
            " successor -> successor",
        ),
        (
            TINY,
            "aliases: [tiny]",
            "aliases: [gpt2]",
            "aliases: [gpt2]",
            None,
        ),
        (
            GPT2,
            "aliases: [gpt2, GPT-2]",
            "aliases: [gpt2, GPT2]",
            "GPT2]",
            "aliases[1]: 'GPT2' is given twice",
        ),
        (
            SUCCESSOR,
            "name: Successor head",
            "name: Shift Head",
            "Shift Head",
            "name: 'Shift Head' is already a name of head type 'previous-token'",
        ),
        (
            TYPE,
            "aliases: [shift head]",
            "aliases: [successor]",
            "successor]",
            "aliases[0]: 'successor' is already a name of head type 'successor'",
        ),
        (
            TYPE,
            "aliases: [shift head]",
            "aliases: [previous token head]",
            "previous token head]",
            "aliases[0]: 'previous token head' is given twice",
        ),
        (
            "vocabulary/gave.yaml",
            "{A} and {B}",
            "{A} and B}",
            '"{A}',
            "templates[0].text: a template has slots, each written {name}",
        ),
        (
            REDIRECTS,
            "old: head-types/shift",
            "old: head-types/successor",
            "head-types/successor",
            "redirects[0].old: 'head-types/successor' still exists; delete it or the redirect",
        ),
        (
            REDIRECTS,
            "new: head-types/previous-token",
            "new: head-types/previous-tokens",
            "head-types/previous-tokens",
            "redirects[0].new: 'head-types/previous-tokens' does not exist; did you mean"
            " 'head-types/previous-token'?",
        ),
        (
            REDIRECTS,
            "new: head-types/previous-token",
            "new: papers/gould2023successor",
            "papers/",
            "redirects[0].new: 'papers/gould2023successor' is of another kind than 'old'",
        ),
        (
            REDIRECTS,
            "new: head-types/previous-token",
            "new: head-types/shift",
            "head-types/shift, rea",
            "redirects[0].new: redirects go in a circle: head-types/shift -> head-types/shift",
        ),
        (
            CHANGE,
            "papers/gould2023successor",
            "papers/gould2023",
            "papers/gould2023",
            "subjects[1]: 'papers/gould2023' does not exist; did you mean"
            " 'papers/gould2023successor'?",
        ),
        (
            CHANGE,
            "2025-01-31",
            "2025-01-30",
            '"2025-01-30"',
            "date: the file's name must be the date and a word, '2025-01-30-<word>.yaml', not"
            " '2025-01-31-first.yaml'",
        ),
    ],
)
def test_a_mistake_and_its_line(
    entries: Path, file: str, old: str, new: str, anchor: str, message: str | None
) -> None:
    edit(entries, file, old, new)
    if message is None:  # headbook--tiny comes first, so the other file is told
        where = "entries/models/openai-community--gpt2.yaml:3:11"
        assert lines(entries) == [
            f"{where} aliases[0]: 'gpt2' is already a name of model 'headbook--tiny'"
        ]
        return
    text = (entries / file).read_text(encoding="utf-8")
    before = text[: text.rindex(anchor)]
    row, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    assert lines(entries) == [f"entries/{file}:{row}:{column} {message}"]


def test_the_tree_itself_has_no_problems(entries: Path) -> None:
    assert lines(entries) == []


@pytest.mark.parametrize("stage", ["in-context-identification", "knowledge-recalling"])
def test_groups_that_differ_only_by_case(entries: Path, stage: str) -> None:
    """In one stage or in two; here both spellings are as common, so the first of the two stands."""
    edit(entries, SUCCESSOR, "stage: knowledge-recalling", f"stage: {stage}")
    edit(entries, SUCCESSOR, "group: Ordinal", "group: Local Structure")
    assert lines(entries) == [
        "entries/head-types/previous-token.yaml:5:8 group: 'Local structure' is spelt"
        " 'Local Structure' elsewhere; one group has one spelling"
    ]


def test_the_spelling_of_most_head_types_stands(entries: Path) -> None:
    edit(entries, SUCCESSOR, "group: Ordinal", "group: Local Structure")
    third = (entries / TYPE).read_text(encoding="utf-8")
    third = third.replace("id: previous-token", "id: third", 1).replace("Previous token", "Third")
    put(entries, "head-types/third.yaml", third)
    (problem,) = [line for line in lines(entries) if " group: " in line]
    assert problem.startswith("entries/head-types/successor.yaml:")
    assert "'Local Structure' is spelt 'Local structure' elsewhere" in problem


def test_a_paper_that_nobody_cites(entries: Path) -> None:
    text = FILES["papers/gould2023successor.yaml"].replace("gould2023successor", "alone2020paper")
    put(entries, "papers/alone2020paper.yaml", text)
    assert lines(entries) == [
        "entries/papers/alone2020paper.yaml:1:5 id: no entry cites this paper"
    ]


@pytest.mark.parametrize("text", ["id: [\n", "- id\n", ""])
def test_what_a_file_that_cannot_be_read_cites_is_not_told(entries: Path, text: str) -> None:
    (entries / TYPE).write_text(text, encoding="utf-8")
    (line,) = lines(entries)
    assert line.startswith(f"entries/{TYPE}:")


def test_one_mistake_is_one_problem(entries: Path) -> None:
    """A file that is not valid is still there to be named, and still cites its papers."""
    edit(entries, "head-types/successor.yaml", "depth: middle layers\n", "")
    edit(entries, "models/openai-community--gpt2.yaml", "width: 768\n", "")
    edit(entries, "papers/olsson2022induction.yaml", "year: 2022\n", "")
    edit(entries, "vocabulary/days.yaml", "kind: series\n", "")
    assert lines(entries) == [
        "entries/head-types/successor.yaml:1:1 depth: this field is missing",
        "entries/models/openai-community--gpt2.yaml:1:1 width: this field is missing",
        "entries/papers/olsson2022induction.yaml:1:1 year: this field is missing",
        "entries/vocabulary/days.yaml:1:1 kind: this field is missing",
    ]


def test_a_cycle_over_two_types_is_named(entries: Path) -> None:
    recipe = """\
  - id: needs-others
    status: described
    missing: composition
    source: olsson2022induction
    prompts: {tokens: {sample: 10}}
    measure: {kind: composition, with: {found-by: OTHER}, input: key}
    control: {vary: heads}
    criterion: {min_score: 0.1, min_margin: 0.1}
    thresholds: Chosen for the test.
"""
    for name, other in (("previous-token", "successor"), ("successor", "previous-token")):
        file = entries / f"head-types/{name}.yaml"
        text = file.read_text(encoding="utf-8") + recipe.replace("OTHER", other)
        file.write_text(text, encoding="utf-8")
    assert lines(entries) == [
        "entries/head-types/previous-token.yaml:42:51 recipes[1].measure.with.found-by: recipes"
        " that use each other's heads go in a circle: previous-token -> successor ->"
        " previous-token"
    ]


def test_recipes_that_go_one_way_are_no_cycle(entries: Path) -> None:
    edit(entries, SUCCESSOR, "at: end}", "at: end, also: {found-by: previous-token}}")
    assert lines(entries) == []


def test_described_parts_that_all_have_code_are_fine(entries: Path) -> None:
    edit(
        entries,
        TYPE,
        "  - id: previous-position\n",
        "  - id: previous-position\n    status: described\n    missing: a reason\n",
    )
    assert lines(entries) == []


def test_templates_of_the_name_task(entries: Path) -> None:
    edit(entries, TYPE, "{builder: random-tokens, count: 8}", NAME_TASK)
    edit(entries, TYPE, "query: all", "query: end")
    assert lines(entries) == []
    edit(entries, "vocabulary/gave.yaml", "{S} gave", "{C} gave")
    (line,) = lines(entries)
    assert line.endswith(
        "recipes[0].prompts.templates: template 'gave' of 'gave' has unknown slots ['C'];"
        " builder 'indirect-object' knows A, B, S, object, place"
    )
    edit(entries, "vocabulary/gave.yaml", "{C} gave", "one gave")
    (line,) = lines(entries)
    assert "template 'gave' of 'gave' lacks the slots ['S']" in line


def test_slots_and_lists_of_templates(entries: Path) -> None:
    (entries / "vocabulary/gave.yaml").write_text(
        "id: gave\nkind: templates\ndescription: For a test.\n"
        "templates: [{id: gave, text: '{A} gave {what|a thing} to {B} on {day}'}]\n",
        encoding="utf-8",
    )
    edit(
        entries,
        TYPE,
        "{builder: random-tokens, count: 8}",
        "{builder: templates, templates: gave, fill: {A: days, B: dayz, C: days}, "
        "roles: {giver: [A], thing: [what], other: [D.2]}}",
    )
    edit(entries, TYPE, "query: all", "query: giver")
    found = "\n".join(lines(entries))
    assert "prompts.fill: template 'gave' of 'gave' has slots without a fill: day" in found
    assert "prompts.roles.other: no template of 'gave' has a slot D" in found
    assert "(there are: A, B, day, what)" in found
    assert "prompts.fill.B: unknown word list 'dayz'; did you mean 'days'?" in found
    edit(entries, TYPE, "B: dayz, C: days", "B: {words: days, side: first}, day: days")
    edit(entries, TYPE, ", other: [D.2]", "")
    (line,) = lines(entries)
    assert "'days' is a list of kind series; this needs pairs" in line
    edit(entries, TYPE, "{words: days, side: first}", "days")
    assert lines(entries) == []


def test_default_word_lists_must_exist_too(entries: Path) -> None:
    """The builder's own default, ``places``, is not in this folder: told at ``prompts``."""
    edit(
        entries,
        TYPE,
        "{builder: random-tokens, count: 8}",
        NAME_TASK.replace("places: names, ", ""),
    )
    edit(entries, TYPE, "query: all", "query: end")
    assert lines(entries) == [
        "entries/head-types/previous-token.yaml:32:14 recipes[0].prompts.places: unknown word list"
        " 'places'; there is no entries/vocabulary/places.yaml"
    ]


def test_redirects_follow_each_other(entries: Path) -> None:
    put(
        entries,
        REDIRECTS,
        "redirects:\n"
        "  - {old: head-types/older, new: head-types/shift, reason: Moved.}\n"
        "  - {old: head-types/shift, new: head-types/previous-token, reason: Moved.}\n"
        "  - {old: papers/gone2020, kind: withdrawn, reason: Retracted.}\n",
    )
    edit(entries, CHANGE, "papers/gould2023successor", "papers/gone2020, head-types/older")
    assert lines(entries) == []


def test_redirects_in_a_circle(entries: Path) -> None:
    put(
        entries,
        REDIRECTS,
        "redirects:\n"
        "  - {old: head-types/bb, new: head-types/aa, reason: Moved.}\n"
        "  - {old: head-types/aa, new: head-types/bb, reason: Moved.}\n"
        "  - {old: head-types/aa, new: head-types/successor, reason: Moved.}\n",
    )
    assert lines(entries) == [
        "entries/redirects.yaml:3:31 redirects[1].new: redirects go in a circle:"
        " head-types/aa -> head-types/bb -> head-types/aa",
        "entries/redirects.yaml:4:11 redirects[2].old: 'head-types/aa' is given twice",
    ]


def test_a_day_that_does_not_exist(entries: Path) -> None:
    put(entries, "changes/2025-02-30-none.yaml", FILES[CHANGE].replace("2025-01-31", "2025-02-30"))
    assert lines(entries) == [
        "entries/changes/2025-02-30-none.yaml:1:7 date: there is no day 2025-02-30"
    ]


def test_cycles() -> None:
    assert cycles({"a": ["b"], "b": ["c"], "c": []}) == []
    assert cycles({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == []
    assert cycles({"c": ["b"], "b": ["a"], "a": ["c"]}) == [["a", "c", "b"]]
    assert cycles({"a": ["a"], "b": ["nowhere"]}) == [["a"]]
    assert cycles({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}) == [["a", "b"], ["c", "d"]]
    long = {str(i): [str(i + 1)] for i in range(10_000)}
    assert cycles(long) == []  # no recursion


@pytest.mark.parametrize("builder", BUILDERS)
def test_every_word_list_field_of_a_builder_has_its_kinds(builder: type) -> None:
    """A new builder that reads word lists says in LIST_KINDS which kinds they are.

    The lists of ``templates`` depend on its slots: ``test_slots_and_lists_of_templates``.
    """
    overrides = "vocabularies" in vars(builder) and builder.__name__ != "Tokens"
    assert overrides == (builder in LIST_KINDS)
    for field in LIST_KINDS.get(builder, {}):
        assert field in builder.model_fields  # type: ignore[attr-defined]


# --- mistakes of several kinds in one file -----------------------------------------------------

DELIMITER = """\
id: delimiter
name: Delimiter head
stage: in-context-identification
group: Overall Structure
placed_by: headbook
summary: Attends to punctuation.
definition: A head that rests on full stops and commas.
action: {query: Any token., key: The delimiters before it., value: Little., output: Little.}
depth: Any layer.
papers:
  - {paper: wang2022iox, role: extends}
no-claims: {reason: A figure only., source: olsson2022induction, checked: {state: unchecked}}
automation: {level: core, reason: Any text will do.}
identify: {all-of: [on-delimiters]}
recipes:
  - id: on-delimiters
    source: olsson2022induction
    prompts: {builder: repeated-random-tokens, count: 64}
    measure: {kind: attention, query: repeat, key: after-previous-cop}
    control: {vary: role, key: first}
    criterion: {min_scor: 0.3, min_margin: 0.2}
    thresholds: Chosen for the test.
"""


def test_all_mistakes_of_a_file_come_out_at_once(entries: Path) -> None:
    put(entries, "head-types/delimiter.yaml", DELIMITER)
    assert lines(entries) == [
        "entries/head-types/delimiter.yaml:11:13 papers[0].paper: unknown paper 'wang2022iox';"
        " there is no entries/papers/wang2022iox.yaml",
        "entries/head-types/delimiter.yaml:16:5 recipes[0]: key role 'after-previous-cop' is not"
        " marked by builder 'repeated-random-tokens' (it has: after-previous-copy, backward-lags,"
        " first, forward-lags, previous, previous-copy, self, two-before)",
        "entries/head-types/delimiter.yaml:21:17 recipes[0].criterion.min_scor: unknown field;"
        " did you mean 'min_score'?",
    ]


@pytest.mark.parametrize("also", ["", "name: 7\n"], ids=["valid", "wrong-elsewhere"])
def test_an_entry_has_claims_or_says_why_none(entries: Path, also: str) -> None:
    why = "no-claims: {reason: A figure., source: xu2026pattern, checked: {state: unchecked}}\n"
    place = entries / TYPE
    whole = place.read_text(encoding="utf-8").replace("name: Previous token head\n", also, 1)
    if not also:
        whole = place.read_text(encoding="utf-8")
    start, end = whole.index("claims:"), whole.index("related:")

    def told(text: str) -> list[str]:
        place.write_text(text, encoding="utf-8")
        return [line.split(" ", 1)[1] for line in lines(entries) if "claims" in line]

    assert told(whole[:start] + whole[end:]) == [
        "there are no claims: give some, or say under 'no-claims' why none"
    ]
    both = "'no-claims' says why there are no claims, and here are some: drop it"
    known = why.replace("xu2026pattern", "olsson2022induction")
    assert told(whole[:end] + known + whole[end:]) == [both]
    assert told(whole[:start] + known + whole[end:]) == []
    assert told(whole[:start] + why + whole[end:]) == [
        "no-claims.source: unknown paper 'xu2026pattern'; there is no"
        " entries/papers/xu2026pattern.yaml"
    ]
    assert told(whole[:start] + why.replace("A figure.", "") + whole[end:]) != []


@pytest.mark.parametrize(
    ("through", "control", "told"),
    [
        ("", "key: subjects", "'vary: role' is for what a head moves from a key role: give"),
        (", through: subjects", "query: subject-2", "a direct effect is read at 'at': its control"),
        (", through: subject-9", "key: subjects", "key role 'subject-9' is not marked by"),
        (", through: subjects", "key: subjects", "the control is the measure itself: give another"),
        (", through: subjects", "key: same-offset", "key role 'same-offset' is a rule for"),
        (", through: subjects", "key: uniform", "key role 'uniform' is a rule for attention, from"),
        (", through: subjects", "key: evenly", "key role 'evenly' is a rule for attention, from"),
    ],
)
def test_controls_of_direct_effects_fit_what_they_come_through(
    entries: Path, through: str, control: str, told: str
) -> None:
    recipe = DELIMITER.replace("wang2022iox", "olsson2022induction")
    recipe = recipe.replace("repeated-random-tokens", "indirect-object")
    recipe = recipe.replace(
        "kind: attention, query: repeat, key: after-previous-cop",
        f"kind: direct-logit-attribution, correct: indirect-object, foil: subject{through}",
    ).replace("key: first", control)
    put(entries, "head-types/delimiter.yaml", recipe.replace("min_scor:", "min_score:"))
    # besides the word lists of that builder, which this tree does not have
    assert sum(f"recipes[0]: {told}" in line for line in lines(entries)) == 1


def test_what_is_scored_is_no_control(entries: Path) -> None:
    recipe = DELIMITER.replace("wang2022iox", "olsson2022induction")
    recipe = recipe.replace("repeated-random-tokens", "natural-text")
    recipe = recipe.replace("query: repeat, key: after-previous-cop", "query: all, key: first")
    recipe = recipe.replace("vary: role, key: first", "vary: prompts, variant: original")
    put(entries, "head-types/delimiter.yaml", recipe.replace("min_scor:", "min_score:"))
    told = "recipes[0]: 'original' is the variant that is scored: give another as control"
    assert sum(told in line for line in lines(entries)) == 1


def test_only_some_measures_read_prompts_of_single_heads(entries: Path) -> None:
    recipe = DELIMITER.replace("wang2022iox", "olsson2022induction")
    recipe = recipe.replace("repeated-random-tokens", "head-triples")
    recipe = recipe.replace(
        "kind: attention, query: repeat, key: after-previous-cop",
        "kind: attention-to-predicted, query: end",
    ).replace("min_scor:", "min_score:")
    recipe = recipe.replace("key: first", "key: unpredicted")
    put(entries, "head-types/delimiter.yaml", recipe)
    assert [line.split(": ", 1)[1] for line in lines(entries)] == [
        "builder 'head-triples' gives every head prompts of its own, and measure"
        " 'attention-to-predicted' cannot score heads on them"
    ]


@pytest.mark.parametrize(
    ("relation", "tokens", "control", "told"),
    [
        ("initial", "", "shuffle: target", "'tokens.initials' is for 'relation: initial', which"),
        ("successor", ", initials: days", "shuffle: target", "'tokens.initials' is for 'relation"),
        (
            "initial",
            ", initials: days",
            "input: first-mlp-successor",
            "'input: first-mlp-successor' is for 'relation: successor'",
        ),
        ("initial", ", initials: dais", "shuffle: target", "unknown word list 'dais'; did you"),
    ],
)
def test_initials_go_with_their_relation(
    entries: Path, relation: str, tokens: str, control: str, told: str
) -> None:
    recipe = DELIMITER.replace("wang2022iox", "olsson2022induction")
    for old, new in (
        ("builder: repeated-random-tokens, count: 64", f"tokens: {{vocabulary: [days]{tokens}}}"),
        (
            "kind: attention, query: repeat, key: after-previous-cop",
            f"kind: ov-mapping, relation: {relation}",
        ),
        ("vary: role, key: first", f"vary: tokens, {control}"),
        ("min_scor:", "min_score:"),
    ):
        recipe = recipe.replace(old, new)
    put(entries, "head-types/delimiter.yaml", recipe)
    assert [told in line for line in lines(entries)] == [True]


def test_every_role_that_does_not_fit_is_told(entries: Path) -> None:
    edit(entries, TYPE, "query: all, key: previous}", "query: end, key: subjects}")
    assert [line.split(": ", 1)[1] for line in lines(entries)] == [
        "key role 'subjects' is not marked by builder 'random-tokens' (it has: first, previous,"
        " self, two-before)",
        "query role 'end' is not marked by builder 'random-tokens' (it has: all)",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "paper: gould2023successor\n",
            "paper: xu2026pattern\n",
            "claims[0].paper: unknown paper 'xu2026pattern'; there is no"
            " entries/papers/xu2026pattern.yaml",
        ),
        (
            "model: headbook--tiny",
            "model: headbook--tinny",
            "claims[0].model: unknown model 'headbook--tinny'; did you mean 'headbook--tiny'?",
        ),
        (
            "none: true",
            'heads: ["9.0"]\n    list: examples',
            "claims[0].heads[0]: headbook--tiny has no head '9.0': 2 layers of 2 heads,"
            " '0.0' to '1.1'",
        ),
        (
            "vocabulary: [days]",
            "vocabulary: [dais]",
            "recipes[0].prompts.tokens.vocabulary[0]: unknown word list 'dais'; did you mean"
            " 'days'?",
        ),
        (
            "any-of: [successor-mapping]",
            "any-of: [mapping]",
            "identify names recipe 'mapping', which is not here (recipes: successor-mapping,"
            " series-attribution)",
        ),
        (
            "replace: mean, metric: loss, at: end",
            "replace: mean, metric: loss, at: end, also: {found-by: sink}",
            "recipes[1].measure.also.found-by: unknown head type 'sink'; there is no"
            " entries/head-types/sink.yaml",
        ),
    ],
)
def test_a_mistake_elsewhere_hides_no_reference(
    entries: Path, old: str, new: str, message: str
) -> None:
    edit(entries, SUCCESSOR, old, new)
    edit(entries, SUCCESSOR, "depth: middle layers", "dept: middle layers")
    found = [line.split(" ", 1)[1].removeprefix(": ") for line in lines(entries)]
    assert len(found) == 2
    assert "dept: unknown field; did you mean 'depth'?" in found
    assert any(line.endswith(message) for line in found)


@pytest.mark.parametrize(
    ("old", "new", "anchor", "message"),
    [
        (
            "min_score: 0.5",
            "min_score: 3",
            "3, min",
            "min_score: min_score 3 can never be met: 'attention' lies between 0 and 1",
        ),
        (
            "min_score: 0.5",
            "min_score: -0.5",
            "-0.5",
            "min_score: min_score -0.5 is always met: 'attention' lies between 0 and 1",
        ),
        (
            "min_margin: 0.3",
            "min_margin: 1.5",
            "1.5",
            "min_margin: min_margin 1.5 can never be met: margins of 'attention' lie between"
            " -1 and 1",
        ),
        (
            "min_margin: 0.3, max_q: 0.01",
            "max_change: 2",
            "2}\n    thresholds",
            "max_change: max_change 2 is always met: scores of 'attention' differ by 1 at most",
        ),
    ],
)
def test_thresholds_outside_the_range_of_the_measure(
    entries: Path, old: str, new: str, anchor: str, message: str
) -> None:
    edit(entries, TYPE, old, new)
    text = (entries / TYPE).read_text(encoding="utf-8")
    before = text[: text.index(anchor)]
    row, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    assert lines(entries) == [f"entries/{TYPE}:{row}:{column} recipes[0].criterion.{message}"]


def test_thresholds_at_the_ends_of_the_range_are_allowed(entries: Path) -> None:
    edit(entries, TYPE, "min_score: 0.5, min_margin: 0.3", "min_score: 1, min_margin: -1")
    assert lines(entries) == []
