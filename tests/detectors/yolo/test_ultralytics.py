"""Small random models of ultralytics, saved as it saves them, through the whole adapter."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench.errors import UserError

os.environ.setdefault("YOLO_OFFLINE", "true")
try:
    import ultralytics
    from ultralytics.nn.tasks import ClassificationModel, DetectionModel, WorldModel
except (ImportError, RuntimeError) as error:  # a torchvision for another torch raises the second
    pytest.skip(
        f'no ultralytics: pip install "spatialbench[yolo]" beside a torchvision that fits this '
        f"torch ({error})",
        allow_module_level=True,
    )

from spatialbench.detectors.yolo.plugin import FLOOR, YOLO, YOLO_WORLD

NAMES = {0: "dog", 1: "wine glass", 2: "tv"}


def small(kind: Any, config: str, **options: Any) -> Any:
    """A model of the library's own layout with few channels, whose scores are not all near 0."""
    import yaml

    path = Path(ultralytics.__file__).parent / "cfg" / "models" / config
    layout = yaml.safe_load(path.read_text(encoding="utf-8"))
    layout |= {"scales": {"n": [0.33, 0.0625, 64]}, "scale": "n"}
    torch.manual_seed(0)
    return kind(layout, ch=3, nc=len(NAMES), verbose=False, **options).eval()


def lively(model: Any) -> Any:
    with torch.no_grad():
        for branch in model.model[-1].cv3:
            branch[-1].weight.normal_(std=1.0)
            branch[-1].bias.fill_(0.0)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.fill_(2.0)
    model.names = NAMES
    return model


def saved(model: Any, path: Path) -> Path:
    torch.save({"model": model, "ema": None, "train_args": {}}, path)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = lively(small(DetectionModel, "11/yolo11.yaml"))
    return saved(model, tmp_path_factory.mktemp("yolo") / "small.pt")


def drawn_image(width: int = 90, height: int = 60) -> Image.Image:
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    return coarse.resize((width, height))


def test_agrees_with_the_librarys_own_interface(checkpoint: Path) -> None:
    detector = YOLO.configure(str(checkpoint))
    images = [drawn_image(), drawn_image(100, 200)]
    found = detector.detect(images, [["dog"], ["tv"]])
    for image, one in zip(images, found, strict=True):
        theirs = ultralytics.YOLO(str(checkpoint)).predict(
            image, conf=FLOOR, imgsz=640, device="cpu", verbose=False
        )[0]
        assert len(one) == len(theirs.boxes) > 3
        np.testing.assert_allclose(one.scores, theirs.boxes.conf, atol=1e-5)
        # Scores that are equal up to rounding may come in another order.
        places = np.column_stack([one.boxes, [list(NAMES.values()).index(n) for n in one.labels]])
        wanted = np.column_stack([theirs.boxes.xyxy, theirs.boxes.cls])
        apart = np.abs(places[:, None] - wanted[None]).max(2)
        surely_kept = one.scores > one.scores.min() + 1e-4
        assert surely_kept.sum() > 3
        assert (apart[surely_kept].min(1) < 1e-2).all()
        assert (one.boxes >= 0).all()
        assert (one.boxes <= [image.width, image.height] * 2).all()


def test_the_canary_sees_a_blind_model(checkpoint: Path, tmp_path: Path) -> None:
    assert YOLO.configure(str(checkpoint)).self_test().startswith("3 classes")
    model = lively(small(DetectionModel, "11/yolo11.yaml"))
    with torch.no_grad():
        model.model[0].conv.weight.zero_()
    blind = YOLO.configure(str(saved(model, tmp_path / "blind.pt")))
    with pytest.raises(UserError, match="same answer to a grey and to a noisy image"):
        blind.self_test()


def test_weights_and_answers_that_are_not_finite_are_errors(tmp_path: Path) -> None:
    model = lively(small(DetectionModel, "11/yolo11.yaml"))
    with torch.no_grad():
        model.model[0].conv.weight[0] = float("nan")
    with pytest.raises(UserError, match="not finite in 1 tensors"):
        YOLO.configure(str(saved(model, tmp_path / "nan.pt"))).load()
    huge = lively(small(DetectionModel, "11/yolo11.yaml"))
    with torch.no_grad():
        huge.model[0].conv.weight.fill_(3e38)
    detector = YOLO.configure(str(saved(huge, tmp_path / "huge.pt")))
    with pytest.raises(UserError, match="NaN or infinite values"):
        detector.detect([drawn_image()], [["dog"]])


def test_a_world_model_has_the_vocabulary_it_was_saved_with(tmp_path: Path) -> None:
    model = small(WorldModel, "v8/yolov8-worldv2.yaml")
    model.txt_feats = torch.randn(1, len(NAMES), 512)
    model.names = NAMES
    path = saved(model, tmp_path / "world.pt")
    detector = YOLO_WORLD.configure(str(path))
    (found,) = detector.detect([drawn_image()], [["dog"]])
    assert set(found.labels) <= set(NAMES.values())
    assert detector.self_test().startswith("3 classes")
    with pytest.raises(UserError, match="set_classes"):
        detector.detect([drawn_image()], [["cow"]])
    with pytest.raises(UserError, match="holds a WorldModel, expected a DetectionModel"):
        YOLO.configure(str(path)).load()


def test_other_files_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds a DetectionModel, expected a WorldModel"):
        YOLO_WORLD.configure(str(checkpoint)).load()
    classes = saved(small(ClassificationModel, "11/yolo11-cls.yaml"), tmp_path / "cls.pt")
    with pytest.raises(UserError, match="holds a ClassificationModel"):
        YOLO.configure(str(classes)).load()
    damaged = tmp_path / "half.pt"
    damaged.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(UserError, match="cannot be loaded"):
        YOLO.configure(str(damaged)).load()
    exported = tmp_path / "small.onnx"
    exported.write_bytes(b"onnx")
    with pytest.raises(UserError, match=r"is not a \.pt file"):
        YOLO.configure(str(exported)).load()


class Code:
    """What a hostile checkpoint holds: a call that is made while it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    trace, path = tmp_path / "it was run", tmp_path / "hostile.pt"
    torch.save({"model": Code(trace)}, path)
    with pytest.raises(UserError, match="without running code"):
        YOLO.configure(str(path)).load()
    assert not trace.exists()
