"""ESPLoRA: a LoRA trained on images whose relations were checked (arXiv 2504.13745).

The authors released neither code nor weights nor data. This is a loader for any LoRA, ESPLoRA's
kind among them; :mod:`spatialbench.lora_training` reconstructs how theirs was made.
"""

from __future__ import annotations

from ...plugins.deferred_method import DeferredMethod
from .settings import NEEDS, PARAMETERS

PLUGIN = DeferredMethod(
    "esplora",
    "a backbone with any LoRA; ESPLoRA's own is unreleased (reconstruction)",
    PARAMETERS,
    f"{__name__}.generator",
    needs=NEEDS,
)
