"""The parts of the site that scripts make: the filter, the attention view, pictures, the map."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.conftest import Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

Contexts = Callable[..., "BrowserContext"]


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
