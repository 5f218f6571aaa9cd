"""What each part of the reference model is needed for: ``python -m verify.reference.ablations``.

A skill that the model has need not be carried by a head; here is how that shows. Every attention
head and every MLP is silenced in turn (its output replaced by zero, at every position) and the
accuracy on held-out items is taken again. Pairs of parts are not tried, so what one part can stand
in for another does not show.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from transformers import AutoModelForCausalLM, PreTrainedModel

from catalog.places import entries_dir
from verify.anatomy import Anatomy
from verify.fingerprints import files_sha256
from verify.reference.card import write_card
from verify.reference.lists import load_world
from verify.reference.plan import PLANS
from verify.reference.skills import SKILLS, Item, accuracy, items
from verify.reference.tokenizer import Encoding, encoding_of
from verify.reference.world import Documents

SEED = 303
"""Seed of the items: neither those of training nor those of its report."""


@contextmanager
def silenced(anatomy: Anatomy, part: str) -> Iterator[None]:
    """The model with one part's output set to zero: ``1.5`` a head, ``mlp 2`` an MLP."""
    if part.startswith("mlp "):
        module = anatomy.blocks[int(part.removeprefix("mlp "))].get_submodule("mlp")
        handle = module.register_forward_hook(lambda _m, _i, output: torch.zeros_like(output))
    else:
        layer, head = (int(number) for number in part.split("."))
        columns = slice(head * anatomy.head_width, (head + 1) * anatomy.head_width)

        def silence(_: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
            changed = args[0].clone()
            changed[..., columns] = 0
            return (changed,)

        name = "self_attn.o_proj" if anatomy.model.config.model_type == "llama" else "attn.c_proj"
        projection = anatomy.blocks[layer].get_submodule(name)
        handle = projection.register_forward_pre_hook(silence)
    try:
        yield
    finally:
        handle.remove()


def parts_of(anatomy: Anatomy) -> list[str]:
    """All heads, then all MLPs."""
    heads = [f"{i}.{j}" for i in range(anatomy.layers) for j in range(anatomy.heads)]
    return [*heads, *(f"mlp {layer}" for layer in range(anatomy.layers))]


def ablate(
    model: PreTrainedModel, encoding: Encoding, asked: dict[str, list[Item]]
) -> dict[str, dict[str, float]]:
    """Accuracy by skill, whole (``none``) and with each part silenced."""
    anatomy = Anatomy(model)
    measure: Callable[[], dict[str, float]] = lambda: {  # noqa: E731
        skill: round(accuracy(model, encoding, one).share, 4) for skill, one in asked.items()
    }
    rows = {"none": measure()}
    for part in track(parts_of(anatomy), description="silencing parts"):
        with silenced(anatomy, part):
            rows[part] = measure()
    return {skill: {part: row[skill] for part, row in rows.items()} for skill in asked}


def main() -> None:
    """Measure, and write ``ablations.json`` into the model's folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", choices=list(PLANS), default="llama", help="which model")
    parser.add_argument("--model", type=Path, help="the model's folder, if not the shipped one")
    parser.add_argument("--items", type=int, default=200, help="held-out items of each skill")
    chosen = parser.parse_args()
    folder = chosen.model or Path(__file__).parent / chosen.family
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    )
    model.eval()
    world = load_world(entries_dir())
    encoding = encoding_of(folder)
    documents = Documents(world, encoding)
    asked = {skill: items(skill, documents, chosen.items, SEED) for skill in SKILLS}
    report = {
        "weights_sha256": files_sha256(folder.glob("*.safetensors")),
        "items": chosen.items,
        "seed": SEED,
        "accuracy": ablate(model, encoding, asked),
    }
    partial = folder / "ablations.json.partial"
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / "ablations.json")
    write_card(folder)


if __name__ == "__main__":
    main()
