"""Best of N: N images of another method for each one that is kept, chosen by what looks at them.

The fair rival of a method that costs more per image: whatever guidance spends, drawing again can
spend as well. Nothing is learned or steered; what chooses may not be what scores.
"""

from __future__ import annotations

from ...plugins import Json, load
from ...plugins.deferred_method import DeferredMethod
from .parameters import NAME, PARAMETERS


def _worth(generator: Json) -> float:
    """As many times the inner method's steps as there are images."""
    inner = str(generator["inner"]["name"]).partition("/")[0]
    each = load("method", inner).steps_worth({**generator, "method": inner})
    return float(generator["best_of"]) * each


PLUGIN = DeferredMethod(
    NAME,
    "the best of n images of another method, chosen by a detector or judge",
    PARAMETERS,
    f"{__name__}.generator",
    worth=_worth,
)
