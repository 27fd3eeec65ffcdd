"""Opening what a user names: a folder, an archive, or a list of images and the images it names."""

from __future__ import annotations

from pathlib import Path

from ..files.documents import LARGE, read_limited
from ..plugins import Benchmark
from ..plugins.layout import DETECTIONS, RESULTS
from .layouts import layout_of, layouts
from .score_file import is_ours
from .sources import Source, is_archive, open_listed, open_source


def opened_source(path: Path, layout: str | None) -> Source:
    """A folder or an archive; or, of a layout that has lists of images, such a list.

    Args:
        layout: by its name; None for any.

    Raises:
        UserError: nothing there, or a file that is neither.
    """
    if path.is_file() and not is_archive(path):
        listed = _listed(path, layout)
        if listed is not None:
            return open_listed(path, listed)
    return open_source(path)


def file_kind(path: Path, benchmark: Benchmark, subset: str) -> str | None:
    """``DETECTIONS`` or ``RESULTS`` for such a file; None for a folder, an archive or a list."""
    if not path.is_file() or is_archive(path) or _listed(path, None) is not None:
        return None
    if is_ours(path):
        return DETECTIONS
    return None if benchmark.official_reader(subset) is None else RESULTS


def _listed(path: Path, layout: str | None) -> list[str] | None:
    """The paths in a list of images; None for another file."""
    try:
        content = read_limited(path, LARGE)
    except (OSError, ValueError):
        return None
    for chosen in layouts().values() if layout is None else [layout_of(layout)]:
        try:
            return list(chosen.listed(content))
        except ValueError:
            continue
    return None
