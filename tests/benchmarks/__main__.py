"""Runs the contestants in turn and writes the table: ``python -m tests.benchmarks``.

Each run is a process of its own; the contestants of a round run one after the other in a random
order, so that whatever else the machine does falls on all of them. Results are kept after every
run, and the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
OURS, FLOOR = "headbook", "plain SDPA forward"
IN_PARTS = "transformers output_attentions, 1600 tokens a call"
PEERS = (
    "transformers output_attentions",
    IN_PARTS,
    "TransformerLens hooks",
    "nnsight",
)
CACHE, DETECT, ROWS = (
    "TransformerLens run_with_cache",
    "TransformerLens detect_head",
    "headbook, last 8 rows",
)
SIZES = ((64, 100), (8, 800), (1, 4096), (1, 16384))
"""Prompts and tokens."""
TOO_LONG = 400.0
"""Seconds after which a run is stopped. A contestant that was stopped, or killed for want of
memory, is left out of that size from then on."""
Result = dict[str, object]


def names(size: tuple[int, int]) -> tuple[str, ...]:
    """Who runs at a size."""
    if size[1] > 8000:
        return (ROWS, FLOOR)
    whole = tuple(peer for peer in PEERS if size[0] > 1 or peer != IN_PARTS)
    return (OURS, FLOOR, *whole, CACHE, DETECT)


@dataclass(frozen=True)
class Goal:
    """A ratio of ours to another's (or another's to ours) that is to be met."""

    text: str
    tokens: int
    above: tuple[str, ...]
    below: str
    what: str
    limit: float
    at_least: bool = False


GOALS = (
    Goal("not slower than the fastest peer", 100, (OURS,), "fastest", "seconds", 1.0),
    Goal("not slower than the fastest peer", 800, (OURS,), "fastest", "seconds", 1.0),
    Goal("not slower than the fastest peer", 4096, (OURS,), "fastest", "seconds", 1.0),
    Goal("time of a plain SDPA forward", 800, (OURS,), FLOOR, "seconds", 1.25),
    Goal("extra memory of a plain SDPA forward", 800, (OURS,), FLOOR, "extra_mib", 1.2),
    Goal("faster than detect_head", 100, (DETECT,), OURS, "seconds", 8.0, at_least=True),
    Goal("faster than detect_head", 800, (DETECT,), OURS, "seconds", 8.0, at_least=True),
    Goal("faster than detect_head", 4096, (DETECT,), OURS, "seconds", 8.0, at_least=True),
    Goal("less extra memory", 100, (CACHE,), OURS, "extra_mib", 5.0, at_least=True),
    Goal("less extra memory", 800, (CACHE,), OURS, "extra_mib", 5.0, at_least=True),
    Goal("less extra memory", 4096, (CACHE,), OURS, "extra_mib", 5.0, at_least=True),
    Goal("time of a plain SDPA forward", 16384, (ROWS,), FLOOR, "seconds", 1.3),
    Goal("extra memory of a plain SDPA forward", 16384, (ROWS,), FLOOR, "extra_mib", 1.3),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after as many")
    parser.add_argument(
        "--sizes", nargs="*", default=[f"{a}x{b}" for a, b in SIZES], help="such as 8x800"
    )
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--table", type=Path, default=HERE / "README.md")
    chosen = parser.parse_args()
    stop = time.monotonic() + 60 * chosen.minutes
    results = read(chosen.results)
    order = random.Random(0)
    for number in range(chosen.rounds):
        for words in chosen.sizes:
            prompts, tokens = (int(part) for part in words.split("x"))
            size = (prompts, tokens)
            shuffled = list(names(size))
            order.shuffle(shuffled)
            for name in shuffled:
                mine = of(results, size, name)
                left_out = any(result.get("stopped") for result in mine)
                if len(mine) > number or left_out or time.monotonic() > stop:
                    continue
                result = run(name, size)
                results.append(result)
                with chosen.results.open("a") as file:
                    file.write(json.dumps(result) + "\n")
                sys.stdout.write(f"{number} {words} {name}: {result.get('seconds')}\n")
                sys.stdout.flush()
    chosen.table.write_text(table(results), encoding="utf-8")


def run(name: str, size: tuple[int, int]) -> Result:
    """One run in a process of its own, its scores replaced by how far they are from eager's."""
    command = [sys.executable, "-m", "tests.benchmarks.contestants", name, *map(str, size)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TOO_LONG, check=True)
    except subprocess.TimeoutExpired:
        stopped = f"stopped after {TOO_LONG:.0f} s"
        return {"name": name, "prompts": size[0], "tokens": size[1], "stopped": stopped}
    except subprocess.CalledProcessError as error:
        if error.returncode == -signal.SIGKILL:  # as the system does when memory runs out
            stopped = f"killed, as memory ({_memory()}) ran out"
            return {"name": name, "prompts": size[0], "tokens": size[1], "stopped": stopped}
        sys.exit(f"{name} {size}: {error.stderr[-2000:]}")
    result: Result = json.loads(done.stdout.splitlines()[-1])
    result["load"] = os.getloadavg()[0]
    return result


