"""How far a run is, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import typed
from ..files.documents import read_json
from ..plugins.evidence import ANSWERS, BOXES, SIMILARITY
from ..plugins.subsets import default_rule
from ..prompt_transforms import IDENTITY_KEY, installed_instead
from ..prompts import Key
from .chosen_detector import is_own
from .counting import Counts
from .expected import ToJudge
from .finding import runs_root
from .identity import differences
from .names import imported_kind
from .opening import Run
from .quarantine import told
from .sent_prompts import rewritten_by
from .timing import Pace, read_pace

_LATER = {"detections": "detections", "results": "verdicts"}
"""What a run begins with that was imported without images, by the layout in its identity."""


@dataclass(frozen=True)
class Status:
    """Finished over expected for each stage.

    Attributes:
        path: the run directory.
        images: finished images of the selection; of ``images_expected``.
        detections: images with detections, by detector signature.
        answers: images with answers, by judge signature.
        similarities: those compared with texts, likewise.
        scored: images in the last summary, or None if there is none.
        scored_expected: images that summary expected.
        partial: whether anything expected is missing anywhere.
        next: what to type, or a sentence that nothing is left to do.
        notices: damage that was noticed (torn lines, truncated images).
        given_up: sentences about images that failed again and again, or were refused; they count
            as missing.
        pace: how long an image took to make, or None where nothing was timed.
        begins: ``images``; or ``detections`` or ``verdicts`` where those were imported, so that
            nothing before them is missing.
        one_colour: images of one colour in the last summary.
        refused: missing images that the method refused to make, and is not asked for again.
        server: what the last server that made images told of itself.
        name: what its user calls the run, or None.
        rewriting: what rewrote its prompts, as its identity says; None where nothing did.
    """

    path: Path
    images: int
    images_expected: int
    detections: dict[str, int]
    scored: int | None
    scored_expected: int | None
    partial: bool
    next: str
    notices: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    pace: Pace | None = None
    begins: str = "images"
    one_colour: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    similarities: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    server: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    rewriting: str | None = None


def status(run: Run) -> Status:
    """Read a run's state from disk; changes nothing.

    Raises:
        UserError: a corrupt record file.
    """
    notices: list[str] = []
    counts = Counts(run.directory, run.expected, notices.append)
    images = counts.finished
    detections, answers, similarities = (
        {one: counts.seen(one, kind) for one in run.directory.detectors(kind)}
        for kind in (BOXES, ANSWERS, SIMILARITY)
    )
    judged = answers | similarities
    summary = _summary(run)
    scored, scored_expected = summary.get("images"), summary.get("images_expected")
    one_colour = summary.get("one_colour")
    expected = run.expected.images
    begins = _begins(run)
    left = len(refused(run))
    complete = begins != "images" or images == expected
    complete = complete and (begins == "verdicts" or expected in (detections | judged).values())
    unfinished = run.expected.benchmark.unfinished(run.path)
    complete = complete and not unfinished and scored == scored_expected == expected
    return Status(
        path=run.path,
        images=images,
        images_expected=expected,
        detections=detections,
        answers=answers,
        similarities=similarities,
        scored=scored,
        scored_expected=scored_expected,
        partial=not complete,
        next=_next(run, images, left, detections, judged, scored, unfinished)
        if begins == "images"
        else _next_of_imported(run, detections, scored),
        notices=notices,
        given_up=given_up(run),
        pace=read_pace(run.path),
        begins=begins,
        one_colour=one_colour if type(one_colour) is int else 0,
        refused=left,
        server=next((m.server for m in reversed(run.manifest.machines) if m.server), {}),
        name=run.manifest.name,
        rewriting=rewritten_by(run),
    )


def given_up(run: Run) -> list[str]:
    """Sentences about the images that were given up and are still missing, by stage and reason.

    Raises:
        UserError: a corrupt record file.
    """
    directory = run.directory
    sentences = []

    def missing(failed: Mapping[Key, str], done: Collection[Key]) -> dict[Key, str]:
        expected = set(run.expected.keys())
        return {k: why for k, why in failed.items() if k in expected and k not in done}

    if failed := directory.image_quarantine.reasons(_silent):
        left = missing(failed, directory.finished_images(_silent, hashed=False))
        sentences += told("generate", left)
    for kind, verb in ((BOXES, "detect with"), (ANSWERS, "ask"), (SIMILARITY, "compare with")):
        for signature in directory.detectors(kind):
            if failed := directory.detection_quarantine(signature, kind).reasons(_silent):
                left = missing(failed, directory.seen_images(signature, _silent, kind))
                sentences += told(f"{verb} {signature}", left)
    return sentences


def refused(run: Run) -> set[Key]:
    """The expected images that the method refused to make, and that are still missing.

    Raises:
        UserError: a corrupt record file.
    """
    directory = run.directory
    if not (found := directory.image_quarantine.refused(_silent)):
        return set()
    finished = directory.finished_images(_silent, hashed=False)
    return {key for key in found.keys() & set(run.expected.keys()) if key not in finished}


def explain(run: Run, identity: Mapping[str, Any]) -> list[str]:
    """Why a command of this identity would not continue the run: ``generator.steps: 20 -> 50``.

    Empty when it would continue it.
    """
    return differences(run.manifest.identity, identity)


def _silent(text: str) -> None:
    """Torn lines are told elsewhere."""


def _summary(run: Run) -> dict[str, Any]:
    try:
        summary = read_json(run.directory.summary, below=run.path)
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def _next(
    run: Run,
    images: int,
    refused: int,
    detections: Mapping[str, int],
    answers: Mapping[str, int],
    scored: int | None,
    unfinished: bool,
) -> str:
    expected = run.expected.images
    command = _again(run)
    if other := installed_instead(sent := str(run.generator.get(IDENTITY_KEY))):
        if images < expected or unfinished:
            ways = f"{typed('detect', run.path)} for the images there are, or another --out"
            return f"{ways}: the missing ones need {sent}, and {other} is installed"
        command = None  # it would be refused
    if refused and images + refused == expected and scored == images and not unfinished:
        again = command or "the command that began the run"
        return f"to ask again for the {refused:,} refused: {again} --retry-refused"
    if images < expected or unfinished:
        return f"give again: {command or 'the command that began the run'}"
    looked = {**detections, **answers}
    most = max(looked, key=looked.__getitem__, default=None)
    if most is None or looked[most] < expected:
        if command is not None and shlex.split(command)[1:2] == ["run"]:
            return f"give again: {command}"
        if most is None:
            return typed("detect", run.path)
        if most in answers:
            return f"give the 'detect' command of {most} again, with the same --judge and --rule"
        if not is_own(most):
            return f"give the 'detect' command of {most} again, with the same --detector"
        return typed("detect", run.path, "--detector", most)
    if scored != expected:
        if expected not in detections.values():
            return f"score {run.path} by the rule that {most} was asked for, with --rule NAME"
        whole = [signature for signature, done in detections.items() if done == expected]
        named = ["--detector", whole[0]] if len(detections) > 1 else []
        lacking = _lacking(run)
        score = typed("score", run.path, *named)
        return f"{lacking} Then: {score}" if lacking else score
    return "nothing is left to do"


def _begins(run: Run) -> str:
    kind = imported_kind(run.generator)
    return "images" if kind is None else _LATER[kind]


def _next_of_imported(run: Run, detections: Mapping[str, int], scored: int | None) -> str:
    """What follows detections or verdicts of images that are not there."""
    expected = run.expected.images
    if scored == expected:
        return "nothing is left to do"
    if expected in detections.values():
        return typed("score", run.path)
    return "import a file of all expected images, into a new folder"


def _again(run: Run) -> str | None:
    """The command that made the run, for the folder in which the run lies now."""
    command = run.manifest.again
    words = shlex.split(command or "")
    if words[1:2] not in (["run"], ["generate"]):
        return command
    named = next((n for n, w in enumerate(words) if w == "--out" or w.startswith("--out=")), None)
    if named is None:
        # Where a command without --out puts a run; see ``RunSpec.folder``.
        meant = runs_root().joinpath(*run.path.resolve().parts[-3:])
        rest = words
    else:
        joined = words[named].startswith("--out=")
        meant = Path(words[named][6:] if joined else words[named + 1])
        rest = words[:named] + words[named + (1 if joined else 2) :]
    if meant.resolve() == run.path.resolve():
        return command
    return shlex.join([*rest, "--out", str(run.path)])


def _lacking(run: Run) -> str | None:
    """What the subset's own rule lacks, such as depth maps."""
    expected = run.expected
    rule = default_rule(expected.benchmark, expected.subset)
    needed = rule.requirements(ToJudge(expected, expected.keys()), run.path)
    return next((one.missing for one in needed if one.missing), None)
