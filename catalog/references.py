"""References between entries: names that must exist, and graphs that must not go in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.contents import EntryFile
from catalog.problems import Path, Problem
from catalog.suggestions import did_you_mean


def all_names(files: Mapping[str, EntryFile[Any]]) -> set[str]:
    """Every id that these files may be meant by, valid or not."""
    return {name for file in files.values() for name in file.names()}


def unknown(
    file: EntryFile[Any], path: Path, name: str, what: str, folder: str, known: Iterable[str]
) -> Problem:
    """A name that no file has, with the nearest that one has."""
    near = did_you_mean(name, known)
    more = f"did you mean '{near}'?" if near else f"there is no entries/{folder}/{name}.yaml"
    return file.problem(path, f"unknown {what} '{name}'; {more}")


def cycles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Circles of a graph, at least one from each group of nodes that reach each other.

    Each starts at its first name in alphabetical order. Depth first, without recursion.
    """
    done: set[str] = set()
    found: list[list[str]] = []
    for start in sorted(graph):
        if start in done:
            continue
        trail = [start]
        on_trail = {start: 0}
        waiting = [iter(graph[start])]
        while waiting:
            for node in waiting[-1]:
                if node in on_trail:
                    circle = trail[on_trail[node] :]
                    least = circle.index(min(circle))
                    circle = circle[least:] + circle[:least]
                    if circle not in found:
                        found.append(circle)
                elif node in graph and node not in done:
                    on_trail[node] = len(trail)
                    trail.append(node)
                    waiting.append(iter(graph[node]))
                    break
            else:
                waiting.pop()
                left = trail.pop()
                del on_trail[left]
                done.add(left)
    return found
