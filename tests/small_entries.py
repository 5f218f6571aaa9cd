"""A small catalog written by hand, whose every answer can be worked out on paper.

Three head types, two papers, two models. ``openai-community--gpt2`` has claims and was never run;
``tiny--grouped`` (2 layers of 4 heads, 2 key-value heads) was run in two revisions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GPT2 = "openai-community--gpt2"
TINY = "tiny--grouped"
PINNED = "a" * 40
OLDER = "0123456789ab"
CHECKED = {"state": "read", "where": "the paper"}

PAPERS: list[dict[str, Any]] = [
    {
        "id": "wang2022ioi",
        "title": "Interpretability in the Wild",
        "authors": ["Kevin Wang", "Alexandre Variengien", "Arthur Conmy"],
        "authors_complete": False,
        "year": 2022,
        "venue": "ICLR 2023",
        "arxiv": "2211.00593",
        "checked": CHECKED,
    },
    {
        "id": "olsson2022induction",
        "title": "In-context Learning & Induction Heads",
        "authors": ["Catherine Olsson"],
        "authors_complete": False,
        "year": 2022,
        "arxiv": "2209.11895",
        "checked": CHECKED,
    },
]

MODELS: list[dict[str, Any]] = [
    {
        "id": GPT2,
        "name": "GPT-2 small",
        "aliases": ["gpt2", "gpt2-small"],
        "source": {"kind": "hub", "hub_id": "openai-community/gpt2"},
        "architecture": "GPT2LMHeadModel",
        "layers": 12,
        "heads": 12,
        "kv_heads": 12,
        "width": 768,
        "context": 1024,
        "vocabulary": 50257,
        "positions": "learned",
        "licence": "MIT",
        "checked": CHECKED,
    },
    {
        "id": TINY,
        "name": "Tiny grouped",
        "aliases": ["tiny"],
        "source": {"kind": "hub", "hub_id": "tiny/grouped", "revision": PINNED},
        "architecture": "LlamaForCausalLM",
        "layers": 2,
        "heads": 4,
        "kv_heads": 2,
        "width": 16,
        "context": 64,
        "vocabulary": 100,
        "positions": "rotary",
        "licence": "MIT",
        "checked": CHECKED,
    },
]

ACTION = {"query": "q", "key": "k", "value": "v", "output": "o"}


def _claim(model: str, paper: str, heads: list[str], listed: str) -> dict[str, Any]:
    return {
        "model": model,
        "heads": heads,
        "list": listed,
        "paper": paper,
        "place": "section 3",
        "methods": ["path-patching"],
        "checked": CHECKED,
    }


HEAD_TYPES: list[dict[str, Any]] = [
    {
        "id": "induction",
        "name": "Induction head",
        "aliases": ["pattern completion head"],
        "stage": "in-context-identification",
        "group": "Pattern",
        "placed_by": "survey",
        "summary": "Continues a pattern that occurred before.",
        "definition": "Attends to the token after the previous copy of the current one.",
        "action": ACTION,
        "depth": "middle",
        "papers": [{"paper": "olsson2022induction", "role": "introduces"}],
        "claims": [_claim(TINY, "olsson2022induction", ["1.2"], "examples")],
        "related": [{"type": "name-mover", "relation": "contrasts-with", "note": "Another task."}],
        "automation": {"level": "core", "reason": "Repeated random tokens suffice."},
        "identify": {"all-of": ["prefix-matching", "copying"]},
        "recipes": [
            {
                "id": "prefix-matching",
                "source": "olsson2022induction",
                "prompts": {
                    "builder": "repeated-random-tokens",
                    "count": 64,
                    "seed": 0,
                    "periods": [19, 23, 31, 40],
                    "gap": "random",
                },
                "measure": {"kind": "attention", "query": "repeat", "key": "after-previous-copy"},
                "control": {"vary": "role", "query": "unrepeated", "key": "same-offset"},
                "criterion": {"min_score": 0.3, "min_margin": 0.2},
                "thresholds": "Planted models.",
            },
            {
                "id": "copying",
                "source": "olsson2022induction",
                "prompts": {"tokens": {"sample": 500}},
                "measure": {"kind": "ov-copying", "top": 5},
                "control": {"vary": "tokens", "shuffle": "target"},
                "criterion": {"min_score": 0.5, "min_margin": 0.4},
                "thresholds": "Planted models.",
            },
        ],
    },
    {
        "id": "name-mover",
        "name": "Name mover head",
        "stage": "expression-preparation",
        "group": "Output",
        "placed_by": "survey",
        "summary": "Copies the name that was not repeated.",
        "definition": "Attends from the end to the indirect object and copies it.",
        "action": ACTION,
        "depth": "late",
        "papers": [{"paper": "wang2022ioi", "role": "introduces", "note": "Names it."}],
        "claims": [_claim(GPT2, "wang2022ioi", ["9.9", "9.6", "10.0"], "exhaustive")],
        "caveats": [{"text": "Other heads take over.", "source": "olsson2022induction"}],
        "automation": {"level": "needs-capable-model", "reason": "The model must do the task."},
    },
    {
        "id": "backup",
        "name": "Backup head",
        "stage": "expression-preparation",
        "group": "Output",
        "placed_by": "headbook",
        "summary": "Takes over when others are ablated.",
        "definition": "Does little until other heads are removed.",
        "action": ACTION,
        "depth": "late",
        "papers": [{"paper": "wang2022ioi", "role": "extends"}],
        "no-claims": {
            "reason": "Plots them without numbers.",
            "source": "wang2022ioi",
            "checked": {"state": "secondary", "where": "A talk."},
        },
        "automation": {"level": "not-automatable", "reason": "No code yet."},
    },
]

REDIRECTS = {
    "redirects": [
        {
            "old": "head-types/pattern-copier",
            "new": "head-types/induction",
            "reason": "Named as the papers do.",
        },
        {
            "old": "head-types/oracle",
            "new": "head-types/backup",
            "kind": "withdrawn",
            "reason": "Nobody could repeat it.",
        },
        {"old": "models/gpt-two", "new": f"models/{GPT2}", "reason": "Named by its hub id."},
    ]
}

CHANGES = {
    "2026-01-02-start": {
        "date": "2026-01-02",
        "summary": "The first entries.",
        "subjects": ["head-types/induction"],
        "kind": "added",
    },
    "2026-02-03-claims": {
        "date": "2026-02-03",
        "summary": "Claims about name movers.",
        "subjects": ["head-types/name-mover"],
        "kind": "added",
    },
}

PREFIX_SCORES = [[0.0, 0.1, 0.2, 0.05], [0.1, 0.3, 0.9, 0.8]]
COPYING_SCORES = [[0.1, 0.95, 0.0, 0.0], [0.2, 0.3, 0.9, 0.1]]


def evidence(
    recipe: str, revision: str, scores: list[list[float]], found: list[str], criterion: Any
) -> dict[str, Any]:
    """A record of ``tiny--grouped``; control 0 everywhere, an interval of 0.05 to each side."""

    def moved(by: float) -> list[list[float]]:
        return [[round(value + by, 3) for value in row] for row in scores]

    zero = [[0.0] * 4 for _ in range(2)]
    status = [
        ["passes" if f"{layer}.{head}" in found else "fails" for head in range(4)]
        for layer in range(2)
    ]
    return {
        "schema_version": 1,
        "head_type": "induction",
        "recipe": recipe,
        "model": {
            "id": TINY,
            "revision": revision,
            "architecture": "LlamaForCausalLM",
            "layers": 2,
            "heads": 4,
            "kv_heads": 2,
            "weights_sha256": "1" * 64,
            "config_sha256": "2" * 64,
            "tokenizer_sha256": "3" * 64,
        },
        "run": {
            "recipe_sha256": "4" * 64,
            "prompts_sha256": "5" * 64,
            "seed": 0,
            "confirmation_seed": 1,
            "dtype": "float32",
            "device": "cpu",
            "versions": {"torch": "2.13"},
        },
        "measure": "attention" if recipe == "prefix-matching" else "ov-copying",
        "unit": "share",
        "criterion": criterion,
        "gates": [],
        "sample": {"unit": "prompt", "units": 64, "clusters": 64, "left_out": 0},
        "scores": {
            "mean": scores,
            "low": moved(-0.05),
            "high": moved(0.05),
            "se": [[0.02] * 4 for _ in range(2)],
            "control": zero,
            "margin": scores,
            "margin_low": moved(-0.05),
            "margin_high": moved(0.05),
            "q": None,
            "status": status,
        },
        "confirmations": [
            {"head": head, "score": 0.9, "margin": 0.9, "confirmed": True} for head in found
        ],
        "found": found,
        "unclear": [],
        "verdict": "found" if found else "not-found",
        "reason": "By hand.",
    }


def records() -> list[dict[str, Any]]:
    """Pinned: 1.2 passes both recipes. Older: only copying was found, at 0.1."""
    prefix = {"min_score": 0.3, "min_margin": 0.2}
    copying = {"min_score": 0.5, "min_margin": 0.4}
    none = [[0.0] * 4 for _ in range(2)]
    return [
        evidence("prefix-matching", PINNED, PREFIX_SCORES, ["1.2", "1.3"], prefix),
        evidence("copying", PINNED, COPYING_SCORES, ["0.1", "1.2"], copying),
        evidence("prefix-matching", OLDER, none, [], prefix),
        evidence("copying", OLDER, COPYING_SCORES, ["0.1", "1.2"], copying),
    ]


def write(folder: Path) -> Path:
    """Write everything as an ``entries`` folder below ``folder`` (JSON is YAML too)."""
    root = folder / "entries"
    for kind, items in (("papers", PAPERS), ("models", MODELS), ("head-types", HEAD_TYPES)):
        for item in items:
            _write(root / kind / f"{item['id']}.yaml", item)
    for name, change in CHANGES.items():
        _write(root / "changes" / f"{name}.yaml", change)
    _write(root / "redirects.yaml", REDIRECTS)
    for record in records():
        model = record["model"]
        name = f"{record['head_type']}.{record['recipe']}.json"
        _write(root / "evidence" / model["id"] / model["revision"] / name, record)
    return root


def _write(file: Path, data: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data, indent=2), encoding="utf-8")
