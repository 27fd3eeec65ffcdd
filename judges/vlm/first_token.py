"""The probability of an answer of one word, from the first token that a model would write.

Source: ``evaluation.py`` (Soft-TIFA) of facebookresearch/GenEval2 @ a6e82d2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError

from ..one_word import forms

if TYPE_CHECKING:
    import torch


def first_tokens(tokenizer: Any, expected: str) -> tuple[int, ...]:
    """The first token of each form of an answer, every token once.

    Args:
        tokenizer: of transformers.

    Raises:
        UserError: a form that the tokenizer has no token for.
    """
    found: dict[int, None] = {}
    for form in forms(expected):
        ids = tokenizer.encode(form, add_special_tokens=False)
        if not ids or ids[0] == tokenizer.unk_token_id:
            raise UserError(
                f"the judge's tokenizer has no token for the answer {form!r}: give the folder of a "
                "model whose tokenizer can write it."
            )
        found[ids[0]] = None
    return tuple(found)


def probability(logits: torch.Tensor, tokens: Sequence[int]) -> float:
    """The share of some tokens among all of the vocabulary; rounding may take it above 1.

    Args:
        logits: of the first token, shape (vocabulary,); the shares are made in float32.
        tokens: each once.

    Raises:
        UserError: logits that are not numbers.
    """
    shares = logits.float().softmax(dim=-1)
    if not bool(shares.isfinite().all()):
        raise UserError("the answer is not finite")
    return float(sum(float(shares[token]) for token in tokens))
