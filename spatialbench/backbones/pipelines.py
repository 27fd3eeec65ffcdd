"""Loading a backbone as a diffusers pipeline: checked weights, no safety checker, no gradients."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files.documents import read_json
from ..weights.devices import check_device, check_dtype
from ..weights.loading import load_model, quiet
from ..weights.parts_beside import load_beside, load_scheduler
from .backbone import Backbone
from .family import PIPELINE_FAMILIES

Pipeline = Any
"""A pipeline of one of the classes in ``PIPELINE_FAMILIES``; diffusers' classes have no types that
a checker can follow."""

_MODELS = {
    "StableDiffusionPipeline": {
        "unet": "UNet2DConditionModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModel",
    },
    "StableDiffusionXLPipeline": {
        "unet": "UNet2DConditionModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModel",
        "text_encoder_2": "CLIPTextModelWithProjection",
    },
    "StableDiffusion3Pipeline": {
        "transformer": "SD3Transformer2DModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModelWithProjection",
        "text_encoder_2": "CLIPTextModelWithProjection",
        "text_encoder_3": "T5EncoderModel",
    },
    "FluxPipeline": {
        "transformer": "FluxTransformer2DModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModel",
        "text_encoder_2": "T5EncoderModel",
    },
}

_BESIDE = {
    "StableDiffusionPipeline": ("tokenizer", "scheduler"),
    "StableDiffusionXLPipeline": ("tokenizer", "tokenizer_2", "scheduler"),
    "StableDiffusion3Pipeline": ("tokenizer", "tokenizer_2", "tokenizer_3", "scheduler"),
    "FluxPipeline": ("tokenizer", "tokenizer_2", "scheduler"),
}

_OPTIONAL = {"StableDiffusion3Pipeline": ("text_encoder_3", "tokenizer_3")}
"""Parts that a folder may leave out together: its description then has nothing for them."""


def load_pipeline(
    backbone: Backbone,
    dtype: str = "float32",
    device: str = "cpu",
    offline: bool = False,
    replaced: Mapping[str, Path] | None = None,
) -> Pipeline:
    """A Stable Diffusion, SDXL, SD3 or FLUX pipeline with every weight accounted for.

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
    folder = backbone.locate(offline=offline)
    class_name = _pipeline_class(folder, backbone)
    absent = _absent(class_name, folder)
    parts: dict[str, Any] = {
        part: load_model(_model_class(name), (replaced or {}).get(part, folder / part), torch_dtype)
        for part, name in _MODELS[class_name].items()
        if part not in absent
    }
    pipe = _assembled(class_name, folder, parts | dict.fromkeys(absent))
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(torch_device)


def _absent(class_name: str, folder: Path) -> tuple[str, ...]:
    """The optional parts, where the folder's description has none of them.

    Raises:
        UserError: it has some of them and not the others.
    """
    optional = _OPTIONAL.get(class_name, ())
    index = read_json(folder / "model_index.json")
    absent = tuple(part for part in optional if not any(index.get(part) or ()))
    if absent and absent != optional:
        raise UserError(
            f"{folder / 'model_index.json'} has no {' and '.join(absent)}, and has "
            f"{' and '.join(part for part in optional if part not in absent)}: get an intact copy "
            "of the folder."
        )
    return absent


def _assembled(class_name: str, folder: Path, parts: dict[str, Any]) -> Pipeline:
    """The pipeline of loaded models, with the folder's tokenizers and scheduler.

    Put together here: diffusers' own loader imports whatever module the description names.
    """
    import diffusers

    index = read_json(folder / "model_index.json")
    kind = getattr(diffusers, class_name)
    for part in sorted(set(_BESIDE[class_name]) - parts.keys()):
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
    extras: dict[str, Any] = {"feature_extractor": None, "image_encoder": None}
    if class_name == "StableDiffusionPipeline":
        extras |= {"safety_checker": None, "requires_safety_checker": False}
    with quiet():
        return kind(**parts, **(options | {key: extras[key] for key in extras if key in taken}))


def denoiser(pipe: Pipeline) -> Any:
    """The model that is asked at every step: the transformer, or the UNet."""
    return getattr(pipe, "transformer", None) or pipe.unet


def own_size(pipe: Pipeline) -> tuple[int, int]:
    """Height and width, in pixels, that the checkpoint was made for; as the pipeline has them."""
    if not hasattr(pipe, "unet"):
        side = int(pipe.default_sample_size * pipe.vae_scale_factor)
        return side, side
    sample = pipe.unet.config.sample_size
    rows, columns = (sample, sample) if isinstance(sample, int) else sample
    return rows * pipe.vae_scale_factor, columns * pipe.vae_scale_factor


def _pipeline_class(folder: Path, backbone: Backbone) -> str:
    index = folder / "model_index.json"
    try:
        name = str(read_json(index)["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{index} cannot be read as a pipeline description ({error!r}); give a folder written "
            "by save_pretrained of a Stable Diffusion, SD3 or FLUX pipeline."
        ) from error
    if name not in _MODELS:
        raise UserError(
            f"{folder} holds a {name}; expected one of {', '.join(_MODELS)}. Give another backbone."
        )
    if PIPELINE_FAMILIES[name] is not backbone.family:
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
