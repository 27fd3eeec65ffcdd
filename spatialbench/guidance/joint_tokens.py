"""Which rows of a transformer's text stand for the objects of a prompt.

SD3's text is CLIP's tokens (both encoders share their positions) and after them T5's; FLUX's is
T5's alone, though its first tokenizer is CLIP's, which gives only the pooled vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..backbones.families import Family, of_pipeline
from ..errors import UserError
from ..prompts import Prompt
from .tokens import Positions, object_tokens, token_rows

if TYPE_CHECKING:
    from torch import Tensor

TOKENS = ("clip", "t5", "both")
Locate = Callable[[Prompt, Sequence[Any], int | None], Positions]
"""Tokens of a prompt's objects, from tokenizers and how many tokens are read (None for theirs)."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A text encoder whose tokens are rows of a transformer's text.

    Attributes:
        tokenizers: with one axis of tokens.
        limit: how many tokens are read, None for the tokenizer's own number.
        first: row of the text that its first token is.
    """

    tokenizers: Sequence[Any]
    limit: int | None
    first: int

    def words(self, text: str) -> list[int]:
        """Tokens that are the text's own: neither its start, its end nor padding."""
        tokenizer = self.tokenizers[0]
        limit = self.limit or tokenizer.model_max_length
        special = tokenizer(
            text, truncation=True, max_length=limit, return_special_tokens_mask=True
        )["special_tokens_mask"]
        return [token for token, mark in enumerate(special) if not mark]


def require_tokens(tokens: str, family: Family, text_length: int | None) -> None:
    """Refuse tokens that no row of the text is.

    Args:
        tokens: one of ``TOKENS``: whose.
        text_length: tokens of T5; None where that is not known.

    Raises:
        UserError: see above.
    """
    if tokens != "clip" and text_length == 0:
        raise UserError(
            f"tokens={tokens} needs T5, and this backbone reads none: give --set tokens=clip."
        )
    if tokens != "t5" and family.words == "t5":
        raise UserError(
            f"tokens={tokens} needs rows of CLIP in the text, and {family.called} reads T5 alone: "
            "give --set tokens=t5."
        )


def encoders_of(pipe: Any, tokens: str, rows: int) -> list[Encoder]:
    """The text encoders that are read.

    Args:
        pipe: an SD3 or FLUX pipeline.
        tokens: one of ``TOKENS``: whose.
        rows: of the text; T5's tokens are cut off where they end.

    Raises:
        UserError: the pipeline does not read these tokens.
    """
    family = of_pipeline(pipe)
    t5, before = family.t5_tokenizer(pipe), family.rows_before_t5(pipe)
    length = 0 if t5 is None else max(rows - before, 0)
    require_tokens(tokens, family, length)
    found = [] if tokens == "t5" else [Encoder(family.word_tokenizers(pipe), None, 0)]
    return found if tokens == "clip" else [*found, Encoder([t5], length, before)]


def located(pipe: Any, prompt: Prompt, encoder: Encoder, rows: int, locate: Locate) -> Positions:
    """Where the objects of a prompt are among the tokens of an encoder.

    Args:
        rows: of the text; T5's tokens are cut off where they end.

    Raises:
        UserError: an object has no token; with what to type where the other encoder reads them all.
    """
    try:
        return locate(prompt, encoder.tokenizers, encoder.limit)
    except UserError as error:
        for tokens in ("clip", "t5"):
            try:
                for other in encoders_of(pipe, tokens, rows):
                    locate(prompt, other.tokenizers, other.limit)
            except UserError:
                continue
            raise UserError(f"{error} Or give --set tokens={tokens}: it reads them all.") from error
        raise


def joint_object_tokens(
    pipe: Any, prompt: Prompt, tokens: str, text_length: int
) -> tuple[Positions, ...]:
    """Rows of the text that name subject and object of each relation, by the encoders read.

    Args:
        text_length: tokens of T5, which are cut off there.

    Raises:
        UserError: the pipeline does not read these tokens, or an object has none.
    """
    rows = of_pipeline(pipe).rows_before_t5(pipe) + text_length
    found = []
    for encoder in encoders_of(pipe, tokens, rows):
        positions = located(pipe, prompt, encoder, rows, object_tokens)
        found.append(tuple(tuple(encoder.first + p for p in chosen) for chosen in positions))
    return tuple(found)


def joint_columns(found: Sequence[tuple[Positions, ...]], length: int) -> Tensor:
    """(batch, objects, length) float64: rows that average an object's tokens, 0 without one.

    Each encoder's tokens are averaged alone, then the encoders: one of them may cut a name into
    many more pieces than another.

    Args:
        found: :func:`joint_object_tokens` of each prompt, all of the same encoders.
        length: rows of the text.
    """
    import torch

    means = []
    for positions in zip(*found, strict=True):
        rows = token_rows(positions, length).double()
        means.append(rows / rows.sum(-1, keepdim=True).clamp(min=1))
    return torch.stack(means).mean(0)
