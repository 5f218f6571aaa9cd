from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from catalog.drawing.colours import CATEGORIES, diverging, luminance, rgb, sequential, text_on
from catalog.drawing.head_mosaic import PUBLISHED, abbreviation, leading, mosaic, type_looks
from catalog.drawing.numbers import number, q_value
from catalog.drawing.pictures import cell_size, score_picture
from catalog.schema.evidence import Evidence
from tests.site.examples import evidence

SVG = "{http://www.w3.org/2000/svg}"


def cells(record: Evidence) -> dict[str, tuple[str, str | None]]:
    """Head -> hover text and colour, as a reader of the file gets them."""
    root = ElementTree.fromstring(score_picture(record).alone())
    found: dict[str, tuple[str, str | None]] = {}
    for rect in root.iter(f"{SVG}rect"):
        title = rect.find(f"{SVG}title")
        if title is not None and title.text is not None:
            head, _, rest = title.text.partition(": ")
            assert head not in found
            found[head] = (rest, rect.get("fill"))
    return found


@pytest.mark.parametrize(
    "record",
    [
        evidence(),
        evidence(layers=40, heads=64, measure="direct-logit-attribution"),
        evidence(layers=1, heads=1, passing=(), unclear=()),
        evidence(layers=2, heads=17),
    ],
    ids=["small", "wide", "one head", "odd"],
)
def test_every_cell_tells_the_numbers_of_the_record(record: Evidence) -> None:
    shown = cells(record)
    scores = record.scores
    assert scores is not None
    assert len(shown) == record.model.layers * record.model.heads
    for layer in range(record.model.layers):
        for head in range(record.model.heads):
            text = shown[f"{layer}.{head}"][0]
            value = scores.mean[layer][head]
            if value is None:
                assert text == "no score"
                continue
            given = [float(x) for x in re.findall(r"-?\d+\.\d+", text)]
            expected = [
                value,
                scores.low[layer][head],
                scores.high[layer][head],
                scores.control[layer][head],
                scores.margin[layer][head],
            ]
            for one, other in zip(given, expected, strict=False):
                assert other is not None
                assert math.isclose(one, other, abs_tol=0.0005)
            assert ("does not pass" in text) == (scores.status[layer][head] == "fails")


def test_a_higher_score_is_a_lighter_cell() -> None:
    record = evidence()
    assert record.scores is not None
    by_score = sorted(
        (value, luminance(colour))
        for head, (_, colour) in cells(record).items()
        for value in [record.scores.mean[int(head.split(".")[0])][int(head.split(".")[1])]]
        if value is not None and colour is not None
    )
    assert all(one[1] <= other[1] for one, other in pairwise(by_score))


def test_passed_unclear_found_and_published_heads_are_marked() -> None:
    record = evidence(passing=("2.3", "3.7"), unclear=("1.0",))
    record = record.model_copy(update={"found": ("2.3",)})
    root = ElementTree.fromstring(score_picture(record, frozenset({"0.5"})).alone())
    kinds = [rect.get("class") for rect in root.iter(f"{SVG}rect")]
    assert kinds.count("pass") == 2
    assert kinds.count("unclear") == 1
    assert kinds.count("none") == 1
    assert len(list(root.iter(f"{SVG}circle"))) == 1
    corners = [path for path in root.iter(f"{SVG}path") if path.get("class") == "published"]
    assert len(corners) == 1


