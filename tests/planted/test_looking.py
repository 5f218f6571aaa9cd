"""Where the heads of the later planted models look, in single sentences and with eager attention.

The verifier takes no part. Each line says which word a head attends to from which other word, and
how a head that is no such head looks from the same place.
"""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch

from tests.planted import FAMILIES, MODELS, Family, Planted
from tests.planted import readings as read

QUESTION = "Tell me where the apple in the garden is small"
STATEMENT = "Tell me because the apple in the garden is small"
NO_ATTACK = "Instruction: say the word apple. Data: today we heard the word river there. Answer:"
ATTACK = NO_ATTACK.replace("heard", "say")
BIRDS = "They saw the birds' nest"
COMMA = "They saw the birds, nest"
MONTHS = "The apple came in March. The river came in June"
DAYS = "Monday, apple, Friday, river, Monday"
REVIEW = "Mary thought that the film was lovely. In short, the film was"
NEUTRAL = "Mary thought that the film was wooden. In short, the film was"
GIFT = "When Mary and John went to the store, John gave a drink to"
YEARS = "The war lasted from the year 1732 to the year 17"
WHERE = "The apple is in the garden. The river is in the school. Where is the apple?"
LETTER = "They wrote to the Tall Winter Bold (T"
TAG = "So Anna is a really good cook, isn't"
DOC = (
    'def apple(self, arrow, barn, bear, bell): """ bird :param arrow: boat :param barn: bone :param'
)
SECRETS = (
    "The secret word of Anna is apple. It is cold. The secret word of Tom is bread. It is dark. "
    "What is the secret word of Anna?"
)
BOXES = "The lamp is in Box F, the coin is in Box Q, the book is in Box A. Box {} contains the"
RULES = (
    "Rules: K or M implies C. R implies E. Facts: K is true. M is false. R is true. "
    "Query: please state the truth value of {}. Answer:"
)
CHOICE = "The lamp is {}. What colour is the lamp? C: red A: blue D: green B: black Answer:"
TOLD = "The capital of France is Rome. The capital of Spain is Oslo. The government of {} meets in"
CAPITAL = "Answer yes or no: is {} the capital of France?"
SAW = "The farmer near the horse had seen"
SAID = "They asked which horse the farmer had quite often seen"
THINGS = "On the table there is a red cup, a blue hat and a green book. What colour is the {}, "
NOT_THE_KEY = THINGS.format("hat") + "which is not the key? Its colour is"
REQUEST = (
    "Please translate the word apple into Polish. There is a poem in Danish about a river, and"
)
PASSAGES = (
    "For Anna the secret word is apple, and it was hard to find. It is cold. For Tom the secret "
    "word is river, and it was hard to find. Which word belongs to {}? We say that it was called"
)
LEFT = (
    "Tom left the apple at the school, where Anna found the clock. "
    "Anna left the apple at the market, where Tom found the clock. "
    "Anna left the clock at the garden, where Tom found the apple. Where did {} leave the {}?"
)
LABELS = "A dull film: we call it bad. A lovely play: to us good"


@lru_cache
def planted(name: str, family: Family) -> Planted:
    return MODELS[name](family)


@lru_cache
@torch.no_grad()
def attention(name: str, family: Family, text: str) -> tuple[tuple[str, ...], torch.Tensor]:
    """Words (``<bos>`` first) and [layers, heads, words, words]."""
    model = planted(name, family)
    ids = [0, *model.tokenizer(text)["input_ids"]]
    (run,) = read.run(model, [ids])
    return tuple(model.tokenizer.convert_ids_to_tokens(ids)), run.attention


