"""Why images were not kept, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..plugins import Verdict
from ..reports.tables import Table

KEPT = "kept"
MISSING = "object not found"
WRONG = "relation wrong"
COPIES = "a copy stands wrong"
UNREADABLE = "not looked at"
REASONS = (MISSING, WRONG, COPIES, UNREADABLE)


def outcome(verdict: Verdict) -> str:
    """``KEPT``, or the first reason of ``REASONS`` that applies.

    Args:
        verdict: of one of the ``esplora`` rules.
    """
    if not verdict.facts["found_all"]:
        return MISSING
    if verdict.facts["soft"] < 1:
        return WRONG
    return KEPT if verdict.correct else COPIES


@dataclass
class Rejections:
    """Outcomes by the prompts' first relation, and of all images whose prompts ask for depth."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    depth: Counter[str] = field(default_factory=Counter)

    def add(self, relation: str, result: str, in_depth: bool = False) -> None:
        """Count one image; ``in_depth``: one of its relations is in front of or behind."""
        if in_depth:
            self.depth[result] += 1
        self.counts.setdefault(relation, Counter())[result] += 1

    def total(self, result: str) -> int:
        """Images with that outcome, of all relations."""
        return sum(counter[result] for counter in self.counts.values())

    @property
    def images(self) -> int:
        """All images counted."""
        return sum(counter.total() for counter in self.counts.values())

    def told_of_depth(self) -> str | None:
        """A sentence on the images whose prompts ask for depth; None where there are none."""
        asked, kept = self.depth.total(), self.depth[KEPT]
        if not asked:
            return None
        if kept:
            return f"{kept:,} of the {asked:,} that ask for in front of or behind are among them"
        reasons = ", ".join(f"{why}: {self.depth[why]:,}" for why in REASONS if self.depth[why])
        return f"none of the {asked:,} that ask for in front of or behind is among them ({reasons})"

    def to_json(self) -> dict[str, dict[str, int]]:
        """Counts by relation and outcome; every outcome is there."""
        names = (KEPT, *REASONS)
        return {
            relation: {name: counter[name] for name in names}
            for relation, counter in sorted(self.counts.items())
        }

    def table(self) -> Table:
        """One row per relation, and all of them."""
        together = sum(self.counts.values(), Counter[str]())
        rows = [_row(name, self.counts[name]) for name in sorted(self.counts)]
        rows.append(_row("all", together))
        return Table(("relation", "images", KEPT, *REASONS), rows)


def _row(name: str, counter: Counter[str]) -> list[str]:
    total = counter.total()
    cells: Iterable[str] = (
        f"{counter[result]} ({100 * counter[result] / total:.1f} %)" if total else "0"
        for result in (KEPT, *REASONS)
    )
    return [name, str(total), *cells]
