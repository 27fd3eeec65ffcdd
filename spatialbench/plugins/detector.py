"""Detectors: what finds objects in images. With its weights chosen, one is a ``Detector``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .method import Json
from .plugin import Plugin

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    from ..detections import Detections
    from .requirements import Requirement


@dataclass(frozen=True, slots=True)
class MaskedDetections:
    """Detections and their masks: bool of shape (boxes, height, width), of the image's size."""

    detections: Detections
    masks: npt.NDArray[np.bool_]


class Detector(ABC):
    """A detector with its weights chosen."""

    score_threshold: float | None = None
    """The score, 0 to 1, from which its boxes count where it stands in for another detector.

    None for the rule's own threshold. One whose scores are on another scale states it.
    """
    own_labels: bool = False
    """Whether it answers labels of its own, whatever it is asked for: then labels that no prompt
    asks for are no sign of a wrong detector, even where there are no others."""
    has_masks: bool = False
    """Whether ``detect_masks`` gives the mask of each box."""
    has_colours: bool = False
    """Whether it names the colours of the boxes itself, so that nothing is put behind it for it."""

    @abstractmethod
    def identity(self) -> Json:
        """Everything that decides the boxes: class, weights and revision, image processor."""

    @abstractmethod
    def signature(self) -> str:
        """One word for the result signature, such as ``owlvit-base-patch32@cbc355f``."""

    @abstractmethod
    def load(self) -> None:
        """Load the weights; missing or unexpected keys are an error."""

    @abstractmethod
    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Find ``labels[i]`` (object names) in ``images[i]``, every box above the store's floor.

        Args:
            images: RGB, of any size.
            labels: what to look for in each; a detector with labels of its own may ignore them.
        """

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """The size in whose pixels it reports the boxes of an image of this size; by default that.

        A benchmark whose scorer measures in a frame of its own has a detector that reports in it.
        """
        return width, height

    def detect_masks(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> Sequence[MaskedDetections]:
        """As ``detect``, with masks; called only where ``has_masks``."""
        raise NotImplementedError(f"{self.signature()} has no masks")

    def prepare(self, image: Image.Image) -> None:
        """Work out ahead what ``detect`` needs of this very object; see ``plugins.ahead``.

        Called on other threads while it looks at other images. By default nothing is done.
        """
        return

    def unload(self) -> None:
        """Give the memory of the weights back; ``load`` may follow. By default it keeps them."""
        return

    def requirements(self, names: Collection[str]) -> Sequence[Requirement]:
        """What it needs to look for these object names; loads no model.

        By default nothing is asked, and the detector says what it lacks when it is used.
        """
        return ()

    def download(self) -> None:
        """Get what it takes from the network, without loading it; see ``Method.download``."""
        return

    def self_test(self) -> str:
        """Look at images of its own and say, in a few words, that the answers are sound.

        Raises:
            UserError: they are not.
        """
        return "weights load; it brings no self-test"


class DetectorPlugin(Plugin):
    """What an entry point of ``spatialbench.detectors`` names."""

    @property
    def signature_start(self) -> str | None:
        """How the signature of the model it is known for begins; None where ``configure`` tells."""
        return None

    @abstractmethod
    def configure(self, weights: str | None, device: str, offline: bool) -> Detector:
        """Choose the weights: None for its own, else a folder or ``org/name@revision``.

        Raises:
            UserError: weights that are not there, or that it does not take.
        """
