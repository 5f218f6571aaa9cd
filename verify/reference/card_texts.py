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
        "What was tried before heads of this configuration both copied by their own OV circuits "
        "and selected one name by attention (4 layers, width 128, world 3; recipes and thresholds "
        "unchanged). Copying: AdamW for all weights, no repeats after 4.6 million tokens; Muon for "
        "all matrices of the layers, repeats 1.00 but OV copying .05, because first-layer heads "
        "wrote vectors of length 17 to 21 against embeddings of 1.2, and later heads copied from "
        "what those wrote; Muon for queries and keys, values and outputs at 0.0006, embeddings "
        "that start at 0.1: 0.7 against 1.6, OV copying .98. Selection, without sentences whose "
        "subject stands right before the end: by that plan indirect objects stayed at .51 for "
        "2,000 steps of the attention phase, all heads of the second layer on both names alike. "
        "AdamW for all weights in batches of 24 came to .83, and with embeddings that start at 0.1 "
        "to .99 at the end, by subtraction: both names .46 to .53 in four heads, a head of the "
        "third layer that attends to the subject (.83) and takes it away, OV copying .30. From one "
        "state at the start of the attention phase, 500 to 1,500 steps with ten names instead of "
        "96, with 85% indirect objects, with the values and outputs of the first layer free, or "
        "with AdamW: .44 to .69, and both names alike. With the near subject: .63 after 120 "
        "steps, and the other sentences followed. Recall: world 4, which left no words out between "
        "a key and its value, came to .54 of four pairs in 10.0 million tokens; by template (60 "
        "items each) 1.00 where nothing stands between, .23 with one token between and .25 with "
        "two; contradictions .48, near needles .60. From one state at the start of the last "
        "phase, both with a fifth of the documents lists, after 1.2 million tokens: recall among "
        "eight pairs .25 without and .69 with words left out (32 items). More tokens did the "
        "rest: reviews were learned after 12 million, yes/no questions after 16. Boxes and "
        "choices stayed at chance. World 5 also has more lists and facts and fewer series in the "
        "last phase than world 4, and both models read more tokens; what of the gain is due to "
        "which was not measured."
    ),
    "gpt2": (
        "What was tried in world 3 and before. With all matrices of the layers at one rate no head "
        "copied by its own OV circuit alone (at most .12 of the tokens), because first-layer heads "
        "wrote vectors of length 8 to 14 against embeddings of 1.1; a quarter of that rate for "
        "values and outputs, and larger embeddings, changed that. Selection came later than "
        "in the Llama configuration: in the attention phase indirect objects stayed near .55 "
        "whether "
        "it lasted 1,000 steps or 1,600, though the subject stood right before the end, and heads "
        "began to prefer the right name in the last phase, with all weights free. World 4 "
        "(every fourth step read long documents, one block filled a document of repeats): repeats "
        "at positions 128 to 255 .00, recall .52 of four pairs, because its previous-token heads "
        "were such at the first positions alone: the better one's attention to the token before, "
        "on random tokens, was .93 at positions 0 to 31, .60 at 32 to 63, .07 at 64 to 95 and .02 "
        "from 128 on. Long documents every second step did not change that, nor did positions that "
        "start as sines and cosines (copying was learned 80 steps earlier); one block after "
        "another from the first step on kept copying from being learned for 1,200 steps. With "
        "their share growing with the curriculum it spread to all positions, and indirect objects "
        "came to .75 in the attention phase (32 items)."
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
    if plan.get("copying_rate") is None:
        copying = ""
    elif plan.get("matrices") is None:
        copying = f", for values and outputs of the heads at most {plan['copying_rate']:g}"
    else:
        copying = (
            f"; AdamW with weight decay {plan['copying_decay']:g} and a highest rate of "
            f"{plan['copying_rate']:g} for values and outputs of the heads"
        )
    return (
        f"{muon}{plan['matrix_rate']:g}) for {matrices}{copying}; {adam}"
        f"{plan['weight_decay']:g}, highest rate {plan['learning_rate']:g}) for the rest"
    )


def attention_steps_text(report: dict[str, Any], plan: dict[str, Any]) -> str:
    """How long the attention phase lasted, and what ended it."""
    start, end = report["starts"]["attention"], report["starts"]["later"]
    well = f"predicted with an accuracy of {plan['selection_accuracy']:g}"
    if end - start < plan["attention_steps"]:
        return (
            f"{end - start:,} steps from step {start:,} on, until the curriculum of subjects "
            f"(below) was through and indirect objects were {well}"
        )
    return (
        f"{end - start:,} steps from step {start:,} on, the most that it may last; it ends earlier "
        f"only where the curriculum of subjects (below) is through and indirect objects are {well}"
    )


def repeats_text(plan: dict[str, Any]) -> str:
    """What of the plan trains the learned positions that are seldom read."""
    if not plan.get("several_blocks"):
        return ""
    return (
        f" With the curriculum grows, to {plan['several_blocks']:.0%}, the share of documents of "
        "repeats in which one block follows another when it has been told twice or more: where "
        "one block fills a document, every copy can be read off the first, and heads learn what "
        "the token before was at the first positions alone, and later positions are hardly "
        "trained. For the same reason positions start as sines and cosines (Vaswani et al. 2017, "
        f"section 3.5) of height {plan['position_waves']:g}; they are trained like other weights."
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
