"""The denoiser as training asks it: its schedule, and what it is told beside noised latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..backbones.families import Pipeline, of_pipeline
from ..errors import UserError
from .noising import FLOW, PREDICTIONS

if TYPE_CHECKING:
    from torch import Tensor

FLUX_TIMESTEPS = 1000


class AskedModel:
    """The UNet or FLUX transformer of a pipeline.

    Attributes:
        model: the model itself.
        prediction: what it answers, one of ``PREDICTIONS``.
        signal: (timesteps,) of :func:`~spatialbench.lora_training.noising.shown_and_target`.

    Raises:
        UserError: a model whose answer cannot be trained here.
    """

    def __init__(self, pipe: Pipeline) -> None:
        import torch

        self.pipe = pipe
        self.family = of_pipeline(pipe)
        self.model = getattr(pipe, self.family.denoiser)
        if self.family.flow:
            self.prediction = FLOW
            # As large a share of noise as the timestep says; nothing of the image at the last.
            share = torch.arange(1, FLUX_TIMESTEPS + 1, dtype=torch.float32) / FLUX_TIMESTEPS
            self.signal: Tensor = 1 - share
            return
        self.prediction = str(pipe.scheduler.config.prediction_type)
        self.signal = pipe.scheduler.alphas_cumprod
        if self.prediction not in PREDICTIONS:
            raise UserError(
                f"this backbone predicts {self.prediction!r}, which cannot be trained here; "
                f"expected one of {', '.join(PREDICTIONS)}: give another --backbone."
            )

    def __call__(
        self, shown: Tensor, timesteps: Tensor, pure: Tensor, conditioning: dict[str, Any]
    ) -> Tensor:
        """Its answer (n, c, h, w), float32, to noised latents of that shape.

        Args:
            timesteps: (n,) int64.
            pure: (n,) bool: shown the noise alone. FLUX is told so; a UNet's own last timestep
                says it as nearly as its schedule can.
            conditioning: from :class:`~spatialbench.lora_training.conditioning.Conditioning`.
        """
        device, dtype = self.model.device, self.model.dtype
        if self.prediction != FLOW:
            answer: Tensor = self.model(
                shown.to(device, dtype), timesteps.to(device), **conditioning
            ).sample
            return answer.float()
        return self._flow(shown.to(device, dtype), timesteps, pure, conditioning)

    def _flow(
        self, shown: Tensor, timesteps: Tensor, pure: Tensor, conditioning: dict[str, Any]
    ) -> Tensor:
        """In patches of 2x2, with the places of patches and words, as FLUX's pipeline asks."""
        import torch

        count, channels, rows, columns = shown.shape
        pipe, device, dtype = self.pipe, shown.device, shown.dtype
        share = (1 - self.signal[timesteps]).where(~pure, torch.ones(())).to(device, dtype)
        guidance = None
        if self.model.config.guidance_embeds:
            # The number that the model is told when it samples.
            guidance = torch.full((count,), self.family.defaults.guidance_scale, device=device)
        words = conditioning["encoder_hidden_states"].shape[1]
        answer = self.model(
            hidden_states=pipe._pack_latents(shown, count, channels, rows, columns),
            timestep=share,
            guidance=guidance,
            txt_ids=torch.zeros(words, 3, device=device, dtype=dtype),
            img_ids=pipe._prepare_latent_image_ids(count, rows // 2, columns // 2, device, dtype),
            **conditioning,
        ).sample
        factor = pipe.vae_scale_factor
        return self.family.unpacked(pipe, answer, rows * factor, columns * factor).float()
