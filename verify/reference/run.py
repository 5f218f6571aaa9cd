"""One training run of a reference model: its steps and phases, its state, and what it writes."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers

from catalog.places import entries_dir
from verify.reference.card import write_card
from verify.reference.lists import WORLD_VERSION, load_world, split_words
from verify.reference.loss import mean_loss, predictions
from verify.reference.mixtures import mixtures
from verify.reference.optimizers import optimizers_of, values_of
from verify.reference.phases import Phases
from verify.reference.plan import POSITIONS, QUERIES_AND_KEYS, Plan
from verify.reference.skills import SKILLS, accuracy, items, prose_loss
from verify.reference.tokenizer import save_tokenizer
from verify.reference.untrained import new_encoding, new_model
from verify.reference.world import Documents

PROBE_SEED = 101
"""Seed of the items that are asked during training."""
PROBE_ITEMS = 32
"""Items of each skill that are asked during training."""
REPORT_SEED = 202
"""Seed of the items of the final report."""
PROBE_DOCUMENTS = 64
"""Documents of the last phase's mixture that the loss is measured on, always the same."""


class Run:
    """One training run: model, optimizer, log, checkpoints."""

    def __init__(
        self,
        plan: Plan,
        checkpoint: Path,
        say: Callable[[str], None],
        snapshots: Path | None = None,
        device: str = "cpu",
    ) -> None:
        self.plan = plan
        self.checkpoint = checkpoint
        self.snapshots = snapshots
        self.say = say
        self.world = load_world(entries_dir())
        self.encoding = new_encoding(plan, self.world)
        self.docs = Documents(self.world, self.encoding, mixtures(plan.first_repeats))
        self.device = torch.device(device)
        self.model = new_model(plan, self.encoding)
        torch.nn.Module.to(self.model, self.device)
        self.optimizers = optimizers_of(self.model, plan)
        self.step = 0
        self.phases = Phases(plan)
        self.log: list[dict[str, Any]] = []
        self.probes = {skill: items(skill, self.docs, PROBE_ITEMS, PROBE_SEED) for skill in SKILLS}
        self.probe_batch = self.docs.batch(
            PROBE_SEED, 0, PROBE_DOCUMENTS, plan.length, 1.0, "later"
        )

    def train(self, probe_every: int = 800, save_every: int = 200) -> None:
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
                    f"copying {self.phases.copying:.2f}  names {self.phases.selecting:.2f}  "
                    f"curriculum {self.phases.curriculum:.0%}  "
                    f"{speed:,.0f} tokens/s  {left / 60:.1f} min left"
                )
            kept = self.snapshots is not None and self.step in plan.snapshot_steps
            if kept or self.step % probe_every == 0 or self.step == plan.steps:
                self._probe(float(np.mean(losses)))
                losses = []
            if self.snapshots is not None and kept:
                self._write_snapshot(self.snapshots / f"step-{self.step:06}")
            if self.step % save_every == 0:
                self.save()

    def _one_step(self) -> float:
        plan, phases, phase = self.plan, self.phases, self.phases.phase
        count, length = plan.shape(self.step)
        batch = self.docs.batch(
            plan.seed,
            self.step,
            count,
            length,
            phases.curriculum,
            phase,
            near_subjects=phases.near_subjects,
            left_out=phases.left_out(self.step),
            several_blocks=plan.several_blocks * phases.curriculum,
        )
        tokens = torch.from_numpy(batch.tokens).to(self.device)
        weights, copied, names = (
            torch.from_numpy(marks[:, 1:]).to(self.device)
            for marks in (batch.weights, batch.copied, batch.indirect_objects)
        )
        if phase == "first":
            weights = weights.masked_fill(names, 0)
        rate = plan.rate(self.step, phases.starts.get("later"))
        for optimizer, highest in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = highest * rate
        self._choose_trained(phase)
        asked = weights > 0
        losses, right = predictions(self.model, tokens, asked)
        weights, copied, names = weights[asked], copied[asked], names[asked]
        if phase == "attention" and bool(names.any()):
            loss = losses[names].mean() + mean_loss(losses[~names], weights[~names])
        else:
            loss = mean_loss(losses, weights)
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        self._update(phase)
        if bool(copied.any()):
            phases.copied(float(right[copied].float().mean()))
        if bool(names.any()):
            phases.selected(float(right[names].float().mean()))
        begun = phases.move_on(self.step)
        if begun:
            self.say(f"  {begun}")
        return float(losses.detach().mean())

    def _choose_trained(self, phase: str) -> None:
        """In the attention phase, queries, keys and learned positions alone have gradients."""
        for name, weight in self.model.named_parameters():
            mixed = ".c_attn." in name
            positions = name.endswith(POSITIONS)
            chosen = phase != "attention" or mixed or positions or name.endswith(QUERIES_AND_KEYS)
            weight.requires_grad_(chosen)

    def _update(self, phase: str) -> None:
        """One step of the optimizers; where only queries and keys are trained, values are put back.

        They are one matrix with them in some models, which an optimizer moves as a whole.
        """
        fixed = values_of(self.model) if phase == "attention" else []
        torch.nn.utils.clip_grad_norm_(
            [p for p in self.model.parameters() if p.grad is not None], self.plan.clip
        )
        for optimizer, _ in self.optimizers:
            optimizer.step()
        for part, before in fixed:
            part.copy_(before)

    @torch.no_grad()
    def _probe(self, loss: float) -> None:
        self.model.train(False)
        tokens = torch.from_numpy(self.probe_batch.tokens).to(self.device)
        asked = torch.from_numpy(self.probe_batch.weights[:, 1:] > 0).to(self.device)
        fixed = float(predictions(self.model, tokens, asked)[0].mean())
        shares = {
            skill: round(accuracy(self.model, self.encoding, probe).share, 4)
            for skill, probe in self.probes.items()
        }
        self.model.train()
        read = self.step * self.plan.batch * self.plan.length
        self.log.append(
            {
                "step": self.step,
                "tokens": read,
                "loss": round(fixed, 4),
                "training_loss": round(loss, 4),
                "curriculum": round(self.phases.curriculum, 4),
                "accuracy": shares,
            }
        )
        self.say(
            f"  {read / 1e6:.2f} M tokens  loss {fixed:.3f}  "
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
                "phases": self.phases.state(),
                "log": self.log,
                "model": self.model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
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
        for (optimizer, _), saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.log = state["step"], state["log"]
        self.phases = Phases(self.plan, **state["phases"])

    def report(self, count: int) -> dict[str, Any]:
        """What training.json holds: settings, versions, losses and accuracies over tokens."""
        self.model.train(False)
        final: dict[str, Any] = {}
        for skill in SKILLS:
            result = accuracy(
                self.model, self.encoding, items(skill, self.docs, count, REPORT_SEED)
            )
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
            "mixtures": self.docs.mixtures,
            "starts": self.phases.starts,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "vocabulary": len(self.encoding),
            "words_split": round(self._words_split(), 4),
            "tokens": self.step * self.plan.batch * self.plan.length,
            "probe_seed": PROBE_SEED,
            "report_seed": REPORT_SEED,
            "versions": {
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "tokenizers": tokenizers.__version__,
                "numpy": np.__version__,
            },
            "device": self.device.type,
            "final": final,
            "prose_loss": {
                "training": round(self._prose(self.world.training_passages), 4),
                "held-out": round(self._prose(self.world.held_out_passages), 4),
            },
            "log": self.log,
        }

    def _words_split(self) -> float:
        """Share of the world's words that are more than one token after a space."""
        ids = self.encoding.ids([".", *self.world.vocabulary])[1:]
        return sum(len(word) > 1 for word in ids) / len(ids)

    def _prose(self, passages: tuple[str, ...]) -> float:
        return prose_loss(self.model, self.encoding, [split_words(p) for p in passages])

    def _write_snapshot(self, folder: Path) -> None:
        """The weights on the way, and how far the training had come."""
        self._write_weights(folder)
        record = json.dumps(self.log[-1], indent=1) + "\n"
        (folder / "progress.json").write_text(record, encoding="utf-8")

    def _write_weights(self, folder: Path) -> None:
        self.model.save_pretrained(folder, safe_serialization=True)
        save_tokenizer(self.encoding.tokenizer(self.plan.context), folder)

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
