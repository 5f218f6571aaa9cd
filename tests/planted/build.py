"""From logical coordinates to GPT-2 and Llama weights, with the norms neutralised.

*GPT-2*: the residual stream is ``[x, -x, 0.., C, -C]``. Its mean is 0 and its variance is 2 C^2 / D
up to |x|^2 / C^2 = 1e-5, so LayerNorm divides by a constant, and its gain multiplies by the same.
*Llama*: ``[x, 0.., C]``, and RMSNorm divides by C / sqrt(D). The constants are part of the *token*
embedding, so that they are there whether or not a position is added, and they read as 1 after every
norm: the logical constant coordinate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tests.planted.space import (
    HEAD_SIZE,
    ROPE_BASE,
    Family,
    FirstMLP,
    Group,
    Space,
    position_code,
)
from tests.planted.words import CONTEXT, Array, tokenizer

HEADS = 6
GROUPS = HEADS // 2
WIDTH = HEADS * HEAD_SIZE
_INNER = 32
"""Width of the MLPs, which are zero but for a first MLP that is asked for."""
CLASSIC = (
    "previous-token",
    "positional",
    "induction",
    "duplicate-token",
    "attention-sink",
    "name-mover",
    "copy-suppression",
    "successor",
)
"""The types whose heads are also read off by definition, in every model, without the verifier."""
HEAD_TYPES = (
    *CLASSIC,
    "active-dormant",
    "anti-induction",
    "apostrophe-head",
    "argument-mover",
    "block-head",
    "cmr-like",
    "concept-induction",
    "constant-head",
    "content-gatherer",
    "context-head",
    "core-head",
    "correct-head",
    "correct-letter-head",
    "decision-head",
    "delimiter-head",
    "detection-head",
    "diagonal-head",
    "direct-sentiment-head",
    "evaluator-head",
    "forerunner-head",
    "gendered-pronoun",
    "global-retrieval",
    "greater-than",
    "important-head",
    "indicator-head",
    "interrogation-head",
    "letter-mover",
    "local-context-head",
    "local-head",
    "memory-head",
    "middle-term-suppression",
    "mixed-head",
    "mover",
    "n-gram",
    "negative-head",
    "negative-name-mover",
    "past-tense-head",
    "qr-head",
    "rare-words-head",
    "relation-head",
    "relation-propagation",
    "retrieval-head",
    "s-inhibition",
    "select-and-copy",
    "self-suppressing-similar-token",
    "semantic-retrieval-head",
    "sentiment-summarizer",
    "single-letter-head",
    "skip-trigram",
    "source-translation-head",
    "streaming-head",
    "subject-head",
    "subject-head-roles",
    "subword-merge",
    "summary-reader",
    "syntactic",
    "value-fetcher",
    "vulnerable-head",
)
_C = 1000.0
_LINEAR = 12.0
"""Bias at which GELU and SiLU are the identity (times a constant) to better than 1e-4."""


@dataclass(frozen=True)
class Impostor:
    """A head that nearly is of the type ``imitates``, and ``why`` it is not."""

    head: str
    imitates: str
    why: str


@dataclass(frozen=True)
class Planted:
    """A model with known heads. ``heads`` has all of HEAD_TYPES; most are empty in most models."""

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    family: Family
    heads: dict[str, set[str]]
    impostors: list[Impostor]

    def save(self, folder: Path) -> Path:
        """Write model (safetensors) and tokenizer; returns the folder."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        return folder

    def imitating(self, head_type: str) -> list[Impostor]:
        """The impostors of one type."""
        return [impostor for impostor in self.impostors if impostor.imitates == head_type]


