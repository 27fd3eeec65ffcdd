"""InfSplign: steer two objects to their places by the loss of their cross-attention maps.

Source: Chatalbasheva, MSc thesis, TU Delft, June 2025; arXiv 2512.17851; the authors' code
(vladi2002/InfSplign- at 011f3398), whose defects are kept out unless ``compat=official``.
"""

from __future__ import annotations

from ..deferred_method import DeferredMethod
from .settings import PARAMETERS

PLUGIN = DeferredMethod(
    "infsplign",
    "gradient guidance by the objects' attention maps (InfSplign)",
    PARAMETERS,
    f"{__name__}.generator",
)
"""Its parameters' defaults are those of the preset ``sweep``."""
