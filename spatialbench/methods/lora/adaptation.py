"""Putting a LoRA's layers beside a pipeline's own, and taking them out again without a trace."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...backbones.families import Pipeline, of_pipeline
from ...errors import UserError
from .by_diffusers import layers_by_any_name
from .layers import LoraLayer, layers_of
from .lora_file import LoraFile, read_lora
from .module_names import PARTS

if TYPE_CHECKING:
    from torch import nn

ADAPTER = "lora"
"""The adapter's name inside peft's layers."""


@dataclass
class Adaptation:
    """A LoRA in place.

    Attributes:
        modules: how many modules it adapts.
        tensors: how many matrices were put in: two a module.
        changed: how many modules answer otherwise than before (at scale 1), measured on the layers
            in place; the rest have a pair of which one matrix is zero.
        names: part and full name of each adapted module.
    """

    modules: int = 0
    tensors: int = 0
    changed: int = 0
    names: frozenset[tuple[str, str]] = frozenset()
    _own_scaling: dict[tuple[str, str], float] = field(default_factory=dict, repr=False)
    _wrapped: list[tuple[nn.Module, str]] = field(default_factory=list, repr=False)
    _models: list[nn.Module] = field(default_factory=list, repr=False)

    def remove(self) -> None:
        """Put the original layers back. They were never written to, so every bit is as before."""
        for model, name in self._wrapped:
            wrapped: Any = model.get_submodule(name)
            _set_module(model, name, wrapped.base_layer)
        for model in self._models:
            for attribute in ("peft_config", "_hf_peft_config_loaded"):
                vars(model).pop(attribute, None)
        self._wrapped.clear()
        self._models.clear()


def models_of(pipe: Pipeline) -> dict[str, nn.Module]:
    """The parts of a pipeline that a LoRA can adapt."""
    found = {part: pipe.components.get(part) for part in of_pipeline(pipe).lora_parts}
    return {part: model for part, model in found.items() if model is not None}


def adapt_any_pipeline(pipe: Pipeline, lora: LoraFile, scale: float = 1.0) -> Adaptation:
    """The same for a pipeline of any class.

    Raises:
        UserError: as :func:`adapt_from_file`, or a pipeline without a part that a LoRA can adapt.
    """
    parts = {part: pipe.components.get(part) for part in PARTS}
    there = {part: model for part, model in parts.items() if model is not None}
    if not {"unet", "transformer"} & there.keys():
        raise UserError(
            f"a {type(pipe).__name__} has no unet and no transformer, which a LoRA could adapt: "
            "give another backbone."
        )
    layers = layers_by_any_name(pipe, read_lora(lora), there, str(lora.path))
    return adapt(there, layers, scale, str(lora.path))


def adapt_from_file(pipe: Pipeline, lora: LoraFile, scale: float = 1.0) -> Adaptation:
    """Read a LoRA file in whatever layout and adapt a pipeline by it.

    Raises:
        UserError: a file that cannot be read, does not fit the pipeline's models, or changes none
            of their modules.
    """
    parts = models_of(pipe)
    layers = layers_of(read_lora(lora), parts, str(lora.path))
    return adapt(parts, layers, scale, str(lora.path))


def adapt(
    parts: Mapping[str, nn.Module],
    layers: Sequence[LoraLayer],
    scale: float = 1.0,
    name: str = "the LoRA",
) -> Adaptation:
    """Wrap every named module in peft's LoRA layer; the modules themselves stay as they are.

    ``W x`` becomes ``W x + scale * scaling * up (down x)``, with the matrices in the module's own
    dtype on its device. What is counted is what is in the models afterwards.

    Raises:
        UserError: matrices that overflow the models' dtype, or that change no module at all.
    """
    done = Adaptation()
    try:
        _put(parts, layers, scale, name, done)
        _count(parts, done)
        missing = {(layer.part, layer.module) for layer in layers} - done.names
        if missing:
            raise AssertionError(f"the LoRA's layers are not in the model: {sorted(missing)[:3]}")
        if not done.changed:
            raise UserError(
                f"{name} changes none of its {len(layers)} modules (an alpha of 0, or matrices of "
                "zeros): images would be the plain backbone's. Give a LoRA that was trained."
            )
    except BaseException:
        done.remove()
        raise
    return done


def _put(
    parts: Mapping[str, nn.Module],
    layers: Sequence[LoraLayer],
    scale: float,
    name: str,
    done: Adaptation,
) -> None:
    from torch import nn

    for part, model in parts.items():
        own = [layer for layer in layers if layer.part == part]
        if not own:
            continue
        _inject(model, own)
        done._models.append(model)
        done._wrapped += [(model, layer.module) for layer in own]
        for layer in own:
            wrapped: Any = model.get_submodule(layer.module)
            weight = wrapped.base_layer.weight
            for holder, value in ((wrapped.lora_A, layer.down), (wrapped.lora_B, layer.up)):
                put = value.to(device=weight.device, dtype=weight.dtype).contiguous()
                assert holder[ADAPTER].weight.shape == put.shape
                if not bool(put.isfinite().all()):
                    raise UserError(
                        f"{name} overflows {weight.dtype} at {part}.{layer.module}; give --dtype "
                        "float32 or bfloat16."
                    )
                holder[ADAPTER].weight = nn.Parameter(put, requires_grad=False)
            wrapped.scaling[ADAPTER] = scale * layer.scaling
            done._own_scaling[part, layer.module] = layer.scaling
        model.eval().requires_grad_(False)


def _count(parts: Mapping[str, nn.Module], done: Adaptation) -> None:
    """Walk the models for layers of this adapter, and ask each whether it changes an answer."""
    import torch

    found = {
        (part, name): module
        for part, model in parts.items()
        for name, module in model.named_modules()
        if ADAPTER in getattr(module, "lora_A", ())
    }
    for place, module in found.items():
        down, up = (
            pair[ADAPTER].weight.detach().float().flatten(1)
            for pair in (module.lora_A, module.lora_B)
        )
        probe = torch.rand(down.shape[1], generator=torch.Generator().manual_seed(0)) + 0.5
        answer = done._own_scaling[place] * (up @ (down @ probe.to(down.device)))
        done.changed += bool(answer.count_nonzero())
    done.modules, done.tensors, done.names = len(found), 2 * len(found), frozenset(found)


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
