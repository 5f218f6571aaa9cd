"""Train the reference model: ``python -m verify.reference.train --out DIR``.

One core is enough (about a quarter of an hour). On one kind of device and with the same library
versions, the same arguments give the same weights. A run that was stopped goes on from its
last checkpoint with ``--resume``.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

from catalog.places import build_dir, entries_dir
from verify.reference.card import write_card
from verify.reference.lists import WORLD_VERSION, load_world, split_words
from verify.reference.skills import SKILLS, accuracy, items, prose_loss
from verify.reference.tokenizer import BOS, PAD, build_tokenizer, save_tokenizer, token_ids
from verify.reference.world import MIXTURES, Documents

PROBE_SEED = 101
"""Seed of the items that are asked during training."""
REPORT_SEED = 202
"""Seed of the items of the final report."""
NOT_ASKED = -100
"""Target of a word that the loss leaves out."""
QUERIES_AND_KEYS = ("q_proj.weight", "k_proj.weight")
"""How the names of the weights end that are trained in the attention phase."""


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a run produces."""

    tokens: int = 9_500_000
    seed: int = 0
    layers: int = 4
    heads: int = 4
    key_value_heads: int = 2
    head_width: int = 32
    """With 16 dimensions no single head can copy a thousand words."""
    width: int = 128
    mlp_width: int = 32
    """Narrow: behind wide MLPs, and with twice the heads, copying is spread over heads and MLPs so
    that no head's own OV circuit ranks the token it copies first."""
    context: int = 256
    batch: int = 24
    length: int = 128
    learning_rate: float = 2e-3
    """Highest rate of AdamW: from the end of the warm-up until all weights are trained again."""
    later_rate: float = 0.5
    """Learning rate at the start of the last phase, as a share of the highest."""
    last_rate: float = 0.02
    """Learning rate at the end, as a share of the highest."""
    warm_up: int = 200
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 1.0
    curriculum_accuracy: float = 0.7
    """The curriculum moves on while the words of copies are predicted this well."""
    curriculum_steps: int = 500
    """Steps at that accuracy until the curriculum is complete."""
    attention_steps: int = 900
    """Steps after the curriculum in which queries and keys alone are trained.

    Only then are indirect objects asked for. With all weights free, this model learns to copy both
    names and to subtract the subject again behind the head that copies it, which a linear map can
    do; with values and outputs fixed, it has to learn to attend to the right name."""
    snapshots: int = 14
    """Weights kept on the way, at steps that are evenly spaced on a log scale."""
    first_snapshot: int = 20
    """Step of the first of them."""

    @property
    def steps(self) -> int:
        """Optimizer steps; each reads batch x length tokens."""
        return math.ceil(self.tokens / (self.batch * self.length))

    @property
    def snapshot_steps(self) -> tuple[int, ...]:
        """Steps after which the weights are kept, the last step included."""
        low, high = math.log(min(self.first_snapshot, self.steps)), math.log(self.steps)
        points = np.exp(np.linspace(low, high, self.snapshots))
        return tuple(sorted({round(float(point)) for point in points}))

    def phase(self, step: int, ripe_at: int | None) -> str:
        """The phase that a step belongs to, if the curriculum was complete at ``ripe_at``."""
        if ripe_at is None or step < ripe_at:
            return "first"
        return "attention" if step < ripe_at + self.attention_steps else "later"

    def rate(self, step: int, ripe_at: int | None) -> float:
        """Learning rate as a share of the highest: warm-up, constant, in the last phase cosine."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        if ripe_at is None or self.phase(step, ripe_at) != "later":
            return 1.0
        first = ripe_at + self.attention_steps
        done = (step - first) / max(1, self.steps - first)
        cosine = 0.5 * (1 + math.cos(math.pi * done))
        return self.last_rate + (self.later_rate - self.last_rate) * cosine


def new_model(plan: Plan, vocabulary_size: int, ids: dict[str, int]) -> LlamaForCausalLM:
    """The untrained model."""
    torch.manual_seed(plan.seed)
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=plan.width,
        intermediate_size=plan.mlp_width,
        num_hidden_layers=plan.layers,
        num_attention_heads=plan.heads,
        num_key_value_heads=plan.key_value_heads,
        head_dim=plan.head_width,
        max_position_embeddings=plan.context,
        tie_word_embeddings=False,
        bos_token_id=ids[BOS],
        eos_token_id=None,
        pad_token_id=ids[PAD],
        initializer_range=0.02,
        use_cache=True,
    )
    config._attn_implementation = "sdpa"
    return LlamaForCausalLM(config)


class Run:
    """One training run: model, optimizer, log, checkpoints."""

    def __init__(
        self,
        plan: Plan,
        checkpoint: Path,
        say: Callable[[str], None],
        snapshots: Path | None = None,
    ) -> None:
        self.plan = plan
        self.checkpoint = checkpoint
        self.snapshots = snapshots
        self.say = say
        self.world = load_world(entries_dir())
        self.ids = token_ids(self.world.vocabulary)
        self.docs = Documents(self.world, self.ids)
        self.model = new_model(plan, len(self.ids), self.ids)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=plan.learning_rate,
            betas=plan.betas,
            weight_decay=plan.weight_decay,
        )
        self.step = 0
        self.ripe_steps = 0
        self.ripe_at: int | None = None
        """The step at which the curriculum was complete."""
        self.copying = 0.0
        """Moving average of the accuracy on words that continue a copy."""
        self.log: list[dict[str, Any]] = []
        self.probes = {skill: items(skill, self.docs, 128, PROBE_SEED) for skill in SKILLS}

    def train(self, probe_every: int = 160, save_every: int = 320) -> None:
        """Train to the last step of the plan."""
        plan, losses = self.plan, []
        began, first = time.monotonic(), self.step
        while self.step < plan.steps:
            losses.append(self._one_step())
            self.step += 1
            if self.step % 40 == 0:
                speed = (self.step - first) * plan.batch * plan.length / (time.monotonic() - began)
                left = (plan.steps - self.step) * plan.batch * plan.length / speed
                self.say(
                    f"step {self.step}/{plan.steps}  loss {np.mean(losses[-40:]):.3f}  "
                    f"copying {self.copying:.2f}  curriculum {self.ripe:.0%}  "
                    f"{speed:,.0f} tokens/s  {left / 60:.1f} min left"
                )
            if self.step % probe_every == 0 or self.step == plan.steps:
                self._probe(float(np.mean(losses)))
                losses = []
            if self.snapshots is not None and self.step in plan.snapshot_steps:
                self._write_weights(self.snapshots / f"step-{self.step:05}")
            if self.step % save_every == 0:
                self.save()

    @property
    def ripe(self) -> float:
        """How far the curriculum has come, 0 to 1."""
        return min(1.0, self.ripe_steps / self.plan.curriculum_steps)

    def _one_step(self) -> float:
        plan = self.plan
        phase = plan.phase(self.step, self.ripe_at)
        batch = self.docs.batch(plan.seed, self.step, plan.batch, plan.length, self.ripe, phase)
        tokens = torch.from_numpy(batch.tokens)
        wanted, marks = tokens[:, 1:].clone(), torch.from_numpy(batch.copied[:, 1:])
        if phase == "first":
            wanted[torch.from_numpy(batch.indirect_objects[:, 1:])] = NOT_ASKED
        for group in self.optimizer.param_groups:
            group["lr"] = plan.learning_rate * plan.rate(self.step, self.ripe_at)
        logits = self.model(input_ids=tokens, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].reshape(-1, logits.shape[-1]),
            wanted.reshape(-1),
            ignore_index=NOT_ASKED,
        )
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        if phase == "attention":
            for name, weight in self.model.named_parameters():
                if not name.endswith(QUERIES_AND_KEYS):
                    weight.grad = None  # the optimizer leaves it alone
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), plan.clip)
        self.optimizer.step()
        if bool(marks.any()):
            right = (logits[:, :-1].argmax(-1) == tokens[:, 1:])[marks].float().mean()
            self.copying += 0.05 * (float(right) - self.copying)
        if self.copying >= plan.curriculum_accuracy:
            self.ripe_steps += 1
            if self.ripe_at is None and self.ripe == 1.0:
                self.ripe_at = self.step + 1
                self.say("  the curriculum is complete; queries and keys alone are trained")
        return float(loss.detach())

    def _probe(self, loss: float) -> None:
        self.model.train(False)
        shares = {
            skill: round(accuracy(self.model, self.ids, asked).share, 4)
            for skill, asked in self.probes.items()
        }
        self.model.train()
        tokens = self.step * self.plan.batch * self.plan.length
        self.log.append(
            {
                "tokens": tokens,
                "loss": round(loss, 4),
                "curriculum": round(self.ripe, 4),
                "accuracy": shares,
            }
        )
        self.say(
            f"  {tokens / 1e6:.2f} M tokens  "
            + "  ".join(f"{skill} {share:.2f}" for skill, share in shares.items())
        )

    def save(self) -> None:
        """Write a checkpoint, in place of the last one only once it is whole."""
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(
            {
                "plan": asdict(self.plan),
                "world": self.world.hash,
                "step": self.step,
                "ripe_steps": self.ripe_steps,
                "ripe_at": self.ripe_at,
                "copying": self.copying,
                "log": self.log,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            },
            partial,
        )
        partial.replace(self.checkpoint)

    def resume(self) -> None:
        """Go on from the checkpoint.

        Raises:
            ValueError: there is none, or it belongs to another plan or world.
        """
        if not self.checkpoint.is_file():
            raise ValueError(f"no checkpoint at {self.checkpoint}; start without --resume")
        state = torch.load(self.checkpoint, weights_only=True)
        if state["plan"] != asdict(self.plan):
            raise ValueError(f"{self.checkpoint} was made with other settings: {state['plan']}")
        if state["world"] != self.world.hash:
            raise ValueError(f"{self.checkpoint} was made with other word lists; start anew")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.log = state["step"], state["log"]
        self.ripe_steps, self.ripe_at = state["ripe_steps"], state["ripe_at"]
        self.copying = state["copying"]

    def report(self, count: int) -> dict[str, Any]:
        """What training.json holds: settings, versions, losses and accuracies over tokens."""
        self.model.train(False)
        final: dict[str, Any] = {}
        for skill in SKILLS:
            result = accuracy(self.model, self.ids, items(skill, self.docs, count, REPORT_SEED))
            low, high = result.interval
            final[skill] = {
                "accuracy": round(result.share, 4),
                "interval": [round(low, 4), round(high, 4)],
                "items": result.count,
            }
        return {
            "world_version": WORLD_VERSION,
            "world_hash": self.world.hash,
            "plan": asdict(self.plan),
            "mixtures": MIXTURES,
            "ripe_at": self.ripe_at,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "vocabulary": len(self.ids),
            "tokens": self.step * self.plan.batch * self.plan.length,
            "probe_seed": PROBE_SEED,
            "report_seed": REPORT_SEED,
            "versions": {
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "tokenizers": tokenizers.__version__,
                "numpy": np.__version__,
            },
            "device": "cpu",
            "final": final,
            "prose_loss": {
                "training": round(self._prose(self.world.training_passages), 4),
                "held-out": round(self._prose(self.world.held_out_passages), 4),
            },
            "log": self.log,
        }

    def _prose(self, passages: tuple[str, ...]) -> float:
        return prose_loss(self.model, self.ids, [split_words(p) for p in passages])

    def _write_weights(self, folder: Path) -> None:
        self.model.save_pretrained(folder, safe_serialization=True)
        save_tokenizer(build_tokenizer(self.world.vocabulary, self.plan.context), folder)

    def write(self, out: Path, count: int = 1000) -> None:
        """Write the model folder; files are made beside it and moved in one by one."""
        partial = out.with_name(out.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        self._write_weights(partial)
        report = json.dumps(self.report(count), indent=1) + "\n"
        (partial / "training.json").write_text(report, encoding="utf-8")
        write_card(partial)
        out.mkdir(parents=True, exist_ok=True)
        for path in sorted(partial.iterdir()):
            path.replace(out / path.name)
        partial.rmdir()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    """Train and write the model folder."""
    parser = argparse.ArgumentParser(prog="python -m verify.reference.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--tokens", type=int, default=Plan.tokens, help="tokens to train on")
    parser.add_argument("--layers", type=int, default=Plan.layers)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        default=build_dir() / "reference" / "checkpoint.pt",
        help="where the run's state is kept",
    )
    parser.add_argument(
        "--snapshots", type=Path, help="folder for the weights on the way (none if not given)"
    )
    given = parser.parse_args(arguments)

    torch.set_num_threads(given.threads)
    torch.use_deterministic_algorithms(True)
    plan = Plan(tokens=given.tokens, layers=given.layers, seed=given.seed)
    run = Run(plan, given.checkpoint, _say, given.snapshots)
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
