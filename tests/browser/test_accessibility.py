"""axe-core on each kind of page, in both schemes: no serious finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import axe_playwright_python
import pytest

from tests.browser.conftest import Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
KINDS = {
    "home": "/",
    "head types": "/head-types/",
    "head type": "/head-types/looker/",
    "mosaic": "/head-types/looker/mosaic/",
    "models": "/models/",
    "model": "/models/example--small/",
    "head": "/models/example--small/2.3/",
    "heads": "/models/example--small/heads/",
    "papers": "/papers/",
    "paper": "/papers/example2020first/",
    "reproduction": "/reproduction/",
    "measures": "/measures/",
    "methods": "/methods/",
    "verdicts": "/verdicts/",
    "glossary": "/glossary/",
    "api": "/api/",
    "from Python": "/from-python/",
    "try": "/try/",
    "contributing": "/contributing/",
    "changes": "/changes/",
    "survey": "/survey/",
    "open work": "/open-work/",
}
RUN = """async (rules) => {
  document.querySelectorAll('details').forEach(d => d.open = true);
  const found = await axe.run(document, {resultTypes: ['violations'], ...rules});
  return found.violations.filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => `${v.id} (${v.impact}), ${v.nodes.length} times, first: ${v.nodes[0].html}`);
}"""


COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""What differs between the schemes: the rest is the same page, looked at once."""


@pytest.mark.parametrize(("scheme", "rules"), [("light", {}), ("dark", COLOURS)])
def test_axe_finds_nothing_serious(
    scheme: str,
    rules: dict[str, object],
    open_context: Callable[..., BrowserContext],
    example_site: Site,
) -> None:
    page = open_context(color_scheme=scheme, viewport={"width": 1280, "height": 900}).new_page()
    found = {}
    for kind, address in KINDS.items():
        page.goto(example_site.address + address)
        page.evaluate(AXE)
        if serious := page.evaluate(RUN, rules):
            found[kind] = serious
    assert found == {}


def test_axe_sees_a_fault(open_context: Callable[..., BrowserContext], example_site: Site) -> None:
    page = open_context().new_page()
    page.goto(f"{example_site.address}/glossary/")
    page.evaluate("document.querySelector('article').insertAdjacentHTML('beforeend',"
                  " '<select><option>1</option></select>')")  # fmt: skip
    page.evaluate("document.querySelector('article').insertAdjacentHTML('beforeend',"
                  " '<p style=\"color:#ccc;background:#fff\">faint</p>')")  # fmt: skip
    page.evaluate(AXE)
    names = [line.split(" ")[0] for line in page.evaluate(RUN)]
    assert names == ["color-contrast", "select-name"]
    assert [line.split(" ")[0] for line in page.evaluate(RUN, COLOURS)] == ["color-contrast"]


def test_every_kind_of_page_is_looked_at(example_site: Site) -> None:
    """A new page at the root, or below a head type or model, is a kind that must be added."""
    known = set(KINDS.values())
    for address in example_site.pages():
        depth = address.count("/")
        if depth <= 2:
            assert address in known or "watcher" in address, address
    assert known <= set(example_site.pages())
