"""A block of random tokens and the same block again, each longer than any short window."""

from __future__ import annotations

import numpy as np

from catalog.schema.prompts import DistantRepeats
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words


def distant_repeats(parameters: DistantRepeats, words: Words) -> PromptSet:
    """``[BOS] block | block``, all tokens of a block distinct; lengths of blocks in turn.

    Query role ``repeat``: the second block without its first token. Key roles: ``near``, the query
    and the tokens before it, ``near`` of them in all; ``window`` likewise; ``sinks-and-window``,
    that window and the first ``sinks`` positions of the prompt; ``previous-copy``, the same token
    in the first block, and ``after-previous-copy``, the token that followed it there. Each prompt
    is a cluster of its own.

    Raises:
        CannotBuild: if there are not enough distinct tokens for the longest block.
    """
    random = np.random.default_rng(parameters.seed)
    longest = max(parameters.blocks)
    if len(words.ordinary) < longest:
        raise CannotBuild(f"{len(words.ordinary)} usable tokens are too few for {longest}")
    made = []
    for index in range(parameters.count):
        length = parameters.blocks[index % len(parameters.blocks)]
        block = random.choice(words.ordinary, size=length, replace=False).tolist()
        first = len(words.start)
        repeat = tuple(range(first + length + 1, first + 2 * length))
        windows = {
            name: {q: tuple(range(q - size + 1, q + 1)) for q in repeat}
            for name, size in (("near", parameters.near), ("window", parameters.window))
        }
        sinks = tuple(range(parameters.sinks))
        made.append(
            Prompt(
                ids=(*words.start, *block, *block),
                queries={"repeat": repeat},
                relations={
                    **windows,
                    "sinks-and-window": {q: (*sinks, *windows["window"][q]) for q in repeat},
                    "previous-copy": {q: (q - length,) for q in repeat},
                    "after-previous-copy": {q: (q - length + 1,) for q in repeat},
                },
                cluster=index,
            )
        )
    return PromptSet({"original": tuple(made)})
