"""What the methods that descend on the latents share, and what tells one from another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..backbones.architecture import Architecture
from ..plugins import Ability, GenerationSettings, Json, MethodPlugin

if TYPE_CHECKING:
    from ..prompts import Prompt
    from .descent import MapLoss
    from .descent_generator import DescentGenerator
    from .nouns import Span
    from .tokens import Positions

_EVALUATION = 0.54
"""Plain steps that an evaluation of the loss and its gradient is worth: counted at the size of
Stable Diffusion 1.4, level 2, by tests/measurements/infsplign_cost.py."""


class DescentPlugin(MethodPlugin):
    """A method that descends on the latents by a loss of the objects' attention maps."""

    needs = (Ability.CROSS_ATTENTION, Ability.JOINT_ATTENTION)
    clip: float | None = None
    """Greatest length of a sample's gradient; None leaves it as it is."""

    @property
    @abstractmethod
    def version(self) -> int:
        """Raised whenever the same settings would give other pixels."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What a table must say of it, such as ``reconstruction``."""
        return ()

    @property
    def own_identity(self) -> Mapping[str, Any]:
        """Parameters of this method alone that decide pixels, for the identity."""
        return {}

    def inherited(self, architecture: Architecture) -> Mapping[str, Any]:
        """Parameters that a kind of backbone wants otherwise than the defaults."""
        return {}

    def about_prompts(self, prompts: Sequence[Prompt]) -> list[str]:
        """See ``plugins.Method.about_prompts``."""
        return []

    def spans(self, prompt: Prompt) -> tuple[Span | None, ...]:
        """Characters of the words that are guided; none leaves the prompt unguided.

        Raises:
            UserError: a prompt that the method cannot guide.
        """
        from .nouns import guided_spans

        return guided_spans(prompt)

    @abstractmethod
    def positions(
        self, prompt: Prompt, tokenizers: Sequence[Any], limit: int | None = None
    ) -> Positions:
        """Tokens of the prompt's objects; none leaves it unguided.

        Args:
            limit: how many tokens are read, where it is not the tokenizer's own number.

        Raises:
            UserError: a prompt that the method cannot guide.
        """

    @abstractmethod
    def loss(self, prompts: Sequence[Prompt], positions: Sequence[Positions]) -> MapLoss:
        """The loss of a batch."""

    def configure(
        self, settings: GenerationSettings, parameters: Mapping[str, Any]
    ) -> DescentGenerator:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter or a value out of range.
        """
        from .descent_generator import configure

        return configure(self, settings, parameters)

    def steps_worth(self, generator: Json) -> float:
        """How many plain steps one of its steps is worth, if every repetition is needed.

        How many are needed is seen only when the maps are.
        """
        given, steps = generator["parameters"], generator["steps"]
        if not given["scale"]:
            return 1.0
        start, end = given["window"]
        repeated = sum(start <= int(one.partition(":")[0]) < end for one in given["thresholds"])
        return float(1 + _EVALUATION * (end - start + repeated * given["iterations"]) / steps)