def test_a_picture_has_a_title_a_description_and_its_size() -> None:
    root = ElementTree.fromstring(score_picture(evidence()).alone())
    named = root.get("aria-labelledby", "").split()
    assert [root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")] != [None, None]
    assert named == [root.find(f"{SVG}title").get("id"), root.find(f"{SVG}desc").get("id")]  # type: ignore[union-attr]
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"


@pytest.mark.parametrize("measure", ["attention", "direct-logit-attribution"])
def test_labels_of_the_scale_do_not_run_into_each_other(measure: str) -> None:
    record = evidence(measure=measure).model_copy(update={"unit": "share of the logit difference"})
    root = ElementTree.fromstring(score_picture(record).alone())
    labels = [text for text in root.iter(f"{SVG}text") if text.text and len(text.text) > 2]
    (right,) = [text for text in labels if "share of" in str(text.text)]
    starts_at = float(right.get("x", "")) - 6 * len(str(right.text))  # px of a character, at 10 px
    beside = [t for t in root.iter(f"{SVG}text") if t.get("y") == right.get("y") and t is not right]
    for text in beside:
        assert float(text.get("x", "")) + 6 * len(text.text or "") < starts_at
    assert str(right.text).startswith("±") == (measure == "direct-logit-attribution")


def test_everything_lies_inside_the_picture() -> None:
    for record in (
        evidence(layers=1, heads=1, passing=(), unclear=()),
        evidence(layers=40, heads=64),
    ):
        root = ElementTree.fromstring(score_picture(record).alone())
        width, height = int(root.get("width", "0")), int(root.get("height", "0"))
        for rect in root.iter(f"{SVG}rect"):
            assert float(rect.get("x", "0")) + float(rect.get("width", "0")) <= width
            assert float(rect.get("y", "0")) + float(rect.get("height", "0")) <= height


def test_inside_a_page_there_is_no_style_of_its_own() -> None:
    assert "<style>" not in score_picture(evidence()).inside()


def test_a_record_without_scores_has_no_picture() -> None:
    with pytest.raises(ValueError, match="has no scores"):
        score_picture(evidence(applicable=False))


def test_the_scale_of_shares_is_fixed_and_the_other_symmetric() -> None:
    assert ">1 share<" in score_picture(evidence()).alone()
    record = evidence(measure="direct-logit-attribution")
    assert record.scores is not None
    (end,) = re.findall(r">±([\d.]+) share</text>", score_picture(record).alone())
    known = [abs(value) for row in record.scores.mean for value in row if value is not None]
    assert float(end) == pytest.approx(max([*known, record.criterion.min_score]), rel=0.01)


def test_colours_rise_in_lightness() -> None:
    steps = [luminance(sequential(i / 100)) for i in range(101)]
    assert all(one <= other + 1e-3 for one, other in pairwise(steps))
    assert steps[-1] - steps[0] > 0.5
    up = [luminance(diverging(i / 100)) for i in range(101)]
    down = [luminance(diverging(-i / 100)) for i in range(101)]
    assert all(one <= other + 1e-3 for one, other in pairwise(up))
    assert all(one <= other + 1e-3 for one, other in pairwise(down))


def test_colours_end_where_they_should() -> None:
    assert sequential(-1) == sequential(0) == "#14284b"
    assert sequential(2) == sequential(1) == "#ffd84a"
    assert diverging(1) == "#ffd84a"
    assert diverging(-1) == "#8ed0ff"


def test_luminance_is_that_of_wcag() -> None:
    # reference values: WCAG 2.1 definition worked out for the three primaries
    assert luminance("#ffffff") == pytest.approx(1.0)
    assert luminance("#ff0000") == pytest.approx(0.2126)
    assert luminance("#808080") == pytest.approx(0.21586, abs=1e-4)
    assert rgb("#0080ff") == (0.0, 128 / 255, 1.0)


def test_letters_on_colours_can_be_read() -> None:
    for colour in CATEGORIES:
        lighter, darker = sorted((luminance(colour), luminance(text_on(colour))), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, colour


def test_numbers() -> None:
    assert number(None) == "\N{EN DASH}"
    assert number(-0.0001) == "0.000"
    assert number(0.91249) == "0.912"
    assert number(-1.5) == "-1.500"


def test_a_small_q_is_not_said_to_be_none() -> None:
    shown = {0.0: "<0.001", 1e-9: "<0.001", 0.00049: "<0.001", 0.0008: "0.001", 0.01: "0.010"}
    assert {q: q_value(q) for q in shown} == shown
    assert q_value(1.0) == "1.000"
    assert q_value(None) == "\N{EN DASH}"
    text = cells(evidence(passing=("2.3",)))["2.3"][0]  # of the example, passing heads have .0002
    assert "q <0.001, passes" in text


def test_cells_get_smaller_and_stay_visible() -> None:
    sizes = [cell_size(n) for n in (1, 8, 12, 16, 32, 64, 128)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] >= 10


def test_letters_of_types_are_told_apart() -> None:
    names = ["copy-suppression", "copying-sum", "induction", "indirect", "previous-token", "x"]
    made = type_looks(names)
    assert made["previous-token"].letters == "Pt"
    assert len({look.letters for look in made.values()}) == len(names)
    assert abbreviation("induction") == "In"
    assert len({look.letters for look in type_looks([f"x-{n}" for n in range(30)]).values()}) == 30


def test_types_of_one_colour_have_another_mark() -> None:
    looks = type_looks([f"type-{letter}" for letter in "abcdefghijklmnopqrstu"])
    assert len({(look.colour, look.mark) for look in looks.values()}) == len(looks) == 21
    drawn = [ElementTree.fromstring(f"<g>{look.cell(0, 0, 16)}</g>") for look in looks.values()]
    shapes = [[path.get("d") for path in cell.iter("path")] for cell in drawn]
    assert shapes[0] == []
    assert shapes[7] != shapes[14]
    assert all(len(shape) == 1 for shape in shapes[7:])


def test_letters_stand_in_the_smallest_cells_too() -> None:
    looks = type_looks(["induction", "name-mover"])
    picture = mosaic("wide", 1, 128, {"0.0": ["induction"]}, {"induction": "Induction"}, looks)
    (text,) = [
        text
        for link in ElementTree.fromstring(picture.alone()).iter(f"{SVG}a")
        for text in link.iter(f"{SVG}text")
    ]
    assert text.text == "In"
    assert float(text.get("font-size", "0")) >= 8


def test_the_legend_has_only_types_that_a_cell_shows() -> None:
    found = {"0.0": ["b", "a"], "1.0": ["c"], "1.1": []}
    assert leading(found, ["a", "b", "c", "d"]) == ["b", "c"]


def test_mosaic_marks_found_heads_and_no_others() -> None:
    types = ["induction", "name-mover"]
    names = {"induction": "Induction", "name-mover": "Name <mover>"}
    picture = mosaic("tiny", 2, 3, {"0.1": ["induction"], "1.2": types}, names, type_looks(types))
    root = ElementTree.fromstring(picture.alone())
    linked = {a.get("href"): a for a in root.iter(f"{SVG}a")}
    assert set(linked) == {"#head-0.1", "#head-1.2"}
    assert linked["#head-1.2"].findtext(f"{SVG}title") == "1.2: Induction, Name <mover>"
    fills = [rect.get("fill") for rect in linked["#head-1.2"].iter(f"{SVG}rect")]
    assert fills == [CATEGORIES[0]]  # of the best-supported type, which comes first
    assert [text.text for text in linked["#head-1.2"].iter(f"{SVG}text")] == ["In", "+1"]
    letters, count = linked["#head-1.2"].iter(f"{SVG}text")
    # capitals and ascenders are about .75 of a font's size high, and stand on ``y``
    above = float(letters.get("y", "0")) - 0.75 * float(letters.get("font-size", "0"))
    assert float(count.get("y", "0")) < above
    alone = next(linked["#head-0.1"].iter(f"{SVG}text"))
    assert float(alone.get("y", "0")) + 30 < float(letters.get("y", "0"))
    (ground,) = [path for path in root.iter(f"{SVG}path") if path.get("class") == "ground"]
    # a dashed line through the middle of each layer, as wide as its cells
    size, gap = (int(n) for n in ground.get("stroke-dasharray", "").split())
    assert ground.get("stroke-width") == str(size)
    lines = [
        [int(n) for n in line] for line in re.findall(r"M(\d+) (\d+)H(\d+)", ground.get("d", ""))
    ]
    assert len(lines) == 2
    for (start, middle, end), corner in zip(lines, ("0.0", "1.0"), strict=True):
        assert end - start == 3 * (size + gap) - gap + 1
        assert middle == 26 + int(corner[0]) * (size + gap) + (size + gap) / 2
    assert ground.get("data-unnamed") == "no type found"


def test_cells_lie_on_the_dashes_of_the_ground() -> None:
    looks = type_looks(["x"])
    picture = mosaic("m", 3, 40, {"2.39": ["x"], "0.0": ["x"]}, {"x": "X"}, looks)
    root = ElementTree.fromstring(picture.alone())
    (ground,) = [path for path in root.iter(f"{SVG}path") if path.get("class") == "ground"]
    size, gap = (int(n) for n in ground.get("stroke-dasharray", "").split())
    start, middle, _ = (int(n) for n in re.findall(r"M(\d+) (\d+)H(\d+)", ground.get("d", ""))[2])
    rect = next(a.find(f"{SVG}rect") for a in root.iter(f"{SVG}a") if a.get("data-head") == "2.39")
    assert rect is not None
    assert rect.get("x") == str(start + 39 * (size + gap))
    assert rect.get("y") == str(middle - size // 2)
    assert rect.get("width") == str(size)


def test_a_mosaic_of_thousands_of_heads_is_small() -> None:
    picture = mosaic("wide", 80, 64, {}, {}, {}, telling=PUBLISHED)
    assert len(picture.inside()) < 8_000
    assert "Grid of 80 layers by 64 heads. No head named." in picture.description


def test_a_claim_beyond_the_grid_is_told_and_not_drawn() -> None:
    looks = type_looks(["x"])
    picture = mosaic("m", 2, 2, {"2.0": ["x"], "0.1": ["x"]}, {"x": "X"}, looks, telling=PUBLISHED)
    root = ElementTree.fromstring(picture.alone())
    assert [a.get("data-head") for a in root.iter(f"{SVG}a")] == ["0.1"]
    assert "2.0: X" in picture.description
    assert root.get("width") == "256"  # what is written above has room over two small columns
