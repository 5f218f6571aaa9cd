"""Train a reference model: ``python -m verify.reference.train --family llama --out DIR``.

One core is enough (well under an hour); a GPU is used if there is one. On one kind of device and
with the same library versions, the same arguments give the same weights. A run that was stopped
goes on from its last state with ``--resume``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from catalog.places import build_dir, entries_dir
from verify.reference.card import write_card
from verify.reference.lists import WORLD_VERSION, World, load_world, split_words
from verify.reference.muon import Muon
from verify.reference.skills import SKILLS, accuracy, items, prose_loss
from verify.reference.tokenizer import (
    BytePairEncoding,
    Encoding,
    WordEncoding,
    save_tokenizer,
)
from verify.reference.world import MIXTURES, NEAR, OF_POOL, Documents, mixtures

PROBE_SEED = 101
"""Seed of the items that are asked during training."""
PROBE_ITEMS = 32
"""Items of each skill that are asked during training."""
REPORT_SEED = 202
"""Seed of the items of the final report."""
PROBE_DOCUMENTS = 64
"""Documents of the last phase's mixture that the loss is measured on, always the same."""
ENCODING_DOCUMENTS = {
    "indirect-object": 300,
    "years": 400,
    "facts": 240,
    "series": 120,
    "recall": 120,
}
OTHER_ENCODING_DOCUMENTS = 60
"""Documents of each kind of text that byte pairs are learned from. Names, numbers and members of
series come often enough to be whole; half of the words of the world are split."""
EMBEDDING_SCALE = 0.02
"""Standard deviation that weights are drawn with."""
QUERIES_AND_KEYS = ("q_proj.weight", "k_proj.weight")
"""How the names of the weights end that are trained in the attention phase."""
VALUES_AND_OUTPUTS = ("v_proj.weight", "o_proj.weight")
"""The same of those that have a rate of their own where the plan gives one."""


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a run produces."""

    family: str = "llama"
    """``llama`` (rotary positions, RMSNorm, grouped queries; reads words) or ``gpt2`` (learned
    positions, LayerNorm, a key and a value for each head; reads byte-level pairs)."""
    tokens: int = 8_500_000
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
    batch: int = 12
    length: int = 128
    long_every: int = 4
    """Every so many steps read half as many documents of twice the length."""
    learning_rate: float = 2e-3
    """Highest rate of AdamW: from the end of the warm-up until all weights are trained again."""
    matrix_rate: float | None = None
    """The same of Muon for the matrices of the layers; None: AdamW trains them too."""
    matrices: tuple[str, ...] | None = None
    """How the names of the weights end that Muon trains; None: all matrices of the layers."""
    copying_rate: float | None = None
    """The same for the values and outputs of heads; None: as for other weights. It is that of
    AdamW where they are matrices of their own, and of Muon where they are parts of others.

    At the rates of the others, first-layer heads soon write ten times as much as a token's
    embedding, and later heads copy from what those wrote: from no fixed code of the token. Slow
    values and outputs leave the embedding the larger part of the stream, and a head's own OV
    circuit then says what it copies."""
    copying_decay: float = 0.01
    """Weight decay of values and outputs that AdamW trains at a rate of their own."""
    embedding_scale: float = 0.02
    """Standard deviation of token embeddings before training."""
    later_rate: float = 0.5
    """Learning rate at the start of the last phase, as a share of the highest."""
    last_rate: float = 0.02
    """Learning rate at the end, as a share of the highest."""
    warm_up: int = 100
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 1.0
    first_repeats: float = 0.46
    """Share of repeats among the documents of the first phase."""
    curriculum_accuracy: float = 0.7
    """The curriculum moves on while the words of copies are predicted this well."""
    curriculum_steps: int = 400
    """Steps at that accuracy until the curriculum is complete."""
    selection_accuracy: float = 0.9
    """The attention phase, in which queries and keys alone are trained, lasts until indirect
    objects are predicted this well.

    It follows the curriculum, and only then are indirect objects asked for; their names count as
    much as all other words together. With all weights free,
    this model learns to copy both names and to subtract the subject again behind the head that
    copies it, which a linear map can do; with values and outputs fixed, it has to learn to attend
    to the right name."""
    attention_steps: int = 1600
    """The most steps of that phase."""
    near_accuracy: float = 0.65
    """The phase has a curriculum of its own: it begins with sentences whose subject stands right
    before the end, where a previous-token head has brought it, and goes on to the others while
    indirect objects are predicted this well.

    Where the subject stands farther away, a first-layer head has to fetch it and a later one to
    avoid it; as long as there is neither, neither is of use, and models stay at one half."""
    near_steps: int = 300
    """Steps at that accuracy until the curriculum is complete."""
    snapshots: int = 16
    """Weights kept on the way, at steps that are evenly spaced on a log scale."""
    first_snapshot: int = 50
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

    def shape(self, step: int) -> tuple[int, int]:
        """Documents of a step, and tokens of each."""
        if step % self.long_every == self.long_every - 1:
            return self.batch // 2, 2 * self.length
        return self.batch, self.length

    def rate(self, step: int, later_from: int | None) -> float:
        """Learning rate as a share of the highest: warm-up, constant, in the last phase cosine."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        if later_from is None:
            return 1.0
        done = (step - later_from) / max(1, self.steps - later_from)
        cosine = 0.5 * (1 + math.cos(math.pi * done))
        return self.last_rate + (self.later_rate - self.last_rate) * cosine


