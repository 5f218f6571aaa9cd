"""Three classic scores of every head, by this engine and by its peers; one of them a process.

``python -m tests.benchmarks.contestants NAME PROMPTS TOKENS`` builds the model (GPT-2's size and
architecture, random weights), runs one contestant once and prints what it took as JSON.

Prompts are random tokens read twice. Scores, [layers, heads], means over prompts of the means over
queries: previous token A[i, i-1], duplicate token A[i, i-n] and induction A[i, i-n+1] in the second
half, n being half the length. Every contestant is given all prompts at once, with the logits of as
few positions as it can be made to compute; the vocabulary is small, so that those who compute all
of them lose little. This engine cuts prompts into batches by itself. Of the peers ``detect_head``
reads them one by one, and one contestant is cut by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

LAYERS, HEADS, WIDTH, VOCABULARY = 12, 12, 768, 1024
PART = 1600
"""Tokens a call of the contestant that is cut by hand."""
Scores = dict[str, np.ndarray]
Run = Callable[[Tensor], Scores]


def build(tokens: int) -> Any:
    """The model of all contestants."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=tokens + 1,
        n_layer=LAYERS,
        n_head=HEADS,
        n_embd=WIDTH,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():  # heads of random weights hardly differ unless scores are large
        for block in model.transformer.h:
            block.attn.c_attn.weight[:, : 2 * WIDTH].mul_(8)
    return model


