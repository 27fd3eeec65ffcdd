"""InfSplign as a method: a backbone, its settings, and images for requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...backbones.architecture import Architecture
from ...backbones.checkpoint import Checkpoint
from ...backbones.families import Pipeline
from ...backbones.named import resolve
from ...backbones.pipeline_generator import PipelineGenerator
from ...backbones.sampling import ACTS_ON_ATTENTION, Sampling, resolve_sampling
from ...errors import UserError
from ...guidance import several
from ...guidance.course import KeepsCourse
from ...guidance.joint_tokens import joint_object_tokens, require_tokens
from ...guidance.long_prompts import require_read
from ...guidance.nouns import guided_triplets, triplet_spans
from ...guidance.tokens import object_tokens
from ...plugins import GenerationSettings, ImageRequest, Json
from ...prompts import Prompt
from ...relations import Relation
from .denoiser import guided
from .guide import Observer
from .joint_denoiser import guided_transformer
from .official_tokens import official_object_tokens
from .placement import placed_relations
from .presets import Preset
from .settings import GuidanceSettings, preset_of, read_settings
from .turns import SATISFIED
from .variants import CORRECTED, RELEASED, Variant

if TYPE_CHECKING:
    import torch

_RELEASED_ACTS_ON = "its authors' code acts on the attention of Stable Diffusion's UNet"
_PLANE = "presence and balance act alone"
_DEPTH = f"the authors' code knows no relation in depth, {_PLANE}"
_NO_TERM = {
    Relation.NEAR: f"{_PLANE} (--set near=apart pushes the pair apart, as the authors' code does)",
    Relation.IN_FRONT: _DEPTH,
    Relation.BEHIND: _DEPTH,
}


class InfSplign(KeepsCourse, PipelineGenerator):
    """A backbone guided by the attention maps of the prompt's two objects.

    ``observer`` is told of every guided step.
    """

    def __init__(self, sampling: Sampling, guidance: GuidanceSettings) -> None:
        super().__init__(sampling)
        self.guidance = guidance
        self.observer: Observer | None = None
        self._costs: Sequence[Mapping[str, float]] = ()

    def identity(self) -> Json:
        """Method, version, marks, all parameters but ``checkpointing``, the sampling's identity."""
        variant = self.guidance.variant
        return {
            "method": variant.name,
            "version": variant.version,
            **({"marks": list(variant.marks)} if variant.marks else {}),
            "parameters": self.guidance.identity(),
            **self.sampling.identity(),
        }

    def identity_for(self, prompts: Sequence[Prompt]) -> Json:
        """See ``guidance.several``."""
        return several.identity_for(self.identity(), prompts, self.guidance.relations)

    def about_prompts(self, prompts: Sequence[Prompt]) -> list[str]:
        """How many of the prompts get no spatial term, and why; how many relations are ignored.

        Raises:
            UserError: a prompt that cannot be guided.
        """
        released, relations = self.guidance.variant.released, self.guidance.relations
        near = self.guidance.near
        without = Counter[tuple[Relation, bool]]()
        for prompt in several.guided(prompts, relations):
            triplets = guided_triplets(prompt)
            if not released:
                triplet_spans(prompt, triplets)
            placed = placed_relations(prompt, near, released=released)
            unplaced = {t.relation for t, p in zip(triplets, placed, strict=True) if p is None}
            without.update((relation, len(triplets) > 1) for relation in unplaced)
        require_read(self.sampling, several.guided(prompts, relations), self._locate)
        name, every = self.guidance.variant.name, f"{len(prompts):,}"
        return [
            f"{name}: {count:,} of {every} prompts ask for {relation.adverb!r} "
            f"{'among others, which gets' if others else 'and get'} no spatial "
            f"term: {_NO_TERM[relation]}"
            for (relation, others), count in sorted(without.items())
        ] + [*several.about(name, prompts, relations), *self._never_satisfied()]

    def _locate(self, pipe: Pipeline, prompt: Prompt) -> None:
        """Refuse a prompt whose objects the text encoders do not read."""
        if self.guidance.joint:
            tokens, length = self.guidance.joint.reading.tokens, self.sampling.text_length
            joint_object_tokens(pipe, prompt, tokens, length or 0)
        else:
            choose = official_object_tokens if self.guidance.variant.released else object_tokens
            choose(prompt, self.sampling.family.word_tokenizers(pipe))

    def _never_satisfied(self) -> list[str]:
        """A sentence where no image can ever rest: centroids lie 1 apart at most."""
        enough = self.guidance.margin + self.guidance.hysteresis
        if self.guidance.until != SATISFIED or enough < 1:
            return []
        return [
            f"{self.guidance.variant.name}: no displacement exceeds margin + hysteresis = "
            f"{enough:g} of the image's side, so that every image is guided in the full window"
        ]

    def latents(self, requests: Sequence[ImageRequest]) -> torch.Tensor:
        """As :meth:`PipelineGenerator.latents`, guided; relations may be mixed.

        Raises:
            UserError: a prompt that cannot be guided (no relation of two objects in its text), a
                backbone without the tapped layers, or a gradient that is not finite.
        """
        prompts = [request.prompt for request in requests]
        steps, scale = self.sampling.steps, self.sampling.guidance_scale
        guide = (
            guided_transformer(
                self.pipe, prompts, self.guidance, steps=steps, observer=self.observer
            )
            if self.guidance.joint
            else guided(
                self.pipe,
                prompts,
                self.guidance,
                steps=steps,
                guidance_scale=scale,
                observer=self.observer,
            )
        )
        with guide as active:
            if self._recording:
                active.record()
            sampled = super().latents(requests)
        self._recorded = active.course.told() if active.course else ()
        self._costs = active.costs()
        return sampled

    def costs(self) -> Sequence[Mapping[str, float]]:
        """With ``until=satisfied``, in how many steps each image was guided; see ``turns``."""
        return self._costs