PLANS = {
    "llama": Plan(
        tokens=10_000_000,
        matrix_rate=4e-3,
        matrices=QUERIES_AND_KEYS,
        copying_rate=1e-3,
        copying_decay=0.1,
        embedding_scale=0.1,
        first_repeats=0.7,
    ),
    "gpt2": Plan(
        family="gpt2",
        tokens=9_500_000,
        key_value_heads=4,
        mlp_width=64,
        matrix_rate=4e-3,
        copying_rate=1e-3,
        embedding_scale=0.1,
        attention_steps=1000,
    ),
}
"""What the shipped models are trained by."""


def new_model(plan: Plan, encoding: Encoding) -> PreTrainedModel:
    """The untrained model.

    Raises:
        ValueError: no such family.
    """
    torch.manual_seed(plan.seed)
    config: LlamaConfig | GPT2Config
    if plan.family == "llama":
        config = LlamaConfig(
            vocab_size=len(encoding),
            hidden_size=plan.width,
            intermediate_size=plan.mlp_width,
            num_hidden_layers=plan.layers,
            num_attention_heads=plan.heads,
            num_key_value_heads=plan.key_value_heads,
            head_dim=plan.head_width,
            max_position_embeddings=plan.context,
            tie_word_embeddings=False,
            bos_token_id=encoding.bos,
            eos_token_id=None,
            pad_token_id=encoding.pad,
            initializer_range=EMBEDDING_SCALE,
            use_cache=True,
        )
        config._attn_implementation = "sdpa"
        llama = LlamaForCausalLM(config)
        with torch.no_grad():
            llama.model.embed_tokens.weight.mul_(plan.embedding_scale / EMBEDDING_SCALE)
        return llama
    if plan.family == "gpt2":
        config = GPT2Config(
            vocab_size=len(encoding),
            n_positions=plan.context,
            n_embd=plan.width,
            n_layer=plan.layers,
            n_head=plan.heads,
            n_inner=plan.mlp_width,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            tie_word_embeddings=False,
            bos_token_id=encoding.bos,
            eos_token_id=None,
            pad_token_id=encoding.pad,
        )
        config._attn_implementation = "sdpa"
        gpt2 = GPT2LMHeadModel(config)
        with torch.no_grad():
            gpt2.transformer.wte.weight.mul_(plan.embedding_scale / EMBEDDING_SCALE)
        return gpt2
    raise ValueError(f"no plan for the family {plan.family!r}; known are {', '.join(PLANS)}")


