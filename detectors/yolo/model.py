"""A loaded YOLO: one image in, scored boxes of its own classes out.

An ultralytics ``.pt`` is a pickle of the model object. It is read only by the library's restricted
loader, which rebuilds known layers and runs no code of the file; there is no switch to trust one.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError
from spatialbench.weights.devices import check_device
from spatialbench.weights.loading import check_finite

from ..canary import require_finite

if TYPE_CHECKING:
    import torch
    from PIL import Image

OVERLAP = 0.7
MOST = 300
SIDE = 640
"""ultralytics' own settings for prediction."""

CLOSED = ("DetectionModel",)
WORLD = ("WorldModel",)


class YoloModel:
    """A detection model of ultralytics in float32 on one device.

    Attributes:
        names: the classes it finds, by class index.
        raw: what the network gave for the last image, before suppression: the boxes first.
    """

    def __init__(self, path: Path, kinds: tuple[str, ...], device: str, floor: float) -> None:
        chosen = check_device(device)
        module = _read(path, kinds)
        self.names: dict[int, str] = {int(i): str(name) for i, name in module.names.items()}
        self.raw: list[torch.Tensor] = []
        self._predictor = self._build(module, str(chosen), floor)

    def look(self, image: Image.Image) -> Any:
        """ultralytics' ``Boxes``: ``xyxy`` (n, 4) in the image's pixels, ``conf``, ``cls``.

        One image at a time: beside one of another shape it would be padded differently.

        Raises:
            UserError: output that is not finite.
        """
        return self._predictor([image.convert("RGB")])[0].boxes

    def _build(self, module: torch.nn.Module, device: str, floor: float) -> Any:
        """The library's predictor, which drops what is not finite without a word, made to look."""
        from ultralytics.models.yolo.detect import DetectionPredictor

        owner = self

        class Watched(DetectionPredictor):  # type: ignore[misc, unused-ignore]
            def postprocess(self, preds: Any, *arguments: Any, **options: Any) -> Any:
                tensors = list(_tensors(preds))
                require_finite("the YOLO model", *tensors)
                owner.raw = [one.float().clone() for one in tensors]
                return super().postprocess(preds, *arguments, **options)

        settings: dict[str, Any] = {"conf": floor, "iou": OVERLAP, "max_det": MOST, "imgsz": SIDE}
        settings |= {"device": device, "verbose": False, "save": False, "mode": "predict"}
        predictor = Watched(overrides=settings)
        predictor.setup_model(module, verbose=False)
        return predictor


def _read(path: Path, kinds: tuple[str, ...]) -> Any:
    """The model of a checkpoint, without running code from it."""
    # Both before the library is imported: it reports its use, and installs packages it misses.
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    try:
        import_module("ultralytics")
        tasks = import_module("ultralytics.nn.tasks")
    except (ImportError, RuntimeError) as error:
        raise UserError(
            f'ultralytics cannot be imported here ({error}): pip install "spatialbench[yolo]", '
            "with a torchvision that was built for this torch."
        ) from error
    if "safe_only" not in inspect.signature(tasks.torch_safe_load).parameters:
        raise UserError(
            "this ultralytics cannot load a checkpoint without running code from it: "
            'pip install --upgrade "spatialbench[yolo]".'
        )
    if path.suffix != ".pt":
        raise UserError(
            f"{path} is not a .pt file; give the checkpoint itself, such as yolo11n.pt, and not "
            "what was exported from it."
        )
    try:
        content, _ = tasks.torch_safe_load(path, safe_only=True)
    except MemoryError:
        raise
    # A pickle program raises whatever it likes: KeyError, AttributeError, struct.error.
    except Exception as error:
        raise UserError(
            f"{path} cannot be loaded without running code from it "
            f"({' '.join(str(error).split())[:200]}); give an intact checkpoint of ultralytics."
        ) from error
    module: Any = None
    if isinstance(content, dict):
        module = content.get("ema") or content.get("model")
    kind = type(module).__name__
    if kind not in kinds:
        raise UserError(
            f"{path} holds a {kind}, expected a {' or '.join(kinds)}: --detector yolo reads models "
            "for detection, --detector yolo-world those of YOLO-World."
        )
    module = module.float().eval()
    check_finite(f"{kind} in {path}", module)
    return module


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors of a prediction, however they are nested; the boxes come first."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
