"""The model card, written from ``training.json`` so that no figure in it is typed by hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

POOR = 0.9
"""Accuracy below which the card says that a skill is poor."""

SKILL_TEXTS: dict[str, str] = {
    "induction": "second copy of a block of 8 to 40 random words, from its third word on",
    "induction-late": "the same at positions 128 to 255",
    "indirect-object-names": "two names never trained on together",
    "indirect-object-places": "a template and a place never trained on together",
    "series": "a chain never trained on, from its third member on",
    "capitals": "a country in a template it was never trained in",
    "capitals-contradicted": "a false capital never trained on, stated before",
    "recall-4": "a key-value pair never trained on, among 4 pairs",
    "recall-8": "the same among 8 pairs",
    "recall-12": "the same among 12 pairs",
}

MIXTURE_TEXTS: dict[str, str] = {
    "repeats": (
        "a block of 4 to 40 random words repeated to the end of the document, with gaps of 0 to "
        "4 words, after a lead of up to 20"
    ),
    "indirect-object": "sentences with two names of which one is repeated, in both orders",
    "series": "days, months, seasons, number words, ordinal words and letters in order",
    "capitals": "statements of 60 capitals; a quarter of the countries have a false one",
    "recall": "lists of 2 to 12 key-value pairs, then the same pairs in other orders",
    "prose": "passages of `entries/text/plain-prose.yaml`",
    "unrepeated": "different random words",
}


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


def weights_sha256(folder: Path) -> str:
    """SHA-256 of ``model.safetensors``, in hexadecimal."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def write_card(folder: Path) -> None:
    """Write ``README.md`` of a model folder from its ``training.json`` and weights.

    The section on ablations is there if ``ablations.json`` is, and belongs to these weights.

    Raises:
        FileNotFoundError: the folder lacks ``training.json`` or ``model.safetensors``.
    """
    report = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    sha256 = weights_sha256(folder)
    ablations = folder / "ablations.json"
    measured = json.loads(ablations.read_text(encoding="utf-8")) if ablations.is_file() else None
    if measured is not None and measured["weights_sha256"] != sha256:
        measured = None  # of other weights
    text = card_text(report, sha256, measured)
    partial = folder / "README.md.partial"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / "README.md")


