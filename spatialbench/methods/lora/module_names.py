"""Finding a pipeline's modules by the names that LoRA files give them.

Trainers spell one module in many ways: dots or underscores between its levels, the names of the
authors' own code (:mod:`~.original_names`), levels that versions of the libraries added and took
away, and wrappers that training put around the model. They all lead to the module's name here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .original_names import Target, original_names

if TYPE_CHECKING:
    from torch import nn

PARTS = ("unet", "transformer", "text_encoder", "text_encoder_2")
"""Attributes of a pipeline that a LoRA can adapt."""

PEFT_WRAPPER = "base_model.model."
"""What peft puts before every name; such a file's alpha is in ``adapter_config.json`` only."""
_WRAPPERS = (PEFT_WRAPPER, "_orig_mod.", "module.")
_DENOISER = ("unet", "transformer")
_PREFIXES: Mapping[str, tuple[str, ...]] = {
    "lora_unet_": _DENOISER,
    "lora_transformer_": ("transformer",),
    "lycoris_": _DENOISER,
    "lora_te_": ("text_encoder",),
    "lora_te1_": ("text_encoder",),
    "lora_te2_": ("text_encoder_2",),
    "model.diffusion_model.": _DENOISER,
    "diffusion_model.": _DENOISER,
    "text_encoders.clip_l.transformer.": ("text_encoder",),
    "text_encoders.clip_l.": ("text_encoder",),
    **{f"{part}.": (part,) for part in PARTS},
}
_UNET_PREFIXES = {
    f"text_encoders.clip_g{end}": ("text_encoder_2",) for end in (".transformer.", ".")
}
_FLUX_PREFIXES = {
    "lora_te3_": ("text_encoder_2",),
    "text_encoders.t5xxl.transformer.": ("text_encoder_2",),
    "text_encoders.t5xxl.": ("text_encoder_2",),
}


@dataclass(frozen=True, slots=True)
class Spelling:
    """A module's name in a file, taken apart.

    Attributes:
        prefix: what it begins with, empty for a bare name; files of one trainer share it.
        parts: where to look, of :data:`PARTS`.
        name: the rest, underscores between its levels.
        written: the rest as it is in the file.
    """

    prefix: str
    parts: Sequence[str]
    name: str
    written: str


class ModuleNames:
    """The modules with weights of a pipeline's models, by every spelling of their names."""

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        self._targets = {part: _targets(part, model) for part, model in parts.items()}
        special = _FLUX_PREFIXES if "transformer" in parts else _UNET_PREFIXES
        prefixes = {**_PREFIXES, **special}
        self._prefixes = sorted(prefixes.items(), key=lambda item: -len(item[0]))

    def spelling(self, stem: str) -> Spelling:
        """Take a name of a file apart: wrappers, the prefix that says the part, and the rest."""
        stem = _unwrapped(stem)
        found = next((item for item in self._prefixes if stem.startswith(item[0])), None)
        prefix, parts = found or ("", PARTS)
        written = _unwrapped(stem.removeprefix(prefix))
        # Compiled parts of a model carry a level of their own; some trainers end names with "_".
        name = written.replace(".", "_").replace("_orig_mod_", "").rstrip("_")
        return Spelling(prefix, parts, name, written)

    def find(self, spelling: Spelling) -> list[tuple[str, Target]]:
        """Part and modules that a name stands for; several where it does not say which part."""
        # Attention processors of old diffusers files, "attn1.processor.to_q" for "attn1.to_q".
        names = (spelling.name, spelling.name.replace("_processor_", "_"))
        found = []
        for part in spelling.parts:
            targets = self._targets.get(part, {})
            target = next((targets[name] for name in names if name in targets), None)
            if target is not None:
                found.append((part, target))
        return found


def _unwrapped(name: str) -> str:
    while wrapper := next((w for w in _WRAPPERS if name.startswith(w)), None):
        name = name.removeprefix(wrapper)
    return name


def _targets(part: str, model: nn.Module) -> dict[str, Target]:
    """Modules by name with underscores; the model's own names go before all others."""
    own = {
        name: Target((name,))
        for name, module in model.named_modules()
        if name and getattr(module, "weight", None) is not None
    }
    others = {}
    for name, target in own.items():
        if name.endswith(".to_out.0"):
            others[name.removesuffix(".0")] = target
        if ".self_attn." in name and name.endswith("_proj"):
            head, _, last = name.rpartition(".")
            others[f"{head}.to_{last.removesuffix('_proj')}"] = target
    others |= dict(original_names(model))
    if part.startswith("text_encoder"):
        # The level "text_model" comes and goes between versions of transformers.
        inner = "text_model."
        for name, target in list((others | own).items()):
            others[name.removeprefix(inner) if name.startswith(inner) else inner + name] = target
    return {name.replace(".", "_"): target for name, target in (others | own).items()}
