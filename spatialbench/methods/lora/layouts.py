"""The tensors of a LoRA file, sorted to the modules of a pipeline that they belong to.

Read are the layouts of diffusers (new and old), peft, kohya, OneTrainer, ComfyUI, LyCORIS (its
plain LoRA) and, for FLUX, XLabs; :mod:`~.module_names` knows their names. Every key is accounted
for: used once, all zero and said to be ignored, or named in a refusal. Half a LoRA is never loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from .module_names import PARTS, PEFT_WRAPPER, ModuleNames
from .original_names import Target

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["PARTS", "LeftOver", "Placed", "kind_and_name", "placed", "require_lora"]

_KINDS = {
    "down": re.compile(
        r"(?:\.lora_A(?:\.\w+)?\.weight|\.lora_A|\.lora_down\.weight|[._]lora\.down\.weight"
        r"|\.lora_linear_layer\.down\.weight|(?<=_lora[12])\.down\.weight)$"
    ),
    "up": re.compile(
        r"(?:\.lora_B(?:\.\w+)?\.weight|\.lora_B|\.lora_up\.weight|[._]lora\.up\.weight"
        r"|\.lora_linear_layer\.up\.weight|(?<=_lora[12])\.up\.weight)$"
    ),
    "alpha": re.compile(r"(?:[._]lora|\.lora_linear_layer)?\.alpha$"),
}
_OTHER_KINDS = {
    r"dora_scale|lora_magnitude_vector": "DoRA",
    r"lokr_": "LoKr",
    r"hada_": "LoHa",
    r"\.b?oft_": "OFT",
    r"lora_mid": "LoCon with Tucker decomposition (lora_mid)",
    r"\.[ab][12]\.weight$": "GLoRA",
    r"lora_E$|\.ranknum$": "AdaLoRA",
    r"ia3_l|\.on_input$": "IA3",
    r"vera_lambda": "VeRA",
    r"lora_embedding_[AB]": "LoRA-of-embeddings",
    r"\.scalar$": "LyCORIS (with a learned scalar)",
}


class LeftOver(UserError):
    """Keys of a file belong to no module of the model."""


@dataclass(slots=True)
class Placed:
    """One module's tensors.

    Attributes:
        values: ``down``, ``up`` and ``alpha``, those that the file has.
        keys: the key that each came from.
        prefix: how the file spells the module; see :class:`~.module_names.Spelling`.
        written: the module's name as the file has it, which a configuration's patterns are for.
        of_peft: whether peft wrote it, which keeps the alpha in a file of its own.
    """

    values: dict[str, Tensor] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    written: str = ""
    of_peft: bool = False


def placed(
    tensors: Mapping[str, Tensor], parts: Mapping[str, nn.Module], name: str
) -> tuple[dict[tuple[str, str], Placed], list[str]]:
    """The file's tensors by part and full module name, and the keys that were ignored.

    Ignored are keys without a module whose values are all zero: they change nothing.

    Args:
        tensors: by key, in any of the layouts.
        parts: the pipeline's models by attribute, some of ``PARTS``.
        name: what messages call the LoRA.

    Raises:
        UserError: another kind of adapter, keys that belong to no module (with the count), a
            module that is named twice, or a name that fits two parts.
    """
    require_lora(tensors, name)
    names = ModuleNames(parts)
    found: dict[tuple[str, str], Placed] = {}
    strange: dict[str, list[str]] = {}
    for key in tensors:
        kind, stem = kind_and_name(key)
        spelling = names.spelling(stem)
        places = names.find(spelling) if kind else []
        if kind is None or not places:
            strange.setdefault(stem, []).append(key)
            continue
        if len(places) > 1:
            both = " and ".join(part for part, _ in places)
            raise UserError(
                f"{name}: {key} fits {both}, and nothing says which; name the part before it "
                f"({places[0][0]}.{stem})."
            )
        part, target = places[0]
        for module, value in zip(
            target.modules, _shares(kind, tensors[key], target, parts[part], name, key), strict=True
        ):
            entry = found.setdefault(
                (part, module), Placed({}, {}, spelling.prefix, spelling.written)
            )
            if kind in entry.values:
                raise UserError(
                    f"{name} names the module {part}.{module} twice, as {entry.keys[kind]} and as "
                    f"{key}: two LoRAs lie in one file; give a file that holds one of them."
                )
            entry.values[kind], entry.keys[kind] = value, key
            entry.of_peft |= PEFT_WRAPPER in key
    ignored = [key for keys in strange.values() if _void(tensors, keys) for key in keys]
    unknown = [key for keys in strange.values() for key in keys if key not in set(ignored)]
    if unknown or not found:
        raise _left_over(name, unknown or ignored, len(tensors), parts)
    return found, ignored


def kind_and_name(key: str) -> tuple[str | None, str]:
    """What a tensor is (down, up, alpha; None for none of them) and the name before that."""
    for kind, pattern in _KINDS.items():
        if match := pattern.search(key):
            return kind, key[: match.start()]
    return None, key


def _shares(
    kind: str, value: Tensor, target: Target, model: nn.Module, name: str, key: str
) -> Sequence[Tensor]:
    """What each module of a target gets of a tensor: the rows of ``up`` that are its own."""
    import torch

    if kind != "up" or (len(target.modules) == 1 and not target.halves_swapped):
        return [value] * len(target.modules)
    weights: list[Any] = [model.get_submodule(module).weight for module in target.modules]
    sizes = [int(weight.shape[0]) for weight in weights]
    if value.ndim < 2 or value.shape[0] != sum(sizes):
        raise UserError(
            f"{name} was made for another model: {key} has the shape {tuple(value.shape)}, and "
            f"{', '.join(target.modules)} of this backbone take {sum(sizes)} rows; give the "
            "--backbone it was trained on."
        )
    if target.halves_swapped:
        value = torch.cat(value.chunk(2)[::-1])
    return torch.split(value, sizes)


def _void(tensors: Mapping[str, Tensor], keys: Sequence[str]) -> bool:
    """Whether tensors of one name change nothing: all zero, or a pair of which one is."""
    kinds = {kind_and_name(key)[0]: not bool(tensors[key].double().count_nonzero()) for key in keys}
    if {"down", "up"} <= kinds.keys():
        return kinds["down"] or kinds["up"]
    return all(kinds.values())


def require_lora(tensors: Mapping[str, Tensor], name: str) -> None:
    """Refuse an adapter of another kind.

    Raises:
        UserError: names the kind and some of the keys.
    """
    for pattern, kind in _OTHER_KINDS.items():
        marked = [key for key in tensors if re.search(pattern, key)]
        if marked:
            raise UserError(
                f"{name} is a {kind} adapter ({len(marked)} keys such as "
                f"{', '.join(sorted(marked)[:3])}), which is not read here; give a plain LoRA, or "
                "merge it into a copy of the backbone and give that with --backbone."
            )


def _left_over(
    name: str, unknown: Sequence[str], total: int, parts: Mapping[str, nn.Module]
) -> LeftOver:
    first = ", ".join(sorted(unknown)[:3])
    held = " and ".join(f"{part} ({type(model).__name__})" for part, model in parts.items())
    matched = total - len(unknown)
    return LeftOver(
        f"{name}: {matched} of {total} keys match this backbone and {len(unknown)} do not, such as "
        f"{first}; the backbone has {held}. Nothing was loaded: give a LoRA that was made for this "
        "backbone, or the --backbone it was made for."
    )
