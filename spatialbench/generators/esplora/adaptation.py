"""Putting a LoRA's layers beside a pipeline's own, and taking them out again without a trace."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .layers import LoraLayer, layers_of
from .layouts import PARTS
from .lora_file import LoraFile, read_lora

if TYPE_CHECKING:
    from torch import nn

    from ..pipelines import Pipeline

ADAPTER = "esplora"
"""The adapter's name inside peft's layers."""


@dataclass
class Adaptation:
    """A LoRA in place.

    Attributes:
        modules: how many modules it adapts.
        tensors: how many matrices were put in: two a module.
        names: part and full name of each adapted module.
    """

    modules: int
    tensors: int
    names: frozenset[tuple[str, str]] = frozenset()
    _wrapped: list[tuple[nn.Module, str]] = field(default_factory=list, repr=False)
    _models: list[nn.Module] = field(default_factory=list, repr=False)

    def remove(self) -> None:
        """Put the original layers back. They were never written to, so every bit is as before."""
        for model, name in self._wrapped:
            _set_module(model, name, model.get_submodule(name).base_layer)  # type: ignore[arg-type]
        for model in self._models:
            for attribute in ("peft_config", "_hf_peft_config_loaded"):
                vars(model).pop(attribute, None)
        self._wrapped.clear()
        self._models.clear()


def models_of(pipe: Pipeline) -> dict[str, nn.Module]:
    """The parts of a pipeline that a LoRA can adapt."""
    found = {part: getattr(pipe, part, None) for part in PARTS}
    return {part: model for part, model in found.items() if model is not None}


def adapt_from_file(pipe: Pipeline, lora: LoraFile, scale: float = 1.0) -> Adaptation:
    """Read a LoRA file in whatever layout and adapt a pipeline by it.

    Raises:
        UserError: a file that cannot be read or does not fit the pipeline's models.
    """
    parts = models_of(pipe)
    return adapt(parts, layers_of(read_lora(lora), parts, str(lora.path)), scale)


def adapt(
    parts: Mapping[str, nn.Module], layers: Sequence[LoraLayer], scale: float = 1.0
) -> Adaptation:
    """Wrap every named module in peft's LoRA layer; the modules themselves stay as they are.

    ``W x`` becomes ``W x + scale * scaling * up (down x)``, with the matrices in the module's own
    dtype on its device.
    """
    from torch import nn

    names = frozenset((layer.part, layer.module) for layer in layers)
    done = Adaptation(len(layers), 2 * len(layers), names)
    for part, model in parts.items():
        own = [layer for layer in layers if layer.part == part]
        if not own:
            continue
        _inject(model, own)
        done._models.append(model)
        for layer in own:
            wrapped: Any = model.get_submodule(layer.module)
            weight = wrapped.base_layer.weight
            for holder, value in ((wrapped.lora_A, layer.down), (wrapped.lora_B, layer.up)):
                put = value.to(device=weight.device, dtype=weight.dtype).contiguous()
                assert holder[ADAPTER].weight.shape == put.shape
                holder[ADAPTER].weight = nn.Parameter(put, requires_grad=False)
            wrapped.scaling[ADAPTER] = scale * layer.scaling
            done._wrapped.append((model, layer.module))
        model.eval().requires_grad_(False)
    return done


def _inject(model: nn.Module, layers: Sequence[LoraLayer]) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    ranks = {layer.module: layer.down.shape[0] for layer in layers}
    usual = Counter(ranks.values()).most_common(1)[0][0]
    config = LoraConfig(
        r=usual,
        lora_alpha=usual,
        # A text is a pattern for the whole name; a list would match the ends of names too.
        target_modules="|".join(re.escape(name) for name in ranks),
        rank_pattern={f"^{re.escape(n)}": rank for n, rank in ranks.items() if rank != usual},
    )
    inject_adapter_in_model(config, model, ADAPTER, low_cpu_mem_usage=True)


def _set_module(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
