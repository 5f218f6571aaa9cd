"""YAML 1.2 core with the place of every value: what entries are written in.

PyYAML's C parser gives events; they are composed here, without recursion and within bounds, into
nodes that know their line and column. PyYAML's own composer and constructor are not used: the
first recurses in C on deep nesting, the second follows YAML 1.1 (``catalog.yaml_scalars``).

Refused: duplicate keys, tags, directives, merge keys, keys that are not text, a second document,
``.inf`` and ``.nan``, control and invisible characters, and files or aliases beyond the bounds
below. Windows line ends are read as line ends, so that a checkout on Windows has the same data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from catalog.file_text import Flaw, Unreadable, decode
from catalog.problems import Path
from catalog.yaml_scalars import is_text, resolve

MAX_BYTES = 1_000_000
MAX_NODES = 100_000
"""Keys and values after aliases are written out."""
MAX_DEPTH = 50

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_REFUSED_IN_VALUES = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff"
    # what nobody sees, and what shows text in another order than it is read
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069]"
)
_CONFLICT = re.compile(r"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)

_CONFLICT_WORDS = (
    "a merge left both sides here; keep one, and delete the lines <<<<<<<, ======= and >>>>>>>"
)
_PLAIN_WORDS = {
    "mapping values are not allowed in this context": (
        "': ' inside text that has no quotes; put the text in quotes"
    ),
    "could not find expected ':'": "a field is written 'name: value'; the ': ' is missing here",
    "did not find expected ',' or ']'": "the list that starts with '[' needs ',' or ']' here",
    "did not find expected ',' or '}'": "the fields that start with '{' need ',' or '}' here",
    "did not find expected key": (
        "expected a field here; check the indentation and the quotes above"
    ),
    "did not find expected '-' indicator": (
        "expected a list item ('- ') here; check the indentation"
    ),
    "found unexpected end of stream": "the file ends inside quotes",
    "did not find expected <document start>": (
        "the text above is complete; this does not belong to it (check the indentation)"
    ),
}


@dataclass
class Document:
    """What a file says, and where it says it.

    Attributes:
        data: None, booleans, integers, finite floats, text, lists, and dicts with text keys.
        values: (line, column), from 1, of each value by its path; ``()`` is the whole.
        keys: (line, column), from 1, of each field's name by its path.
        plain: text as written of unquoted values that are not text, by path: ``9.10`` for 9.1.
        flaws: what is wrong; if there are any, ``data`` may lack the values they are about.
        readable: False if the text is no YAML at all; ``data`` is then None.
    """

    data: Any = None
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    plain: dict[Path, str] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    readable: bool = True

    def place(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """Line and column of a value (or of its field's name), or of what is nearest around it."""
        if key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            found = self.values.get(path[:length])
            if found is not None:
                return found
        return (1, 1)


@dataclass(slots=True)
class _Node:
    """A scalar (``text``), a sequence (``items``) or a mapping (``pairs``).

    ``size`` counts the node and all below it with aliases written out, ``height`` its levels.
    """

    line: int
    column: int
    text: str | None = None
    plain: bool = False
    tag: str | None = None
    items: list[_Node] | None = None
    pairs: list[tuple[_Node, _Node]] | None = None
    pending: _Node | None = None
    anchor: str | None = None
    size: int = 1
    height: int = 0

    def add(self, child: _Node) -> None:
        """Take the next child: an item, a key, or the value of the last key."""
        self.size += child.size
        self.height = max(self.height, child.height + 1)
        if self.items is not None:
            self.items.append(child)
        elif self.pairs is not None:
            if self.pending is None:
                self.pending = child
            else:
                self.pairs.append((self.pending, child))
                self.pending = None


def read_yaml(content: bytes, *, max_bytes: int = MAX_BYTES) -> Document:
    """Read one YAML document. Never raises for what ``content`` holds: see ``flaws``."""
    try:
        text = decode(content, max_bytes)
        root = _compose(text)
    except Unreadable as error:
        return Document(flaws=[error.flaw], readable=False)
    document = Document()
    document.data = _convert(root, (), document)
    return document


def _compose(text: str) -> _Node:
    loader = None
    try:
        loader = _Loader(text)
        return _compose_events(loader)
    except yaml.MarkedYAMLError as error:
        conflict = _CONFLICT.search(text)
        if conflict is not None:
            line = text.count("\n", 0, conflict.start()) + 1
            raise Unreadable(line, 1, _CONFLICT_WORDS) from None
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise Unreadable(line, column, _in_plain_words(error, text, line, column)) from None
    except yaml.YAMLError as error:
        message = getattr(error, "reason", None) or str(error).splitlines()[0]
        raise Unreadable(1, 1, f"not valid YAML: {message}") from None
    finally:
        if loader is not None:
            loader.dispose()


def _in_plain_words(error: yaml.MarkedYAMLError, text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    here = lines[line - 1] if line <= len(lines) else ""
    if here[column - 1 : column] == "\t" or here[:column].strip(" ").startswith("\t"):
        return "a tab cannot be used here; indent with spaces"
    if here[column - 1 : column] in ("@", "`", "%"):
        return f"text cannot start with {here[column - 1]} unless it is in quotes"
    problem = (error.problem or error.context or "unknown reason").strip()
    return _PLAIN_WORDS.get(problem, f"not valid YAML: {problem}")


def _compose_events(loader: Any) -> _Node:
    """The nodes of the only document; depth and number are bounded while the text is read."""
    stack: list[_Node] = []
    anchors: dict[str, _Node] = {}
    open_anchors: set[str] = set()
    root: _Node | None = None
    total = 0
    while True:
        event = loader.get_event()
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if isinstance(event, yaml.StreamEndEvent):
            break
        if isinstance(event, yaml.DocumentStartEvent):
            if root is not None:
                raise Unreadable(line, column, "a second document starts here; a file holds one")
            if event.version or event.tags:
                raise Unreadable(line, column, "directives (%YAML, %TAG) are not used; delete it")
            continue
        if isinstance(event, yaml.AliasEvent):
            node = _alias(event.anchor, anchors, open_anchors, line, column)
        elif isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and not event.style
            node = _Node(line, column, text=event.value, plain=plain, tag=event.tag)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = _Node(line, column, items=[], tag=event.tag)
        elif isinstance(event, yaml.MappingStartEvent):
            node = _Node(line, column, pairs=[], tag=event.tag)
        elif isinstance(event, yaml.CollectionEndEvent):
            node = stack.pop()
            if node.anchor:
                open_anchors.discard(node.anchor)
                anchors[node.anchor] = node
            if stack:
                stack[-1].add(node)
            else:
                root = node
            continue
        else:
            continue

        is_alias = isinstance(event, yaml.AliasEvent)
        total += node.size
        if total > MAX_NODES:
            raise Unreadable(
                line, column, f"more than {MAX_NODES:,} values (aliases written out): too many"
            )
        if len(stack) + node.height >= MAX_DEPTH:
            raise Unreadable(line, column, f"nested deeper than {MAX_DEPTH} levels")
        if not is_alias and event.anchor:
            node.anchor = event.anchor
            anchors.pop(event.anchor, None)
        if is_alias or node.text is not None:
            if node.anchor and not is_alias:
                anchors[node.anchor] = node
            if stack:
                stack[-1].add(node)
            else:
                root = node
        else:
            if node.anchor:
                open_anchors.add(node.anchor)
            stack.append(node)
    if root is None:
        raise Unreadable(1, 1, "the file is empty")
    return root


def _alias(
    name: str | None, anchors: dict[str, _Node], open_anchors: set[str], line: int, column: int
) -> _Node:
    if name in open_anchors:
        raise Unreadable(line, column, f"the alias *{name} stands inside its own anchor")
    if name not in anchors:
        raise Unreadable(line, column, f"the alias *{name} has no anchor (&{name}) before it")
    return anchors[name]


def _convert(node: _Node, path: Path, document: Document) -> Any:
    """Data of a node. Recursion is bounded: ``_compose_events`` let no deeper nesting pass."""
    document.values[path] = (node.line, node.column)

    def flaw(message: str, at: _Node = node, where: Path = path) -> None:
        document.flaws.append(Flaw(at.line, at.column, where, message))

    if node.tag is not None:
        flaw(f"tags are not used here; delete {_short_tag(node.tag)}")
    if node.items is not None:
        return [_convert(item, (*path, i), document) for i, item in enumerate(node.items)]
    if node.pairs is None:
        return _scalar(node, path, document, flaw)
    fields: dict[str, Any] = {}
    for key, value in node.pairs:
        name = _field_name(key, path, document)
        if name is None:
            continue
        where = (*path, name)
        if name in fields:
            first = document.keys[where][0]
            flaw(f"this field is given twice (first on line {first})", key, where)
            continue
        document.keys[where] = (key.line, key.column)
        fields[name] = _convert(value, where, document)
    return fields


def _field_name(key: _Node, path: Path, document: Document) -> str | None:
    def flaw(message: str) -> None:
        document.flaws.append(Flaw(key.line, key.column, path, message))

    if key.text is None:
        flaw("a field name must be text, not a list or fields")
        return None
    if key.tag is not None:
        flaw(f"tags are not used here; delete {_short_tag(key.tag)}")
        return None
    if key.plain and key.text == "<<":
        flaw("merge keys (<<) are not used; write the fields out")
        return None
    if key.plain and not is_text(key.text):
        shown = key.text[:40] or "nothing"
        flaw(f"a field name must be text, not {shown}; write it in quotes if it is meant")
        return None
    if _REFUSED_IN_VALUES.search(key.text):
        flaw("control and invisible characters are not allowed in a field name")
        return None
    return key.text


def _scalar(node: _Node, path: Path, document: Document, flaw: Any) -> Any:
    text = node.text or ""
    found = _REFUSED_IN_VALUES.search(text)
    if found:
        flaw(f"the character U+{ord(found.group()):04X} is not allowed in text")
    if not node.plain:
        return text
    try:
        value = resolve(text)
    except ValueError as error:
        flaw(str(error))
        return text
    if not isinstance(value, str):
        document.plain[path] = text
    return value


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")[:60]
