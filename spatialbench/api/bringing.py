"""Bringing in what was made elsewhere: which layout it has, what it was made from, what matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..plugins import Method
from ..plugins.layout import DETECTIONS, RESULTS
from ..prompt_transforms import NONE, Transformed, applied, with_given_texts
from ..runs.progress import Progress
from .rewriting import Rewriting, rewritten

if TYPE_CHECKING:
    from ..exchange.fitting import Advice
    from ..exchange.in_memory import Images
    from ..exchange.matching import Matching
    from ..exchange.target import Target
    from ..runs.expected import Expected
    from ..runs.imported import Imported
    from ..runs.opening import Run

UNRECORDED = "unrecorded"
"""A prompt transform of which nothing is known but that there was one."""


@dataclass(frozen=True)
class Shown:
    """What an import tells before anything is written.

    Attributes:
        matching: what matches what.
        expected: how many images are expected.
        layout: by which the files were read.
        advice: options under which everything would fit, where it does not.
    """

    matching: Matching
    expected: int
    layout: str
    advice: Advice | None = None


def bring_images(
    images: Path | Images,
    target: Target,
    name: str,
    *,
    backbone: str,
    layout: str | None,
    progress: Progress,
    shown: Callable[[Shown], None] = lambda told: None,
    dry_run: bool = False,
    prompt_transform: Rewriting | None = None,
    before: Callable[[Path, Expected, Method], None] = lambda folder, expected, method: None,
) -> Run | None:
    """A run of a folder, an archive, a list or a mapping of images; None for a dry run.

    Args:
        layout: how the files are named; None to find out.
        shown: told what matches what before anything is written.
        prompt_transform: what the prompts were before the images were made; None for what the
            files say.
        before: told where the run will lie, before anything is written, to check what it needs.

    Raises:
        UserError: files that do not match the expected images, unless the target allows it.
    """
    from ..exchange.fitting import advice, fitting_layout
    from ..exchange.in_memory import LAYOUT, source_in_memory
    from ..exchange.layouts import names_of, place, texts_of
    from ..exchange.matching import match
    from ..exchange.opened import opened_source
    from ..exchange.read_images import import_images
    from ..runs.expected import expect
    from ..runs.imported import Imported

    expected = expect(target.benchmark, target.subset, target.selection, target.seeds)
    names = names_of(expected)
    texts: Mapping[str, str] = {}
    if isinstance(images, Path):
        source = opened_source(images, layout)
        if layout is None:
            layout = fitting_layout(source, expected)
            progress.notice(f"layout: {layout}, by the names that are there")
        placed = place(layout, source, names)
        texts = texts_of(source, names)
    else:
        source, placed = source_in_memory(images)
    progress.begin("check", 0, sum(isinstance(where, tuple) for where in placed.values()))
    matching = match(source, placed, expected, progress.advance, texts)
    progress.end()
    method = Imported(name, backbone, layout or LAYOUT, matching.content)
    made = conditioned(method, matching, target, expected, prompt_transform, progress.notice)
    better = None
    if not matching.clean and isinstance(images, Path) and layout is not None:
        better = advice(source, layout, expected)
    shown(Shown(matching, expected.images, layout or LAYOUT, better))
    _refuse_unclean(matching, expected, target, better)
    if dry_run:
        return None
    before(target.folder(made), expected, made)
    return import_images(source, matching, target, made, progress)


def _refuse_unclean(
    matching: Matching, expected: Expected, target: Target, better: Advice | None
) -> None:
    if matching.clean or target.allow_partial:
        return
    way = f"{better}, or " if better else "correct what the report lists, or "
    raise UserError(
        f"{len(matching.matched):,} of {expected.images:,} expected images match, and "
        f"nothing was imported ({matching.first_problem}): {way}"
        "give --allow-partial to import what matches."
    )


def conditioned(
    method: Imported,
    matching: Matching,
    target: Target,
    expected: Expected,
    given: Rewriting | None,
    notice: Callable[[str], None],
) -> Method:
    """The method with what its prompts were, which the report then says, too.

    Args:
        given: what the user says; None for what the files say.

    Raises:
        UserError: texts of the files that are neither the benchmark's nor those given, or a prompt
            without a text.
    """
    from ..runs.opening import RunSpec

    chosen = expected.by_id
    used = {prompt_id: chosen[prompt_id] for prompt_id, _ in sorted(matching.matched)}
    plain = {prompt_id: prompt.text for prompt_id, prompt in used.items()}
    if given is None:
        texts = plain | matching.texts
        return with_given_texts(method, texts) if matching.rewritten else method
    said, matching.texts = matching.texts, {}
    if given in (NONE, UNRECORDED):
        matching.rewritten = len(used) if given == UNRECORDED else 0
        return replace(method, rewritten=matching.rewritten)
    spec = RunSpec(target.benchmark, target.subset, method, target.seeds)
    made = rewritten(spec, given, target.out, notice).generator
    assert isinstance(made, Transformed)
    made.transform.check(list(used.values()))
    sent = {
        prompt_id: applied(made.transform, prompt)[0].text for prompt_id, prompt in used.items()
    }
    for prompt_id, text in said.items():
        if text not in (plain[prompt_id], sent[prompt_id]):
            raise UserError(
                f"the files say that prompt {prompt_id} was {text!r}, and --prompt-transform says "
                f"{sent[prompt_id]!r}: leave out --prompt-transform to go by the files, or give "
                "the texts that these images were made from."
            )
    matching.tell(sent, expected)
    return made


def bring_file(
    path: Path,
    target: Target,
    name: str,
    *,
    backbone: str,
    layout: str,
    detector: str | None,
    notice: Callable[[str], None],
    shown: Callable[[Shown], None] = lambda told: None,
    dry_run: bool = False,
    prompt_transform: Rewriting | None = None,
) -> Run | None:
    """A run of a file of detections or of official results; None for a dry run of results.

    Args:
        layout: ``DETECTIONS`` or ``RESULTS``.
        detector: who made the detections; None for ``external``.
        shown: of results, told what matches what before anything is written.
        prompt_transform: see ``bring_images``.

    Raises:
        UserError: as the readers of ``exchange.read_results``.
    """
    from ..exchange.matching import Match, Matching
    from ..exchange.read_results import (
        EXTERNAL,
        content_of,
        find_verdicts,
        import_detections,
        import_verdicts,
    )
    from ..runs.expected import expect
    from ..runs.imported import Imported, rewritten_note

    method = Imported(name, backbone, layout, content_of(path))
    expected = expect(target.benchmark, target.subset, target.selection, target.seeds)
    if layout == DETECTIONS:
        every = Matching({key: Match(path.name, "") for key in expected.keys()})  # noqa: SIM118
        made = conditioned(method, every, target, expected, prompt_transform, notice)
        run, count = import_detections(path, target, made, detector or EXTERNAL)
        notice(f"{count:,} of {run.expected.images:,} images")
        return run
    found = find_verdicts(path, target, expected)
    matching = found.matching(path, target.benchmark.texts_in_results(path))
    made = conditioned(method, matching, target, expected, prompt_transform, notice)
    shown(Shown(matching, expected.images, RESULTS))
    if dry_run:
        _refuse_unclean(matching, expected, target, None)
        return None
    if matching.rewritten:
        notice(rewritten_note(matching.rewritten))
    run = import_verdicts(path, found, target, made)
    if found.left_out:
        left = f"{found.left_out:,} verdicts are of images that are not expected"
        notice(f"{left}, and were left out")
    return run
