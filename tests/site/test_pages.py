from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from book import Book
from fastapi.routing import APIRoute
from page import highlighted

from api.routes import findings, head_types
from catalog.schema.base import Strength
from catalog.schema.claim import Checked, NoClaims
from catalog.schema.head_type import Action, Automation, Caveat
from catalog.schema.housekeeping import Change
from catalog.schema.recipe import Identify, Recipe
from tests.site import examples
from tests.site.built_site import broken_links, is_external, read_page, read_site
from tests.site.test_safe_prose import NASTY

Build = Callable[[Any, Path], Path]


def words(file: Path) -> str:
    return " ".join(" ".join(read_page(file).text).split())


def test_every_head_type_paper_and_model_has_a_page(full_site: Path) -> None:
    book = examples.full_book()
    for entry in book.head_types:
        assert entry.name in words(full_site / "head-types" / entry.id / "index.html")
    for paper in book.papers:
        assert paper.title in words(full_site / "papers" / paper.id / "index.html")
    for model in book.models:
        assert model.name in words(full_site / "models" / model.id / "index.html")


def test_every_page_names_the_licences(full_site: Path) -> None:
    for file, page in read_site(full_site).items():
        assert "https://creativecommons.org/licenses/by/4.0/" in page.links, file
        assert "https://www.apache.org/licenses/LICENSE-2.0" in page.links, file


def test_all_links_lead_somewhere(full_site: Path) -> None:
    assert broken_links(full_site) == []


