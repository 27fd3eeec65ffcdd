"""The first stage: make the expected images that are missing."""

from __future__ import annotations

from functools import partial

from ..errors import UserError
from ..executors import Executor, GivenUp
from ..files.images import one_colour_note
from ..plugins import Method
from ..plugins.records import ONE_COLOUR, key_of
from ..runs.expected import name_some
from ..runs.machines import record_machine
from ..runs.manifest import read_manifest
from ..runs.opening import Run
from ..runs.progress import Progress
from ..runs.quarantine import told
from ..runs.store import RunDirectory
from .alongside import NOTHING, Alongside
from .giving_up import GivingUp
from .image_worker import ImageBatch, ImageWorker
from .plan import WHOLE, Shard, due_batches, planned
from .surroundings import IMAGES, Surroundings

STAGE = "generate"


def generate(
    run: Run,
    generator: Method,
    batch_size: int,
    executor: Executor,
    progress: Progress,
    shard: Shard = WHOLE,
    *,
    retry_refused: bool = False,
    beside: Alongside = NOTHING,
) -> int:
    """Make the missing images of a run, or of a shard of it; returns how many were made.

    Loads no model when nothing is missing. Images of batches that fail again and again are left
    out, said, and remembered in the run's quarantine. So are those that the method refused; they
    are not asked for again.

    Args:
        retry_refused: ask again for what earlier commands were refused.
        beside: what goes on at the same time, in this process.

    Raises:
        UserError: no space or permission, out of memory at batch size 1, another process at work
            on the run, no image at all.
    """
    expected, directory = run.expected, run.directory
    with run.writing(shared=not shard.whole) as alone:
        if alone:
            done = directory.recovered_images(progress.notice)
            directory.tidy_packs(done)
        else:
            done = directory.finished_images(progress.notice)
        keys = expected.keys()
        again = set(keys) if retry_refused else set()
        refused = {
            key: reason
            for key, reason in directory.image_quarantine.refused(progress.notice).items()
            if key not in done and key not in again
        }
        failures = GivingUp(
            STAGE, directory.image_quarantine, progress, alone=alone, refused=refused
        )
        due = due_batches(keys, done.keys() | refused.keys(), batch_size, shard)
        missing = sum(len(batch.missing) for batch in due)
        mine = [key for batch in planned(keys, batch_size, shard) for key in batch]
        left_out = {key: refused[key] for key in mine if key in refused}
        progress.begin(STAGE, len(mine) - missing - len(left_out), len(mine))
        for sentence in told(STAGE, left_out):
            progress.notice(f"{sentence}; not asked for again (--retry-refused does that).")
        batches = [
            ImageBatch(
                tuple(
                    expected.request(key)
                    for key in batch.keys
                    if key in batch.missing or not generator.one_by_one
                ),
                batch.missing,
            )
            for batch in due
        ]
        made = lost = 0
        here = directory.absolute()
        if batches and executor.elsewhere:
            generator.download()
        if batches and generator.served:
            _ask_server(run, generator, progress)
        machine = None if generator.served else run.machine
        where = Surroundings(here.path, machine, IMAGES, begun=bool(done))
        worker = partial(ImageWorker, generator, here, batch_size, where, beside)
        if batches:
            beside.begin(done, {key for batch in due for key in batch.missing})
        for result in executor.map(worker, batches):
            if isinstance(result, GivenUp):
                left = result.batch.missing
                failures.give_up(left, result.reason)
                beside.without(left)
                lost += len(left)
                continue
            if result.images:
                failures.settle()
            for none in dict.fromkeys(none for _, none in result.without):
                without = [key for key, other in result.without if other == none]
                (failures.refuse if none.refused else failures.give_up)(without, none.reason)
            beside.without([key for key, _ in result.without])
            lost += len(result.without)
            made += result.finished
            progress.advance(result.finished)
            if result.stop is not None:
                raise UserError(result.stop)
            beside.check()
        if missing == lost and not done and (missing or left_out):
            why = failures.held or told(STAGE, directory.image_quarantine.reasons(_silent))
            raise UserError(f"there is no image at all: {'. '.join(why)}.")
        failures.settle()
        progress.advance(missing - lost - made)
        if shard.whole:
            directory.image_journal.merge(expected.order, progress.notice)
            directory.recordings.merge(expected.order, progress.notice)
        if batches:
            _say_one_colour(directory, progress)
        progress.end()
    return missing - lost


def _ask_server(run: Run, generator: Method, progress: Progress) -> None:
    """Have the method find out what only its server knows, and record that in the manifest."""
    known = [one.server for one in read_manifest(run.path).machines if one.server]
    found = dict(generator.found_out(known))
    said = found.pop("said", None)
    if said:
        progress.notice(said)
    if run.machine is not None and found:
        record_machine(run.path, run.machine.model_copy(update={"server": found}))


def _say_one_colour(directory: RunDirectory, progress: Progress) -> None:
    """A safety checker's black, or NaN, is not an image of the method's."""
    records = directory.image_journal.records(_silent)
    blank = {key_of(record) for record in records if record.get(ONE_COLOUR)}
    if blank:
        progress.notice(f"{one_colour_note(len(blank))}: {name_some(sorted(blank))}.")


def _silent(text: str) -> None:
    """Torn lines are told once."""
