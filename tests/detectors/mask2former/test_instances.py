"""Post-processing against a direct evaluation in which every mask is enlarged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from spatialbench.detectors.mask2former import instances as module
from spatialbench.detectors.mask2former.instances import Canvas, enlarge, instances, tight_box

CANVAS = Canvas(padded=(64, 96), valid=(60, 70), original=(90, 105))


def logits(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    classes = 4 * torch.randn(20, 9, generator=generator)
    masks = F.interpolate(torch.randn(1, 20, 4, 6, generator=generator) * 3, scale_factor=4)[0]
    return classes, masks


def directly(classes: torch.Tensor, masks: torch.Tensor) -> list[tuple[float, int, list[float]]]:
    """Score, class and box of the top hundred pairs, best first."""
    padded = F.interpolate(masks[None], CANVAS.padded, mode="bilinear")[:, :, :60, :70]
    whole = F.interpolate(padded, CANVAS.original, mode="bilinear")[0].double().numpy()
    probabilities = classes.double().softmax(-1).numpy()[:, :-1]
    pairs = sorted(np.ndindex(*probabilities.shape), key=lambda pair: -probabilities[pair])[:100]
    found = []
    for query, label in pairs:
        inside = whole[query] > 0
        if not inside.any():
            continue
        quality = (1 / (1 + np.exp(-whole[query][inside]))).mean()
        rows, columns = np.nonzero(inside)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        found.append((float(probabilities[query, label] * quality), label, [float(v) for v in box]))
    return sorted(found, key=lambda one: -one[0])


@pytest.mark.parametrize("floor", [0.0, 0.05, 0.4])
def test_instances_are_those_of_the_definition(floor: float) -> None:
    classes, masks = logits()
    found = instances(classes, masks, CANVAS, floor)
    expected = [one for one in directly(classes, masks) if one[0] > floor]
    assert len(expected) > 3
    np.testing.assert_allclose(found.scores, [score for score, _, _ in expected], rtol=1e-4)
    assert found.classes.tolist() == [label for _, label, _ in expected]
    assert found.boxes.tolist() == [box for _, _, box in expected]
    for mask, box in zip(found.masks, found.boxes, strict=True):
        assert mask.shape == CANVAS.original
        assert tight_box(mask).tolist() == box.tolist()


def test_only_masks_of_likely_queries_are_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    classes, masks = logits()
    likely = int((classes.softmax(-1)[:, :-1].amax(1) > 0.5).sum())
    enlarged: list[int] = []

    def counted(mask: torch.Tensor, canvas: Canvas) -> torch.Tensor:
        enlarged.append(1)
        return enlarge(mask, canvas)

    monkeypatch.setattr(module, "enlarge", counted)
    instances(classes, masks, CANVAS, 0.5)
    assert 0 < likely < len(classes)
    assert len(enlarged) == likely


def test_an_empty_mask_is_no_instance() -> None:
    classes = torch.tensor([[9.0, 0.0, 0.0]])
    found = instances(classes, torch.full((1, 4, 6), -1.0), CANVAS, 0.0)
    assert found.scores.shape == (0,)
    assert found.boxes.shape == (0, 4)
    assert found.masks.shape == (0, *CANVAS.original)
    assert tight_box(torch.zeros(3, 3, dtype=torch.bool)).tolist() == [0, 0, 0, 0]


def test_a_box_ends_just_outside_its_mask() -> None:
    mask = torch.zeros(5, 7, dtype=torch.bool)
    mask[1, 2] = mask[3, 4] = True
    assert tight_box(mask).tolist() == [2, 1, 5, 4]
