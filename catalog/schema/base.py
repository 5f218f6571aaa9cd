"""Ids, heads, stages and prose: the words that every other schema module uses."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, HttpUrl, StringConstraints


class Strict(BaseModel):
    """A frozen model that refuses unknown fields and silent conversions.

    A contributor's typing mistake must never be read as something else, so ``"3"`` is no integer
    and ``9.10`` (which YAML reads as the number 9.1) is no head. Data from files is validated as
    JSON (``model_validate_json``), where lists stand for tuples and strings for enum members.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        serialize_by_alias=True,
        defer_build=True,  # until one is made: who only serves answers makes none
    )


Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=2, max_length=64)
]
"""The id of a head type, recipe, vocabulary or text set: ``copy-suppression``."""

PaperKey = Annotated[str, StringConstraints(pattern=r"^[a-z]+[0-9]{4}[a-z0-9]*$", max_length=64)]
"""The id of a paper, also its BibTeX key: ``olsson2022induction``."""

ModelId = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._]*(-[A-Za-z0-9._]+)*--[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=128,
    ),
]
"""The slug of a model, ``org--name``: a hub id with its slash written as two hyphens."""

Alias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=2, max_length=64)
]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\n]+$")
]
"""One line of plain text."""

Url = Annotated[HttpUrl, "https or http address"]

_CODE_SPAN = re.compile(r"(?<!\\)`[^`\n]*`")
_RAW_HTML = re.compile(r"<[A-Za-z/!?]")
_LINK_TARGET = re.compile(r"\]\(\s*([^)\s]*)")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*(\S+)", re.MULTILINE)


def safe_markdown(text: str) -> str:
    """Return ``text`` unchanged if it is Markdown that the site may render.

    Contributors' Markdown is untrusted: raw HTML, images and links to anything but https (or a
    page of this site, ``../head-types/x.md``) are refused rather than cleaned, so that the author
    sees what is wrong.

    Raises:
        ValueError: naming the construct that is not allowed.
    """
    bare = _CODE_SPAN.sub("", text)
    if _RAW_HTML.search(bare):
        raise ValueError("raw HTML is not allowed in prose; write `<...>` as code if it is code")
    if "![" in bare:
        raise ValueError("images are not allowed in prose")
    for target in _LINK_TARGET.findall(bare) + _REFERENCE.findall(bare):
        if not target.startswith("https://"):
            raise ValueError(f"links must start with https://, not {target[:60]!r}")
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in text):
        raise ValueError("control characters are not allowed in prose")
    return text


Prose = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=6000),
    AfterValidator(safe_markdown),
]
"""Markdown without raw HTML, images or links to anything but https."""


def _head(text: str) -> str:
    if not re.fullmatch(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})", text):
        raise ValueError(f"a head is written 'layer.head', both from 0, like '9.10'; got {text!r}")
    return text


Head = Annotated[str, AfterValidator(_head)]
"""A query head, ``layer.head``, both counted from 0. Quote it in YAML: 9.10 alone is 9.1."""


def layer_and_head(head: str) -> tuple[int, int]:
    """``"9.10"`` -> ``(9, 10)``."""
    layer, _, index = head.partition(".")
    return int(layer), int(index)


class Stage(StrEnum):
    """The four stages of the survey (Zheng et al. 2024, arXiv 2409.03752)."""

    KNOWLEDGE_RECALLING = "knowledge-recalling"
    IN_CONTEXT_IDENTIFICATION = "in-context-identification"
    LATENT_REASONING = "latent-reasoning"
    EXPRESSION_PREPARATION = "expression-preparation"


class Method(StrEnum):
    """How a claim was established, and how a measure works: what makes the two comparable."""

    ATTENTION = "attention"
    OV_CIRCUIT = "ov-circuit"
    QK_CIRCUIT = "qk-circuit"
    COMPOSITION = "composition"
    DIRECT_LOGIT_ATTRIBUTION = "direct-logit-attribution"
    ABLATION = "ablation"
    PATH_PATCHING = "path-patching"
    ACTIVATION_PATCHING = "activation-patching"
    PROBING = "probing"
    GENERATION = "generation"
    OTHER = "other"


class Strength(StrEnum):
    """Kinds of evidence. A set, not a ladder; derived from measures, never written by hand."""

    PATTERN = "pattern"
    WEIGHTS = "weights"
    DIRECT_EFFECT = "direct-effect"
    DECODABLE = "decodable"
    NECESSARY = "necessary"
    SUFFICIENT = "sufficient"
    TRIANGULATED = "triangulated"


OBSERVATIONAL = frozenset(
    {Strength.PATTERN, Strength.WEIGHTS, Strength.DIRECT_EFFECT, Strength.DECODABLE}
)
CAUSAL = frozenset({Strength.NECESSARY, Strength.SUFFICIENT})
