"""A method that descends on the latents, as a generator: a backbone, its settings, and images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..backbones.families import Pipeline
from ..backbones.pipeline_generator import PipelineGenerator
from ..backbones.sampling import ACTS_ON_ATTENTION, Sampling, resolve_sampling
from ..plugins import Ability, GenerationSettings, ImageRequest, Json
from ..prompts import Prompt
from . import several
from .course import Course, KeepsCourse
from .descent import WordMaps, descended
from .descent_settings import DescentSettings, read_descent
from .joint_maps import JointMaps
from .joint_tokens import encoders_of, located, require_tokens
from .long_prompts import require_read
from .maps_at_level import LevelMaps

if TYPE_CHECKING:
    import torch

    from .descent_plugin import DescentPlugin

RECONSTRUCTION = "reconstruction"
"""The mark of these methods on a transformer, for which no paper gives them."""


class DescentGenerator(KeepsCourse, PipelineGenerator):
    """A backbone guided by descending on its latents."""

    def __init__(
        self, method: DescentPlugin, sampling: Sampling, settings: DescentSettings
    ) -> None:
        super().__init__(sampling)
        self.method = method
        self.settings = settings

    def identity(self) -> Json:
        """Method, version, every parameter but ``checkpointing``, and the sampling's identity."""
        marks = list(self.method.marks)
        if self.settings.joint and RECONSTRUCTION not in marks:
            marks.append(RECONSTRUCTION)
        return {
            "method": self.method.name,
            "version": self.method.version,
            **({"marks": marks} if marks else {}),
            "parameters": {**self.settings.identity(), **self.method.own_identity},
            **self.sampling.identity(),
        }

    def identity_for(self, prompts: Sequence[Prompt]) -> Json:
        """See ``several``."""
        return several.identity_for(self.identity(), prompts, self.settings.relations)

    def about_prompts(self, prompts: Sequence[Prompt]) -> list[str]:
        """See ``plugins.about_prompts``."""
        relations = self.settings.relations
        guided = several.guided(prompts, relations)
        said = self.method.about_prompts(guided)
        require_read(self.sampling, guided, self._locate)
        return said + several.about(self.method.name, prompts, relations)

    def _locate(self, pipe: Pipeline, prompt: Prompt) -> None:
        """Refuse a prompt whose objects the text encoders do not read."""
        family, positions = self.sampling.family, self.method.positions
        if self.settings.joint:
            rows = family.rows_before_t5(pipe) + (self.sampling.text_length or 0)
            for encoder in encoders_of(pipe, self.settings.joint.tokens, rows):
                located(pipe, prompt, encoder, rows, positions)
        else:
            positions(prompt, family.word_tokenizers(pipe))

    def latents(self, requests: Sequence[ImageRequest]) -> torch.Tensor:
        """As :meth:`PipelineGenerator.latents`, guided.

        Raises:
            UserError: a prompt that cannot be guided, a backbone without attention at the level,
                a transformer whose blocks or tokens are not known, or a gradient that is not
                finite.
        """
        method = self.method
        prompts = several.guided([r.prompt for r in requests], self.settings.relations)
        maps = self._maps(requests, prompts)
        course = Course([maps.called], len(requests))
        with descended(
            self.pipe,
            prompts,
            maps,
            self.settings,
            method.loss(prompts, maps.positions),
            method=method.name,
            steps=self.sampling.steps,
            observer=(lambda one: course.see(one.step, one.samples, one.loss.unsqueeze(0)))
            if self._recording
            else None,
        ):
            sampled = super().latents(requests)
        self._recorded = course.told() if self._recording else ()
        return sampled

    def _maps(self, requests: Sequence[ImageRequest], prompts: Sequence[Prompt]) -> WordMaps:
        pipe, method, settings = self.pipe, self.method, self.settings
        if settings.joint:
            rows = self.embeddings(requests).prompt_embeds.shape[1]
            return JointMaps(pipe, prompts, rows, method.positions, settings.joint, method.name)
        tokenizers = self.sampling.family.word_tokenizers(pipe)
        positions = [method.positions(prompt, tokenizers) for prompt in prompts]
        return LevelMaps(
            pipe,
            prompts,
            positions,
            settings.level,
            method.name,
            prompt_only=settings.prompt_only,
        )


def configure(
    method: DescentPlugin, settings: GenerationSettings, parameters: Mapping[str, Any]
) -> DescentGenerator:
    """Fix the settings: the user's, over the backbone's, over the method's defaults.

    Raises:
        UserError: an unknown parameter, a value out of range, or values that contradict.
    """
    sampling = resolve_sampling(
        settings,
        needs=method.needs,
        why=ACTS_ON_ATTENTION,
    )
    family = sampling.family
    descent = read_descent(
        method.name,
        method.parameters,
        parameters,
        method.inherited(sampling.architecture),
        sampling.steps,
        method.clip,
        family.words if Ability.JOINT_ATTENTION in family.abilities else None,
    )
    if descent.joint:
        require_tokens(descent.joint.tokens, family, sampling.text_length)
    return DescentGenerator(method, sampling, descent)
