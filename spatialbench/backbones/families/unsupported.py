"""Why a class of pipelines is not sampled here, in a sentence."""

from __future__ import annotations

import inspect
from typing import Any

from ...errors import UserError
from ...weights.loading import diffusers_class, quiet


def unsupported(what: str, class_name: object) -> UserError:
    """The error for a pipeline of a class that no family knows.

    Args:
        what: the repository or folder, as the user named it.
        class_name: what its description calls its class; a list where it brings code of its own.
    """
    return UserError(f"{what} holds {_reason(class_name)}")


def _reason(class_name: object) -> str:
    if class_name is None:
        return (
            "a model_index.json that names no class of pipelines: it is damaged, or of another "
            "library; give the repository or folder of a diffusers pipeline."
        )
    if not isinstance(class_name, str):
        return (
            f"a pipeline with code of its own ({class_name!r}), which is not run here: call it in "
            "a function of yours, and give that with --method path/to/file.py:NAME."
        )
    if "Pipeline" not in class_name:
        return (
            f"a {class_name}, which is no pipeline: give the repository or folder of a whole "
            "text-to-image pipeline, with a model_index.json of diffusers."
        )
    takes = _other_input_of(class_name)
    if takes is not None:
        return (
            f"a {class_name}, which {takes}; expected a text-to-image pipeline: give the "
            "checkpoint that this one was made from."
        )
    return (
        f"a {class_name}; expected one of StableDiffusionPipeline, FluxPipeline and the other "
        "text-to-image classes of docs/pipelines.md: call it in a function of yours, and give that "
        "with --method path/to/file.py:NAME."
    )


def _other_input_of(class_name: str) -> str | None:
    with quiet():
        kind = diffusers_class(class_name)
    return other_input(kind) if isinstance(kind, type) else None


def other_input(kind: type) -> str | None:
    """What a class of pipelines wants besides a prompt, or makes instead of an image: a clause."""
    from diffusers.pipelines import auto_pipeline

    if not callable(getattr(kind, "__call__", None)):  # noqa: B004
        return None
    if "Control" in kind.__name__:
        return "needs an image that controls the layout, beside the prompt"
    makes = {"VIDEO": "makes videos", "AUDIO": "makes sound"}
    for task, made in makes.items():
        if any(kind in table.values() for table in _tables(auto_pipeline, task)):
            return made
    taken = inspect.signature(kind.__call__).parameters
    if "num_frames" in taken:
        return "makes videos"
    if "mask_image" in taken:
        return "paints over a part of an image that is given (inpainting)"
    if "image" in taken or "control_image" in taken:
        return "starts from an image that is given (image-to-image)"
    return None


def _tables(module: Any, task: str) -> list[dict[str, Any]]:
    return [
        value
        for name, value in vars(module).items()
        if name.endswith("MAPPING") and f"2{task}" in name
    ]
