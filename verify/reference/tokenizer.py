"""The reference model's word-level tokenizer, saved as an ordinary tokenizer folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

BOS = "<bos>"
UNK = "<unk>"
PAD = "<pad>"
SPECIALS = (BOS, UNK, PAD)


def token_ids(vocabulary: Sequence[str]) -> dict[str, int]:
    """Id of every word: the special tokens first, then the words in the order given."""
    return {word: i for i, word in enumerate((*SPECIALS, *vocabulary))}


def build_tokenizer(vocabulary: Sequence[str], context: int) -> PreTrainedTokenizerFast:
    """A tokenizer of one token a word.

    Words and single punctuation marks are tokens and white space is dropped, so ``" Mary"``
    and ``"Mary"`` are the same token. It adds no special token of its own: who wants the
    ``<bos>`` that every training document starts with prepends ``bos_token_id``.
    """
    tokenizer = Tokenizer(WordLevel(token_ids(vocabulary), unk_token=UNK))
    # The matches are the words; what lies between them (white space) is removed.
    tokenizer.pre_tokenizer = Split(Regex(r"\w+|[^\w\s]"), behavior="removed", invert=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        unk_token=UNK,
        pad_token=PAD,
        model_max_length=context,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the tokenizer so that every transformers release since 4.40 can load it.

    Release 5 writes a class name that release 4 does not know; the older name loads in both.
    """
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
