"""Evidence: what was seen of one image, by kind, and where each kind lies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..detections import Detections
    from ..prompts import Key, Prompt
    from .method import ImageRequest
    from .records import BoxRecord

BOXES, COLOURS, MASKS, DEPTH = "boxes", "colours", "masks", "depth"
ANSWERS, SIMILARITY = "answers", "similarity"

EVIDENCE: Mapping[str, str] = {
    BOXES: "what a detector found",
    COLOURS: "the colours of the boxes, None for one whose colour was not looked at",
    MASKS: "a mask for each box, or None",
    DEPTH: "a depth map, larger is nearer",
    ANSWERS: "a judge's probabilities of yes, 0 to 1, by question",
    SIMILARITY: "how alike an image and a text are, -1 to 1, by text",
}
"""What evidence there is."""

Looking = Literal["detector", "judge"]
"""What looks at images, and the option that names it."""


class Seen(NamedTuple):
    """How messages and folders call what a model sees, and the model."""

    what: str
    model: Looking


SEEN: Mapping[str, Seen] = {
    BOXES: Seen("detections", "detector"),
    ANSWERS: Seen("answers", "judge"),
    SIMILARITY: Seen("similarities", "judge"),
}
"""The kinds that a model sees and a run keeps."""

FOUND_WITH_BOXES = (BOXES, COLOURS)
"""The kinds that a detector's record holds."""

OF_JUDGES = (ANSWERS, SIMILARITY)
"""The kinds that judges give, each judge one of them."""


class NoEvidence(UserError):
    """There is none of a kind, because nobody looked."""


class Source(ABC):
    """Where one kind of evidence lies, for all images that a rule judges."""

    @abstractmethod
    def read(self, evidence: Evidence) -> Any:
        """The evidence of this kind about the image that the rest of the evidence is about.

        Raises:
            UserError: there is none, it cannot be read, or it is about another image.
        """

    @abstractmethod
    def state(self) -> str:
        """A text that changes with the evidence, such as a hash; a score is known by it."""

    @property
    def word(self) -> str | None:
        """What made it, as a word of the result signature; None where that is told elsewhere."""
        return None

    @abstractmethod
    def require(self, requests: Sequence[ImageRequest]) -> None:
        """Nothing, where there is evidence of each of these images.

        Raises:
            UserError: some of it is missing; says what to type.
        """


class Evidence:
    """What was seen of one image. Each kind is read when it is first asked for.

    Attributes:
        prompt: what was asked for.
        index: of the image, among those of the prompt.
        record: the stored record of the boxes; None where no detector looked.
    """

    __slots__ = ("_known", "_sources", "index", "prompt", "record")

    def __init__(
        self,
        prompt: Prompt,
        index: int = 0,
        record: BoxRecord | None = None,
        sources: Callable[[str], Source | None] | None = None,
        **known: Any,
    ) -> None:
        """``sources`` gives the source of a kind; ``known`` is evidence at hand, by kind."""
        self.prompt, self.index, self.record = prompt, index, record
        self._sources, self._known = sources, known

    @property
    def key(self) -> Key:
        """The image."""
        return self.prompt.id, self.index

    @property
    def boxes(self) -> Detections:
        """Boxes in pixels, y down, above the store's floor.

        Raises:
            UserError: no detector looked, or its record is malformed.
        """
        if BOXES not in self._known and self.record is not None:
            self._known[BOXES] = self.record.detections()
        boxes: Detections = self._of(BOXES)
        return boxes

    @property
    def colours(self) -> Sequence[str | None]:
        """A colour for each box, None for one whose colour was not looked at."""
        found = self.boxes
        return (None,) * len(found) if found.colors is None else found.colors

    @property
    def depth(self) -> npt.NDArray[np.float32]:
        """Relative depth, (height, width), larger is nearer. Raises UserError where there is none.

        Of the image's size, unless the rule finds its own.
        """
        depth: npt.NDArray[np.float32] = self._of(DEPTH)
        return depth

    @property
    def masks(self) -> Sequence[npt.NDArray[np.bool_] | None] | None:
        """A mask (height, width) or None for every box; None where the image has none at all."""
        known = MASKS in self._known or (self._sources is not None and self._sources(MASKS))
        return self._of(MASKS) if known else None

    @property
    def answers(self) -> Mapping[str, float]:
        """A judge's probability of yes, 0 to 1, by question.

        Raises:
            UserError: no judge was asked about the image.
        """
        answers: Mapping[str, float] = self._of(ANSWERS)
        return answers

    @property
    def similarity(self) -> Mapping[str, float]:
        """How alike the image and a text are, -1 to 1, by text.

        Raises:
            UserError: no judge compared the image with a text.
        """
        found: Mapping[str, float] = self._of(SIMILARITY)
        return found

    def _of(self, kind: str) -> Any:
        if kind not in self._known:
            source = self._sources(kind) if self._sources is not None else None
            if source is None:
                raise NoEvidence(
                    f"there are no {kind} ({EVIDENCE[kind]}) of image {self.key[0]}/{self.index}."
                )
            self._known[kind] = source.read(self)
        return self._known[kind]
