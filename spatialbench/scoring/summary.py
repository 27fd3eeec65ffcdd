"""The summary of a score: what was measured and how, metrics, intervals, groups, counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from math import nan
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from ..files.documents import read_json
from ..lab import LAB_BACKBONES
from .price import CONFIDENCE, DUPLICATES

FORMAT = 7
"""Goes up when a summary gets another form, so that stored ones are written again."""

FLAT = 6
"""The last format in which metrics stood between the other keys, and which did not tell itself."""

WITHOUT_REASONS = 5
"""What is told of a flat summary that says 0 for what is undefined, and nothing of reasons."""

SEAL = "summary_sha256"
"""By this key a summary tells whether somebody changed it since."""

Interval = tuple[FiniteFloat | None, FiniteFloat | None]
Numbers = dict[str, FiniteFloat | None]
"""By key; None where undefined."""

_FIRST = (
    *("format", "benchmark", "subset", "method", "backbone"),
    *("rule", "detector", "threshold", "signature"),
)
_WHERE_SAID = ("one_colour", "notes", "breakdowns", "run", "inputs", "scores_sha256", SEAL)


class Group(BaseModel):
    """The numbers of some prompts, such as all those of a task.

    Attributes:
        images: judged images.
        prompts: prompts with at least one judged image.
        metrics: by key, in the metric's own scale (percent), in the benchmark's order.
        price: ``confidence`` (percent) and ``duplicates`` (per image) where known; see ``price``.
        intervals: 95 % intervals by metric key.
        reasons: why a metric is undefined or has no interval, by key.
    """

    model_config = ConfigDict(frozen=True)

    images: int
    prompts: int = 0
    metrics: Numbers = Field(default_factory=dict)
    price: Numbers = Field(default_factory=dict)
    intervals: dict[str, Interval] = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)

    def metric(self, key: str) -> float:
        """A metric; NaN where it is undefined or not given."""
        value = self.metrics.get(key)
        return nan if value is None else value

    def interval(self, key: str) -> Interval:
        """A metric's interval; (None, None) where it has none."""
        return self.intervals.get(key, (None, None))


class Summary(Group):
    """One scored run: what it is, how it was measured, its numbers over all prompts and by task.

    Attributes:
        format: of the document it was read from.
        partial: whether an expected image was not judged.
        one_colour: images of nothing but one colour.
        design_effects: how many images say as much as one independent image, by metric key.
        notes: sentences that stand under the table.
        breakdowns: numbers of other groups than tasks, by a name for the grouping.
        run: the run's id; empty for results from elsewhere.
        inputs: hash of all that the score is made of.
        scores_sha256: hash of ``scores.parquet``.
        summary_sha256: see ``SEAL``.
    """

    format: int = FORMAT
    benchmark: str
    subset: str | None = None
    method: str
    backbone: str
    rule: str
    detector: str
    threshold: FiniteFloat
    signature: str
    images_expected: int
    prompts: int
    prompts_expected: int
    partial: bool
    one_colour: int = 0
    design_effects: Numbers = Field(default_factory=dict)
    groups: dict[str, Group] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    breakdowns: dict[str, Any] = Field(default_factory=dict)
    run: str | None = None
    inputs: str | None = None
    scores_sha256: str | None = None
    summary_sha256: str | None = None

    @classmethod
    def of(cls, document: object) -> Summary:
        """A summary from its document, of this format or flat as version 0.1 wrote it.

        Raises:
            ValueError: a document that no summary is.
        """
        if not isinstance(document, dict):
            raise ValueError("it is not a JSON object")
        if not isinstance(document.get("metrics"), dict):
            return cls.model_validate(_of_flat(document))
        if document.get("format") != FORMAT:
            raise ValueError(f"format is {document.get('format')!r}; expected {FORMAT}")
        return cls.model_validate(document)

    @classmethod
    def read(cls, path: Path, below: Path) -> Summary:
        """The summary in a file of the run in the folder ``below``.

        Raises:
            OSError: it cannot be read.
            ValueError: it holds no summary, or one that was changed after it was written.
        """
        document = read_json(path, below=below)
        summary = cls.of(document)
        if is_changed(document):
            raise ValueError("it was changed after it was written")
        return summary

    @property
    def written(self) -> bool:
        """Whether it is, or was, that of a run's files, and not only printed; see ``score``."""
        return self.scores_sha256 is not None

    @property
    def is_lab(self) -> bool:
        """Whether the embedded lab drew or judged the images."""
        return self.backbone.split("@")[0] in LAB_BACKBONES or self.detector.startswith("lab-")

    def document(self) -> dict[str, Any]:
        """The object of ``summary.json``."""
        whole = {**self.model_dump(mode="json"), "format": FORMAT}
        ordered = {key: whole.pop(key) for key in _FIRST} | whole
        return {key: v for key, v in ordered.items() if v or key not in _WHERE_SAID}

    def text(self) -> str:
        """The content of ``summary.json``."""
        return _text(self.document())

    def sealed(self, **changes: Any) -> Summary:
        """This summary with some fields set and, by ``SEAL``, the hash of all the rest."""
        changed = self.model_copy(update=changes)
        return changed.model_copy(update={SEAL: seal(changed.document())})


def seal(document: Mapping[str, Any]) -> str:
    """The hash that stands in a summary's document as ``SEAL``: of all the rest of its text.

    Raises:
        ValueError: a document that no summary could be.
    """
    rest = {key: value for key, value in document.items() if key != SEAL}
    try:
        return hashlib.sha256(_text(rest).encode()).hexdigest()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def is_changed(document: Mapping[str, Any]) -> bool:
    """Whether somebody changed a summary since it was written; those of old cannot tell.

    Raises:
        ValueError: a document that no summary could be.
    """
    now = seal(document)
    return bool(document.get(SEAL, now) != now)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _of_flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """A flat document in today's form: there a number under a key of no field is a metric."""
    found = _gathered(document, Summary)
    groups = document.get("groups")
    if isinstance(groups, dict):
        found["groups"] = {
            name: _gathered(group, Group) if isinstance(group, dict) else group
            for name, group in groups.items()
        }
    return {**found, "format": FLAT if "reasons" in document else WITHOUT_REASONS}


def _gathered(flat: Mapping[str, Any], form: type[Group]) -> dict[str, Any]:
    own = {key: value for key, value in flat.items() if key in form.model_fields}
    numbers = {
        key: value
        for key, value in flat.items()
        if key not in own
        and (value is None or (isinstance(value, int | float) and not isinstance(value, bool)))
    }
    price = {key: numbers.pop(key) for key in (CONFIDENCE, DUPLICATES) if key in numbers}
    return {**own, "metrics": numbers, "price": price}
