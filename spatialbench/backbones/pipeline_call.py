"""What the call of a pipeline's class takes, read from its signature; nothing is loaded.

Every default that decides pixels comes from here: the class is the only one who knows them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UserError
from ..plugins import Defaults
from ..weights.loading import diffusers_class, quiet
from .families.pipeline_classes import OFFSET_GUIDANCE, TEXT_TO_IMAGE, TOLD_GUIDANCE
from .families.unsupported import other_input

_GUIDANCES = (
    "guidance_scale",
    "true_cfg_scale",
    "distilled_guidance_scale",
    "prior_guidance_scale",
)
"""Arguments that may be the pipeline's guidance; the first that has a default is."""

_GIVEN_ELSEWHERE = frozenset(
    {
        "height",
        "negative_prompt",
        "negative_prompt_2",
        "negative_prompt_3",
        "negative_prompt_4",
        "num_images_per_prompt",
        "num_inference_steps",
        "output_type",
        "return_dict",
        "width",
    }
)
"""Arguments that decide no pixel, or that have a place of their own."""

_PICTURES = ("image", "images", "mask_image", "control_image", "video", "num_frames", "strength")


@dataclass(frozen=True, slots=True)
class PipelineCall:
    """The call of one class of pipelines.

    Attributes:
        class_name: what the class is called.
        steps: how many steps it makes unless told.
        guidance: the argument that is its guidance scale; None where it has none.
        scale: the default of that argument.
        offset: whether guidance is off at 0 and on above it, rather than off up to 1.
        told: whether guidance is a number that the model is told.
        width: of the images in pixels; None is for the checkpoint to say, as for ``height``.
        height: see ``width``.
        lists: whether it takes a list of prompts.
        negative: whether it takes a negative prompt, and whether a list of them.
        constants: every other argument with a default that can decide pixels: plain JSON.
        names: all arguments that it takes.
    """

    class_name: str
    steps: int
    guidance: str | None
    scale: float
    offset: bool
    told: bool
    width: int | None
    height: int | None
    lists: bool
    negative: tuple[bool, bool]
    constants: Mapping[str, Any]
    names: frozenset[str]

    @property
    def defaults(self) -> Defaults:
        """As those of a backbone."""
        length = self.constants.get("max_sequence_length")
        return Defaults(
            steps=self.steps,
            guidance_scale=self.scale,
            width=self.width,
            height=self.height,
            text_length=length if isinstance(length, int) else None,
        )


def call_of(kind: type) -> PipelineCall:
    """What the call of a class takes.

    Raises:
        UserError: it does not make an image of a text alone, or takes no list of generators.
    """
    taken = _parameters(kind)
    name = kind.__name__
    known = any(base.__name__ in TEXT_TO_IMAGE for base in kind.__mro__)
    _require_text_to_image(kind, taken, known=known)
    _require_generators(name, taken)
    guidance = next((g for g in _GUIDANCES if _number(taken.get(g)) is not None), None)
    scale = None if guidance is None else _number(taken[guidance])
    constants = {
        key: list(p.default) if isinstance(p.default, tuple) else p.default
        for key, p in taken.items()
        if key not in _GIVEN_ELSEWHERE
        and "callback" not in key
        and key != guidance
        and _is_constant(p.default)
    }
    if "guidance_schedule" in constants and guidance is None and "guidance_scale" in taken:
        # A scale for each step; one scale for all of them takes its place.
        guidance, scale = "guidance_scale", float(max(constants["guidance_schedule"]))
    bases = {base.__name__ for base in kind.__mro__}
    negative = taken.get("negative_prompt")
    steps = taken.get("num_inference_steps")
    return PipelineCall(
        class_name=name,
        steps=int(_number(steps) or Defaults().steps),
        guidance=guidance,
        scale=1.0 if scale is None else scale,
        offset=bool(bases & OFFSET_GUIDANCE),
        told=bool(bases & TOLD_GUIDANCE),
        width=_side(taken.get("width")),
        height=_side(taken.get("height")),
        lists=_annotation(taken["prompt"]) not in ("str", "<class 'str'>"),
        negative=(negative is not None, "list" in _annotation(negative).lower()),
        constants=constants,
        names=frozenset(taken),
    )


def known_call(class_name: str) -> PipelineCall:
    """The call of a class of diffusers.

    Raises:
        UserError: this diffusers has no such class, or see :func:`call_of`.
    """
    import diffusers

    with quiet():
        kind = diffusers_class(class_name)
    if not isinstance(kind, type):
        raise UserError(
            f"the installed diffusers ({diffusers.__version__}) has no {class_name}: "
            "pip install --upgrade diffusers."
        )
    return call_of(kind)


def _parameters(kind: type) -> Mapping[str, inspect.Parameter]:
    """Of the call, and where it passes on whatever it is given, of the class above it."""
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        own = base.__dict__.get("__call__")
        if own is None:
            continue
        parameters = list(inspect.signature(own).parameters.values())[1:]
        passed_on = False
        for one in parameters:
            if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
                passed_on = True
            else:
                found.setdefault(one.name, one)
        if not passed_on:
            break
    return found


def _require_text_to_image(
    kind: type, taken: Mapping[str, inspect.Parameter], *, known: bool
) -> None:
    if known and "prompt" in taken:
        return
    wanted = [
        key
        for key, one in taken.items()
        if one.default is one.empty and key not in ("prompt", "generator")
    ]
    pictures = [key for key in _PICTURES if key in taken]
    if "prompt" in taken and not wanted and not pictures:
        return
    beside = f"takes {' and '.join(wanted or pictures)} beside the prompt"
    why = other_input(kind) or (beside if "prompt" in taken else "takes no prompt")
    raise UserError(
        f"a {kind.__name__} {why}: give a pipeline that makes an image of a text alone "
        "(docs/pipelines.md lists them)."
    )


def _require_generators(name: str, taken: Mapping[str, inspect.Parameter]) -> None:
    if "list" not in _annotation(taken.get("generator")).lower():
        raise UserError(
            f"a {name} takes no list of generators (its call has no argument generator that is "
            "said to be a list[torch.Generator]), so that an image cannot be drawn from a seed "
            "of its own: give another pipeline, or a function (prompt, seed) -> image around it."
        )


def _annotation(one: inspect.Parameter | None) -> str:
    return "" if one is None else str(one.annotation)


def _number(one: inspect.Parameter | None) -> float | None:
    value = None if one is None else one.default
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _side(one: inspect.Parameter | None) -> int | None:
    value = _number(one)
    return None if value is None else int(value)


def _is_constant(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_constant(one) for one in value)
    return isinstance(value, bool | int | float | str) and value is not inspect.Parameter.empty
