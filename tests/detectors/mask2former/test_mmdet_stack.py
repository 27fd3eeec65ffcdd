"""The adapter around mmdet, against a stand-in with mmdet's interface.

mmdet needs compiled operations, so it is not installed for the tests. The stand-in has only what
the adapter calls, in both generations' layouts: ``init_detector``, ``inference_detector``, the
folder of configurations and ``state_dict``. It says nothing of mmdet's own numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench.detectors.mask2former import mmdet_stack
from spatialbench.detectors.mask2former.mmdet_layouts import in_naming_of, instances
from spatialbench.detectors.mask2former.mmdet_stack import CONFIGS, PLUGIN, MmdetDetector
from spatialbench.errors import UserError
from spatialbench.prompts import COCO_NAMES

DOG, CAT = COCO_NAMES.index("dog"), COCO_NAMES.index("cat")
NEW = "panoptic_head.transformer_decoder.layers.0.self_attn.attn.in_proj_weight"
OLD = "panoptic_head.transformer_decoder.layers.0.attentions.1.attn.in_proj_weight"


class StandIn(torch.nn.Module):
    """A model with one weight, under the name of its generation."""

    def __init__(self, name: str) -> None:
        super().__init__()
        parts = name.split(".")
        place: torch.nn.Module = self
        for part in parts[:-1]:
            place.add_module(part, torch.nn.Module())
            place = place.get_submodule(part)
        place.register_parameter(parts[-1], torch.nn.Parameter(torch.zeros(2)))


def answer(pixels: np.ndarray, generation: int, broken: bool = False) -> Any:
    """A dog in the blue half (the left), its score how blue the first pixel is; a cat; noise."""
    height, width, _ = pixels.shape
    left, right = np.zeros((2, height, width), dtype=bool)
    left[:, : width // 2] = True
    right[:, width // 2 :] = True
    score = float("nan") if broken else 0.5 + float(pixels[0, 0, 0]) / 1000
    rows = [
        (CAT, [width / 2, 0, width, height], 0.6, right),
        (DOG, [0, 0, width / 2, height], score, left),
        (DOG, [0, 0, 1, 1], 0.01, left & right),
    ]
    if generation == 2:
        boxes: list[Any] = [np.zeros((0, 5), dtype=np.float32) for _ in COCO_NAMES]
        masks: list[list[np.ndarray]] = [[] for _ in COCO_NAMES]
        for name, box, value, mask in rows:
            boxes[name] = np.vstack([boxes[name], np.array([*box, value], np.float32)])
            masks[name].append(mask)
        return boxes, masks
    return SimpleNamespace(
        pred_instances=SimpleNamespace(
            bboxes=torch.tensor([row[1] for row in rows]),
            scores=torch.tensor([row[2] for row in rows]),
            labels=torch.tensor([row[0] for row in rows]),
            masks=torch.from_numpy(np.stack([row[3] for row in rows])),
        )
    )


@pytest.fixture(params=[2, 3], ids=["mmdet2", "mmdet3"])
def stack(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """A stand-in for one generation, importable as mmdet; ``broken`` makes its scores NaN."""
    generation: int = request.param
    state = SimpleNamespace(generation=generation, broken=False, blind=False, config=None)
    folder = tmp_path / "site" / "mmdet" / ".mim" / "configs" / "mask2former"
    folder.mkdir(parents=True)
    (folder / CONFIGS[generation - 2]).write_text("model = dict()")
    package, apis = ModuleType("mmdet"), ModuleType("mmdet.apis")
    package.__file__ = str(tmp_path / "site" / "mmdet" / "__init__.py")

    def init_detector(config: str, checkpoint: str | None = None, device: str = "cuda:0") -> Any:
        state.config = (Path(config).name, checkpoint, device)
        return StandIn(OLD if generation == 2 else NEW)

    def inference_detector(model: Any, pixels: np.ndarray) -> Any:
        seen = np.zeros_like(pixels) if state.blind else pixels
        return answer(seen, generation, state.broken)

    vars(apis).update(init_detector=init_detector, inference_detector=inference_detector)
    monkeypatch.setitem(sys.modules, "mmdet", package)
    monkeypatch.setitem(sys.modules, "mmdet.apis", apis)
    monkeypatch.setattr(mmdet_stack, "version", lambda name: f"{generation}.9.9")
    return state


def checkpoint(folder: Path, name: str) -> Path:
    path = folder / "weights.pth"
    torch.save({"state_dict": {name: torch.tensor([3.0, 4.0])}}, path)
    return path


@pytest.fixture
def detector(stack: SimpleNamespace, tmp_path: Path) -> MmdetDetector:
    return PLUGIN.configure(str(checkpoint(tmp_path, OLD)))


def image(blue: int = 200) -> Image.Image:
    return Image.new("RGB", (40, 20), (10, 20, blue))


def test_instances_of_either_generation(detector: MmdetDetector) -> None:
    (found,) = detector.detect_masks([image()], [["dog"]])
    one = found.detections
    assert one.labels == ("dog", "cat")
    np.testing.assert_allclose(one.scores, [0.7, 0.6], atol=1e-6)
    assert one.boxes.tolist() == [[0, 0, 20, 20], [20, 0, 40, 20]]
    assert (one.width, one.height) == (40, 20)
    assert found.masks.shape == (2, 20, 40)
    assert found.masks[0, :, :20].all()
    assert not found.masks[0, :, 20:].any()
    assert detector.detect([image()], [["dog"]])[0].labels == one.labels


@pytest.mark.parametrize("name", [OLD, NEW])
def test_the_weights_are_put_in_by_us(stack: SimpleNamespace, tmp_path: Path, name: str) -> None:
    detector = PLUGIN.configure(str(checkpoint(tmp_path, name)))
    detector.load()
    assert stack.config == (CONFIGS[stack.generation - 2], None, "cpu")
    (value,) = detector._model.state_dict().values()
    assert value.tolist() == [3, 4]


def test_a_checkpoint_that_does_not_fit_is_refused(stack: SimpleNamespace, tmp_path: Path) -> None:
    """Where mmdet itself only warns, and goes on to find nothing."""
    wrong = PLUGIN.configure(str(checkpoint(tmp_path, "bbox_head.weight")))
    with pytest.raises(UserError, match=r"1 missing .*1 unexpected \(bbox_head\.weight\)"):
        wrong.load()


def test_names_and_answers_that_are_wrong(stack: SimpleNamespace, detector: MmdetDetector) -> None:
    with pytest.raises(UserError, match="unknown object of mask2former-mmdet 'dgo'"):
        detector.detect([image()], [["dgo"]])
    stack.broken = True
    with pytest.raises(UserError, match="NaN or infinite"):
        detector.detect([image()], [["dog"]])


def test_the_canary(stack: SimpleNamespace, detector: MmdetDetector) -> None:
    assert detector.self_test() == "2 and 2 instances in two plain images"
    stack.blind = True
    with pytest.raises(UserError, match="same answer to a grey and to a noisy image"):
        detector.self_test()


def test_identity_and_signature_say_who_computed_it(
    stack: SimpleNamespace, detector: MmdetDetector
) -> None:
    assert detector.identity()["mmdet"] == f"{stack.generation}.9.9"
    official = PLUGIN.configure()
    assert official.signature() == f"mask2former-swin-s@743b7d9-by-mmdet-{stack.generation}.9.9"
    assert official.signature().startswith(PLUGIN.signature_start)


def test_without_mmdet_it_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"spatialbench\[mmdet\].*--detector mask2former needs"):
        PLUGIN.configure()


def test_a_package_without_the_configuration(
    stack: SimpleNamespace, detector: MmdetDetector, tmp_path: Path
) -> None:
    sys.modules["mmdet"].__file__ = str(tmp_path / "other" / "mmdet" / "__init__.py")
    with pytest.raises(UserError, match="has no configuration"):
        detector.load()


def test_unknown_layouts_are_refused() -> None:
    with pytest.raises(UserError, match="layout that is not known"):
        instances(SimpleNamespace(boxes=[]))
    with pytest.raises(UserError, match="layout that is not known"):
        instances((1, 2, 3))
    boxes = [np.zeros((1, 5))]
    with pytest.raises(UserError, match="1 boxes but 0 masks"):
        instances((boxes, [[]]))


def test_names_are_translated_both_ways() -> None:
    assert in_naming_of({OLD: 1}, [NEW]) == {NEW: 1}
    assert in_naming_of({NEW: 1}, [OLD]) == {OLD: 1}
    assert in_naming_of({NEW: 1, "extra": 2}, [NEW]) == {NEW: 1, "extra": 2}
