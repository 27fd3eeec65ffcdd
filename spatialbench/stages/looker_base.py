"""A model that looks at images, whatever it sees: one stage works with all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..files.shown_text import counted
from ..plugins import Detector, Judge
from ..plugins.evidence import SEEN
from ..plugins.records import SeenRecord
from ..plugins.requirements import Requirement
from ..prompts import Key
from .first_look import FirstLook

if TYPE_CHECKING:
    from PIL import Image


class WrongNumber(UserError):
    """A model returned more or fewer results than it was given images."""


class Looker(ABC):
    """A model that looks, and what is special to the kind of evidence it gives. Picklable."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """Of the evidence it gives."""

    @property
    @abstractmethod
    def stage(self) -> str:
        """What it does, as progress names it."""

    @property
    @abstractmethod
    def model(self) -> Detector | Judge:
        """With its weights chosen."""

    @property
    def signature(self) -> str:
        """The model's."""
        return self.model.signature()

    @property
    def whose(self) -> str:
        """The model as a sentence names it, such as ``the judge counting-judge@1``."""
        return f"the {SEEN[self.kind].model} {self.signature}"

    @abstractmethod
    def look(self, images: Sequence[Image.Image], asked: Sequence[Sequence[str]]) -> Any:
        """What the model sees: one result per image."""

    @abstractmethod
    def record(
        self,
        key: Key,
        sha256: str | None,
        seen: Any,
        image: Image.Image,
        asked: Sequence[str],
        before: Mapping[str, float],
    ) -> SeenRecord:
        """The record of what was seen in an image, whose file has this SHA-256.

        Args:
            before: what was answered about it before, and is kept.

        Raises:
            UserError: what the model cannot have seen; the message names both.
        """

    @property
    def one_by_one(self) -> bool:
        """Whether what is seen of an image never depends on the others of its batch."""
        return False

    def lacks(self, asked: Sequence[str], seen: Any) -> str | None:
        """Why there is no record of what was seen of an image; None where there is one."""
        return None

    @abstractmethod
    def requirements(self, asked: Collection[str]) -> Sequence[Requirement]:
        """What the model needs to be asked this."""

    @abstractmethod
    def first_look(self, *, found_before: bool) -> FirstLook:
        """What holds records back until one of them speaks for the model."""

    def seen(self, images: Sequence[Image.Image], asked: Sequence[Sequence[str]]) -> list[Any]:
        """As ``look``, if there is one result per image.

        Raises:
            WrongNumber: another number of them.
        """
        found = self.look(images, asked)
        if not isinstance(found, Sequence) or len(found) != len(images):
            what = f"{len(found)} results" if isinstance(found, Sequence) else f"{found!r:.80}"
            raise WrongNumber(
                f"{self.whose} returned {what} for {counted(len(images), 'image')}: expected a "
                "list with one result per image."
            )
        return list(found)