def test_the_link_checker_sees_a_broken_link(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<a href="gone/">x</a><a id="b" href="#a">y</a>')
    assert len(broken_links(tmp_path)) == 2


def test_nothing_is_loaded_from_another_host(full_site: Path) -> None:
    pages = read_site(full_site)
    assert sum(bool(page.loads) for page in pages.values()) > 8
    for file, page in pages.items():
        assert [load for load in page.loads if is_external(load)] == [], file
    for style in full_site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert "@import" not in text, style
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//", text), style
    for picture in full_site.rglob("*.svg"):
        bare = picture.read_text(encoding="utf-8").replace('"http://www.w3.org/2000/svg"', "")
        assert "http" not in bare, picture


def test_the_same_book_gives_the_same_bytes(build_book: Build, tmp_path: Path) -> None:
    one = build_book(examples.full_book(), tmp_path / "one")
    other = build_book(examples.full_book(), tmp_path / "two")
    files = {file.relative_to(one) for file in one.rglob("*") if file.is_file()}
    assert files == {file.relative_to(other) for file in other.rglob("*") if file.is_file()}
    for file in files:
        assert (one / file).read_bytes() == (other / file).read_bytes(), file


def test_a_claim_that_was_not_run_says_how_to_run_it(build_book: Build, tmp_path: Path) -> None:
    site = build_book(examples.plain_book(), tmp_path)
    text = words(site / "head-types/looker/index.html")
    assert "not run" in text
    assert "headbook verify looker --model example/small" in text
    assert "No model has been run on this recipe yet" in text
    assert "0 of 1" in words(site / "index.html")


def test_a_model_without_evidence_offers_a_type_that_is_claimed_for_it(
    build_book: Build, tmp_path: Path
) -> None:
    first = examples.head_type(id="abacus", name="Abacus", claim_results=())
    book = examples.plain_book()
    unclaimed = examples.model(id="example--other", aliases=("other",), claim_results=())
    types, models = (first, *book.head_types), (*book.models, unclaimed)
    site = build_book(dataclasses.replace(book, head_types=types, models=models), tmp_path)
    box = words(site / "models/example--small/index.html").partition("has not been run")[2]
    assert "headbook verify looker --model small" in box
    assert "abacus" not in box.partition("Claims")[0]
    other = words(site / "models/example--other/index.html")
    assert "headbook verify --model other" in other


def test_headings_skip_no_level(full_site: Path) -> None:
    for file, page in read_site(full_site).items():
        levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
        steps = [after - before for before, after in pairwise(levels)]
        assert levels[0] == 1, file
        assert max(steps, default=0) <= 1, file


def test_the_home_page_is_called_by_the_name_alone(full_site: Path) -> None:
    assert "<title>Headbook</title>" in (full_site / "index.html").read_text()
    looker = (full_site / "head-types/looker/index.html").read_text()
    assert "<title>Looker - Headbook</title>" in looker


def test_the_api_page_names_every_filter(full_site: Path) -> None:
    lines = re.findall("<tr>.*?</tr>", (full_site / "api/index.html").read_text())
    for router in (head_types.router, findings.router):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            filters = [parameter.name for parameter in route.dependant.query_params]
            line = next((line for line in lines if f"<code>/v1{route.path}</code>" in line), "")
            assert [name for name in filters if f"<code>?{name}=</code>" not in line] == []


def test_a_checked_claim_shows_ranks_recall_and_additional_heads(full_site: Path) -> None:
    text = words(full_site / "head-types/looker/index.html")
    for shown in ("partly reproduced", "recall 0.500", "0.930", "lower bound 0.710", "3.6: 20"):
        assert shown in text
    assert "found, and not in the published list" in text


def test_a_type_without_claims_says_why(build_book: Build, tmp_path: Path) -> None:
    why = NoClaims(
        reason="Two figures *without* numbers.",
        source="example2020first",
        checked=Checked(state="secondary", where="A review of it."),
    )
    bare = examples.head_type(id="bare", name="Bare", claim_results=(), no_claims=why)
    book = examples.plain_book()
    site = build_book(dataclasses.replace(book, head_types=(*book.head_types, bare)), tmp_path)
    text = words(site / "head-types/bare/index.html")
    claims = text.partition("Published claims")[2]
    for shown in ("Two figures without numbers.", "read in another source", "A review of it."):
        assert shown in claims


@pytest.mark.parametrize(
    ("level", "recipes"),
    [("not-automatable", ()), ("needs-dataset", ()), ("core", (examples.DESCRIBED,))],
)
def test_a_type_that_cannot_be_run_says_so_once(
    level: str, recipes: tuple[Recipe, ...], build_book: Build, tmp_path: Path
) -> None:
    bare = examples.head_type(
        id="bare",
        name="Bare",
        results=(),
        claim_results=(),
        recipes=recipes,
        identify=Identify.model_validate({"any-of": ("needed",)}) if recipes else None,
        runnable=False,
        automation=Automation.model_construct(level=level, reason="Nobody has thought of one."),
    )
    book = examples.plain_book()
    site = build_book(dataclasses.replace(book, head_types=(*book.head_types, bare)), tmp_path)
    text = words(site / "head-types/bare/index.html")
    assert text.count("Nobody has thought of one.") == 1
    said = re.findall(r"[^.]*recipe[^.]*\b(?:run|written)\b[^.]*\.", text)
    assert len(said) == (1 if recipes else 2), said  # without one, its section points to the reason
    assert len(set(said)) == len(said)


def test_an_address_without_a_page_leads_on(full_site: Path) -> None:
    page = read_page(full_site / "404.html")
    assert {"/head-types/", "/models/", "/papers/"} <= set(page.links)
    assert "<title>Not found - Headbook</title>" in (full_site / "404.html").read_text()


def test_a_failed_gate_is_shown_and_has_no_picture(full_site: Path) -> None:
    text = words(full_site / "head-types/looker/index.html")
    assert "max_unknown 0.000 needed 0.1, failed" in text
    assert "Gates that failed" in words(full_site / "models/example--gated/index.html")
    assert not (full_site / "evidence/example--gated/v1/looker.prefix-matching.svg").exists()


def test_records_can_be_downloaded_as_they_are(full_site: Path) -> None:
    for name, record in examples.full_book().evidence.items():
        file = full_site / "evidence" / f"{name}.json"
        assert json.loads(file.read_text()) == record.model_dump(mode="json", by_alias=True)


def test_the_table_of_best_heads_gives_the_numbers_of_the_record(full_site: Path) -> None:
    record = examples.full_book().evidence["example--small/v1/looker.prefix-matching"]
    assert record.scores is not None
    html = (full_site / "head-types/looker/index.html").read_text(encoding="utf-8")
    row = re.search(r"<tr><td><strong>3\.7</strong>.*?</tr>", html)
    assert row is not None
    cells = re.findall(r"<td>(.*?)</td>", row.group())
    assert cells[1] == f"{record.scores.mean[3][7]:.3f}"
    assert cells[2] == f"{record.scores.low[3][7]:.3f} to {record.scores.high[3][7]:.3f}"
    margin = f"{record.scores.margin[3][7]:.3f}"
    assert cells[3:] == ["0.010", margin, "&lt;0.001", "passes, found", "0.800, confirmed"]


def test_a_record_without_q_says_why(build_book: Build, tmp_path: Path) -> None:
    note = "No test against chance: one sum over <all> tokens."
    book = examples.full_book()
    records = dict(book.evidence)
    name = "example--small/v1/looker.copying"
    scores = records[name].scores
    assert scores is not None
    changed = scores.model_copy(update={"q": None, "q_note": note})
    records[name] = records[name].model_copy(update={"scores": changed})
    site = build_book(dataclasses.replace(book, evidence=records), tmp_path)
    assert words(site / "head-types/looker/index.html").count(f"No q: {note}") == 1
    assert "No q:" not in words(site / "head-types/follower/index.html")


def test_a_line_of_a_command_never_ends_within_an_option() -> None:
    made = highlighted("headbook verify name-mover --model org--x/y-z --out a", "bash")
    assert re.findall(r'<span class="hb-option">(.*?)</span>', made) == ["--model", "--out"]
    assert 'class="highlight language-bash"' in made
    assert "hb-option" not in highlighted("a: --model", "yaml")


def test_a_cell_that_says_nothing_is_marked(full_site: Path) -> None:
    html = (full_site / "models/example--gated/index.html").read_text()
    assert '<td data-label="Heads" class="hb-blank">\N{EN DASH}</td>' in html
    html = (full_site / "models/example--small/index.html").read_text()
    assert '<td data-label="Heads"><a' in html
    # of five verdicts one occurs, in the line of the model and in that of the paper
    html = (full_site / "reproduction/index.html").read_text()
    assert (
        re.findall(r'class="(hb-blank|hb-tally-[a-z-]+)">([^<]*)<', html).count(("hb-blank", "·"))
        == 2 * 3
    )
    assert html.count('data-label="Partly reproduced" class="hb-tally-partly-reproduced">1<') == 2


def test_found_heads_link_to_their_own_page(full_site: Path) -> None:
    page = read_page(full_site / "head-types/looker/index.html")
    assert "../../models/example--small/2.3/" in page.links


def nasty_book(text: str) -> Book:
    """A book in which a stranger wrote ``text`` wherever a stranger may write."""
    line = " ".join(text.split())
    claim = examples.claim(
        place=line,
        method=text,
        note=text,
        threshold=line,
        explanation=line,
        model_name=line,
        head_type_name=line,
        command=text,
        checked=Checked.model_construct(state="read", where=line),
    )
    recipe = examples.RECIPES[0].model_copy(update={"thresholds": text, "adapted": text})
    record = examples.evidence().model_copy(update={"reason": line, "unit": line})
    result = examples.type_result((record,), line).model_copy(
        update={"reason": line, "model_name": line}
    )
    entry = examples.head_type(
        name=line,
        aliases=(line,),
        group=line,
        summary=line,
        definition=text,
        depth=line,
        action=Action.model_construct(query=text, key=text, value=text, output=text),
        caveats=(Caveat.model_construct(text=text, source="example2020first"),),
        automation=Automation.model_construct(level="core", reason=text),
        recipes=(recipe, examples.RECIPES[1]),
        claim_results=(claim,),
        results=(result,),
        strength=(Strength.PATTERN,),
    )
    paper = examples.paper(
        title=line,
        authors=line,
        all_authors=(line,),
        venue=line,
        doi=line,
        bibtex=text,
        code="javascript:alert(1)",
        claim_results=(claim,),
    )
    model = examples.model(
        name=line,
        aliases=(line,),
        licence=line,
        architecture=line,
        note=text,
        results=(result,),
        claim_results=(claim,),
    )
    change = Change.model_construct(date="2026-01-01", summary=text, subjects=(line,), kind="added")
    return Book(
        counts=examples.counts(),
        head_types=(entry,),
        papers=(paper,),
        models=(model,),
        evidence={record.id: record},
        changes=(change,),
    )


@pytest.fixture(scope="module")
def harmless(build_book: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_book(nasty_book("word"), tmp_path_factory.mktemp("harmless"))


@pytest.mark.parametrize("text", ["\n\n".join(NASTY), *NASTY[:4]])
def test_hostile_text_stays_text(
    text: str, harmless: Path, build_book: Build, tmp_path: Path
) -> None:
    site = build_book(nasty_book(text), tmp_path)
    calm = read_site(harmless)
    for file, page in read_site(site).items():
        twin = calm[harmless / file.relative_to(site)]
        for tag in ("script", "style", "iframe", "object", "embed", "form", "img", "link", "meta"):
            assert page.tags.count(tag) == twin.tags.count(tag), (file, tag)
        assert page.handlers == twin.handlers, file
        assert not [a for a in page.links if is_external(a) and not a.startswith("https://")]
        assert not [load for load in page.loads if is_external(load)], file
        assert len(page.inline_scripts) == len(twin.inline_scripts), file
        assert [t for t in page.tags if t == "article"] == ["article"]
        assert page.tags.count("html") == 1
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    for item in index["docs"]:
        tags = set(re.findall(r"<\s*/?([A-Za-z!?]+)", item["title"] + item["text"]))
        assert tags <= {"p", "code", "pre", "li", "ol", "ul", "sub", "sup"}, item
    assert broken_links(site) == []


def test_only_the_revision_that_counts_makes_a_head_found(
    build_book: Build, tmp_path: Path
) -> None:
    pinned = examples.evidence(passing=("2.3",), unclear=())
    older = examples.evidence(passing=("0.2",), unclear=())
    older = older.model_copy(
        update={"model": older.model.model_copy(update={"revision": "b" * 40})}
    )
    results = (examples.type_result((pinned,)), examples.type_result((older,)))
    book = Book(
        counts=examples.counts(),
        head_types=(examples.head_type(results=results, claim_results=()),),
        papers=(examples.paper(claim_results=()),),
        models=(examples.model(results=results, claim_results=(), found=("looker",)),),
        evidence={record.id: record for record in (pinned, older)},
    )
    site = build_book(book, tmp_path)
    ids = read_page(site / "models/example--small/index.html").ids
    assert "head-2.3" in ids
    assert "head-0.2" not in ids
    assert "example small, another revision" in words(site / "head-types/looker/index.html")
    text = words(site / "models/example--small/index.html")
    assert "revision bbbbbbbbbbbb (another revision, not counted)" in text
    assert broken_links(site) == []


def test_a_record_that_settles_nothing_alone_is_shown_too(
    build_book: Build, tmp_path: Path
) -> None:
    record = examples.evidence()
    book = examples.plain_book()
    site = build_book(
        Book(book.counts, book.head_types, book.papers, book.models, {record.id: record}),
        tmp_path,
    )
    page = site / "head-types/looker/index.html"
    assert "Single recipes" in words(page)
    assert read_page(page).tags.count("figure") == 1
    assert broken_links(site) == []


def test_every_record_with_scores_has_a_picture_on_its_page(full_site: Path) -> None:
    for name, record in examples.full_book().evidence.items():
        html = (full_site / "head-types" / record.head_type / "index.html").read_text()
        inside = f'id="e-{re.sub("[^A-Za-z0-9]", "-", name)}-t"' in html
        fetched = f'src="../../evidence/{name}.svg"' in html
        assert (inside or fetched) == (record.scores is not None), name
        assert not (inside and fetched), name


def test_a_page_stays_under_500_kilobytes(full_site: Path) -> None:
    # 40 x 64 heads alone would nearly fill the page
    assert (full_site / "evidence/example--wide/v1/looker.prefix-matching.svg").stat().st_size > 4e5
    for file in (full_site / "head-types").rglob("index.html"):
        assert file.stat().st_size < 500_000, file
