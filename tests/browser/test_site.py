from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.phone import IN_TURN, MEASURE, leads_on
from tests.site import examples

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

Contexts = Callable[..., "BrowserContext"]


def test_no_page_is_wider_than_a_phone(open_context: Contexts, example_site: Site) -> None:
    page = open_context(viewport={"width": 360, "height": 740}).new_page()
    addresses = [a for a in example_site.pages() if not leads_on(example_site, a)]
    assert len(addresses) > 8
    for address in addresses:  # what only leads on, the browser leaves before it can be measured
        page.goto(example_site.address + address, wait_until="domcontentloaded")
        assert page.evaluate(MEASURE) == [360, []], address


def test_a_page_that_is_too_wide_is_seen(open_context: Contexts, example_site: Site) -> None:
    page = open_context(viewport={"width": 360, "height": 740}).new_page()
    page.goto(example_site.address)
    wide = "<p style='width: 500px'>wide</p>"
    page.evaluate("html => document.querySelector('article').insertAdjacentHTML('beforeend', html)",
                  wide)  # fmt: skip
    width, cut = page.evaluate(MEASURE)
    assert width > 360
    assert cut == ["wide"]
    assert page.evaluate(IN_TURN, ["/papers/"]) == {"/papers/": [360, []]}


def test_a_wide_picture_scrolls_in_its_own_box(open_context: Contexts, example_site: Site) -> None:
    page = open_context(viewport={"width": 360, "height": 740}).new_page()
    page.goto(f"{example_site.address}/head-types/looker/")
    box = page.get_by_role("region", name=re.compile("example wide"))
    for part in ("img, svg", "svg"):  # a file at first, a part of the page when it comes into view
        box.scroll_into_view_if_needed()
        expect(box.locator(part).first).to_be_attached()
        inner, outer = box.evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert inner > 64 * 10
        assert outer < 360
    # what can be scrolled fades at the end where there is more
    expect(box).to_have_class(re.compile("hb-more-right"))
    expect(box).not_to_have_class(re.compile("hb-more-left"))
    box.evaluate("e => e.scrollTo(e.scrollWidth, 0)")
    expect(box).to_have_class(re.compile("hb-more-left"))
    expect(box).not_to_have_class(re.compile("hb-more-right"))
    cell = box.locator("svg rect").nth(100).bounding_box()
    assert cell is not None
    assert cell["width"] >= 8


def test_on_a_phone_commands_are_whole_and_counts_are_seen(
    open_context: Contexts, example_site: Site
) -> None:
    page = open_context(viewport={"width": 360, "height": 740}).new_page()
    for address in ("/head-types/looker/", "/reproduction/"):
        page.goto(example_site.address + address)
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        cut = page.locator(".language-bash code").evaluate_all(
            "all => all.map(code => code.scrollWidth - code.clientWidth)"
        )
        assert cut, address
        assert max(cut) <= 0, address
        broken = page.locator(".hb-option").evaluate_all(
            "all => all.filter(o => o.getClientRects().length > 1).map(o => o.textContent)"
        )
        assert broken == [], address
    row = page.locator(".hb-tally tbody tr").first
    shown = [cell.inner_text() for cell in row.locator("td").all() if cell.is_visible()]
    assert [text.split()[0] for text in shown[1:]] == ["1", "1", "2"]  # two of five verdicts, all
    for cell in row.locator("td:visible").all():
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 360


def test_a_cell_of_a_picture_tells_its_numbers(page: Page, example_site: Site) -> None:
    record = examples.full_book().evidence["example--small/v1/looker.prefix-matching"]
    assert record.scores is not None
    page.goto(f"{example_site.address}/head-types/looker/")
    title = page.locator("svg rect > title", has_text="3.7:").first
    assert title.text_content() == (
        f"3.7: {record.scores.mean[3][7]:.3f} ({record.scores.low[3][7]:.3f} to"
        f" {record.scores.high[3][7]:.3f}), control 0.010,"
        f" margin {record.scores.margin[3][7]:.3f}, q <0.001, passes"
    )


