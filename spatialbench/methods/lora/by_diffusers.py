"""LoRAs in the names of a model's own authors, told apart by diffusers' loader of its pipeline.

What diffusers makes of a file's keys is taken, and put into the model here, so that strength and
accounting are the same for every file. Its loaders drop what they do not know, some without a word:
each tensor is followed through them by a number that it is filled with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...backbones.families import Pipeline
from ...errors import UserError
from ...weights.loading import quiet
from .layers import LoraLayer, layers_of
from .layouts import LeftOver, kind_and_name, require_lora
from .lora_file import LoraContent
from .module_names import PEFT_WRAPPER

if TYPE_CHECKING:
    from torch import Tensor, nn

_TIMES = 4.0
"""How many times as large a second set of alphas is, to see whether they arrive."""


def layers_by_any_name(
    pipe: Pipeline, content: LoraContent, parts: Mapping[str, nn.Module], name: str
) -> list[LoraLayer]:
    """The adapted modules of a pipeline, by its own names or else those that diffusers knows.

    Raises:
        UserError: as :func:`~.layers.layers_of`, or tensors or alphas that diffusers would drop.
    """
    try:
        return layers_of(content, parts, name)
    except LeftOver as error:
        if not hasattr(type(pipe), "lora_state_dict"):
            raise
        left_over = error
    require_lora(content.tensors, name)
    if not content.adapters and any(PEFT_WRAPPER in key for key in content.tensors):
        raise UserError(
            f"{name} was written by peft, and its alpha is lost: it is in the adapter_config.json "
            "that peft wrote beside it. Put that file into the same folder."
        )
    try:
        tensors = _converted(pipe, content.tensors)
        traced = _converted(pipe, _numbered(content.tensors, 1.0))
        other = _converted(pipe, _numbered(content.tensors, _TIMES))
    except Exception as error:  # whatever a converter raises at names that it does not know
        raise left_over from error
    _require_all(name, content.tensors, traced, left_over)
    _require_alphas(name, content.tensors, traced, other)
    return layers_of(replace(content, tensors=tensors), parts, name)


def _converted(pipe: Pipeline, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A file's tensors as the pipeline's class names them; alphas that it keeps among them."""
    import torch

    with quiet():
        found: Any = type(pipe).lora_state_dict(dict(tensors))
    named, *rest = found if isinstance(found, tuple) else (found,)
    alphas = next((one for one in rest if isinstance(one, Mapping)), {})
    kept = {key: torch.as_tensor(float(alpha)) for key, alpha in alphas.items()}
    return {**named, **kept}


def _numbers(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """A number of its own for every matrix of a file, by key."""
    keys = [key for key in sorted(tensors) if kind_and_name(key)[0] != "alpha"]
    return {key: float(number) for number, key in enumerate(keys, 1)}


def _numbered(tensors: Mapping[str, Tensor], times: float) -> dict[str, Tensor]:
    """The same keys and shapes; each matrix filled with its number, each alpha that many times the
    rank of its layer."""
    import torch

    numbers = _numbers(tensors)
    ranks = {
        kind_and_name(key)[1]: value.shape[0]
        for key, value in tensors.items()
        if kind_and_name(key)[0] == "down"
    }
    found = {}
    for key, value in tensors.items():
        kind, module = kind_and_name(key)
        alpha = kind == "alpha"
        number = times * ranks.get(module, 1) if alpha else numbers[key]
        found[key] = torch.full((), number).expand(value.shape)
    return found


def _require_all(
    name: str,
    tensors: Mapping[str, Tensor],
    traced: Mapping[str, Tensor],
    left_over: UserError,
) -> None:
    import torch

    arrived = {number for value in traced.values() for number in torch.unique(value).tolist()}
    lost = sorted(key for key, number in _numbers(tensors).items() if number not in arrived)
    if len(lost) == len(_numbers(tensors)):
        raise left_over
    if lost:
        raise UserError(
            f"{name}: diffusers' loader would drop {len(lost)} of {len(tensors)} keys, such as "
            f"{', '.join(lost[:3])}. Nothing was loaded: give a LoRA that was made for this "
            "backbone, or the --backbone it was made for."
        )


def _require_alphas(
    name: str,
    tensors: Mapping[str, Tensor],
    traced: Mapping[str, Tensor],
    other: Mapping[str, Tensor],
) -> None:
    """Refuse a file of which some alphas change nothing that comes out.

    They may come out as they are, or as a factor of the layer's two matrices.
    """
    alphas = [key for key in tensors if kind_and_name(key)[0] == "alpha"]
    if not alphas or any(kind_and_name(key)[0] == "alpha" for key in traced):
        return
    factors: dict[str, float] = {}
    for key, value in traced.items():
        module = kind_and_name(key)[1]
        factors[module] = factors.get(module, 1.0) * float(other[key].max() / value.max())
    without = sorted(module for module, factor in factors.items() if factor != _TIMES)
    if without:
        raise UserError(
            f"{name} has alphas that diffusers' loader would drop, at {len(without)} of "
            f"{len(factors)} layers such as {', '.join(without[:3])}: its strength would be "
            "another. Write it again in diffusers' own names with save_lora_weights."
        )