def card_text(report: dict[str, Any], sha256: str, ablations: dict[str, Any] | None = None) -> str:
    """The card as Markdown, from the report, the weights' hash and what ``ablations`` measured."""
    plan = report["plan"]
    poor = [
        f"{skill} ({row['accuracy']:.2f})"
        for skill, row in report["final"].items()
        if row["accuracy"] < POOR
    ]
    return "\n".join(
        [
            "---",
            "license: apache-2.0",
            "language: en",
            "library_name: transformers",
            "pipeline_tag: text-generation",
            "tags: [interpretability, attention-heads, toy-model]",
            "---",
            "",
            "# Headbook reference model, v2",
            "",
            FAMILY_TEXTS[plan["family"]].format(**plan) + f"width {plan['width']}, MLP width "
            f"{plan['mlp_width']}, context {plan['context']}, untied embeddings, "
            f"{report['parameters']:,} parameters in fp32. It was trained on generated "
            "documents so that recipes for attention heads can be run on heads that were learned. "
            "It knows the words of its world and no others, and is of no use for anything else.",
            "",
            f"SHA-256 of `model.safetensors`: `{sha256}`",
            "",
            "## Use",
            "",
            "`AutoModelForCausalLM.from_pretrained` and `AutoTokenizer.from_pretrained` load the "
            "folder. "
            + TOKENIZER_TEXTS[plan["family"]].format(**report)
            + " It adds no special token: prepend `bos_token_id`, because every training document "
            "starts with `<bos>`.",
            "",
            "## Training data",
            "",
            "Each document is drawn from one of these kinds (share of documents in each of the "
            "three phases of training):",
            "",
            f"| kind | {' | '.join(report['mixtures'])} | what |",
            f"|---|{'---|' * len(report['mixtures'])}---|",
            *(
                f"| {kind} | "
                + " | ".join(f"{mixture[kind]:.0%}" for mixture in report["mixtures"].values())
                + f" | {MIXTURE_TEXTS[kind]} |"
                for kind in report["mixtures"]["first"]
            ),
            "",
            "The word lists and templates are in `entries/vocabulary/`, the passages in "
            f"`entries/text/`. World version {report['world_version']}, hash "
            f"`{report['world_hash']}`.",
            "",
            "### Held out",
            "",
            "A combination is held out when the BLAKE2b hash of its parts is divisible by 8, "
            "about one in eight (`verify/reference/lists.py`). Never trained on:",
            "",
            "- indirect object: unordered pairs of names in one sentence; and (template, place)",
            "- series: (series, first member, number of members) as one whole chain. Its pairs of "
            "neighbours do occur in other chains",
            "- capitals: (template, country) statements; and false (country, city) statements",
            "- key-value recall: (key, value) pairs",
            "- prose: every seventh passage, the first included",
            "- repeats: random blocks are new by construction",
            "",
            "## Accuracy on held-out items",
            "",
            "An answer is right when it is the most likely next token. The interval is Wilson's "
            f"at 95%. Generator seed {report['report_seed']}.",
            "",
            "| skill | item | items | accuracy | 95% interval |",
            "|---|---|---|---|---|",
            *(
                f"| {skill} | {SKILL_TEXTS[skill]} | {row['items']:,} | {row['accuracy']:.3f} "
                f"| {row['interval'][0]:.3f} to {row['interval'][1]:.3f} |"
                for skill, row in report["final"].items()
            ),
            "",
            f"Prose: {report['prose_loss']['training']:.2f} nats per token on the passages that "
            f"were trained on, {report['prose_loss']['held-out']:.2f} on those held out.",
            "",
            "## Training",
            "",
            f"{report['tokens']:,} tokens: documents of {plan['length']} tokens in batches of "
            f"{plan['batch']}. AdamW, betas {plan['betas'][0]} and {plan['betas'][1]}, weight "
            f"decay {plan['weight_decay']:g}, gradients clipped at {plan['clip']:g}, seed "
            f"{plan['seed']}. Three phases:",
            "",
            "1. *first*: learning rate "
            f"{plan['learning_rate']:g} after {plan['warm_up']} steps of warm-up. One block of 8 "
            "to 24 words out of 200 is repeated; while the accuracy on words that continue a copy "
            f"is at least {plan['curriculum_accuracy']:g}, this grows to what the table says, over "
            f"the whole vocabulary ({plan['curriculum_steps']} such steps, complete at step "
            f"{report['starts']['attention']}). The loss leaves out the names that end the "
            "indirect-object sentences.",
            "2. *attention*: "
            f"{report['starts']['later'] - report['starts']['attention']} steps, from step "
            f"{report['starts']['attention']} until indirect objects are predicted with an "
            f"accuracy of {plan['selection_accuracy']:g}. Only the query and key weights are "
            "trained, at the same rate; indirect objects are asked for, and the loss on them "
            "counts as much as that on all other words together. With all weights "
            "free, this model solves indirect objects otherwise: its heads attend to both names "
            "evenly and copy both, and later heads subtract the subject. That is as good an "
            "answer, but no head moves one name. With values and outputs fixed it has to select "
            "by attention. Whoever studies how such circuits come about should know that this "
            "one was steered.",
            "3. *later*: all weights again, from "
            f"{plan['learning_rate'] * plan['later_rate']:g} on a cosine to "
            f"{plan['learning_rate'] * plan['last_rate']:g}.",
            "",
            "The MLPs are narrow on purpose: behind wide ones, and with eight heads a layer, "
            "copying was spread so that no head's own OV circuit ranked the token it copies first. "
            "Loss and accuracies over tokens are in `training.json`. Library versions: "
            + ", ".join(f"{name} {version}" for name, version in report["versions"].items())
            + ".",
            "",
            "To train it again, on one CPU core (the same library versions and kind of processor "
            "give the same weights):",
            "",
            "```sh",
            f"python -m verify.reference.train --family {plan['family']} --out DIR"
            f" --tokens {plan['tokens']} --seed {plan['seed']}",
            "```",
            "",
            *(ablations_text(ablations) if ablations else []),
            "## Limits",
            "",
            f"- Learned poorly or not at all (accuracy below {POOR:g}): "
            f"{', '.join(poor) or 'nothing that was asked'}.",
            "- The prose is a few thousand words long and was seen many times: the model has "
            "memorised it and does not write new prose. Compare the two losses above.",
            "- It has read no prompt without `<bos>` and nothing past position "
            f"{plan['length'] - 1}, though its context is {plan['context']}.",
            "- A skill that is learned need not be carried by a head. The table above says what "
            "the model can do, not where.",
            "- Facts are those of a closed world of 60 countries.",
            "",
        ]
    )


def ablations_text(measured: dict[str, Any], most: int = 5) -> list[str]:
    """Which single parts each skill needs, from ``ablations.json``, as lines of the card."""
    rows = []
    for skill, by_part in measured["accuracy"].items():
        whole = by_part["none"]
        parts = sorted((share, part) for part, share in by_part.items() if part != "none")
        shown = ", ".join(f"{part} {share:.2f}" for share, part in parts[:most])
        heads = [(share, part) for share, part in parts if not part.startswith("mlp")]
        worst = min(heads)
        rows.append(f"| {skill} | {whole:.2f} | {shown} | {worst[1]}: {worst[0] - whole:+.2f} |")
    return [
        "## What each skill needs",
        "",
        "Accuracy on held-out items with one part silenced (its output set to zero at every "
        f"position), {measured['items']} items a skill, seed {measured['seed']}. A head is "
        "`layer.head`; `mlp 2` is the MLP of the third layer. Made by "
        "`python -m verify.reference.ablations`, which writes all parts to `ablations.json`.",
        "",
        "| skill | whole | most needed parts, and what is left without each | dearest head |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
