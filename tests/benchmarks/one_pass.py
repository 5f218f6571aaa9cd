"""What all recipes that run the model cost together, beside each of them alone.

``python -m tests.benchmarks.one_pass [MODEL]`` prints the CPU seconds of each recipe alone, of all
of them together, and the ratio of that to the dearest one (medians). Beside it stands the same
ratio of the tokens that the model reads: where forward passes are nearly all of the cost, as in any
model of useful size, the ratio of times comes to that, unless recipes are given prompts in common.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from catalog.loading import load as load_catalog
from verify.loading import find, load
from verify.measures import RUNNING
from verify.planning import Job, jobs_of, select
from verify.running import run

ATTENTION = ("attention", "attention-to-predicted", "offset-concentration")


def report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(name: str, repeats: int) -> None:
    catalog = load_catalog(None)
    loaded = load(find(name, catalog, revision=None, described_as=None))

    read = 0
    embedding = loaded.model.get_input_embeddings()

    def count(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        nonlocal read
        read += args[0].numel()

    def tokens(jobs: Sequence[Job]) -> int:
        nonlocal read
        read = 0
        handle = embedding.register_forward_pre_hook(count)
        for _ in run(loaded, catalog, jobs):
            pass
        handle.remove()
        return read

    def seconds(jobs: Sequence[Job]) -> float:
        taken = []
        for _ in range(repeats):
            started = time.process_time()
            for _ in run(loaded, catalog, jobs):
                pass
            taken.append(time.process_time() - started)
        return float(np.median(taken))

    jobs = [job for job in jobs_of(select(catalog, [])) if job.recipe.measure.kind in ATTENTION]
    assert set(ATTENTION) <= set(RUNNING)
    seconds(jobs[:1])  # what only the first run costs is left out
    tokens_alone = max(tokens([job]) for job in jobs)
    tokens_together = tokens(jobs)
    alone = {f"{job.head_type}: {job.recipe.id}": seconds([job]) for job in jobs}
    for label, taken in sorted(alone.items(), key=lambda item: -item[1]):
        report(f"{taken:7.2f} s  {label}")
    together = seconds(jobs)
    report(f"{together:7.2f} s  all {len(jobs)} together, {sum(alone.values()):.2f} s one by one")
    report(f"ratio to the dearest: {together / max(alone.values()):.2f} (goal: at most 2)")
    report(
        f"tokens read: {tokens_together} together, {tokens_alone} by the recipe that reads most,"
        f" ratio {tokens_together / tokens_alone:.2f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="reference")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    main(chosen.model, chosen.repeats)
