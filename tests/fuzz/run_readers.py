"""Readers of the files of a run directory."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from random import Random

from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes, work

from .inputs import changed_json, json_file, near
from .reader import Reader, either, json_reader, line_reader


def _finished_run(folder: Path) -> None:
    from spatialbench.stages.whole import run_all

    run_all(open_shapes(folder / "run", Shapes(3, 1)), work(), Log())


@cache
def _run_file(name: str) -> bytes:
    """A file of a small finished run."""
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        _finished_run(Path(scratch))
        (path,) = (Path(scratch) / "run").glob(name)
        return path.read_bytes()


def _manifests(random: Random) -> bytes:
    """Manifests whose id fits whatever identity they have."""
    from spatialbench.runs.identity import run_id

    document = json.loads(_run_file("manifest.json"))
    document["identity"] = changed_json(random, document["identity"])
    try:
        document["id"] = run_id(document["identity"])
    except (ValueError, TypeError, AttributeError):
        document["id"] = ""
    return json.dumps(document).encode()


def _manifest(folder: Path) -> None:
    from spatialbench.runs.opening import benchmark_of, open_existing
    from spatialbench.runs.status import status

    path = folder / "run"
    either(lambda: benchmark_of(path))
    either(lambda: open_shapes(path, Shapes(3, 1)))
    # open_shapes writes the manifest anew where it takes it, so what was read comes after.
    run = open_existing(path, Shapes(3, 1))
    status(run)
    dict(run.generator)


def _journal(folder: Path) -> None:
    from spatialbench.stages.generate import generate

    run = open_shapes(folder / "run", Shapes(3, 1))
    painter = Painter()
    generate(run, painter, 4, work().executor, Log())
    run.directory.discard(list(run.directory.finished_images(lambda text: None))[:1])


def _found(folder: Path) -> None:
    from spatialbench.reports.gallery.records import Side, best_scores, table_keys
    from spatialbench.reports.scored import load_scored
    from spatialbench.scoring.score import score

    run = open_shapes(folder / "run", Shapes(3, 1))
    score(run, Log())
    side = Side.of(load_scored(run))
    best_scores(side)
    for key, prompt, row in table_keys(side.scored.table):
        side.shown(key, prompt, None, row)


def _detector_identity(folder: Path) -> None:
    from spatialbench.runs.status import status
    from spatialbench.scoring.score import score
    from spatialbench.stages.detect import detect

    run = open_shapes(folder / "run", Shapes(3, 1))
    either(lambda: status(run))
    either(lambda: score(run, Log()))
    detect(run, Finder(), 4, work().executor, Log())


def _summary(folder: Path) -> None:
    from spatialbench.reports.results import find_runs, read_summary
    from spatialbench.reports.scored import load_scored
    from spatialbench.runs.status import status
    from spatialbench.scoring.score import score

    run = open_shapes(folder / "run", Shapes(3, 1))
    either(lambda: status(run))
    either(lambda: load_scored(run).signature)
    score(run, Log())
    # The run's own, and what was there before as another rule's.
    read_summary(run.path)
    for other in find_runs([run.path])[1:]:
        either(partial(read_summary, other))


def _scores(folder: Path) -> None:
    from spatialbench.reports.scored import load_scored
    from spatialbench.scoring.score import read_verdicts, score

    run = open_shapes(folder / "run", Shapes(3, 1))
    either(lambda: load_scored(run))
    either(lambda: list(read_verdicts(run)))
    score(run, Log())
    # Whatever was there, scoring again leaves what can be read.
    load_scored(run)


def _timing(folder: Path) -> None:
    from spatialbench.runs.timing import read_pace

    read_pace(folder / "run")


@cache
def found() -> dict[str, Reader]:
    """By name."""
    image_lines = [json.loads(line) for line in _run_file("images.jsonl").splitlines()]
    found_lines = [
        json.loads(line) for line in _run_file("detections/*/detections.jsonl").splitlines()
    ]
    run = {"prepare": _finished_run}
    return {
        "manifest": Reader(
            "run/manifest.json",
            near(
                [_run_file("manifest.json")],
                json_file([json.loads(_run_file("manifest.json"))]),
                _manifests,
            ),
            _manifest,
            (_run_file("manifest.json"),),
            _finished_run,
        ),
        "image journal": line_reader(
            image_lines, file="run/images.1-1-a.jsonl", read=_journal, **run
        ),
        "detection journal": line_reader(
            found_lines, file="run/detections/finder@w1/detections.jsonl", read=_found, **run
        ),
        "detector identity": json_reader(
            [json.loads(_run_file("detections/*/detector.json"))],
            file="run/detections/finder@w1/detector.json",
            read=_detector_identity,
            **run,
        ),
        "summary": json_reader(
            [json.loads(_run_file("summary.json"))],
            file="run/summary.json",
            read=_summary,
            **run,
        ),
        "scores": Reader(
            "run/scores.parquet",
            near([_run_file("scores.parquet")]),
            _scores,
            (_run_file("scores.parquet"),),
            _finished_run,
        ),
        "timing": line_reader(
            [json.loads(line) for line in _run_file("timing.jsonl").splitlines()],
            file="run/timing.jsonl",
            read=_timing,
            **run,
        ),
    }
