"""What pages show beyond the entries: facets, the reproduction table, examples, training, feeds."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import facets
import pytest
import reproduction
import stamping
from book import Book
from model_view import found_types, model_view, published_types
from near import near_head, near_model
from open_work import open_work
from type_view import attention_view, inlined, mosaic_tiles

from catalog.drawing.curves import round_numbers, trainings
from catalog.drawing.patterns import looks
from catalog.drawing.record_view import view
from catalog.schema.base import Strength
from catalog.schema.controls import VaryHeads
from catalog.schema.measures import AblationEffect
from tests.site import examples
from tests.site.built_site import broken_links, read_page

SVG = "{http://www.w3.org/2000/svg}"
ATOM = "{http://www.w3.org/2005/Atom}"


def words(file: Path) -> str:
    return " ".join(" ".join(read_page(file).text).split())


def test_facets_hold_what_occurs_and_rows_what_they_have() -> None:
    book = examples.full_book()
    chosen, lines = facets.table(book)
    by_name = {facet.name: [value for value, _ in facet.choices] for facet in chosen}
    assert by_name["stage"] == ["in-context-identification"]
    assert by_name["measure"] == ["ablation-effect", "attention", "ov-copying"]
    assert by_name["strength"] == ["pattern", "weights"]
    assert by_name["evidence"] == ["found"]
    assert by_name["year"] == ["2020"]
    assert set(by_name["model"]) == {model.id for model in book.models}
    assert by_name["checked"] == ["read", "no-claims"]
    looker, follower = lines
    assert looker.values["checked"] == ("read",)
    assert follower.values["checked"] == ("no-claims",)
    assert follower.values["model"] == ("example--small",)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"found_in": ("example--small",)}, "found"),
        ({"results": (examples.type_result((examples.evidence(applicable=False),)),)}, "not-found"),
        ({}, "not-run"),
        ({"runnable": False}, "described"),
        ({"runnable": False, "recipes": ()}, "none"),
    ],
)
def test_how_far_an_entry_has_come(changes: dict[str, object], state: str) -> None:
    assert facets.state(examples.head_type(**changes)) == state


def test_the_reproduction_table_counts_claims(full_site: Path) -> None:
    book = examples.full_book()
    models, papers = reproduction.by_model(book), reproduction.by_paper(book)
    assert [(tally.id, tally.counts, tally.total) for tally in models] == [
        ("example--small", (0, 1, 0, 0, 1), 2)
    ]
    assert [tally.counts for tally in papers] == [(0, 1, 0, 0, 1)]
    assert reproduction.next_commands(book) == [("headbook verify looker --model example/small", 1)]
    text = words(full_site / "reproduction/index.html")
    assert "headbook verify looker --model example/small" in text


def test_open_work_stands_by_what_has_no_code(
    full_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AblationEffect, "runnable", False)
    monkeypatch.setattr(VaryHeads, "runnable", True)
    book = examples.full_book()
    work = open_work(book)
    assert (work.types, work.recipes, work.others) == ((), 1, ())
    assert [(p.title, p.anchor, p.measure, p.alone) for p in work.parts] == [
        ("Measure ablation-effect", "measure-ablation-effect", "ablation-effect", 1)
    ]
    assert [(w.entry.id, w.recipe.id) for w in work.parts[0].waiting] == [("follower", "needed")]
    monkeypatch.setattr(VaryHeads, "runnable", False)
    both = open_work(book)
    assert both.told == both.parts[:1]  # told once, though two parts are missing
    assert [(part.title, part.alone) for part in both.parts] == [
        ("Control that varies heads", 0),
        ("Measure ablation-effect", 0),
    ]
    monkeypatch.setattr(AblationEffect, "runnable", True)
    monkeypatch.setattr(VaryHeads, "runnable", True)
    assert [w.recipe.id for w in open_work(book).others] == ["needed"]
    text = words(full_site / "open-work/index.html")
    assert "0 of 2 head types have no recipe that runs, and 1 recipe" in text
    assert "Follower needed; another recipe of this type runs The measure ablation-effect" in text
    assert "and <text>." in text


def test_the_survey_page_tells_what_stands_for_what(full_site: Path) -> None:
    text = words(full_site / "survey/index.html")
    assert "Overall Structure Looking Head Looker ✓ found in a model" in text
    assert "Else Lost Head <b> (in its text only) none yet" in text
    assert "Looker Head Looker the entry bears this name" in text
    assert "Watching Head Looker another name of the entry" in text
    assert "Odd Head none for this reason: It is no head." in text.replace("no head .", "no head.")
    assert "New Head none no entry yet" in text
    page = read_page(full_site / "survey/index.html")
    assert {"../head-types/looker/", "../papers/example2020first/"} <= set(page.links)
    for place in ("index.html", "methods/index.html"):
        assert [x for x in read_page(full_site / place).links if x.endswith("survey/")], place


def test_a_head_has_the_colour_of_the_type_with_most_kinds_of_evidence() -> None:
    one = examples.type_result((examples.evidence(),))  # pattern and weights
    weak = one.model_copy(update={"head_type": "weak", "strength": (Strength.WEIGHTS,)})
    causal = one.model_copy(
        update={"head_type": "causal", "strength": (Strength.PATTERN, Strength.TRIANGULATED)}
    )
    model = examples.model(results=(weak, one, causal))
    assert [r.head_type for r in found_types(model)["2.3"]] == ["causal", "looker", "weak"]


def test_an_example_says_where_the_head_looks(full_site: Path) -> None:
    book = examples.full_book()
    made = attention_view(book, book.head_types[0])
    assert made is not None
    fifth = looks(made.example)[4]
    assert (fifth.token, fifth.scored, fifth.keys) == ("one", True, (2,))
    assert fifth.strongest[0] == (2, "<b>two</b>", 0.9)
    assert fifth.thousandths == (50, 10, 900, 20, 20)
    root = ElementTree.fromstring(made.picture.alone())
    (marks,) = [path for path in root.iter(f"{SVG}path") if path.get("class") == "expected"]
    assert marks.get("d", "").count("M") == 2
    html = (full_site / "head-types/looker/index.html").read_text()
    assert 'data-row="50 10 900 20 20"' in html
    assert "<b>two" not in html
    row = re.search(r"<tr><td>4</td>.*?</tr>", html)
    assert row is not None
    assert "2 &lt;b&gt;two&lt;/b&gt; 0.900" in row.group()


def test_a_type_that_was_not_found_has_no_example() -> None:
    book = examples.full_book()
    assert attention_view(dataclasses.replace(book, examples=()), book.head_types[0]) is None


def test_the_example_shown_is_the_one_whose_tokens_can_be_read() -> None:
    book = examples.full_book()
    (readable,) = book.examples
    of_bytes = tuple("\N{REPLACEMENT CHARACTER}" for _ in readable.tokens)
    broken = readable.model_copy(update={"tokens": of_bytes})
    for order in ((broken, readable), (readable, broken)):
        made = attention_view(dataclasses.replace(book, examples=order), book.head_types[0])
        assert made is not None
        assert made.example.tokens == readable.tokens


def test_training_is_drawn_on_a_logarithmic_axis_and_told_as_a_table(full_site: Path) -> None:
    (training,) = trainings(examples.emergence(), {"prefix-matching": 0.3})
    assert [(curve.head, curve.points) for curve in training.curves] == [
        ("2.3", ((0, 0.02), (10, 0.05), (100, 0.4), (1000, 0.9)))
    ]
    root = ElementTree.fromstring(training.picture.alone())
    (line,) = [p for p in root.iter(f"{SVG}polyline") if p.get("class") == "curve"]
    points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
    steps = [b[0] - a[0] for a, b in pairwise(points)]
    assert max(steps) / min(steps) < 1.1  # 0, 10, 100, 1000 lie evenly apart
    assert points[0][1] > points[2][1] > points[3][1]  # up is a higher score
    labels = {
        float(text.text or ""): float(text.get("y", "0"))
        for text in root.iter(f"{SVG}text")
        if text.get("text-anchor") == "end" and text.get("x") == "38"
    }
    assert list(labels) == [0, 0.5, 1]
    assert 2 * labels[0.5] == labels[0] + labels[1]
    assert training.rows[2] == (100, ("0.400",), "0.020", "not-found")
    text = words(full_site / "head-types/looker/index.html")
    assert "Emergence over training" in text
    assert "from training step 1 000 on" in text.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0, 1, [0, 0.5, 1]),
        (-0.0713, 1.9, [0, 0.5, 1, 1.5]),
        (-0.4, 0.3, [-0.4, -0.2, 0, 0.2]),
        (0, 37, [0, 10, 20, 30]),
        (0, 0.02, [0, 0.005, 0.01, 0.015, 0.02]),
        (0, 0, [0]),
    ],
)
def test_an_axis_has_round_numbers(low: float, high: float, shown: list[float]) -> None:
    assert round_numbers(low, high) == shown


def test_a_mosaic_has_every_model_with_evidence_or_a_claim(full_site: Path) -> None:
    book = examples.full_book()
    views = {
        name: view(record, book.published_heads(record.head_type, record.model.id))
        for name, record in book.evidence.items()
    }
    tiles = mosaic_tiles(book, book.head_types[0], views)
    assert [tile.model.id for tile in tiles] == [
        "example--small",
        "example--gated",
        "example--wide",
    ]
    small, gated, wide = tiles
    assert small.published == ("2.3", "3.6")
    assert gated.recipe is None
    assert len(wide.picture.inside()) < 60_000  # 2,560 heads
    root = ElementTree.fromstring(wide.picture.alone())
    cells = sum((path.get("d") or "").count("M") for path in root.iter(f"{SVG}path"))
    assert cells == 40 * 64 - 1  # one head has no score
    assert len(list(root.iter(f"{SVG}circle"))) == 2
    text = words(full_site / "head-types/looker/mosaic/index.html")
    assert "Looker in 3 models" in text
    assert "Published: 2.3 3.6" in text


def test_pictures_stand_in_the_page_while_there_is_room() -> None:
    views = {
        str(seed): view(examples.evidence(seed=seed, layers=12, heads=12)) for seed in range(9)
    }
    size = len(views["0"].picture.inside())  # type: ignore[union-attr]
    assert len(inlined(views, list(views))) == 120_000 // size
    assert inlined(views, []) == frozenset()


def test_a_head_page_tells_types_claims_and_ranks(full_site: Path) -> None:
    text = words(full_site / "models/example--small/2.3/index.html")
    for shown in ("Head 2.3 of example small", "Looker", "partly reproduced", "of 32", "✓ passes"):
        assert shown in text, shown
    unrun = words(full_site / "models/example--small/3.6/index.html")
    assert "no type" in unrun
    assert not (full_site / "models/example--small/0.3").exists()
    assert "0.3" in words(full_site / "models/example--small/heads/index.html")


def test_no_page_rounds_a_q_to_nothing(full_site: Path) -> None:
    record = examples.evidence()
    assert record.scores is not None
    assert record.scores.q is not None
    assert record.scores.q[2][3] == 0.0002
    for page in ("models/example--small/2.3", "head-types/looker"):
        html = (full_site / page / "index.html").read_text()
        assert "&lt;0.001" in html, page
        for shown in ('data-label="q">0.000<', "<dt>q</dt><dd>0.000<", "q 0.000"):
            assert shown not in html, (page, shown)


def test_search_knows_heads_and_no_frame(full_site: Path) -> None:
    docs = json.loads((full_site / "search/search_index.json").read_text())["docs"]
    by_place = {doc["location"]: doc for doc in docs}
    assert by_place["models/example--small/2.3/"]["title"] == "Head 2.3 of example small"
    assert not [place for place in by_place if "frame" in place]
    assert "A head that looks" in by_place["head-types/looker/#definition"]["text"]
    assert not [doc for doc in docs if stamping.CONTENT in doc["text"]]


def test_no_frame_is_left_and_no_mark_either(full_site: Path) -> None:
    assert not list(full_site.rglob("frame"))
    for file in full_site.rglob("index.html"):
        assert "headbook-stamped" not in file.read_text(), file
        assert "data-hb-chunk" not in file.read_text(), file


def test_a_head_page_lists_its_own_model_and_no_other(full_site: Path) -> None:
    book = examples.full_book()
    page = read_page(full_site / "models/example--small/2.3/index.html")
    for head in book.listed_heads["example--small"]:
        assert (f"../{head}/" if head != "2.3" else "./") in page.links, head
    assert page.links.count("../heads/") == 2  # beside the page and at its end
    assert "../../" in page.links
    for model in ("example--wide", "example--gated"):
        assert not [link for link in page.links if model in link]
    mosaic = read_page(full_site / "head-types/looker/mosaic/index.html")
    assert "../../follower/mosaic/" in mosaic.links


def test_beside_a_head_of_a_large_model_stand_the_nearest_layers() -> None:
    heads = [f"{layer}.{head}" for layer in range(32) for head in range(32)]
    book = examples.full_book()
    wide = Book(book.counts, (), (), (examples.model(id="wide", layers=32, heads=32),), {})
    wide.__dict__["listed_heads"] = {"wide": heads}
    near = near_head(wide, "wide", "9.7", scored=False)
    (beside,) = near.groups
    assert [[head for head, _ in row] for row in beside.rows] == [[f"9.{n}" for n in range(32)]]
    wide.__dict__["listed_heads"] = {"wide": heads[::3]}
    near = near_head(wide, "wide", "9.6", scored=False)
    (beside,) = near.groups
    assert [row[0][0] for row in beside.rows] == ["7.1", "8.2", "9.0", "10.1", "11.2"]
    assert beside.label == "Heads with findings or claims, 53 of 342"
    assert sum(len(row) for row in beside.rows) == 53


def test_beside_a_model_stand_its_heads_and_models_like_it() -> None:
    gpt2 = [
        examples.model(id=f"g{n}", name=f"G {n}", layers=n, heads=10, claim_results=())
        for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 40)
    ]
    llama = examples.model(id="l", name="L", architecture="LlamaForCausalLM", layers=8, heads=10)
    book = Book(examples.counts(), (), (), (*gpt2, llama), {})

    near = near_model(book, gpt2[8], scored=True)
    assert near.links == (("G 9", "models/g9"), ("Every head", "models/g9/heads"))
    (like,) = near.groups  # no claim names a head of it
    # 9 others of the architecture; 1 x 10 heads are farther from 9 x 10 than 40 x 10 are
    assert like.label == "Models of its architecture, 8 of 9"
    assert [row[0][0] for row in like.rows] == [f"G {n}" for n in (2, 3, 4, 5, 6, 7, 8, 40)]

    near = near_model(book, llama, scored=False)
    assert near.links == (("L", "models/l"),)
    like, heads = near.groups
    assert heads.label == "Heads with findings or claims"
    assert [[head for head, _ in row] for row in heads.rows] == [["2.3"], ["3.6"]]
    assert like.label == "Models of about its size"
    assert ("G 8", "models/g8") in [row[0] for row in like.rows]


def test_a_model_page_lists_what_is_near_and_not_all_models(
    build_book: Callable[[Book, Path], Path], tmp_path: Path
) -> None:
    # 8 models of the architecture are near; 30 are not
    models = [
        examples.model(id=f"org--m{n}", name=f"M{n}", layers=n + 1, claim_results=())
        for n in range(39)
    ]
    book = examples.plain_book()
    site = build_book(dataclasses.replace(book, models=(*book.models, *models)), tmp_path)
    page = read_page(site / "models/example--small/index.html")
    assert "2.3/" in page.links
    assert "./" in page.links
    # the model has 4 layers: the nearest in proportion have 2 to 9
    listed = {link for link in page.links if link.startswith("../org--m")}
    assert listed == {f"../org--m{n}/" for n in range(1, 9)}
    assert "../" in page.links  # all of them
    html = (site / "models/example--small/index.html").read_text()
    assert 'aria-current="page"' in html
    assert html.count("md-tabs__item--active") == 1
    assert broken_links(site) == []


def test_claims_of_a_model_that_nobody_ran_are_a_picture() -> None:
    claims = (
        examples.claim(heads=("2.3", "3.6")),
        examples.claim(2, head_type="follower", head_type_name="Follower", heads=("3.6",)),
        examples.claim(
            3, head_type="follower", head_type_name="Follower", heads=("3.6",), paper="other2021"
        ),
        examples.claim(4, heads=None, list=None, count=3),
    )
    model = examples.model(claim_results=claims)
    other = examples.head_type(id="follower", name="Follower", claim_results=claims[1:3])
    looker = examples.head_type(claim_results=(claims[0], claims[3]))
    book = dataclasses.replace(examples.plain_book(), head_types=(looker, other), models=(model,))
    view = model_view(book, model, {}, lambda to: f"/{to}/")
    assert view.found_mosaic is None
    assert view.published_mosaic is not None
    picture = view.published_mosaic.picture
    root = ElementTree.fromstring(picture.alone())
    links = {a.get("href"): a for a in root.iter(f"{SVG}a")}
    assert {to: a.get("aria-label") for to, a in links.items()} == {
        "/models/example--small/2.3/": "2.3: published as Looker",
        # two papers call it a follower, one a looker
        "/models/example--small/3.6/": "3.6: published as Follower, Looker",
    }
    assert "published claims, not measured" in [text.text for text in root.iter(f"{SVG}text")]
    assert root.findtext(f"{SVG}title") == "Head types that published claims name in example small"
    assert "3.6: Follower, Looker" in (root.findtext(f"{SVG}desc") or "")
    assert list(view.published_mosaic.looks) == ["looker", "follower"]


def test_of_types_with_as_many_papers_the_earlier_comes_first() -> None:
    claims = [
        examples.claim(1, head_type="a", paper="late", heads=("0.0", "0.1", "0.2")),
        examples.claim(2, head_type="b", paper="early", heads=("0.0", "0.2")),
        examples.claim(3, head_type="a", paper="later", heads=("0.1", "0.2")),
        examples.claim(4, head_type="b", paper="early", heads=("0.2",)),
    ]
    by_head = {
        head: [claim for claim in claims if head in (claim.heads or ())]
        for head in ("0.0", "0.1", "0.2")
    }
    years = {"early": 2021, "late": 2023, "later": 2024}
    assert published_types(by_head, ["a", "b"], years) == {
        "0.0": ["b", "a"],
        "0.1": ["a"],
        "0.2": ["a", "b"],  # two papers; two claims of one paper count once
    }


def test_found_and_published_heads_of_a_model_are_two_pictures(full_site: Path) -> None:
    html = (full_site / "models/example--small/index.html").read_text()
    assert html.index('id="mosaic-t"') < html.index('id="published-t"')
    text = words(full_site / "models/example--small/index.html")
    assert "Published claims, not measurements" in text
    assert 'id="published-t"' not in (full_site / "models/example--wide/index.html").read_text()


def test_a_frame_without_its_marks_is_refused(tmp_path: Path) -> None:
    sheet = stamping.Sheet()
    sheet.add(
        stamping.Stamped("models/x/0.0", "models", "title", "about", "<p>x</p>", "<li>y</li>")
    )
    sheet.write(tmp_path)
    marks = f"<title>{stamping.TITLE}</title><meta content='{stamping.DESCRIPTION}'>"
    near = f"<li><a href='#'>{stamping.NEAR}</a></li>"
    content = f"<p>{stamping.CONTENT}</p>"
    whole = f"{marks}<ul><li>z</li>{near}</ul>{content}"
    stamping.stamp(tmp_path, tmp_path / "site", {"models": whole})
    made = (tmp_path / "site/models/x/0.0/index.html").read_text()
    assert "<ul><li>z</li><li>y</li></ul><p>x</p>" in made
    for part in (near, content, stamping.TITLE):
        with pytest.raises(ValueError, match="'models' has not every mark"):
            stamping.stamp(tmp_path, tmp_path / "site", {"models": whole.replace(part, "")})


def test_a_stamped_page_lies_as_deep_as_its_frame() -> None:
    with pytest.raises(ValueError, match="does not lie 3 folders deep"):
        stamping.Sheet().add(stamping.Stamped("models/x", "models", "", "", "", ""))


def test_the_feed_is_atom_and_tells_every_change(full_site: Path) -> None:
    root = ElementTree.parse(full_site / "changes.xml").getroot()
    assert root.tag == f"{ATOM}feed"
    assert root.findtext(f"{ATOM}updated") == "2026-02-01T00:00:00Z"
    entries = root.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}updated") for entry in entries] == [
        "2026-02-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
    ]
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    content = entries[0].findtext(f"{ATOM}content") or ""
    assert content.startswith("<p>A second head type, see <a href=")
    page = read_page(full_site / "changes/index.html")
    assert "../changes.xml" in page.links
    assert "../head-types/follower/" in page.links


def test_old_addresses_lead_on(full_site: Path) -> None:
    moved = (full_site / "head-types/watcher/index.html").read_text()
    assert 'content="0; url=../looker/"' in moved
    gone = words(full_site / "papers/gone2019/index.html")
    assert "papers/gone2019 was withdrawn." in gone
    assert "Retracted." in gone
