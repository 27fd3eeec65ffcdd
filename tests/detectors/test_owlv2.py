"""OWLv2 through the Detector protocol, against transformers' own full forward pass."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench.detectors.owlvit import OWLV2, OWLVIT
from spatialbench.errors import UserError
from tests.detectors.owlvit_reference import assert_close, full_pass, noise
from tests.tiny_models import edit_json, save_tiny_owlvit

LABELS = (("dog", "cat"), ("tv", "dog", "wine glass"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_owlvit(tmp_path_factory.mktemp("owlv2"), v2=True)


def drawn() -> list[Image.Image]:
    return noise((64, 64), (40, 120))


def test_agrees_with_the_full_forward_pass(folder: Path) -> None:
    images = drawn()
    found = OWLV2.configure(str(folder)).detect(images, LABELS)
    for image, names, result in zip(images, LABELS, found, strict=True):
        expected = full_pass("Owlv2", folder, image, names)
        assert len(result) > 5
        assert_close(result, expected)


def test_a_box_is_measured_by_the_longer_side(folder: Path) -> None:
    """A wide image is padded below to a square, so a patch is as high as it is wide."""
    detector = OWLV2.configure(str(folder))
    wide = drawn()[1]
    square = Image.new("RGB", (120, 120))
    square.paste(wide)
    of_wide, of_square = detector.detect([wide, square], [("dog",)] * 2)
    assert (of_wide.width, of_wide.height) == (120, 40)
    np.testing.assert_allclose(of_wide.boxes, of_square.boxes, atol=0.05)
    np.testing.assert_allclose(of_wide.scores, of_square.scores, atol=1e-4)


def test_identity_and_signature(folder: Path) -> None:
    assert OWLV2.configure().signature() == "owlv2-base-patch16-ensemble@cfd3195"
    identity = OWLV2.configure(str(folder)).identity()
    assert identity["detector"] == "owlv2"
    assert identity["image_processor"] == "Owlv2ImageProcessorPil"
    assert OWLV2.configure(str(folder)).signature() == f"owlv2@{identity['weights']['weights'][:7]}"


def test_the_generations_are_not_mixed_up(folder: Path, owlvit_folder: Path) -> None:
    with pytest.raises(UserError, match="type 'owlvit'; expected 'owlv2'"):
        OWLV2.configure(str(owlvit_folder)).load()
    with pytest.raises(UserError, match="type 'owlv2'; expected 'owlvit'"):
        OWLVIT.configure(str(folder)).load()


def test_weights_that_do_not_fit_are_named(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = {"model_type": "owlv2_vision_model", "hidden_size": 32, "intermediate_size": 64}
    config |= {"num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 64, "patch_size": 16}
    edit_json(copy / "config.json", vision_config=config)
    with pytest.raises(UserError, match=r"\d+ missing \(owlv2\.vision_model\.encoder\.layers\.2"):
        OWLV2.configure(str(copy)).load()


def test_the_canary_and_offline(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "answers soundly to two plain images" in OWLV2.configure(str(folder)).self_test()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="'spatialbench fetch owlv2'"):
        OWLV2.configure(offline=True).load()
