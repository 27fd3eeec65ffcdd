"""The lab's tokenizer: one token a word, in the interface Stable Diffusion expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .captions import vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MAX_TOKENS = 16
"""Fits the longest caption: 13 words between the start and the end token."""
START, END, UNKNOWN = "<start>", "<end>", "<unk>"


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A word-level tokenizer over the world's vocabulary.

    The end token pads and has the highest id, because OWL-ViT's text tower looks for the
    sentence's end there (transformers takes the arg max of the ids). The start token is not 0,
    because OWL-ViT takes a query that starts with 0 for padding.
    """
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = [UNKNOWN, START, *vocabulary(), END]
    ids = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, ids[START]), (END, ids[END])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        unk_token=UNKNOWN,
        pad_token=END,
        model_max_length=MAX_TOKENS,
        padding_side="right",
    )
