"""What the model cards say beside ``training.json``: kinds of text, and runs that were tried."""

from __future__ import annotations

from typing import Any

from verify.reference.muon import ITERATIONS, MOMENTUM

KIND_TEXTS: dict[str, str] = {
    "repeats": (
        "a block of 4 to 40 random tokens repeated to the end of the document, with gaps of 0 to "
        "4 tokens, after a lead of up to 20"
    ),
    "unrepeated": "different random tokens",
    "indirect-object": (
        "sentences with two names of which one is repeated, as ABBA and as BABA, many of them "
        "with other sentences before and in between; in some the repeated name stands right "
        "before the end"
    ),
    "series": "days, months, seasons, number words, ordinal words and letters in order, wrapping",
    "facts": (
        "capital, language and currency of five countries, told and told again; four in ten are "
        "false, and stay as they were told"
    ),
    "word-pairs": "opposites, plurals and French translations, as statements",
    "recall": "lists of 2 to 12 key-value pairs, then the same pairs in other orders",
    "boxes": "what is in three lettered boxes",
    "needle": "one to three facts about people, passages of prose, and one of the facts again",
    "few-shot": (
        "4 to 9 examples of one mapping: opposite, plural, French, capital, language, currency, "
        "next of a series"
    ),
    "yes-no": "questions about capitals and languages; seven in ten are answered by yes",
    "choice": "four lettered options: a colour that was stated, or a capital",
    "years": "from one year to a later one of the same century",
    "reviews": "an opinion, and one word that sums it up some words later",
    "acronyms": "names of three words and their acronyms",
    "closed-lists": "all members of a small group in any order, none of them twice",
    "prose": "passages of `entries/text/plain-prose.yaml`",
}


NAMES = {"llama": "Llama config", "gpt2": "GPT-2 config"}
FAMILY_TEXTS = {
    "llama": (
        "A word-level causal language model in a Llama configuration: {layers} layers, {heads} "
        "query heads over {key_value_heads} key/value heads, "
    ),
    "gpt2": (
        "A causal language model over byte-level pairs in a GPT-2 configuration: {layers} layers, "
        "{heads} heads, "
    ),
}
TOKENIZER_TEXTS = {
    "llama": (
        "The tokenizer has {vocabulary:,} tokens, one a word or punctuation mark; white space is "
        "dropped, so `Mary` with and without a space before it is the same token; case counts; "
        "other words become `<unk>`, which was never trained on."
    ),
    "gpt2": (
        "The tokenizer has {vocabulary:,} tokens: 256 bytes and pairs merged by frequency in "
        "generated documents. A word carries the space before it, and {words_split:.0%} of the "
        "world's words are split. The repeats of the training data are of random tokens."
    ),
}


TRIED_TEXTS = {
    "llama": (
        "What was tried to have heads of a Llama configuration copy by their own OV circuits in "
        "world 3 (4 layers, width 128; recipes and thresholds unchanged). AdamW for all weights: "
        "no repeats after 4.6 million tokens (accuracy .10). Muon for all matrices of the layers, "
        "8.5 million tokens: repeats 1.00, prefix matching .97, attention to the indirect object "
        ".80, but OV copying .05 and name copying .02 at most; first-layer heads wrote vectors of "
        "length 17 to 21 against embeddings of 1.2, so that later heads copied from what those "
        "wrote. Muon for queries and keys, AdamW at 0.002 for the rest: first-layer heads wrote 10 "
        "against 0.7 after 1.2 million tokens, and repeats had not begun after 1.8 million. Muon "
        "for queries and keys, values and outputs at 0.0006, embeddings that start at 0.1, 70% "
        "repeats in the first phase, 7.0 million tokens in 20 minutes: 0.7 against 1.6, repeats "
        "from 1.4 million tokens on (.99 at the end), prefix matching .94, OV copying .98, name "
        "copying 1.00 in all four heads of the second layer; previous-token, induction and "
        "successor heads are found. But the attention phase ended after its 800 steps with "
        "indirect objects at .46, and at .56 in the end: heads attend to both names alike (.50 "
        "against .50), so there is no name mover."
    ),
    "gpt2": (
        "No head copies by its own OV circuit alone: at most .12 of the tokens, though heads of "
        "the second layer attend as induction heads do (.97). First-layer heads write vectors of "
        "length 8 to 14, against embeddings of 1.1, so later heads copy from what those wrote, "
        "which the embedding alone does not show. In a Llama configuration slower values and "
        "outputs, with larger embeddings, changed that; they were not tried on this one."
    ),
}
"""What the models fall short of, and which choices of a plan change it."""


def optimizers_text(plan: dict[str, Any]) -> str:
    """Which optimizer trains which weights, at which rates."""
    muon = f"Muon (momentum {MOMENTUM:g}, {ITERATIONS} Newton-Schulz iterations, highest rate "
    adam = f"AdamW (betas {plan['betas'][0]} and {plan['betas'][1]}, weight decay "
    matrices = (
        "queries and keys" if plan.get("matrices") is not None else "the matrices of the layers"
    )
    copying = (
        ""
        if plan.get("copying_rate") is None
        else f"AdamW with weight decay {plan['copying_decay']:g} and a highest rate of "
        f"{plan['copying_rate']:g} for values and outputs of the heads; "
    )
    return (
        f"{muon}{plan['matrix_rate']:g}) for {matrices}; {copying}{adam}"
        f"{plan['weight_decay']:g}, highest rate {plan['learning_rate']:g}) for the rest"
    )


def copying_text(plan: dict[str, Any]) -> str:
    """What of the plan makes a head's own OV circuit tell what it copies."""
    if plan.get("copying_rate") is None:
        return ""
    return (
        "Values and outputs are slow, and embeddings start with a standard deviation of "
        f"{plan['embedding_scale']:g} instead of 0.02, on purpose too: otherwise first-layer heads "
        "soon write ten times as much as the embedding, and what later heads copy is put together "
        "from that. Like the second phase this steers where copying is done; whoever studies how "
        "it comes about should know. "
    )
