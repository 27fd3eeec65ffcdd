"""What lies beside a model's weights and decides numbers too: tokenizers and image processors.

They are loaded by classes of transformers only, and code that a folder brings along never runs:
nothing asks for it, whatever stdin would answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import UserError
from .loading import quiet
from .weight_files import configuration

_ANY_TEXT, _ANY_LENGTH = "a photo of a dog", 8
_MOST_LENGTH = 1 << 20
"""Tokens; the library gives a tokenizer of no known length about 1e30."""


def load_beside(class_name: str, folder: Path, rows: int | None = None, kind: Any = None) -> Any:
    """The tokenizer or image processor of a model's folder, by the name of its class.

    Name an image processor's Pil class outright: the plain class changes its pixels when
    torchvision is installed.

    What was loaded is tried once, so that a damaged one is found before the first image.

    Args:
        class_name: in transformers, or that of ``kind``.
        folder: what holds its files.
        rows: of a tokenizer's model, how many tokens it knows; None not to compare.
        kind: a tokenizer's class that is not in transformers.

    Raises:
        UserError: another kind of class, files that are missing or damaged, a tokenizer of another
            model, or a folder that needs code of its own.
    """
    import transformers

    given, kind = kind is not None, kind or getattr(transformers, class_name, None)
    tokenizer = class_name == "AutoTokenizer" or _is(kind, transformers.PreTrainedTokenizerBase)
    if not tokenizer and not class_name.endswith("ImageProcessorPil"):
        raise UserError(
            f"{folder} is said to be read by {class_name}, which is not a tokenizer of "
            "transformers; get an intact copy of the folder."
        )
    options: dict[str, Any] = {"local_files_only": True}
    if tokenizer:
        _require_own_files(folder)
        options["trust_remote_code"] = False
    try:
        with quiet():
            found = kind.from_pretrained(folder, **options)
            if tokenizer:
                _require_vocabulary(folder, found)
                # A pipeline may give a tokenizer the token to pad with itself.
                if not given or found.pad_token is not None:
                    _require_configuration(folder, class_name, found)
                _require_rows(folder, found, rows)
            else:
                _require_image(found)
        return found
    except (UserError, MemoryError):
        raise
    # Damaged files raise what they like, and a folder with code of its own a ValueError.
    except Exception as error:
        what = "tokenizer" if tokenizer else "image processor"
        raise UserError(
            f"cannot load the {what} of {folder} ({' '.join(str(error).split())[:300]}); get an "
            "intact copy of the folder, one that needs no code of its own."
        ) from error


def load_scheduler(class_name: str, folder: Path) -> Any:
    """The sampler in a pipeline's folder, by the name of its class in diffusers.

    Raises:
        UserError: no scheduler of diffusers, or a configuration that is missing or damaged.
    """
    import diffusers

    kind: Any = getattr(diffusers, class_name, None)
    if not _is(kind, diffusers.SchedulerMixin):
        raise UserError(
            f"{folder} is said to be read by {class_name}, which is not a scheduler of diffusers; "
            "get an intact copy of the folder."
        )
    try:
        with quiet():
            return kind.from_pretrained(folder, local_files_only=True)
    except MemoryError:
        raise
    except Exception as error:
        raise UserError(
            f"cannot load the scheduler of {folder} ({' '.join(str(error).split())[:300]}); get an "
            "intact copy of the folder."
        ) from error


def load_processor(kind: Any, folder: Path) -> Any:
    """What prepares text and images for a model that reads both, by its class in transformers.

    Raises:
        UserError: files that are missing or damaged, or a folder that needs code of its own.
    """
    _require_own_files(folder)
    try:
        with quiet():
            return kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise UserError(
            f"cannot load the processor of {folder} ({' '.join(str(error).split())[:300]}); get an "
            "intact copy of the folder, one that needs no code of its own."
        ) from error


def _is(kind: Any, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)


def _require_vocabulary(folder: Path, tokenizer: Any) -> None:
    """Refuse a folder without a vocabulary: the library then makes a tokenizer of no words."""
    if not type(tokenizer).vocab_files_names:
        # It reads bytes, and needs no vocabulary.
        return
    # tokenizer.json, or one of a version such as tokenizer.4.0.json.
    if {path.name for path in folder.glob("tokenizer*.json")} - {"tokenizer_config.json"}:
        return
    names = {key: str(name) for key, name in type(tokenizer).vocab_files_names.items()}
    whole = names.pop("tokenizer_file", "tokenizer.json")
    missing = sorted(name for name in names.values() if not (folder / name).is_file())
    if missing or not names:
        wanted = f" and {' and '.join(missing)}" if missing else ""
        raise UserError(
            f"cannot load the tokenizer of {folder}: its vocabulary ({whole}{wanted}) is missing; "
            "get an intact copy of the folder."
        )


def _require_configuration(folder: Path, class_name: str, tokenizer: Any) -> None:
    """Refuse a tokenizer that would fail at the first prompt: it cannot pad, or to any length."""
    tokenizer(_ANY_TEXT, padding="max_length", max_length=_ANY_LENGTH, truncation=True)
    tokenizer([_ANY_TEXT], padding=True)
    # Pipelines pad for CLIP to the length that the tokenizer tells, and for T5 to their own.
    if class_name.startswith("CLIP") and tokenizer.model_max_length > _MOST_LENGTH:
        raise UserError(
            f"cannot load the tokenizer of {folder}: its tokenizer_config.json is missing or has "
            "no model_max_length; get an intact copy of the folder."
        )


def _require_rows(folder: Path, tokenizer: Any, rows: int | None) -> None:
    """Refuse tokens that the model beside the tokenizer has no row for."""
    most = max(tokenizer.get_vocab().values(), default=-1)
    if rows is not None and most >= rows:
        raise UserError(
            f"the tokenizer of {folder} has tokens up to {most}, and its model knows {rows}: they "
            "are not of one checkpoint; get an intact copy of the folder."
        )


def _require_image(processor: Any) -> None:
    """Prepare a small grey image."""
    import numpy as np
    from PIL import Image

    image = Image.new("RGB", (48, 32), "gray")
    with np.errstate(all="ignore"):
        pixels = processor(images=image, return_tensors="pt").pixel_values
    if pixels.ndim != 4 or pixels.shape[:2] != (1, 3) or not bool(pixels.isfinite().all()):
        raise ValueError(f"it makes {tuple(pixels.shape)} of an image, or values not finite")


def _require_own_files(folder: Path) -> None:
    """Refuse a tokenizer's configuration that names files outside of its folder."""
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return
    config = configuration(path)
    # Words and their pieces can lie in the configuration; a text there is the path of a file.
    for key in ("vocab", "merges"):
        if isinstance(config.get(key), str):
            raise UserError(
                f"{path} names the file {config[key]!r} ({key}); expected the files of its own "
                "folder: get an intact copy."
            )
    listed = config.get("fast_tokenizer_files") or []
    odd = [name for name in listed if not isinstance(name, str) or Path(name).name != name]
    if odd:
        raise UserError(
            f"{path} names {odd[0]!r}, which is not a file of its folder; get an intact copy."
        )
