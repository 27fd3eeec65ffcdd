"""Mask2Former through the Detector protocol, on a small random model in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench.detectors.mask2former import detector as module
from spatialbench.detectors.mask2former.detector import Mask2FormerDetector
from spatialbench.detectors.mask2former.plugin import FACEBOOK, GENEVAL, GENEVAL_FILE
from spatialbench.errors import UserError
from tests.tiny_models import edit_json

NAMES = {0: "dog", 1: "cat", 2: "tv"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Mask2Former of one layer a part, with its image processor."""
    import transformers

    torch.manual_seed(0)
    backbone = transformers.SwinConfig(
        embed_dim=12,
        depths=[1, 1, 1, 1],
        num_heads=[1, 2, 2, 2],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        num_attention_heads=4,
        encoder_layers=1,
        decoder_layers=2,
        num_queries=7,
        id2label=NAMES,
        label2id={name: i for i, name in NAMES.items()},
    )
    model = transformers.Mask2FormerForUniversalSegmentation(config)
    with torch.no_grad():
        model.class_predictor.weight.normal_(std=1.5)
    path = tmp_path_factory.mktemp("mask2former")
    model.save_pretrained(path)
    transformers.Mask2FormerImageProcessorPil(
        size={"shortest_edge": 96, "longest_edge": 160}, size_divisor=32, ignore_index=255
    ).save_pretrained(path)
    return path


@pytest.fixture
def detector(folder: Path) -> Mask2FormerDetector:
    return FACEBOOK.configure(str(folder))


def drawn_image(width: int = 90, height: int = 60) -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_masks_and_boxes_are_in_pixels_of_the_original(detector: Mask2FormerDetector) -> None:
    images = [drawn_image(), drawn_image(100, 200)]
    found = detector.detect_masks(images, [["dog"], ["cat", "tv"]])
    assert [one.detections.labels for one in found] == [
        one.labels for one in detector.detect(images, [["dog"], ["cat", "tv"]])
    ]
    for image, one in zip(images, found, strict=True):
        boxes, masks = one.detections.boxes, one.masks
        assert len(boxes) > 0
        assert masks.shape == (len(boxes), image.height, image.width)
        assert (one.detections.scores > module.FLOOR).all()
        assert (np.diff(one.detections.scores) <= 0).all()
        for (x0, y0, x1, y1), mask in zip(boxes.astype(int), masks, strict=True):
            assert mask[y0:y1, x0:x1].sum() == mask.sum()
            assert mask[y0].any()
            assert mask[y1 - 1].any()
            assert mask[:, x0].any()
            assert mask[:, x1 - 1].any()


def test_the_folders_own_processor_decides_the_size(detector: Mask2FormerDetector) -> None:
    """transformers' stretches an image to multiples of 32 where mmdet's pads it."""
    detector.load()
    assert detector._loaded is not None
    pixels, canvas = detector._loaded.prepare(drawn_image(90, 60))
    assert canvas.original == (60, 90)
    assert canvas.valid == (96, 160)
    assert canvas.padded == tuple(pixels.shape[-2:]) == (96, 160)


def test_a_name_that_is_no_class_is_refused(detector: Mask2FormerDetector) -> None:
    with pytest.raises(UserError, match=r"unknown object of mask2former-facebook 'dgo'.*dog"):
        detector.detect([drawn_image()], [["dgo"]])


def test_nan_is_an_error_and_not_an_empty_image(detector: Mask2FormerDetector) -> None:
    detector.load()
    assert detector._loaded is not None
    with torch.no_grad():
        detector._loaded.model.class_predictor.bias.fill_(float("nan"))
    with pytest.raises(UserError, match="NaN or infinite"):
        detector.detect([drawn_image()], [["dog"]])


def test_the_self_test_looks_at_images(detector: Mask2FormerDetector) -> None:
    assert detector.self_test() == "3 classes; answers soundly to two plain images"
    assert detector._loaded is not None
    with torch.no_grad():
        for parameter in detector._loaded.model.model.pixel_level_module.parameters():
            parameter.zero_()
    with pytest.raises(UserError, match="same answer to a grey and to a noisy image"):
        detector.self_test()


def test_the_identity_says_weights_and_processor(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    first, second = FACEBOOK.configure(str(folder)), FACEBOOK.configure(str(copy))
    assert first.identity() == second.identity()
    assert first.identity()["image_processor"] == "Mask2FormerImageProcessorPil"
    hub = FACEBOOK.configure(f"facebook/mask2former-swin-small-coco-instance@{COMMIT}")
    assert hub.signature() == "mask2former-swin-small-coco-instance@0123456"
    official = GENEVAL.configure(None)
    assert official.signature() == "mask2former-swin-s@743b7d9"


def test_a_folder_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    edit_json(copy / "config.json", model_type="owlvit")
    with pytest.raises(UserError, match="holds a model of type 'owlvit'; expected 'mask2former'"):
        FACEBOOK.configure(str(copy)).load()


@pytest.mark.parametrize("weights", [None, "nowhere", "facebook/mask2former", "a/b@main"])
def test_weights_that_are_not_pinned_are_refused(weights: str | None) -> None:
    with pytest.raises(UserError, match="40 hex digits"):
        FACEBOOK.configure(weights)


def test_the_official_file_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="not in the cache: type 'spatialbench fetch mask2former'"):
        GENEVAL.configure(None, offline=True).load()
    damaged = GENEVAL_FILE.path
    damaged.parent.mkdir()
    damaged.write_bytes(b"half a download")
    with pytest.raises(UserError, match="its sha256 does not begin with 743b7d99"):
        GENEVAL.configure(None, offline=True).load()


def test_a_folder_tells_its_classes_before_it_is_loaded(detector: Mask2FormerDetector) -> None:
    known = [one.missing for one in detector.requirements(["dog"])]
    (lacking,) = (one for one in detector.requirements(["dgo"]) if one.missing)
    assert known == [None]
    assert "unknown object of mask2former-facebook 'dgo'" in str(lacking.missing)
    assert detector._loaded is None
