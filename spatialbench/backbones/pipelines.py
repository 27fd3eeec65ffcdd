"""Loading a backbone as a diffusers pipeline: checked weights, no safety checker, no gradients."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files.documents import read_json
from ..weights.devices import check_device, check_dtype
from ..weights.loading import diffusers_class, load_model, quiet
from ..weights.parts_beside import load_beside, load_scheduler
from .any_loading import load_any
from .checkpoint import Checkpoint
from .families import AnyPipelineFamily, Parts, Pipeline, supported

_LEFT_OUT: Mapping[str, Any] = {
    "feature_extractor": None,
    "image_encoder": None,
    "safety_checker": None,
    "requires_safety_checker": False,
}
"""Arguments of pipelines for what is not loaded."""


def load_pipeline(
    backbone: Checkpoint,
    dtype: str = "float32",
    device: str = "cpu",
    offline: bool = False,
    replaced: Mapping[str, Path] | None = None,
) -> Pipeline:
    """A text-to-image pipeline with every weight accounted for.

    Models are in evaluation mode, frozen, of the given dtype and on the device; the safety
    checker and the progress bar are off; the scheduler is the checkpoint's own.

    Args:
        backbone: from :func:`~spatialbench.backbones.named.resolve`.
        dtype: ``float32``, ``float16`` or ``bfloat16``.
        device: a torch device, such as ``cpu``, ``cuda`` or ``cuda:1``.
        offline: take nothing from the network.
        replaced: folders of models that take the place of the backbone's, by part (``unet``).

    Raises:
        UserError: files that cannot be had, a folder of another kind, weights that are missing,
            unexpected, misshapen, pickled or not finite, or a device that is not there.
    """
    torch_dtype, torch_device = check_dtype(dtype, device), check_device(device)
    folder = backbone.weights.locate(offline=offline)
    class_name = _pipeline_class(folder, backbone)
    if isinstance(backbone.family, AnyPipelineFamily):
        assert not replaced, "no method replaces parts of a pipeline that it does not know"
        pipe = load_any(class_name, folder, torch_dtype)
        pipe.set_progress_bar_config(disable=True)
        return pipe.to(torch_device)
    parts = backbone.family.parts(class_name)
    absent = _absent(parts, folder)
    models: dict[str, Any] = {
        part: load_model(_model_class(name), (replaced or {}).get(part, folder / part), torch_dtype)
        for part, name in parts.models.items()
        if part not in absent
    }
    beside = [part for part in parts.beside if part not in absent]
    pipe = _assembled(class_name, folder, models | dict.fromkeys(absent), beside)
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(torch_device)


def _absent(parts: Parts, folder: Path) -> tuple[str, ...]:
    """The optional parts, where the folder's description has none of them.

    Raises:
        UserError: it has some of them and not the others.
    """
    optional = parts.optional
    index = read_json(folder / "model_index.json")
    absent = tuple(part for part in optional if not any(index.get(part) or ()))
    if absent and absent != optional:
        raise UserError(
            f"{folder / 'model_index.json'} has no {' and '.join(absent)}, and has "
            f"{' and '.join(part for part in optional if part not in absent)}: get an intact copy "
            "of the folder."
        )
    return absent


def _assembled(
    class_name: str, folder: Path, parts: dict[str, Any], beside: Sequence[str]
) -> Pipeline:
    """The pipeline of loaded models, with the folder's tokenizers and scheduler.

    Put together here: diffusers' own loader imports whatever module the description names.
    """
    index = read_json(folder / "model_index.json")
    kind = diffusers_class(class_name)
    for part in sorted(beside):
        entry = index.get(part)
        library = "diffusers" if part == "scheduler" else "transformers"
        if not (isinstance(entry, list) and len(entry) == 2 and entry[0] == library):
            raise UserError(
                f"{folder / 'model_index.json'} has {entry!r} for its {part}; expected "
                f'["{library}", a class]: get an intact copy of the folder.'
            )
        try:
            if part == "scheduler":
                parts[part] = load_scheduler(str(entry[1]), folder / part)
            else:
                rows = parts[part.replace("tokenizer", "text_encoder")].config.vocab_size
                parts[part] = load_beside(str(entry[1]), folder / part, rows)
        except UserError as error:
            raise UserError(f"cannot load the tokenizer or scheduler: {error}") from error
    taken = inspect.signature(kind.__init__).parameters
    options = {
        key: value
        for key, value in index.items()
        if key in taken and key not in parts and isinstance(value, (bool, int, float))
    }
    without = {key: value for key, value in _LEFT_OUT.items() if key in taken}
    with quiet():
        return kind(**parts, **(options | without))


def _pipeline_class(folder: Path, backbone: Checkpoint) -> str:
    index = folder / "model_index.json"
    try:
        name = str(read_json(index)["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{index} cannot be read as a pipeline description ({error!r}); give a folder written "
            "by save_pretrained of a text-to-image pipeline."
        ) from error
    family = supported(name, str(folder))
    if family != backbone.family:
        # A repository's kind is not known before it is here, and settings depend on it.
        raise UserError(
            f"{backbone.name} holds a {name}, which its name does not say: give the folder it was "
            f"downloaded to, --backbone {folder}."
        )
    return name


def _model_class(name: str) -> Any:
    import diffusers
    import transformers

    return getattr(diffusers, name, None) or getattr(transformers, name)
