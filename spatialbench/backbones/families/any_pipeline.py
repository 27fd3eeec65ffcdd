"""Every other text-to-image pipeline of diffusers: called as it is, nothing inside it is touched.

No method acts on its attention: it is told a text and a seed, and gives an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...plugins import Defaults
from ..architecture import Architecture, small_file
from .base import Embedding, Family, Parts, Pipeline
from .pipeline_classes import BATCH_INVARIANT, TEXT_TO_IMAGE, TOLD_GUIDANCE
from .pipeline_classes import OFFSET_GUIDANCE as OFFSET

_TEXT_ENCODERS = ("text_encoder", "prior_text_encoder")
_DTYPES = ("float32", "float16", "bfloat16")


class AnyPipelineFamily(Family):
    """One class of pipelines, by its name; its parts are those that its folder lists."""

    classes: Mapping[str, Parts] = {}
    side_unit = 8
    small_files = ("vae/config.json", *(f"{part}/config.json" for part in _TEXT_ENCODERS))

    def __init__(self, class_name: str) -> None:
        self.class_name = class_name
        self.called = class_name
        self.told_guidance = class_name in TOLD_GUIDANCE
        self.unguided = 0.0 if class_name in OFFSET else 1.0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnyPipelineFamily) and other.class_name == self.class_name

    def __hash__(self) -> int:
        return hash(self.class_name)

    def knows(self, class_name: str) -> bool:
        """Only the class itself."""
        return class_name == self.class_name

    def parts(self, class_name: str) -> Parts:
        """None: see ``backbones.any_loading``."""
        return Parts({}, ())

    @property
    def batch_invariant(self) -> bool:
        """Whether an image in a batch is known to be the image alone, up to rounding."""
        return self.class_name in BATCH_INVARIANT

    def architecture(self, config: Mapping[str, Any]) -> Architecture:
        """None that a method has settings for."""
        return Architecture.OTHER

    @cached_property
    def defaults(self) -> Defaults:  # type: ignore[override]
        """Those of the class's call."""
        from ..pipeline_call import known_call

        return known_call(self.class_name).defaults

    def folder_defaults(self, folder: Path) -> Defaults:
        """Those of the class's call, in the type of numbers that its text encoder is stored in.

        No configuration tells the denoiser's, which is the same.
        """
        defaults = self.defaults
        index = small_file(folder / "model_index.json")
        if index.get("is_distilled") is True and self.class_name == "Flux2KleinPipeline":
            defaults = replace(defaults, guidance_scale=self.unguided)
        return replace(defaults, dtype=_stored_dtype(folder))

    def encode(
        self, pipe: Pipeline, texts: str | list[str], text_length: int | None = None
    ) -> Embedding:
        """Never asked for: the pipeline reads its prompts itself.

        Raises:
            UserError: always.
        """
        raise UserError(f"the prompts of a {self.class_name} are read by the pipeline itself.")


def any_pipeline(class_name: str) -> AnyPipelineFamily | None:
    """The family of a class that makes an image of a text alone; None for any other name."""
    return AnyPipelineFamily(class_name) if class_name in TEXT_TO_IMAGE else None


def _stored_dtype(folder: Path) -> str | None:
    for part in _TEXT_ENCODERS:
        config = small_file(folder / part / "config.json")
        told = config.get("dtype") or config.get("torch_dtype")
        if told in _DTYPES:
            return str(told)
    return None
