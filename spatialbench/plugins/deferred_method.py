"""An entry point whose generator is imported only when it is configured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .backbone import Ability
from .method import GenerationSettings, Json, Method, MethodPlugin, Parameter


@dataclass(frozen=True, slots=True)
class DeferredMethod(MethodPlugin):
    """A method of one name, whose module is light to list and heavy to run.

    Attributes:
        name: what ``--method`` takes.
        summary: one line for lists.
        takes: what ``--set`` takes.
        module: full name of the module whose function makes the generator.
        function: name of that function, called with settings and parameters.
        step_factor: see :class:`~spatialbench.plugins.MethodPlugin`; so is ``needs``.
        marks: for ``marks_of``; see :class:`~spatialbench.plugins.MethodPlugin`.
        worth: for ``steps_worth``, likewise; None for ``step_factor``.
    """

    name: str
    summary: str
    takes: Mapping[str, Parameter]
    module: str
    function: str = "configure"
    step_factor: float = 1.0
    needs: Collection[Ability] = ()
    marks: Callable[[Mapping[str, str]], tuple[str, ...]] | None = None
    worth: Callable[[Json], float] | None = None

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What ``--set`` takes."""
        return self.takes

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Method:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter, a value out of range, values that contradict, or files
                that are not there.
        """
        made: Method = getattr(import_module(self.module), self.function)(settings, parameters)
        return made

    def marks_of(self, parameters: Mapping[str, str]) -> tuple[str, ...]:
        """See :class:`~spatialbench.plugins.MethodPlugin`."""
        return self.marks(parameters) if self.marks else ()

    def steps_worth(self, generator: Json) -> float:
        """See :class:`~spatialbench.plugins.MethodPlugin`."""
        return self.worth(generator) if self.worth else self.step_factor