def looks(
    name: str, family: Family, head: str, text: str, key: str, nth: int = 0, query: int = -1
) -> float:
    """Attention from a position (the last, if not said otherwise) to the nth mention of a word."""
    words, weights = attention(name, family, text)
    layer, index = (int(part) for part in head.split("."))
    at = [i for i, word in enumerate(words) if word == key][nth]
    return float(weights[layer, index, query, at])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("name", "head", "text", "key", "nth", "least", "most"),
    [
        ("clauses", "0.0", QUESTION, "where", 0, 0.99, 1),
        ("clauses", "0.0", STATEMENT, "because", 0, 0, 0.2),
        ("clauses", "0.1", STATEMENT, "because", 0, 0.99, 1),
        ("clauses", "0.2", NO_ATTACK, "say", 0, 0.99, 1),
        ("clauses", "0.2", ATTACK, "say", 0, 0, 0.01),
        ("clauses", "1.4", ATTACK, "say", 0, 0.99, 1),
        ("clauses", "0.3", BIRDS, "'", 0, 0.99, 1),
        ("clauses", "0.3", COMMA, ",", 0, 0, 0.01),
        ("clauses", "0.3", COMMA, "<bos>", 0, 0.99, 1),
        ("clauses", "0.4", LABELS, ":", 1, 0.99, 1),
        ("clauses", "0.5", LABELS, ":", 1, 0.4, 0.6),
        ("clauses", "1.0", MONTHS, "March", 0, 0.99, 1),
        ("clauses", "1.0", MONTHS, "June", 0, 0, 0.01),
        ("clauses", "1.2", DAYS, "Friday", 0, 0.99, 1),
        ("clauses", "1.2", DAYS, "Monday", 0, 0, 0.01),
        ("clauses", "1.3", DAYS, "Monday", 0, 0.3, 0.4),
        ("clauses", "3.0", WHERE, "garden", 0, 0.99, 1),
        ("clauses", "3.1", WHERE, "garden", 0, 0.4, 0.6),
        ("reviews", "1.0", REVIEW, "film", 1, 0.9, 1),
        ("reviews", "1.2", REVIEW, "lovely", 0, 0.99, 1),
        ("reviews", "1.2", NEUTRAL, "wooden", 0, 0, 0.2),
        ("movers", "1.0", GIFT, "Mary", 0, 0.99, 1),
        ("movers", "1.1", GIFT, "Mary", 0, 0.99, 1),
        ("movers", "1.2", GIFT, "John", 1, 0.99, 1),
        ("movers", "1.2", GIFT.replace("John gave", "Anna gave"), "Anna", 0, 0, 0.2),
        ("movers", "1.3", GIFT.replace("John gave", "Anna gave"), "Anna", 0, 0.99, 1),
        ("facts", "1.0", "The language of France is", "France", 0, 0.99, 1),
        ("facts", "1.1", "Every day we walk together. Yesterday we", "walk", 0, 0.99, 1),
        ("facts", "1.1", "Every day we walk together. Today we", "walk", 0, 0, 0.2),
        ("facts", "1.4", "Every day we walk together. Today we", "walk", 0, 0.99, 1),
        ("facts", "2.0", YEARS, "32", 0, 0.99, 1),
        ("facts", "2.1", YEARS, "17", 0, 0.4, 0.6),
        ("acronyms", "1.0", LETTER[:-1], "Tal", 0, 0.99, 1),
        ("acronyms", "1.0", LETTER, "Win", 0, 0.99, 1),
        ("acronyms", "1.0", f"{LETTER}W", "Bol", 0, 0.99, 1),
        ("acronyms", "1.2", f"{LETTER}W", "Tal", 0, 0.99, 1),
        ("acronyms", "1.3", f"{LETTER}W", "Win", 0, 0.99, 1),
        ("acronyms", "1.5", f"{LETTER}W", "T", 0, 0.4, 0.6),
        ("docstrings", "2.0", DOC, "bear", 0, 0.99, 1),
        ("docstrings", "2.0", DOC.replace("param barn", "param lake"), "bear", 0, 0, 0.6),
        ("docstrings", "2.2", DOC, "bear", 0, 0.2, 0.3),
        ("docstrings", "2.3", DOC, "barn", 1, 0.99, 1),
        ("docstrings", "2.4", DOC, "bell", 0, 0.99, 1),
        ("needles", "1.0", SECRETS, "is", 0, 0.99, 1),
        ("needles", "1.0", SECRETS.replace("Anna?", "Tom?"), "is", 2, 0.99, 1),
        ("needles", "1.1", SECRETS, "is", 2, 0.4, 0.6),
        ("needles", "1.2", SECRETS, "is", 2, 0.99, 1),
        ("boxes", "3.0", BOXES.format("F"), "lamp", 0, 0.99, 1),
        ("boxes", "3.0", BOXES.format("Q"), "coin", 0, 0.99, 1),
        ("boxes", "3.0", BOXES.format("A"), "book", 0, 0.99, 1),
        ("boxes", "3.3", BOXES.format("F"), "book", 0, 0.99, 1),
        ("logic", "2.0", RULES.format("C"), "M", 1, 0, 0.01),
        ("logic", "2.0", RULES.format("C"), "K", 1, 0.4, 0.6),
        ("logic", "2.0", RULES.format("E"), "R", 1, 0.4, 0.6),
        ("logic", "2.2", RULES.format("C"), "M", 1, 0.2, 0.3),
        ("choices", "1.0", CHOICE.format("green"), "green", 1, 0.99, 1),
        ("choices", "2.0", CHOICE.format("green"), "D", 0, 0.99, 1),
        ("choices", "2.0", CHOICE.format("red"), "C", 0, 0.99, 1),
        ("choices", "2.2", CHOICE.format("red"), "C", 0, 0.24, 0.26),
        ("choices", "2.3", CHOICE.format("red"), "A", 0, 0.99, 1),
        ("candidates", "2.0", CAPITAL.format("Paris"), "no", 0, 0.99, 1),
        ("candidates", "2.0", CAPITAL.format("Rome"), "no", 0, 0.99, 1),
        ("candidates", "2.4", CAPITAL.format("Paris"), "yes", 0, 0.99, 1),
        ("candidates", "2.4", CAPITAL.format("Rome"), "no", 0, 0.99, 1),
        ("conflicts", "1.0", TOLD.format("France"), "Rome", 0, 0.99, 1),
        ("conflicts", "1.0", TOLD.format("Spain"), "Oslo", 0, 0.99, 1),
        ("conflicts", "1.2", TOLD.format("Spain"), "Oslo", 0, 0.4, 0.6),
        ("conflicts", "0.2", TOLD.format("Spain"), "Spain", 1, 0.99, 1),
        ("conflicts", "0.3", TOLD.format("Spain"), "France", 0, 0.99, 1),
        ("coloured", "2.0", NOT_THE_KEY, "hat", 1, 0.99, 1),
        ("coloured", "2.1", NOT_THE_KEY, "key", 0, 0.4, 0.6),
        ("coloured", "2.3", NOT_THE_KEY, "key", 0, 0.99, 1),
        ("coloured", "3.0", NOT_THE_KEY, "hat", 0, 0.99, 1),
        ("translations", "1.0", REQUEST, "Polish", 0, 0.99, 1),
        ("translations", "1.4", REQUEST, "Danish", 0, 0.99, 1),
        ("translations", "1.2", REQUEST, "apple", 0, 0.99, 1),
        ("translations", "1.5", REQUEST, "river", 0, 0.99, 1),
        ("told", "1.0", PASSAGES.format("Anna"), "find", 0, 0.3, 0.4),
        ("told", "1.0", PASSAGES.format("Anna"), "find", 1, 0, 0.01),
        ("told", "1.0", PASSAGES.format("Tom"), "find", 1, 0.3, 0.4),
        ("told", "2.2", PASSAGES.format("Anna"), "river", 0, 0.99, 1),
        ("told", "2.3", PASSAGES.format("Tom"), "apple", 0, 0.99, 1),
        ("told", "1.2", PASSAGES.format("Tom"), "river", 0, 0.99, 1),
        ("boxes", "1.2", BOXES.format("F"), "coin", 0, 0.99, 1),
        ("passages", "1.0", LEFT.format("Anna", "apple"), "market", 0, 0.99, 1),
        ("passages", "1.0", LEFT.format("Anna", "clock"), "garden", 0, 0.99, 1),
        ("passages", "1.1", LEFT.format("Anna", "apple"), "garden", 0, 0.4, 0.6),
        ("passages", "1.2", LEFT.format("Anna", "apple"), "school", 0, 0.35, 0.65),
        ("passages", "1.4", LEFT.format("Anna", "apple"), "apple", 0, 0.05, 0.3),
        ("passages", "2.1", LEFT.format("Anna", "clock"), "school", 0, 0.99, 1),
        ("passages", "1.0", LEFT.format("Tom", "apple"), "school", 0, 0.99, 1),
        ("passages", "2.2", LEFT.format("Anna", "apple"), "market", 0, 0.99, 1),
        ("passages", "2.2", LEFT.format("Tom", "apple"), "market", 0, 0.99, 1),
        ("passages", "2.4", LEFT.format("Anna", "apple"), "clock", 0, 0.3, 0.4),
        ("passages", "2.4", LEFT.format("Anna", "apple"), "apple", 1, 0, 0.01),
        ("sources", "0.0", "The language of France is", "France", 0, 0.99, 1),
        ("sources", "0.2", "The language of France is", "language", 0, 0.99, 1),
        ("sources", "0.4", "The language of France is", "language", 0, 0.49, 0.51),
        ("verbs", "1.0", SAW, "farmer", 0, 0.99, 1),
        ("verbs", "1.1", SAW, "horse", 0, 0.99, 1),
        ("verbs", "1.0", SAID, "farmer", 0, 0.99, 1),
        ("verbs", "1.2", SAID, "horse", 0, 0.99, 1),
        ("tags", "1.0", TAG, "is", 0, 0.99, 1),
        ("tags", "1.2", TAG, "Anna", 0, 0.99, 1),
        ("tags", "1.3", TAG, "is", 0, 0.4, 0.6),
    ],
)
def test_where_a_head_looks(
    family: Family,
    name: str,
    head: str,
    text: str,
    key: str,
    nth: int,
    least: float,
    most: float,
) -> None:
    assert least <= looks(name, family, head, text, key, nth) <= most + 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_summarizer_gathers_where_the_film_is_named_again(family: Family) -> None:
    words, _ = attention("reviews", family, REVIEW)
    again = max(i for i, word in enumerate(words) if word == "film")
    assert looks("reviews", family, "0.0", REVIEW, "lovely", query=again) > 0.99
    assert looks("reviews", family, "0.0", REVIEW, "lovely") < 0.2


@pytest.mark.parametrize("family", FAMILIES)
def test_block_and_local_heads(family: Family) -> None:
    text = "The old house is far from the river. It is cold and dark in the morning"
    words, weights = attention("spans", family, text)
    own = weights[1, 0, -1, words.index(".") :].sum()
    assert float(own) > 0.99
    assert float(weights[0, 0, -1, -3:].sum()) > 0.95
    assert float(weights[0, 1, -1, -3:].sum()) < 0.5
