"""The loss of Attend-and-Excite: how far the least attended object is from a pixel of its own.

Source: arXiv 2301.13826, Eq. 1-2. The paper takes one token an object; of a name of several tokens
(wine glass) we take the sum of their shares of a pixel, which for one token is the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class ExcitementLoss:
    """One loss per sample: the greatest, over its objects, of 1 - the object's highest share.

    Args:
        objects: how many objects each sample of the batch has.
    """

    smoothed: int | None = None

    def __init__(self, objects: Sequence[int]) -> None:
        self.objects = tuple(objects)

    def __call__(self, maps: Tensor, samples: Sequence[int], step: float) -> Tensor:
        """(n,) in [0, 1], from maps (n, objects, rows, columns)."""
        import torch

        counts = torch.tensor([self.objects[sample] for sample in samples], device=maps.device)
        present = torch.arange(maps.shape[1], device=maps.device) < counts.unsqueeze(1)
        missing = (1 - maps.flatten(2).amax(-1)).clamp(min=0)
        return missing.where(present, torch.zeros_like(missing)).amax(1)

    def may_repeat(self, maps: Tensor, samples: Sequence[int]) -> Tensor:
        """(n,) bool: always."""
        return maps.new_ones(len(samples)).bool()
