"""How well the lab's detector sees the lab's world: the figures of its model card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..world import SIDE, Scene, draw, sample_scene
from .batches import to_tensor
from .detector import QUERY, normalise

if TYPE_CHECKING:
    from transformers import OwlViTForObjectDetection, PreTrainedTokenizerFast

THRESHOLD = 0.1
"""VISOR's: a box counts above it."""


def detection_quality(
    model: OwlViTForObjectDetection,
    tokenizer: PreTrainedTokenizerFast,
    names: Sequence[str],
    scenes: int = 2000,
    seed: int = 2,
) -> dict[str, float]:
    """Every name is asked for in every held-out render of two objects.

    Returns:
        ``both_found``: percent of images where each object has a box of its name above the
        threshold; ``wrong_class``: percent of the boxes above it whose name is not in the
        image; ``boxes_per_object``; ``centre_error``: median distance of the most confident
        box's centre from the true one, in percent of the side.
    """
    import torch

    queries = tokenizer(
        [QUERY.format(name) for name in names], padding="max_length", return_tensors="pt"
    )
    rng = np.random.default_rng([seed, 7])
    both = wrong = boxes_above = 0
    errors: list[float] = []
    with torch.no_grad():
        text = model.owlvit.get_text_features(
            input_ids=queries.input_ids, attention_mask=queries.attention_mask
        ).pooler_output
        for _ in range(0, scenes, 50):
            batch: list[Scene] = []
            while len(batch) < 50:
                scene = sample_scene(rng, exclude_held_out=False)
                if len(scene.placements) == 2:
                    batch.append(scene)
            drawings = [draw(scene) for scene in batch]
            feature_map, _vision = model.image_embedder(normalise(to_tensor(drawings)))
            features = feature_map.flatten(1, 2)
            logits, _ = model.class_predictor(features, text.expand(len(batch), -1, -1))
            best, label = logits.sigmoid().max(-1)
            corners = model.box_predictor(features, feature_map)
            for i, (scene, drawing) in enumerate(zip(batch, drawings, strict=True)):
                kept = best[i] > THRESHOLD
                labels = [names[int(k)] for k in label[i][kept]]
                wanted = [p.name for p in scene.placements]
                boxes_above += len(labels)
                wrong += sum(found not in wanted for found in labels)
                both += all(name in labels for name in wanted)
                for name, truth in zip(wanted, drawing.boxes, strict=True):
                    if name in labels:
                        mine = kept & (label[i] == names.index(name))
                        top = int((best[i] * mine).argmax())
                        centre = corners[i, top, :2].numpy()
                        true = (truth[:2] + truth[2:]) / (2 * SIDE)
                        errors.append(float(np.hypot(*(centre - true))))
    return {
        "both_found": 100 * both / scenes,
        "wrong_class": 100 * wrong / max(boxes_above, 1),
        "boxes_per_object": boxes_above / (2 * scenes),
        "centre_error": 100 * float(np.median(errors)) if errors else float("nan"),
    }