def draw(prompts: int, tokens: int) -> Tensor:
    """Random tokens, each prompt read twice: [prompts, tokens]."""
    generator = torch.Generator().manual_seed(1)
    # no token comes twice within a half where the vocabulary allows it
    rows = [
        torch.cat([torch.randperm(VOCABULARY, generator=generator)] * (tokens // VOCABULARY + 1))
        for _ in range(prompts)
    ]
    half = torch.stack(rows)[:, : tokens // 2]
    return torch.cat([half, half], dim=1)


def reduced(pattern: Tensor) -> Tensor:
    """The three scores of one layer's pattern [prompts, heads, tokens, tokens]: [3, heads]."""
    n = pattern.shape[-1] // 2
    previous = pattern.diagonal(-1, 2, 3).mean(-1)
    duplicate = pattern.diagonal(-n, 2, 3).mean(-1)
    induction = pattern.diagonal(1 - n, 2, 3)[..., 1:].mean(-1)  # of the second half
    return torch.stack([previous, duplicate, induction]).mean(1)


def named(layers: list[Tensor]) -> Scores:
    stacked = torch.stack(layers, dim=1).numpy()  # [3, layers, heads]
    return dict(zip(("previous", "duplicate", "induction"), stacked, strict=True))


def headbook(model: Any) -> Run:
    """This engine, through the readers that its recipes use."""
    from verify.anatomy import Anatomy
    from verify.capture import run_pass
    from verify.measures.running import PairReader
    from verify.prompts import Pairs, Prompt

    anatomy = Anatomy(model)

    def pairs(first: int, tokens: int, offset: int) -> Pairs:
        queries = np.arange(first, tokens)
        return Pairs(queries, queries - offset, np.full(len(queries), 1 / len(queries)))

    def run(ids: Tensor) -> Scores:
        tokens = ids.shape[1]
        n = tokens // 2
        prompts = [Prompt(tuple(row.tolist()), {}) for row in ids]
        wanted = {
            "previous": pairs(1, tokens, 1),
            "duplicate": pairs(n, tokens, n),
            "induction": pairs(n, tokens, n - 1),
        }
        readers = {
            name: PairReader(anatomy, [chosen] * len(prompts)) for name, chosen in wanted.items()
        }
        run_pass(anatomy, prompts, list(readers.values()))
        return {name: reader.scores.values.mean(0) for name, reader in readers.items()}

    return run


def plain(model: Any) -> Run:
    """A forward pass without scores: the floor."""
    model.set_attn_implementation("sdpa")

    def run(ids: Tensor) -> Scores:
        model(input_ids=ids, use_cache=False, logits_to_keep=1)
        return {}

    return run


def transformers(model: Any) -> Run:
    """``output_attentions=True``."""
    model.set_attn_implementation("eager")

    def run(ids: Tensor) -> Scores:
        seen = model(input_ids=ids, use_cache=False, logits_to_keep=1, output_attentions=True)
        return named([reduced(pattern) for pattern in seen.attentions])

    return run


def in_parts(model: Any) -> Run:
    """The same by somebody who knows that this machine is quickest with small batches."""
    whole = transformers(model)

    def run(ids: Tensor) -> Scores:
        parts = ids.split(max(1, PART // ids.shape[1]))
        made = [whole(part) for part in parts]
        weights = np.array([len(part) for part in parts]) / len(ids)
        return {
            name: sum(
                (weight * scores[name] for weight, scores in zip(weights, made, strict=True)),
                np.zeros((LAYERS, HEADS)),
            )
            for name in made[0]
        }

    return run


def bridge_of(model: Any) -> Any:
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

    return build_bridge_from_module(model, "GPT2LMHeadModel", hf_config=model.config)


def lens_hooks(model: Any) -> Run:
    """TransformerLens, a hook on every pattern that reduces it at once."""
    bridge = bridge_of(model)

    def run(ids: Tensor) -> Scores:
        kept: list[Tensor] = []
        bridge.run_with_hooks(
            ids,
            return_type=None,
            fwd_hooks=[
                (
                    lambda name: name.endswith("attn.hook_pattern"),
                    lambda pattern, hook: kept.append(reduced(pattern)),  # noqa: ARG005,
                )
            ],
        )
        return named(kept)

    return run


def lens_cache(model: Any) -> Run:
    """TransformerLens, ``run_with_cache``."""
    bridge = bridge_of(model)

    def run(ids: Tensor) -> Scores:
        _, cache = bridge.run_with_cache(ids, return_type=None)
        return named([reduced(cache["pattern", layer]) for layer in range(LAYERS)])

    return run


def lens_detect(model: Any) -> Run:
    """TransformerLens, ``detect_head`` for its three names."""
    from transformer_lens.head_detector import detect_head

    bridge = bridge_of(model)

    def run(ids: Tensor) -> Scores:
        # prompts are text there: let a prompt's text be its number
        bridge.to_tokens = lambda text, *_, **__: (
            ids[[int(text)]] if isinstance(text, str) else ids[[int(one) for one in text]]
        )
        texts = [str(number) for number in range(len(ids))]
        tokens = ids.shape[1]
        made = {}
        for name, rows in (("previous_token", tokens - 1), ("duplicate_token", tokens // 2)):
            # its scores are sums over a pattern's entries, divided by all attention
            found = detect_head(bridge, texts, f"{name}_head").numpy()
            made[name.removesuffix("_token")] = found * tokens / rows
        found = detect_head(bridge, texts, "induction_head").numpy()
        return {**made, "induction": found * tokens / (tokens // 2)}

    return run


def nnsight(model: Any) -> Run:
    """nnsight, patterns reduced inside the trace."""
    from nnsight import NNsight

    model.set_attn_implementation("eager")
    traced = NNsight(model)

    def run(ids: Tensor) -> Scores:
        with traced.trace(input_ids=ids, use_cache=False, logits_to_keep=1):
            kept = [reduced(block.attn.output[1]) for block in traced.transformer.h].save()
        return named([part.detach() for part in kept])

    return run


def last_rows(model: Any) -> Run:
    """This engine, whole rows of the last eight queries: a long prompt's way to be scored."""
    from verify.anatomy import Anatomy
    from verify.capture import LayerView, Reader, run_pass
    from verify.prompts import Prompt

    anatomy = Anatomy(model)

    class Last(Reader):
        def __init__(self) -> None:
            self.first = np.zeros((LAYERS, HEADS))

        def read(self, view: LayerView) -> None:
            length = len(view.prompts[0].ids)
            rows = view.rows(0, range(length - 8, length))
            self.first[view.layer] = rows[..., : length // 2].sum(-1).mean(-1).numpy()

    def run(ids: Tensor) -> Scores:
        reader = Last()
        run_pass(anatomy, [Prompt(tuple(ids[0].tolist()), {})], [reader], batch_size=1)
        return {"last": reader.first}

    return run


CONTESTANTS = {
    "headbook": headbook,
    "plain SDPA forward": plain,
    "transformers output_attentions": transformers,
    "transformers output_attentions, 1600 tokens a call": in_parts,
    "TransformerLens hooks": lens_hooks,
    "TransformerLens run_with_cache": lens_cache,
    "TransformerLens detect_head": lens_detect,
    "nnsight": nnsight,
    "headbook, last 8 rows": last_rows,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTESTANTS)
    parser.add_argument("prompts", type=int)
    parser.add_argument("tokens", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(chosen.threads)
    with torch.no_grad():
        model = build(chosen.tokens)
        ids = draw(chosen.prompts, chosen.tokens)
        run = CONTESTANTS[chosen.name](model)
        run(ids[:1, :16])  # what only the first run costs is left out
        before = _memory(reset=True)
        used, started = _cpu(), time.perf_counter()
        scores = run(ids)
        seconds, cpu = time.perf_counter() - started, _cpu() - used
    sys.stdout.write(
        json.dumps(
            {
                "name": chosen.name,
                "prompts": chosen.prompts,
                "tokens": chosen.tokens,
                "seconds": seconds,
                "cpu_seconds": cpu,
                "model_mib": before / 2**20,
                "extra_mib": (_memory() - before) / 2**20,
                "scores": {
                    name: np.asarray(part).round(8).tolist() for name, part in scores.items()
                },
            }
        )
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory(*, reset: bool = False) -> int:
    """Most memory that the process has held, in bytes, since the last reset (Linux)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return next(
        int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")
    )


if __name__ == "__main__":
    main()
