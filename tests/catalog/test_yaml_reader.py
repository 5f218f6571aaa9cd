"""Places, refusals and bounds of the YAML reader."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import yaml_reader
from catalog.yaml_reader import MAX_NODES, read_yaml

TEXT = """\
id: induction   # a comment
papers:
  - {paper: olsson2022induction, role: introduces}
  -
    paper: wang2022ioi
    note: >-
      Long
      text.
"""


def test_places_of_values_and_of_names() -> None:
    document = read_yaml(TEXT.encode())
    assert document.values == {
        (): (1, 1),
        ("id",): (1, 5),
        ("papers",): (3, 3),
        ("papers", 0): (3, 5),
        ("papers", 0, "paper"): (3, 13),
        ("papers", 0, "role"): (3, 40),
        ("papers", 1): (5, 5),
        ("papers", 1, "paper"): (5, 12),
        ("papers", 1, "note"): (6, 11),
    }
    assert document.keys[("papers", 1, "note")] == (6, 5)
    assert document.place(("papers", 0, "nothing", "here")) == (3, 5)


def test_columns_count_characters_not_bytes() -> None:
    document = read_yaml("naïve: {é: x}".encode())
    assert document.values[("naïve", "é")] == (1, 12)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (b"", 1, 1, "the file is empty"),
        (b"# only a comment\n", 1, 1, "the file is empty"),
        (
            b"a: 1\nb: c: d\n",
            2,
            5,
            "': ' inside text that has no quotes; put the text in quotes",
        ),
        (b"a:\n\t- b\n", 2, 1, "a tab cannot be used here; indent with spaces"),
        (b"a: [b\nc: d\n", 2, 2, "the list that starts with '[' needs ',' or ']' here"),
        (b"a: {b: c\nd: e\n", 2, 2, "the fields that start with '{' need ',' or '}' here"),
        (b"a: @b\n", 1, 4, "text cannot start with @ unless it is in quotes"),
        (b"a: 'b\n", 2, 1, "the file ends inside quotes"),
        (b"a: *b\n", 1, 4, "the alias *b has no anchor (&b) before it"),
        (b"a: &b [*b]\n", 1, 8, "the alias *b stands inside its own anchor"),
        (
            b"a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> other\n",
            2,
            1,
            "a merge left both sides here; keep one, and delete the lines <<<<<<<, ======= and"
            " >>>>>>>",
        ),
        (b"a: 1\n---\nb: 2\n", 2, 1, "a second document starts here; a file holds one"),
        (b"%YAML 1.1\n---\na: 1\n", 1, 1, "directives (%YAML, %TAG) are not used; delete it"),
        (
            b"\xef\xbb\xbfa: 1\n",
            1,
            1,
            "the file starts with a byte order mark; save it without (UTF-8)",
        ),
        (b"a: 1\nb: \xe9\n", 2, 4, "byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (b"a: 1\nb: x\x00\n", 2, 5, "the character U+0000 is not allowed; delete it"),
        (b"a: 1\nb: x\x1b[0m\n", 2, 5, "the character U+001B is not allowed; delete it"),
        (b"a: x\ry\n", 1, 5, "the character U+000D is not allowed; delete it"),
        ("a: x\u2028y\n".encode(), 1, 5, "the character U+2028 is not allowed; delete it"),
        (b"a: " + b"x" * 1_000_000, 1, 1, "the file is larger than 1,000,000 bytes"),
    ],
)
def test_what_is_no_document(text: bytes, line: int, column: int, message: str) -> None:
    document = read_yaml(text)
    assert not document.readable
    assert document.data is None
    (flaw,) = document.flaws
    assert (flaw.line, flaw.column, flaw.message) == (line, column, message)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, 1, "this field is given twice (first on line 1)"),
        (b"a: !!str 3\n", 1, 4, "tags are not used here; delete !!str"),
        (b"a: !x {b: c}\n", 1, 4, "tags are not used here; delete !x"),
        (
            b"a: !!python/object/apply:os.system [id]\n",
            1,
            4,
            "tags are not used here; delete !!python/object/apply:os.system",
        ),
        (b"a: ! x\n", 1, 4, "tags are not used here; delete !"),
        (
            b"a: &b {c: d}\ne:\n  <<: *b\n",
            3,
            3,
            "merge keys (<<) are not used; write the fields out",
        ),
        (
            b"true: 1\n",
            1,
            1,
            "a field name must be text, not true; write it in quotes if it is meant",
        ),
        (b"? [a]\n: b\n", 1, 3, "a field name must be text, not a list or fields"),
        (b'a: "x\\0y"\n', 1, 4, "the character U+0000 is not allowed in text"),
        (b'a: "\\u202Edaeh"\n', 1, 4, "the character U+202E is not allowed in text"),
        ("a: in\u200bduction\n".encode(), 1, 4, "the character U+200B is not allowed in text"),
        (
            "a\u2066: b\n".encode(),
            1,
            1,
            "control and invisible characters are not allowed in a field name",
        ),
    ],
)
def test_what_a_document_may_not_hold(text: bytes, line: int, column: int, message: str) -> None:
    document = read_yaml(text)
    assert document.readable
    (flaw,) = document.flaws
    assert (flaw.line, flaw.column, flaw.message) == (line, column, message)


def test_all_flaws_come_out_at_once() -> None:
    document = read_yaml(b"a: 1\na: 2\nb: .nan\nc: !!int 3\n")
    assert [flaw.line for flaw in document.flaws] == [2, 3, 4]
    assert document.data["a"] == 1


def test_small_aliases_are_written_out() -> None:
    document = read_yaml(b"a: &x [1, {b: 2}]\nc: *x\n")
    assert document.data == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}
    assert document.values[("c", 1, "b")] == (1, 15)


class _Counting:
    """A loader that counts the events it is asked for."""

    events = 0

    def __init__(self, text: str) -> None:
        self._loader = _REAL(text)

    def get_event(self) -> Any:
        _Counting.events += 1
        return self._loader.get_event()

    def dispose(self) -> None:
        self._loader.dispose()


_REAL = yaml_reader._Loader


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> type[_Counting]:
    _Counting.events = 0
    monkeypatch.setattr(yaml_reader, "_Loader", _Counting)
    return _Counting


@pytest.mark.parametrize("unit", ["[", "{", "- ", "? ", "[{a: ", "&a [", "- - "])
def test_deep_nesting_stops_at_the_bound(unit: str, events: type[_Counting]) -> None:
    (flaw,) = read_yaml((unit * (900_000 // len(unit))).encode()).flaws
    assert flaw.message == "nested deeper than 50 levels"
    assert events.events < 200


def test_deep_nesting_by_indentation(events: type[_Counting]) -> None:
    text = "\n".join(" " * depth + "a:" for depth in range(1000))
    (flaw,) = read_yaml(text.encode()).flaws
    assert flaw.message == "nested deeper than 50 levels"
    assert events.events < 200


def test_a_billion_laughs_stop_at_the_bound(events: type[_Counting]) -> None:
    lines = ["a: &a [" + ", ".join(["ha"] * 10) + "]"]
    for last, name in zip("abcdefghi", "bcdefghij", strict=False):
        lines.append(f"{name}: &{name} [" + ", ".join([f"*{last}"] * 10) + "]")
    document = read_yaml("\n".join(lines).encode())
    (flaw,) = document.flaws
    assert flaw.message == f"more than {MAX_NODES:,} values (aliases written out): too many"
    assert document.values == {}
    assert events.events < 200


def test_aliases_cannot_nest_deeper_than_the_bound(events: type[_Counting]) -> None:
    lines = ["a0: &a0 x"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 100)]
    (flaw,) = read_yaml("\n".join(lines).encode()).flaws
    assert flaw.message == "nested deeper than 50 levels"


def test_many_values_stop_at_the_bound(events: type[_Counting]) -> None:
    (flaw,) = read_yaml(b"[" + b"x," * 400_000 + b"]").flaws
    assert flaw.message == f"more than {MAX_NODES:,} values (aliases written out): too many"
    assert events.events < MAX_NODES + 10


def test_the_slow_loader_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML was built without libyaml."""
    import yaml

    fast = read_yaml(TEXT.encode())
    monkeypatch.setattr(yaml_reader, "_Loader", yaml.SafeLoader)
    assert read_yaml(TEXT.encode()) == fast


