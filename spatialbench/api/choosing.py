"""From what a user names to the object that is meant: benchmark, detector, judge, rule, run.

Wherever a name is taken, so is the object itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import plugins
from ..errors import UserError, blamed, unknown_name
from ..lab import LAB_BACKBONES, LAB_DETECTOR
from ..plugins import (
    Benchmark,
    Detector,
    DetectorPlugin,
    Judge,
)
from ..plugins.detector_names import plugin_of
from ..plugins.discovery import VARIABLE, name_and_rest, named_object
from ..plugins.evidence import Looking
from ..plugins.members import checked, configured
from ..plugins.subsets import default_detector
from .choosing_rules import judging as judging
from .choosing_rules import rule as rule

if TYPE_CHECKING:
    from ..prompts import Prompt
    from ..runs.opening import Run


def _nothing(text: str) -> None:
    """Tell nobody."""


def benchmark_and_subset(given: str | Benchmark) -> tuple[Benchmark, str]:
    """``visor``, ``visor:all`` or a benchmark as the plug-in and the name of a prompt subset.

    Raises:
        UserError: an unknown name, or that of a table of several subsets.
    """
    benchmark, chosen = _benchmark_and_name(given)
    if chosen in benchmark.tables:
        sets = ", ".join(map(benchmark.typed, benchmark.tables[chosen].values()))
        raise UserError(
            f"{benchmark.name}:{chosen} is a table of several prompt sets, which 'spatialbench "
            f"run' and 'spatialbench leaderboard' take: give one of these here: {sets}."
        )
    return benchmark, chosen


def table_named(given: str | Benchmark) -> tuple[Benchmark, str] | None:
    """The benchmark and the name of a table, where that is what a text names.

    Raises:
        UserError: an unknown name.
    """
    benchmark, chosen = _benchmark_and_name(given)
    return (benchmark, chosen) if chosen in benchmark.tables else None


def _benchmark_and_name(given: str | Benchmark) -> tuple[Benchmark, str]:
    """The benchmark, and the name of one of its subsets or tables."""
    subset = None
    if isinstance(given, str):
        name, subset = name_and_rest("benchmark", given)
        benchmark: Benchmark = plugins.given("benchmark", name)
        kind, colon, file = (subset or "").partition(":")
        if colon and kind in benchmark.file_subsets:
            benchmark = benchmark.of_subset_file(kind, Path(file))
            (subset,) = benchmark.subsets
        elif subset is not None and benchmark.takes_file:
            benchmark = benchmark.of_file(Path(subset))
            (subset,) = benchmark.subsets
    else:
        benchmark = checked(given, Benchmark, f"the benchmark {given!r}")
    chosen = subset or benchmark.default_subset
    chosen = benchmark.subset_names.get(chosen, chosen)
    if chosen not in benchmark.subsets and chosen not in benchmark.tables:
        known = [*map(benchmark.typed, benchmark.subsets), *benchmark.tables]
        raise unknown_name(f"prompt set of {benchmark.name}", chosen, known)
    return benchmark, chosen


def detector(
    given: str | Detector | DetectorPlugin | None,
    benchmark: Benchmark,
    subset: str,
    backbone: str,
    device: str,
    offline: bool,
    prompts: Sequence[Prompt] | None = None,
    notice: Callable[[str], None] = _nothing,
    synonyms: bool = False,
) -> Detector:
    """As ``plain_detector``; a benchmark that wants to know more about a box may wrap it.

    Args:
        prompts: those that are looked at; None for any. See ``Benchmark.prepare_detector``.
    """
    chosen = plain_detector(
        given, benchmark, subset, backbone, device, offline, notice, synonyms=synonyms
    )
    if prompts is not None and not benchmark.needs_prepared_detector(prompts):
        return chosen
    return benchmark.prepare_detector(chosen, subset, device, offline)


def plain_detector(
    given: str | Detector | DetectorPlugin | None,
    benchmark: Benchmark,
    subset: str,
    backbone: str,
    device: str,
    offline: bool,
    notice: Callable[[str], None] = _nothing,
    *,
    synonyms: bool = False,
) -> Detector:
    """The detector meant; None is the lab's for images of the lab, else the benchmark's own.

    Args:
        backbone: short name of the model that made the images.
        notice: told which detector is taken where none is given.
        synonyms: ask it for other names of what it does not know; see ``stages.synonyms``.
    """
    if given is None:
        own = default_detector(benchmark, subset)
        lab = backbone in LAB_BACKBONES
        given = LAB_DETECTOR if lab else own
        why = "the lab's own" if lab else f"the one {benchmark.name} prescribes"
        notice(f"detector: {given}, {why}")
    chosen: Detector = configured_model("detector", given, device, offline)
    if not synonyms:
        return chosen
    from ..stages.known_names import asked_names, with_synonyms

    return with_synonyms(chosen, asked_names(benchmark, subset))


_MODELS: Mapping[Looking, type[Any]] = {"detector": Detector, "judge": Judge}


def configured_model(kind: Looking, given: Any, device: str, offline: bool) -> Any:
    """The model itself, or what its plug-in makes with the weights that are named.

    Raises:
        UserError: an unknown name, or weights that it does not take.
    """
    model = _MODELS[kind]
    if isinstance(given, model):
        return given
    if not isinstance(given, str):
        plugin, weights = given, None
    elif isinstance(found := _placed(kind, given), model):
        return found
    else:
        plugin, weights = plugin_of(given, kind)
    return configured(plugin, model, weights, device, offline)


def _placed(kind: Looking, given: str) -> object:
    """A model that stands in a file or module itself, without a plug-in around it; else None."""
    place, weights = name_and_rest(kind, given)
    found = named_object(place) if ":" in place else None
    if isinstance(found, type) and issubclass(found, Detector | Judge):
        with blamed(place):
            found = found()
    if isinstance(found, Detector | Judge) and weights is not None:
        raise UserError(f"{place} has its weights already: leave out ':{weights}'.")
    return found


def existing_run(folder: str | Path, *, bench: str | Benchmark | None = None) -> Run:
    """A run that is already on disk, with the benchmark it belongs to.

    Args:
        folder: of the run, or one in which it is the only one and is called ``run``; as a text
            also its id, its name, or how one of them begins.
        bench: the run's benchmark, where it is none of an installed package.

    Raises:
        UserError: no run, or one that cannot be opened.
    """
    from ..runs.finding import found_run, run_at
    from ..runs.opening import open_existing

    if isinstance(folder, str):
        folder = found_run(folder)
    if not folder.is_dir():
        raise UserError(f"there is no run directory {folder}; expected a folder 'run' wrote.")
    run = run_at(folder)
    benchmark, _ = benchmark_and_subset(bench or _named_in(run))
    return open_existing(run, benchmark.of_run(run))


def _named_in(run: Path) -> str:
    """The benchmark that a manifest names: one that is known, and nothing to be imported."""
    from ..runs.opening import benchmark_of

    name = benchmark_of(run)
    known = plugins.names("benchmark")
    if name not in known:
        raise UserError(
            f"{run} is a run of the benchmark {name!r}, which is not installed (installed: "
            f"{', '.join(known)}): install its package, or name the file it stands in, as in "
            f"{VARIABLE}=path/to/file.py:NAME."
        )
    return name
