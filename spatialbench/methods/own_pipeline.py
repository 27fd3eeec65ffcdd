"""A diffusers pipeline of the user's own as a method: the object as it is, none of it changed."""

from __future__ import annotations

import copy
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backbones.families import AnyPipelineFamily, Pipeline, named
from ..backbones.prompt_embeddings import PromptEncoder
from ..backbones.sampling import Sampling, resolve_sampling
from ..backbones.schedulers import OWN, build
from ..errors import UserError
from ..plugins import GenerationSettings, ImageRequest, Json, Requirement
from ..weights.hashing import module_hash
from .stable_diffusion import PARAMETERS, StableDiffusion, read_stable_diffusion

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same pipeline would give other pixels."""

_PASSED_OVER = {"safety_checker", "feature_extractor", "image_encoder"}
"""Parts of a pipeline that decide no pixel here: none of them is run."""


class OwnPipeline(StableDiffusion):
    """A pipeline object, sampled as ``StableDiffusion`` samples the same pipeline in a folder.

    It has the same defaults, one CPU generator for each image, and its own scheduler unless another
    is asked for. The pipeline is left as it was: a copy without copies of its parts is called, with
    a copy of the scheduler, and parts in training mode are so again after each batch. Its safety
    checker is not run.

    Its identity holds the class, a hash of the weights, configurations and vocabularies of its
    parts (so the same weights have the same identity, wherever they were loaded from), and the
    scheduler's configuration.
    """

    def __init__(
        self, pipe: Pipeline, settings: GenerationSettings, given: Mapping[str, Any], name: str
    ) -> None:
        sampling = _sampling(pipe, settings)
        super().__init__(sampling, read_stable_diffusion(name, PARAMETERS, given, sampling))
        self._name = name
        self._given = pipe
        self._weights: str | None = None

    def identity(self) -> Json:
        """See the class."""
        if self._weights is None:
            self._weights = _parts_hash(self._given)
        kind, sampling = _class_name(self._given), self.sampling
        named = sampling.architecture.value
        return {
            "method": self._name,
            "version": VERSION,
            "parameters": dict(self.parameters),
            "pipeline": kind,
            "backbone": {
                "name": named if named.startswith("lab") else kind,
                "weights": self._weights,
            },
            "scheduler": self._scheduler_identity(),
            **sampling.asked(),
            **({"text_length": sampling.text_length} if sampling.family.flow else {}),
        }

    def download(self) -> None:
        """Nothing: the pipeline is there."""

    def requirements(self, requests: Sequence[ImageRequest]) -> list[Requirement]:
        """Nothing: the pipeline is there."""
        return []

    @property
    def takes_kernels(self) -> bool:
        """No: the models are somebody else's, and left as they are."""
        return False

    def prepared(self) -> tuple[Pipeline, PromptEncoder]:
        """A copy of the pipeline that shares its parts, with a scheduler of its own."""
        pipe = copy.copy(self._given)
        pipe.scheduler = self._scheduler()
        pipe.set_progress_bar_config(disable=True)
        negative = self.parameters["negative_prompt"] or None
        return pipe, PromptEncoder(pipe, negative, text_length=self.sampling.text_length)

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """See ``PipelineGenerator``; the parts are in evaluation mode meanwhile."""
        with evaluating(self._given):
            return super().generate(requests)

    def _scheduler(self) -> Any:
        own = copy.deepcopy(self._given.scheduler)
        sampling = self.sampling
        return own if sampling.family.flow else build(sampling.scheduler, own, sampling.steps)

    def _scheduler_identity(self) -> dict[str, Any]:
        scheduler = self._scheduler()
        config = {key: value for key, value in scheduler.config.items() if not key.startswith("_")}
        # Some schedulers are set to an infinity, which no identity can hold: its name then.
        plain = json.loads(json.dumps(config, default=str), parse_constant=str)
        chosen = self.sampling.scheduler.name
        kind = type(scheduler).__name__
        return {"name": kind if chosen == OWN else chosen, "class": kind, "config": plain}


def device_and_dtype(pipe: Pipeline) -> tuple[str, str]:
    """Where a pipeline is and the type of its numbers, such as ``cpu`` and ``float32``."""
    return str(pipe.device), str(pipe.dtype).removeprefix("torch.")


def parts_of(pipe: Pipeline) -> Mapping[str, Any]:
    """A pipeline's parts by name; none of a class that names none."""
    found: Mapping[str, Any] = getattr(pipe, "components", {})
    return found


def known_class(pipe: Pipeline) -> str | None:
    """The class of a pipeline, or the one it inherits from, whose insides are known here."""
    for kind in type(pipe).__mro__:
        family = named(kind.__name__)
        if family is not None:
            return None if isinstance(family, AnyPipelineFamily) else kind.__name__
    return None


def _class_name(pipe: Pipeline) -> str:
    name = known_class(pipe)
    if name is None:
        raise UserError(
            f"a {type(pipe).__name__} is not sampled here by its parts: give it to evaluate, which "
            "calls it as it is."
        )
    return name


def _sampling(pipe: Pipeline, settings: GenerationSettings) -> Sampling:
    """The settings with the defaults that the same pipeline has in a folder."""
    kind = _class_name(pipe)
    device, dtype = device_and_dtype(pipe)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model_index.json").write_text(json.dumps({"_class_name": kind}))
        for name in ("unet", "transformer", "vae"):
            part = pipe.components.get(name)
            if part is not None:
                Path(folder, name).mkdir()
                Path(folder, name, "config.json").write_text(part.to_json_string())
        asked = replace(settings, backbone=folder, scheduler=settings.scheduler or OWN, dtype=dtype)
        sampling = resolve_sampling(asked, needs=())
    return replace(sampling, device=device)


def _parts_hash(pipe: Pipeline) -> str:
    """SHA-256 (hex) over the parts of a pipeline that decide pixels, the scheduler apart."""
    digest = hashlib.sha256()
    for name, part in sorted(pipe.components.items()):
        if name in _PASSED_OVER or part is None or name == "scheduler":
            continue
        if hasattr(part, "state_dict"):
            told = f"{module_hash(part)}\0{plain_config(part.config)}"
        elif hasattr(part, "get_vocab"):
            vocabulary = json.dumps(part.get_vocab(), sort_keys=True)
            told = f"{type(part).__name__}\0{part.model_max_length}\0{vocabulary}"
        else:
            continue
        digest.update(f"{name}\0{told}\n".encode())
    return digest.hexdigest()


def plain_config(config: Any) -> str:
    """A model's configuration as text, without where it was loaded from and by which version."""
    values = config.to_dict() if hasattr(config, "to_dict") else dict(config)
    kept = {key: value for key, value in values.items() if not key.startswith("_")}
    kept.pop("transformers_version", None)
    return json.dumps(kept, sort_keys=True, default=str)


@contextmanager
def evaluating(pipe: Pipeline) -> Iterator[None]:
    """The parts in evaluation mode; those in training mode are so again afterwards."""
    models = [part for part in parts_of(pipe).values() if hasattr(part, "state_dict")]
    training = [module for model in models for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
