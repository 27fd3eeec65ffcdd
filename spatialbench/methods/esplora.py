"""ESPLoRA: a LoRA trained on images whose relations were checked (arXiv 2504.13745).

The authors released neither code nor weights nor data. This is a loader for the LoRAs of
:mod:`spatialbench.lora_training`, which reconstructs how theirs was made; any other LoRA is a plain
one, and ``lora`` runs it.
"""

from __future__ import annotations

from ..plugins.deferred_method import DeferredMethod
from .lora.settings import NEEDS, PARAMETERS

PLUGIN = DeferredMethod(
    "esplora",
    "a LoRA that 'esplora train' made; ESPLoRA's own is unreleased (reconstruction)",
    PARAMETERS,
    "spatialbench.methods.lora.generator",
    "configure_esplora",
    needs=NEEDS,
)
