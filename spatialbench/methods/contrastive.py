"""Contrastive guidance: away from the same prompt with its relation turned round.

The introduction of the InfSplign thesis (TU Delft, June 2025) sets its method against guiding with
opposite relations as negatives. No formula or code of it was found: this is our reconstruction, a
negative prompt of each prompt's own in classifier-free guidance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..backbones.prompt_embeddings import EmbeddingBatch
from ..backbones.sampling import resolve_sampling
from ..errors import UserError
from ..plugins import Ability, GenerationSettings, ImageRequest, Json, MethodPlugin, Parameter
from ..prompt_transforms.phrases import OPPOSITE, PHRASES, find_phrases
from ..prompts import Prompt
from .stable_diffusion import PARAMETERS as OF_SD
from .stable_diffusion import StableDiffusion, read_stable_diffusion

VERSION = 1
"""Raised whenever the same settings would give other pixels."""
RECONSTRUCTION = "reconstruction"


def opposite_text(text: str) -> str | None:
    """The text with every relation turned round; None where a relation has no opposite, or none
    is asked for.

    ``a cat to the left of a dog`` gives ``a cat to the right of a dog``. What is near has none.
    """
    found = find_phrases(text)
    turned = [OPPOSITE[match.phrase] for match in found]
    if not found or any(
        PHRASES[new] is not match.relation.inverse or new == match.phrase
        for match, new in zip(found, turned, strict=True)
    ):
        return None
    parts, end = [], 0
    for match, new in zip(found, turned, strict=True):
        parts += [text[end : match.start], new]
        end = match.end
    return "".join([*parts, text[end:]])


class Contrastive(StableDiffusion):
    """A backbone guided away from the opposite of each prompt."""

    def identity(self) -> Json:
        """As :meth:`StableDiffusion.identity`, marked as a reconstruction."""
        return super().identity() | {
            "method": PLUGIN.name,
            "version": VERSION,
            "marks": [RECONSTRUCTION],
        }

    def embeddings(self, requests: Sequence[ImageRequest]) -> EmbeddingBatch:
        """The prompts, and of each what guidance leads away from."""
        assert self._encoder is not None
        texts = [request.prompt.text for request in requests]
        return self._encoder.batch(texts, guided=True, away=[opposite_text(one) for one in texts])

    def about_prompts(self, prompts: Sequence[Prompt]) -> list[str]:
        """How many prompts have no opposite, and are made as ``sd`` makes them."""
        without = Counter(opposite_text(prompt.text) is None for prompt in prompts)[True]
        if not without:
            return []
        return [
            f"{PLUGIN.name}: {without:,} of {len(prompts):,} prompts have no relation with an "
            "opposite (near has none), and their images are those of sd"
        ]


class ContrastivePlugin(MethodPlugin):
    """The entry point ``contrastive``."""

    name = "contrastive"
    summary = "guidance away from the prompt with its relation turned round (our reconstruction)"
    parameters: Mapping[str, Parameter] = MappingProxyType({"eta": OF_SD["eta"]})
    needs: Collection[Ability] = (Ability.CROSS_ATTENTION, Ability.JOINT_ATTENTION)

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Contrastive:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter, a value out of range, or a model or scale without
                guidance by two prompts.
        """
        sampling = resolve_sampling(
            settings, needs=self.needs, why="it gives every prompt a negative prompt of its own"
        )
        if sampling.family.told_guidance or not sampling.guided:
            raise UserError(
                f"{self.name} leads away from a second prompt, and this run has no such guidance: "
                + (
                    f"{settings.backbone} is of {sampling.family.called}, which is told how much "
                    "guidance to imitate; give a Stable Diffusion as --backbone."
                    if sampling.family.told_guidance
                    else "give a --guidance-scale above 1."
                )
            )
        values = read_stable_diffusion(self.name, self.parameters, parameters, sampling)
        return Contrastive(sampling, values)

    def marks_of(self, parameters: Mapping[str, str]) -> tuple[str, ...]:
        """Marked also where an identity does not say so."""
        return (RECONSTRUCTION,)


PLUGIN = ContrastivePlugin()
