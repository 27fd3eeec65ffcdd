"""What a tracker is told of a run, whichever it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...files.images import read_rgb
from ...files.shown_text import inert_line
from ...prompts import Key
from ...reports.scored import ScoredRun
from ...reports.single import summary_report
from ...runs.names import slug
from ...runs.opening import Run
from ...scoring.scores_file import table_rows
from ...scoring.summary import Group

if TYPE_CHECKING:
    from PIL import Image

FINGERPRINT = "summary_sha256"
"""By this setting a tracker knows which summary of a run it has."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An image of the run with its verdict."""

    run: Run
    key: Key
    right: bool
    caption: str

    @property
    def name(self) -> str:
        """``right-1103-0``."""
        return f"{'right' if self.right else 'wrong'}-{self.key[0]}-{self.key[1]}"

    def image(self) -> Image.Image:
        """The image, as RGB."""
        return read_rgb(self.run.directory.read_image(self.key), ("PNG",))


@dataclass(frozen=True, slots=True)
class Logged:
    """A run as a tracker shows it.

    Attributes:
        run: its id, which is the tracker's id or name of it: so that it is there once.
        name: method and model.
        project: of the tracker, where the user names none.
        fingerprint: hash of the summary; changes when the run is scored again.
        settings: of the method; the same as long as the id is.
        state: how it was measured and how far it is; can change.
        metrics: in percent, with ``_low`` and ``_high`` for the ends of the 95 % interval; by task
            as ``task/key``. Of a partial run all stand under ``partial/``.
        columns: of the table; ``rows`` are its cells as text.
        document: the summary.
        text: the table as Markdown, with all its notes.
    """

    run: str
    name: str
    project: str
    fingerprint: str
    settings: dict[str, str]
    state: dict[str, str]
    tags: Sequence[str]
    metrics: dict[str, float]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    document: dict[str, Any]
    text: str
    samples: Sequence[Sample]


def of(scored: ScoredRun, images: int) -> Logged:
    """What there is to log of a run, with so many sample images at most."""
    result, signature = scored.result, scored.signature
    report = summary_report(result, scored.benchmark, called=scored.run.manifest.name)
    table = report.tables[0]
    settings = {
        "method": signature.method or result.method,
        "backbone": result.backbone,
        "benchmark": signature.benchmark,
        "subset": str(result.subset),
        "seeds": signature.seeds or "unknown",
        **{f"method.{key}": value for key, value in signature.parameters.items()},
    }
    state = {
        "rule": result.rule,
        "detector": result.detector,
        "threshold": repr(result.threshold),
        "images": str(result.images),
        "images_expected": str(result.images_expected),
        "prompts": str(result.prompts_expected),
        "partial": str(result.partial).lower(),
        "software": signature.software,
        "signature": result.signature,
    }
    return Logged(
        run=scored.run.manifest.id,
        name=inert_line(scored.label),
        project=f"spatialbench-{slug(result.benchmark)}",
        fingerprint=hashlib.sha256(result.text().encode()).hexdigest(),
        settings=settings,
        state=state,
        tags=["spatialbench", *(["lab"] if result.is_lab else [])]
        + (["partial"] if result.partial else []),
        metrics=dict(_metrics(scored)),
        columns=table.columns,
        rows=table.rows,
        document=result.document(),
        text=report.text("md"),
        samples=_samples(scored, images),
    )


def needed(name: str, load: Any) -> ModuleType:
    """A tracker's library.

    Raises:
        UserError: it is not installed, or cannot be imported.
    """
    try:
        module: ModuleType = load()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != name:
            raise _broken(name, error) from error
        raise UserError(
            f'{name} is not installed: type pip install "spatialbench[{name}]", or pip install '
            f"{name}, then the command again."
        ) from error
    except Exception as error:  # whatever its own imports raise
        raise _broken(name, error) from error
    return module


def failed(name: str, what: str, error: Exception) -> UserError:
    """The sentence for what a tracker's library says."""
    first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return UserError(f"{name} {what} ({first}).")


def _broken(name: str, error: Exception) -> UserError:
    return failed(name, "is installed and cannot be imported: install it again", error)


def _metrics(scored: ScoredRun) -> Iterator[tuple[str, float]]:
    result = scored.result
    partial = "partial/" if result.partial else ""
    groups: dict[str, Group] = {"": result}
    groups |= {f"{slug(name)}/": group for name, group in result.groups.items()}
    for place, group in groups.items():
        for metric in scored.metrics:
            value = group.metrics.get(metric.key)
            low, high = group.interval(metric.key)
            bounds = (("", value), ("_low", low), ("_high", high))
            for end, number in bounds:
                if value is not None and number is not None:
                    yield f"{partial}{place}{metric.key}{end}", float(number)


def _samples(scored: ScoredRun, images: int) -> list[Sample]:
    """Right and wrong images in turn, in run order."""
    run = scored.run
    made = run.directory.finished_images(lambda notice: None) if images else {}
    found: dict[bool, list[Sample]] = {True: [], False: []}
    for row in table_rows(scored.table, scored.reasons):
        key, right = (row["prompt_id"], row["index"]), bool(row["correct"])
        if key in made and len(found[right]) < images:
            prompt = run.expected.by_id[key[0]].text
            word = "right" if right else "wrong"
            caption = inert_line(f"{word}: {prompt} ({row['reason']})")
            found[right].append(Sample(run, key, right, caption))
    in_turn = chain.from_iterable(zip_longest(found[True], found[False]))
    return [sample for sample in in_turn if sample is not None][:images]
