"""A pipeline as the settings want it: loaded, its scheduler chosen, its prompts' encoder ready."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .pipelines import Pipeline, load_pipeline
from .prompt_embeddings import PromptEncoder
from .sampling import Sampling
from .schedulers import build


def prepared_pipeline(
    sampling: Sampling,
    negative_prompt: str | None = None,
    replaced: Mapping[str, Path] | None = None,
) -> tuple[Pipeline, PromptEncoder]:
    """The pipeline and the encoder of its prompts.

    Args:
        negative_prompt: what guidance leads away from; None for the usual none.
        replaced: see :func:`~spatialbench.backbones.pipelines.load_pipeline`.

    Raises:
        UserError: see :func:`~spatialbench.backbones.pipelines.load_pipeline`; or steps that the
            scheduler cannot take.
    """
    pipe = load_pipeline(
        sampling.backbone, sampling.dtype, sampling.device, sampling.offline, replaced
    )
    if not sampling.family.flow:
        pipe.scheduler = build(sampling.scheduler, pipe.scheduler, sampling.steps)
    return pipe, PromptEncoder(pipe, negative_prompt, text_length=sampling.text_length)
