"""Whether an image in a batch is the image alone, tried on a backbone with its own weights."""

from __future__ import annotations

from dataclasses import dataclass

from ..plugins import GenerationSettings, ImageRequest
from ..prompts import Prompt
from .any_pipeline import AnyPipeline
from .stable_diffusion import PLUGIN

TOLERANCE = 2
"""Grey levels of 255: sums of another order flip a pixel by one or two."""
STEPS = 3
TEXTS = (
    "a dog to the left of a cat",
    "a car",
    "a photo of a red bench that stands behind a small bicycle, to the right of a hot dog",
)
"""Of different lengths: a text that is padded to its neighbours is where batches differ."""


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """What was found.

    Attributes:
        difference: grey levels at the worst pixel of all images.
        batched: whether runs make more than one image of this backbone at a time if asked.
    """

    difference: int
    batched: bool

    @property
    def same(self) -> bool:
        """Whether the images are the same, up to rounding."""
        return self.difference <= TOLERANCE


def check_batches(settings: GenerationSettings) -> BatchCheck:
    """Make three images alone and in one batch.

    Args:
        settings: the backbone; ``steps`` None is ``STEPS``.

    Raises:
        UserError: a backbone that cannot be loaded, or settings that it does not take.
    """
    import numpy as np

    method = PLUGIN.configure(settings, {})
    method.load()
    requests = [
        ImageRequest(Prompt(str(i), text, "left"), index=0, seed=100 + i)
        for i, text in enumerate(TEXTS)
    ]
    alone = [method.generate([request])[0] for request in requests]
    in_one_call = method.together if isinstance(method, AnyPipeline) else method.generate
    pairs = zip(alone, in_one_call(requests), strict=True)
    worst = max(int(np.abs(np.asarray(a, int) - np.asarray(b, int)).max()) for a, b in pairs)
    return BatchCheck(worst, method.largest_batch != 1)
