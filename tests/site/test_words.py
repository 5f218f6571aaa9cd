"""Hand-written words must cover the schema, so that a new term cannot be left without one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

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


def test_the_methods_page_explains_every_measure_verdict_stage_and_strength() -> None:
    text = (PAGES / "methods.md").read_text(encoding="utf-8")
    for measure in MEASURES:
        if measure.runnable:
            (kind,) = get_args(measure.model_fields["kind"].annotation)
            assert f"<td><code>{kind}</code></td>" in text
    for name, (sign, words) in wording.VERDICTS.items():
        assert re.search(rf'hb-{name}">.*{sign}.* {words}</span>', text), name
    for words in wording.STRENGTHS.values():
        assert f"<strong>{words}</strong>" in text
    for name, gloss in wording.STAGES.values():
        assert f"<td><strong>{name}</strong></td><td>{gloss}</td>" in text


def test_hand_written_pages_load_nothing_from_elsewhere() -> None:
    for page in PAGES.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text
        assert not re.search(r"!\[|<img|<iframe|<link", text)
