"""Which rows of a transformer's text stand for the objects of a prompt.

SD3's text is CLIP's tokens (both encoders share their positions) and after them T5's; FLUX's is
T5's alone, though its first tokenizer is CLIP's, which gives only the pooled vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..backbones.families import of_pipeline
from ..errors import UserError
from ..prompts import Prompt
from .tokens import Positions, object_tokens, token_rows

if TYPE_CHECKING:
    from torch import Tensor

TOKENS = ("clip", "t5", "both")


def joint_object_tokens(
    pipe: Any, prompt: Prompt, tokens: str, text_length: int
) -> tuple[Positions, ...]:
    """Rows of the text that name subject and object of each relation, by the encoders read.

    Args:
        pipe: an SD3 or FLUX pipeline.
        tokens: one of ``TOKENS``: whose.
        text_length: tokens of T5, which are cut off there.

    Raises:
        UserError: the pipeline does not read these tokens, or an object has none.
    """
    family = of_pipeline(pipe)
    clips, t5 = family.word_tokenizers(pipe), family.t5_tokenizer(pipe)
    if tokens != "clip" and (t5 is None or not text_length):
        raise UserError(
            f"tokens={tokens} needs T5, and this backbone reads none: give --set tokens=clip."
        )
    if tokens != "t5" and not clips:
        raise UserError(
            f"tokens={tokens} needs rows of CLIP in the text, and {family.called} reads T5 alone: "
            "give --set tokens=t5."
        )
    found: list[Positions] = []
    if tokens != "t5":
        found.append(object_tokens(prompt, clips))
    if tokens != "clip":
        before = family.rows_before_t5(pipe)
        positions = object_tokens(prompt, [t5], limit=text_length)
        found.append(tuple(tuple(before + p for p in chosen) for chosen in positions))
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
