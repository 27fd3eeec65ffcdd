"""Which rows of a table may be compared: those measured under the same conditions, and no others.

The rows of a table are held to one of them, the reference: beside published rows the conditions
that the benchmark prescribes, elsewhere those that most rows share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from ..errors import UserError
from ..runs.conditions import Conditions, told
from ..runs.signature import Signature

Prescribed = Callable[[Signature], Conditions]
"""What is prescribed for the subset of a signature; raises UserError where it cannot be told."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that may be the best of its column, with its interval where there is one.

    ``eligible`` is false for numbers that may not be compared: partial, marked, other conditions.
    """

    value: float
    low: float | None = None
    high: float | None = None
    eligible: bool = True

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval, or the point where none is known."""
        low = self.value if self.low is None or isnan(self.low) else self.low
        high = self.value if self.high is None or isnan(self.high) else self.high
        return low, high


def best_of(column: Sequence[Candidate], larger_is_better: bool = True) -> set[int]:
    """Positions of the best eligible value and of those whose interval overlaps its own.

    Empty with fewer than two eligible numbers: the best of one says nothing.
    """
    running = [i for i, c in enumerate(column) if c.eligible and not isnan(c.value)]
    if len(running) < 2:
        return set()
    extreme = max if larger_is_better else min
    top = extreme(running, key=lambda i: column[i].value)
    low, high = column[top].bounds
    return {i for i in running if column[i].bounds[1] >= low and column[i].bounds[0] <= high}


@dataclass(frozen=True)
class Competition:
    """The rows of one table and what keeps them apart.

    Attributes:
        conditions: of each row.
        standard: for each row whether published rows were measured as it was.
        differs: for each row how it differs from the reference; empty where it does not.
    """

    conditions: Sequence[Conditions]
    standard: Sequence[bool]
    differs: Sequence[str]

    @classmethod
    def of(
        cls, signatures: Sequence[Signature], published: bool, prescribed: Prescribed | None
    ) -> Competition:
        """Hold rows to each other, and to what is prescribed where published rows stand beside.

        Args:
            signatures: of the rows.
            published: whether published rows stand in the table.
            prescribed: None where nothing is known of it: then no row equals the published ones.
        """
        conditions = [Conditions.of(signature) for signature in signatures]
        asked = [_prescribed(signature, prescribed) for signature in signatures]
        standard = [own == other for own, other in zip(conditions, asked, strict=True)]
        pool = [own for own, yes in zip(conditions, standard, strict=True) if yes or not published]
        # Of as many rows, plain ones are the measure.
        counted = Counter(pool).items()
        reference = max(counted, key=lambda item: (item[1], item[0].plain))[0] if pool else None
        differs = []
        for own, other in zip(conditions, asked, strict=True):
            against = reference or other
            if isinstance(against, str):
                differs.append(against)
            else:
                differs.append(told(own.differences(against)))
        return cls(conditions, standard, differs)

    def best(
        self,
        column: Sequence[Candidate],
        published: Sequence[Candidate],
        larger_is_better: bool = True,
    ) -> frozenset[int]:
        """Positions of the best numbers of a column, published ones counted on after the rows.

        Those of one group compete: the published rows and all that were measured as they were,
        where at least two numbers make such a group; else the rows that agree with the reference,
        else the largest group of rows that agree with each other.
        """
        groups: dict[Conditions | None, list[int]] = {}
        for place, candidate in enumerate(column):
            if candidate.eligible and not isnan(candidate.value):
                together = bool(published) and self.standard[place] and not self.differs[place]
                groups.setdefault(None if together else self.conditions[place], []).append(place)
        shown = [
            place
            for place, candidate in enumerate(published, len(column))
            if candidate.eligible and not isnan(candidate.value)
        ]
        if shown:
            groups[None] = groups.get(None, []) + shown
        running = max(groups.items(), key=lambda item: self._rank(*item), default=(None, []))[1]
        everything = [*column, *published]
        found = best_of([everything[place] for place in running], larger_is_better)
        return frozenset(running[number] for number in found)

    def _rank(self, key: Conditions | None, members: list[int]) -> tuple[bool, bool, int]:
        at_home = key is None or not self.differs[members[0]]
        return (len(members) > 1, at_home, len(members))


def _prescribed(signature: Signature, prescribed: Prescribed | None) -> Conditions | str:
    """What is prescribed, or a sentence where it cannot be told."""
    if prescribed is None:
        return "what the published rows were measured with is not known here"
    try:
        return prescribed(signature)
    except UserError as error:
        return f"cannot be held to the published rows: {error}"


def numbered(texts: Sequence[str]) -> tuple[Mapping[str, int], list[str]]:
    """A number for each different text that is not empty, and notes that say what they mean."""
    numbers = {text: n for n, text in enumerate(dict.fromkeys(filter(None, texts)), 1)}
    return numbers, [f"[{number}] other conditions: {text}" for text, number in numbers.items()]
