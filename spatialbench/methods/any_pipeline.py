"""Any text-to-image pipeline, called as it is: text, seed and the arguments of its own class."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..backbones.call_arguments import CALL_PARAMETERS, NEGATIVE, settled
from ..backbones.families import AnyPipelineFamily, Pipeline
from ..backbones.pipeline_call import PipelineCall, known_call
from ..backbones.pipeline_generator import image_generators
from ..backbones.pipelines import load_pipeline
from ..backbones.sampling import Sampling
from ..errors import UserError
from ..plugins import ImageRequest, Json, Method, Parameter, Requirement
from ..plugins.parameters import read_parameters

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same settings would give other pixels."""

_LONGEST = 80
"""Characters of a text or list that stands in a signature itself."""

PARAMETERS: Mapping[str, Parameter] = {
    NEGATIVE: Parameter("", "what guidance leads away from; empty for the usual none"),
    "eta": Parameter(0.0, "nothing that these pipelines take"),
    **CALL_PARAMETERS,
}


class AnyPipeline(Method):
    """A backbone of any class with its settings, sampled by its own pipeline's call.

    One image is made at a time unless the class is known to make the same images in a batch.

    Args:
        name: the method's.
        sampling: the settings, of a backbone whose family is an ``AnyPipelineFamily``.
        given: the parameters that the user gave.
        scaled: whether the user gave a guidance scale.
        call: what the pipeline's class takes; None to look it up in diffusers.
    """

    def __init__(
        self,
        name: str,
        sampling: Sampling,
        given: Mapping[str, Any],
        *,
        scaled: bool,
        call: PipelineCall | None = None,
    ) -> None:
        family = sampling.family
        assert isinstance(family, AnyPipelineFamily)
        values = read_parameters(name, PARAMETERS, given)
        if values["eta"]:
            raise UserError(f"eta is not for a {family.called}: leave eta out.")
        self._name = name
        self._family = family
        self.sampling = sampling
        self.call = call or known_call(family.class_name)
        own = sampling.backbone.defaults.guidance_scale
        if scaled and own <= family.unguided < min(self.call.scale, sampling.guidance_scale):
            raise UserError(
                f"--guidance-scale has no effect on this {family.called}, which was distilled to "
                "need no guidance: leave --guidance-scale out."
            )
        self.arguments = settled(self.call, sampling, values, scaled=scaled)
        self._scaled = scaled
        self._pipe: Pipeline | None = None

    @property
    def one_by_one(self) -> bool:
        """Yes, where it makes one image at a time whatever is asked."""
        return self.largest_batch == 1

    @property
    def own_batch_size(self) -> int | None:
        """One: these are large models, and only so is an image what the bare pipeline makes."""
        return 1

    @property
    def largest_batch(self) -> int | None:
        """One, unless an image in a batch is known to be the image alone."""
        return None if self._family.batch_invariant else 1

    def identity(self) -> Json:
        """Method, version, the settings, the class and every argument of its call."""
        sampling = self.sampling
        return {
            "method": self._name,
            "version": VERSION,
            "parameters": {NEGATIVE: self.arguments.get(NEGATIVE, "")},
            "pipeline": self._family.class_name,
            "call": _recorded(self.arguments),
            **self._checkpoint(),
            **sampling.asked(),
        }

    def _checkpoint(self) -> Json:
        """The ``backbone`` and the ``scheduler`` of the identity."""
        told = self.sampling.identity()
        return {"backbone": told["backbone"], "scheduler": told["scheduler"]}

    def download(self) -> None:
        """Get what is missing of the backbone; see ``plugins.download``."""
        self.sampling.download()

    def requirements(self, requests: Sequence[ImageRequest]) -> Sequence[Requirement]:
        """The backbone's files, and its numbers' type."""
        return self.sampling.requirements()

    def load(self) -> None:
        """Load the pipeline; see :func:`~spatialbench.backbones.pipelines.load_pipeline`."""
        if self._pipe is None:
            self._pipe = self.prepared()
            self._guide(self._pipe)

    def prepared(self) -> Pipeline:
        """The pipeline, loaded."""
        sampling = self.sampling
        return load_pipeline(sampling.backbone, sampling.dtype, sampling.device, sampling.offline)

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """RGB images, one a request.

        Raises:
            UserError: settings that the pipeline refuses, images of another size than was asked
                for, or images that are not finite.
        """
        if not requests:
            return []
        self.load()
        at_once = self.largest_batch or len(requests)
        return [
            image
            for start in range(0, len(requests), at_once)
            for image in self.together(requests[start : start + at_once])
        ]

    def together(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """Images of one call, however many; see :meth:`generate`."""
        # A list of its own for every call: some pipelines write into the one that they are given.
        texts = [request.prompt.text for request in requests]
        # What is the class's own is left to the class, which may tell tuples from lists.
        own = self.call.constants
        arguments = {
            key: value
            for key, value in self.arguments.items()
            if key not in own or own[key] != value
        }
        if NEGATIVE in arguments and self.call.negative[1]:
            arguments[NEGATIVE] = [arguments[NEGATIVE]] * len(texts)
        sampling = self.sampling
        sides = {"height": sampling.height, "width": sampling.width}
        arguments |= {key: side for key, side in sides.items() if key in self.call.names}
        if "num_inference_steps" in self.call.names:
            arguments["num_inference_steps"] = sampling.steps
        if "output_type" in self.call.names:
            arguments["output_type"] = "np"
        if not self.call.lists:
            arguments["prompt"] = texts[0]
        assert self._pipe is not None
        try:
            told = {"prompt": texts, "generator": image_generators(requests), **arguments}
            made = getattr(self._pipe(**told), "images", None)
        except ValueError as error:
            said = " ".join(str(error).split())[:400]
            raise UserError(
                f"a {self._family.called} cannot make images with these settings: {said}"
            ) from error
        return self._checked(made, requests)

    def _checked(self, made: Any, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """Values from 0 to 1, (n, h, w, 3), or PIL's images, as images of 8 bits.

        Raises:
            UserError: another shape or size, or values that are not finite.
        """
        import numpy as np
        from PIL import Image

        drawn = isinstance(made, list) and all(isinstance(one, Image.Image) for one in made)
        pixels = np.asarray([np.asarray(one) for one in made] if drawn else made)
        if pixels.ndim != 4 or pixels.shape[0] != len(requests) or pixels.shape[3] != 3:
            raise UserError(
                f"a {self._family.called} returned {_shown(made, pixels)} for {len(requests)} "
                "prompts; expected as many RGB images, as the attribute images of what it returns."
            )
        height, width = pixels.shape[1:3]
        asked = (self.sampling.width or width, self.sampling.height or height)
        if (width, height) != asked:
            raise UserError(
                f"a {self._family.called} made images of {width} x {height} pixels, and "
                f"{asked[0]} x {asked[1]} were asked for: it does not take this size, or its VAE "
                "is not of the kind that it takes for granted; give another --width and --height."
            )
        if drawn:
            return list(made)
        for request, one in zip(requests, pixels, strict=True):
            if not np.isfinite(one).all():
                raise UserError(
                    f"NaN or infinite values in the image {request.prompt.id}/{request.index}; it "
                    "was not written. Use --dtype float32 or bfloat16."
                )
        # As diffusers itself rounds.
        return [Image.fromarray((one * 255).round().astype("uint8")) for one in pixels]

    def _guide(self, pipe: Pipeline) -> None:
        """Give the user's scale to a part that guides, where the model is not told it."""
        parts: Mapping[str, Any] = getattr(pipe, "components", {})
        guides = [name for name in ("guider", "ocr_guider") if parts.get(name) is not None]
        if not (self._scaled and guides):
            return
        if parts["transformer"].config.get("guidance_embeds", False):
            return
        for name in guides:
            guider = parts[name]
            setattr(pipe, name, guider.new(guidance_scale=self.sampling.guidance_scale))


def _shown(made: Any, pixels: Any) -> str:
    return "no images" if made is None else f"values of shape {pixels.shape}"


def _recorded(arguments: Mapping[str, Any]) -> Json:
    """The arguments for an identity: of a long text or list the hash, and itself in ``texts``."""
    told: Json = dict(sorted(arguments.items()))
    texts = {key: value for key, value in told.items() if len(_text_of(value)) > _LONGEST}
    for key, value in texts.items():
        told[key] = f"sha256:{hashlib.sha256(_text_of(value).encode()).hexdigest()[:12]}"
    return {**told, "texts": texts} if texts else told


def _text_of(value: Any) -> str:
    """A text or a list as one text; empty for any other value."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    return json.dumps(value) if isinstance(value, list) else value if isinstance(value, str) else ""
