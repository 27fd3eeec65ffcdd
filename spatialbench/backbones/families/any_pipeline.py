"""Every other text-to-image pipeline of diffusers: called as it is, nothing inside it is touched.

No method acts on its attention: it is told a text and a seed, and gives an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...plugins import Defaults
from ..architecture import Architecture, small_file
from .base import Embedding, Family, Parts, Pipeline
from .pipeline_classes import (
    BATCH_INVARIANT,
    TEXT_TO_IMAGE,
    TOLD_GUIDANCE,
    VAE_OF_FOUR_LEVELS,
)
from .pipeline_classes import OFFSET_GUIDANCE as OFFSET

if TYPE_CHECKING:
    from ..pipeline_call import PipelineCall

_TEXT_ENCODERS = ("text_encoder", "prior_text_encoder")
INDEX = "model_index.json"
_DTYPES = ("float32", "float16", "bfloat16")


class AnyPipelineFamily(Family):
    """One class of pipelines, by its name; its parts are those that its folder lists."""

    classes: Mapping[str, Parts] = {}
    side_unit = 8
    small_files = (
        "vae/config.json",
        "guider/guider_config.json",
        *(f"{part}/config.json" for part in _TEXT_ENCODERS),
    )

    def __init__(
        self, class_name: str, call: PipelineCall | None = None, *, foreign: bool = False
    ) -> None:
        self.class_name = class_name
        self.called = class_name
        self.told_guidance = call.told if call else class_name in TOLD_GUIDANCE
        offset = call.offset if call else class_name in OFFSET
        self.unguided = 0.0 if offset else 1.0
        self._call = call
        self._foreign = foreign

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
        return self.class_name in BATCH_INVARIANT and not self._foreign

    def architecture(self, config: Mapping[str, Any]) -> Architecture:
        """None that a method has settings for."""
        return Architecture.OTHER

    @cached_property
    def defaults(self) -> Defaults:  # type: ignore[override]
        """Those of the class's call."""
        from ..pipeline_call import known_call

        return (self._call or known_call(self.class_name)).defaults

    def folder_defaults(self, folder: Path) -> Defaults:
        """See ``checkpoint_defaults``."""
        configs = {
            INDEX: small_file(folder / INDEX),
            "guider": small_file(folder / "guider" / "guider_config.json"),
            **{
                part: small_file(folder / part / "config.json")
                for part in (self.denoiser, "vae", *_TEXT_ENCODERS)
            },
        }
        return self.checkpoint_defaults(configs)

    def checkpoint_defaults(self, configs: Mapping[str, Mapping[str, Any]]) -> Defaults:
        """Those of the class's call, as far as the checkpoint does not say otherwise.

        Its numbers are of the type that its text encoder is stored in: no configuration tells the
        denoiser's, which is usually the same.

        Args:
            configs: of the pipeline, as ``model_index.json``, and of its parts, by their names.

        Raises:
            UserError: a VAE that the pipeline cannot decode with.
        """
        defaults = self.defaults
        self._require_vae(configs.get("vae", {}))
        if configs[INDEX].get("is_distilled") is True and self.unguided:
            # Distilled to need no guidance: it leaves it out, whatever the scale.
            defaults = replace(defaults, guidance_scale=self.unguided)
        scale = configs.get("guider", {}).get("guidance_scale")
        told = configs.get(self.denoiser, {}).get("guidance_embeds", False)
        if isinstance(scale, int | float) and not told:
            defaults = replace(defaults, guidance_scale=float(scale))
        for part in _TEXT_ENCODERS:
            config = configs.get(part, {})
            stored = config.get("dtype") or config.get("torch_dtype")
            if stored in _DTYPES:
                return replace(defaults, dtype=str(stored))
        return defaults

    def _require_vae(self, config: Mapping[str, Any]) -> None:
        levels = config.get("block_out_channels")
        if self.class_name in VAE_OF_FOUR_LEVELS and isinstance(levels, list | tuple):
            factor = 2 ** (len(levels) - 1)
            if factor != 8:
                raise UserError(
                    f"a {self.class_name} takes for granted that its VAE makes 8 x 8 pixels of "
                    f"each latent pixel, and the one of this checkpoint makes {factor} x {factor}: "
                    "its images would have another size than is asked for. Give a checkpoint with "
                    "the VAE that belongs to it."
                )

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
