"""The key layouts of LoRA files: which module of a pipeline a tensor belongs to.

Read are diffusers' own (new and old), peft's, kohya's (``lora_unet_...``, also with the block names
of SDXL's original code) and, for FLUX, XLabs'. Every key must find its module: a file that fits
only in part belongs to another model, and half a LoRA is never loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

PARTS = ("unet", "transformer", "text_encoder", "text_encoder_2")
"""Attributes of a pipeline that a LoRA can adapt."""

_KINDS = {
    "down": re.compile(
        r"(?:\.lora_A(?:\.\w+)?|\.lora_down|[._]lora\.down|\.lora_linear_layer\.down)\.weight$"
    ),
    "up": re.compile(
        r"(?:\.lora_B(?:\.\w+)?|\.lora_up|[._]lora\.up|\.lora_linear_layer\.up)\.weight$"
    ),
    "alpha": re.compile(r"(?:[._]lora|\.lora_linear_layer)?\.alpha$"),
}
_OTHER_KINDS = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "lokr_": "LoKr",
    "hada_": "LoHa",
    "oft_": "OFT",
}
_KOHYA = {
    "lora_unet_": ("unet", "transformer"),
    "lora_te_": ("text_encoder",),
    "lora_te1_": ("text_encoder",),
    "lora_te2_": ("text_encoder_2",),
}
_SGM = ("input_blocks_", "middle_block_", "output_blocks_")
_SGM_NAMES = {
    "_input_blocks_0_0": "_conv_in",
    "_input_blocks_": "_down_blocks_",
    "_middle_block_": "_mid_block_",
    "_output_blocks_": "_up_blocks_",
    "_time_embed_0": "_time_embedding_linear_1",
    "_time_embed_2": "_time_embedding_linear_2",
    "_label_emb_0_0": "_add_embedding_linear_1",
    "_label_emb_0_2": "_add_embedding_linear_2",
    "_unet_out_2": "_unet_conv_out",
    "_in_layers_2": "_conv1",
    "_out_layers_3": "_conv2",
    "_emb_layers_1": "_time_emb_proj",
    "_skip_connection": "_conv_shortcut",
    "_0_op": "_0_conv",
}
_FLUX_FUSED = re.compile(r"(?:^|[._])(?:double|single)_blocks[._]\d")


def placed(
    tensors: Mapping[str, Tensor], parts: Mapping[str, nn.Module], name: str
) -> dict[tuple[str, str], dict[str, Tensor]]:
    """The file's tensors by part and full module name, there as ``down``, ``up`` and ``alpha``.

    Args:
        tensors: by key, in any of the layouts.
        parts: the pipeline's models by attribute, some of ``PARTS``.
        name: what messages call the LoRA.

    Raises:
        UserError: another kind of adapter, or keys that match no module (with the count).
    """
    _require_lora(tensors, name)
    tensors = _spelled_as_here(tensors, parts, name)
    index = _ModuleIndex(parts)
    found: dict[tuple[str, str], dict[str, Tensor]] = {}
    unknown = []
    for key, value in tensors.items():
        kind, place = _place(key, index)
        if kind is None or place is None:
            unknown.append(key)
        else:
            found.setdefault(place, {})[kind] = value
    if unknown:
        raise _unmatched(name, unknown, len(tensors), parts)
    return found


class _ModuleIndex:
    """Finds a module by any spelling of its name."""

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        self.dotted: dict[str, set[str]] = {}
        self.joined: dict[str, dict[str, str]] = {}
        for part, model in parts.items():
            names = {name for name, _ in model.named_modules() if name}
            self.dotted[part] = names
            self.joined[part] = {name.replace(".", "_"): name for name in names}

    def find(self, stem: str, parts: Sequence[str], *, joined: bool) -> tuple[str, str] | None:
        """``(part, module)`` of a name, in the first of the parts that has it."""
        # Text encoders have lost and gained the level "text_model" between versions.
        inner = "text_model_" if joined else "text_model."
        for part in parts:
            for spelling in (stem, stem.removeprefix(inner), inner + stem):
                if joined and spelling in self.joined.get(part, {}):
                    return part, self.joined[part][spelling]
                if not joined and spelling in self.dotted.get(part, ()):
                    return part, spelling
        return None


def _place(key: str, index: _ModuleIndex) -> tuple[str | None, tuple[str, str] | None]:
    """What a tensor is (down, up, alpha) and the part and module it belongs to."""
    matches = ((kind, pattern.search(key)) for kind, pattern in _KINDS.items())
    kind, match = next((found for found in matches if found[1]), (None, None))
    if match is None:
        return None, None
    stem = key[: match.start()]
    for prefix, parts in _KOHYA.items():
        if stem.startswith(prefix):
            return kind, index.find(stem.removeprefix(prefix), parts, joined=True)
    for part in PARTS:
        if stem.startswith(f"{part}."):
            stem = stem.removeprefix(f"{part}.").removeprefix("base_model.model.")
            return kind, index.find(_modern(stem), (part,), joined=False)
    stem = stem.removeprefix("base_model.model.").removeprefix("diffusion_model.")
    return kind, index.find(_modern(stem), PARTS, joined=False)


def _modern(stem: str) -> str:
    """Module names of old diffusers files, ``attn1.processor.to_out`` for ``attn1.to_out.0``."""
    if ".processor." in stem:
        stem = stem.replace(".processor.", ".")
        return stem + ".0" if stem.endswith(".to_out") else stem
    if "self_attn.to_" in stem:
        return re.sub(r"self_attn\.to_(q|k|v|out)$", r"self_attn.\1_proj", stem)
    return stem


def _require_lora(tensors: Mapping[str, Tensor], name: str) -> None:
    for mark, kind in _OTHER_KINDS.items():
        if any(mark in key for key in tensors):
            raise UserError(
                f"{name} is a {kind} adapter, which is not read here; give a plain LoRA, or merge "
                "it into a copy of the backbone and give that with --backbone."
            )


def _spelled_as_here(
    tensors: Mapping[str, Tensor], parts: Mapping[str, nn.Module], name: str
) -> Mapping[str, Tensor]:
    """Keys of layouts that fuse or number modules differently, by diffusers' own converters."""
    try:
        if "transformer" in parts and any(_FLUX_FUSED.search(key) for key in tensors):
            from diffusers import FluxPipeline

            converted: dict[str, Tensor] = FluxPipeline.lora_state_dict(dict(tensors))
            return converted
        if "unet" in parts and any(mark in key for key in tensors for mark in _SGM):
            from diffusers.loaders.lora_conversion_utils import _maybe_map_sgm_blocks_to_diffusers

            mapped = _maybe_map_sgm_blocks_to_diffusers(dict(tensors), _config_of(parts["unet"]))
            return {_sgm_names(key): value for key, value in mapped.items()}
    except (ValueError, LookupError, AttributeError, AssertionError, RuntimeError) as error:
        raise UserError(
            f"the keys of {name} cannot be brought to this backbone's names "
            f"({' '.join(str(error).split())[:200]}); give a LoRA that was made for it."
        ) from error
    return tensors


def _sgm_names(key: str) -> str:
    for theirs, ours in _SGM_NAMES.items():
        key = key.replace(theirs, ours)
    return key


def _config_of(model: nn.Module) -> Any:
    return model.config


def _unmatched(
    name: str, unknown: Sequence[str], total: int, parts: Mapping[str, nn.Module]
) -> UserError:
    first = ", ".join(sorted(unknown)[:3])
    held = " and ".join(f"{part} ({type(model).__name__})" for part, model in parts.items())
    matched = total - len(unknown)
    return UserError(
        f"{name}: {matched} of {total} keys match this backbone and {len(unknown)} do not, such as "
        f"{first}; the backbone has {held}. Nothing was loaded: give a LoRA that was made for this "
        "backbone, or the --backbone it was made for."
    )
