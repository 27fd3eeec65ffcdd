"""A backbone with a LoRA beside its weights, sampled like the plain backbone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ...backbones.sampling import Sampling, resolve_sampling
from ...errors import UserError
from ...plugins import GenerationSettings, Json
from ..stable_diffusion import StableDiffusion, read_stable_diffusion
from .adaptation import Adaptation, adapt_from_file
from .lora_file import LoraFile, find_lora
from .settings import NEEDS, PARAMETERS

VERSION = 1
"""Raised whenever the same settings would give other pixels."""

log = logging.getLogger(__name__)


class Esplora(StableDiffusion):
    """A backbone, its settings, and a LoRA with its scale."""

    def __init__(
        self, sampling: Sampling, parameters: Mapping[str, Any], lora: LoraFile, scale: float
    ) -> None:
        super().__init__(sampling, parameters)
        self.lora = lora
        self.scale = scale
        self._adaptation: Adaptation | None = None

    def identity(self) -> Json:
        """As :meth:`StableDiffusion.identity`, and the LoRA by the hash of its file.

        Every row is marked a reconstruction: the authors' LoRA was never released, so whatever is
        loaded is somebody's own.
        """
        plain = super().identity()
        return plain | {
            "method": "esplora",
            "version": VERSION,
            "parameters": {"scale": self.scale, **plain["parameters"]},
            "lora": self.lora.named_identity(),
            "marks": ["reconstruction"],
        }

    def load(self) -> None:
        """Load the backbone and put the LoRA beside its weights.

        Raises:
            UserError: as :func:`~spatialbench.backbones.pipelines.load_pipeline`, or a LoRA that
                does not fit the backbone.
        """
        if self._adaptation is not None:
            return
        super().load()
        self._adaptation = adapt_from_file(self.pipe, self.lora, self.scale)
        log.info(
            "LoRA: %d matrices in place, %d of %d modules changed",
            self._adaptation.tensors,
            self._adaptation.changed,
            self._adaptation.modules,
        )


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> Esplora:
    """Fix the settings; the LoRA's file is found (and downloaded) here, for its hash.

    Raises:
        UserError: no LoRA given or found, an unknown parameter, or a value out of range.
    """
    sampling = resolve_sampling(
        settings, needs=NEEDS, why="its weights change a UNet's or FLUX's layers"
    )
    values = read_stable_diffusion("esplora", PARAMETERS, parameters, sampling)
    where, file, scale = values.pop("lora"), values.pop("file"), values.pop("scale")
    if not where:
        raise UserError(
            "esplora needs a LoRA (its authors released none): give --set lora=FILE.safetensors, a "
            "folder, or org/name@commit; or train one with 'spatialbench esplora build-data' and "
            "'spatialbench esplora train'."
        )
    lora = find_lora(str(where), str(file), offline=settings.offline)
    return Esplora(sampling, values, lora, scale)
