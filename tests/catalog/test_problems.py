"""How problems are shown."""

import json

from catalog.problems import InvalidEntries, Problem, in_order, render, written_path

FIRST = Problem("entries/a.yaml", 2, 5, "recipes[0].id", "wrong")
WHOLE = Problem("entries/b.yaml", None, None, "", "unexpected file")


def test_text_is_one_sorted_line_a_problem() -> None:
    later = Problem("entries/a.yaml", 10, 1, "id", "late")
    assert render([WHOLE, later, FIRST, FIRST], "text").splitlines() == [
        "entries/a.yaml:2:5 recipes[0].id: wrong",
        "entries/a.yaml:10:1 id: late",
        "entries/b.yaml: unexpected file",
    ]


def test_a_line_stays_one_line_whatever_a_file_is_called() -> None:
    problem = Problem("entries/a\nb\x1b[31m\udcff.yaml", 1, 1, "", "x\ny")
    assert str(problem) == r"entries/a\nb\x1b[31m\udcff.yaml:1:1: x\ny"


def test_json() -> None:
    shown = json.loads(render([WHOLE, FIRST], "json", files=3))
    assert shown == {
        "files": 3,
        "errors": [
            {
                "file": "entries/a.yaml",
                "line": 2,
                "column": 5,
                "path": "recipes[0].id",
                "message": "wrong",
            },
            {
                "file": "entries/b.yaml",
                "line": None,
                "column": None,
                "path": "",
                "message": "unexpected file",
            },
        ],
    }


def test_github_annotations() -> None:
    assert render([FIRST, WHOLE], "github").splitlines() == [
        "::error file=entries/a.yaml,line=2,col=5::recipes[0].id: wrong",
        "::error file=entries/b.yaml::unexpected file",
    ]


def test_github_escaping() -> None:
    """As the runner's toolkit escapes: % CR LF in data, and : and , too in properties."""
    problem = Problem("entries/a:b,c%\r\n.yaml", 1, 2, "", "100% of a: b, c\r\nnext")
    assert render([problem], "github") == (
        "::error file=entries/a%3Ab%2Cc%25%0D%0A.yaml,line=1,col=2::100%25 of a: b, c%0D%0Anext"
    )


def test_a_message_cannot_start_a_command_of_its_own() -> None:
    problem = Problem("entries/a.yaml", 1, 1, "", "x\n::set-output name=a::b")
    assert len(render([problem], "github").splitlines()) == 1
    assert len(render([problem], "text").splitlines()) == 1


def test_written_path() -> None:
    assert written_path(("recipes", 0, "measure", "top")) == "recipes[0].measure.top"
    assert written_path(("identify", "all-of", 1)) == "identify.all-of[1]"
    assert written_path(("a b", "c.d")) == '["a b"]["c.d"]'
    assert written_path((0, "a")) == "[0].a"
    assert written_path(()) == ""


def test_in_order_counts_lines_as_numbers() -> None:
    ten, two = (Problem("a", line, 1, "", "x") for line in (10, 2))
    assert in_order([ten, two, ten]) == [two, ten]


def test_the_exception_shows_the_first_and_counts_the_rest() -> None:
    error = InvalidEntries(Problem("entries/a.yaml", line, 1, "id", "wrong") for line in range(25))
    assert len(error.problems) == 25
    lines = str(error).splitlines()
    assert lines[0] == "entries/a.yaml:0:1 id: wrong"
    assert lines[-1] == "... and 5 more; `headbook validate` shows all"
