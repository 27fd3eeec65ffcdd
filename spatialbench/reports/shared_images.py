"""What two runs have of the same prompt and number: the files, the seeds, the verdicts."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UserError
from ..prompts import Key
from ..runs.opening import Run
from .scored import load_scored


@dataclass(frozen=True, slots=True)
class Shared:
    """What both runs have of the same prompt and number.

    Attributes:
        made_a: finished images of A; ``made_b`` of B.
        made_b: see ``made_a``.
        images: those that both have.
        same_bytes: those of them that are the same file, byte by byte.
        seeds: those of them that were made from different seeds.
        judged: images that were judged in both.
        right_a: those of them that are right in A; ``right_b`` in B, ``right_both`` in both.
        right_b: see ``right_a``.
        right_both: see ``right_a``.
    """

    made_a: int
    made_b: int
    images: int
    same_bytes: int
    seeds: int
    judged: int
    right_a: int
    right_b: int
    right_both: int

    @classmethod
    def of(cls, a: Run, b: Run) -> Shared:
        one, other = _images(a), _images(b)
        both = one.keys() & other.keys()
        same = sum(one[key][0] == other[key][0] for key in both)
        seeds = sum(one[key][1] != other[key][1] for key in both)
        first, second = _verdicts(a), _verdicts(b)
        judged = first.keys() & second.keys()
        right_a, right_b = (
            {key for key in judged if verdicts[key]} for verdicts in (first, second)
        )
        counts = len(judged), len(right_a), len(right_b), len(right_a & right_b)
        return cls(len(one), len(other), len(both), same, seeds, *counts)

    def notes(self) -> list[str]:
        """Sentences about the images of both."""
        found = []
        if self.images:
            seeds = f", and {self.seeds:,} were made from other seeds" if self.seeds else ""
            found.append(
                f"{self.images:,} images are of the same prompt and number in both; "
                f"{self.same_bytes:,} of them are the same byte by byte{seeds}"
            )
        else:
            found.append("no image is of the same prompt and number in both")
        if not self.judged:
            found.append("verdicts are not compared: no image of both is judged in both")
        return found


def _images(run: Run) -> dict[Key, tuple[str, int | None]]:
    """Hash and seed of the finished images."""
    finished = run.directory.finished_images(_silent, hashed=False)
    found = {}
    for record in run.directory.image_journal.records(_silent):
        key = (record["prompt_id"], record["index"])
        if key in finished:
            found[key] = (finished[key].sha256, record.get("seed"))
    return found


def _verdicts(run: Run) -> dict[Key, bool]:
    try:
        table = load_scored(run).table
    except UserError:
        return {}
    keys = zip(table.prompt_row, table.index, table.columns["correct"], strict=True)
    return {(table.prompts[row].id, int(index)): bool(right) for row, index, right in keys}


def _silent(text: str) -> None:
    """Torn lines are what ``status`` tells."""
