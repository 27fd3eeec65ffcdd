"""MobileNetV3-CenterNet: one image in, scored boxes of COCO's classes in its own pixels out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from spatialbench.errors import UserError
from spatialbench.weights.devices import check_device

from .graph import Graph
from .model_file import ModelFile

SIDE = 512
"""Pixels of the square that the network sees."""

OUTPUT = "tower_0/detections"


@dataclass(frozen=True)
class Letterbox:
    """An image in the middle of a black square, as large as it fits, its shape kept.

    Attributes:
        pixels: float32, (1, SIDE, SIDE, 3), RGB from 0 to 255.
        corner: where the image's corner lies in the square, as x, y.
        scale: pixels of the square per pixel of the image, along x and y.
    """

    pixels: Tensor
    corner: tuple[int, int]
    scale: tuple[float, float]

    @classmethod
    def of(cls, image: Image.Image) -> Letterbox:
        """The original's preprocessing; bilinear without smoothing, as OpenCV's ``resize``."""
        longer = max(image.size)
        width, height = (max(1, round(side * SIDE / longer)) for side in image.size)
        x, y = (SIDE - width) // 2, (SIDE - height) // 2
        given = torch.from_numpy(np.array(image, np.float32)).permute(2, 0, 1)[None]
        resized = functional.interpolate(given, (height, width), mode="bilinear").round()
        pixels = torch.zeros(1, SIDE, SIDE, 3)
        pixels[:, y : y + height, x : x + width] = resized.permute(0, 2, 3, 1)
        return cls(pixels, (x, y), (width / image.width, height / image.height))

    def in_image(self, boxes: Tensor) -> Tensor:
        """Boxes (n, 4) of the square in pixels of the image."""
        return (boxes - boxes.new_tensor(self.corner * 2)) / boxes.new_tensor(self.scale * 2)


class CenterNet:
    """The network on one device."""

    def __init__(self, model: ModelFile, device: str) -> None:
        """Load it, and look at a grey image: a broken graph is found before the first image.

        Raises:
            UserError: no such device, or a graph that is not this network's.
        """
        self._device = check_device(device)
        self._graph = Graph(model, OUTPUT, self._device)
        shape = tuple(self.look(torch.full((1, SIDE, SIDE, 3), 128.0)).shape)
        if len(shape) != 2 or shape[1] != 6:
            raise UserError(
                f"the model gives detections of the shape {shape}, expected (n, 6): x0, y0, x1, "
                "y1, score and class."
            )

    def look(self, pixels: Tensor) -> Tensor:
        """What a letterbox shows: float32, (n, 6), with x0, y0, x1, y1, score and class.

        The best score comes first. The graph itself keeps only the peaks of its maps, so that
        nothing is suppressed afterwards.

        Raises:
            UserError: a node of the graph that cannot be computed.
        """
        return self._graph(images=pixels.to(self._device))[0].cpu()
