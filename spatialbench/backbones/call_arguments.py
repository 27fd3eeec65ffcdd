"""The arguments that one pipeline is called with for every image of a run; plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..plugins import Parameter
from .pipeline_call import PipelineCall
from .sampling import Sampling

NEGATIVE = "negative_prompt"
TRUE_SCALE = "true_cfg_scale"

CALL_PARAMETERS: Mapping[str, Parameter] = {
    "max_sequence_length": Parameter(None, "tokens of a prompt that are read"),
    "true_cfg_scale": Parameter(None, "guidance by a negative prompt, of a model told a scale"),
    "prior_guidance_scale": Parameter(None, "guidance of the model that plans the image"),
    "prior_num_inference_steps": Parameter(None, "steps of the model that plans the image"),
    "decoder_guidance_scale": Parameter(None, "guidance of the model that draws the plan"),
    "guidance_rescale": Parameter(None, "share by which guided contrast is taken back"),
    "pag_scale": Parameter(None, "guidance by perturbed attention"),
    "cfg_normalization": Parameter(None, "whether guidance keeps the norm"),
    "cfg_truncation": Parameter(None, "share of the steps with guidance"),
    "cfg_trunc_ratio": Parameter(None, "share of the steps with guidance"),
    "clean_caption": Parameter(None, "whether prompts are cleaned; needs bs4 and ftfy"),
    "use_resolution_binning": Parameter(None, "whether a size of the model's own is resized"),
    "complex_human_instruction": Parameter(None, "the text before every prompt; none for no text"),
    "system_prompt": Parameter(None, "the text before every prompt"),
}
"""Arguments of pipelines' calls that a user may set; None is the pipeline's own value."""

_OFF = ("use_resolution_binning", "clean_caption")
"""Off unless asked for: the first makes another size than was asked for and resizes it, the second
depends on what else is installed."""

_PACKAGES = ("bs4", "ftfy")
"""What cleaning captions needs; without them diffusers leaves it out."""


def settled(
    call: PipelineCall, sampling: Sampling, values: Mapping[str, Any], *, scaled: bool
) -> dict[str, Any]:
    """Every argument of the call that decides pixels, but steps and size.

    Args:
        values: ``negative_prompt`` and ``CALL_PARAMETERS``.
        scaled: whether the user gave a guidance scale.

    Raises:
        UserError: a value that the pipeline does not take, or one that has no effect.
    """
    arguments = dict(call.constants) | {key: False for key in _OFF if key in call.constants}
    if "max_area" in arguments and sampling.width and sampling.height:
        # Else images are made of this area, whatever sides are asked for.
        arguments["max_area"] = sampling.width * sampling.height
    if call.guidance is not None:
        arguments[call.guidance] = sampling.guidance_scale
    elif scaled:
        raise UserError(
            f"--guidance-scale has no effect on a {call.class_name}, whose call takes none: leave "
            "it out."
        )
    _take_given(arguments, call, values)
    schedule = arguments.get("guidance_schedule")
    if schedule is not None and call.guidance == "guidance_scale":
        # One of the two, and as many scales as steps.
        one = scaled or len(schedule) != sampling.steps
        del arguments["guidance_scale" if not one else "guidance_schedule"]
        if one:
            arguments["guidance_schedule"] = None
    _take_negative(arguments, call, sampling, str(values[NEGATIVE]))
    return arguments


def _take_given(arguments: dict[str, Any], call: PipelineCall, values: Mapping[str, Any]) -> None:
    for key in CALL_PARAMETERS:
        value = values.get(key)
        if value is None:
            continue
        if key not in call.names or key == call.guidance:
            instead = " (give --guidance-scale)" if key == call.guidance else ""
            raise UserError(f"{key} is not for a {call.class_name}{instead}: leave {key} out.")
        arguments[key] = _converted(key, value, call.constants.get(key))
    missing = [name for name in _PACKAGES if arguments.get("clean_caption") and not _has(name)]
    if missing:
        raise UserError(
            f"clean_caption needs {' and '.join(missing)}, without which prompts would silently be "
            f"left as they are: pip install {' '.join(missing)}, or leave clean_caption out."
        )


def _take_negative(
    arguments: dict[str, Any], call: PipelineCall, sampling: Sampling, given: str
) -> None:
    takes = call.negative[0]
    if given and not takes:
        raise UserError(f"a {call.class_name} takes no negative prompt: leave negative_prompt out.")
    # Where a scale stands in the call for guidance by a negative prompt, it needs that prompt.
    true_scale = arguments.get(TRUE_SCALE)
    guided = sampling.guided if true_scale is None else true_scale > 1
    if given and not guided:
        how = f"--set {TRUE_SCALE}" if call.guidance != TRUE_SCALE and true_scale else None
        raise UserError(
            "negative_prompt has no effect without guidance: give "
            f"{how or 'a --guidance-scale'} above {0 if call.offset else 1}, or leave "
            "negative_prompt out."
        )
    if takes and given:
        arguments[NEGATIVE] = given
    elif takes and guided and true_scale is not None:
        arguments[NEGATIVE] = " "


def _converted(key: str, value: Any, default: Any) -> Any:
    """A given value as the argument's default is.

    Raises:
        UserError: another kind of value.
    """
    text = isinstance(value, str)
    if key == "complex_human_instruction":
        return None if value in ("none", "") else [value] if text else list(value)
    if isinstance(default, bool):
        fits = isinstance(value, bool)
    elif key in ("max_sequence_length", "prior_num_inference_steps"):
        fits = isinstance(value, int) and not isinstance(value, bool) and value > 0
    elif key == "system_prompt":
        fits = text
    else:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits:
        shown = "true or false" if isinstance(default, bool) else "a text" if text else "a number"
        raise UserError(f"{key}={value!r} does not fit: give {shown}, as --set {key}={default}.")
    return value


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None
