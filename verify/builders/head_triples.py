"""Triples that each head's own weights link, in random tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from catalog.schema.prompts import HeadTriples
from verify.anatomy import Anatomy
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.triples import Triple, strongest_triples
from verify.words import Words

_SPARE = 6
"""Random tokens drawn beyond those needed: at most five are left out of a prompt, and one is put in
place of its destination."""


def head_triples(parameters: HeadTriples, words: Words, anatomy: Anatomy) -> PromptSet:
    """``[BOS] r r s r r d``, ``count`` prompts a head, head by head in layer-major order.

    The triples are read off weights (:mod:`verify.triples`) and their effect is then seen in real
    forward passes. Prompt i of every head has the same random tokens at the same places, all
    different and none of them a token of the triple, nor the other answer.
    ``other-source`` holds the source of the next triple of the head (the strongest first) whose
    output is neither of the two answers; ``other-destination`` a random token. The answer
    ``other-output`` is that of the next triple with another output. A head all of whose triples
    have one output has the same twice.

    Roles: ``end``, the destination; ``source``, as a key.

    Raises:
        CannotBuild: if there are too few tokens, the prompts do not fit the context, or the
            architecture shows no queries and keys.
    """
    if parameters.length > anatomy.context:
        raise CannotBuild(
            f"prompts of {parameters.length} tokens do not fit a context of {anatomy.context}"
        )
    random = np.random.default_rng(parameters.seed)
    needed = max(parameters.length + _SPARE, parameters.count)
    if len(words.ordinary) < needed:
        raise CannotBuild(f"the vocabulary has {len(words.ordinary)} tokens, {needed} are needed")
    candidates = words.ordinary
    if len(candidates) > parameters.candidates:
        chosen = random.choice(candidates, size=parameters.candidates, replace=False)
        candidates = np.sort(chosen)
    filler = [
        tuple(map(int, random.choice(words.ordinary, parameters.length + _SPARE, replace=False)))
        for _ in range(parameters.count)
    ]
    linked = strongest_triples(
        anatomy,
        [int(token) for token in candidates],
        [words.folded(int(token)) for token in candidates],
        words.start,
        count=parameters.count,
        length=parameters.length,
        distances=parameters.distances,
    )
    made: dict[str, list[Prompt]] = {
        name: [] for name in ("linked", "other-source", "other-destination")
    }
    for head, triples in enumerate(linked):
        for variant, prompts in _of_head(head, triples, filler, parameters, words.start):
            made[variant].append(prompts)
    return PromptSet({name: tuple(prompts) for name, prompts in made.items()})


def _of_head(
    head: int,
    triples: Sequence[Triple],
    filler: Sequence[Sequence[int]],
    parameters: HeadTriples,
    start: tuple[int, ...],
) -> Iterator[tuple[str, Prompt]]:
    """Each prompt of a head, in each variant."""
    end = parameters.length - 1
    for index, triple in enumerate(triples):
        following = [*triples[index + 1 :], *triples[:index]]
        foil = _another(following, {triple.output})
        exchanged = _another(following, {triple.output, foil.output})
        answers = {"output": triple.output, "other-output": foil.output}
        known = {triple.source, triple.destination, exchanged.source, *answers.values()}
        stranger, *rest = (t for t in filler[index] if t not in known)
        at = end - parameters.distances[index % len(parameters.distances)]
        text = [*start, *rest][:end]
        for variant, source, destination in (
            ("linked", triple.source, triple.destination),
            ("other-source", exchanged.source, triple.destination),
            ("other-destination", triple.source, stranger),
        ):
            yield (
                variant,
                Prompt(
                    ids=(*text[:at], source, *text[at + 1 :], destination),
                    queries={"end": (end,)},
                    places={"source": (at,)},
                    answers=answers,
                    cluster=index,
                    head=head,
                ),
            )


def _another(triples: Sequence[Triple], outputs: set[int]) -> Triple:
    """The first triple with an output that is none of these; the first of all if there is none."""
    return next((t for t in triples if t.output not in outputs), triples[0])
