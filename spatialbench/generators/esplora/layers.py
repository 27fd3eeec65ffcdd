"""The layers of a LoRA as a pipeline has them: two matrices a module and what scales them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from .layouts import placed
from .lora_file import LoraContent

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class LoraLayer:
    """One adapted module.

    Attributes:
        part: attribute of the pipeline, one of ``PARTS``.
        module: the module's full name inside that part.
        down: (rank, in) of a linear layer, (rank, in, h, w) of a convolution.
        up: (out, rank), or (out, rank, 1, 1).
        scaling: what ``up @ down`` is multiplied by: alpha / rank.
    """

    part: str
    module: str
    down: Tensor
    up: Tensor
    scaling: float


def layers_of(
    content: LoraContent, parts: Mapping[str, nn.Module], name: str = "the LoRA"
) -> list[LoraLayer]:
    """The adapted modules of a pipeline whose models are ``parts``.

    A file that says no alpha means alpha = rank, as diffusers and kohya's scripts read it.

    Raises:
        UserError: keys that match no module of these models (with the count), another kind of
            adapter, matrices that do not belong together, a rank other than the file's own
            configuration says, or shapes of another architecture.
    """
    return [
        _layer(name, part, module, values, parts[part], _config(content.adapters, part))
        for (part, module), values in sorted(placed(content.tensors, parts, name).items())
    ]


def _config(adapters: Mapping[str | None, Mapping[str, Any]], part: str) -> Mapping[str, Any]:
    return adapters.get(part) or adapters.get(None) or {}


def _layer(
    name: str,
    part: str,
    module: str,
    values: Mapping[str, Tensor],
    model: nn.Module,
    config: Mapping[str, Any],
) -> LoraLayer:
    where = f"{part}.{module}"
    if "down" not in values or "up" not in values:
        there = " and ".join(sorted(values))
        raise UserError(
            f"{name} has only {there} for {where}; a LoRA needs both of its matrices: get an "
            "intact copy."
        )
    down, up = _shaped(values["down"], values["up"], model.get_submodule(module), name, where)
    rank = down.shape[0]
    try:
        said = _pattern(config, "rank_pattern", module, config.get("r"))
        said = rank if said is None else int(said)
        if "alpha" in values:
            alpha = float(values["alpha"])
        else:
            alpha = float(
                _pattern(config, "alpha_pattern", module, config.get("lora_alpha") or rank)
            )
    except (TypeError, ValueError, RuntimeError, OverflowError, re.error) as error:
        raise UserError(
            f"{name}: the rank or alpha of {where} is no number ({error}); get an intact copy."
        ) from error
    if said != rank:
        raise UserError(
            f"{name} has rank {rank} at {where}, and its configuration says {said}: the weights "
            "and the configuration are not of one LoRA; get an intact copy."
        )
    if not math.isfinite(alpha):
        raise UserError(f"{name} says alpha {alpha} for {where}; get an intact copy.")
    return LoraLayer(
        part, module, down, up, alpha / (rank**0.5 if config.get("use_rslora") else rank)
    )


def _pattern(config: Mapping[str, Any], key: str, module: str, default: Any) -> Any:
    """A module's own value in a peft pattern, else the default."""
    patterns = config.get(key) or {}
    if not isinstance(patterns, Mapping):
        raise TypeError(f"{key} is no object")
    if not patterns:
        return default
    from peft.utils.other import get_pattern_key

    return patterns.get(get_pattern_key(list(patterns), module), default)


def _shaped(
    down: Tensor, up: Tensor, target: nn.Module, name: str, where: str
) -> tuple[Tensor, Tensor]:
    """Both matrices in the target's own number of dimensions.

    The same 1x1 layer is a convolution in one checkpoint and linear in the next.
    """
    weight = getattr(target, "weight", None)
    if weight is None or weight.ndim not in (2, 4):
        raise UserError(
            f"{name} adapts {where}, a {type(target).__name__}, where no LoRA can be; give a LoRA "
            "that was made for this backbone."
        )
    if weight.ndim == 2:
        down, up = (x.flatten(1) if x.ndim == 4 and x[0, 0].numel() == 1 else x for x in (down, up))
    else:
        down, up = (x[..., None, None] if x.ndim == 2 else x for x in (down, up))
    expected = tuple(weight.shape)
    if down.ndim != weight.ndim or up.ndim != weight.ndim or not 0 < up.shape[1] == down.shape[0]:
        raise UserError(
            f"{name}: the matrices {tuple(down.shape)} and {tuple(up.shape)} at {where} do not "
            "belong together (the ranks differ); get an intact copy."
        )
    if (up.shape[0], *down.shape[1:]) != expected:
        raise UserError(
            f"{name} was made for another model: at {where} it maps {down.shape[1]} numbers to "
            f"{up.shape[0]}, and this backbone maps {expected[1]} to {expected[0]}; give the "
            "--backbone it was trained on."
        )
    return down, up
