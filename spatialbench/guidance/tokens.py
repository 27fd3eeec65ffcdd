"""Which text tokens stand for the objects of a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..prompts import Prompt
from .nouns import Span, guided_spans, guided_triplets, triplet_spans

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Positions = tuple[tuple[int, ...], ...]
"""Token positions of each object (subject first), counted with the start token."""


def object_tokens(prompt: Prompt, tokenizers: Sequence[Any], limit: int | None = None) -> Positions:
    """All tokens of both objects' names, subject first, by their place in the text.

    Those of a second relation come after those of the first, and so on.

    Args:
        tokenizers: fast tokenizers whose encoders share one sequence axis (SDXL has two).
        limit: how many tokens are read, where it is not the tokenizer's own number.

    Raises:
        UserError: an object has no token (not in the text, or cut off), or the tokenizers disagree.
    """
    pairs = triplet_spans(prompt, guided_triplets(prompt))
    return span_tokens(prompt, [span for pair in pairs for span in pair], tokenizers, limit)


def named_tokens(prompt: Prompt, tokenizers: Sequence[Any], limit: int | None = None) -> Positions:
    """All tokens of every object of a prompt's relations, or that a prompt without any names.

    Raises:
        UserError: as :func:`object_tokens`.
    """
    return span_tokens(prompt, guided_spans(prompt), tokenizers, limit)


def token_rows(positions: Sequence[Positions], tokens: int) -> Tensor:
    """(batch, objects, tokens) float32: 1 at an object's tokens; rows without an object are 0."""
    import torch

    most = max((len(objects) for objects in positions), default=0)
    rows = torch.zeros(len(positions), most, tokens)
    for sample, objects in enumerate(positions):
        for which, chosen in enumerate(objects):
            rows[sample, which, list(chosen)] = 1
    return rows


def prompt_words(texts: Sequence[str], tokenizer: Any, *, prompt_only: bool) -> Tensor:
    """(batch, tokens) bool: all tokens but the first and the last of the sequence.

    Args:
        prompt_only: only the words of the prompt, not the end of text and what comes after it.
    """
    import torch

    length = tokenizer.model_max_length
    words = torch.zeros(len(texts), length, dtype=torch.bool)
    for sample, text in enumerate(texts):
        end = length - 1
        if prompt_only:
            ids = tokenizer(text, truncation=True, max_length=length)["input_ids"]
            end = len(ids) - 1
        words[sample, 1:end] = True
    return words


def span_tokens(
    prompt: Prompt, spans: Sequence[Span], tokenizers: Sequence[Any], limit: int | None = None
) -> Positions:
    """All tokens of each span of characters of the prompt's text.

    Raises:
        UserError: as :func:`object_tokens`.
    """
    first, *others = (_positions(prompt, spans, tokenizer, limit) for tokenizer in tokenizers)
    if any(other != first for other in others):
        raise UserError(
            f"the backbone's tokenizers place the objects of prompt {prompt.id} at different "
            "tokens; this method needs text encoders with one token axis: choose another backbone."
        )
    return first


def selection(positions: Sequence[Positions], tokens: int, device: torch.device) -> Tensor:
    """(batch, objects, tokens) float32: rows that average an object's tokens, 0 without one."""
    import torch

    most = max((len(objects) for objects in positions), default=0)
    rows = torch.zeros(len(positions), most, tokens)
    for sample, objects in enumerate(positions):
        for which, chosen in enumerate(objects):
            for token in chosen:
                rows[sample, which, token] += 1 / len(chosen)
    return rows.to(device)


def _positions(
    prompt: Prompt, spans: Sequence[Span], tokenizer: Any, limit: int | None
) -> Positions:
    if not getattr(tokenizer, "is_fast", False):
        raise UserError(
            f"the backbone's {type(tokenizer).__name__} does not tell where its tokens stand in "
            "the text; this method needs a fast tokenizer (a tokenizer.json beside the vocabulary)."
        )
    limit = limit or tokenizer.model_max_length
    offsets = tokenizer(
        prompt.text, return_offsets_mapping=True, truncation=True, max_length=limit
    )["offset_mapping"]
    found = tuple(
        tuple(i for i, (start, end) in enumerate(offsets) if start < span[1] and end > span[0])
        for span in spans
    )
    for span, chosen in zip(spans, found, strict=True):
        if not chosen:
            raise UserError(
                f"prompt {prompt.id}: the object {prompt.text[slice(*span)]!r} lies beyond the "
                f"{limit} tokens the text encoder reads; shorten the prompt."
            )
    return found
