"""From what is to be evaluated to a configured method: a name, a plug-in, an own object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import plugins
from ..errors import UserError
from ..methods.own_function import VERSION as OWN_VERSION
from ..methods.own_function import OwnFunction
from ..plugins import Method, MethodPlugin, Parameter
from ..plugins.discovery import named_object
from ..plugins.members import checked, configured
from ..weights.devices import chosen_device, named_device

if TYPE_CHECKING:
    from ..runs.opening import RunSpec
    from .evaluation import Evaluation

_OF_A_MODEL = ("steps", "guidance_scale", "scheduler", "dtype", "parameters")
_SETTINGS = ("backbone", "width", "height", *_OF_A_MODEL)


def object_of(what: object) -> Any:
    """The object meant: of a name its plug-in, of a class an object of it.

    Raises:
        UserError: an unknown name, or a class whose constructor fails or wants arguments.
    """
    found = what
    if isinstance(what, str):
        found = named_object(what) if ":" in what else None
        if found is None or isinstance(found, MethodPlugin):
            found = plugins.given("method", what)
    if not isinstance(found, type):
        return found
    try:
        return found()
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{found.__name__} cannot be made ({type(error).__name__}: {error}): give an object "
            "of it, or a class whose constructor takes no arguments."
        ) from error


def method_of(asked: Evaluation, found: Any) -> Method:
    """The method with its settings.

    Args:
        found: see ``object_of``.

    Raises:
        UserError: an object of another kind, no name for what needs one, or a setting that it does
            not take.
    """
    if isinstance(found, MethodPlugin):
        checked(found, MethodPlugin, f"the method {asked.what}")
        method: Method = configured(found, Method, asked.settings, asked.parameters)
        return method
    if isinstance(found, Method):
        _refuse(asked, _SETTINGS, "a configured method has its settings already")
        return found
    if is_pipeline(found):
        from ..methods.own_any_pipeline import OwnAnyPipeline
        from ..methods.own_pipeline import OwnPipeline, known_class

        _refuse(asked, ("backbone", "dtype"), "a pipeline object is what it is")
        kind = OwnAnyPipeline if known_class(found) is None else OwnPipeline
        return kind(found, asked.settings, asked.parameters, asked.name or "pipeline")
    if not callable(found):
        raise UserError(
            f"a {type(found).__name__} cannot be evaluated: give a method's name, a Method or "
            "MethodPlugin of spatialbench, a diffusers pipeline, or a function (prompt, seed) -> "
            "image."
        )
    if asked.name is None:
        raise UserError(
            "a function cannot be told from another one by its weights: say what it is called in "
            "tables, by name=... in Python or --name on the command line."
        )
    _refuse(asked, _OF_A_MODEL, "a function has its own")
    return OwnFunction(found, asked.name, asked.backbone, (asked.width, asked.height))


def device_of(asked: Evaluation, found: Any) -> str:
    """Where the models are to be; that this machine has it is asked only if it does the work.

    Raises:
        UserError: no such device, or another one than a pipeline object's.
    """
    if is_pipeline(found):
        own = str(found.device)
        if asked.device not in (None, own):
            raise UserError(f"device {asked.device}: the pipeline is on {own}; move it there.")
        return own
    elsewhere = asked.executor is not None and asked.executor.elsewhere
    if asked.device is not None and (elsewhere or not asked.here):
        return named_device(asked.device)
    return chosen_device(asked.device)


def called(asked: Evaluation, found: Any) -> str | None:
    """What tables are to call the run, or None; see ``runs.manifest.checked_name``.

    The name of an own function or pipeline object is part of what it is, and no other is needed.
    """
    from ..runs.manifest import checked_name

    own = isinstance(found, MethodPlugin | Method)
    return checked_name(asked.name) if own and asked.name is not None else None


def parameters_of(found: Any) -> Mapping[str, Parameter]:
    """The parameters that an object takes; see ``object_of``."""
    if isinstance(found, MethodPlugin):
        return found.parameters
    if is_pipeline(found):
        from ..methods.stable_diffusion import PLUGIN

        return PLUGIN.parameters
    return {}


def is_pipeline(found: object) -> bool:
    """Whether an object is a diffusers pipeline; imports nothing."""
    return any(
        kind.__name__ == "DiffusionPipeline" and kind.__module__.startswith("diffusers.")
        for kind in type(found).__mro__
    )


def refuse_other_function(spec: RunSpec) -> None:
    """Refuse a second function under one name beside the runs of the first.

    Raises:
        UserError: a run of that name whose function is another, by its name or its source.
    """
    from ..runs.manifest import NAME, read_manifest

    own = spec.identity["generator"]
    if own.get("version") != OWN_VERSION:
        return
    for manifest in sorted(spec.folder().parent.glob(f"*/{NAME}")):
        other = read_manifest(manifest.parent).identity["generator"]
        if other.get("version") != OWN_VERSION or other.get("method") != own["method"]:
            continue
        if any(other.get(key) != own.get(key) for key in ("function", "source")):
            raise UserError(
                f"{manifest.parent} holds images of another function called {own['method']!r} "
                f"({other.get('function')}, source {other.get('source')}; now {own['function']}, "
                f"source {own.get('source')}): give this one another name, or delete that folder "
                "where its images are of no use any more."
            )


def _refuse(asked: Evaluation, names: tuple[str, ...], why: str) -> None:
    """Raises UserError for settings that have no effect."""
    given = [name for name in names if getattr(asked, name)]
    if given:
        raise UserError(f"{' and '.join(given)}: {why}; leave that out.")
