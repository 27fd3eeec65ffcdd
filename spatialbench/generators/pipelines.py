"""Loading a backbone as a diffusers pipeline: checked weights, no safety checker, no gradients."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checkpoints.devices import check_device, check_dtype
from ..checkpoints.loading import load_model, quiet
from ..checkpoints.parts_beside import load_beside, load_scheduler
from ..documents import read_json
from ..errors import UserError
from .backbone import Backbone, Family

Pipeline = Any
"""A ``StableDiffusionPipeline``, ``StableDiffusionXLPipeline`` or ``FluxPipeline``; diffusers'
classes have no types that a checker can follow."""

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
    "FluxPipeline": ("tokenizer", "tokenizer_2", "scheduler"),
}


def load_pipeline(
    backbone: Backbone,
    dtype: str = "float32",
    device: str = "cpu",
    offline: bool = False,
    replaced: Mapping[str, Path] | None = None,
) -> Pipeline:
    """A Stable Diffusion, SDXL or FLUX pipeline with every weight accounted for.

    Models are in evaluation mode, frozen, of the given dtype and on the device; the safety
    checker and the progress bar are off; the scheduler is the checkpoint's own.

    Args:
        backbone: from :func:`~spatialbench.generators.backbones.resolve`.
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
    parts: dict[str, Any] = {
        part: load_model(_model_class(name), (replaced or {}).get(part, folder / part), torch_dtype)
        for part, name in _MODELS[class_name].items()
    }
    pipe = _assembled(class_name, folder, parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(torch_device)


def _assembled(class_name: str, folder: Path, parts: dict[str, Any]) -> Pipeline:
    """The pipeline of loaded models, with the folder's tokenizers and scheduler.

    Put together here: diffusers' own loader imports whatever module the description names.
    """
    import diffusers

    index = read_json(folder / "model_index.json")
    kind = getattr(diffusers, class_name)
    for part in sorted(_BESIDE[class_name]):
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
    """The model that is asked at every step: FLUX's transformer, or the UNet."""
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
            "by save_pretrained of a Stable Diffusion or FLUX pipeline."
        ) from error
    if name not in _MODELS:
        raise UserError(
            f"{folder} holds a {name}; expected one of {', '.join(_MODELS)}. Give another backbone."
        )
    if (name == "FluxPipeline") != (backbone.family is Family.FLUX):
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