def configure(
    settings: GenerationSettings, parameters: Mapping[str, Any], variant: Variant = CORRECTED
) -> InfSplign:
    """Fix the settings: the user's, over the preset's, over the backbone's defaults.

    A preset's steps and scheduler are for Stable Diffusion and SDXL; the lab and transformers keep
    their own.

    Raises:
        UserError: an unknown parameter, a value out of range, or values that contradict.
    """
    preset = preset_of(parameters)
    backbone = resolve(settings.backbone, offline=settings.offline)
    kind = backbone.known_architecture
    if variant is not RELEASED and backbone.family.told_guidance:
        _require_guided(settings.backbone, backbone)
    if kind is not Architecture.LAB and not backbone.family.flow:
        settings = replace(
            settings,
            steps=_steps(settings, backbone, preset),
            scheduler=settings.scheduler or preset.scheduler,
        )
    sampling = resolve_sampling(
        settings,
        needs=variant.needs,
        why=_RELEASED_ACTS_ON if variant is RELEASED else ACTS_ON_ATTENTION,
    )
    guidance = read_settings(parameters, kind or "", sampling.steps, variant, backbone.family)
    if guidance.joint:
        require_tokens(guidance.joint.reading.tokens, sampling.family, sampling.text_length)
    return InfSplign(sampling, guidance)


def configure_released(settings: GenerationSettings, parameters: Mapping[str, Any]) -> InfSplign:
    """As :func:`configure`, for what the authors' code computes."""
    return configure(settings, parameters, RELEASED)


def _require_guided(name: str, backbone: Checkpoint) -> None:
    """Refuse FLUX.1-schnell's kind."""
    if backbone.defaults.guidance_scale == 0:
        raise UserError(
            f"infsplign does not run on {name}: a model distilled to {backbone.defaults.steps} "
            "steps decides the layout in the first, where one guided step is too weak; give "
            "--backbone flux1-dev or another."
        )


def _steps(settings: GenerationSettings, backbone: Checkpoint, preset: Preset) -> int:
    """The user's steps, else the preset's; a repository is asked only where SDXL has its own."""
    if settings.steps is not None:
        return settings.steps
    if preset.steps_sdxl is None:
        return preset.steps
    sdxl = backbone.architecture(offline=settings.offline) is Architecture.SDXL
    return preset.steps_sdxl if sdxl else preset.steps
