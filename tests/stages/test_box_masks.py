"""Masks of boxes through SAM, on a small random model of the real class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.stages.box_masks import mask_model


def test_one_mask_a_box_in_the_images_size(sam_folder: Path) -> None:
    import torch
    from transformers import SamImageProcessorPil, SamModel, SamProcessor

    noise = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    boxes = np.array([[0, 0, 20, 20], [10.5, 5, 45, 29]], dtype=np.float32)
    found = mask_model(str(sam_folder), "cpu", True).masks(image, boxes)
    assert found.shape == (2, 30, 50)
    assert found.dtype == bool

    # The same by the library's own processor, which scales the boxes itself.
    processor = SamProcessor(SamImageProcessorPil.from_pretrained(sam_folder))
    inputs = processor(images=image, input_boxes=[boxes.tolist()], return_tensors="pt")
    model = SamModel.from_pretrained(sam_folder).eval()
    with torch.no_grad():
        outputs = model(
            pixel_values=inputs["pixel_values"],
            input_boxes=inputs["input_boxes"].float(),
            multimask_output=False,
        )
    (expected,) = processor.image_processor.post_process_masks(
        outputs.pred_masks, inputs["original_sizes"], inputs["reshaped_input_sizes"]
    )
    # Logits at zero fall to either side by rounding: the boxes are scaled in another order.
    assert (found != expected[:, 0].numpy()).mean() <= 0.005
    assert found.any()
    none = mask_model(str(sam_folder), "cpu", True).masks(image, np.zeros((0, 4), np.float32))
    assert none.shape == (0, 30, 50)


def test_another_model(depth_folder: Path) -> None:
    with pytest.raises(UserError, match="holds a model of type 'depth_anything'"):
        mask_model(str(depth_folder), "cpu", True).load()
