"""Where CoMPaSS's weights come from: a UNet or a LoRA, local or at a pinned commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...backbones.sampling import Sampling
from ...errors import UserError
from ...files.documents import read_json
from ...weights.hashing import folder_hash
from ...weights.hub import HubSource, parse_source
from ...weights.origin import Weights
from ...weights.patterns import FilePatterns
from ..lora.lora_file import LoraFile, find_lora

REPOSITORIES: Mapping[str, str] = {
    "sd1.4": "blurgy/CoMPaSS-SD1.4",
    "sd1.5": "blurgy/CoMPaSS-SD1.5",
    "sd2.1": "blurgy/CoMPaSS-SD2.1",
}
"""The authors' full UNets, by the backbone each was fine-tuned from."""
FLUX_REPOSITORY = "blurgy/CoMPaSS-FLUX.1"
"""The authors' LoRA for FLUX.1-dev: ``lora.safetensors``, in XLabs' names."""

_FILES = ("config.json", "diffusion_pytorch_model*.safetensors", "*.safetensors.index.json")
_SHARED = ("in_channels", "cross_attention_dim", "addition_embed_type")
"""What the UNet and the rest of the pipeline must agree on."""


@dataclass(frozen=True, slots=True)
class UnetSource:
    """A UNet on the disk or on the Hub.

    Attributes:
        folder: where it lies, None for one on the Hub.
        source: repository and commit, None for a folder.
        subfolder: which folder inside it, empty where there is only one UNet.
    """

    folder: Path | None
    source: HubSource | None
    subfolder: str

    def identity(self) -> dict[str, Any]:
        """What fixes the weights; plain JSON.

        Raises:
            UserError: a folder that is missing or holds no UNet.
        """
        if self.source is not None:
            named: dict[str, Any] = {"source": self.source.repo, "revision": self.source.revision}
            if self.subfolder:
                named["subfolder"] = self.subfolder
            return {"name": f"{self.source.repo}@{self.source.revision[:7]}", **named}
        content = folder_hash(self.locate(offline=True), FilePatterns(_FILES))
        return {"name": content[:7], "weights": content}

    def locate(self, *, offline: bool) -> Path:
        """The UNet's own folder; a repository is downloaded on first use unless ``offline``.

        Raises:
            UserError: it cannot be had, holds no UNet, or several to choose from.
        """
        root = self.folder
        if root is None:
            assert self.source is not None
            start = f"{self.subfolder}/" if self.subfolder else "*"
            patterns = FilePatterns(tuple(start + file for file in _FILES))
            root = Weights("UNet", (self.source,), files=patterns).locate(offline=offline)
        if self.subfolder:
            root = root / self.subfolder
        found = [path.parent for path in sorted(root.rglob("config.json")) if _is_unet(path)]
        if len(found) == 1:
            return found[0]
        where = self.source or root
        if found:
            names = ", ".join(path.relative_to(root).as_posix() for path in found[:6])
            raise UserError(
                f"{where} holds {len(found)} UNets ({names}): choose one with --set subfolder="
                f"{found[0].relative_to(root).as_posix()}."
            )
        raise UserError(
            f"{where} holds no UNet (no config.json of a UNet2DConditionModel); give the folder "
            "that holds config.json and diffusion_pytorch_model.safetensors."
        )


def find_weights(method: str, values: dict[str, Any], sampling: Sampling) -> UnetSource | LoraFile:
    """The weights that ``--set`` names; their four parameters are taken out of ``values``.

    Raises:
        UserError: none given, nothing of that name, or the kind for another kind of backbone.
    """
    unet, subfolder, lora, file = (
        str(values.pop(key)) for key in ("unet", "subfolder", "lora", "file")
    )
    if sampling.family.flow:
        if unet or subfolder or not lora:
            raise UserError(
                f"{method} on FLUX is a LoRA: give --set lora={FLUX_REPOSITORY}@<40-hex commit> "
                f"(from https://huggingface.co/{FLUX_REPOSITORY}/commits), a .safetensors file or "
                "a folder, and neither unet nor subfolder."
            )
        return find_lora(lora, file, offline=sampling.offline)
    if lora or file:
        raise UserError(
            f"{method} on {sampling.backbone.name} is a whole UNet: give --set unet=, and neither "
            "lora nor file; for a LoRA take --method lora."
        )
    return find_unet(method, unet, subfolder, sampling.backbone.name)


def find_unet(method: str, text: str, subfolder: str, backbone: str) -> UnetSource:
    """The UNet that ``--set unet=`` names.

    Args:
        method: for messages.
        backbone: name of the backbone, to say which repository belongs to it.

    Raises:
        UserError: none given, or nothing of that name.
    """
    known = REPOSITORIES.get(backbone)
    hint = (
        f"--set unet={known}@<40-hex commit> (from https://huggingface.co/{known}/commits)"
        if known
        else "--set unet=FOLDER, or org/name@<40-hex commit>; the authors released UNets for "
        + ", ".join(REPOSITORIES)
    )
    if not text:
        raise UserError(f"{method} needs a UNet fine-tuned as CoMPaSS is: give {hint}.")
    folder = Path(text).expanduser()
    if folder.is_dir():
        return UnetSource(folder, None, subfolder)
    source = parse_source(text) if text[:1] not in "./~" else None
    if source is None:
        raise UserError(f"there is no UNet {text!r}: give {hint}.")
    return UnetSource(None, source, subfolder)


def check_fit(unet: Path, base: Path) -> None:
    """Refuse a UNet that belongs to another kind of backbone.

    Raises:
        UserError: the two configurations disagree; says about what.
    """
    ours, theirs = _config(unet), _config(base / "unet")
    for key in _SHARED:
        if ours.get(key) != theirs.get(key):
            raise UserError(
                f"the UNet in {unet} has {key}={ours.get(key)} and the backbone needs "
                f"{theirs.get(key)}: give the backbone it was fine-tuned from."
            )


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); get an intact copy of it.") from error
    return content if isinstance(content, dict) else {}


def _is_unet(path: Path) -> bool:
    return _config(path.parent).get("_class_name") == "UNet2DConditionModel"
