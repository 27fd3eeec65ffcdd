"""A LoRA file: where it lies, what identifies it, and what is in it. Safetensors only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...checkpoints.hashing import file_hash
from ...checkpoints.hub import HubSource, locate, parse_source
from ...checkpoints.patterns import FilePatterns
from ...documents import parse_json, read_json
from ...errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

METADATA_KEY = "lora_adapter_metadata"
"""Where diffusers keeps each adapter's configuration, in the header of the file it writes."""
PEFT_CONFIG = "adapter_config.json"
_PICKLES = {".bin", ".pt", ".pth", ".ckpt"}
_USUAL = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors", "lora.safetensors")


@dataclass(frozen=True, slots=True)
class LoraFile:
    """A LoRA on the disk.

    Attributes:
        path: the safetensors file.
        config: peft's ``adapter_config.json`` beside it, where there is one.
    """

    path: Path
    config: Path | None = None

    def identity(self) -> dict[str, Any]:
        """What decides the pixels: SHA-256 (hex) of the file and of its configuration."""
        hashes = {"sha256": file_hash(self.path)}
        return hashes | ({"config": file_hash(self.config)} if self.config else {})

    def named_identity(self) -> dict[str, Any]:
        """:meth:`identity` with the first 7 digits of the hash as ``name``, for tables."""
        identity = self.identity()
        return {"name": identity["sha256"][:7], **identity}


@dataclass(frozen=True, slots=True)
class LoraContent:
    """What a LoRA file holds.

    Attributes:
        tensors: by key, as in the file, on the CPU.
        adapters: configurations that came with it (peft's names: ``r``, ``lora_alpha``, ...), by
            the part of the pipeline they belong to; the key None is for whatever part it fits.
    """

    tensors: Mapping[str, Tensor]
    adapters: Mapping[str | None, Mapping[str, Any]] = field(default_factory=dict)


def find_lora(text: str, file: str = "", *, offline: bool = False) -> LoraFile:
    """A LoRA by file, folder, or ``org/name@<40-hex commit>``.

    Args:
        text: where it is. A repository is downloaded on first use unless ``offline``.
        file: which file of a folder or repository, where it holds several.

    Raises:
        UserError: nothing there, several files to choose from, or only pickled ones.
    """
    path = Path(text).expanduser()
    if text and path.is_file():
        return _checked(path)
    if not path.is_dir():
        source = parse_source(text) if text[:1] not in "./~" else None
        if source is None:
            raise UserError(
                f"there is no LoRA {text!r}: give --set lora=FILE.safetensors, a folder that holds "
                "one, or org/name@<40-hex commit>."
            )
        path = _downloaded(source, file, offline)
    return _checked(path / file) if file else _only_file(path)


def read_lora(lora: LoraFile) -> LoraContent:
    """Tensors and configurations of a LoRA file.

    Raises:
        UserError: not a safetensors file, an empty one, or values that are not finite.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(lora.path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{lora.path} is not a readable safetensors file ({' '.join(str(error).split())}); get "
            "an intact copy of the LoRA."
        ) from error
    if not tensors:
        raise UserError(f"{lora.path} holds no tensors; give a file with LoRA weights.")
    bad = [key for key, value in tensors.items() if not bool(value.double().isfinite().all())]
    if bad:
        raise UserError(
            f"{lora.path} holds NaN or infinite values in {len(bad)} tensors, such as {bad[0]}; "
            "get an intact copy of the LoRA."
        )
    adapters: dict[str | None, Mapping[str, Any]] = dict(_by_part(header, lora.path).items())
    config = lora.config
    if config:
        adapters[None] = _configuration(config, lambda: read_json(config))
    return LoraContent(tensors, adapters)


def _checked(path: Path) -> LoraFile:
    if not path.is_file():
        raise UserError(f"there is no file {path}; give the name of a file that is there.")
    if path.suffix != ".safetensors":
        kind = "pickled, and reading it can run code" if path.suffix in _PICKLES else "another kind"
        raise UserError(
            f"{path} is {kind}; expected a .safetensors file: load it where you trust it and write "
            "it again with safetensors.torch.save_file."
        )
    config = path.with_name(PEFT_CONFIG)
    return LoraFile(path, config if config.is_file() else None)


def _only_file(folder: Path) -> LoraFile:
    names = sorted(path.name for path in folder.glob("*.safetensors"))
    usual = [name for name in names if name in _USUAL]
    if len(names) == 1 or len(usual) == 1:
        return _checked(folder / (usual or names)[0])
    if names:
        raise UserError(
            f"{folder} holds {len(names)} .safetensors files ({', '.join(names[:6])}): choose one "
            f"with --set file={names[0]}."
        )
    pickled = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
    held = f"only pickled weights ({', '.join(pickled[:4])})" if pickled else "no LoRA"
    raise UserError(f"{folder} holds {held}; expected a .safetensors file.")


def _downloaded(source: HubSource, file: str, offline: bool) -> Path:
    wanted = file or "*.safetensors"
    return locate(source, FilePatterns((wanted, PEFT_CONFIG)), offline=offline, fetch_name=None)


def _by_part(header: Mapping[str, str], path: Path) -> dict[str | None, dict[str, Any]]:
    """The header's ``{"unet.r": 4, ...}`` as one configuration a part."""
    parts: dict[str | None, dict[str, Any]] = {}
    text = header.get(METADATA_KEY)
    if text is not None:
        for key, value in _configuration(path, lambda: parse_json(text)).items():
            part, _, name = key.partition(".")
            parts.setdefault(part, {})[name] = value
    return parts


def _configuration(path: Path, read: Callable[[], Any]) -> dict[str, Any]:
    try:
        content = read()
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError) as error:
        raise UserError(
            f"the adapter configuration in {path} cannot be read ({error}); get an intact copy."
        ) from error
    return content
