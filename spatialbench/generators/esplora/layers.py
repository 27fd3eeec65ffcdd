"""The layers of a LoRA as a pipeline has them: two matrices a module and what scales them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from .layouts import Placed, placed
from .lora_file import LoraContent
from .strength import Place, has_alpha, require_plain, scaling

if TYPE_CHECKING:
    from torch import Tensor, nn

log = logging.getLogger(__name__)


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

    Keys that hold nothing but zeros and belong to no module are ignored, and said.

    Raises:
        UserError: keys that match no module of these models (with the count), another kind of
            adapter, a module that is named twice, matrices that do not belong together, an alpha
            that is lost, a rank other than the file's own configuration says, or shapes of another
            architecture.
    """
    for config in content.adapters.values():
        require_plain(config, name)
    found, ignored = placed(content.tensors, parts, name)
    _require_even_alphas(found, name, content)
    layers = [
        _layer(name, part, module, entry, parts[part], content)
        for (part, module), entry in sorted(found.items(), key=lambda item: item[0])
    ]
    if ignored:
        log.warning(
            "%s: %d keys of layers that this backbone does not have hold only zeros and were "
            "ignored, such as %s",
            name,
            len(ignored),
            ", ".join(sorted(ignored)[:3]),
        )
    return layers


def _require_even_alphas(
    found: Mapping[tuple[str, str], Placed], name: str, content: LoraContent
) -> None:
    """Refuse a file that lost some of its alphas: trainers write all of them or none."""
    if content.adapters or has_alpha(content.header):
        return
    by_prefix: dict[str, dict[bool, list[str]]] = {}
    for (part, module), entry in found.items():
        sides = by_prefix.setdefault(entry.prefix, {True: [], False: []})
        sides["alpha" in entry.values].append(f"{part}.{module}")
    for sides in by_prefix.values():
        if sides[True] and sides[False]:
            raise UserError(
                f"{name} has an alpha for {len(sides[True])} modules and none for "
                f"{len(sides[False])}, such as {', '.join(sorted(sides[False])[:3])}: get an "
                "intact copy."
            )


def _layer(
    name: str, part: str, module: str, entry: Placed, model: nn.Module, content: LoraContent
) -> LoraLayer:
    where, values = f"{part}.{module}", entry.values
    if "down" not in values or "up" not in values:
        there = " and ".join(sorted(values))
        raise UserError(
            f"{name} has only {there} for {where}; a LoRA needs both of its matrices: get an "
            "intact copy."
        )
    target = model.get_submodule(module)
    down, up = _shaped(values["down"], values["up"], target, name, where)
    config: Mapping[str, Any] | None = content.adapters.get(part, content.adapters.get(None))
    factor = scaling(
        config,
        content.header,
        Place(name, part, module),
        values.get("alpha"),
        down.shape[0],
        of_peft=entry.of_peft,
        convolved=down.ndim == 4 and down[0, 0].numel() > 1,
    )
    return LoraLayer(part, module, down, up, factor)


def _shaped(
    down: Tensor, up: Tensor, target: nn.Module, name: str, where: str
) -> tuple[Tensor, Tensor]:
    """Both matrices in the target's own number of dimensions.

    The same 1x1 layer is a convolution in one checkpoint and linear in the next.
    """
    from torch import nn

    weight: Any = getattr(target, "weight", None)
    if not isinstance(target, (nn.Linear, nn.Conv2d)):
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
