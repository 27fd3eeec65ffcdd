"""Cross-attention at one level of a UNet as the objects' maps, the way Attend-and-Excite reads it.

Source: Chefer et al., Attend-and-Excite (arXiv 2301.13826), as in diffusers' pipeline of that name
(0.42): the layers of one resolution are averaged, the words compete in a softmax of 100 times their
probability, and each map is smoothed by a small Gaussian.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..prompts import Prompt
from .latent_hooks import latents_moved
from .own_attention import cross_attention, require_own
from .taps import TapProcessor
from .tokens import prompt_words, token_rows

if TYPE_CHECKING:
    from torch import Tensor

    from ..backbones.families import Pipeline
    from .latent_hooks import Move
    from .taps import Recorder
    from .tokens import Positions

SHARPNESS = 100.0
"""What the averaged probabilities are multiplied by before the words compete."""

_SIGMA = 0.5


class LevelMaps:
    """The maps of a batch's objects; see :class:`~spatialbench.guidance.descent.WordMaps`.

    Args:
        pipe: a Stable Diffusion or SDXL pipeline in evaluation mode.
        positions: the token positions of each prompt's objects.
        prompt_only: see :func:`~spatialbench.guidance.tokens.prompt_words`.
        method: its name, for messages.

    Raises:
        UserError: see :func:`modules_at_level`.
    """

    def __init__(
        self,
        pipe: Pipeline,
        prompts: Sequence[Prompt],
        positions: Sequence[Positions],
        level: int,
        method: str,
        *,
        prompt_only: bool,
    ) -> None:
        self.called = f"level {level}"
        self.pipe = pipe
        self.model = pipe.unet
        self.modules = modules_at_level(pipe.unet, level, method)
        self.positions = positions
        self.level = level
        device, tokenizer = pipe.unet.device, pipe.tokenizer
        self.selection = token_rows(positions, tokenizer.model_max_length).to(device)
        texts = [prompt.text for prompt in prompts]
        self.words = prompt_words(texts, tokenizer, prompt_only=prompt_only).to(device)

    def processor(self, samples: Tensor) -> Callable[[Recorder, int], Any]:
        """See :class:`~spatialbench.guidance.descent.WordMaps`."""
        return TapProcessor

    def maps(
        self, found: Sequence[Tensor], samples: Tensor, latents: Tensor, smoothed: int | None
    ) -> Tensor:
        """See :class:`~spatialbench.guidance.descent.WordMaps`."""
        height, width = latents.shape[-2:]
        shape = side_at_level(height, self.level), side_at_level(width, self.level)
        return object_maps(found, self.words[samples], self.selection[samples], shape, smoothed)

    def moving(self, move: Move, *, checkpointing: bool) -> AbstractContextManager[None]:
        """See :class:`~spatialbench.guidance.descent.WordMaps`."""
        return latents_moved(self.pipe, move, len(self.positions), checkpointing=checkpointing)


def modules_at_level(unet: Any, level: int, method: str) -> list[Any]:
    """The cross-attention modules whose maps are the latents' sides halved ``level`` times.

    Raises:
        UserError: no cross-attention at that level (says where there is), or one that another
            method already changes.
    """
    cross = cross_attention(unet)
    blocks = len(unet.config.block_out_channels)
    found = [name for name in cross if _level(name, blocks) == level]
    if not found:
        levels = sorted({_level(name, blocks) for name in cross})
        raise UserError(
            f"{method} reads the cross-attention at level {level} (the latents' sides halved "
            f"{level} times), and this backbone has it at {', '.join(map(str, levels)) or 'none'}; "
            f"give --set level={levels[-1] if levels else 2}, or another backbone."
        )
    return [require_own(name, cross[name], method) for name in found]


def side_at_level(side: int, level: int) -> int:
    """A side of the latents after so many halvings, each rounded up."""
    for _ in range(level):
        side = (side + 1) // 2
    return side


def object_maps(
    maps: Sequence[Tensor],
    words: Tensor,
    selection: Tensor,
    shape: tuple[int, int],
    smoothed: int | None = None,
) -> Tensor:
    """The share of each pixel that each object's words win.

    Args:
        maps: one per layer, probabilities (batch, pixels, tokens), averaged over the heads.
        words: (batch, tokens) bool, the tokens that compete.
        selection: (batch, objects, tokens), 1 at an object's tokens; their shares are added.
        shape: rows and columns of the maps.
        smoothed: how many of the objects, from the first, have their maps smoothed; None is all.

    Returns:
        (batch, objects, rows, columns), each value in [0, 1].
    """
    import torch

    mean = torch.stack(list(maps)).mean(0)
    logits = (mean * SHARPNESS).masked_fill(~words.unsqueeze(1), -torch.inf)
    shares = selection.to(logits.dtype) @ logits.softmax(-1).transpose(1, 2)
    found = shares.view(*shares.shape[:2], *shape)
    if smoothed is None or smoothed >= found.shape[1]:
        return smooth(found)
    return torch.cat([smooth(found[:, :smoothed]), found[:, smoothed:]], 1)


def smooth(maps: Tensor) -> Tensor:
    """(batch, objects, rows, columns) under a 3x3 Gaussian, the edges mirrored."""
    from torch.nn import functional as F

    batch, objects, rows, columns = maps.shape
    padded = F.pad(maps.reshape(batch * objects, 1, rows, columns), (1, 1, 1, 1), mode="reflect")
    return F.conv2d(padded, _gaussian().to(maps)).view_as(maps)


@lru_cache(maxsize=1)
def _gaussian() -> Tensor:
    """(1, 1, 3, 3). The exponent is (x / (2 sigma))^2, as in the authors' code, not half of it."""
    import torch

    row = torch.exp(-((torch.arange(-1.0, 2.0, dtype=torch.float64) / (2 * _SIGMA)) ** 2))
    kernel = torch.outer(row, row)
    return (kernel / kernel.sum()).view(1, 1, 3, 3)


def _level(name: str, blocks: int) -> int:
    match = re.match(r"(down|up)_blocks\.(\d+)\.", name)
    if match is None:
        return blocks - 1
    block = int(match.group(2))
    return block if match.group(1) == "down" else blocks - 1 - block
