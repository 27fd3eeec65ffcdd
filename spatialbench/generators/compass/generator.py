"""A backbone whose UNet is exchanged, with or without TENOR, sampled like the plain backbone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...plugins import GenerationSettings, Json
from ..sampling import Sampling, resolve_sampling
from ..stable_diffusion import StableDiffusion, read_stable_diffusion
from .tenor import install_tenor
from .weights import UnetSource, check_fit, find_unet

if TYPE_CHECKING:
    from pathlib import Path

    from . import CompassPlugin

VERSION = 1
"""Raised whenever the same settings would give other pixels."""

TRAINED_SIDE = 512
"""Pixels of CoMPaSS's training pictures, also for the 768-pixel backbone SD 2.1."""

log = logging.getLogger(__name__)


class Compass(StableDiffusion):
    """A backbone, its settings, and the UNet that takes the place of its own."""

    def __init__(
        self,
        plugin: CompassPlugin,
        sampling: Sampling,
        parameters: Mapping[str, Any],
        unet: UnetSource | None,
    ) -> None:
        super().__init__(sampling, parameters)
        self.plugin = plugin
        self.unet = unet

    def identity(self) -> Json:
        """As :meth:`StableDiffusion.identity`, with the UNet's own and whether TENOR is on."""
        unet = {"unet": self.unet.identity()} if self.unet else {}
        return super().identity() | {
            "method": self.plugin.name,
            "version": VERSION,
            "tenor": self.plugin.tenor,
            **unet,
        }

    def replaced_parts(self) -> Mapping[str, Path]:
        """The UNet's folder in the place of the backbone's.

        Raises:
            UserError: it cannot be had, or belongs to another kind of backbone.
        """
        if self.unet is None:
            return {}
        offline = self.sampling.offline
        folder = self.unet.locate(offline=offline)
        check_fit(folder, self.sampling.backbone.locate(offline=offline))
        return {"unet": folder}

    def download(self) -> None:
        """Get what is missing of the backbone and the UNet; see ``plugins.download``."""
        super().download()
        self.replaced_parts()

    def load(self) -> None:
        """Load the pipeline and put TENOR into its UNet.

        Raises:
            UserError: as :func:`~spatialbench.generators.pipelines.load_pipeline`, or a UNet that
                does not fit.
        """
        loaded = self._pipe is not None
        super().load()
        if self.plugin.tenor and not loaded:
            log.info("TENOR in %d layers", install_tenor(self._pipe.unet))


def configure(
    plugin: CompassPlugin, settings: GenerationSettings, parameters: Mapping[str, Any]
) -> Compass:
    """Fix the settings; with CoMPaSS's weights the pictures have its training size.

    Raises:
        UserError: no UNet given or found, an unknown parameter, or a value out of range.
    """
    if plugin.weights and settings.backbone == "sd2.1":
        settings = replace(
            settings,
            width=settings.width or TRAINED_SIDE,
            height=settings.height or TRAINED_SIDE,
        )
    sampling = resolve_sampling(settings)
    values = read_stable_diffusion(plugin.name, plugin.parameters, parameters, sampling)
    unet = None
    if plugin.weights:
        where, subfolder = str(values.pop("unet")), str(values.pop("subfolder"))
        unet = find_unet(plugin.name, where, subfolder, sampling.backbone.name)
    return Compass(plugin, sampling, values, unet)
