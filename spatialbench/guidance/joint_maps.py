"""Joint attention of a transformer as the objects' maps, the way Attend-and-Excite reads a UNet's.

The prompt's own words compete for every pixel, by the probability over the text's keys alone, which
is what cross-attention has; padding, start and end of the text compete for nothing. Each text
encoder's words compete among themselves, and what an object wins of both is averaged: T5 cuts a
name into more pieces than CLIP does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..prompts import Prompt
from .joint_blocks import JointReading, find_blocks
from .joint_latents import flow_latents_moved, require_flow
from .joint_tokens import Encoder, Locate, encoders_of, located
from .maps_at_level import object_maps

if TYPE_CHECKING:
    from torch import Tensor

    from ..backbones.families import Pipeline
    from .latent_hooks import Move
    from .taps import Recorder
    from .tokens import Positions


class JointMaps:
    """The maps of a batch's objects; see :class:`~spatialbench.guidance.descent.WordMaps`.

    Args:
        pipe: an SD3 or FLUX pipeline in evaluation mode.
        rows: of the text, as the transformer is given it.
        locate: where the objects of a prompt are.
        method: its name, for messages.

    Raises:
        UserError: tokens that cannot be located, or blocks or a scheduler that are not known.
    """

    def __init__(
        self,
        pipe: Pipeline,
        prompts: Sequence[Prompt],
        rows: int,
        locate: Locate,
        reading: JointReading,
        method: str,
    ) -> None:
        import torch

        require_flow(pipe, method)
        self.pipe = pipe
        self.model = pipe.transformer
        self.blocks = find_blocks(pipe.transformer, reading.blocks, method)
        self.called = ", ".join(f"block {number}" for number in self.blocks.numbers)
        self.modules = self.blocks.modules
        self.positions: list[Positions] = []
        self.side = (0, 0)
        columns, self.parts = [], []
        for encoder in encoders_of(pipe, reading.tokens, rows):
            found = [located(pipe, prompt, encoder, rows, locate) for prompt in prompts]
            self.positions = self.positions or found
            words = [encoder.words(prompt.text) for prompt in prompts]
            columns.append(_columns(encoder, words, rows).to(self.model.device))
            self.parts.append(tuple(x.to(self.model.device) for x in _competing(words, found)))
        self.columns = torch.cat(columns, 1)

    def processor(self, samples: Tensor) -> Callable[[Recorder, int], Any]:
        """See :class:`~spatialbench.guidance.descent.WordMaps`."""
        columns = self.columns[samples]
        return lambda recorder, slot: self.blocks.processor(recorder, slot, columns, text_only=True)

    def maps(
        self, found: Sequence[Tensor], samples: Tensor, latents: Tensor, smoothed: int | None
    ) -> Tensor:
        """See :class:`~spatialbench.guidance.descent.WordMaps`."""
        import torch

        won, start = [], 0
        for words, selection in self.parts:
            part = slice(start, start := start + words.shape[1])
            own = [probabilities[..., part] for probabilities in found]
            won.append(object_maps(own, words[samples], selection[samples], self.side, smoothed))
        return torch.stack(won).mean(0)

    def moving(self, move: Move, *, checkpointing: bool) -> AbstractContextManager[None]:
        """See :class:`~spatialbench.guidance.descent.WordMaps`."""
        return flow_latents_moved(
            self.pipe, move, len(self.positions), self._look, checkpointing=checkpointing
        )

    def _look(self, latents: Tensor, told: Mapping[str, Any]) -> None:
        self.side = self.blocks.processor.side(self.model, latents, told)


def _columns(encoder: Encoder, words: Sequence[Sequence[int]], rows: int) -> Tensor:
    """(batch, most words, rows of the text): 1 where a prompt's word stands."""
    import torch

    columns = torch.zeros(len(words), max(map(len, words)), rows)
    for sample, own in enumerate(words):
        for column, word in enumerate(own):
            columns[sample, column, encoder.first + word] = 1
    return columns


def _competing(
    words: Sequence[Sequence[int]], positions: Sequence[Positions]
) -> tuple[Tensor, Tensor]:
    """(batch, most words) bool, a prompt's own; (batch, objects, most words), 1 at an object's."""
    import torch

    most = max(map(len, words))
    present = torch.tensor([[i < len(own) for i in range(most)] for own in words])
    chosen = torch.zeros(len(words), max(map(len, positions)), most)
    for sample, objects in enumerate(positions):
        for which, tokens in enumerate(objects):
            for token in tokens:
                chosen[sample, which, words[sample].index(token)] = 1
    return present, chosen
