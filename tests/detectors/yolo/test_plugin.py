"""What the adapter does around ultralytics, with or without it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench.detectors.yolo.plugin import YOLO, YOLO_WORLD, YoloDetector
from spatialbench.errors import UserError


class Eye:
    """In place of the network: one box over the left half, whose score the image decides."""

    def __init__(self, blind: bool = False) -> None:
        self.names = {0: "dog", 1: "wine glass"}
        self.blind = blind
        self.raw: list[torch.Tensor] = []

    def look(self, image: Image.Image) -> Any:
        seen = torch.from_numpy(np.asarray(image, dtype=np.float32)).flatten()
        self.raw = [torch.arange(9.0), torch.ones(9) if self.blind else seen]
        return SimpleNamespace(
            xyxy=torch.tensor([[0.0, 0, image.width / 2, image.height]]),
            conf=torch.tensor([0.75]),
            cls=torch.tensor([1.0]),
        )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "small.pt"
    path.write_bytes(b"weights")
    return path


def seeing(path: Path, *, plugin: Any = YOLO, blind: bool = False) -> YoloDetector:
    detector: YoloDetector = plugin.configure(str(path))
    detector._model = Eye(blind)
    return detector


def test_boxes_are_in_pixels_of_the_image(path: Path) -> None:
    (found,) = seeing(path).detect([Image.new("RGB", (90, 60))], [["dog"]])
    assert (found.width, found.height) == (90, 60)
    assert found.boxes.tolist() == [[0, 0, 45, 60]]
    assert found.labels == ("wine glass",)


def test_a_name_that_is_no_class_is_refused(path: Path) -> None:
    image = Image.new("RGB", (90, 60))
    with pytest.raises(UserError, match=r"unknown object of yolo 'cow'") as closed:
        seeing(path).detect([image], [["cow"]])
    assert "set_classes" not in str(closed.value)
    with pytest.raises(UserError, match=r"'cow'.*OpenAI's CLIP is installed.*set_classes"):
        seeing(path, plugin=YOLO_WORLD).detect([image], [["cow"]])


def test_the_self_test_refuses_a_model_that_does_not_look(path: Path) -> None:
    assert seeing(path).self_test() == "2 classes; answers soundly to two plain images"
    with pytest.raises(UserError, match="same answer to a grey and to a noisy image"):
        seeing(path, blind=True).self_test()


def test_identity_and_signature(path: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    copy = moved / path.name
    copy.write_bytes(path.read_bytes())
    one, other = YOLO.configure(str(path)), YOLO.configure(str(copy), device="cuda")
    assert one.identity() == other.identity()
    assert one.signature() == f"yolo-small@{one.identity()['weights'][:7]}"
    copy.write_bytes(b"others")
    assert one.identity() != YOLO.configure(str(copy)).identity()


def test_weights_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="yolo brings no weights: give --detector yolo:PATH"):
        YOLO.configure()
    with pytest.raises(UserError, match="yolo-world finds no file"):
        YOLO_WORLD.configure(str(tmp_path / "absent.pt"))


def test_without_the_extra_it_says_what_to_install(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    monkeypatch.delitem(sys.modules, "ultralytics.nn.tasks", raising=False)
    with pytest.raises(UserError, match=r'pip install "spatialbench\[yolo\]"'):
        YOLO.configure(str(path)).load()


def test_an_ultralytics_that_would_run_code_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = SimpleNamespace(torch_safe_load=lambda weight: pytest.fail("it was loaded"))
    for name in ("ultralytics", "ultralytics.nn"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(__path__=[]))
    monkeypatch.setitem(sys.modules, "ultralytics.nn.tasks", old)
    with pytest.raises(UserError, match="cannot load a checkpoint without running code"):
        YOLO.configure(str(path)).load()


def test_the_classes_are_known_before_the_first_image(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spatialbench.detectors.yolo.plugin.find_spec", lambda name: object())
    detector = seeing(path)
    assert not any(one.missing for one in detector.requirements(["dog", "wine glass"]))
    assert not any(one.missing for one in YOLO.configure(str(path)).requirements([]))
    (lacking,) = (one for one in detector.requirements(["cow", "dog"]) if one.missing)
    assert "unknown object of yolo 'cow'" in str(lacking.missing)
