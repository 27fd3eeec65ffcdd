"""UniDet from an official ``.pth`` of Detectron2, key by key."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from spatialbench.errors import UserError
from spatialbench.weights.state_dicts import fit

from .network import UniDet
from .proposals import anchor_shapes
from .pyramid import STRIDES

_COUNTER = ".num_batches_tracked"
_ANCHORS = "proposal_generator.anchor_generator.cell_anchors."


def build(architecture: str, checkpoint: Mapping[str, torch.Tensor], what: str) -> UniDet:
    """The model ``R50`` or ``RS200`` with exactly these weights, ready to infer.

    Older versions of Detectron2 also store the anchors and the pixel means; those are compared
    with ours. Batch counters, which frozen normalisations do not have, may be absent altogether.

    Raises:
        UserError: keys missing, unexpected or misshapen (named), weights that are not finite, or
            stored constants that are not this architecture's.
    """
    with torch.device("meta"):
        model = UniDet(architecture)
    state = dict(checkpoint)
    _check_constants(model, state, what)
    if not any(name.endswith(_COUNTER) for name in state):
        counters = [name for name in model.state_dict() if name.endswith(_COUNTER)]
        state |= {name: torch.zeros((), dtype=torch.int64) for name in counters}
    fit(model, state, what)
    return model


def _check_constants(model: UniDet, state: dict[str, torch.Tensor], what: str) -> None:
    """Take out what Detectron2 stores beside the weights, and compare it."""
    constants = {
        "pixel_mean": torch.tensor(model.architecture.mean),
        "pixel_std": torch.tensor(model.architecture.std),
        **{f"{_ANCHORS}{i}": anchor_shapes(stride) for i, stride in enumerate(STRIDES)},
    }
    for name, value in constants.items():
        stored = state.pop(name, None)
        if stored is None:
            continue
        flat = stored.float().flatten()
        if flat.shape != value.flatten().shape or not torch.allclose(
            flat, value.flatten(), rtol=1e-4, atol=1e-2
        ):
            raise UserError(
                f"{what}: its {name} is not that of this architecture; give the checkpoint that "
                "belongs to it (unidet: RS200, unidet-r50: R50)."
            )