yaml_like = st.text(alphabet="ab1.:-[]{}&*!|>'\"#%@`?, \n\t~<=\\x0\r\ufeff\u2028é", max_size=60)


@given(st.one_of(st.text(), yaml_like).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_text_gives_data_or_flaws(content: bytes) -> None:
    _check(content)


@given(st.binary(max_size=200))
def test_any_bytes_give_data_or_flaws(content: bytes) -> None:
    _check(content)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_json_is_read_as_json(value: object) -> None:
    """YAML 1.2 holds JSON; json.dumps is the independent truth here."""
    document = read_yaml(json.dumps(value).encode())
    assert document.flaws == []
    assert document.data == value


def _check(content: bytes) -> None:
    document = read_yaml(content)
    if not document.readable:
        assert document.data is None
        assert document.flaws
    lines = content.count(b"\n") + 2
    for flaw in document.flaws:
        assert 1 <= flaw.line <= lines
        assert flaw.column >= 1
        assert flaw.message
    _plain(document.data)
    json.dumps(document.data, allow_nan=False)


def _plain(value: object) -> None:
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        for inner in value.values():
            _plain(inner)
    elif isinstance(value, list):
        for inner in value:
            _plain(inner)
    else:
        assert value is None or type(value) in (bool, int, float, str)
        assert not isinstance(value, float) or math.isfinite(value)
