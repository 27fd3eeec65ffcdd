"""Loading a model so that what is in memory is exactly what the checkpoint says."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .weight_files import loaded_files, variant_of

if TYPE_CHECKING:
    import torch

# Position counters that old versions saved as a buffer and no current class keeps.
_HARMLESS = re.compile(r"(^|\.)position_ids$")

_IMPORTED_BY_DIFFUSERS = ("CLIPImageProcessor", "SiglipImageProcessor")
"""Of transformers, by whatever pipeline is imported; one for depth is by its own alone."""


def load_model(model_class: Any, folder: Path, dtype: torch.dtype, *, pickled: bool = False) -> Any:
    """Load a diffusers or transformers model, frozen and in evaluation mode, on the CPU.

    Args:
        model_class: a class with ``from_pretrained``.
        folder: its configuration and safetensors weights.
        dtype: what the weights are converted to.
        pickled: where there is no safetensors file, accept ``pytorch_model.bin``. Only for
            transformers models: that library reads it with ``weights_only=True``, which runs no
            code from the file.

    Raises:
        UserError: no acceptable weights file, or a damaged one; weights missing, unexpected or of
            another shape (the keys are named); weights that are not finite.
    """
    name = model_class.__name__
    safe = require_weights(folder, pickled=pickled)
    library = _saved_by(model_class)
    try:
        files = loaded_files(folder, library, safe=safe)
        variant = variant_of(folder, library) if safe else None
    except UserError as error:
        raise UserError(f"cannot load {name} from {folder}: {error}") from error
    # An auto class would ask; a plain class of transformers takes it and runs nothing either way.
    trust = {"trust_remote_code": False} if library == "transformers" else {}
    try:
        with quiet():
            model, info = model_class.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=safe,
                variant=variant,
                local_files_only=True,
                output_loading_info=True,
                # So that they come back by name, and are refused below.
                ignore_mismatched_sizes=True,
                **trust,
            )
    except (UserError, MemoryError):
        raise
    # Damaged files and strange configurations raise what they like: SafetensorError,
    # UnpicklingError, ImportError, AttributeError, ...
    except Exception as error:
        listed = _some([path.name for path in files])
        raise UserError(
            f"cannot load {name} from {folder} (config.json, {listed}): {_first_lines(error)}; "
            "expected a folder written by its save_pretrained."
        ) from error
    check_keys(f"{name} in {folder}", info)
    check_finite(f"{name} in {folder}", model)
    return model.eval().requires_grad_(False)


def _saved_by(model_class: Any) -> str:
    """The library whose ``save_pretrained`` names the files; a few models of transformers' kind are
    written in diffusers."""
    kinds = {(base.__module__.partition(".")[0], base.__name__) for base in model_class.__mro__}
    if ("transformers", "PreTrainedModel") in kinds:
        return "transformers"
    return str(model_class.__module__.partition(".")[0])


def require_weights(folder: Path, *, pickled: bool = False) -> bool:
    """Refuse a folder without weights, or with pickled ones unless they are accepted.

    Returns:
        whether the weights to load are safetensors.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder} is missing; expected a folder with config.json and .safetensors weights."
        )
    if any(folder.glob("*.safetensors")):
        return True
    if pickled and (folder / "pytorch_model.bin").is_file():
        return False
    pickles = {".bin", ".pt", ".ckpt"}
    others = sorted(path.name for path in folder.iterdir() if path.suffix in pickles)
    held = f"only pickled weights ({', '.join(others)})" if others else "no weights"
    raise UserError(
        f"{folder} holds {held}; expected .safetensors: load the model where you trust it and "
        "write it again with save_pretrained(folder, safe_serialization=True)."
    )


def check_keys(what: str, info: Any) -> None:
    """Refuse missing, unexpected or misshapen weights, as ``output_loading_info`` lists them."""
    problems = []
    for kind, key in (
        ("missing", "missing_keys"),
        ("unexpected", "unexpected_keys"),
        ("misshapen", "mismatched_keys"),
    ):
        names = sorted(_key_name(entry) for entry in info.get(key, ()))
        names = [name for name in names if not _HARMLESS.search(name)]
        if names:
            problems.append(f"{len(names)} {kind} ({_some(names)})")
    problems += [str(message) for message in info.get("error_msgs", ())]
    if problems:
        raise UserError(
            f"the weights of {what} do not fit its configuration: {'; '.join(problems)}; "
            "get an intact copy, or the configuration that belongs to these weights."
        )


def check_finite(what: str, model: torch.nn.Module) -> None:
    """Refuse weights that are NaN or infinite, also when a conversion to float16 made them so."""
    bad = [name for name, value in model.state_dict().items() if not _finite(value)]
    if bad:
        raise UserError(
            f"the weights of {what} are not finite in {len(bad)} tensors ({_some(bad)}); get an "
            "intact copy, or use --dtype float32 if they overflow a smaller type."
        )


def diffusers_class(name: str) -> Any:
    """A pipeline's class of diffusers; None where it has none of that name.

    Modules of pipelines import image processors from transformers under names that mean those of
    torchvision. Where that is not installed they get the Pil ones and a warning for each name;
    here those stand under the names before anybody asks, and every other warning is left alone.
    """
    import diffusers
    import transformers

    if not transformers.utils.is_torchvision_available():
        for processor in _IMPORTED_BY_DIFFUSERS:
            pil = getattr(transformers, f"{processor}Pil")
            # The first class of a model makes another module of that name.
            setattr(sys.modules["transformers"], processor, pil)
    return getattr(diffusers, name, None)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' own loading bars off stderr, where ours is."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    shown = [library.is_progress_bar_enabled() for library in libraries]
    levels = [library.get_verbosity() for library in libraries]
    for library in libraries:
        library.disable_progress_bar()
        library.set_verbosity_error()
    try:
        yield
    finally:
        for library, was_shown, level in zip(libraries, shown, levels, strict=True):
            library.set_verbosity(level)
            if was_shown:
                library.enable_progress_bar()


def _finite(value: torch.Tensor) -> bool:
    return not value.is_floating_point() or bool(value.isfinite().all())


def _key_name(entry: Any) -> str:
    return str(entry[0]) if isinstance(entry, (tuple, list)) else str(entry)


def _some(names: Collection[str], shown: int = 4) -> str:
    listed = list(names)
    more = f" and {len(listed) - shown} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + more


def _first_lines(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or repr(error)
