"""Which text tokens stand for the two objects of a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...prompts import Prompt
from .nouns import Span, object_spans

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Positions = tuple[tuple[int, ...], tuple[int, ...]]
"""Token positions of the subject and of the object, counted with the start token."""


def object_tokens(prompt: Prompt, tokenizers: Sequence[Any]) -> Positions:
    """All tokens of both objects' names, by their place in the text.

    Args:
        tokenizers: fast tokenizers whose encoders share one sequence axis (SDXL has two).

    Raises:
        UserError: an object has no token (not in the text, or cut off), or the tokenizers disagree.
    """
    spans = object_spans(prompt)
    first, *others = (_positions(prompt, spans, tokenizer) for tokenizer in tokenizers)
    if any(other != first for other in others):
        raise UserError(
            f"the backbone's tokenizers place the objects of prompt {prompt.id} at different "
            "tokens; infsplign needs text encoders with one token axis: choose another backbone."
        )
    return first


def selection(positions: Sequence[Positions], tokens: int, device: torch.device) -> Tensor:
    """(batch, 2, tokens) float32: rows that average an object's tokens."""
    import torch

    rows = torch.zeros(len(positions), 2, tokens)
    for sample, pair in enumerate(positions):
        for which, chosen in enumerate(pair):
            for token in chosen:
                rows[sample, which, token] += 1 / len(chosen)
    return rows.to(device)


def _positions(prompt: Prompt, spans: tuple[Span, Span], tokenizer: Any) -> Positions:
    if not getattr(tokenizer, "is_fast", False):
        raise UserError(
            f"the backbone's {type(tokenizer).__name__} does not tell where its tokens stand in "
            "the text; infsplign needs a fast tokenizer (a tokenizer.json beside the vocabulary)."
        )
    limit = tokenizer.model_max_length
    offsets = tokenizer(
        prompt.text, return_offsets_mapping=True, truncation=True, max_length=limit
    )["offset_mapping"]
    subject, object_ = (
        tuple(i for i, (start, end) in enumerate(offsets) if start < span[1] and end > span[0])
        for span in spans
    )
    for span, chosen in zip(spans, (subject, object_), strict=True):
        if not chosen:
            raise UserError(
                f"prompt {prompt.id}: the object {prompt.text[slice(*span)]!r} lies beyond the "
                f"{limit} tokens the text encoder reads; shorten the prompt."
            )
    return subject, object_