def plant(
    name: str,
    space: Space,
    *,
    embedding: Array,
    unembedding: Array,
    layers: Sequence[Sequence[Group]],
    heads: dict[str, set[str]],
    impostors: list[Impostor],
    first_mlp: FirstMLP | None = None,
    words: PreTrainedTokenizerFast | None = None,
) -> Planted:
    """Build the model of a family from its logical description.

    ``words`` is the tokenizer, that of all planted models if None.
    ``embedding`` and ``unembedding`` are (tokens, n). A layer is up to three groups of two heads;
    the rest of it is idle.

    Raises:
        ValueError: if the blocks do not fit the width or a layer has more than three groups.
    """
    if any(len(layer) > GROUPS for layer in layers):
        raise ValueError(f"a layer has {GROUPS} groups of two heads")
    needed = 2 * space.size + 2 if space.family == "gpt2" else space.size + 1
    if needed > WIDTH:
        raise ValueError(f"the blocks need a width of {needed}, the models have {WIDTH}")
    config = _config(space.family, len(embedding), len(layers))
    weights = _Weights(space, config.hidden_size)
    filled = [[*layer, *[space.idle()] * (GROUPS - len(layer))] for layer in layers]
    state = weights.state(embedding, unembedding, filled, first_mlp)
    model = _empty(config)
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    assert expected == {key: value.shape for key, value in state.items()}
    model.load_state_dict({k: torch.tensor(v, dtype=torch.float32) for k, v in state.items()})
    return Planted(
        name=name,
        model=model.eval(),
        tokenizer=words or tokenizer(),
        family=space.family,
        heads={head_type: heads.get(head_type, set()) for head_type in HEAD_TYPES},
        impostors=impostors,
    )


