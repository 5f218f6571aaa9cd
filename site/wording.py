"""Words and signs of the site for the terms of the schema; every chip has both."""

from __future__ import annotations

from catalog.schema.base import Stage

STAGES: dict[Stage, tuple[str, str]] = {
    Stage.KNOWLEDGE_RECALLING: (
        "Knowledge recalling",
        "Heads that bring up what the model knows about the words it reads.",
    ),
    Stage.IN_CONTEXT_IDENTIFICATION: (
        "In-context identification",
        "Heads that find structure, order and relations in the text itself.",
    ),
    Stage.LATENT_REASONING: (
        "Latent reasoning",
        "Heads that combine what was found into what comes next.",
    ),
    Stage.EXPRESSION_PREPARATION: (
        "Expression preparation",
        "Heads that turn the outcome into the form of the next token.",
    ),
}
"""Name and gloss of each stage, in the order of the survey (Zheng et al. 2024)."""

VERDICTS: dict[str, tuple[str, str]] = {
    "found": ("✓", "found"),
    "not-found": ("✕", "not found"),
    "inconclusive": ("≈", "inconclusive"),
    "not-applicable": ("\N{EN DASH}", "not applicable"),
    "reproduced": ("✓", "reproduced"),
    "partly-reproduced": ("◐", "partly reproduced"),
    "not-reproduced": ("✕", "not reproduced"),
    "not-comparable": ("≠", "not comparable"),
    "not-run": ("○", "not run"),
}
"""Sign and words of the verdicts on types and on claims."""

TYPE_ORDER = ("found", "inconclusive", "not-found", "not-applicable")
"""Verdicts on types, in the order of lists."""

CLAIM_ORDER = (
    "reproduced",
    "partly-reproduced",
    "not-reproduced",
    "not-comparable",
    "not-run",
)

STRENGTHS: dict[str, str] = {
    "pattern": "attention pattern",
    "weights": "weights",
    "direct-effect": "direct effect",
    "decodable": "decodable",
    "necessary": "necessary",
    "sufficient": "sufficient",
    "triangulated": "triangulated",
}

KINDS = tuple(kind for kind in STRENGTHS if kind != "triangulated")
"""The kinds of evidence by themselves, in the order in which a row of marks shows them."""

STATES: dict[str, str] = {
    "found": "found in a model",
    "not-found": "run, not found",
    "not-run": "runnable, not run",
    "described": "recipe described only",
    "none": "no recipe",
}
"""How far an entry has come."""

STATE_SIGNS: dict[str, str] = {
    "found": "✓",
    "not-found": "✕",
    "not-run": "○",
    "described": "·",
    "none": "·",
}

TRY_PATHS = (
    "/v1/head-types",
    "/v1/head-types/induction",
    "/v1/models/gpt2",
    "/v1/models/gpt2/heads/9.9",
    "/v1/claims?model=gpt2",
    "/v1/evidence",
)
"""Requests that the page for trying the API offers."""

CHECKED: dict[str, str] = {
    "read": "read in the source",
    "secondary": "read in another source",
    "unchecked": "not checked at the source",
}

LISTS: dict[str, str] = {
    "exhaustive": "all there are",
    "top-k": "the best few",
    "examples": "examples",
}

RELATIONS: dict[str, str] = {
    "feeds": "feeds",
    "fed-by": "is fed by",
    "special-case-of": "is a special case of",
    "generalises": "generalises",
    "opposes": "opposes",
    "replaces-when-ablated": "replaces, when it is ablated,",
    "shares-heads-with": "shares heads with",
    "contrasts-with": "contrasts with",
}

ROLES: dict[str, str] = {
    "introduces": "introduces it",
    "extends": "extends it",
    "replicates": "replicates it",
    "challenges": "challenges it",
}

AUTOMATION: dict[str, str] = {
    "core": "No recipe of this type can be run yet. One could look for it in any model.",
    "needs-capable-model": (
        "No recipe of this type can be run yet. One needs a model that can do the task."
    ),
    "needs-dataset": (
        "No recipe of this type can be run. One needs a data set that is not part of this project."
    ),
    "not-automatable": "There is no recipe that a machine could run.",
}
"""Of a type without a recipe that can be run."""

MAPPINGS: dict[str, tuple[str, str]] = {
    "entry": ("by name", "the entry bears this name"),
    "alias": ("by an alias", "another name of the entry"),
    "reason": ("for a stated reason", "for this reason"),
    "missing": ("not yet", "no entry yet"),
}
"""How a tag of the survey's list maps to an entry: to count, and of one tag."""
