"""The second stage: look at every finished image, for boxes or for answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ..executors import Executor, GivenUp
from ..executors.arriving import Arriving
from ..plugins import Detector
from ..plugins.evidence import BOXES
from ..prompts import Key
from ..runs.expected import name_some
from ..runs.known_names import record_names
from ..runs.opening import Run
from ..runs.progress import Progress
from .arrivals import Make
from .detector_record import record_model, require_same_model
from .giving_up import GivingUp
from .look_worker import Detected, LookBatch, LookWorker
from .looker import Look
from .plan import WHOLE, DueBatch, Shard, due_batches, planned
from .preflight import no_image
from .surroundings import Surroundings

__all__ = ["Detected", "detect", "look"]

Arrive = Callable[[Sequence[DueBatch], Make], Arriving[LookBatch]]


def detect(
    run: Run,
    detector: Detector,
    batch_size: int,
    executor: Executor,
    progress: Progress,
    shard: Shard = WHOLE,
) -> Detected:
    """Find the objects; see ``look``.

    Raises:
        UserError: also a detector that finds nothing in any of its first 50 images.
    """
    wanted = Look.for_boxes(detector, run.expected.benchmark)
    return look(run, wanted, batch_size, executor, progress, shard)


def look(
    run: Run,
    wanted: Look,
    batch_size: int,
    executor: Executor,
    progress: Progress,
    shard: Shard = WHOLE,
    arriving: Arrive | None = None,
) -> Detected:
    """Look at every finished image, of a run or a shard, that this model has not looked at.

    Stored under ``detections/<signature>/``, ``answers/<signature>/`` or
    ``similarities/<signature>/``, so that several models can stand side by side. Loads no model
    when nothing is missing. Unreadable images are removed, so that they count as missing, and
    named. Images of batches that fail again and again are left out, said, and remembered in the
    model's quarantine.

    Args:
        arriving: gives the batches as their images come, while these are being made; None where
            every image there will be is there.

    Raises:
        UserError: no finished image at all, a model whose identity is not the stored one, no space
            or permission, another process at work on the run, results that the model cannot mean.
    """
    expected, directory, looker = run.expected, run.directory, wanted.looker
    signature, kind = looker.signature, looker.kind
    journal = directory.detection_journal(signature, kind)
    quarantine = directory.detection_quarantine(signature, kind)
    with run.writing(shared=not shard.whole) as alone:
        failures = GivingUp(looker.stage, quarantine, progress, alone=alone)
        keys = expected.keys()
        before = wanted.answered(directory, progress.notice)
        done = wanted.done(directory, expected, progress.notice, before)
        due = due_batches(keys, done, batch_size, shard)
        # The images are not looked for when there is nothing to do with them.
        finished: dict[Key, str] = {}
        if due and arriving is None:
            there = directory.finished_images(progress.notice, hashed=False)
            finished = {key: record.sha256 for key, record in there.items()}
            if not any(key in finished for key in keys):
                raise no_image(run.path)
        require_same_model(directory, looker.model, kind)
        if done:
            record_model(directory, looker.model, kind)
        mine = planned(keys, batch_size, shard)
        told = sum(key in done for b in mine for key in b)
        progress.begin(looker.stage, told, sum(map(len, mine)))

        def of(batch: DueBatch, hashes: Mapping[Key, str]) -> LookBatch:
            asked = tuple(tuple(wanted.asked(expected.by_id[key[0]])) for key in batch.keys)
            known = {key: before[key] for key in batch.missing if key in before}
            there = tuple(map(hashes.get, batch.keys))
            return LookBatch(batch.keys, asked, there, batch.missing, known)

        coming = arriving(due, of) if arriving is not None and due else None
        there_now = [batch for batch in due if not finished.keys().isdisjoint(batch.missing)]
        batches = coming or [of(batch, finished) for batch in there_now]
        looked, named = 0, kind != BOXES
        unreadable: list[Key] = []
        stored = directory.seen(signature, lambda notice: None, kind) if batches else ()
        found_before = any(not record.nothing for record in stored)
        if batches:
            looker = wanted.for_workers(expected)
            if executor.elsewhere:
                looker.model.download()
        here = directory.absolute()
        where = Surroundings(here.path, run.machine, kind, begun=bool(done))
        worker = partial(LookWorker, looker, here, found_before, where, coming)
        for result in executor.map(worker, batches):
            if isinstance(result, GivenUp):
                failures.give_up(result.batch.missing, result.reason)
                continue
            failures.settle()
            looked += result.images
            # Beside the first records: whoever judges a part of them has to know why it is one.
            if not named and directory.detector_file(signature).exists():
                record_names(directory, signature, expected)
                named = True
            unreadable += result.discarded
            for key, reason in result.failed:
                failures.give_up([key], reason)
            progress.advance(result.images)
        failures.settle()
        if not named and directory.detector_file(signature).exists():
            record_names(directory, signature, expected)
        if unreadable:
            directory.discard(unreadable)
            progress.notice(
                f"{len(unreadable)} image(s) cannot be read and were removed: "
                f"{name_some(unreadable)}; 'spatialbench run' makes them again."
            )
        if shard.whole:
            journal.merge(expected.order, progress.notice)
        progress.end()
    return Detected(looked, tuple(unreadable))
