"""The kinds of model that a backbone can be, and everything that is special to a kind.

Nothing here loads a model or imports a heavy library.
"""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """What kind of model a backbone is, and so what can be asked of it.

    ``UNET``: Stable Diffusion and SDXL. A UNet predicts noise or velocity and looks at the prompt
    by cross-attention; guidance compares two predictions. ``SD3``: Stable Diffusion 3 and 3.5. A
    transformer predicts the flow from noise to image and mixes text and image in joint
    attention; guidance compares two predictions. ``FLUX``: FLUX.1. As SD3, but guidance is a number
    that the model is told, or was trained away.
    """

    UNET = "unet"
    SD3 = "sd3"
    FLUX = "flux"

    @property
    def called(self) -> str:
        """What a message calls it."""
        return {"unet": "Stable Diffusion", "sd3": "SD3", "flux": "FLUX"}[self.value]

    @property
    def flow(self) -> bool:
        """Whether it is a transformer that follows a flow: its scheduler is the checkpoint's."""
        return self is not Family.UNET

    @property
    def told_guidance(self) -> bool:
        """Whether guidance is a number that the model is told, so that no negative prompt acts."""
        return self is Family.FLUX

    @property
    def packed(self) -> bool:
        """Whether the pipeline samples latents packed as rows of 2x2 patches."""
        return self is Family.FLUX

    @property
    def side_unit(self) -> int:
        """Sides of an image are multiples of this: other sides diffusers refuses or rounds."""
        return 16 if self.flow else 8


PIPELINE_FAMILIES = {
    "StableDiffusionPipeline": Family.UNET,
    "StableDiffusionXLPipeline": Family.UNET,
    "StableDiffusion3Pipeline": Family.SD3,
    "FluxPipeline": Family.FLUX,
}
"""The family of each pipeline class that can be loaded."""
