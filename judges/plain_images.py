"""Images of one colour, about which a judge that sees cannot answer alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatialbench.errors import UserError
from spatialbench.plugins.records import checked_answers

if TYPE_CHECKING:
    from PIL import Image

    from spatialbench.plugins import Judge

QUESTION = "is it red?"
_SIDE = 256
_LEAST_DIFFERENCE = 1e-9


def plain(colour: str) -> Image.Image:
    """An RGB image of one colour."""
    from PIL import Image

    return Image.new("RGB", (_SIDE, _SIDE), colour)


def answers_differ(judge: Judge, otherwise: str = "its weights are damaged; get them again") -> str:
    """Ask one question about a red and a blue image, for ``Judge.self_test``.

    Args:
        otherwise: what is wrong where it answers alike.

    Raises:
        UserError: it does, or gives no sound answer.
    """
    found = judge.answer([plain("red"), plain("blue")], [[QUESTION]] * 2)
    red, blue = (checked_answers([QUESTION], answers, judge.gives)[0] for answers in found)
    if abs(red - blue) <= _LEAST_DIFFERENCE:
        raise UserError(
            f"{judge.signature()} gives the same answer about a red and a blue image: {otherwise}."
        )
    return "answers differ between two plain images"
