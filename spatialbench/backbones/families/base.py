"""What is special to a kind of model: how it is recognised, loaded, told a prompt and decoded.

A new kind is one more module here with a subclass, and a line in ``families/__init__.py``. Nothing
here imports a heavy library before a model is at hand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...plugins import Ability, Defaults
from ..architecture import Architecture, small_file

if TYPE_CHECKING:
    import torch

Pipeline = Any
"""A diffusers pipeline of a class that some family knows; diffusers' classes have no types that a
checker can follow."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a class of pipelines is made of.

    Attributes:
        models: the class of each model, by the attribute and the folder it is in.
        beside: tokenizers and the scheduler, likewise.
        optional: what a folder may leave out together: its description then has nothing for them.
    """

    models: Mapping[str, str]
    beside: tuple[str, ...]
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Embedding:
    """One prompt: ``tokens`` (1, length, width), and ``pooled`` (1, width) if there is one."""

    tokens: torch.Tensor
    pooled: torch.Tensor | None = None


class Family(ABC):
    """A kind of model. It has no state: two of one class are equal.

    Attributes:
        called: what a message calls it, with ``article`` before it.
        classes: what each class of pipelines that belongs to it is made of.
        denoiser: attribute of the pipeline that holds the model which is asked at every step.
        abilities: what methods can do with it.
        lora_parts: attributes that a LoRA can adapt.
        defaults: what a model is run with where its files do not say otherwise.
        flow: whether it follows a flow from noise to image, with the checkpoint's own scheduler.
        told_guidance: whether guidance is a number that the model is told, so that no negative
            prompt acts; else two predictions are compared.
        small_files: what else of a checkpoint's configurations tells its defaults.
        unguided: the guidance scale up to which there is none.
        side_unit: sides of an image are multiples of this: other sides diffusers refuses or rounds.
        words: whose words stand for an object unless the user says otherwise, ``clip`` or ``t5``.
    """

    called: str
    article = "a"
    classes: Mapping[str, Parts]
    denoiser = "transformer"
    abilities: frozenset[Ability] = frozenset()
    lora_parts: tuple[str, ...] = ("transformer", "text_encoder", "text_encoder_2")
    defaults = Defaults()
    flow = True
    told_guidance = False
    unguided = 1.0
    small_files: tuple[str, ...] = ("vae/config.json",)
    side_unit = 16
    words = "clip"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    # Of a checkpoint's small files.

    def knows(self, class_name: str) -> bool:
        """Whether a class of pipelines belongs to it."""
        return class_name in self.classes

    def parts(self, class_name: str) -> Parts:
        """What a class that it knows is made of."""
        return self.classes[class_name]

    @property
    def config_file(self) -> str:
        """Of a checkpoint, the file that tells its architecture."""
        return f"{self.denoiser}/config.json"

    @abstractmethod
    def architecture(self, config: Mapping[str, Any]) -> Architecture:
        """What ``config_file`` says that it is; empty where that cannot be read."""

    @abstractmethod
    def folder_defaults(self, folder: Path) -> Defaults:
        """What a checkpoint of this family is run with, as far as its small files tell."""

    # Of a loaded pipeline.

    def own_size(self, pipe: Pipeline) -> tuple[int, int]:
        """Height and width, in pixels, that the checkpoint was made for."""
        side = int(pipe.default_sample_size * pipe.vae_scale_factor)
        return side, side

    @abstractmethod
    def encode(
        self, pipe: Pipeline, texts: str | list[str], text_length: int | None = None
    ) -> Embedding:
        """Prompts by the pipeline's own text encoders: (n, length, width) and pooled.

        Args:
            text_length: tokens of T5, where it reads any.
        """

    def word_tokenizers(self, pipe: Pipeline) -> list[Any]:
        """Tokenizers of CLIP whose tokens are rows of the text, on one axis."""
        return [t for t in (pipe.tokenizer, pipe.tokenizer_2) if t is not None]

    def t5_tokenizer(self, pipe: Pipeline) -> Any:
        """The tokenizer of T5, or None."""
        return None

    def rows_before_t5(self, pipe: Pipeline) -> int:
        """Rows of the text that are CLIP's, before those of T5."""
        return 0

    def unpacked(self, pipe: Pipeline, latents: Any, height: int, width: int) -> torch.Tensor:
        """What the pipeline samples as latents (n, channels, h, w).

        Args:
            height: of the image, in pixels; ``width`` likewise.
        """
        found: torch.Tensor = latents
        return found

    def upcast(self, pipe: Pipeline, latents: torch.Tensor) -> bool:
        """Whether the VAE has to decode these latents in float32."""
        return False

    def to_vae(self, pipe: Pipeline, latents: torch.Tensor) -> torch.Tensor:
        """The denoiser's latents in the units of the VAE."""
        config = pipe.vae.config
        return latents / float(config.scaling_factor) + float(config.shift_factor)

    def from_vae(self, pipe: Pipeline, values: torch.Tensor, *, shift: bool) -> torch.Tensor:
        """The VAE's values in the units of the denoiser; spreads are scaled and not shifted."""
        config = pipe.vae.config
        moved = values - config.shift_factor if shift else values
        return moved * float(config.scaling_factor)


def vae_factor(folder: Path) -> int:
    """Pixels a latent pixel, along a side.

    Raises:
        KeyError, TypeError: the VAE's configuration cannot be read.
    """
    return int(2 ** (len(small_file(folder / "vae" / "config.json")["block_out_channels"]) - 1))


def require_text_alone(folder: Path, denoiser: str, per_pixel: int = 1) -> None:
    """Refuse a denoiser that is shown an image beside the noise, as for inpainting.

    Args:
        denoiser: its part of the pipeline.
        per_pixel: how many latent pixels stand in the channels of one that it sees.

    Raises:
        UserError: it takes more channels than the VAE makes.
    """
    takes = small_file(folder / denoiser / "config.json").get("in_channels")
    latent = small_file(folder / "vae" / "config.json").get("latent_channels")
    if isinstance(takes, int) and isinstance(latent, int) and takes > latent * per_pixel:
        raise UserError(
            f"the {denoiser} of this checkpoint takes {takes} channels and not the "
            f"{latent * per_pixel} of noise: it starts from an image that is given, as for "
            "inpainting or editing. Give a checkpoint that makes an image of a text alone."
        )
