"""Prompts sorted by what the model answers: one pass over all that were drawn, before any score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catalog.schema.answered import GIVEN, SOLVED, STRONGEST_WRONG, Answered
from verify.anatomy import Anatomy
from verify.capture import FinalView, Reader, run_pass
from verify.loading import LoadedModel
from verify.prompts import Answers, Prompt, PromptSet
from verify.recording import Settings

IntArray = NDArray[np.int64]
_DRAW = 0x50_27_ED
"""Mixed into the seed, so that answers are not drawn with the numbers that made the prompts."""


def sorted_by_answers(
    prompts: PromptSet,
    parameters: Answered,
    seed: int,
    loaded: LoadedModel,
    settings: Settings,
    advance: Callable[[int], None] = lambda _: None,
) -> PromptSet:
    """Let the model answer every prompt, and keep those that ``parameters.keep`` names.

    Args:
        prompts: as built.
        parameters: the recipe's prompts.
        seed: that the prompts were made with; draws the foils of solved prompts.
        loaded: the model.
        settings: of them the batch size.
        advance: called with the number of prompts done after each batch.
    """
    reader = GreedyReader(loaded.anatomy, prompts.main, parameters.writes)
    run_pass(
        loaded.anatomy,
        prompts.main,
        [reader],
        batch_size=settings.batch_size,
        limit_memory=settings.limit_memory,
        advance=advance,
    )
    return kept(prompts, parameters, reader.said(), seed)


@dataclass(frozen=True)
class Said:
    """Token ids, one for each prompt."""

    answer: IntArray
    """The token with the highest logit."""
    strongest_wrong: IntArray
    """The candidate with the highest logit that is not the correct answer."""
    wrote: NDArray[np.bool_]
    """Whether every token before it that belongs to the answer would have been written, too."""


class GreedyReader(Reader):
    """What the model would write at ``end``: the token with the highest logit."""

    def __init__(
        self, anatomy: Anatomy, prompts: Sequence[Prompt], writes: str | None = None
    ) -> None:
        self._anatomy = anatomy
        self._writes = writes
        self._wrote = np.ones(len(prompts), dtype=np.bool_)
        self._answer = np.full(len(prompts), -1, dtype=np.int64)
        self._wrong = np.full(len(prompts), -1, dtype=np.int64)

    def finish(self, view: FinalView) -> None:
        """Rank the whole vocabulary, and the candidates."""
        ends = [prompt.queries["end"][0] for prompt in view.prompts]
        for row, logits, answer in self._logits(view, range(len(ends)), ends):
            number, prompt = view.numbers[row], view.prompts[row]
            self._answer[number] = answer
            rivals = torch.full_like(logits, float("-inf"))
            among = slice(None) if prompt.candidates is None else list(prompt.candidates)
            rivals[among] = logits[among]
            rivals[correct_of(prompt)] = float("-inf")
            self._wrong[number] = int(rivals.argmax())
        if self._writes is None:
            return
        at = [(row, i) for row, p in enumerate(view.prompts) for i in p.queries[self._writes]]
        written = self._logits(view, [row for row, _ in at], [i for _, i in at])
        for (row, position), (_, _, token) in zip(at, written, strict=True):
            if token != next_token(view.prompts[row], position):
                self._wrote[view.numbers[row]] = False

    def _logits(
        self, view: FinalView, rows: Sequence[int], positions: Sequence[int]
    ) -> Iterator[tuple[int, Tensor, int]]:
        """Each row, the logits of the whole vocabulary there, and the token with the highest.

        Some rows at a time: a batch of prompts can have many.
        """
        at_once = self._anatomy.logits_at_once
        for start in range(0, len(rows), at_once):
            here = list(rows[start : start + at_once])
            read = view.normed[here, list(positions[start : start + at_once])]
            logits = self._anatomy.all_logits(read)
            yield from zip(here, logits, logits.argmax(-1).tolist(), strict=True)

    def said(self) -> Said:
        """Once the pass is through."""
        return Said(self._answer, self._wrong, self._wrote)


def correct_of(prompt: Prompt) -> int:
    """The token of the correct answer: the first that the recipe names."""
    return next(iter(prompt.answers.values()))


def next_token(prompt: Prompt, position: int) -> int:
    """The token that follows a position: of the prompt, or after its end the correct answer."""
    after = position + 1
    return prompt.ids[after] if after < len(prompt.ids) else correct_of(prompt)


def kept(prompts: PromptSet, parameters: Answered, said: Said, seed: int) -> PromptSet:
    """The prompts that are left, of every variant.

    Args:
        prompts: all that were drawn.
        parameters: which are kept.
        said: what the model answers to each of the main variant.
        seed: draws the foils of solved prompts.
    """
    correct = [correct_of(prompt) for prompt in prompts.main]
    right = [i for i, token in enumerate(correct) if said.answer[i] == token and said.wrote[i]]
    wrong = [
        i
        for i, token in enumerate(correct)
        if said.answer[i] != token and _may_be(prompts.main[i], int(said.answer[i]))
    ]
    answers = Answers(len(correct), len(right), len(wrong))
    if parameters.keep == "answered-correctly":
        return replace(
            prompts,
            variants={
                name: tuple(made[i] for i in right) for name, made in prompts.variants.items()
            },
            answers=answers,
            left_out=prompts.left_out + len(correct) - len(right),
        )
    failed = {
        name: tuple(_with(made[i], int(said.answer[i]), int(said.answer[i])) for i in wrong)
        for name, made in prompts.variants.items()
    }
    given = [int(said.answer[i]) for i in wrong]
    random = np.random.default_rng([seed, _DRAW])
    solved = []
    for i in right:
        prompt = prompts.main[i]
        fit = [token for token in given if token != correct[i] and _may_be(prompt, token)]
        if fit:
            drawn = fit[int(random.integers(len(fit)))]
            solved.append(_with(prompt, drawn, int(said.strongest_wrong[i])))
    return replace(
        prompts,
        variants={**failed, SOLVED: tuple(solved)},
        answers=answers,
        unaligned=frozenset({SOLVED}),
        left_out=prompts.left_out + len(correct) - len(wrong) - len(solved),
    )


def _may_be(prompt: Prompt, token: int) -> bool:
    """Whether a token counts as an answer to the prompt."""
    return prompt.candidates is None or token in prompt.candidates


def _with(prompt: Prompt, given: int, strongest: int) -> Prompt:
    return replace(prompt, answers={**prompt.answers, GIVEN: given, STRONGEST_WRONG: strongest})
