"""The parts of the site that scripts make: the filter, the attention view, pictures, the map."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

Contexts = Callable[..., "BrowserContext"]


def shown_types(page: Page) -> list[str]:
    return page.locator(".hb-faceted tbody tr:visible td:first-child strong").all_inner_texts()


def test_the_filter_stands_in_the_address(page: Page, real_site: Site) -> None:
    page.goto(f"{real_site.address}/head-types/")
    everything = shown_types(page)
    assert len(everything) > 60
    page.get_by_label("Stage").select_option("latent-reasoning")
    page.get_by_label("State").select_option("found")
    fewer = shown_types(page)
    assert "Induction head" in fewer
    assert len(fewer) < len(everything)
    assert page.locator(".hb-facets output").inner_text().startswith(f"{len(fewer)} of")
    query = "?stage=latent-reasoning&evidence=found"
    expect(page).to_have_url(f"{real_site.address}/head-types/{query}")

    page.goto(f"{real_site.address}/head-types/?evidence=found&stage=latent-reasoning")
    assert shown_types(page) == fewer
    expect(page.get_by_label("Stage")).to_have_value("latent-reasoning")
    page.locator(".hb-facets").get_by_role("button", name="Clear").click()
    expect(page).to_have_url(f"{real_site.address}/head-types/")
    assert shown_types(page) == everything


@pytest.mark.parametrize(
    ("query", "has", "has_not"),
    [
        ("measure=ov-copying", "Induction head", "Previous-token head"),
        ("model=openai-community--gpt2", "Name-mover head", "Skip-trigram head"),
        ("strength=weights", "Successor head", "Previous-token head"),
        ("q=induction", "Induction head", "Attention-sink head"),
        ("stage=no-such-stage", "Induction head", ""),
    ],
)
def test_each_facet_chooses(
    query: str, has: str, has_not: str, page: Page, real_site: Site
) -> None:
    page.goto(f"{real_site.address}/head-types/?{query}")
    found = shown_types(page)
    assert has in found
    assert has_not not in found


def test_nothing_fitting_is_said(page: Page, real_site: Site) -> None:
    page.goto(f"{real_site.address}/head-types/?q=zzzz")
    expect(page.get_by_text("No head type fits all of these.")).to_be_visible()


def test_hovering_over_a_token_shows_where_the_head_looks(page: Page, example_site: Site) -> None:
    page.goto(f"{example_site.address}/head-types/looker/")
    tokens = page.locator(".hb-token")
    expect(tokens).to_have_count(6)
    tokens.nth(4).hover()
    said = page.locator(".hb-look")
    expect(said).to_contain_text("From one (4): <b>two</b> (2) 0.90")
    paint = "e => getComputedStyle(e).backgroundColor"
    strong, weak = tokens.nth(2).evaluate(paint), tokens.nth(1).evaluate(paint)
    assert strong != weak
    row = page.locator(".hb-attention svg .row")
    expect(row).to_have_attribute("visibility", "visible")
    page.mouse.move(0, 0)
    expect(said).not_to_contain_text("From")


def test_the_attention_view_works_from_the_keyboard(page: Page, example_site: Site) -> None:
    page.goto(f"{example_site.address}/head-types/looker/")
    tokens = page.locator(".hb-token")
    tokens.first.focus()
    said = page.locator(".hb-look")
    expect(said).to_contain_text("From <bos> (0)")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(tokens.nth(4)).to_be_focused()
    expect(tokens.nth(4)).to_have_attribute("aria-selected", "true")
    expect(said).to_contain_text("0.90")
    page.keyboard.press("End")
    expect(said).to_contain_text("From <b>two</b> (5): &three (3) 0.80")
    page.keyboard.press("Escape")
    expect(said).not_to_contain_text("From")
    assert page.locator(".hb-token[tabindex='0']").count() == 1


def test_the_attention_of_the_reference_model_can_be_looked_at(page: Page, real_site: Site) -> None:
    page.goto(f"{real_site.address}/head-types/induction/")
    scored = page.locator(".hb-token.hb-scored").last
    scored.click()
    expect(page.locator(".hb-look")).to_contain_text(
        re.compile(r"From \w+ \(\d+\): \w+ \(\d+\) (0\.\d\d|1\.00)")
    )


def test_a_picture_in_a_file_of_its_own_becomes_part_of_the_page(
    page: Page, example_site: Site
) -> None:
    page.goto(f"{example_site.address}/head-types/looker/")
    box = page.get_by_role("region", name=re.compile("example wide"))
    box.scroll_into_view_if_needed()
    expect(box.locator("svg")).to_be_visible()
    assert box.locator("svg script, svg style").count() == 0
    box.locator("svg rect").nth(70).hover()
    line = box.locator("xpath=..").locator(".hb-readout")
    expect(line).to_contain_text(re.compile(r"^\d+\.\d+: "))


def test_the_mosaic_tells_every_head_by_mouse_and_keyboard(page: Page, example_site: Site) -> None:
    page.goto(f"{example_site.address}/models/example--small/")
    figure = page.locator(".hb-mosaic").first
    line = figure.locator(".hb-readout")
    figure.locator("svg a[data-head='2.3']").hover()
    expect(line).to_have_text("2.3: Looker, Follower")
    box = figure.locator(".hb-scroll")
    box.focus()
    page.keyboard.press("ArrowUp")
    expect(line).to_have_text("1.3: no type found")
    published = page.get_by_role("region", name="Published heads of example small")
    published.locator("svg a[data-head='3.6']").hover()
    line = page.locator(".hb-mosaic").nth(1).locator(".hb-readout")
    expect(line).to_have_text("3.6: published as Looker")
    published.focus()
    page.keyboard.press("ArrowLeft")
    expect(line).to_have_text("3.5: no claim names it")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{example_site.address}/models/example--small/3.6/")
    page.go_back()
    figure.locator("svg.hb-picture").click(position={"x": 44 + 15, "y": 26 + 15})
    expect(page).to_have_url(f"{example_site.address}/models/example--small/heads/#head-0.0")


def test_the_map_is_searched(page: Page, real_site: Site) -> None:
    page.goto(real_site.address)
    tiles = page.locator(".hb-map a.hb-tile")
    count = tiles.count()
    assert count > 60
    page.get_by_label("Find a head type").fill("previous-token")
    assert 0 < page.locator(".hb-map a.hb-tile:visible").count() < count
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/head-types/previous-token/$"))


def test_search_finds_a_head_and_a_paper(page: Page, real_site: Site) -> None:
    page.goto(real_site.address)
    page.get_by_placeholder("Search").click()
    page.get_by_placeholder("Search").press_sequentially("9.9 GPT-2 small")
    result = page.locator(".md-search-result__link[href*='openai-community--gpt2/9.9']").first
    expect(result).to_be_visible(timeout=30_000)


def test_requests_can_be_tried(page: Page, real_site: Site) -> None:
    page.goto(f"{real_site.address}/try/")
    page.get_by_label("GET").fill("/v1/head-types/induction")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".hb-try-answer")).to_contain_text('"induction"')
    expect(page.locator(".hb-try-status")).to_contain_text("200")
    expect(page).to_have_url(re.compile(r"path=%2Fv1%2Fhead-types%2Finduction"))
    page.get_by_label("GET").fill("/elsewhere")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".hb-try-status")).to_contain_text("starts with /v1/")


def test_without_a_server_the_file_answers(browser: object, example_site: Site) -> None:
    twin = example_site.folder / "v1/head-types.json"
    twin.parent.mkdir(exist_ok=True)
    twin.write_text('{"meta": {}, "results": ["from the file"]}')
    try:
        page = browser.new_page()  # type: ignore[attr-defined]  # a 404 comes first here
        page.goto(f"{example_site.address}/try/?path=/v1/head-types")
        expect(page.locator(".hb-try-answer")).to_contain_text("from the file")
        expect(page.locator(".hb-try-status")).to_contain_text("a file of the site")
        page.close()
    finally:
        twin.unlink()
        twin.parent.rmdir()


def test_an_old_address_leads_to_the_new_page(page: Page, example_site: Site) -> None:
    page.goto(f"{example_site.address}/head-types/watcher/")
    expect(page).to_have_url(f"{example_site.address}/head-types/looker/")


def test_a_crawl_of_every_internal_link_finds_no_dead_one(
    open_context: Contexts, real_site: Site
) -> None:
    """As a browser resolves them, from the home page on, through the server."""
    page = open_context().new_page()
    request = page.request
    waiting, seen, dead = ["/"], {"/"}, []
    host = urlsplit(real_site.address).netloc
    while waiting:
        path = waiting.pop()
        answer = request.get(real_site.address + path)
        if answer.status != 200:
            dead.append(f"{path}: {answer.status}")
            continue
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        for address in re.findall(r'<a\b[^>]*\bhref="([^"#]*)', answer.text()):
            target = urlsplit(urljoin(real_site.address + path, address.replace("&amp;", "&")))
            if target.netloc == host and target.path not in seen:
                seen.add(target.path)
                waiting.append(target.path)
    assert dead == []
    assert len(seen) > 1000
    pages = {address for address in real_site.pages() if "/v1/" not in address}
    assert pages - seen == set(), "pages that no link leads to"
