"""Backbones: text-to-image models by name. A plug-in says where the weights are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .plugin import Plugin


class Ability(StrEnum):
    """What a method may need of a kind of model, for ``MethodPlugin.needs``.

    ``CROSS_ATTENTION``: a UNet looks at the prompt by layers of its own. ``JOINT_ATTENTION``: a
    transformer mixes text and image in its blocks. ``KNOWN_LAYERS``: its layers are known by the
    names that LoRA files and fine-tuned weights give them. ``NOISE_SCHEDULE``: an image is noised
    by a schedule of steps, not along a flow.
    """

    CROSS_ATTENTION = "cross-attention"
    JOINT_ATTENTION = "joint attention"
    KNOWN_LAYERS = "known layers"
    NOISE_SCHEDULE = "noise schedule"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a backbone is run with unless the user says otherwise.

    ``scheduler`` is a name of ``backbones.schedulers``; ``own`` is the one in the checkpoint.
    ``width`` and ``height`` are pixels; None is the checkpoint's own size. A FLUX model with
    ``guidance_scale`` 0 takes none. ``text_length`` is how many tokens of T5 a transformer reads,
    or rows of zeros where it has no T5; 0 is none. ``dtype`` is ``float32``, ``float16`` or
    ``bfloat16``; None is ``float32``.
    """

    steps: int = 50
    guidance_scale: float = 7.5
    scheduler: str = "own"
    width: int | None = None
    height: int | None = None
    text_length: int | None = None
    dtype: str | None = None


@dataclass(frozen=True)
class Backbone(Plugin):
    """What an entry point of ``spatialbench.backbones`` names: a model in diffusers format.

    Either ``sources`` or ``folder`` is given. Of a repository that is not here yet nothing can be
    read, so the plug-in says what its files would; a folder says it itself.

    Attributes:
        name: what ``--backbone`` takes, and what identifies a run beside the weights.
        summary: one line for lists.
        sources: ``org/name@<40 hex digits>`` of repositories that hold the same weights, the
            preferred one first; or one ``org/name`` alone, for its newest commit.
        folder: where a backbone that is in no repository lies.
        pipeline: of a repository, the ``_class_name`` in its ``model_index.json``.
        architecture: of a repository, what kind of model it is, a value of
            ``backbones.architecture``; None has it asked for one small file where a method depends
            on it.
        defaults: what it is run with; None is what its kind of pipeline is, or a folder says.
        step_tflop: work of one step with guidance at its own size, for estimates of a run's time.
    """

    name: str
    summary: str
    sources: Sequence[str] = ()
    folder: Path | None = None
    pipeline: str = "StableDiffusionPipeline"
    architecture: str | None = None
    defaults: Defaults | None = None
    step_tflop: float | None = None
