"""Do two that looked at the same images judge them alike?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError, unknown_name
from ..plugins.detector_names import matching
from ..plugins.evidence import BOXES, FOUND_WITH_BOXES, SEEN
from ..runs.progress import Progress
from . import choosing

if TYPE_CHECKING:
    from ..plugins import Rule
    from ..reports.agreement import Agreed, Opinion
    from ..reports.gallery.build import Built
    from ..runs.opening import Run
    from ..scoring.judging import Judging

Rules = str | Sequence[str] | None
"""A rule for both, or one for each; None for the subset's own."""

_PAIR = 2


def agree(
    run: Run,
    between: tuple[str, str],
    progress: Progress,
    *,
    rules: Rules = None,
    threshold: float | None = None,
    resamples: int = 2000,
    confidence: float = 0.95,
    common_only: bool = False,
) -> Agreed:
    """Compare the verdicts of two on the images of a run; nothing is written.

    Args:
        between: for each a detector or a judge that has looked at the run, by name or signature; or
            a file of detections or of the benchmark's official results for the same images.
        rules: see ``Rules``.
        threshold: from which score a box counts, for both.

    Raises:
        UserError: somebody who has not looked, a rule that does not judge by what they saw, or
            images that only one of them judged, without ``common_only``.
    """
    from ..reports.agreement import agree as agreed

    names = [rules] if isinstance(rules, str) else list(rules or ())
    if len(names) > _PAIR:
        raise UserError(f"{len(names)} rules are given: give --rule once for both, or twice.")
    expected = run.expected
    who = [_named(run, name) for name in between]
    judgings = [
        choosing.judging(expected.benchmark, rule, threshold, expected.subset)
        for rule in _for_both(names)
    ]
    first, second = (
        _opinion(run, *one, judging, progress) for one, judging in zip(who, judgings, strict=True)
    )
    return agreed(first, second, resamples, confidence, common_only=common_only)


def _for_both(names: Sequence[str]) -> Sequence[str | None]:
    return names if len(names) == _PAIR else [names[0] if names else None] * _PAIR


def write_agreement_gallery(
    found: Agreed, folder: Path, progress: Progress, *, copy: bool = False
) -> Built:
    """Pages of the images with both verdicts, those on which they differ first.

    Args:
        folder: new, empty, or holding an older gallery.
        copy: put small copies of the images into it.

    Raises:
        UserError: a folder with other files in it.
    """
    from ..reports.gallery.build import Wishes, build_gallery
    from ..reports.gallery.records import Side

    progress.begin("gallery", 0, len(found.comparison.pairing.first.index))
    built = build_gallery(
        folder,
        [Side.of(side) for side in found.sides],
        found.comparison,
        Wishes(copy),
        advance=progress.advance,
    )
    progress.end()
    return built


def _opinion(
    run: Run, kind: str | None, signature: str, judging: Judging, progress: Progress
) -> Opinion:
    from ..reports.agreement import Opinion
    from ..scoring.score import judge_run, looked_by

    if kind is None:
        return _of_file(run, Path(signature), judging)
    needs = judging.kinds(run.expected.prompts)
    _refuse_other_evidence(run, signature, kind, judging.rule, needs)
    detector, judge = (signature, None) if kind == BOXES else (None, signature)
    looks, judging = looked_by(run, judging, detector, judge)
    judged = judge_run(looks, judging, progress)
    progress.end()
    return Opinion.of(run, judged.summary, judged.table, judged.reasons, signature)


def _named(run: Run, who: str) -> tuple[str | None, str]:
    """Kind of evidence and signature of who looked; None for a file."""
    there = {kind: run.directory.detectors(kind) for kind in SEEN}
    found = [(kind, one) for kind in SEEN for one in matching(who, there[kind], SEEN[kind].model)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(one for _, one in found)
        raise UserError(f"{who!r} may be {names} in {run.path}: give the whole signature.")
    if Path(who).is_file():
        return None, who
    everyone = [one for names in there.values() for one in names]
    if not everyone:
        raise UserError(f"nobody has looked at {run.path}: type 'spatialbench detect {run.path}'.")
    raise unknown_name(f"detector, judge or file for {run.path}", who, everyone)


def _of_file(run: Run, path: Path, judging: Judging) -> Opinion:
    """What a file says of the images; it is taken at its word that they are these."""
    from ..exchange.score_file import score_file
    from ..reports.agreement import Opinion

    expected = run.expected
    benchmark = expected.benchmark
    subset = None if benchmark.takes_file else expected.subset
    scored = score_file(benchmark, path, judging, subset, expected.images_per_prompt)
    summary = scored.summary.model_copy(update={"run": run.manifest.id})
    return Opinion.of(run, summary, scored.table, scored.reasons, str(path))


def _refuse_other_evidence(
    run: Run, who: str, kind: str, rule: Rule, needs: frozenset[str]
) -> None:
    """Refuse a rule that does not judge by what this one saw, or by what others saw as well."""
    own = {*FOUND_WITH_BOXES} if kind == BOXES else {kind}
    foreign = needs & ({*SEEN, *FOUND_WITH_BOXES} - own)
    if own & needs and not foreign:
        return
    fitting = [
        known.name
        for known in run.expected.benchmark.rules.values()
        if own & {*known.needs} and not {*known.needs} & ({*SEEN, *FOUND_WITH_BOXES} - own)
    ]
    options = f" (of this benchmark: {', '.join(fitting)})" if fitting else ""
    raise UserError(
        f"{rule.name} judges by {' and '.join(sorted(needs))}, and {who} gives {kind}: give --rule "
        f"twice, in the order of --between, with a rule that judges by {kind} alone{options}; "
        "'spatialbench list rules' shows all."
    )
