"""InfSplign: steer two objects to their places by the loss of their cross-attention maps.

Source: Chatalbasheva, MSc thesis, TU Delft, June 2025; arXiv 2512.17851; the authors' code
(vladi2002/InfSplign- at 011f3398). ``infsplign-released`` is what that code computes, its defects
included; ``infsplign`` is without them, so its rows are marked as corrected.
"""

from __future__ import annotations

from ...plugins import Json
from ...plugins.deferred_method import DeferredMethod
from .settings import PARAMETERS, RELEASED_PARAMETERS
from .variants import CORRECTED, marks_of
from .variants import RELEASED as RELEASED_VARIANT

_STEP_FACTOR = 1.43
"""Counted by tests/measurements/infsplign_cost.py at the size of Stable Diffusion 1.4."""


def _worth(generator: Json) -> float:
    """The guided steps' share of the factor; of a window that may be left early, all of it."""
    start, end = generator["parameters"]["window"]
    return float(1 + (_STEP_FACTOR - 1) * (end - start) / generator["steps"])


PLUGIN = DeferredMethod(
    "infsplign",
    "gradient guidance by the objects' attention maps (InfSplign, its code's defects corrected)",
    PARAMETERS,
    f"{__name__}.generator",
    step_factor=_STEP_FACTOR,
    needs=CORRECTED.needs,
    marks=marks_of,
    worth=_worth,
)
"""Its parameters' defaults are those of the preset ``sweep``."""

RELEASED = DeferredMethod(
    "infsplign-released",
    "InfSplign as its authors' code computes it, with its defects",
    RELEASED_PARAMETERS,
    f"{__name__}.generator",
    function="configure_released",
    step_factor=_STEP_FACTOR,
    needs=RELEASED_VARIANT.needs,
    worth=_worth,
)
