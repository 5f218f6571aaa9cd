"""Hand-written words must cover the schema, so that a new term cannot be left without one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import measure_words
import wording

from catalog.responses import ClaimVerdict
from catalog.schema.base import Stage, Strength
from catalog.schema.claim import Checked, Claim
from catalog.schema.evidence import Verdict
from catalog.schema.head_type import Automation, PaperRole, Related
from catalog.schema.measures import MEASURES

PAGES = Path(__file__).resolve().parents[2] / "site" / "pages"


def test_every_term_has_words() -> None:
    assert list(wording.STAGES) == list(Stage)
    assert set(wording.VERDICTS) == {*get_args(Verdict), *get_args(ClaimVerdict)}
    assert set(wording.CLAIM_ORDER) == set(get_args(ClaimVerdict))
    assert set(wording.STRENGTHS) == {kind.value for kind in Strength}
    for words, model, name in (
        (wording.CHECKED, Checked, "state"),
        (wording.RELATIONS, Related, "relation"),
        (wording.ROLES, PaperRole, "role"),
        (wording.AUTOMATION, Automation, "level"),
    ):
        assert set(words) == set(get_args(model.model_fields[name].annotation)), name
    assert set(wording.LISTS) == {
        value
        for part in get_args(Claim.model_fields["list"].annotation)
        for value in get_args(part)
    }


def test_the_pages_on_methods_explain_every_verdict_stage_and_strength() -> None:
    text = "".join((PAGES / f"{name}.md").read_text() for name in ("methods", "verdicts"))
    for name, (sign, words) in wording.VERDICTS.items():
        assert re.search(rf'hb-{name}">.*{sign}.* {words}</span>', text), name
    for words in wording.STRENGTHS.values():
        assert f"<strong>{words}</strong>" in text
    for name, gloss in wording.STAGES.values():
        assert f"<td><strong>{name}</strong></td><td>{gloss}</td>" in text


def test_every_measure_that_can_be_run_has_its_formula_and_source() -> None:
    kinds = {get_args(measure.model_fields["kind"].annotation)[0] for measure in MEASURES}
    told = {words.kind: words for words in measure_words.measures()}
    assert set(told) == kinds
    for kind, words in told.items():
        missing = f"write site/templates/formulas/{kind}.jinja"
        assert words.formula is not None or not words.runnable, missing
        assert words.source or not words.runnable, f"{kind}: its docstring names no 'Source:'"
        assert "Source:" not in "".join((words.summary, *words.more))
    formulas = {file.stem for file in measure_words.FORMULAS.glob("*.jinja")}
    assert formulas <= kinds


def test_the_glossary_is_in_order_and_has_the_words_of_the_design() -> None:
    text = (PAGES / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r'<dt id="([a-z-]+)">([^<]+)</dt>', text)
    names = [name.casefold() for _, name in terms]
    assert names == sorted(names)
    assert all(name.casefold().replace(" ", "-") == identity for identity, name in terms)
    wanted = "head type, entry, stage, claim, recipe, prompts, measure, control, criterion, gate,"
    wanted += " evidence, verdict, strength, role, revision"
    assert set(wanted.split(", ")) <= set(names)


def test_hand_written_pages_load_nothing_from_elsewhere() -> None:
    for page in PAGES.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text
        assert not re.search(r"!\[|<img|<iframe|<link", text)
