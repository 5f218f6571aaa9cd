"""What planted heads do, read off with eager attention and plain tensor algebra.

Deliberately slow and literal, and without a line of the verifier, which is tested against these
models. Prompts are made here too. Scores are dictionaries from ``layer.head`` to a number.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import torch
from torch.utils.hooks import RemovableHandle

from tests.planted.build import Planted
from tests.planted.space import HEAD_SIZE
from tests.planted.words import ids, passages, templates, vocabulary, word_list, wraps

Scores = dict[str, float]
_SOMETHING = 1e-4
"""Logits below this are rounding: the head writes nothing to the unembedding."""
FIRST_WORD = 3
"""Ids below are the special tokens."""


@dataclass(frozen=True)
class Repeats:
    """``<bos> lead block gap block`` with all words distinct but for the second block."""

    tokens: list[int]
    second: int
    """Where the second block starts."""
    period: int
    distance: int
    """From a token of the second block back to its copy."""


def repeated_tokens(count: int, seed: int, pool: list[int] | None = None) -> list[Repeats]:
    """Blocks of 12 to 30 with gaps of 0 to 9, so that no fixed distance serves them all."""
    rng = random.Random(seed)
    words = pool or list(range(FIRST_WORD, len(vocabulary())))
    made = []
    for _ in range(count):
        period, gap = rng.choice([12, 17, 23, 30]), rng.randrange(10)
        distance = period + gap
        drawn = rng.sample(words, distance + period + gap)
        lead, block, between = (
            drawn[:distance],
            drawn[distance : distance + period],
            drawn[distance + period :],
        )
        tokens = [0, *lead, *block, *between, *block]
        made.append(Repeats(tokens, len(tokens) - period, period, distance))
    return made


def random_tokens(count: int, length: int, seed: int, known: int | None = None) -> list[list[int]]:
    """``<bos>`` and independent random words, of the first ``known`` of the vocabulary."""
    rng = random.Random(seed)
    known = known or len(vocabulary())
    return [
        [0, *(rng.randrange(FIRST_WORD, known) for _ in range(length - 1))] for _ in range(count)
    ]


def natural_text(planted: Planted, count: int, *, shuffled: bool = False) -> list[list[int]]:
    """``<bos>`` and a passage, or its words in random order."""
    made = [list(planted.tokenizer(text)["input_ids"]) for text in passages()[:count]]
    if shuffled:
        rng = random.Random(0)
        for tokens in made:
            rng.shuffle(tokens)
    return [[0, *tokens] for tokens in made]


@dataclass(frozen=True)
class Sentence:
    """An indirect object sentence. Positions of the three mentions; ``end`` is the last token."""

    tokens: list[int]
    indirect_object: int
    subject_1: int
    subject_2: int
    object_token: int
    subject_token: int


def sentences(planted: Planted, count: int, seed: int) -> list[Sentence]:
    """Every template in turn; the subject is the first name in half of them."""
    rng = random.Random(seed)
    texts = templates("indirect-object-templates")
    made = []
    for index in range(count):
        first, second = rng.sample(word_list("names"), 2)
        subject = first if (index + index // len(texts)) % 2 else second
        fill = {"A": first, "B": second, "S": subject}
        fill |= {"place": rng.choice(word_list("places"))}
        fill |= {"object": rng.choice(word_list("objects"))}
        text = re.sub(
            r"\{(\w+)\}", lambda slot, fill=fill: fill[slot[1]], texts[index % len(texts)]
        )
        tokens = [0, *planted.tokenizer(text)["input_ids"]]
        subject_token = ids((subject,))[0]
        object_token = ids((second if subject == first else first,))[0]
        one, two = (i for i, token in enumerate(tokens) if token == subject_token)
        made.append(
            Sentence(tokens, tokens.index(object_token), one, two, object_token, subject_token)
        )
    return made


@dataclass(frozen=True)
class Run:
    """One prompt through the model, eager, fp32."""

    tokens: list[int]
    attention: torch.Tensor
    """(layers, heads, positions, positions)"""
    stream: torch.Tensor
    """(layers + 1, positions, width): before each layer, and before the final norm."""
    logits: torch.Tensor
    """(positions, vocabulary)"""


@torch.no_grad()
def run(planted: Planted, prompts: list[list[int]], *, without: tuple[str, ...] = ()) -> list[Run]:
    """Run prompts of any lengths, those of one length together; ``without`` heads write zeros."""
    planted.model.set_attn_implementation("eager")
    body = planted.model.base_model
    before_final_norm: list[torch.Tensor] = []
    handles = [
        (body.ln_f if planted.family == "gpt2" else body.norm).register_forward_pre_hook(
            lambda _, inputs: before_final_norm.append(inputs[0])
        ),
        *(_silenced(planted, head) for head in without),
    ]
    found: dict[int, Run] = {}
    try:
        for length in {len(tokens) for tokens in prompts}:
            at = [i for i, tokens in enumerate(prompts) if len(tokens) == length]
            output = planted.model(
                torch.tensor([prompts[i] for i in at]),
                output_attentions=True,
                output_hidden_states=True,
            )
            attention = torch.stack(output.attentions, dim=1)
            stream = torch.stack([*output.hidden_states[:-1], before_final_norm.pop()], dim=1)
            for row, i in enumerate(at):
                found[i] = Run(prompts[i], attention[row], stream[row], output.logits[row])
    finally:
        for handle in handles:
            handle.remove()
    return [found[i] for i in range(len(prompts))]


def _silenced(planted: Planted, head: str) -> RemovableHandle:
    """Zeros in place of one head's output, before the output projection."""
    layer, index = (int(part) for part in head.split("."))
    body = planted.model.base_model
    gpt2 = planted.family == "gpt2"
    projection = body.h[layer].attn.c_proj if gpt2 else body.layers[layer].self_attn.o_proj

    def silence(_: object, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        output = inputs[0].clone()
        output[..., index * HEAD_SIZE : (index + 1) * HEAD_SIZE] = 0.0
        return (output, *inputs[1:])

    handle: RemovableHandle = projection.register_forward_pre_hook(silence)
    return handle


def per_head(grid: torch.Tensor) -> Scores:
    """(layers, heads) -> scores."""
    return {
        f"{layer}.{head}": float(grid[layer, head])
        for layer in range(grid.shape[0])
        for head in range(grid.shape[1])
    }


def attention_to(runs: list[Run], pairs: list[list[tuple[int, int]]]) -> Scores:
    """Mean over prompts of the mean attention of (query, key) pairs."""
    means = [
        torch.stack([r.attention[:, :, query, key] for query, key in wanted]).mean(dim=0)
        for r, wanted in zip(runs, pairs, strict=True)
    ]
    return per_head(torch.stack(means).mean(dim=0))


def offset_shares(runs: list[Run], furthest: int) -> dict[int, Scores]:
    """For each offset from 1: share of queries whose strongest key lies that far back.

    Queries that have no key so far back are left out.
    """
    hits: dict[int, list[torch.Tensor]] = {offset: [] for offset in range(1, furthest + 1)}
    for r in runs:
        strongest = r.attention.argmax(dim=-1)
        distance = torch.arange(len(r.tokens)) - strongest
        for offset, found in hits.items():
            found.append((distance[..., offset:] == offset).float())
    return {offset: per_head(torch.cat(found, -1).mean(-1)) for offset, found in hits.items()}


def _norm(planted: Planted, x: torch.Tensor, layer: int | None, part: str) -> torch.Tensor:
    """A norm of the model: ``attention`` or ``mlp`` of a layer, or the ``final`` one."""
    body = planted.model.base_model
    if planted.family == "gpt2":
        block = None if layer is None else body.h[layer]
        norms = (
            {"final": body.ln_f} if block is None else {"attention": block.ln_1, "mlp": block.ln_2}
        )
    else:
        block = None if layer is None else body.layers[layer]
        norms = (
            {"final": body.norm}
            if block is None
            else {"attention": block.input_layernorm, "mlp": block.post_attention_layernorm}
        )
    return norms[part](x)


@torch.no_grad()
def effective_embedding(planted: Planted) -> torch.Tensor:
    """(vocabulary, width): token embedding plus the first MLP's output for it."""
    body = planted.model.base_model
    embedding = planted.model.get_input_embeddings().weight
    layer = body.h[0] if planted.family == "gpt2" else body.layers[0]
    return embedding + layer.mlp(_norm(planted, embedding, 0, "mlp"))


def _value_and_output(planted: Planted, head: str) -> tuple[torch.Tensor, torch.Tensor]:
    """(width, head size) and (head size, width) of one query head."""
    layer, index = (int(part) for part in head.split("."))
    body, config = planted.model.base_model, planted.model.config
    heads = config.num_attention_heads
    if planted.family == "gpt2":
        attention = body.h[layer].attn
        size = config.n_embd // heads
        at = slice(index * size, (index + 1) * size)
        return attention.c_attn.weight[:, 2 * config.n_embd :][:, at], attention.c_proj.weight[at]
    attention, size = body.layers[layer].self_attn, config.head_dim
    group = index // (heads // config.num_key_value_heads)
    at = slice(index * size, (index + 1) * size)
    shared = slice(group * size, (group + 1) * size)
    return attention.v_proj.weight[shared].T, attention.o_proj.weight[:, at].T


@torch.no_grad()
def written(planted: Planted, head: str, inputs: torch.Tensor) -> torch.Tensor:
    """(inputs, width): what a head adds to the stream when it attends to these stream vectors."""
    value, output = _value_and_output(planted, head)
    return _norm(planted, inputs, int(head.split(".")[0]), "attention") @ value @ output


@torch.no_grad()
def to_logits(planted: Planted, direction: torch.Tensor) -> torch.Tensor:
    """Through the final norm's gain and the unembedding, the norm's division left out."""
    final = planted.model.base_model
    norm = final.ln_f if planted.family == "gpt2" else final.norm
    if planted.family == "gpt2":
        direction = direction - direction.mean(dim=-1, keepdim=True)
    return direction * norm.weight @ planted.model.get_output_embeddings().weight.T


@torch.no_grad()
def ov_copying(planted: Planted, tokens: list[int], top: int, *, lowest: bool = False) -> Scores:
    """Share of tokens that rank in the top (or bottom) of what the head writes for them.

    Ties count against a head: one that writes nothing ranks every token last.
    """
    inputs = effective_embedding(planted)[tokens]
    scores = {}
    for head in all_heads(planted):
        logits = to_logits(planted, written(planted, head, inputs)) * (-1 if lowest else 1)
        own = logits[torch.arange(len(tokens)), tokens]
        rank = (logits >= own[:, None]).sum(dim=1) - 1
        scores[head] = float((rank < top).float().mean())
    return scores


def all_heads(planted: Planted) -> list[str]:
    """Every ``layer.head`` of the model."""
    config = planted.model.config
    return [
        f"{layer}.{head}"
        for layer in range(config.num_hidden_layers)
        for head in range(config.num_attention_heads)
    ]


@torch.no_grad()
def direct_effects(planted: Planted, sentence: Sentence, r: Run) -> Scores:
    """Each head's part, at the end, of the logit of the indirect object minus the subject."""
    at_end = r.stream[-1, -1]
    centred = at_end - at_end.mean() if planted.family == "gpt2" else at_end
    scale = centred.pow(2).mean().sqrt()  # what the final norm divides by here, frozen
    scores = {}
    for head in all_heads(planted):
        layer, index = (int(part) for part in head.split("."))
        values = written(planted, head, r.stream[layer])
        logits = to_logits(planted, r.attention[layer, index, -1] @ values) / scale
        scores[head] = float(logits[sentence.object_token] - logits[sentence.subject_token])
    return scores


def attention_to_ranked(planted: Planted, runs: list[Run], *, best: bool) -> Scores:
    """Attention to all positions of the context word that the logit lens ranks first (or last).

    The context of a query is every distinct word up to and including it, ``<bos>`` left out.
    """
    config = planted.model.config
    grid = torch.zeros(config.num_hidden_layers, config.num_attention_heads)
    count = 0
    for r in runs:
        for layer in range(config.num_hidden_layers):
            lens = _norm(planted, r.stream[layer], None, "final")
            lens = lens @ planted.model.get_output_embeddings().weight.T
            for query in range(8, len(r.tokens)):
                context = sorted(set(r.tokens[1 : query + 1]))
                ranked = lens[query, context]
                word = context[int(ranked.argmax() if best else ranked.argmin())]
                at = [i for i in range(query + 1) if r.tokens[i] == word]
                grid[layer] += r.attention[layer, :, query, at].sum(dim=-1)
        count += len(r.tokens) - 8
    return per_head(grid / count)


def successor_share(planted: Planted, head: str, series: str, inputs: torch.Tensor) -> float:
    """Share of words whose highest output among the words of their series is the next one.

    ``inputs`` (words, width): what the head attends to in place of each word. The last word counts
    only where the series wraps.
    """
    tokens = ids(word_list(series))
    logits = to_logits(planted, written(planted, head, inputs))[:, tokens]
    count = len(tokens)
    asked = count if wraps(series) else count - 1
    hits = [
        bool(logits[i].abs().max() > _SOMETHING) and int(logits[i].argmax()) == (i + 1) % count
        for i in range(asked)
    ]
    return sum(hits) / asked


def first_mlp_successor(planted: Planted, series: str) -> torch.Tensor:
    """(words, width): of the effective embedding only what the first MLP wrote along the successor.

    The successor's own token embedding, times the MLP's component along it. The successor of the
    last word is the first.
    """
    tokens = ids(word_list(series))
    embedding = planted.model.get_input_embeddings().weight.detach()
    from_mlp = (effective_embedding(planted) - embedding)[tokens]
    along = torch.nn.functional.normalize(embedding[tokens[1:] + tokens[:1]], dim=1)
    return (from_mlp * along).sum(dim=1, keepdim=True) * along
