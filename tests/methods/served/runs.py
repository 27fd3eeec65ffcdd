"""Runs of a served method on the benchmark of circles and squares, without waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from spatialbench import plugins
from spatialbench.executors.local import LocalExecutor
from spatialbench.methods.served.served_method import ServedMethod
from spatialbench.plugins import GenerationSettings, ImageRequest, Requirement
from spatialbench.prompts import Prompt
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import Run, RunSpec
from spatialbench.runs.selection import Selection
from spatialbench.scoring.summary import Summary
from spatialbench.stages.whole import Work, run_all
from tests.opened_runs import open_run
from tests.stages.fakes import Finder, Log, Shapes


def method(
    name: str,
    settings: GenerationSettings | None = None,
    pause: Callable[[float], None] = lambda seconds: None,
    **parameters: Any,
) -> ServedMethod:
    """A method by its name, which waits for nothing between its tries."""
    plugin = plugins.load("method", name)
    made = plugin.configure(settings or GenerationSettings(), parameters)
    assert isinstance(made, ServedMethod)
    made.manner = replace(made.manner, pause=pause)
    return made


def opened(served: ServedMethod, folder: Path, prompts: int = 12) -> Run:
    """A run of 2 images for each prompt."""
    spec = RunSpec(Shapes(prompts), "all", served)
    return open_run(spec, Selection(), this_machine("cpu"), folder)


def ran(
    served: ServedMethod, folder: Path, prompts: int = 12, log: Log | None = None, **others: Any
) -> Summary:
    """Make the images, look at them, score them."""
    run = opened(served, folder, prompts)
    work = Work(served, Finder(), LocalExecutor(), **others)
    summary = run_all(run, work, log or Log())
    assert summary is not None
    return summary


def requests(*texts: str) -> list[ImageRequest]:
    """A request for each text, of seed 7."""
    return [
        ImageRequest(Prompt(str(number), text, "left", None, ("circle",)), 0, 7)
        for number, text in enumerate(texts)
    ]


def missing(served: ServedMethod) -> list[str | None]:
    """What a method lacks before its first image."""
    found: list[Requirement] = list(served.requirements(requests("a circle")))
    return [one.missing for one in found if one.missing]
