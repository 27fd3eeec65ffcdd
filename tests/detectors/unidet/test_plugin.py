"""UniDet through the Detector protocol."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench import plugins
from spatialbench.detectors.unidet.cascade import Found
from spatialbench.detectors.unidet.plugin import R50, RS200, UniDetDetector
from spatialbench.errors import UserError


class Eye:
    """In place of the network: features that are the image, one box over its upper half."""

    broken = False
    blind = False

    def features(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        seen = torch.zeros(1, 3, 60, 60) if self.blind else pixels[None, :, ::8, ::8].clone()
        if self.broken:
            seen[0, 0, 0, 0] = float("nan")
        return [seen, seen, seen, seen, seen]

    def propose(self, features: Any, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = size
        return torch.tensor([[0.0, 0.0, width, height / 2]]), torch.ones(1)

    def roi_heads(self, features: Any, boxes: torch.Tensor, size: tuple[int, int]) -> Found:
        return Found(boxes, torch.tensor([0.75]), torch.tensor([1]))


@pytest.fixture
def detector(tmp_path: Path) -> UniDetDetector:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    chosen = RS200.configure(str(path))
    chosen._model = Eye()
    chosen._device = torch.device("cpu")
    chosen._labels = ("cup", "cattle, cow")
    return chosen


def test_boxes_are_in_the_frame_of_the_benchmark(detector: UniDetDetector) -> None:
    image = Image.new("RGB", (1024, 768))
    (found,) = detector.detect([image], [["cup"]])
    assert (found.width, found.height) == (480, 360)
    assert found.boxes.tolist() == [[0, 0, 480, 180]]
    assert found.labels == ("cattle, cow",)
    np.testing.assert_allclose(found.scores, [0.75])


def test_names_that_are_no_label_are_said_once(
    detector: UniDetDetector, caplog: pytest.LogCaptureFixture
) -> None:
    image = Image.new("RGB", (64, 64))
    with caplog.at_level(logging.WARNING):
        detector.detect([image, image], [["cow", "cup"], ["sofa"]])
        detector.detect([image], [["cow"]])
    assert [record.getMessage() for record in caplog.records] == [
        "unidet has no label that is exactly 'cow' or 'sofa': by the official rule such an object "
        "is never found"
    ]


def test_features_that_are_not_finite_are_an_error(detector: UniDetDetector) -> None:
    assert isinstance(detector._model, Eye)
    detector._model.broken = True
    with pytest.raises(UserError, match="NaN or infinite values"):
        detector.detect([Image.new("RGB", (64, 64))], [["cup"]])


def test_the_self_test_refuses_a_model_that_does_not_look(detector: UniDetDetector) -> None:
    assert "two plain images" in detector.self_test()
    assert isinstance(detector._model, Eye)
    detector._model.blind = True
    with pytest.raises(UserError, match="same answer to a grey and to a noisy image"):
        detector.self_test()


def test_the_identity_follows_the_content_and_not_the_path(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a.pth", "b.pth", "c.pth"))
    for path, content in ((first, b"one"), (second, b"one"), (other, b"two")):
        path.write_bytes(content)
    chosen = [RS200.configure(str(path)) for path in (first, second, other)]
    assert chosen[0].identity() == chosen[1].identity()
    assert chosen[0].identity() != chosen[2].identity()
    # printf one | sha256sum
    assert chosen[0].signature() == "unidet-rs200@7692c3a"
    assert R50.configure(str(first)).signature() == "unidet-r50@7692c3a"


@pytest.mark.parametrize("name", ["unidet", "unidet-r50"])
def test_without_weights_it_says_where_they_come_from(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path))
    detector = plugins.load("detector", name).configure(None, "cpu", True)
    for ask in (detector.signature, detector.load):
        with pytest.raises(UserError, match=rf"not in the cache: get .* --detector {name}:PATH"):
            ask()


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "weights.pth"
    page.write_text("<html>Sign in</html>")
    (tmp_path / "learned_mAP+M.json").write_text('{"raw_data": []}')
    with pytest.raises(UserError, match=r"expected 722|cannot be read as a checkpoint"):
        RS200.configure(str(page)).load()
