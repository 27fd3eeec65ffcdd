"""Depth Anything through transformers, on a small random model of the real class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.stages.depth_anything import SMALL, depth_model


def _image(width: int, height: int, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def test_a_map_has_its_images_size_and_no_company(depth_folder: Path) -> None:
    model = depth_model(str(depth_folder), "cpu", True)
    made = [_image(64, 48), _image(40, 80, 1)]
    together = model.estimate(made)
    assert [depth.shape for depth in together] == [(48, 64), (80, 40)]
    assert all(depth.dtype == np.float32 for depth in together)
    for image, depth in zip(made, together, strict=True):
        np.testing.assert_array_equal(model.estimate([image])[0], depth)
    assert together[0].std() > 0


def test_it_is_what_transformers_own_pipeline_computes(depth_folder: Path) -> None:
    import torch
    from transformers import DepthAnythingForDepthEstimation, DPTImageProcessorPil

    image = _image(64, 48)
    processor = DPTImageProcessorPil.from_pretrained(depth_folder)
    plain = DepthAnythingForDepthEstimation.from_pretrained(depth_folder).eval()
    with torch.no_grad():
        raw = plain(**processor(images=image, return_tensors="pt")).predicted_depth
    scaled = torch.nn.functional.interpolate(
        raw[None], size=(48, 64), mode="bicubic", align_corners=False
    )[0, 0]
    (depth,) = depth_model(str(depth_folder), "cpu", True).estimate([image])
    np.testing.assert_allclose(depth, scaled.numpy(), atol=1e-5)


def test_signature_and_identity(depth_folder: Path) -> None:
    assert depth_model(None, "cpu", True).signature() == "Depth-Anything-V2-Small-hf@5426e4f"
    assert depth_model(None, "cpu", True).identity()["weights"] == {
        "source": SMALL.repo,
        "revision": SMALL.revision,
    }
    assert depth_model(str(depth_folder), "cpu", True).signature().startswith("depth-anything@")


def test_models_that_will_not_do(metric_folder: Path, sam_folder: Path) -> None:
    with pytest.raises(UserError, match="metric depth, where larger is farther"):
        depth_model(str(metric_folder), "cpu", True).load()
    with pytest.raises(UserError, match="holds a model of type 'sam'"):
        depth_model(str(sam_folder), "cpu", True).load()
    with pytest.raises(UserError, match="not pinned"):
        depth_model("depth-anything/Depth-Anything-V2-Small-hf", "cpu", True)
    with pytest.raises(UserError, match="neither a folder nor a repository"):
        depth_model("nowhere at all", "cpu", True)
