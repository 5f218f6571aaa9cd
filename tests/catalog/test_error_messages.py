"""Typical mistakes in one file, and the whole line that each of them gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from catalog.json_schema import KINDS
from catalog.loading import read
from catalog.pattern_words import PATTERNS
from tests.catalog.entries_tree import edit

TYPE = "head-types/previous-token.yaml"
SUCCESSOR = "head-types/successor.yaml"
PAPER = "papers/olsson2022induction.yaml"
MODEL = "models/openai-community--gpt2.yaml"

BUILDERS = (
    "repeated-random-tokens, distant-repeats, random-tokens, natural-text, two-texts,"
    " indirect-object, n-grams, split-words, repeated-passage, series, templates,"
    " head-triples, few-shot, needle, conflict, labelled-templates"
)
MEASURES = (
    "attention, offset-concentration, attention-to-predicted, ov-copying, ov-mapping, ov-relation,"
    " direct-logit-attribution, qk-matching, composition, ablation-effect, path-patching,"
    " activation-patching, probe, retrieval-score"
)
METHODS = (
    "attention, ov-circuit, qk-circuit, composition, direct-logit-attribution, ablation,"
    " path-patching, activation-patching, probing, generation, other"
)

# file, what is replaced, by what, and what is told: "<what the problem points at>@@<message>"
MISTAKES = [
    # fields
    (
        TYPE,
        "min_score: 0.5",
        "min_scor: 0.5",
        ["min_scor:@@recipes[0].criterion.min_scor: unknown field; did you mean 'min_score'?"],
    ),
    (
        TYPE,
        "all-of:",
        "all_of:",
        ["all_of@@identify.all_of: unknown field; did you mean 'all-of'?"],
    ),
    (
        PAPER,
        "year: 2022",
        "year: 2022\nlikes: 3",
        [
            "likes@@likes: unknown field (fields here: id, title, authors, authors_complete, year,"
            " venue, arxiv, doi, url, code, checked)"
        ],
    ),
    (
        TYPE,
        "stage: in-context-identification\n",
        "",
        ["id: previous@@stage: this field is missing"],
    ),
    (
        TYPE,
        "    place: Section 2\n",
        "",
        ["model: openai@@claims[0].place: this field is missing"],
    ),
    # values of another type
    (
        TYPE,
        "min_score: 0.5",
        'min_score: "0.5"',
        [
            "\"0.5\"@@recipes[0].criterion.min_score: must be a number, not '0.5';"
            " write it without quotes"
        ],
    ),
    (
        TYPE,
        "count: 8",
        "count: 8.5",
        ["8.5@@recipes[0].prompts.count: must be a whole number, not the number 8.5"],
    ),
    (
        PAPER,
        "authors: [Catherine Olsson, Nelson Elhage]",
        "authors: Catherine Olsson",
        ["Catherine@@authors: must be a list, not 'Catherine Olsson'; write [Catherine Olsson]"],
    ),
    (
        PAPER,
        "authors_complete: false",
        "authors_complete: no",
        ["no\n@@authors_complete: must be true or false, not 'no'; write false"],
    ),
    (
        PAPER,
        'arxiv: "2209.11895"',
        "arxiv: 2209.10050",
        [
            "2209.10050@@arxiv: must be text, not the number 2209.1005; write it in quotes:"
            ' "2209.10050"'
        ],
    ),
    (
        PAPER,
        "title: In-context Learning and Induction Heads",
        "title:",
        ["\nauthors@@title: must be text, not nothing (null)"],
    ),
    (
        PAPER,
        "title: In-context Learning and Induction Heads",
        "title: [a]",
        ["[a]@@title: must be text, not a list"],
    ),
    (
        TYPE,
        "automation: {level: core, reason: Position alone decides.}",
        "automation: core",
        ["core\n@@automation: must be fields (name: value), not 'core'"],
    ),
    # heads
    (
        TYPE,
        'heads: ["4.11", "5.6"]',
        "heads: [9.10, 7, 4.11x]",
        [
            '9.10@@claims[0].heads[0]: write heads in quotes: "9.10"'
            " (without quotes YAML reads the number 9.1)",
            '7, 4@@claims[0].heads[1]: a head is written "layer.head" in quotes, like "9.10";'
            " not the number 7",
            "4.11x@@claims[0].heads[2]: a head is written 'layer.head', both from 0, like '9.10';"
            " got '4.11x'",
        ],
    ),
    # kinds and values from a list
    (
        TYPE,
        "builder: random-tokens",
        "builder: random-token",
        [
            "random-token,@@"
            "recipes[0].prompts.builder: unknown builder 'random-token'; did you mean"
            f" 'random-tokens'? (one of {BUILDERS})"
        ],
    ),
    (
        TYPE,
        "builder: random-tokens",
        "builder: zzz",
        [f"zzz@@recipes[0].prompts.builder: unknown builder 'zzz'; one of {BUILDERS}"],
    ),
    (
        TYPE,
        "builder: random-tokens, ",
        "",
        [
            "{count@@recipes[0].prompts.builder: this field is missing (or 'tokens', for measures"
            f" that read weights only); one of {BUILDERS}"
        ],
    ),
    (
        TYPE,
        "kind: attention",
        "kind: atention",
        [
            "atention@@recipes[0].measure.kind: unknown kind 'atention'; did you mean 'attention'?"
            f" (one of {MEASURES})"
        ],
    ),
    (
        TYPE,
        "vary: role",
        "vary: roles",
        [
            "roles@@recipes[0].control.vary: unknown vary 'roles'; did you mean 'role'?"
            " (one of role, prompts, tokens, heads, model)"
        ],
    ),
    (
        TYPE,
        "stage: in-context-identification",
        "stage: in-context-identificaton",
        [
            "in-context-identificaton@@"
            "stage: unknown value 'in-context-identificaton'; did you mean"
            " 'in-context-identification'? (one of knowledge-recalling,"
            " in-context-identification, latent-reasoning, expression-preparation)"
        ],
    ),
    (
        TYPE,
        "methods: [attention]",
        "methods: [attention, eye]",
        [f"eye]@@claims[0].methods[1]: must be one of {METHODS}, not 'eye'"],
    ),
    (
        SUCCESSOR,
        "none: true",
        "none: false",
        ["false@@claims[0].none: must be true, not false"],
    ),
    # a value that may be one of several things
    (
        TYPE,
        "{builder: random-tokens, count: 8}",
        "{builder: repeated-random-tokens, gap: rnd}",
        ["rnd@@recipes[0].prompts.gap: must be a whole number or 'random', not 'rnd'"],
    ),
    (
        TYPE,
        "{builder: random-tokens, count: 8}",
        "{builder: repeated-random-tokens, gap: -1}",
        ["-1}@@recipes[0].prompts.gap: must be at least 0, not -1"],
    ),
    (
        SUCCESSOR,
        "{kind: ov-mapping, relation: successor}",
        "{kind: path-patching, receivers: {found-by: previous-token, input: q}, from: corrupted,"
        " correct: successor, foil: current}",
        ["q}@@recipes[0].measure.receivers.input: must be one of query, key, value, not 'q'"],
    ),
    (
        SUCCESSOR,
        "{kind: ov-mapping, relation: successor}",
        "{kind: path-patching, receivers: logit, from: corrupted, correct: successor,"
        " foil: current}",
        [
            "logit,@@recipes[0].measure.receivers: must be fields (name: value) or 'logits',"
            " not 'logit'"
        ],
    ),
    # fields of a branch that is not named in the file
    (
        SUCCESSOR,
        "{tokens: {vocabulary: [days]}}",
        "{tokens: {vocabulry: [days]}}",
        [
            "vocabulry@@"
            "recipes[0].prompts.tokens.vocabulry: unknown field; did you mean 'vocabulary'?"
        ],
    ),
    # ids and other patterns
    (
        TYPE,
        "id: previous-position",
        "id: Previous_Position",
        [
            "Previous_Pos@@"
            "recipes[0].id: 'Previous_Position' is not an id: lower-case letters, digits and"
            " single hyphens, like 'copy-suppression'"
        ],
    ),
    (
        TYPE,
        "  - {paper: olsson2022induction, role: introduces}",
        "  - {paper: Olsson et al. 2022, role: introduces}",
        [
            "Olsson et al@@"
            "papers[0].paper: 'Olsson et al. 2022' is not a paper's id: first author, year"
            " and a word, all lower case, like 'olsson2022induction'"
        ],
    ),
    (
        TYPE,
        "model: openai-community--gpt2",
        "model: openai-community/gpt2",
        [
            "openai-community/gpt2@@"
            "claims[0].model: 'openai-community/gpt2' is not a model's id: the hub id with"
            " -- for /, like 'openai-community--gpt2'"
        ],
    ),
    (
        "changes/2025-01-31-first.yaml",
        'date: "2025-01-31"',
        "date: 31.1.2025",
        ["31.1.2025@@date: '31.1.2025' is not a date: year-month-day, like 2025-01-31"],
    ),
    (
        "vocabulary/names.yaml",
        "[Mary, John]",
        "[Mary, John Smith]",
        ["John Smith@@words[1]: 'John Smith' is not a word: it must not hold spaces"],
    ),
    (
        "vocabulary/names.yaml",
        "[Mary, John]",
        "[Mary, true, null]",
        [
            'true, null@@words[1]: must be text, not true; write it in quotes: "true"',
            "null]@@"
            'words[2]: must be text, not nothing (null); write "null" in quotes if it is meant',
        ],
    ),
    # bounds
    (TYPE, "count: 8", "count: 1", ["1}@@recipes[0].prompts.count: must be at least 2, not 1"]),
    (
        TYPE,
        "max_q: 0.01",
        "max_q: 1",
        ["1}@@recipes[0].criterion.max_q: must be at most 0.5, not 1"],
    ),
    (MODEL, "layers: 12", "layers: 0", ["0\nheads@@layers: must be at least 1, not 0"]),
    (
        TYPE,
        "summary: Attends to the token before.",
        "summary: " + "x" * 301,
        ["xxx@@summary: is too long: 301 characters, 300 at most"],
    ),
    (
        TYPE,
        "definition: A head whose attention goes to the position before the query.",
        'definition: ""',
        ['""@@definition: must not be empty'],
    ),
    (PAPER, "[Catherine Olsson, Nelson Elhage]", "[]", ["[]@@authors: must not be empty"]),
    (
        "vocabulary/names.yaml",
        "[Mary, John]",
        "[Mary]",
        ["[Mary]@@words: has 1 item; 2 or more are needed"],
    ),
    # what the schema itself says
    (
        TYPE,
        "definition: A head whose attention goes to the position before the query.",
        "definition: See <b>there</b>.",
        [
            "See <b>@@definition: raw HTML is not allowed in prose; write `<...>` as code if it is"
            " code"
        ],
    ),
    (
        PAPER,
        "year: 2022",
        "year: 2022\nurl: javascript:alert(1)",
        [
            "javascript@@url: must be an address that starts with https:// or http://, not"
            " 'javascript:alert(1)'"
        ],
    ),
    (
        TYPE,
        "min_margin: 0.3, ",
        "",
        ["{min_score@@recipes[0].criterion: max_q is about the margin: give min_margin too"],
    ),
    (
        TYPE,
        "key: previous}",
        "key: needle}",
        [
            "id: previous-position@@"
            "recipes[0]: key role 'needle' is not marked by builder 'random-tokens'"
            " (it has: first, previous, self, two-before)"
        ],
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "expected"), MISTAKES)
def test_a_mistake_and_its_line(
    entries: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    edit(entries, file, old, new)
    text = (entries / file).read_text(encoding="utf-8")
    lines = []
    for line in expected:
        anchor, message = line.split("@@")
        before = text[: text.index(anchor)]
        row, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        lines.append(f"entries/{file}:{row}:{column} {message}")
    assert [str(problem) for problem in read(entries).problems] == lines


def test_everything_of_all_files_comes_out_at_once(entries: Path) -> None:
    edit(entries, TYPE, "min_score: 0.5", "min_score: high")
    edit(entries, TYPE, "name: Previous token head", "nam: Previous token head")
    edit(entries, PAPER, "year: 2022", "year: 22\nyear: 2022")
    edit(entries, MODEL, "layers: 12", "layers: [12")
    edit(entries, "vocabulary/days.yaml", "kind: series", "kind: serie")
    assert [str(problem) for problem in read(entries).problems] == [
        "entries/head-types/previous-token.yaml:2:1 nam: unknown field; did you mean 'name'?",
        "entries/head-types/previous-token.yaml:35:28 recipes[0].criterion.min_score:"
        " must be a number, not 'high'",
        "entries/models/openai-community--gpt2.yaml:7:6: the list that starts with '[' needs ','"
        " or ']' here",
        "entries/papers/olsson2022induction.yaml:5:7 year: must be at least 1950, not 22",
        "entries/papers/olsson2022induction.yaml:6:1 year: this field is given twice"
        " (first on line 5)",
        "entries/vocabulary/days.yaml:2:7 kind: unknown value 'serie'; did you mean 'series'?"
        " (one of words, series, pairs, templates)",
    ]


def test_what_cannot_be_read_is_not_told_again_as_a_wrong_type(entries: Path) -> None:
    edit(entries, MODEL, "layers: 12", "layers: .inf")
    assert [str(problem) for problem in read(entries).problems] == [
        "entries/models/openai-community--gpt2.yaml:6:9 layers: .inf is not a number that can be"
        " used here; quote it if it is text"
    ]


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n", "3\n", "~\n"])
def test_a_file_that_is_no_fields(entries: Path, text: str) -> None:
    (entries / MODEL).write_text(text, encoding="utf-8")
    (problem,) = read(entries).problems
    assert re.fullmatch(
        r"entries/models/openai-community--gpt2.yaml:1:1: must be fields \(name: value\), not .*",
        str(problem),
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_pattern_of_the_schema_is_explained(kind: str) -> None:
    unexplained = _patterns(KINDS[kind].model_json_schema()) - set(PATTERNS)
    assert not unexplained, "say in catalog/explain.py what these patterns mean"


def _patterns(schema: object) -> set[str]:
    found: set[str] = set()
    if isinstance(schema, dict):
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            found.add(pattern)
        for value in schema.values():
            found |= _patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            found |= _patterns(value)
    return found


def test_kinds_are_models() -> None:
    assert all(issubclass(model, BaseModel) for model in KINDS.values())
