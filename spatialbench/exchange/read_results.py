"""Detections or verdicts from elsewhere as a run without images, to compare, gate and rank."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import UserError
from ..files.regular_files import open_regular
from ..plugins import Benchmark, Method, Verdict
from ..plugins.records import BoxRecord
from ..plugins.subsets import default_rule
from ..prompts import Key, Prompt
from ..runs import signature as signatures
from ..runs.expected import Expected, name_some
from ..runs.files import make_folder, write_atomic
from ..runs.identity import canonical_json
from ..runs.imported import Imported
from ..runs.machine import software
from ..runs.names import method_name
from ..runs.opening import Run
from ..runs.sent_prompts import given_note
from ..runs.signature import Signature
from ..scoring.looked import Looked
from ..scoring.scores_file import write_scored
from ..scoring.summarise import Heading, summarise
from ..scoring.verdicts import build_table
from .foreign import read_records
from .target import Target

EXTERNAL = "external"
"""What stands for the detector where nobody said which it was."""

Judged = Sequence[tuple[Prompt, int, Verdict]]


def content_of(path: Path) -> str:
    """16 hexadecimal digits of a file's SHA-256. Raises UserError where it cannot be read."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{path} cannot be read ({why}): give an existing file.") from error


def import_detections(
    path: Path, target: Target, method: Imported, detector: str
) -> tuple[Run, int]:
    """Store a file of detections in a run of its own; ``score`` judges them.

    Args:
        detector: what stands for the detector in signatures.

    Returns:
        The run, and how many of its expected images have detections.

    Raises:
        UserError: a malformed record or one that no detector can have made, an unknown prompt, the
            same image twice, an index beyond the expected ones, less than what is expected,
            labels none of which is asked for, boxes in shares of the image.
    """
    expected = target.expected(method)
    keys = set(expected.keys())
    records: dict[Key, BoxRecord] = {}
    looked = Looked(target.benchmark)
    for record in read_records(path):
        key = record.key
        if key[0] not in expected.rank:
            name = f"{target.benchmark.name}:{target.subset}"
            raise UserError(
                f"{path} holds the prompt id {key[0]!r}, which {name} does not have: see "
                f"'spatialbench prompts --bench {name}'."
            )
        if key in records:
            raise UserError(f"{path} holds {key[0]}/{key[1]} twice: give every image one record.")
        if key[1] < 0:
            raise UserError(f"{path} holds {key[0]}/{key[1]}: give images an index from 0 on.")
        try:
            record.require_sound()
        except UserError as error:
            raise UserError(f"{path}, image {key[0]}/{key[1]}: {error}") from error
        records[key] = record
        if (prompt := expected.by_id.get(key[0])) is not None:
            looked.add(prompt, record, 0.0)
    found = sum(key in keys for key in records)
    if not target.allow_partial:
        beyond = [key for key in records if key not in keys and key[0] in expected.by_id]
        taken = {index for prompt_id, index in records if prompt_id in expected.by_id}
        _refuse_others(path, expected, beyond, [], taken)
    target.check(found, expected.images)
    looked.unknown(expected.all_prompts)
    with target.opened(method) as run:
        file = run.directory.detector_file(detector)
        make_folder(file.parent, run.path)
        told = {"signature": detector, "identity": {"imported": method.content}}
        write_atomic(file, canonical_json(told).encode() + b"\n", run.directory.scratch)
        journal = run.directory.detection_journal(detector)
        with journal.writer() as writer:
            writer.append(record.to_json() for record in records.values())
        journal.merge(run.expected.order, lambda notice: None)
    return run, found


def official_reader(
    benchmark: Benchmark, subset: str, images_per_prompt: int | None = None
) -> Callable[[Path], Judged]:
    """How the benchmark reads its own results files.

    Args:
        images_per_prompt: as the user said; None for nothing.

    Raises:
        UserError: a benchmark that reads none.
    """
    read = benchmark.official_reader(subset, images_per_prompt)
    if read is None:
        raise UserError(
            f"{benchmark.name} reads no results file of its own: import --layout detections."
        )
    return read


def import_verdicts(path: Path, target: Target, method: Method) -> tuple[Run, int]:
    """Write the verdicts of an official results file, taken as they stand, as a scored run.

    Returns:
        The run, and how many verdicts were left out because their images are not expected.

    Raises:
        UserError: the same image twice, less than what is expected, or what the benchmark's
            own reader refuses.
    """
    expected = target.expected(method)
    place = {prompt.id: row for row, prompt in enumerate(expected.prompts)}
    rows: dict[tuple[int, int], Verdict] = {}
    left_out = 0
    beyond: list[Key] = []
    strangers: list[str] = []
    read = official_reader(target.benchmark, target.subset, target.selection.images_per_prompt)
    for prompt, index, verdict in read(path):
        row = place.get(prompt.id)
        if row is None or not 0 <= index < expected.images_per_prompt:
            left_out += 1
            if row is not None:
                beyond.append((prompt.id, index))
            elif prompt.id not in expected.rank:
                strangers.append(prompt.text)
            continue
        if (row, index) in rows:
            raise UserError(f"the image {prompt.id}/{index} appears twice: give it one record.")
        rows[row, index] = verdict
    if not target.allow_partial:
        _refuse_others(path, expected, beyond, strangers, {index for _, index in rows})
    target.check(len(rows), expected.images)
    table, reasons = build_table(
        expected.prompts, ((*key, verdict) for key, verdict in sorted(rows.items()))
    )
    with target.opened(method) as run:
        heading = Heading(
            method_name(run.generator),
            signatures.base(run.generator),
            target.subset,
            _signature(run, len(rows)),
        )
        summary = summarise(target.benchmark, table, heading, given_note(run))
        summary = summary.model_copy(update={"run": run.manifest.id})
        write_scored(run.directory, summary, table, reasons)
    return run, left_out


def _refuse_others(
    path: Path, expected: Expected, beyond: list[Key], strangers: list[str], taken: set[int]
) -> None:
    """Records that nobody's selection left out: to drop them would hide what the file is."""
    if beyond:
        numbers = {index for _, index in beyond} | taken
        raise UserError(
            f"{path} numbers its images {min(numbers)} to {max(numbers)}, and 0 to "
            f"{expected.images_per_prompt - 1} are expected ({len(beyond):,} records are of other "
            f"numbers, such as {name_some(beyond[:1])}): number them from 0 on in the file, give "
            "--images-per-prompt, or give --allow-partial to leave them out."
        )
    if strangers:
        raise UserError(
            f"{path}: {len(strangers):,} verdicts are of prompts that "
            f"{expected.benchmark.name}:{expected.subset} does not have, such as "
            f"{strangers[0]!r}: their metadata or their folder's number is of none of its prompts; "
            "correct the file, choose the --bench they belong to, or give --allow-partial to leave "
            "them out."
        )


def _signature(run: Run, found: int) -> Signature:
    expected = run.expected
    benchmark = expected.benchmark
    rule = default_rule(benchmark, expected.subset)
    return Signature(
        benchmark=f"{benchmark.name}/{benchmark.version}",
        rule=rule.name,
        detector=EXTERNAL,
        threshold=rule.threshold,
        prompts=len(expected.prompts),
        images_per_prompt=expected.images_per_prompt,
        software=software(),
        subset=None if expected.subset == benchmark.default_subset else expected.subset,
        only=expected.selection.signed_only,
        found=found if found < expected.images else None,
        method=signatures.method(run.generator),
        parameters=signatures.parameters(run.generator),
        base=signatures.base(run.generator),
        seeds=str(expected.seeds),
        run=run.manifest.id,
    )
