"""How many images are made at a time: what the user asks for, as far as the method allows it."""

from __future__ import annotations

from collections.abc import Sequence

from ..plugins import Method
from ..prompts import Prompt

DEFAULT_BATCH_SIZE = 8


def batch_of(method: Method, asked: int | None) -> int:
    """Images at a time; by default enough for two rounds of what a method does at once."""
    usual = method.own_batch_size or max(DEFAULT_BATCH_SIZE, 2 * method.at_once)
    size = asked or usual
    return min(size, method.largest_batch or size)


def notes(method: Method, prompts: Sequence[Prompt], asked: int | None) -> list[str]:
    """What is printed before the first image: of the prompts, and of another batch size than asked.

    Raises:
        UserError: a prompt that the method cannot take.
    """
    said = list(method.about_prompts(prompts))
    size = batch_of(method, asked)
    if asked is not None and size < asked:
        said.append(
            f"batch size {size} and not {asked}: an image of this model is not known to be the "
            "same in a larger batch"
        )
    return said
