"""The site of the repository's own entries, behind the API.

All that looks at it stands in this file: it takes a minute to build, and the tests of a file share
it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.phone import IN_TURN, MEASURE, leads_on

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

Contexts = Callable[..., "BrowserContext"]


def test_from_home_to_a_head_type_to_its_paper(page: Page, real_site: Site) -> None:
    page.goto(real_site.address)
    expect(page.locator("h1")).to_have_text(re.compile("Headbook"))
    page.get_by_role("link", name=re.compile("Induction head")).first.click()
    expect(page).to_have_url(f"{real_site.address}/head-types/induction/")
    expect(page.locator("h1")).to_contain_text("Induction head")
    papers = page.locator(".hb-papers a")
    title = papers.first.inner_text()
    papers.first.click()
    expect(page).to_have_url(re.compile(r"/papers/[a-z]+\d{4}[a-z0-9]*/$"))
    expect(page.locator("h1")).to_contain_text(title)
    expect(page.locator("pre code").last).to_contain_text("@")
    back = page.locator("article").get_by_role("link", name="Induction head").first
    back.click()
    expect(page).to_have_url(re.compile(r"/head-types/induction/"))


def test_search_finds_the_head_type(page: Page, real_site: Site) -> None:
    page.goto(real_site.address)
    page.get_by_placeholder("Search").click()
    page.get_by_placeholder("Search").press_sequentially("induction")
    result = page.locator(".md-search-result__link[href*='head-types/induction']").first
    expect(result).to_be_visible(timeout=15_000)
    result.click()
    expect(page).to_have_url(re.compile(r"/head-types/induction/"))
    expect(page.locator("h1")).to_contain_text("Induction head")


def test_a_claim_opens_and_names_its_command(page: Page, real_site: Site) -> None:
    page.goto(f"{real_site.address}/head-types/induction/#published-claims")
    more = page.locator(".hb-claims details").first
    command = more.locator("pre")
    expect(command).to_be_hidden()
    more.locator("summary").click()
    expect(command).to_be_visible()
    expect(command).to_contain_text("headbook verify induction --model")


def test_a_published_head_leads_to_its_own_page(page: Page, real_site: Site) -> None:
    page.goto(f"{real_site.address}/head-types/induction/")
    link = page.locator(".hb-claims a.hb-head").first
    head = link.inner_text()
    link.click()
    expect(page).to_have_url(re.compile(rf"/models/[^/]+/{re.escape(head)}/$"))
    expect(page.locator("article h1")).to_contain_text(head)
    back = page.locator("article").get_by_role("link", name="Induction head").first
    expect(back).to_be_visible()
    back.click()
    expect(page).to_have_url(re.compile(r"/head-types/induction/"))


def test_bibtex_can_be_copied(open_context: Contexts, real_site: Site) -> None:
    context = open_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{real_site.address}/papers/olsson2022induction/#bibtex")
    block = page.locator("pre:has(code)").last
    block.hover()
    block.locator("xpath=..").get_by_role("button").or_(
        page.locator("button[title='Copy to clipboard']").last
    ).first.click()
    page.wait_for_timeout(200)
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("@")
    assert "olsson2022induction" in copied


def narrowed(site: Site) -> list[str]:
    """All pages, but of the pages of single heads only each model's longest: they share a frame."""
    longest: dict[str, tuple[int, str]] = {}
    others = []
    for address in site.pages():
        head = re.fullmatch(r"/models/([^/]+)/\d+\.\d+/", address)
        if head is None:
            others.append(address)
            continue
        size = (site.folder / address.strip("/") / "index.html").stat().st_size
        longest[head[1]] = max(longest.get(head[1], (0, "")), (size, address))
    return others + [address for _, address in longest.values()]


def test_no_page_of_the_real_entries_is_wider_than_a_phone(
    open_context: Contexts, real_site: Site
) -> None:
    page = open_context(viewport={"width": 360, "height": 740}).new_page()
    addresses = [a for a in narrowed(real_site) if not leads_on(real_site, a)]
    assert len(addresses) > 300
    ones = [address for address in addresses if address.count("/") <= 2]
    for address in ones:
        page.goto(real_site.address + address, wait_until="domcontentloaded")
        assert page.evaluate(MEASURE) == [360, []], address
    rest = [address for address in addresses if address.count("/") > 2]
    for start in range(0, len(rest), 50):
        measured = page.evaluate(IN_TURN, rest[start : start + 50])
        assert {a: found for a, found in measured.items() if found != [360, []]} == {}


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


def test_the_attention_of_the_reference_model_can_be_looked_at(page: Page, real_site: Site) -> None:
    page.goto(f"{real_site.address}/head-types/induction/")
    scored = page.locator(".hb-token.hb-scored").last
    scored.click()
    expect(page.locator(".hb-look")).to_contain_text(
        re.compile(r"From \w+ \(\d+\): \w+ \(\d+\) (0\.\d\d|1\.00)")
    )


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