def random_twin(planted: Planted, seed: int) -> Planted:
    """The same architecture with its default random initialisation: it has none of the heads."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = type(planted.model)(planted.model.config)
    return Planted(
        name=f"{planted.name}-random-{seed}",
        model=model.eval(),
        tokenizer=planted.tokenizer,
        family=planted.family,
        heads={head_type: set() for head_type in HEAD_TYPES},
        impostors=[],
    )


def _config(family: Family, tokens: int, layers: int) -> GPT2Config | LlamaConfig:
    if family == "gpt2":
        return GPT2Config(
            vocab_size=tokens,
            n_positions=CONTEXT,
            n_embd=WIDTH,
            n_layer=layers,
            n_head=HEADS,
            n_inner=_INNER,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=2,
            tie_word_embeddings=False,
        )
    return LlamaConfig(
        vocab_size=tokens,
        hidden_size=WIDTH,
        intermediate_size=_INNER,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        num_key_value_heads=GROUPS,
        head_dim=HEAD_SIZE,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_BASE},
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=2,
        tie_word_embeddings=False,
    )


def _empty(config: GPT2Config | LlamaConfig) -> PreTrainedModel:
    with torch.random.fork_rng(devices=[]):
        if isinstance(config, GPT2Config):
            return GPT2LMHeadModel(config)
        return LlamaForCausalLM(config)


class _Weights:
    """Places logical matrices into the physical coordinates of one family."""

    def __init__(self, space: Space, width: int) -> None:
        self.gpt2 = space.family == "gpt2"
        self.n = space.size
        self.width = width
        self.space = space

    def tokens(self, table: Array) -> Array:
        """(tokens, n) logical rows -> embedding rows, constants included."""
        physical = self.added(table)
        physical[:, -1] = -_C if self.gpt2 else _C
        if self.gpt2:
            physical[:, -2] = _C
        return physical

    def added(self, matrix: Array) -> Array:
        """(m, n) something written to the stream -> (m, width)."""
        physical = np.zeros((len(matrix), self.width))
        physical[:, : self.n] = matrix
        if self.gpt2:
            physical[:, self.n : 2 * self.n] = -matrix
        return physical

    def reading(self, matrix: Array) -> Array:
        """(n + 1, m) or (n, m) something read from a norm's output -> (width, m)."""
        physical = np.zeros((self.width, matrix.shape[1]))
        physical[: self.n] = matrix[: self.n]
        if len(matrix) > self.n:
            physical[-2 if self.gpt2 else -1] = matrix[self.n]
        return physical

    def gain(self) -> Array:
        """The norm's gain: x reads as x and the constant as 1."""
        factor = _C * np.sqrt((2 if self.gpt2 else 1) / self.width)
        gain = np.full(self.width, factor)
        gain[-2 if self.gpt2 else -1 :] = factor / _C
        return gain

    def state(
        self,
        embedding: Array,
        unembedding: Array,
        layers: Sequence[Sequence[Group]],
        first_mlp: FirstMLP | None,
    ) -> dict[str, Array]:
        """The state dict."""
        body = "transformer" if self.gpt2 else "model"
        state = {"lm_head.weight": self.reading(unembedding.T).T}
        if self.gpt2:
            positions = self.space.rows(CONTEXT, position=position_code())
            state |= {
                "transformer.wte.weight": self.tokens(embedding),
                "transformer.wpe.weight": self.added(positions),
                "transformer.ln_f.weight": self.gain(),
                "transformer.ln_f.bias": np.zeros(self.width),
            }
        else:
            state |= {
                "model.embed_tokens.weight": self.tokens(embedding),
                "model.norm.weight": self.gain(),
            }
        for index, groups in enumerate(layers):
            mlp = first_mlp if index == 0 else None
            made = self._gpt2_layer(groups, mlp) if self.gpt2 else self._llama_layer(groups, mlp)
            where = f"{body}.{'h' if self.gpt2 else 'layers'}.{index}"
            state |= {f"{where}.{name}": value for name, value in made.items()}
        return state

    def _queries(self, groups: Sequence[Group]) -> list[Array]:
        """Scaled up, because attention divides scores by the root of the head size."""
        return [self.reading(head.query) * np.sqrt(HEAD_SIZE) for g in groups for head in g.heads]

    def _gpt2_layer(self, groups: Sequence[Group], mlp: FirstMLP | None) -> dict[str, Array]:
        keys = [self.reading(group.key) for group in groups for _ in group.heads]
        values = [self.reading(group.value) for group in groups for _ in group.heads]
        outputs = [self.added(head.output) for group in groups for head in group.heads]
        first, bias = np.zeros((self.width, _INNER)), np.zeros(_INNER)
        second = np.zeros((_INNER, self.width))
        if mlp is not None:
            rank = mlp.read.shape[1]
            first[:, :rank], bias[:rank] = self.reading(mlp.read), _LINEAR
            second[:rank] = self.added(mlp.write)
        norms = {
            f"{norm}.{part}": self.gain() if part == "weight" else np.zeros(self.width)
            for norm in ("ln_1", "ln_2")
            for part in ("weight", "bias")
        }
        return norms | {
            "attn.c_attn.weight": np.concatenate([*self._queries(groups), *keys, *values], axis=1),
            "attn.c_attn.bias": np.zeros(3 * self.width),
            "attn.c_proj.weight": np.concatenate(outputs, axis=0),
            "attn.c_proj.bias": np.zeros(self.width),
            "mlp.c_fc.weight": first,
            "mlp.c_fc.bias": bias,
            "mlp.c_proj.weight": second,
            "mlp.c_proj.bias": -bias @ second,
        }

    def _llama_layer(self, groups: Sequence[Group], mlp: FirstMLP | None) -> dict[str, Array]:
        keys = [self.reading(group.key) for group in groups]
        values = [self.reading(group.value) for group in groups]
        outputs = [self.added(head.output) for group in groups for head in group.heads]
        gate, up = np.zeros((self.width, _INNER)), np.zeros((self.width, _INNER))
        down = np.zeros((_INNER, self.width))
        if mlp is not None:
            rank = mlp.read.shape[1]
            gate[-1, :rank] = _LINEAR
            up[:, :rank] = self.reading(mlp.read)
            down[:rank] = self.added(mlp.write) / _LINEAR
        return {
            "input_layernorm.weight": self.gain(),
            "post_attention_layernorm.weight": self.gain(),
            "self_attn.q_proj.weight": np.concatenate(self._queries(groups), axis=1).T,
            "self_attn.k_proj.weight": np.concatenate(keys, axis=1).T,
            "self_attn.v_proj.weight": np.concatenate(values, axis=1).T,
            "self_attn.o_proj.weight": np.concatenate(outputs, axis=0).T,
            "mlp.gate_proj.weight": gate.T,
            "mlp.up_proj.weight": up.T,
            "mlp.down_proj.weight": down.T,
        }
