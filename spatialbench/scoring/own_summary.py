"""The summary that a run has, and when a new one takes its place.

Of the same inputs nothing is written. One of fewer images than another detector's or judge's is
printed and not written: who has looked at some of the images must not cost the table of all of
them. Whoever wants it written says so.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ..errors import UserError, typed
from ..files.shown_text import counted
from ..plugins import ScoreTable
from ..plugins.evidence import SEEN
from ..plugins.subsets import default_rule
from ..runs.chosen_detector import detect_command, is_own
from ..runs.identity import canonical_json
from ..runs.machine import software
from ..runs.opening import Run
from ..runs.record_lines import open_records
from ..runs.signature import Signature
from .judging import Judging
from .other_rules import keep_other_rules
from .scores_file import scores_hash, write_scored
from .seen import Looks
from .summary import FORMAT, Summary

_CHUNK = 1 << 20


def inputs_of(looks: Looks, judging: Judging) -> str:
    """SHA-256 over everything a score is made of."""
    run = looks.run
    what: dict[str, Any] = {
        "run": run.manifest.id,
        "rule": judging.name,
        "threshold": judging.threshold,
        "detector": looks.signature,
        "prompts": [prompt.id for prompt in run.expected.prompts],
        "images_per_prompt": run.expected.images_per_prompt,
        "software": software(),
        "summary": FORMAT,
    }
    if run.manifest.until is not None:
        what["until"] = run.manifest.until
    if evidence := judging.state(run.expected.prompts):
        what["evidence"] = evidence
    digest = hashlib.sha256(canonical_json(what).encode())
    # The image records too, because what was seen counts only of the images as they are now.
    journals = [*looks.journals, run.directory.image_journal]
    for path in (path for journal in journals for path in journal.files()):
        with open_records(path, run.path) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def own_summary(run: Run) -> Summary | None:
    """The summary on disk, if its scores are there as it was written with them."""
    try:
        summary = Summary.read(run.directory.summary, run.path)
    except (OSError, ValueError):
        return None
    there = scores_hash(run.directory.scores)
    # Version 0.1 wrote no hash.
    return summary if there and summary.scores_sha256 in (None, there) else None


def write_unless_smaller(
    looks: Looks,
    judging: Judging,
    summary: Summary,
    verdicts: tuple[ScoreTable, list[str]],
    before: Summary | None,
    *,
    replace: bool,
) -> tuple[Summary, str | None]:
    """Write what was judged, unless it is of fewer images than the run's own summary.

    Args:
        looks: who saw what was judged.
        judging: how it was judged.
        summary: of these verdicts.
        verdicts: and the reason of each.
        before: what ``own_summary`` gives.
        replace: write it all the same; but never that of a part of the run (``Run.is_part``),
            whose images are not those that the run expects.

    Returns:
        The summary, with ``scores_sha256`` where it was written, and what has to be told of the
        one that was there.

    Raises:
        UserError: no space, no permission.
    """
    run = looks.run
    if run.is_part:
        return summary, (
            f"this table is of {counted(run.expected.images, 'image')} and only printed; the "
            f"summary of {run.path}, of more images, is kept (--out, where images are made, gives "
            "these a run of their own)."
        )
    if before is not None and not replace and _others_have_more(before, summary):
        return summary, _kept(looks, judging, summary, before)
    keep_other_rules(run.directory, summary)
    made = write_scored(run.directory, summary, *verdicts)
    return made, None if before is None else _given_way(summary, before)


def _others_have_more(before: Summary, summary: Summary) -> bool:
    """Whether another model has seen more images than what is judged now.

    The same one's table is always of the records that it has: where some were lost, nobody must
    take the numbers of before for theirs.
    """
    return before.images > summary.images and before.detector != summary.detector


def _kept(looks: Looks, judging: Judging, summary: Summary, before: Summary) -> str:
    """What was kept, and what to type for the rest of the images and for this table."""
    run, detector = looks.run, looks.detector
    rest = f"give the 'detect' command of {looks.signature} again"
    if detector is not None and looks.signature == detector and is_own(detector):
        rest = f"type '{detect_command(run, detector)}'"
    words = [word for kind, name in looks.named.items() for word in (f"--{SEEN[kind].model}", name)]
    if judging.given is not None:
        words += ["--threshold", f"{judging.given!r}"]
    own = default_rule(run.expected.benchmark, run.expected.subset).name
    return (
        f"this table is of {summary.images:,} of {summary.images_expected:,} images and only "
        f"printed; the summary of {run.path}, of {before.images:,} images by {before.detector}, is "
        f"kept. For the rest of the images {rest}; to have this table take its place "
        f"'{typed('score', run.path, *words, '--replace')}'"
        + ("." if judging.name == own else " with the same --rule.")
    )


def _given_way(summary: Summary, before: Summary) -> str | None:
    """What a whole table gave way to that does not contain it; None where nothing did."""
    try:
        one, other = Signature.parse(before.signature), Signature.parse(summary.signature)
    except UserError:  # of a version that signed otherwise
        return None
    alike = (one.only, one.names) == (other.only, other.names)
    if before.partial or (alike and not summary.partial):
        return None
    return (
        f"this table takes the place of a whole one of {counted(before.images, 'image')}; the "
        "command that made that one makes it again, from the images that are there."
    )
