"""From what is to be evaluated to a configured method: a name, a plug-in, an own object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import plugins
from ..errors import UserError
from ..plugins import Method, MethodPlugin
from ..plugins.discovery import named_object
from ..plugins.members import checked

if TYPE_CHECKING:
    from .evaluation import Evaluation

_SETTINGS = (
    "backbone",
    "steps",
    "guidance_scale",
    "scheduler",
    "width",
    "height",
    "dtype",
    "parameters",
)


def object_of(what: object) -> Any:
    """The object meant: of a name its plug-in, of a class an object of it.

    Raises:
        UserError: an unknown name, or a class whose constructor fails or wants arguments.
    """
    found = what
    if isinstance(what, str):
        found = named_object(what) if ":" in what else plugins.load("method", what)
    if isinstance(found, type):
        try:
            return found()
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"{found.__name__} cannot be made ({type(error).__name__}: {error}): give an "
                "object of it, or a class that takes no arguments."
            ) from error
    return found


def method_of(asked: Evaluation) -> Method:
    """The method with its settings.

    Raises:
        UserError: an unknown name, an object of another kind, or a setting that it does not take.
    """
    found = object_of(asked.what)
    if isinstance(found, MethodPlugin):
        checked(found, MethodPlugin, f"the method {found.name}")
        return found.configure(asked.settings, asked.parameters)
    if isinstance(found, Method):
        _refuse(asked, _SETTINGS, "a configured method has its settings already")
        return found
    raise UserError(
        f"a {type(found).__name__} cannot be evaluated: give a method's name, an object of "
        "spatialbench.Method or MethodPlugin."
    )


def _refuse(asked: Evaluation, names: tuple[str, ...], why: str) -> None:
    """Raises UserError for settings that have no effect."""
    given = [name for name in names if getattr(asked, name)]
    if given:
        raise UserError(f"{' and '.join(given)}: {why}; leave that out.")
