"""An entry point whose generator is imported only when it is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from . import GenerationSettings, Generator, Parameter


@dataclass(frozen=True, slots=True)
class DeferredMethod:
    """A method of one name, whose module is light to list and heavy to run.

    Attributes:
        name: what ``--method`` takes.
        summary: one line for lists.
        parameters: what ``--set`` takes.
        module: full name of the module whose function makes the generator.
        function: name of that function, called with settings and parameters.
        step_factor: see :class:`~spatialbench.plugins.GeneratorPlugin`.
        marks_of: see :class:`~spatialbench.plugins.GeneratorPlugin`.
    """

    name: str
    summary: str
    parameters: Mapping[str, Parameter]
    module: str
    function: str = "configure"
    step_factor: float = 1.0
    marks_of: Callable[[Mapping[str, str]], tuple[str, ...]] | None = None

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Generator:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter, a value out of range, values that contradict, or files
                that are not there.
        """
        made: Generator = getattr(import_module(self.module), self.function)(settings, parameters)
        return made
