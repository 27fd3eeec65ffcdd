"""The converted checkpoint against mmdet's own model: same weights, same image, same answers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench.detectors.mask2former.conversion import load_mmdet, swin_small
from spatialbench.detectors.mask2former.instances import Canvas, instances
from spatialbench.detectors.mask2former.preparation import normalise
from tests.detectors import official

pytestmark = official.needs_data

FILES = official.expected_files("mask2former_swin_s_expected*.json")


@lru_cache(maxsize=1)
def network(path: Path) -> Any:
    model = swin_small()
    fill = official.read(path)["fill"]
    load_mmdet(model, official.filled_state("mask2former_swin_s", fill, "mmdet3"), "it")
    return model


@pytest.mark.parametrize(
    ("path", "case"),
    [
        pytest.param(path, i, id=f"{path.stem}-{case['size'][0]}x{case['size'][1]}")
        for path in FILES
        for i, case in enumerate(official.read(path)["cases"])
    ],
)
def test_features_logits_and_detections_are_official(path: Path, case: int) -> None:
    expected = official.read(path)["cases"][case]
    width, height = expected["size"]
    pixels = torch.from_numpy(normalise(official.module().picture(width, height)))[None]
    with torch.no_grad():
        output = network(path)(pixel_values=pixels, output_hidden_states=True)
    classes, masks = output.class_queries_logits[0], output.masks_queries_logits[0]
    found = instances(classes, masks, Canvas(*[(height, width)] * 3), 0.0)

    for feature, values in zip(output.encoder_hidden_states, expected["backbone"], strict=True):
        official.assert_statistics(feature, values)
    logits = expected["cls_logits_last"]
    official.assert_statistics(classes, {"mean": logits["mean"], "std": logits["std"]})
    queries = np.reshape(logits["first_5_queries"], (-1, classes.shape[1]))
    np.testing.assert_allclose(classes[: len(queries)], queries, rtol=1e-3, atol=1e-3)
    logits = expected["mask_logits_last"]
    assert [1, *masks.shape] == logits["shape"]
    official.assert_statistics(masks, {"mean": logits["mean"], "std": logits["std"]})
    sparse = np.array(logits["first_3_queries_every_8th_pixel"])
    np.testing.assert_allclose(masks[: len(sparse), ::8, ::8], sparse, rtol=1e-3, atol=1e-3)
    detections = expected["detections"]
    official.assert_detections(
        found.boxes.numpy(), found.scores.numpy(), found.classes.numpy(), detections
    )
    areas = found.masks.sum((1, 2))[: len(detections["mask_area"])]
    # A pixel whose logit is 0 to the last bits may fall on either side, and ties may swap.
    assert float(areas.sum()) == pytest.approx(sum(detections["mask_area"]), rel=1e-2)