def read(path: Path) -> list[Result]:
    """The runs so far."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def of(results: Iterable[Result], size: tuple[int, int], name: str) -> list[Result]:
    """The runs of one contestant at one size."""
    wanted = (name, *size)
    return [r for r in results if (r["name"], r["prompts"], r["tokens"]) == wanted]


def values(
    results: Iterable[Result], size: tuple[int, int], name: str, what: str
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """One figure of each finished run."""
    mine = [r for r in of(results, size, name) if not r.get("stopped")]
    return np.array([r[what] for r in mine], dtype=np.float64)


def ratio(
    above: np.ndarray[tuple[int], np.dtype[np.float64]],
    below: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float, float, float]:
    """Ratio of medians with its 95% bootstrap interval over rounds."""
    draw = np.random.default_rng(0)
    many = [
        np.median(draw.choice(above, len(above))) / np.median(draw.choice(below, len(below)))
        for _ in range(4000)
    ]
    low, high = np.quantile(many, (0.025, 0.975))
    return float(np.median(above) / np.median(below)), float(low), float(high)


def agreement(results: list[Result], size: tuple[int, int], name: str) -> float | None:
    """Largest difference of a contestant's scores from those of ``output_attentions=True``."""
    mine = next((r for r in of(results, size, name) if r.get("scores")), None)
    reference = PEERS[0]
    theirs = next((r for r in of(results, size, reference) if r.get("scores")), None)
    if mine is None or theirs is None:
        return None
    ours, other = mine["scores"], theirs["scores"]
    assert isinstance(ours, dict)
    assert isinstance(other, dict)
    return max(float(np.abs(np.array(ours[k]) - np.array(other[k])).max()) for k in ours)


def table(results: list[Result]) -> str:
    """The page with all figures."""
    lines = [HEAD.format(machine=_machine(), versions=_versions())]
    lines.append("## Goals\n")
    lines.append("| goal | prompts x tokens | limit | ratio of medians [95%] | runs | |")
    lines.append("|---|---|---|---|---|---|")
    sizes = sorted({(int(str(r["prompts"])), int(str(r["tokens"]))) for r in results}, key=_order)
    for goal in GOALS:
        here = [size for size in sizes if size[1] == goal.tokens]
        lines += [row for size in here if (row := _goal(results, goal, size))]
    for size in sizes:
        prompts = "1 prompt" if size[0] == 1 else f"{size[0]} prompts"
        lines.append(f"\n## {prompts} of {size[1]} tokens\n")
        lines.append(
            "| | wall time, s: median (all runs) | CPU time, s: median | extra memory, MiB: median"
            " (least to most) | largest difference of a score | runs |"
        )
        lines.append("|---|---|---|---|---|---|")
        lines += [_row(results, size, name) for name in names(size) if of(results, size, name)]
    return "\n".join(lines) + "\n"


def _order(size: tuple[int, int]) -> tuple[int, int]:
    return size[1], -size[0]


def _goal(results: list[Result], goal: Goal, size: tuple[int, int]) -> str | None:
    below = goal.below
    if below == "fastest":
        have = [p for p in (*PEERS, CACHE) if len(values(results, size, p, goal.what))]
        if not have:
            return None
        below = min(have, key=lambda p: float(np.median(values(results, size, p, goal.what))))
    upper = values(results, size, goal.above[0], goal.what)
    lower = values(results, size, below, goal.what)
    if not len(upper) or not len(lower):
        return None
    middle, low, high = ratio(upper, lower)
    met = middle >= goal.limit if goal.at_least else middle <= goal.limit
    sign = "at least" if goal.at_least else "at most"
    return (
        f"| {goal.text}: {goal.above[0]} / {below} | {size[0]} x {size[1]}"
        f" | {sign} {goal.limit:g} | {middle:.2f} [{low:.2f}, {high:.2f}]"
        f" | {len(upper)}, {len(lower)} | {'met' if met else 'not met'} |"
    )


def _row(results: list[Result], size: tuple[int, int], name: str) -> str:
    seconds = values(results, size, name, "seconds")
    stopped = next((r["stopped"] for r in of(results, size, name) if r.get("stopped")), None)
    if not len(seconds):
        return f"| {name} | {stopped} | | | | |"
    extra = values(results, size, name, "extra_mib")
    apart = agreement(results, size, name)
    return (
        f"| {name} | {np.median(seconds):.1f} ({', '.join(f'{s:.1f}' for s in sorted(seconds))})"
        f" | {np.median(values(results, size, name, 'cpu_seconds')):.1f}"
        f" | {np.median(extra):.0f} ({extra.min():.0f} to {extra.max():.0f})"
        f" | {'' if apart is None else f'{apart:.0e}'}"
        f" | {len(seconds)}{'' if stopped is None else f', then {stopped}'} |"
    )


def _machine() -> str:
    words = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores of {words}, {_memory()} of memory"


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 2**30:.1f} GiB"


def _versions() -> str:
    names = ("torch", "transformers", "transformer-lens", "nnsight")
    return ", ".join(f"{name} {version(name)}" for name in names)


HEAD = """# Benchmarks

Three classic scores of all heads together (previous token, duplicate token, induction), on a model
of GPT-2's architecture and size (12 layers, 12 heads, width 768, random weights, float32), by this
engine and by its peers. Every contestant is given all prompts at once, in a process of its own; the
contestants of a round take turns in random order. This engine cuts prompts into batches by itself;
`detect_head` reads them one by one; the others read them together, and one peer is given 1,600
tokens a call by hand, which suits this machine. Extra memory is the most that the process
held while scoring, less what it held with the model loaded. Models are built, wrapped and warmed
up before the clock starts. Differences are from transformers' `output_attentions=True`.

This page is written by the command:

    python -m venv build/peers && build/peers/bin/pip install -r tests/benchmarks/requirements.txt
    build/peers/bin/python -m tests.benchmarks --rounds 7

Machine: {machine}. Versions: {versions}.

A goal is met when the ratio of medians meets it; the interval (bootstrap over runs) and all times
are there to show the noise. CPU time is less disturbed by what else the machine was doing.
"""


if __name__ == "__main__":
    main()
