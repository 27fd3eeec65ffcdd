"""An entry point whose generator is imported only when it is configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..plugins import GenerationSettings, Generator, Parameter


@dataclass(frozen=True, slots=True)
class DeferredMethod:
    """A method of one name, whose module is light to list and heavy to run.

    Attributes:
        name: what ``--method`` takes.
        summary: one line for lists.
        parameters: what ``--set`` takes.
        module: full name of the module whose ``configure(settings, parameters)`` makes the
            generator.
    """

    name: str
    summary: str
    parameters: Mapping[str, Parameter]
    module: str

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Generator:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter, a value out of range, values that contradict, or files
                that are not there.
        """
        made: Generator = import_module(self.module).configure(settings, parameters)
        return made
