"""OWL-ViT and OWLv2 as transformers itself runs them: what the detectors are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.detectors.owlvit import FLOOR


def noise(*sizes: tuple[int, int]) -> list[Image.Image]:
    """Images of (height, width); of several sizes, so that scaling of boxes shows."""
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]


def full_pass(family: str, folder: Path, image: Image.Image, names: Sequence[str]) -> Detections:
    """All queries through the whole model, one image at a time.

    ``family`` is how transformers begins the names of its classes: ``OwlViT`` or ``Owlv2``.
    """
    import torch
    import transformers

    model = getattr(transformers, f"{family}ForObjectDetection").from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    processor = getattr(transformers, f"{family}ImageProcessorPil").from_pretrained(folder)
    texts = tokenizer(
        [f"a photo of a {name}" for name in names], padding="max_length", return_tensors="pt"
    )
    with torch.no_grad():
        output = model(
            input_ids=texts.input_ids,
            attention_mask=texts.attention_mask,
            pixel_values=processor(images=image, return_tensors="pt").pixel_values,
        )
    found = processor.post_process_object_detection(
        output, threshold=FLOOR, target_sizes=[(image.height, image.width)]
    )[0]
    labels = [names[i] for i in found["labels"]]
    return Detections.build(found["boxes"], found["scores"], labels, image.width, image.height)


def assert_close(found: Detections, expected: Detections) -> None:
    """The same boxes in the same order, up to rounding."""
    assert found.labels == expected.labels
    assert (found.width, found.height) == (expected.width, expected.height)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)
