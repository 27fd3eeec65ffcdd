"""The parts of any pipeline, loaded by the classes that its folder's description names.

Only classes of diffusers and transformers are taken, and only kinds of parts that are known here:
nothing that a folder brings along runs.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..weights.loading import diffusers_class, load_model, quiet
from ..weights.parts_beside import load_beside, load_processor, load_scheduler
from ..weights.weight_files import configuration
from .families import Pipeline

if TYPE_CHECKING:
    import torch

LEFT_OUT: Mapping[str, Any] = {
    "feature_extractor": None,
    "image_encoder": None,
    "prior_feature_extractor": None,
    "prior_image_processor": None,
    "prompt_enhancer_head": None,
    "requires_safety_checker": False,
    "safety_checker": None,
    "siglip": None,
    "siglip_processor": None,
    "watermarker": None,
}
"""Arguments of pipelines for what decides no pixel of an image of a text, and is not loaded."""

TEXT_ONLY = {"PixtralProcessor": "AutoTokenizer"}
"""Processors of which only the tokenizer and its chat template are asked for; the whole of them
would need torchvision."""

_LIBRARIES = ("diffusers", "transformers")
_MODULE = re.compile(r"[a-z0-9_]+")


def load_any(class_name: str, folder: Path, dtype: torch.dtype) -> Pipeline:
    """A pipeline with every part that its class takes and its folder lists.

    Args:
        class_name: of the pipeline, in diffusers.
        folder: as ``save_pretrained`` writes it.
        dtype: of all models.

    Raises:
        UserError: a part that the class needs and the folder does not list, a part of a class that
            is not known, or one that cannot be loaded (see ``weights.loading``).
    """
    kind = diffusers_class(class_name)
    index = folder / "model_index.json"
    listed, options = _listed(kind, index)
    classes = {name: _part_class(index, name, entry) for name, entry in listed.items()}
    models = {
        name: load_model(part, folder / name, dtype)
        for name, part in classes.items()
        if _is_model(part)
    }
    others = {
        name: _beside(part, folder / name, models.get(_reader(name)), f"{index} has for its {name}")
        for name, part in classes.items()
        if name not in models
    }
    try:
        with quiet():
            return kind(**models, **others, **options)
    except MemoryError:
        raise
    except Exception as error:  # parts that do not fit one another raise what they like
        said = " ".join(str(error).split())[:300]
        raise UserError(
            f"the parts in {folder} do not make a {class_name} ({type(error).__name__}: {said}); "
            "get an intact copy of the folder."
        ) from error


def _listed(kind: Any, index: Path) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """The parts to load, each as library and class, and every other argument of the class.

    Raises:
        UserError: the description lacks a part.
    """
    described: dict[str, Any] = configuration(index)
    optional = {*kind._optional_components, *LEFT_OUT}
    parts: dict[str, list[str]] = {}
    options: dict[str, Any] = {}
    for name, one in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        entry: Any = described.get(name)
        given = entry is not None and entry != [None, None]
        if name in LEFT_OUT:
            options[name] = LEFT_OUT[name]
        elif given and _is_part(entry):
            parts[name] = entry
        elif given and one.default is not one.empty:
            options[name] = tuple(entry) if isinstance(one.default, tuple) else entry
        elif given or (one.default is one.empty and name not in optional):
            raise UserError(
                f"{index} has {entry!r} for its {name}; expected "
                '["diffusers" or "transformers", a class]: get an intact copy of the folder.'
            )
        elif one.default is one.empty:
            options[name] = None
    return parts, options


def _is_part(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(one, str) for one in entry)
        and (entry[0] in _LIBRARIES or _own_module(entry[0]) is not None)
    )


def _own_module(library: str) -> Any:
    """The module of diffusers that has a pipeline's own parts, such as ``kolors``; else None."""
    if not _MODULE.fullmatch(library):
        return None
    for place in ("diffusers.pipelines", "diffusers.pipelines.deprecated"):
        try:
            return importlib.import_module(f"{place}.{library}")
        except ModuleNotFoundError:
            continue
    return None


def _part_class(index: Path, name: str, entry: list[str]) -> Any:
    """The class of a part.

    Raises:
        UserError: the installed libraries have no such class, or it needs another package.
    """
    library, class_name = entry
    class_name = TEXT_ONLY.get(class_name, class_name)
    module = importlib.import_module(library) if library in _LIBRARIES else _own_module(library)
    try:
        return getattr(module, class_name)
    except AttributeError as error:
        raise UserError(
            f"{index} has a {class_name} for its {name}, which the installed {library} does not "
            "have: get an intact copy of the folder, or upgrade (pip install --upgrade diffusers "
            "transformers)."
        ) from error
    except ImportError as error:
        raise UserError(
            f"the {name} of {index.parent} cannot be read here "
            f"({' '.join(str(error).split())[:300]}): install what that names, or upgrade (pip "
            "install --upgrade diffusers transformers)."
        ) from error


def _is_model(part: Any) -> bool:
    import diffusers
    import transformers

    return _is(part, diffusers.ModelMixin, transformers.PreTrainedModel)


def _beside(part: Any, folder: Path, model: Any, described: str) -> Any:
    """A scheduler, a tokenizer or another part without weights.

    Args:
        model: what reads the tokens of a tokenizer, if that is known.
        described: the beginning of a message.

    Raises:
        UserError: another kind of part, or one that cannot be loaded.
    """
    import diffusers
    import transformers

    if _is(part, diffusers.SchedulerMixin):
        return load_scheduler(part.__name__, folder)
    if part is transformers.AutoTokenizer or _is(part, transformers.PreTrainedTokenizerBase):
        return load_beside(part.__name__, folder, _rows(model), part)
    if _is(part, transformers.ProcessorMixin):
        return load_processor(part, folder)
    if _is(part, diffusers.BaseGuidance):
        with quiet():
            return part.from_pretrained(folder, local_files_only=True)
    raise UserError(
        f"{described} a {getattr(part, '__name__', part)}, which is no model, scheduler or "
        "tokenizer: get an intact copy of the folder."
    )


def _reader(name: str) -> str:
    """The part that reads the tokens of a tokenizer."""
    return name.replace("tokenizer", "text_encoder")


def _rows(model: Any) -> int | None:
    """How many tokens a model of text knows."""
    config = getattr(model, "config", None)
    text = getattr(config, "text_config", None) or config
    rows = getattr(text, "vocab_size", None)
    return rows if isinstance(rows, int) else None


def _is(kind: Any, *bases: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, bases)
