"""A pipeline object of any class as a method: its own call, on a copy that shares its parts."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..backbones.any_loading import LEFT_OUT
from ..backbones.architecture import Architecture
from ..backbones.checkpoint import Checkpoint
from ..backbones.families import AnyPipelineFamily, Pipeline
from ..backbones.pipeline_call import call_of
from ..backbones.sampling import Sampling, resolve_sampling
from ..backbones.schedulers import OWN
from ..errors import UserError
from ..plugins import GenerationSettings, ImageRequest, Json, Requirement
from ..weights.hashing import module_hash
from ..weights.origin import Weights
from .any_pipeline import AnyPipeline
from .own_function import FunctionFailed
from .own_pipeline import device_and_dtype, evaluating, parts_of, plain_config

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same pipeline would give other pixels."""


_OF_SAVING = ("architectures", "dtype", "torch_dtype", "name_or_path")
"""Keys of a model's configuration that it gets when it is saved and loaded, and which do not change
what it computes."""


class OwnAnyPipeline(AnyPipeline):
    """A pipeline object, called as ``AnyPipeline`` calls the same pipeline in a folder.

    The object is left as it was, as by ``OwnPipeline``. The identity holds the class, every
    argument of its call, a hash of all parts, and the scheduler's configuration; of a class that is
    not in diffusers also a hash of its source, and it is *unpinned*: what its code does, nobody can
    tell.
    """

    def __init__(
        self, pipe: Pipeline, settings: GenerationSettings, given: Mapping[str, Any], name: str
    ) -> None:
        kind = type(pipe)
        call = call_of(kind)
        family = AnyPipelineFamily(kind.__name__, call, foreign=_foreign(kind))
        sampling = _sampling(pipe, settings, family)
        scaled = settings.guidance_scale is not None
        super().__init__(name, sampling, given, scaled=scaled, call=call)
        self._given = pipe
        self._weights: str | None = None

    def identity(self) -> Json:
        """See the class."""
        kind = type(self._given)
        if not _foreign(kind):
            return super().identity()
        return {**super().identity(), "source": _source(kind), "marks": ["unpinned"]}

    def _checkpoint(self) -> Json:
        if self._weights is None:
            self._weights = _parts_hash(self._given)
        name = type(self._given).__name__
        scheduler = getattr(self._given, "scheduler", None)
        told: Json = {"name": "none"}
        if scheduler is not None:
            kind = type(scheduler).__name__
            config = json.loads(plain_config(scheduler.config), parse_constant=str)
            told = {"name": kind, "class": kind, "config": config}
        return {"backbone": {"name": name, "weights": self._weights}, "scheduler": told}

    def download(self) -> None:
        """Nothing: the pipeline is there."""

    def requirements(self, requests: Sequence[ImageRequest]) -> list[Requirement]:
        """Nothing: the pipeline is there."""
        return []

    def prepared(self) -> Pipeline:
        """A copy of the pipeline that shares its parts, with a scheduler of its own."""
        pipe = copy.copy(self._given)
        if getattr(pipe, "scheduler", None) is not None:
            pipe.scheduler = copy.deepcopy(pipe.scheduler)
        for name, nothing in LEFT_OUT.items():
            if nothing is None and parts_of(pipe).get(name) is not None:
                setattr(pipe, name, None)
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """See ``AnyPipeline``; the parts are in evaluation mode meanwhile.

        Raises:
            FunctionFailed: code of a class that is not in diffusers raised.
        """
        with evaluating(self._given):
            if not _foreign(type(self._given)):
                return super().generate(requests)
            try:
                return super().generate(requests)
            except (UserError, MemoryError):
                raise
            except Exception as error:
                if "OutOfMemory" in type(error).__name__:
                    raise
                said = " ".join(str(error).split())
                where = f"{self._name}, a {type(self._given).__name__}"
                raise FunctionFailed(f"{where}: {type(error).__name__}: {said}") from error


def _own_config(pipe: Pipeline) -> Any:
    """Of the pipeline itself; empty of a class that registers nothing."""
    return getattr(pipe, "config", {})


def _foreign(kind: type) -> bool:
    """Whether the code of a class is not diffusers' own."""
    return kind.__module__.partition(".")[0] != "diffusers"


def _source(kind: type) -> str | None:
    """16 hexadecimal digits of the SHA-256 of the source of a class; None where there is none."""
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        return None
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _sampling(pipe: Pipeline, settings: GenerationSettings, family: AnyPipelineFamily) -> Sampling:
    """The settings with the defaults that the same pipeline has in a folder."""
    device, dtype = device_and_dtype(pipe)
    configs = {
        name: json.loads(plain_config(part.config))
        for name, part in parts_of(pipe).items()
        if hasattr(part, "config")
    }
    configs["model_index.json"] = json.loads(plain_config(_own_config(pipe)))
    defaults = family.checkpoint_defaults(configs)
    nowhere = Weights(family.class_name)
    backbone = Checkpoint(family.class_name, defaults, family, nowhere, Architecture.OTHER)
    asked = replace(settings, scheduler=settings.scheduler or OWN, dtype=dtype)
    return replace(resolve_sampling(asked, needs=(), backbone=backbone), device=device)


def _parts_hash(pipe: Pipeline) -> str:
    """SHA-256 (hex) over everything in a pipeline that decides pixels, the scheduler apart."""
    digest = hashlib.sha256()
    for name, part in sorted(parts_of(pipe).items()):
        if name in LEFT_OUT or part is None or name == "scheduler":
            continue
        digest.update(f"{name}\0{type(part).__name__}\0{_told(part)}\n".encode())
    options = {key: value for key, value in _own_config(pipe).items() if key not in parts_of(pipe)}
    digest.update(plain_config(options).encode())
    return digest.hexdigest()


def _told(part: Any) -> str:
    """A part's weights and configuration, or vocabulary and template, as text."""
    reader = getattr(part, "tokenizer", None) or part
    if hasattr(part, "state_dict"):
        config = _computed_by(json.loads(plain_config(part.config)))
        return f"{module_hash(part)}\0{json.dumps(config, sort_keys=True)}"
    if hasattr(reader, "get_vocab"):
        vocabulary = json.dumps(reader.get_vocab(), sort_keys=True)
        template = getattr(part, "chat_template", None) or reader.chat_template
        return f"{reader.model_max_length}\0{vocabulary}\0{template}"
    return plain_config(getattr(part, "config", {}))


def _computed_by(config: Any) -> Any:
    """A configuration, and those within it, without ``_OF_SAVING``."""
    if not isinstance(config, dict):
        return config
    return {key: _computed_by(value) for key, value in config.items() if key not in _OF_SAVING}
