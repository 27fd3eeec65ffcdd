"""Which of the detectors that looked at a run is meant."""

from __future__ import annotations

import shlex

from .. import plugins
from ..errors import UserError, typed, unknown_name
from ..plugins.detector_names import matching, plugin_of
from ..plugins.evidence import BOXES, SEEN
from .names import imported_kind
from .opening import Run


def chosen_detector(run: Run, given: str | None, kind: str = BOXES) -> str:
    """The signature of the detector, or judge, that is meant: the one named, or the only one there.

    Args:
        given: a signature, its part before the ``@``, or the name of a plug-in, perhaps with
            weights (``owlvit:FOLDER``).

    Raises:
        UserError: no such detections, several that the word may mean, or several detectors and
            none named.
    """
    what, option = SEEN[kind]
    there = run.directory.detectors(kind)
    if given is None:
        if len(there) > 1:
            raise UserError(
                f"{run.path} holds {what} by {' and '.join(there)}: say which are meant with "
                f"--{option}, for example --{option} {shlex.quote(there[0])}."
            )
        if there:
            return there[0]
        if imported_kind(run.manifest.identity["generator"]) == "results":
            raise UserError(
                f"{run.path} holds imported results and no detections, so nothing can be judged "
                f"again; '{typed('leaderboard', run.path)}' shows them."
            )
        raise UserError(
            f"{run.path} has no {what}: type '{detect_command(run, None, kind)}' first."
        )
    found = matching(given, there, option)
    if len(found) > 1:
        raise UserError(
            f"{given!r} may be {' or '.join(found)} in {run.path}: give the whole signature."
        )
    if found:
        return found[0]
    have = f" (it has those by {', '.join(there)})" if there else ""
    known = plugins.names(option)
    if given.partition(":")[0] not in known and "@" not in given:
        raise unknown_name(f"{option} of {run.path}", given, [*there, *known])
    raise UserError(
        f"{run.path} has no {what} by {given}{have}: type '{detect_command(run, given, kind)}' "
        "first."
    )


def is_own(signature: str) -> bool:
    """Whether a plug-in has these weights by itself, so that the signature is enough to name it."""
    if ":" in signature:
        return False
    try:
        plugin_of(signature)
    except UserError:
        return False
    return True


def detect_command(run: Run, model: str | None, kind: str = BOXES) -> str:
    """What to type so that a model looks at a run; None is the detector it would take by itself."""
    words = [] if model is None else [f"--{SEEN[kind].model}", model]
    if model is None and kind != BOXES:
        words = [f"--{SEEN[kind].model}", "NAME"]
    return typed("detect", run.path, *words)
