"""Attend-and-Excite: move the latents until every object holds some pixel's attention.

Source: Chefer et al., arXiv 2301.13826; diffusers' ``StableDiffusionAttendAndExcitePipeline``
(0.42, deprecated there), whose latents ours equal up to rounding for names of one token. It rewards
that the objects are there, not where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...backbones.architecture import Architecture
from ...guidance import several
from ...guidance.descent_plugin import DescentPlugin
from ...guidance.descent_settings import descent_parameters
from ...plugins import Parameter
from ...prompts import Prompt

if TYPE_CHECKING:
    from ...guidance.tokens import Positions
    from .loss import ExcitementLoss

_ARCHITECTURES: Mapping[Architecture, Mapping[str, Any]] = {
    # The lab's maps at level 2 have 4x4 pixels, too few to tell two objects apart.
    Architecture.LAB: {"level": 1},
    # As in the authors' own code, for the padding of SD 2.x's prompts.
    Architecture.SD2: {"prompt_only": True},
    Architecture.LAB_TRANSFORMER: {"blocks": "3,4"},
}


class AttendAndExcite(DescentPlugin):
    """The entry point ``attend-and-excite``."""

    name = "attend-and-excite"
    summary = "latents moved until each object holds some pixel's attention"
    version = 1

    def inherited(self, architecture: Architecture) -> Mapping[str, Any]:
        """Parameters that a kind of backbone wants otherwise than the defaults."""
        return _ARCHITECTURES.get(architecture, {})

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What ``--set`` takes; the defaults are the authors', in shares of their 50 steps."""
        shared = descent_parameters(
            scale=20.0, start="0", end="50%", thresholds="0:0.05,20%:0.5,40%:0.8", iterations=20
        )
        return shared | {"relations": several.PARAMETER}

    def about_prompts(self, prompts: Sequence[Prompt]) -> list[str]:
        """Nothing to say.

        Raises:
            UserError: a prompt names no object, or one that its text does not contain.
        """
        for prompt in prompts:
            self.spans(prompt)
        return []

    def positions(
        self, prompt: Prompt, tokenizers: Sequence[Any], limit: int | None = None
    ) -> Positions:
        """Tokens of every object of the prompt's relations, or that a prompt without any names.

        Raises:
            UserError: it names none, or one that its text does not contain.
        """
        from ...guidance.tokens import named_tokens

        return named_tokens(prompt, tokenizers, limit)

    def loss(self, prompts: Sequence[Prompt], positions: Sequence[Positions]) -> ExcitementLoss:
        """The loss of a batch."""
        from .loss import ExcitementLoss

        return ExcitementLoss([len(objects) for objects in positions])


PLUGIN = AttendAndExcite()
