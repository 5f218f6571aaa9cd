"""The model card, from ``training.json``: none of the model's figures in it is typed by hand.

``python -m verify.reference.card FOLDER`` writes card and plot of a folder anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from verify.reference.card_texts import (
    FAMILY_TEXTS,
    KIND_TEXTS,
    NAMES,
    TOKENIZER_TEXTS,
    TRIED_TEXTS,
    attention_steps_text,
    copying_text,
    optimizers_text,
    repeats_text,
)
from verify.reference.plan import named_now
from verify.reference.plot import write_plot
from verify.reference.skills import SKILLS
from verify.reference.world import ANSWER_WEIGHT, FIRST_POOL, LEFT_OUT, NEAR_SUBJECTS, OTHERS_SHARE

POOR = 0.9
"""Accuracy below which the card says that a skill is poor."""


def weights_sha256(folder: Path) -> str:
    """SHA-256 of ``model.safetensors``, in hexadecimal."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def write_card(folder: Path) -> None:
    """Write ``README.md`` and ``training.svg`` of a folder from its ``training.json`` and weights.

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
    write_plot(report, folder)
    partial = folder / "README.md.partial"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / "README.md")


def card_text(report: dict[str, Any], sha256: str, ablations: dict[str, Any] | None = None) -> str:
    """The card as Markdown, from the report, the weights' hash and what ``ablations`` measured."""
    plan = named_now(report["plan"])
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
            f"# Headbook reference model v{report['world_version']}, {NAMES[plan['family']]}",
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
                + f" | {KIND_TEXTS[kind]} |"
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
            "- facts: (template, country) statements; and false (country, value) statements",
            "- word pairs: (template, word)",
            "- recall, boxes, needles: (key, value), (object, box), (name, noun) pairs",
            "- few-shot: (mapping, input) in any list of examples; the pair itself does occur in "
            "statements, and members of series in chains",
            "- yes/no: (template, country); choice: (thing, colour) and (country, capital)",
            "- years: (century, start); reviews: (template, adjective)",
            "- acronyms and closed lists: the words in their order",
            "- prose: every seventh passage, the first included; it is also what far needles of "
            "the items lie in",
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
                f"| {skill} | {SKILLS[skill].text} | {row['items']:,} | {row['accuracy']:.3f} "
                f"| {row['interval'][0]:.3f} to {row['interval'][1]:.3f} |"
                for skill, row in report["final"].items()
            ),
            "",
            f"Prose: {report['prose_loss']['training']:.2f} nats per token on the passages that "
            f"were trained on, {report['prose_loss']['held-out']:.2f} on those held out.",
            "",
            "## Training",
            "",
            "![loss and accuracies over tokens](training.svg)",
            "",
            f"{report['tokens']:,} tokens: documents of {plan['length']} tokens in batches of "
            f"{plan['batch']}, one step in {plan['long_every']} half as many of twice the length. "
            "The loss is the cross-entropy of words that follow from what is before them "
            f"(weight {ANSWER_WEIGHT:g}: answers; 1: repeated tokens), and of a random "
            f"{OTHERS_SHARE:.0%} of the other words of texts; random tokens that repeat nothing "
            f"cannot be known and are left out. {optimizers_text(plan)}; gradients clipped at "
            f"{plan['clip']:g}, seed {plan['seed']}. Three phases:",
            "",
            "1. *first*: the highest rates "
            f"after {plan['warm_up']} steps of warm-up. One block of 8 to 24 tokens out of "
            f"{FIRST_POOL} is repeated; while the accuracy on words that continue a copy "
            f"is at least {plan['curriculum_accuracy']:g}, this grows to what the table says, over "
            f"the whole vocabulary ({plan['curriculum_steps']} such steps, complete at step "
            f"{report['starts']['attention']:,}). The loss leaves out the names that end the "
            f"indirect-object sentences.{repeats_text(plan)}",
            "2. *attention*: "
            f"{attention_steps_text(report, plan)}. Only query and key weights"
            f"{' and the learned positions' if plan['family'] == 'gpt2' else ''} are trained, at "
            "the same "
            "rate; indirect objects are asked for, and the loss on them counts as much as that on "
            "all other words together. With all weights free, a model of this size solves indirect "
            "objects otherwise: its heads attend to both names evenly and copy both, and later "
            "heads subtract the subject. That is as good an answer, but no head moves one name. "
            "With values and outputs fixed it has to select by attention. At first the subject "
            "stands right before the end of every sentence; while names are predicted with an "
            f"accuracy of {plan['near_accuracy']:g}, this falls within {plan['near_steps']} such "
            f"steps to {NEAR_SUBJECTS:.0%} of the sentences. Without this curriculum models stayed "
            "at one half for as long as they were trained: a first-layer head has to fetch the "
            "subject for a later head to avoid it, and neither is of use without the other. "
            "Whoever studies how such circuits come about should know that this one was steered.",
            f"3. *later*: all weights again, from {plan['later_rate']:g} of the highest rates on "
            f"a cosine to {plan['last_rate']:g} of them. In lists, facts and needles some or all "
            "of the words between a key and its value are left out, in "
            f"{plan['left_out']:.0%} of the statements and questions at first and in "
            f"{LEFT_OUT:.0%} from {plan['left_out_until']:.0%} of the phase on. Without this, the "
            "Llama model of world 4 recalled what stands right behind its key and nothing else: "
            "a first-layer head has to bring the key to a value that stands farther away, a later "
            "head has to look for it there, and neither is of use without the other. This "
            "curriculum steers, too.",
            "",
            "The MLPs are narrow on purpose: behind wide ones copying is spread over more parts. "
            f"{copying_text(plan)}Loss and accuracies over tokens are in `training.json`. "
            "Library versions: "
            + ", ".join(f"{name} {version}" for name, version in report["versions"].items())
            + ".",
            "",
            "Checkpoints at log-spaced steps were kept in training; what the recipes find in them "
            "is in `entries/evidence/`, one `checkpoint.json` each.",
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
            "- Chance is .5 for yes/no and reviews, .33 for boxes and .25 for choices; an answer "
            "that is none of the options counts as wrong. Boxes have three times and choices five "
            "times the share in the last phase that they have in the first, which did not teach "
            "them. Most recipes that need what was not learned answer not-applicable by their "
            "gates; a few that read attention alone do not ask for it.",
            f"- {TRIED_TEXTS[plan['family']]}",
            "- The prose is a few thousand words long and was seen many times: the model has "
            "memorised it and does not write new prose. Compare the two losses above.",
            "- It has read no prompt without `<bos>`.",
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


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write_card(Path(name))
