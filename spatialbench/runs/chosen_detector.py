"""Which of the detectors that looked at a run is meant."""

from __future__ import annotations

import shlex

from .. import plugins
from ..errors import UserError, typed, unknown_name
from ..plugins.detector_names import matching
from .names import imported_kind
from .opening import Run


def chosen_detector(run: Run, given: str | None) -> str:
    """The signature of the detector whose boxes are meant: the one named, or the only one there.

    Args:
        given: a signature, its part before the ``@``, or the name of a plug-in, perhaps with
            weights (``owlvit:FOLDER``).

    Raises:
        UserError: no such detections, several that the word may mean, or several detectors and
            none named.
    """
    there = run.directory.detectors()
    if given is None:
        if len(there) > 1:
            raise UserError(
                f"{run.path} holds detections by {' and '.join(there)}: say which are meant with "
                f"--detector, for example --detector {shlex.quote(there[0])}."
            )
        if there:
            return there[0]
        if imported_kind(run.manifest.identity["generator"]) == "results":
            raise UserError(
                f"{run.path} holds imported results and no detections, so nothing can be judged "
                f"again; '{typed('leaderboard', run.path)}' shows them."
            )
        raise UserError(f"{run.path} has no detections: type '{detect_command(run, None)}' first.")
    found = matching(given, there)
    if len(found) > 1:
        raise UserError(
            f"{given!r} may be {' or '.join(found)} in {run.path}: give the whole signature."
        )
    if found:
        return found[0]
    have = f" (it has those by {', '.join(there)})" if there else ""
    known = plugins.names("detector")
    if given.partition(":")[0] not in known and "@" not in given:
        raise unknown_name(f"detector of {run.path}", given, [*there, *known])
    raise UserError(
        f"{run.path} has no detections by {given}{have}: type '{detect_command(run, given)}' first."
    )


def detect_command(run: Run, detector: str | None) -> str:
    """What to type so that a detector looks at a run; None is the one it would take by itself."""
    words = [] if detector is None else ["--detector", detector]
    return typed("detect", run.path, *words)
