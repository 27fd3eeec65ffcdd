"""YOLO and YOLO-World behind the Detector protocol."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.files.shown_text import counted
from spatialbench.plugins import Detector, DetectorPlugin
from spatialbench.plugins.requirements import Requirement, required
from spatialbench.weights.hashing import file_hash

from ..asked_names import require_known, require_lists
from ..canary import plain_images, require_different
from .model import CLOSED, MOST, OVERLAP, SIDE, WORLD, YoloModel

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same weights would give other boxes."""

FLOOR = 0.05
"""Boxes with a score above it are kept; the lowest threshold of a rule is 0.1."""


class YoloDetector(Detector):
    """A YOLO with its checkpoint chosen; it reports every box of every class it has."""

    def __init__(self, name: str, kinds: tuple[str, ...], path: Path, device: str) -> None:
        self.name = name
        self.kinds = kinds
        self.path = path
        self.device = device
        self._model: YoloModel | None = None

    def identity(self) -> dict[str, Any]:
        """Everything that decides the boxes; plain JSON, nothing is loaded."""
        return {
            "detector": self.name,
            "version": VERSION,
            "weights": file_hash(self.path),
            "side": SIDE,
            "nms": OVERLAP,
            "most": MOST,
            "dtype": "float32",
            "floor": FLOOR,
        }

    def signature(self) -> str:
        """``yolo-yolo11n@0123456``: the file's name and the start of its hash."""
        return f"{self.name}-{self.path.stem}@{file_hash(self.path)[:7]}"

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """The library and, where it is installed, that the checkpoint has classes of these names.

        They stand in the checkpoint, which is read for them.
        """

        def installed() -> None:
            if find_spec("ultralytics") is None:
                raise UserError(
                    f"{self.name} needs ultralytics, which is not installed: pip install "
                    '"spatialbench[yolo]".'
                )

        library = required("the package ultralytics", installed)
        if library.missing or not names:
            return [library]

        def known() -> None:
            self.load()
            self._require_known([sorted(names)])

        check = required("its classes", known)
        return [library, *([check] if check.missing else [])]

    def load(self) -> None:
        """Load the checkpoint.

        Raises:
            UserError: no ultralytics, another kind of model, a file that would run code, or weights
                that are not finite.
        """
        if self._model is None:
            self._model = YoloModel(self.path, self.kinds, self.device, FLOOR)

    def unload(self) -> None:
        """Forget the model."""
        self._model = None

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Every box above the floor in each image, best score first, in its pixels.

        Raises:
            UserError: a name that is no class of the checkpoint, or output that is not finite.
        """
        require_lists(images, labels)
        self.load()
        assert self._model is not None
        self._require_known(labels)
        return [self._look(self._model, image) for image in images]

    def _look(self, model: YoloModel, image: Image.Image) -> Detections:
        found = model.look(image)
        names = [model.names[i] for i in found.cls.int().tolist()]
        boxes, scores = found.xyxy.cpu().numpy(), found.conf.cpu().numpy()
        return Detections.build(boxes, scores, names, image.width, image.height)

    def _require_known(self, labels: Sequence[Sequence[str]]) -> None:
        assert self._model is not None
        known = list(self._model.names.values())
        try:
            require_known(labels, known, self.name)
        except UserError as error:
            if self.kinds != WORLD:
                raise
            raise UserError(
                f"{error} The vocabulary of a YOLO-World checkpoint is fixed when it is saved. To "
                "change it, where OpenAI's CLIP is installed (from its git repository; its weights "
                "are a download): m = ultralytics.YOLOWorld(PATH); m.set_classes([...]); "
                "m.save(NEW)."
            ) from error

    def self_test(self) -> str:
        """Look at plain images: finite raw predictions that depend on what is seen.

        Raises:
            UserError: the model is broken.
        """
        import torch

        self.load()
        assert self._model is not None
        answers = []
        for image in plain_images():
            self._model.look(image)
            # Boxes lie about the same grid whatever is seen, so they would drown the rest.
            answers.append([part / (part.std() + 1e-12) for part in self._model.raw[1:]])
        grey, noisy = (torch.cat([part.flatten() for part in parts]) for parts in answers)
        require_different(grey, noisy)
        known = counted(len(self._model.names), "class", "classes")
        return f"{known}; answers soundly to two plain images"


@dataclass(slots=True)
class YoloPlugin(DetectorPlugin):
    """An entry point of ``spatialbench.detectors``: which kinds of checkpoint it reads."""

    name: str
    summary: str
    kinds: tuple[str, ...]

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> YoloDetector:
        """Choose the checkpoint, a ``.pt`` of ultralytics; nothing is downloaded.

        Raises:
            UserError: none given, or no such file.
        """
        path = None if weights is None else Path(weights).expanduser()
        if path is None or not path.is_file():
            given = "brings no weights" if path is None else f"finds no file {path}"
            raise UserError(
                f"{self.name} {given}: give --detector {self.name}:PATH with a .pt of ultralytics."
            )
        return YoloDetector(self.name, self.kinds, path, device)


YOLO = YoloPlugin(
    "yolo", "YOLO through ultralytics (extra yolo): the classes of the .pt you give", CLOSED
)
YOLO_WORLD = YoloPlugin(
    "yolo-world",
    "YOLO-World through ultralytics (extra yolo): the vocabulary saved in the .pt you give",
    WORLD,
)
