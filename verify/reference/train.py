"""Train a reference model: ``python -m verify.reference.train --family llama --out DIR``.

One core is enough; a GPU is used if there is one. On one kind of device and
with the same library versions, the same arguments give the same weights. A run that was stopped
goes on from its last state with ``--resume``.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch

from catalog.places import build_dir
from verify.reference.plan import PLANS
from verify.reference.run import Run


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    """Train and write the model folder."""
    parser = argparse.ArgumentParser(prog="python -m verify.reference.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--family", choices=list(PLANS), default="llama", help="which model")
    parser.add_argument("--tokens", type=int, help="tokens to train on")
    parser.add_argument("--seed", type=int, help="seed of weights and documents")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="where the run's state is kept (default: below build/reference)",
    )
    parser.add_argument(
        "--snapshots", type=Path, help="folder for the weights on the way (none if not given)"
    )
    given = parser.parse_args(arguments)

    torch.set_num_threads(given.threads)
    device = given.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else not deterministic
    torch.use_deterministic_algorithms(True)
    # a guard that costs 5%
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if device == "cuda":  # the fused kernels' gradients are not
        torch.backends.cuda.enable_flash_sdp(False)
        torch.backends.cuda.enable_mem_efficient_sdp(False)
    chosen = {name: getattr(given, name) for name in ("tokens", "seed")}
    plan = replace(PLANS[given.family], **{k: v for k, v in chosen.items() if v is not None})
    checkpoint = given.checkpoint or build_dir() / "reference" / f"{plan.family}.pt"
    run = Run(plan, checkpoint, _say, given.snapshots, device)
    if given.resume:
        try:
            run.resume()
        except ValueError as error:
            sys.exit(str(error))
    run.train()
    run.save()
    run.write(given.out)


if __name__ == "__main__":
    main()
