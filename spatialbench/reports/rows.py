"""The rows of a leaderboard, and which of them may stand in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..plugins import Metric, Published
from ..runs.signature import Signature
from ..runs.timing import Pace
from ..scoring.summary import Summary
from ..stages.quality.measure import Quality
from .competition import Competition, Prescribed
from .naming import row_names

LAB_TITLE = "the lab's small model (comparable with lab rows only)"
FULL_TITLE = "full-size models"
PUBLISHED_TITLE = "published rows"


@dataclass(frozen=True, slots=True)
class Row:
    """A run of the leaderboard.

    Attributes:
        run: where it lies.
        result: its summary.
        pace: its seconds per image.
        given: what its user calls it.
        quality: what was measured of its images' quality.
    """

    run: str
    result: Summary
    pace: Pace | None = None
    given: str | None = None
    quality: Sequence[Quality] = ()

    @property
    def signature(self) -> Signature:
        """How it was measured. Raises UserError for a line that no signature prints."""
        return Signature.parse(self.result.signature)


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one table, and the published rows beside them."""

    rows: Sequence[Row]
    published: Sequence[Published] = ()

    @property
    def lab(self) -> bool:
        """Whether these are rows of the embedded lab."""
        return bool(self.rows) and self.rows[0].result.is_lab

    @property
    def names(self) -> list[str]:
        """What each row is called; see ``naming``."""
        return row_names([(row.given, row.result) for row in self.rows])

    def columns(self, metrics: Sequence[Metric]) -> list[Metric]:
        """The metrics that the table has: those of its runs, and of what has none of theirs."""
        known = [metric for metric in metrics if metric.headline]
        if not self.rows:
            return known
        keys = {key for row in self.rows for key in row.result.metrics}
        others = [entry for entry in self.published if keys.isdisjoint(entry.metrics)]
        keys |= {key for entry in others for key in entry.metrics}
        return [metric for metric in known if metric.key in keys] or known

    def title(self, benchmark: str, typed: Callable[[str], str] = str) -> str:
        """``visor:all: full-size models and published rows``.

        Args:
            typed: what users type for a subset.
        """
        words = [LAB_TITLE if self.lab else FULL_TITLE] if self.rows else []
        words += [PUBLISHED_TITLE] if self.published else []
        subset = self.rows[0].signature.subset if self.rows else None
        name = benchmark if subset is None else f"{benchmark}:{typed(subset)}"
        return f"{name}: {' and '.join(words)}"

    def competition(self, prescribed: Prescribed | None) -> Competition:
        """Which of the rows may be compared."""
        signatures = [row.signature for row in self.rows]
        return Competition.of(signatures, bool(self.published), prescribed)


def parts(rows: Sequence[Row], published: Sequence[Published]) -> list[Part]:
    """The rows by world, full-size models first, and by prompt set.

    A published row stands beside the runs that have one of its metrics; one that has none of any
    stands with the first of the full-size runs, and alone, last, where there are none.
    """
    groups: dict[tuple[bool, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.result.is_lab, row.signature.subset or ""), []).append(row)
    found = []
    alone = list(published)
    for (lab, _), members in sorted(groups.items(), key=lambda item: item[0]):
        keys = {key for row in members for key in row.result.metrics}
        beside = [] if lab else [p for p in published if not keys.isdisjoint(p.metrics)]
        alone = [entry for entry in alone if entry not in beside]
        found.append(Part(members, beside))
    if alone and found and not found[0].lab:
        first = found[0]
        found[0] = replace(first, published=[*first.published, *alone])
    elif alone:
        found.append(Part([], alone))
    return found
