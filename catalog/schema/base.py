"""Ids, heads, stages and prose: the words that every other schema module uses."""

from __future__ import annotations

import html
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

_SIGNED_IN = (
    "a link must not hold a name or password before its host (the part up to '@'); it hides where"
    " the link leads"
)


def _without_account(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError(_SIGNED_IN)
    return url


Url = Annotated[HttpUrl, AfterValidator(_without_account)]
"""An address that starts with https or http, without user name and password."""

_CODE_SPAN = re.compile(r"(?<!\\)`[^`\n]*`")
_RAW_HTML = re.compile(r"<[A-Za-z/!?]")
_LINK_TARGET = re.compile(r"\]\(\s*([^)\s]*)")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_ACCOUNT = re.compile(r"https://[^/?#]*@")

MOST_BRACKETS = 100
"""Most ``[`` of one text. What turns Markdown into HTML looks behind each for the end of a link,
from each again: 6,000 of them cost it six seconds, 100 nothing that can be measured. No text of the
entries had one when this was set."""
MOST_NESTED = 10
"""Most lists and quotes that one line may open inside each other (``1. - > ...``); from some
hundreds on, what makes HTML of them ends in a RecursionError."""
_NESTED = re.compile(
    rf"^(?:[ \t]*(?:>|(?:[-+*]|[0-9]{{1,9}}[.)])[ \t])){{{MOST_NESTED + 1}}}", re.MULTILINE
)


def safe_markdown(text: str) -> str:
    """Return ``text`` unchanged if it is Markdown that the site may render.

    Contributors' Markdown is untrusted: raw HTML, images and links to anything but https (or a
    page of this site, ``../head-types/x.md``) are refused rather than cleaned, so that the author
    sees what is wrong. So is what costs the site's builder more than its length warrants.

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
        if _ACCOUNT.match(html.unescape(target)):  # a page has &#64; as @
            raise ValueError(_SIGNED_IN)
    if text.count("[") > MOST_BRACKETS:  # in code too: where code ends is not agreed on by all
        raise ValueError(f"more than {MOST_BRACKETS} square brackets '[' in one text: too many")
    if _NESTED.search(text):
        raise ValueError(f"more than {MOST_NESTED} lists or quotes inside each other on one line")
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
