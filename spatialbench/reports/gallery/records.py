"""What the gallery shows of each image: its boxes, its verdict, where its file lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...plugins import ScoreTable
from ...plugins.evidence import BOXES
from ...plugins.records import BoxRecord
from ...prompts import Key, Prompt
from ...runs.image_files import ImageRecord
from ...runs.sent_prompts import sent_texts
from ...scoring.seen import model_of
from ..scored import ScoredRun

MOST_BOXES = 40
"""Boxes drawn on one image; the page says how many more there are."""


@dataclass(frozen=True)
class Side:
    """A run as one side of the gallery.

    Attributes:
        scored: the run and its verdicts.
        detections: detections record by image; empty where the run has none.
        images: images whose file is there, with what is known of it.
        sent: by prompt id the text that the images were made from, where it is another.
    """

    scored: ScoredRun
    detections: Mapping[Key, BoxRecord]
    images: Mapping[Key, ImageRecord]
    sent: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, scored: ScoredRun) -> Side:
        """Read what the run holds beside its verdicts. Raises UserError for damaged records."""
        directory = scored.run.directory
        notices: list[str] = []
        found: dict[Key, BoxRecord] = {}
        looked = scored.result.detector
        # What also needs answers names its judge behind the detector.
        if name := model_of(scored.run, looked, BOXES):
            for record in directory.seen(name, notices.append):
                found[record.key] = record
        images = directory.finished_images(notices.append)
        return cls(scored, found, images, sent_texts(scored.run))

    @property
    def imageless(self) -> bool:
        """Whether the run never had images: what was seen in them was brought from elsewhere."""
        return not self.images and not self.scored.run.directory.image_journal.files()

    @cached_property
    def gone(self) -> int:
        """How many judged images have no file any more, or another one."""
        if self.imageless:
            return 0
        return sum(key not in self.images for key, _, _ in table_keys(self.scored.table))

    def missing(self, row: int, prompt: Prompt, record: BoxRecord | None) -> bool:
        """Whether an asked object was not found.

        By the rule's own facts where it has some (``found_a``, ``found_all``); else by the labels
        of the boxes above the threshold.
        """
        facts = [
            column[row]
            for name, column in self.scored.table.columns.items()
            if name.startswith("found") and column.dtype == np.bool_
        ]
        if facts:
            return not all(facts)
        if record is None:
            return False
        limit = np.float32(self.scored.result.threshold)
        found = {
            label
            for label, score in zip(record.labels, record.scores, strict=True)
            if np.float32(score) > limit
        }
        return not set(self.scored.benchmark.labels(prompt)) <= found

    def shown(self, key: Key, prompt: Prompt, source: str | None, row: int) -> dict[str, Any]:
        """JSON-ready form of one image: ``src``, ``ok``, ``why``, ``w``, ``h``, ``boxes``.

        ``seed`` is text, since JavaScript has no numbers that long. ``sent`` is the
        rewritten text that it was made from. ``absent`` stands where an asked object was not found.
        A box is ``[x0, y0, x1, y1, score, label]`` in pixels, y down, best scores first.
        """
        record = self.detections.get(key)
        shown: dict[str, Any] = {
            "src": source,
            "ok": bool(self.scored.table.columns["correct"][row]),
            "why": self.scored.reasons[row],
        }
        if key in self.images and (seed := self.images[key].seed) is not None:
            shown["seed"] = str(seed)
        if prompt.id in self.sent:
            shown["sent"] = self.sent[prompt.id]
        if not shown["ok"] and self.missing(row, prompt, record):
            shown["absent"] = True
        score = float(self.scored.table.columns["score"][row])
        if score not in (0.0, 1.0):
            shown["score"] = round(score, 4)
        if record is None:
            return shown
        limit = float(np.float32(self.scored.result.threshold))
        boxes: list[list[Any]] = [
            [*(round(float(corner), 1) for corner in box), round(float(score), 3), label]
            for box, score, label in zip(record.boxes, record.scores, record.labels, strict=True)
            if score > limit
        ]
        boxes.sort(key=lambda box: -box[4])
        asked = list(self.scored.benchmark.labels(prompt))
        shown |= {
            "w": record.width,
            "h": record.height,
            "asked": asked,
            "boxes": boxes[:MOST_BOXES],
        }
        if len(boxes) > MOST_BOXES:
            shown["more"] = len(boxes) - MOST_BOXES
        return shown


def table_keys(table: ScoreTable) -> Iterator[tuple[Key, Prompt, int]]:
    """Prompt id and index, prompt, and row of every image of a table."""
    rows = zip(table.prompt_row.tolist(), table.index.tolist(), strict=True)
    for row, (position, index) in enumerate(rows):
        prompt = table.prompts[position]
        yield (prompt.id, index), prompt, row


def best_scores(side: Side) -> tuple[list[float], list[float]]:
    """Best score of each asked object, 0 without a box: of right images, and of wrong ones."""
    right: list[float] = []
    wrong: list[float] = []
    correct: Sequence[bool] = side.scored.table.columns["correct"].tolist()
    for key, prompt, row in table_keys(side.scored.table):
        record = side.detections.get(key)
        if record is None:
            continue
        best: dict[str, float] = {}
        for label, score in zip(record.labels, record.scores, strict=True):
            best[label] = max(best.get(label, 0.0), score)
        where = right if correct[row] else wrong
        where += [best.get(label, 0.0) for label in side.scored.benchmark.labels(prompt)]
    return right, wrong