def test_a_cell_of_the_mosaic_leads_to_the_head(page: Page, example_site: Site) -> None:
    page.goto(f"{example_site.address}/models/example--small/")
    page.get_by_role("link", name="2.3: Looker, Follower").click()
    expect(page).to_have_url(re.compile(r"/models/example--small/2\.3/$"))
    expect(page.locator("article h1")).to_contain_text("2.3")
    evidence = page.get_by_role("row", name="prefix-matching share 1 of 32").first
    expect(evidence).to_contain_text("Looker")


CONTRAST = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (top, below) => {
    const a = top[3] ?? 1;
    return [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a));
  };
  const ground = e => {
    const layers = [];
    for (let p = e; p; p = p.parentElement)
      layers.unshift(parse(getComputedStyle(p).backgroundColor));
    return layers.reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const low = [];
  for (const e of document.querySelectorAll('.md-content p, .md-content td, .md-content a, ' +
      '.md-content .hb-chip, .md-content .hb-quiet, .md-content h1, .md-content h2, ' +
      '.md-content dt, .md-content dd, .md-content figcaption, .md-content code')) {
    if (!e.offsetParent || !e.textContent.trim() || e.classList.contains('headerlink')) continue;
    const below = ground(e), text = over(parse(getComputedStyle(e).color), below);
    const [x, y] = [lum(text), lum(below)].sort((p, q) => q - p);
    const ratio = (x + 0.05) / (y + 0.05);
    const name = `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 30)}`;
    if (ratio < 4.5) low.push(`${name}: ${ratio.toFixed(2)}`);
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "address", ["/", "/head-types/looker/", "/models/example--small/", "/methods/", "/papers/"]
)
def test_text_can_be_read_in_both_schemes(
    scheme: str, address: str, open_context: Contexts, example_site: Site
) -> None:
    page = open_context(color_scheme=scheme, viewport={"width": 1280, "height": 900}).new_page()
    page.goto(example_site.address + address)
    page.wait_for_timeout(300)
    brightness = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3)"
        ".map(Number).reduce((a, b) => a + b) / 3"
    )
    assert (brightness < 80) == (scheme == "dark")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate(CONTRAST) == []


def test_the_scheme_can_be_switched_and_stays(page: Page, example_site: Site) -> None:
    page.goto(example_site.address)
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "default")
    page.locator("label[title='Dark colours']").click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    page.goto(f"{example_site.address}/head-types/looker/")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    outline = page.locator("svg rect.pass").first.evaluate("e => getComputedStyle(e).stroke")
    red, green, blue = (int(float(x)) for x in re.findall(r"[\d.]+", outline)[:3])
    assert min(red, green, blue) > 128


def test_pages_read_without_scripts(open_context: Contexts, example_site: Site) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(f"{example_site.address}/head-types/looker/")
    expect(page.locator("h1")).to_contain_text("Looker")
    expect(page.locator("figure svg").first).to_be_visible()
    page.locator(".hb-claims summary").first.click()
    expect(page.locator(".hb-claims pre").first).to_be_visible()


def test_hostile_entries_run_nothing(
    page: Page,
    build_book: Callable[[Any, Path], Path],
    serve: Callable[[Path], Site],
    tmp_path: Path,
) -> None:
    from tests.site.test_pages import nasty_book
    from tests.site.test_safe_prose import NASTY

    site = serve(build_book(nasty_book("\n\n".join(NASTY)), tmp_path))
    for address in site.pages():
        page.goto(site.address + address)
    for word in ("alert", "onclick", "script"):
        page.goto(site.address)
        page.get_by_placeholder("Search").click()
        page.get_by_placeholder("Search").press_sequentially(word)
        expect(page.locator(".md-search-result__link").first).to_be_visible(timeout=15_000)
        page.wait_for_timeout(300)
        assert page.locator(".md-search-result img, .md-search-result script").count() == 0
