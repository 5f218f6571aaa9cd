"""Unquoted values mean what the YAML 1.2 core schema says (https://yaml.org/spec/1.2.2/#103)."""

import pytest

from catalog.yaml_reader import read_yaml


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        # text that YAML 1.1 reads as something else
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("1_000", "1_000"),
        ("0b101", "0b101"),
        ("2025-01-31", "2025-01-31"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("=", "="),
        ("tRUE", "tRUE"),
        ("nULL", "nULL"),
        ("1e", "1e"),
        ("1.2.3", "1.2.3"),
        (".", "."),
        ("-", None),  # an empty list item, not text: see below
        ("--", "--"),
        ("1,000", "1,000"),
        ("0o9", "0o9"),
        ("0xg", "0xg"),
        ("+0x1", "+0x1"),
        ("٣", "٣"),  # a digit elsewhere, no digit of a YAML number
        # null
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        # booleans
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("False", False),
        ("FALSE", False),
        # integers
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("123456789012345678", 123456789012345678),
        # floats
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("9.10", 9.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.25", -0.25),
        ("+1.5e+2", 150.0),
        # quoted is text, whatever it looks like
        ('"9.10"', "9.10"),
        ("'no'", "no"),
        ('""', ""),
        ("'null'", "null"),
    ],
)
def test_value(written: str, meant: object) -> None:
    if written == "-":
        written, meant = "[~]", [None]
    document = read_yaml(f"field: {written}\n".encode())
    assert document.flaws == []
    assert document.data == {"field": meant}
    assert type(document.data["field"]) is type(meant)


@pytest.mark.parametrize("written", [".inf", "-.inf", "+.INF", ".nan", ".NaN"])
def test_numbers_that_are_none_are_refused(written: str) -> None:
    (flaw,) = read_yaml(f"a: 1\nfield: {written}\n".encode()).flaws
    assert (flaw.line, flaw.column, flaw.path) == (2, 8, ("field",))
    assert flaw.message == (
        f"{written} is not a number that can be used here; quote it if it is text"
    )


@pytest.mark.parametrize("written", ["1e999", "-1e999", "9" * 19, "0x" + "f" * 19, "1." + "0" * 80])
def test_numbers_that_lose_digits_are_refused(written: str) -> None:
    (flaw,) = read_yaml(f"field: {written}".encode()).flaws
    assert flaw.message == "this number is too large or too long; quote it if it is text"


def test_the_way_a_number_was_written_is_kept() -> None:
    document = read_yaml(b"heads: [9.10, x, true]\n")
    assert document.plain == {("heads", 0): "9.10", ("heads", 2): "true"}


def test_block_text() -> None:
    document = read_yaml(b"a: |\n  x\n  y\nb: >-\n  x\n  y\n")
    assert document.data == {"a": "x\ny\n", "b": "x y"}


def test_windows_line_ends_give_the_same_data() -> None:
    text = b"a: |\n  x\n  y\nb: [1,\n  2]\n"
    assert read_yaml(text.replace(b"\n", b"\r\n")).data == read_yaml(text).data