def new_encoding(plan: Plan, world: World) -> Encoding:
    """How the model reads text: GPT-2's pairs are learned from documents of the generator."""
    words = WordEncoding(world.vocabulary)
    if plan.family == "llama":
        return words
    docs, rng = Documents(world, words), np.random.default_rng(plan.seed)
    kinds = sorted(set(MIXTURES["later"]) - OF_POOL)
    return BytePairEncoding.learned(
        [
            docs.document(rng, kind, plan.context).words[1:]
            for kind in kinds
            for _ in range(ENCODING_DOCUMENTS.get(kind, OTHER_ENCODING_DOCUMENTS))
        ]
    )


def optimizers_of(model: PreTrainedModel, plan: Plan) -> list[tuple[torch.optim.Optimizer, float]]:
    """AdamW; where the plan has a rate for it, Muon for matrices of the layers.

    Each with its highest learning rate.
    """
    matrices: list[tuple[torch.nn.Parameter, tuple[float, ...]]] = []
    copying: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, weight in model.named_parameters():
        inside = weight.ndim == 2 and (".layers." in name or ".h." in name)
        chosen = plan.matrices is None or name.endswith(plan.matrices)
        if plan.matrix_rate is not None and inside and chosen:
            slow = 1.0 if plan.copying_rate is None else plan.copying_rate / plan.matrix_rate
            mixed, output = ".c_attn." in name, name.endswith("attn.c_proj.weight")
            matrices.append((weight, (1.0, 1.0, slow) if mixed else (slow if output else 1.0,)))
        elif plan.copying_rate is not None and name.endswith(VALUES_AND_OUTPUTS):
            copying.append(weight)
        else:
            others.append(weight)

    def adam(weights: list[torch.nn.Parameter], rate: float, decay: float) -> torch.optim.AdamW:
        return torch.optim.AdamW(weights, lr=rate, betas=plan.betas, weight_decay=decay, fused=True)

    made: list[tuple[torch.optim.Optimizer, float]] = []
    if plan.matrix_rate is not None:
        made.append((Muon(matrices, plan.matrix_rate), plan.matrix_rate))
    made.append((adam(others, plan.learning_rate, plan.weight_decay), plan.learning_rate))
    if copying and plan.copying_rate is not None:
        made.append((adam(copying, plan.copying_rate, plan.copying_decay), plan.copying_rate))
    return made


def values_of(model: PreTrainedModel) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Where queries, keys and values are one matrix: the part of the values, and a copy of it."""
    parts = [
        weight.detach()[..., 2 * (weight.shape[-1] // 3) :]
        for name, weight in model.named_parameters()
        if ".c_attn." in name
    ]
    return [(part, part.clone()) for part in parts]


def predictions(
    model: PreTrainedModel, tokens: torch.Tensor, asked: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy in nats, and whether the guess was right, of the tokens that are asked for.

    Args:
        model: the model.
        tokens: [documents, tokens].
        asked: [documents, tokens - 1]; whether the token after each is asked for. The logits of
            others are not computed.
    """
    hidden = model.base_model(input_ids=tokens, use_cache=False).last_hidden_state
    logits = model.get_output_embeddings()(hidden[:, :-1][asked])
    wanted = tokens[:, 1:][asked]
    losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
    return losses, logits.detach().argmax(-1) == wanted


