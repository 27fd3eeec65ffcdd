"""STORM: descend on the cost of transporting each object's attention to its side of the other's.

Source: arXiv 2503.22168; the authors' code (MICV-yonsei/STORM at 88dbc3a). Two methods, because the
released code does not do what it is for: ``storm-released`` is what it computes, and
``storm-corrected`` is our reading of what it was meant to compute, so a reconstruction. Both leave
out the term for adjectives, which spatial prompts do not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...plugins import Parameter
from ...prompts import Prompt
from ..attention_guidance.descent_plugin import DescentPlugin
from ..attention_guidance.descent_settings import descent_parameters

if TYPE_CHECKING:
    from ..attention_guidance.tokens import Positions
    from .loss import TransportLoss

_BACKBONES: Mapping[str, Mapping[str, Any]] = {
    # A sample's step has this length whatever its gradient; the lab's latents are four times
    # shorter than Stable Diffusion's. Its maps at level 2 have 4x4 pixels.
    "lab": {"level": 1, "scale": 5.0},
    "sd2.1": {"prompt_only": True},
    "sd2.1-base": {"prompt_only": True},
}


@dataclass(frozen=True, slots=True)
class Storm(DescentPlugin):
    """The entry points ``storm-released`` and ``storm-corrected``."""

    name: str
    summary: str
    corrected: bool

    version: ClassVar[int] = 1
    per_backbone: ClassVar[Mapping[str, Mapping[str, Any]]] = _BACKBONES
    clip: ClassVar[float | None] = 1.0

    @property
    def marks(self) -> tuple[str, ...]:
        """The corrected one is our reading, which no author has confirmed."""
        return ("reconstruction",) if self.corrected else ()

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What ``--set`` takes; the defaults are the authors', in shares of their 50 steps."""
        return descent_parameters(
            scale=20.0,
            start="2%",
            end="50%",
            thresholds="10%:0.95,20%:0.99,30%:0.995,40%:0.999",
            iterations=30,
        )

    def positions(self, prompt: Prompt, tokenizers: Sequence[Any]) -> Positions:
        """Tokens of the two objects; a prompt without two objects is left unguided, as released.

        The corrected method also leaves "A and B" unguided, which asks for no place. Of a name of
        several tokens the released code takes the last one.

        Raises:
            UserError: a relation without a direction in the plane (corrected only), or an object
                that is not in the text.
        """
        from ..attention_guidance.tokens import named_tokens
        from .sides import check_relation

        if self.corrected:
            if prompt.triplet is None:
                return ()
            check_relation(prompt.triplet.relation, prompt.id)
            return named_tokens(prompt, tokenizers)
        if prompt.triplet is None and len(dict.fromkeys(prompt.objects)) != 2:
            return ()
        return tuple(tokens[-1:] for tokens in named_tokens(prompt, tokenizers))

    def loss(self, prompts: Sequence[Prompt], positions: Sequence[Positions]) -> TransportLoss:
        """The loss of a batch."""
        from .loss import TransportLoss
        from .sides import corrected_side, released_side

        side = corrected_side if self.corrected else released_side
        return TransportLoss([side(prompt) for prompt in prompts])


RELEASED = Storm("storm-released", "STORM as its authors' code computes it, defects too", False)
CORRECTED = Storm("storm-corrected", "STORM without those defects (our reconstruction)", True)
