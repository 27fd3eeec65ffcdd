"""Detections or verdicts from elsewhere as a run without images, to compare, gate and rank."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
from .matching import Match, Matching
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


def import_detections(path: Path, target: Target, method: Method, detector: str) -> tuple[Run, int]:
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
            name = f"{target.benchmark.name}:{target.benchmark.typed(target.subset)}"
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
        told = {"signature": detector, "identity": {"imported": method.identity()["content"]}}
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


@dataclass
class VerdictsFound:
    """The verdicts of an official results file, as far as they are of expected images.

    Attributes:
        rows: verdicts by the row of their prompt and their index.
        left_out: how many verdicts are of other images.
        beyond: those of them that are of an expected prompt.
        strangers: the texts of those that are of no prompt of the subset.
    """

    expected: Expected
    rows: dict[tuple[int, int], Verdict] = field(default_factory=dict)
    left_out: int = 0
    beyond: list[Key] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def matching(self, path: Path, texts: Mapping[str, str]) -> Matching:
        """The same as a report on the images.

        Args:
            texts: by prompt id what the images were made from, as far as the file says.
        """
        prompts = self.expected.prompts
        found = {(prompts[row].id, index) for row, index in self.rows}
        report = Matching(
            {key: Match(path.name, "") for key in found},
            [key for key in self.expected.keys() if key not in found],  # noqa: SIM118
        )
        report.extra = {
            f"{prompt_id}/{index}": "an image of this number is not expected"
            for prompt_id, index in self.beyond
        } | dict.fromkeys(self.strangers, "the benchmark has no prompt of this metadata")
        report.tell({p.id: texts[p.id] for p in prompts if p.id in texts}, self.expected)
        return report


def find_verdicts(path: Path, target: Target, expected: Expected) -> VerdictsFound:
    """Read an official results file.

    Raises:
        UserError: the same image twice, or what the benchmark's own reader refuses.
    """
    place = {prompt.id: row for row, prompt in enumerate(expected.prompts)}
    found = VerdictsFound(expected)
    read = official_reader(target.benchmark, target.subset, target.selection.images_per_prompt)
    for prompt, index, verdict in read(path):
        row = place.get(prompt.id)
        if row is None or not 0 <= index < expected.images_per_prompt:
            found.left_out += 1
            if row is not None:
                found.beyond.append((prompt.id, index))
            elif prompt.id not in expected.rank:
                found.strangers.append(prompt.text)
            continue
        if (row, index) in found.rows:
            raise UserError(f"the image {prompt.id}/{index} appears twice: give it one record.")
        found.rows[row, index] = verdict
    return found


def import_verdicts(path: Path, found: VerdictsFound, target: Target, method: Method) -> Run:
    """Write the verdicts of an official results file, taken as they stand, as a scored run.

    Raises:
        UserError: less than what is expected, or than what the run there holds.
    """
    expected, rows = found.expected, found.rows
    if not target.allow_partial:
        taken = {index for _, index in rows}
        _refuse_others(path, expected, found.beyond, found.strangers, taken)
    target.check(len(rows), expected.images)
    table, reasons = build_table(
        expected.prompts, ((*key, verdict) for key, verdict in sorted(rows.items()))
    )
    with target.opened(method) as run:
        if run.is_part:
            raise UserError(
                f"{run.path} holds the verdicts of this file about more images: they are kept, and "
                "nothing was imported; give --out FOLDER for a run of these alone."
            )
        heading = Heading(
            method_name(run.generator),
            signatures.base(run.generator),
            target.subset,
            _signature(run, len(rows)),
        )
        summary = summarise(target.benchmark, table, heading, given_note(run))
        summary = summary.model_copy(update={"run": run.manifest.id})
        write_scored(run.directory, summary, table, reasons)
    return run


def rewritten_in(benchmark: Benchmark, path: Path, subset: str | None) -> int:
    """How many prompts of an official results file have another text than the benchmark's.

    Args:
        subset: whose prompts count; None for all prompts of the benchmark.
    """
    texts = benchmark.texts_in_results(path)
    subsets = (benchmark.subsets if subset is None else [subset]) if texts else []
    plain = {prompt.id: prompt.text for name in subsets for prompt in benchmark.prompts(name)}
    return sum(text != plain[prompt_id] for prompt_id, text in texts.items() if prompt_id in plain)


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
            f"{path}: {len(strangers):,} verdicts are of prompts that {expected.benchmark.name}:"
            f"{expected.benchmark.typed(expected.subset)} does not have, such as "
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
        names=expected.selection.signed_names,
        found=found if found < expected.images else None,
        method=signatures.method(run.generator),
        parameters=signatures.parameters(run.generator),
        base=signatures.base(run.generator),
        seeds=str(expected.seeds),
        run=run.manifest.id,
    )
