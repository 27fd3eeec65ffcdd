"""A run in other forms: pages to look at, files for other tools, a gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..files.regular_files import link_refused
from ..plugins.layout import DETECTIONS, EVERY_EVAL_EVER, HUB, RESULTS
from ..runs.progress import Progress

if TYPE_CHECKING:
    from ..reports.gallery.build import Built
    from ..reports.gate.file import GateFile
    from ..reports.scored import ScoredRun
    from ..runs.opening import Run as StoredRun

_MOST_SIDES = 2


def write_gallery(
    sides: Sequence[ScoredRun],
    out: Path | None,
    progress: Progress,
    *,
    copy: bool,
    sweep: bool,
    figures: Sequence[str] = (),
) -> Built:
    """Pages of one run, or of two side by side.

    Args:
        out: their folder; None for one in the last run's.
        copy: put small copies of the images into the folder.
        sweep: with the metrics by threshold, which take longest.
        figures: in which forms the charts are written beside SVG: ``pdf``, ``png``.

    Raises:
        UserError: more than two runs, runs that share no image, or a folder that is a link.
    """
    from ..reports.charts.as_files import require_forms
    from ..reports.compare.comparison import compare
    from ..reports.gallery.build import Wishes, build_gallery
    from ..reports.gallery.charts import sweep_of
    from ..reports.gallery.records import Side
    from ..reports.scored import told_apart

    if not 1 <= len(sides) <= _MOST_SIDES:
        raise UserError("a gallery shows one run, or two side by side: name one or two runs.")
    require_forms(figures)
    comparison, sides = None, told_apart(sides)
    if len(sides) > 1:
        comparison = compare(sides[0], sides[1:], other_prompts=True)[0]
    shown = [Side.of(side) for side in sides]
    folder = out or _gallery_folder(sides)
    if out is None and folder.is_symlink():
        raise link_refused(folder, folder.parent)
    total = len(comparison.pairing.first.index) if comparison else sides[0].result.images
    sweeps = [sweep_of(side) for side in shown] if sweep else []
    progress.begin("gallery", 0, total)
    wishes = Wishes(copy, figures)
    built = build_gallery(
        folder, shown, comparison, wishes, advance=progress.advance, sweeps=sweeps
    )
    progress.end()
    return built


def _gallery_folder(sides: Sequence[ScoredRun]) -> Path:
    if len(sides) == 1:
        return sides[0].run.path / "gallery"
    return sides[1].run.path / f"gallery-against-{sides[0].run.manifest.id}"


def write_layout(
    run: StoredRun,
    layout: str,
    out: Path,
    detector: str | None,
    progress: Progress,
    repo: str | None = None,
) -> int | list[Path]:
    """The run where another tool looks for it.

    Args:
        layout: of images; ``detections`` for one file of records; ``results`` for the benchmark's
            own files; ``hub`` for a data set of the Hugging Face Hub; ``every-eval-ever`` for one
            record of that form.
        out: a new folder; the file of detections; for ``every-eval-ever`` a folder or a file.
        detector: whose detections, where the run has those of several.
        repo: ``ORG/NAME`` of a data set of the Hub, where it is known: the folder links to it.

    Returns:
        How many images were written; for ``results`` and ``every-eval-ever`` the files.

    Raises:
        UserError: an unknown layout, nothing to write, a detector where none is written, or a name
            of a data set where none is.
    """
    from ..exchange.every_eval_ever import export_record
    from ..exchange.hub_dataset.folder import export_hub
    from ..exchange.hub_dataset.push import require_repo
    from ..exchange.write_images import export_images
    from ..exchange.write_results import export_detections, export_results
    from ..runs.chosen_detector import chosen_detector

    if detector and layout != DETECTIONS:
        raise UserError("--detector goes with --layout detections: leave it out.")
    if repo is not None and layout != HUB:
        raise UserError(f"--repo goes with --layout {HUB}: leave it out.")
    if layout == HUB:
        return export_hub(run, out, progress, None if repo is None else require_repo(repo))
    if layout == EVERY_EVAL_EVER:
        return export_record(run, out)
    if layout == DETECTIONS:
        return export_detections(run, chosen_detector(run, detector), out)
    if layout == RESULTS:
        return export_results(run, out, progress.notice)
    return export_images(run, layout, out, progress)


def write_gate(
    scored: ScoredRun,
    file: Path,
    *,
    tolerance: float = 2.0,
    group_tolerance: float | None = None,
    confidence: float = 0.95,
    one_sided: bool = False,
    force: bool = False,
) -> GateFile:
    """A gate file of a run: a window around each of its numbers.

    Args:
        tolerance: half the width of a window, in percentage points.
        group_tolerance: the same for each task; None for no windows of tasks.
        confidence: of the intervals that decide.
        one_sided: windows with one edge only, so that any gain passes.
        force: replace a file that is there.

    Raises:
        UserError: a file that is there, or lies in a run; a run that makes no gate.
    """
    from ..reports.gate.file import gate_from
    from ..runs.files import write_report

    if file.exists() and not force:
        raise UserError(f"{file} is there already: give --force to replace it, or another name.")
    gate = gate_from(scored, tolerance, group_tolerance, confidence, one_sided)
    write_report(file, gate.text().encode())
    return gate
