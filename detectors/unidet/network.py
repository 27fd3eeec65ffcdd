"""The whole UniDet model, R50 or RS200, with the official checkpoint's parameter names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .backbone import BottomUp
from .cascade import Cascade, Found
from .proposals import ProposalGenerator
from .pyramid import Pyramid

_DIVISOR = 32


@dataclass(frozen=True, slots=True)
class Architecture:
    """What differs between the two models; ``mean`` and ``std`` are per channel as fed, 0-255.

    ``split`` is ResNeSt's split attention; its pyramid and box heads are normalised too.
    """

    blocks: tuple[int, ...]
    split: bool
    convs: int
    fcs: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


ARCHITECTURES = {
    "R50": Architecture((3, 4, 6, 3), False, 0, 2, (103.53, 116.28, 123.675), (1.0, 1.0, 1.0)),
    # Its means are in the order RGB and are subtracted from BGR images: so the official numbers.
    "RS200": Architecture(
        (3, 24, 36, 3), True, 4, 1, (123.68, 116.779, 103.939), (58.393, 57.12, 57.375)
    ),
}


class UniDet(nn.Module):
    """UniDet (Zhou et al.), inference only: one image at a time, float32.

    Follows ``Unified_learned_OCIM_{R50,RS200}_6x+2x.yaml`` of T2I-CompBench @ 1b70949 and
    Detectron2 @ 5aeb252.
    """

    def __init__(self, architecture: str) -> None:
        super().__init__()
        chosen = ARCHITECTURES[architecture]
        self.architecture = chosen
        bottom_up = BottomUp(chosen.blocks, split=chosen.split)
        self.backbone = Pyramid(bottom_up, norm=chosen.split)
        self.proposal_generator = ProposalGenerator()
        self.roi_heads = Cascade(chosen.convs, chosen.fcs)

    def normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        """A BGR image (3, h, w), 0-255, as the network reads it: (1, 3, h', w').

        Padded at the right and bottom to multiples of 32, with what is zero after normalisation.
        """
        mean = pixels.new_tensor(self.architecture.mean).view(3, 1, 1)
        std = pixels.new_tensor(self.architecture.std).view(3, 1, 1)
        height, width = pixels.shape[-2:]
        padding = (0, -width % _DIVISOR, 0, -height % _DIVISOR)
        return F.pad((pixels - mean) / std, padding)[None]

    def features(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """P3 ... P7 of a BGR image (3, h, w), 0-255; each (1, 256, h / stride, w / stride)."""
        levels: list[torch.Tensor] = self.backbone(self.normalised(pixels))
        return levels

    def propose(
        self, features: Sequence[torch.Tensor], size: tuple[int, int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Boxes and objectness logits; see :class:`ProposalGenerator`."""
        boxes, logits = self.proposal_generator(features, size)
        return boxes, logits

    def forward(self, pixels: torch.Tensor) -> Found:
        """The detections of one BGR image, float32 (3, h, w), 0-255, boxes in its pixels."""
        size = (pixels.shape[-2], pixels.shape[-1])
        features = self.features(pixels)
        boxes, _ = self.propose(features, size)
        found: Found = self.roi_heads(features, boxes, size)
        return found
