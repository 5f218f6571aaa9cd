"""The reference models' two tokenizers, saved as ordinary tokenizer folders.

The Llama model reads words. The GPT-2 model reads byte-level pairs learned from generated
documents, so that part of the words are split and most carry their leading space. Both split a
year into two numbers of two digits and an acronym into its capitals.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE, WordLevel
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as InTurn
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from verify.reference.lists import JOINED, WORD_PATTERN, bare

BOS = "<bos>"
UNK = "<unk>"
PAD = "<pad>"
SPECIALS = (BOS, UNK, PAD)
BYTE_PAIR_SPECIALS = (BOS, PAD)
BYTE_PAIR_VOCABULARY = 2048
"""Tokens of the byte-level tokenizer: two special ones, 256 bytes, the rest merged pairs."""
NO_SPACE_BEFORE = frozenset(".,:;?!)")
NO_SPACE_AFTER = frozenset("(")
PIECES = r" ?\d\d| ?[A-Z](?=[A-Z])"
"""What byte-level pairs never reach over: two digits, a capital in a run of capitals."""


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
    tokenizer.pre_tokenizer = Split(Regex(WORD_PATTERN), behavior="removed", invert=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        unk_token=UNK,
        pad_token=PAD,
        model_max_length=context,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


class WordEncoding:
    """One token a word."""

    tokens_a_word = 1.0

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.by_word = token_ids(vocabulary)
        self.pool = tuple(vocabulary)
        self.vocabulary = tuple(vocabulary)

    def __len__(self) -> int:
        return len(self.by_word)

    @property
    def bos(self) -> int:
        """Id of ``<bos>``."""
        return self.by_word[BOS]

    @property
    def pad(self) -> int:
        """Id of ``<pad>``."""
        return self.by_word[PAD]

    def ids(
        self,
        words: Sequence[str],
        *,
        of_pool: bool = False,  # noqa: ARG002 -- they are read alike
    ) -> list[list[int]]:
        """Token ids of each word; the pool and the text are the same words here."""
        return [[self.by_word[bare(word)]] for word in words]

    def tokenizer(self, context: int) -> PreTrainedTokenizerFast:
        """The tokenizer that reads text in this way."""
        return build_tokenizer(self.vocabulary, context)


class BytePairEncoding:
    """Byte-level pairs: words of a text carry the space before them and may be split."""

    def __init__(self, tokenizer: Tokenizer, tokens_a_word: float) -> None:
        self._tokenizer = tokenizer
        self.tokens_a_word = tokens_a_word
        self._vocabulary: dict[str, int] = tokenizer.get_vocab()
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def learned(
        cls, texts: Sequence[Sequence[str]], size: int = BYTE_PAIR_VOCABULARY
    ) -> BytePairEncoding:
        """Pairs merged by frequency in the texts (lists of words) until there are ``size`` tokens.

        Source: Sennrich et al. 2016; over bytes, Radford et al. 2019.
        """
        tokenizer = Tokenizer(BPE())
        tokenizer.pre_tokenizer = InTurn(
            [Split(Regex(PIECES), behavior="isolated"), ByteLevel(add_prefix_space=False)]
        )
        tokenizer.decoder = ByteLevelDecoder()
        trainer = BpeTrainer(
            vocab_size=size,
            special_tokens=list(BYTE_PAIR_SPECIALS),
            initial_alphabet=ByteLevel.alphabet(),
            show_progress=False,
        )
        written = ["".join(spaced(text)) for text in texts]
        tokenizer.train_from_iterator(written, trainer)
        read = sum(len(one.ids) for one in tokenizer.encode_batch(written))
        return cls(tokenizer, read / sum(len(text) for text in texts))

    def __len__(self) -> int:
        return len(self._vocabulary)

    @property
    def bos(self) -> int:
        """Id of ``<bos>``."""
        return self._vocabulary[BOS]

    @property
    def pad(self) -> int:
        """Id of ``<pad>``."""
        return self._vocabulary[PAD]

    @cached_property
    def pool(self) -> tuple[str, ...]:
        """Every token but the special ones, in the order of their ids."""
        by_id = sorted(self._vocabulary.items(), key=lambda item: item[1])
        return tuple(token for token, _ in by_id if token not in BYTE_PAIR_SPECIALS)

    def ids(self, words: Sequence[str], *, of_pool: bool = False) -> list[list[int]]:
        """Token ids of each word of a text, or of tokens of the pool as they are."""
        if of_pool:
            return [[self._vocabulary[token]] for token in words]
        return [self._piece(piece) for piece in spaced(words)]

    def _piece(self, piece: str) -> list[int]:
        # Pairs never reach over a space, so that a word with its space encodes on its own.
        if piece not in self._cache:
            self._cache[piece] = list(self._tokenizer.encode(piece).ids)
        return self._cache[piece]

    def tokenizer(self, context: int) -> PreTrainedTokenizerFast:
        """The tokenizer that reads text in this way; it adds no special token of its own."""
        return PreTrainedTokenizerFast(
            tokenizer_object=self._tokenizer,
            bos_token=BOS,
            pad_token=PAD,
            model_max_length=context,
            model_input_names=["input_ids", "attention_mask"],
            clean_up_tokenization_spaces=False,
        )


Encoding = WordEncoding | BytePairEncoding


def encoding_of(folder: Path) -> Encoding:
    """How the model in a folder reads text, from its tokenizer."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    vocabulary = tokenizer.get_vocab()
    if UNK not in vocabulary:
        return BytePairEncoding(tokenizer, tokens_a_word=1.0)
    words = sorted(vocabulary, key=lambda word: vocabulary[word])
    return WordEncoding(words[len(SPECIALS) :])


def spaced(words: Sequence[str]) -> list[str]:
    """Words as they stand in a text: with the space before them, where there is one."""
    pieces: list[str] = []
    for i, word in enumerate(words):
        first = i == 0 or words[i - 1] == BOS or words[i - 1] in NO_SPACE_AFTER
        alone = first or word in NO_SPACE_BEFORE or word == BOS or word.startswith(JOINED)
        pieces.append(bare(word) if alone else f" {word}")
    return pieces


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the tokenizer so that every transformers release since 4.40 can load it.

    Release 5 writes a class name that release 4 does not know; the older name loads in both.
    """
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
