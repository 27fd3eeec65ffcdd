"""The sentence Grounding DINO reads, and which name each of its tokens belongs to.

The model scores tokens. Its usual post-processing writes down every token above a threshold, which
turns "wine glass" into "glass" or into "wine glass dog". Here each token belongs to the name it
came from, by its place in the text, so that a box always gets one of the names that were asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spatialbench.errors import UserError

FRAME = -1
"""The owner of what belongs to no name: the beginning, the periods and the end."""

_SEPARATORS = ".?"
"""The model cuts its text into phrases at these."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Token ids, and for each of them the position of its name in the list, or ``FRAME``."""

    input_ids: tuple[int, ...]
    owners: tuple[int, ...]


def sentence(tokenizer: Any, names: Sequence[str], longest: int, detector: str) -> Sentence:
    """``dog. wine glass.`` for (dog, wine glass), in lower case as the model was trained.

    Args:
        tokenizer: of the model's folder; one that knows the offsets of its tokens.
        names: at least one, each once.
        longest: how many tokens the model reads.
        detector: its name, for errors.

    Raises:
        UserError: a name with a period or question mark, or of which a word is unknown, or more
            names than the model reads.
    """
    starts, text = [], ""
    for name in names:
        if any(mark in name for mark in _SEPARATORS) or not name.strip():
            raise UserError(
                f"{detector} separates object names by periods, so it cannot look for {name!r}; "
                "use a name without '.' and '?'."
            )
        starts.append(len(text))
        text += f"{name.lower()}. "
    encoded = tokenizer(text.rstrip(), return_offsets_mapping=True)
    ids = tuple(encoded["input_ids"])
    if len(ids) > longest:
        raise UserError(
            f"{detector} reads {longest} tokens, but the {len(names)} object names asked of one "
            f"image make {len(ids)}; ask for fewer or shorter names."
        )
    owners = [_owner(first, last, starts, names) for first, last in encoded["offset_mapping"]]
    for position, name in enumerate(names):
        own = [token for token, owner in zip(ids, owners, strict=True) if owner == position]
        if not own or tokenizer.unk_token_id in own:
            raise UserError(
                f"{detector} has no word for the object {name!r}; it would not be found even where "
                "it is. Use another detector, such as --detector owlvit."
            )
    return Sentence(ids, tuple(owners))


def _owner(first: int, last: int, starts: Sequence[int], names: Sequence[str]) -> int:
    """Whose token covers the characters ``first`` to ``last``; those of the frame cover none."""
    for position, (start, name) in enumerate(zip(starts, names, strict=True)):
        if start <= first < last <= start + len(name.lower()):
            return position
    return FRAME
