"""A small valid folder of entries, for tests that need one of their own to break."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILES: dict[str, str] = {
    "head-types/previous-token.yaml": """\
id: previous-token
name: Previous token head
aliases: [shift head]
stage: in-context-identification
group: Local structure
placed_by: survey
summary: Attends to the token before.
definition: A head whose attention goes to the position before the query.
action:
  query: Any position.
  key: The position before.
  value: The token there.
  output: That token, one position later.
depth: early layers
papers:
  - {paper: olsson2022induction, role: introduces}
claims:
  - model: openai-community--gpt2
    heads: ["4.11", "5.6"]
    list: examples
    paper: olsson2022induction
    place: Section 2
    methods: [attention]
    checked: {state: read, where: Section 2}
related:
  - {type: successor, relation: contrasts-with, note: Both write a next token.}
automation: {level: core, reason: Position alone decides.}
identify: {all-of: [previous-position]}
recipes:
  - id: previous-position
    source: olsson2022induction
    prompts: {builder: random-tokens, count: 8}
    measure: {kind: attention, query: all, key: previous}
    control: {vary: role, key: two-before}
    criterion: {min_score: 0.5, min_margin: 0.3, max_q: 0.01}
    thresholds: Chosen for the test.
""",
    "head-types/successor.yaml": """\
id: successor
name: Successor head
stage: knowledge-recalling
group: Ordinal
placed_by: headbook
summary: Writes the next of an ordered series.
definition: A head whose OV circuit maps a member of a series to the next.
action:
  query: Any position.
  key: A member of a series.
  value: The member.
  output: Its successor.
depth: middle layers
papers:
  - {paper: gould2023successor, role: introduces}
claims:
  - model: headbook--tiny
    none: true
    paper: gould2023successor
    place: Table 1
    methods: [ov-circuit]
    checked: {state: unchecked}
automation: {level: core, reason: Weights alone decide.}
identify: {any-of: [successor-mapping]}
recipes:
  - id: successor-mapping
    source: gould2023successor
    prompts: {tokens: {vocabulary: [days]}}
    measure: {kind: ov-mapping, relation: successor}
    control: {vary: tokens, input: first-mlp-successor}
    criterion: {min_score: 0.5, min_margin: 0.3}
    thresholds: Chosen for the test.
  - id: series-attribution
    status: described
    missing: ablation
    source: gould2023successor
    prompts: {builder: series, series: [days]}
    measure: {kind: ablation-effect, replace: mean, metric: loss, at: end}
    control: {vary: heads}
    criterion: {min_score: 0.1, min_margin: 0.1}
    thresholds: Chosen for the test.
""",
    "papers/olsson2022induction.yaml": """\
id: olsson2022induction
title: In-context Learning and Induction Heads
authors: [Catherine Olsson, Nelson Elhage]
authors_complete: false
year: 2022
arxiv: "2209.11895"
checked: {state: unchecked}
""",
    "papers/gould2023successor.yaml": """\
id: gould2023successor
title: Successor Heads
authors: [Rhys Gould]
year: 2023
arxiv: "2312.09230"
checked: {state: unchecked}
""",
    "models/openai-community--gpt2.yaml": """\
id: openai-community--gpt2
name: GPT-2 small
aliases: [gpt2, GPT-2]
source: {kind: hub, hub_id: openai-community/gpt2}
architecture: GPT2LMHeadModel
layers: 12
heads: 12
kv_heads: 12
width: 768
context: 1024
vocabulary: 50257
positions: learned
licence: MIT
checked: {state: unchecked}
""",
    "models/headbook--tiny.yaml": """\
id: headbook--tiny
name: Tiny
aliases: [tiny]
source: {kind: shipped, folder: tiny, revision: v1}
architecture: GPT2LMHeadModel
layers: 2
heads: 2
kv_heads: 1
width: 8
context: 16
vocabulary: 32
positions: learned
licence: Apache-2.0
checked: {state: read, where: config.json}
""",
    "vocabulary/days.yaml": """\
id: days
kind: series
description: The days of the week.
wraps: true
words: [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday]
""",
    "vocabulary/names.yaml": """\
id: names
kind: words
description: First names.
words: [Mary, John]
""",
    "vocabulary/gave.yaml": """\
id: gave
kind: templates
description: Sentences that end before the indirect object.
templates:
  - {id: gave, text: "{A} and {B} met at the {place}; {S} gave a {object} to"}
""",
    "text/plain.yaml": """\
id: plain
description: One passage.
licence: CC-BY-4.0
passages: ["The river comes down from the hills."]
""",
    "changes/2025-01-31-first.yaml": """\
date: "2025-01-31"
summary: The first entries.
subjects: [head-types/previous-token, papers/gould2023successor]
kind: added
""",
    "redirects.yaml": """\
redirects:
  - {old: head-types/shift, new: head-types/previous-token, reason: The usual name.}
""",
}

EVIDENCE = "headbook--tiny/v1/previous-token.previous-position.json"


def write_entries(folder: Path) -> Path:
    """Write the files of :data:`FILES` into ``folder/entries`` and return that folder."""
    entries = folder / "entries"
    for name, text in FILES.items():
        put(entries, name, text)
    (entries / "evidence").mkdir()
    return entries


def put(entries: Path, name: str, content: str | bytes) -> Path:
    """Write one file below the entries."""
    file = entries / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def edit(entries: Path, name: str, old: str, new: str) -> None:
    """Replace ``old``, which must occur exactly once, in one file."""
    file = entries / name
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def evidence_record() -> dict[str, Any]:
    """Evidence of ``previous-token.previous-position`` on the 2 layers x 2 heads of ``tiny``."""
    grid = [[0.1, 0.9], [0.2, 0.1]]
    zero = [[0.0, 0.0], [0.0, 0.0]]
    return {
        "schema_version": 1,
        "head_type": "previous-token",
        "recipe": "previous-position",
        "model": {
            "id": "headbook--tiny",
            "revision": "v1",
            "architecture": "GPT2LMHeadModel",
            "layers": 2,
            "heads": 2,
            "kv_heads": 1,
            "weights_sha256": "0" * 64,
            "config_sha256": "1" * 64,
            "tokenizer_sha256": "2" * 64,
        },
        "run": {
            "recipe_sha256": "3" * 64,
            "prompts_sha256": "4" * 64,
            "seed": 0,
            "confirmation_seed": 1,
            "dtype": "float32",
            "device": "cpu",
            "versions": {"torch": "2.13"},
        },
        "measure": "attention",
        "unit": "share",
        "criterion": {"min_score": 0.5, "min_margin": 0.3, "max_q": 0.01},
        "gates": [],
        "sample": {"unit": "prompt", "units": 8, "clusters": 8, "left_out": 0},
        "scores": {
            "mean": grid,
            "low": grid,
            "high": grid,
            "se": zero,
            "control": zero,
            "margin": grid,
            "margin_low": grid,
            "margin_high": grid,
            "q": [[1.0, 0.001], [1.0, 1.0]],
            "status": [["fails", "passes"], ["fails", "fails"]],
        },
        "confirmations": [{"head": "0.1", "score": 0.9, "margin": 0.9, "confirmed": True}],
        "found": ["0.1"],
        "unclear": [],
        "verdict": "found",
        "reason": "1 of 4 heads passes.",
    }


def write_evidence(
    folder: Path, record: dict[str, Any] | None = None, name: str = EVIDENCE
) -> Path:
    """Write a record (that of :func:`evidence_record` by default) below an evidence folder."""
    return put(folder, name, json.dumps(record or evidence_record(), indent=1) + "\n")
