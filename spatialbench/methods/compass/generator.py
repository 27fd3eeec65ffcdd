"""A backbone with CoMPaSS's weights, TENOR, or both, sampled like the plain backbone."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...backbones.architecture import Architecture
from ...backbones.named import resolve
from ...backbones.prompt_embeddings import EmbeddingBatch
from ...backbones.sampling import Sampling, resolve_sampling
from ...errors import UserError
from ...files.downloads import forbidden
from ...plugins import GenerationSettings, ImageRequest, Json
from ...plugins.requirements import Requirement, required
from ..lora.adaptation import adapt_from_file
from ..lora.lora_file import LoraFile
from ..stable_diffusion import StableDiffusion, read_stable_diffusion
from .flux_sampling import FluxSampling, is_guided_flux, take_flux_sampling, with_authors_defaults
from .tenor import install_tenor
from .weights import UnetSource, check_fit, find_weights

if TYPE_CHECKING:
    from pathlib import Path

    from . import CompassPlugin

VERSION = 1
"""Raised whenever the same settings would give other pixels; so is the other one."""
FLUX_VERSION = 2
"""Of the trained method on FLUX.1-dev: version 1 was sampled as diffusers samples FLUX."""

TRAINED_SIDE = 512
"""Pixels of CoMPaSS's training images, also for the larger backbones SD 2.1 and FLUX.1."""

_DOUBLE_BLOCK = re.compile(r"transformer_blocks\.(\d+)\.attn\.")

log = logging.getLogger(__name__)


class Compass(StableDiffusion):
    """A backbone, its settings, and the weights: a UNet in the place of its own, or FLUX's LoRA."""

    def __init__(
        self,
        plugin: CompassPlugin,
        sampling: Sampling,
        parameters: Mapping[str, Any],
        weights: UnetSource | LoraFile | None,
        flux: FluxSampling | None = None,
    ) -> None:
        super().__init__(sampling, parameters)
        self.plugin = plugin
        self.unet = weights if isinstance(weights, UnetSource) else None
        self.lora = weights if isinstance(weights, LoraFile) else None
        self.flux = flux
        self._ready = False

    def identity(self) -> Json:
        """As :meth:`StableDiffusion.identity`, with the weights' own and whether TENOR is on."""
        weights: dict[str, Any] = {}
        if self.unet:
            weights["unet"] = self.unet.identity()
        if self.lora:
            weights["lora"] = self.lora.named_identity()
        own = {**self.parameters, **(self.flux.identity() if self.flux else {})}
        return super().identity() | {
            "method": self.plugin.name,
            "version": FLUX_VERSION if self.flux else VERSION,
            "parameters": own,
            "tenor": self.plugin.tenor,
            **weights,
        }

    def options(self) -> dict[str, Any]:
        """As :meth:`StableDiffusion.options`, and on FLUX the guidance against a prompt."""
        options = super().options()
        return {**options, "true_cfg_scale": self.flux.true_cfg} if self.flux else options

    def embeddings(self, requests: Sequence[ImageRequest]) -> EmbeddingBatch:
        """As :meth:`PipelineGenerator.embeddings`; on FLUX with the negative prompt's."""
        if self.flux is None or not self.flux.guided:
            return super().embeddings(requests)
        assert self._encoder is not None
        return self._encoder.batch([request.prompt.text for request in requests], guided=True)

    def replaced_parts(self) -> Mapping[str, Path]:
        """The UNet's folder in the place of the backbone's.

        Raises:
            UserError: it cannot be had, or belongs to another kind of backbone.
        """
        if self.unet is None:
            return {}
        offline = self.sampling.offline
        folder = self.unet.locate(offline=offline)
        check_fit(folder, self.sampling.backbone.weights.locate(offline=offline))
        return {"unet": folder}

    def download(self) -> None:
        """Get what is missing of the backbone and the UNet; see ``plugins.download``."""
        super().download()
        self.replaced_parts()

    def requirements(self, requests: Sequence[ImageRequest]) -> list[Requirement]:
        """As for the backbone, and the UNet; a LoRA was found when the settings were fixed."""
        found = super().requirements(requests)
        unet = self.unet
        if unet is None:
            return found
        fetchable = unet.source is not None and not (self.sampling.offline or forbidden())
        check = required("CoMPaSS's UNet", lambda: unet.locate(offline=True), fetchable=fetchable)
        return [*found, check]

    def load(self) -> None:
        """Load the pipeline with the weights, and put TENOR where CoMPaSS has it.

        Raises:
            UserError: as :func:`~spatialbench.backbones.pipelines.load_pipeline`, or weights that
                do not fit.
        """
        super().load()
        if self._ready:
            return
        if self.flux:
            self.pipe.scheduler = self.flux.shift(self.pipe.scheduler)
        among = self._adapted_blocks(self.lora) if self.lora else None
        if self.plugin.tenor:
            denoiser = getattr(self.pipe, self.sampling.family.denoiser)
            log.info("TENOR in %d layers", install_tenor(denoiser, among))
        self._ready = True

    def _adapted_blocks(self, lora: LoraFile) -> frozenset[int]:
        """Load FLUX's LoRA; numbers of the double blocks whose attention it adapts."""
        adaptation = adapt_from_file(self.pipe, lora)
        log.info("LoRA: %d of %d modules changed", adaptation.changed, adaptation.modules)
        names = [name for part, name in adaptation.names if part == "transformer"]
        blocks = frozenset(int(match[1]) for match in map(_DOUBLE_BLOCK.match, names) if match)
        if not blocks:
            adaptation.remove()
            raise UserError(
                f"{lora.path} adapts no double block of FLUX, so it is not a LoRA of CoMPaSS's "
                "kind and TENOR has no layer to act on; run it with --method lora."
            )
        return blocks


def configure(
    plugin: CompassPlugin, settings: GenerationSettings, parameters: Mapping[str, Any]
) -> Compass:
    """Fix the settings; with CoMPaSS's weights the images have its training size.

    FLUX's LoRA is found (and downloaded) here, for its hash.

    Raises:
        UserError: no weights given or found, an unknown parameter, or a value out of range.
    """
    if plugin.weights and _larger_than_trained(settings):
        settings = replace(
            settings,
            width=settings.width or TRAINED_SIDE,
            height=settings.height or TRAINED_SIDE,
        )
    authors = plugin.weights and is_guided_flux(
        resolve(settings.backbone, offline=settings.offline)
    )
    if authors:
        settings = with_authors_defaults(settings)
    sampling = resolve_sampling(
        settings, needs=plugin.needs, why="its weights change a UNet's or FLUX's layers"
    )
    if authors and parameters.get("negative_prompt"):
        raise UserError(
            f"{plugin.name} on FLUX leads away from the empty prompt, as its authors do: leave "
            "negative_prompt out."
        )
    values = read_stable_diffusion(plugin.name, plugin.parameters, parameters, sampling)
    if not plugin.weights:
        return Compass(plugin, sampling, values, None)
    flux = take_flux_sampling(plugin.name, values, parameters, sampling.backbone)
    weights = find_weights(plugin.name, values, sampling)
    return Compass(plugin, sampling, values, weights, flux)


def _larger_than_trained(settings: GenerationSettings) -> bool:
    """Whether the backbone's own images may be larger: of SD 2.1 there are two sizes."""
    backbone = resolve(settings.backbone, offline=settings.offline)
    kind = backbone.architecture(offline=settings.offline)
    return kind in (Architecture.SD2, Architecture.FLUX)
