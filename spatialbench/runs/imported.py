"""Images somebody else made, as a method: an identity and nothing that could draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..plugins import ImageRequest, Method
from .names import IMPORTED

if TYPE_CHECKING:
    from PIL import Image

REWRITTEN = "rewritten_prompts"
"""The key of an identity that says how many prompts others rewrote; left out where none."""


@dataclass(frozen=True)
class Imported(Method):
    """What is known of imported work.

    Attributes:
        name: what its owner calls the method.
        backbone: the model it was made with, or ``unknown``.
        kind: the layout of the files it came from.
        content: hash of everything that was imported, so that other files are another run.
        rewritten: how many prompts were rewritten before the images were made, as far as the
            files say.
    """

    name: str
    backbone: str
    kind: str
    content: str
    rewritten: int = 0

    def identity(self) -> dict[str, Any]:
        """Name, backbone, and the hash of the imported files."""
        return {
            "method": self.name,
            "version": IMPORTED,
            "backbone": {"name": self.backbone},
            "layout": self.kind,
            "content": self.content,
            **({REWRITTEN: self.rewritten} if self.rewritten else {}),
        }

    def load(self) -> None:
        """Nothing to load."""

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """Always a UserError: what is missing has to be imported too."""
        raise UserError(
            f"{self.name} was imported, so no image of it can be made: give the import again "
            "with the missing files."
        )


def rewritten_note(count: int | str) -> str:
    """What a report or a table says of prompts that others rewrote."""
    were = "prompt was" if str(count) == "1" else "prompts were"
    return f"{count} {were} rewritten before the images were made."
