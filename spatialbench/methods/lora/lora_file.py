"""A LoRA file: where it lies, what identifies it, and what is in it. Safetensors only."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import NotHere, UserError
from ...files.documents import parse_json, read_json
from ...files.downloads import forbidden
from ...files.shown_text import counted
from ...weights.hashing import file_hash
from ...weights.hub import HubSource, Unreachable, parse_source, snapshot_folder
from ...weights.origin import Weights
from ...weights.patterns import FilePatterns
from ...weights.repository import ask
from .module_names import PARTS, PEFT_WRAPPER
from .strength import has_alpha

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

METADATA_KEY = "lora_adapter_metadata"
"""Where diffusers keeps each adapter's configuration, in the header of the file it writes."""
PEFT_CONFIG = "adapter_config.json"
_PICKLES = {".bin", ".pt", ".pth", ".ckpt"}
_PEFT_WEIGHTS = "adapter_model.safetensors"
_USUAL = ("pytorch_lora_weights.safetensors", _PEFT_WEIGHTS, "lora.safetensors")
_JOINED = re.compile(r"(?:^|[._])(?:double|single)_blocks[._]\d")
_COUNTED = re.compile(r"(?:input_blocks|middle_block|output_blocks)[._]")
_NESTED = re.compile(r"(?:down_blocks|mid_block|up_blocks)[._]")


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
        """What decides the pixels: SHA-256 (hex) of the file and of its configuration.

        With ``reading`` 2 where version 0.1 took other layers or another alpha from such a file.
        """
        hashes: dict[str, Any] = {"sha256": file_hash(self.path)}
        if self.config:
            hashes["config"] = file_hash(self.config)
        return hashes | ({"reading": 2} if _read_anew(*header_of(self.path)) else {})

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
        header: the notes of the trainer in the file's header, where some keep the only alpha.
    """

    tensors: Mapping[str, Tensor]
    adapters: Mapping[str | None, Mapping[str, Any]] = field(default_factory=dict)
    header: Mapping[str, str] = field(default_factory=dict)


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
            raise NotHere(
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
            f"{lora.path} holds NaN or infinite values in {counted(len(bad), 'tensor')}, such as "
            f"{bad[0]}; get an intact copy of the LoRA."
        )
    adapters: dict[str | None, Mapping[str, Any]] = dict(_by_part(header, lora.path).items())
    config = lora.config
    if config:
        adapters[None] = _configuration(config, lambda: read_json(config))
    return LoraContent(tensors, adapters, header)


def _checked(path: Path) -> LoraFile:
    if not path.is_file():
        raise UserError(f"there is no file {path}; give the name of a file that is there.")
    if path.suffix.lower() != ".safetensors":
        kind = "pickled, and reading it can run code" if path.suffix in _PICKLES else "another kind"
        raise UserError(
            f"{path} is {kind}; expected a .safetensors file: load it where you trust it and write "
            "it again with safetensors.torch.save_file."
        )
    config = path.with_name(PEFT_CONFIG)
    if not config.is_file():
        return LoraFile(path)
    # peft knows one name for its weights; any other file in the folder may be of another adapter.
    if path.name == _PEFT_WEIGHTS or any(PEFT_WRAPPER in key for key in header_of(path)[0]):
        return LoraFile(path, config)
    log.info("%s is not of %s, which peft did not write, and is not used", config, path.name)
    return LoraFile(path)


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
    inner = [folder / part for part in PARTS if any((folder / part).glob("*.safetensors"))]
    if len(inner) == 1:
        return _only_file(inner[0])
    if inner:
        raise UserError(
            f"{folder} holds a LoRA for each of {' and '.join(path.name for path in inner)}, in "
            "folders of their own, and one file is read: write both into one with diffusers' "
            f"save_lora_weights, or give one alone: --set lora={inner[0]}."
        )
    pickled = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
    held = f"only pickled weights ({', '.join(pickled[:4])})" if pickled else "no LoRA"
    raise UserError(f"{folder} holds {held}; expected a .safetensors file.")


def _downloaded(source: HubSource, file: str, offline: bool) -> Path:
    files = FilePatterns((file or "*.safetensors", f"*{PEFT_CONFIG}"))
    weights = Weights("LoRA", (source,), files=files)
    if not (offline or forbidden() or snapshot_folder(source).is_dir()):
        _refuse_whole_model(source)
    return weights.locate(offline=offline)


def _refuse_whole_model(source: HubSource) -> None:
    """Before it is downloaded, all of it."""
    try:
        listed = ask(source.repo, source.revision).files
    except Unreachable:
        return
    if "model_index.json" in listed:
        raise UserError(
            f"{source} holds a whole pipeline (it has a model_index.json) and no LoRA: give it "
            f"as --backbone {source}, and a LoRA as --set lora=."
        )


def _by_part(header: Mapping[str, str], path: Path) -> dict[str | None, dict[str, Any]]:
    """The header's ``{"unet.r": 4, ...}`` as one configuration a part."""
    parts: dict[str | None, dict[str, Any]] = {}
    text = header.get(METADATA_KEY)
    if text is not None:
        for key, value in _configuration(path, lambda: parse_json(text)).items():
            part, _, name = key.partition(".")
            # A model that saves its own adapter writes the names alone.
            parts.setdefault(part if name else None, {})[name or part] = value
    return parts


def header_of(path: Path) -> tuple[list[str], dict[str, str]]:
    """Keys and notes of a file without its tensors; none of one that :func:`read_lora` refuses."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return list(file.keys()), file.metadata() or {}
    except (OSError, SafetensorError):
        return [], {}


def _read_anew(keys: Collection[str], header: Mapping[str, str]) -> bool:
    """Whether version 0.1 dropped layers of such a file, or an alpha that its header has."""
    alphas = any(key.endswith(".alpha") for key in keys)
    joined = [key for key in keys if _JOINED.search(key)]
    if joined and (alphas or not all(".processor." in key for key in joined)):
        return True
    if all(any(kind.search(key) for key in keys) for kind in (_COUNTED, _NESTED)):
        return True
    if METADATA_KEY in header:
        return '"lora_alpha"' in header[METADATA_KEY]
    return not alphas and has_alpha(header)


def _configuration(path: Path, read: Callable[[], Any]) -> dict[str, Any]:
    try:
        content = read()
        if not isinstance(content, dict):
            raise ValueError("it is not a JSON object")
    except (OSError, ValueError) as error:
        raise UserError(
            f"the adapter configuration in {path} cannot be read ({error}); get an intact copy."
        ) from error
    return content
