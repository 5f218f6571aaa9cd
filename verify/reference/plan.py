"""What decides a training run of a reference model: sizes, rates, curricula."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

QUERIES_AND_KEYS = ("q_proj.weight", "k_proj.weight")
"""How the names of the weights end that are trained in the attention phase."""
POSITIONS = "wpe.weight"
"""How the name of learned positions ends, which are trained with them."""
EARLIER_NAMES = {
    "first_waves": "position_waves",
    "fresh": "several_blocks",
    "short": "left_out",
    "short_until": "left_out_until",
}
"""What fields of a plan were called when the models were trained that are shipped: their
``training.json``, which evidence of their weights goes back to, has the earlier names."""


def named_now(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of a ``training.json``, old or new, by the names that fields have now."""
    return {EARLIER_NAMES.get(name, name): value for name, value in plan.items()}


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
    position_waves: float | None = None
    """Height of the sines and cosines of the position that learned positions start as; None: they
    start at random. One step back is then the same turn at every position."""
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
    several_blocks: float = 0.0
    """Share of the documents of repeats in which one block follows another, once the curriculum is
    complete; it grows with it. With half of them from the first step on, copying was not learned in
    1,200 steps; without, it took 750.

    Where one block fills a document, every copy can be read off the first, and heads have to know
    what the token before was at early positions alone. Later learned positions
    are then hardly trained, and whatever needs a previous-token head fails at them."""
    curriculum_accuracy: float = 0.7
    """The curriculum moves on while the words of copies are predicted this well."""
    curriculum_steps: int = 400
    """Steps at that accuracy until the curriculum is complete."""
    selection_accuracy: float = 0.9
    """The attention phase, in which queries, keys and learned positions alone are trained, lasts
    until indirect objects are predicted this well.

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
    left_out: float = 0.5
    """How often words between a key and its value are left out as the last phase begins, in lists,
    facts and needles alike, where they are told and where they are asked for, each time anew.

    A value is found again by what stands two or more words before it: a first-layer head has to
    bring it there, and a later one to look for it. Where nothing stands between, in one of the two
    places, induction heads can do one half of this, and the other half is of use by itself. Without
    it the Llama model of world 4 recalled what stands right behind its key and nothing else."""
    left_out_until: float = 0.5
    """Share of the last phase in which this falls to what it stays at."""
    snapshots: int = 16
    """Weights kept on the way, at steps that are evenly spaced on a log scale."""
    first_snapshot: int = 50
    """Step of the first of them."""

    def __post_init__(self) -> None:
        for name in ("curriculum_steps", "near_steps", "left_out_until"):
            if getattr(self, name) <= 0:  # each divides how far a curriculum has come
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
        if self.position_waves is not None and self.width % 2:
            raise ValueError(f"sines and cosines of positions need an even width: {self.width}")

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
        tokens=18_000_000,
        matrix_rate=4e-3,
        matrices=QUERIES_AND_KEYS,
        copying_rate=1e-3,
        copying_decay=0.1,
        embedding_scale=0.1,
        first_repeats=0.7,
    ),
    "gpt2": Plan(
        family="gpt2",
        tokens=16_000_000,
        key_value_heads=4,
        mlp_width=64,
        matrix_rate=4e-3,
        copying_rate=1e-3,
        embedding_scale=0.1,
        attention_steps=1000,
        long_every=2,
        position_waves=0.1,
        several_blocks=0.6,
        curriculum_steps=2000,
    ),
}
"""What the shipped models are trained by."""
