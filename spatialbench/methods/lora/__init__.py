"""A backbone with a LoRA beside its weights: any LoRA, of whoever trained it.

:mod:`spatialbench.methods.esplora` is the same code for the LoRAs of one recipe.
"""

from __future__ import annotations

from ...plugins.deferred_method import DeferredMethod
from .settings import ANY_PARAMETERS

PLUGIN = DeferredMethod(
    "lora",
    "a backbone with any LoRA beside its weights",
    ANY_PARAMETERS,
    f"{__name__}.generator",
)
