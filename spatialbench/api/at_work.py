"""Where an evaluation is worked on, and the run that it holds meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import UserError, unknown_name
from ..executors.named import named_executor
from ..prompt_transforms import Transformed
from .batches import AUTO
from .known_names import fetch_to_tell
from .what import called, refuse_other_function

if TYPE_CHECKING:
    from ..executors import Executor
    from ..runs.opening import Run
    from .evaluation import Evaluation


def executor_of(asked: Evaluation) -> Executor:
    """What was given, or this process."""
    return asked.executor or named_executor("local", asked.progress.notice)


def check(asked: Evaluation) -> None:
    """Refuse what cannot be worked on so, before anything is made.

    Raises:
        UserError: a function whose run was begun with other code; or what one process does, where
            there are several.
    """
    fetch_to_tell(asked.detector_asked, asked.known_names_only or asked.synonyms)
    if asked.out is None:
        refuse_other_function(asked.spec)
    if asked.kernels.options and not asked.spec.generator.takes_kernels:
        raise UserError(
            f"{' and '.join(asked.kernels.options)}: this method does not load a model of Stable "
            "Diffusion, SDXL, SD3 or FLUX itself, so there is nothing to make faster: leave that "
            "out."
        )
    check_recordings(asked)
    asked.spec.generator.record(asked.record)
    if asked.batch_size == AUTO and (executor_of(asked).elsewhere or not asked.shard.whole):
        raise UserError(
            "--batch-size auto measures in one process, and several have to cut the work alike: "
            "measure with a run of one process, then give the number that it prints."
        )
    if asked.overlap and executor_of(asked).elsewhere:
        raise UserError(
            "--overlap is for work in this process: leave out --executor ray; or leave out "
            "--overlap and give --gpus-per-worker 0.5, so that two workers share a GPU."
        )


def check_recordings(asked: Evaluation) -> None:
    """Refuse to keep of how images are made what the method does not tell."""
    can = asked.spec.generator.recordings
    if unknown := [kind for kind in asked.record if kind not in can]:
        if can:
            raise unknown_name("recording of this method", unknown[0], can)
        raise UserError(
            f"--record {unknown[0]}: this method has nothing to record of how it makes an image: "
            "leave that out."
        )


@contextmanager
def opened(asked: Evaluation) -> Iterator[Run]:
    """Start the run on disk, or continue it, and hold it."""
    from ..runs.machine import this_machine
    from ..runs.opening import opened_run
    from ..runs.sent_prompts import record_sent_prompts

    for note in asked.notes:
        asked.progress.notice(note)
    method = asked.spec.generator
    dtype = str(asked.spec.identity["generator"].get("dtype", asked.settings.dtype))
    machine = this_machine(asked.settings.device, dtype, asked.batch)
    machine = machine.model_copy(update={"kernels": dict(asked.kernels.told)})
    before = _images_before(asked)
    with opened_run(
        asked.spec,
        asked.selection,
        machine,
        asked.out,
        asked.command,
        shared=not asked.shard.whole,
        name=called(asked, asked.found),
        until=asked.until,
        packing=asked.pack,
    ) as run:
        if before > asked.expected.images and not run.is_part:
            asked.progress.notice(
                f"{run.path} was asked for {before:,} images before and is not scored; it is "
                f"of {asked.expected.images:,} now, and those that are there already are kept."
            )
        transform = method.transform if isinstance(method, Transformed) else None
        sentence = record_sent_prompts(run, transform)
        if sentence is not None:
            asked.progress.notice(sentence)
        yield run


def _images_before(asked: Evaluation) -> int:
    """How many images the run was asked for before; 0 where it is new."""
    from ..runs.manifest import NAME, read_manifest

    if not (asked.folder / NAME).is_file():
        return 0
    manifest = read_manifest(asked.folder)
    same = manifest.id == asked.spec.id
    return asked.spec.expect(manifest.selection).images if same else 0
