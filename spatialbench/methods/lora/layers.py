"""The layers of a LoRA as a pipeline has them: two matrices per module and what scales them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from .layouts import Placed, placed
from .lora_file import LoraContent
from .strength import Place, has_alpha, require_plain, require_whole, scaling

if TYPE_CHECKING:
    from torch import Tensor, nn

log = logging.getLogger(__name__)

_ADAPTER = re.compile(r"\.lora_[AB]\.(\w+)\.weight$")
"""The name that peft's layers give an adapter, where a file kept it."""


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

    Keys that hold nothing but zeros and belong to no module are ignored, which is logged.

    Raises:
        UserError: keys that match no module of these models (with the count), another kind of
            adapter, a module that is named twice, matrices that do not belong together, an alpha
            that is lost, a rank other than the file's own configuration says, or shapes of another
            architecture.
    """
    for config in content.adapters.values():
        require_plain(config, name)
    found, ignored = placed(content.tensors, parts, name)
    for config in content.adapters.values():
        require_whole(config, name)
    _require_own_configuration({part for part, _ in found}, name, content)
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


def _configuration(content: LoraContent, part: str) -> Mapping[str, Any] | None:
    return content.adapters.get(part, content.adapters.get(None))


def _require_own_configuration(adapted: set[str], name: str, content: LoraContent) -> None:
    """Refuse a header that has the configurations of other parts only."""
    if content.adapters and not any(_configuration(content, part) for part in adapted):
        named = " and ".join(sorted(str(part) for part in content.adapters))
        raise UserError(
            f"{name} has layers of {' and '.join(sorted(adapted))}, and the configuration in its "
            f"header is of {named}: the alpha is lost; get an intact copy."
        )


def _require_even_alphas(
    found: Mapping[tuple[str, str], Placed], name: str, content: LoraContent
) -> None:
    """Refuse a file that lost some of its alphas: trainers write all of them or none."""
    if has_alpha(content.header):
        return
    by_prefix: dict[str, dict[bool, list[str]]] = {}
    for (part, module), entry in found.items():
        if _configuration(content, part) is not None:
            continue
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
    adapters = sorted({name for key in entry.keys.values() for name in _ADAPTER.findall(key)})
    if len(adapters) > 1:
        raise UserError(
            f"{name} has one matrix for {where} from each of the adapters "
            f"{' and '.join(adapters)}; give a file that holds one of them."
        )
    for kind in ("down", "up"):
        if not values[kind].is_floating_point():
            raise UserError(
                f"{name} holds {str(values[kind].dtype).removeprefix('torch.')} where numbers with "
                f"a fraction belong ({entry.keys[kind]}): a quantized LoRA is not read here; get "
                "it in float16, bfloat16 or float32."
            )
    target = model.get_submodule(module)
    down, up = _shaped(values["down"], values["up"], target, name, where)
    config = _configuration(content, part)
    factor = scaling(
        config,
        content.header,
        Place(name, part, module, entry.written),
        values.get("alpha"),
        down.shape[0],
        of_peft=entry.of_peft,
        convolved=down.ndim == 4 and down.shape[2:].numel() > 1,
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
        down, up = (
            x.flatten(1) if x.ndim == 4 and x.shape[2:].numel() == 1 else x for x in (down, up)
        )
    else:
        down, up = (x[..., None, None] if x.ndim == 2 else x for x in (down, up))
    expected = tuple(weight.shape)
    if up.ndim == 4 and up.shape[2:].numel() != 1:
        raise UserError(
            f"{name}: the second matrix at {where} has the shape {tuple(up.shape)}; expected one "
            "pixel, (rows, rank, 1, 1): get an intact copy."
        )
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