def _mean(losses: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean of the losses by weight; 0 if there are none."""
    return (losses * weights).sum() / weights.sum().clamp(min=1e-6)


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
        self.ripe_steps = 0
        self.near_steps = 0
        self.starts: dict[str, int] = {"first": 0}
        """The step with which each phase began, as far as the run has come."""
        self.copying = 0.0
        """Moving average of the accuracy on words that continue a copy."""
        self.selecting = 0.0
        """The same on names that end an indirect-object sentence, from the attention phase on."""
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
                    f"copying {self.copying:.2f}  names {self.selecting:.2f}  "
                    f"curriculum {self.ripe:.0%}  "
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

    @property
    def ripe(self) -> float:
        """How far the curriculum has come, 0 to 1."""
        return min(1.0, self.ripe_steps / self.plan.curriculum_steps)

    @property
    def near(self) -> float:
        """Share of the indirect-object sentences whose subject stands right before the end."""
        if self.phase != "attention":
            return NEAR
        return max(NEAR, 1 - self.near_steps / self.plan.near_steps)

    @property
    def phase(self) -> str:
        """The phase that the run is in: first, attention or later."""
        return list(self.starts)[-1]

    def _one_step(self) -> float:
        plan, phase = self.plan, self.phase
        count, length = plan.shape(self.step)
        batch = self.docs.batch(plan.seed, self.step, count, length, self.ripe, phase, self.near)
        tokens = torch.from_numpy(batch.tokens).to(self.device)
        weights, copied, names = (
            torch.from_numpy(marks[:, 1:]).to(self.device)
            for marks in (batch.weights, batch.copied, batch.indirect_objects)
        )
        if phase == "first":
            weights = weights.masked_fill(names, 0)
        rate = plan.rate(self.step, self.starts.get("later"))
        for optimizer, highest in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = highest * rate
        self._choose_trained(phase)
        asked = weights > 0
        losses, right = predictions(self.model, tokens, asked)
        weights, copied, names = weights[asked], copied[asked], names[asked]
        if phase == "attention" and bool(names.any()):
            loss = losses[names].mean() + _mean(losses[~names], weights[~names])
        else:
            loss = _mean(losses, weights)
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        self._update(phase)
        if bool(copied.any()):
            self.copying += 0.05 * (float(right[copied].float().mean()) - self.copying)
        if bool(names.any()):
            self.selecting += 0.05 * (float(right[names].float().mean()) - self.selecting)
        self._move_on()
        return float(losses.detach().mean())

    def _choose_trained(self, phase: str) -> None:
        """Queries and keys alone have gradients in the attention phase."""
        for name, weight in self.model.named_parameters():
            mixed = ".c_attn." in name
            chosen = phase != "attention" or mixed or name.endswith(QUERIES_AND_KEYS)
            weight.requires_grad_(chosen)

    def _update(self, phase: str) -> None:
        """One step of the optimizer, in the attention phase on queries and keys alone."""
        fixed = values_of(self.model) if phase == "attention" else []
        torch.nn.utils.clip_grad_norm_(
            [p for p in self.model.parameters() if p.grad is not None], self.plan.clip
        )
        for optimizer, _ in self.optimizers:
            optimizer.step()
        for part, before in fixed:
            part.copy_(before)

    def _move_on(self) -> None:
        """Advance the curriculum and, where it is time, begin the next phase with the next step."""
        plan = self.plan
        if self.copying >= plan.curriculum_accuracy:
            self.ripe_steps += 1
        if self.phase == "first" and self.ripe == 1.0:
            self.starts["attention"] = self.step + 1
            self.say("  attention phase: queries and keys alone are trained")
        elif self.phase == "attention" and self.selecting >= plan.near_accuracy:
            self.near_steps += 1
        if self.phase == "attention" and (
            (self.near == NEAR and self.selecting >= plan.selection_accuracy)
            or self.step + 1 >= self.starts["attention"] + plan.attention_steps
        ):
            self.starts["later"] = self.step + 1
            self.say(f"  last phase: indirect objects at {self.selecting:.2f}")

    @torch.no_grad()
    def _probe(self, loss: float) -> None:
        self.model.train(False)
        tokens = torch.from_numpy(self.probe_batch.tokens).to(self.device)
        asked = torch.from_numpy(self.probe_batch.weights[:, 1:] > 0).to(self.device)
        fixed = float(predictions(self.model, tokens, asked)[0].mean())
        shares = {
            skill: round(accuracy(self.model, self.encoding, asked).share, 4)
            for skill, asked in self.probes.items()
        }
        self.model.train()
        read = self.step * self.plan.batch * self.plan.length
        self.log.append(
            {
                "step": self.step,
                "tokens": read,
                "loss": round(fixed, 4),
                "training_loss": round(loss, 4),
                "curriculum": round(self.ripe, 4),
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
                "ripe_steps": self.ripe_steps,
                "near_steps": self.near_steps,
                "starts": self.starts,
                "copying": self.copying,
                "selecting": self.selecting,
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
        self.ripe_steps, self.near_steps = state["ripe_steps"], state["near_steps"]
        self.starts = state["starts"]
        self.copying, self.selecting = state["copying"], state["selecting"]

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
            "starts": self.starts,
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
