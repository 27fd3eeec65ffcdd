"""What ``csv`` prints: records, whose columns are not those of the table for people.

A view names columns of the table or of the records, and rows by their names in the table; here is
which columns and rows of the records those are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import isnan, nan

from ..errors import unknown_name
from .view import View, matches, no_such_row

Records = tuple[Sequence[str], Sequence[Sequence[object]]]
"""Names of columns, and rows of text or numbers."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a view chooses among records.

    Attributes:
        name: the column that holds what the table calls a row.
        first, last: columns that are always there, before and after those that are asked for.
        stands_for: by a column of the table those of the records, such as a value and its bounds.
        smaller: columns of the table and of the records whose smaller numbers are the better ones.
    """

    name: str
    first: Sequence[str]
    last: Sequence[str] = ()
    stands_for: Mapping[str, Sequence[str]] = field(default_factory=dict)
    smaller: frozenset[str] = frozenset()

    def of(self, records: Records, view: View) -> Records:
        """The records that a view asks for.

        Raises:
            UserError: a column that neither has, or a pattern that no row fits.
        """
        columns, rows = records
        place = {column: i for i, column in reversed(list(enumerate(columns)))}
        if view.rows:
            called = place[self.name]
            found = [row for row in rows if matches(view.rows, [str(row[called])])]
            if not found:
                raise no_such_row(view.rows, [str(row[called]) for row in rows])
            rows = found
        if view.sort is not None:
            rows = self._sorted(columns, rows, view.sort, place)
        if view.columns:
            asked = [name for one in view.columns for name in self._meant(one, columns)]
            shown = dict.fromkeys([*self.first, *asked])
            shown |= dict.fromkeys(name for name in self.last if name not in shown)
            chosen = [place[name] for name in shown if name in place]
            columns = [columns[i] for i in chosen]
            rows = [[row[i] for i in chosen] for row in rows]
        return columns, rows

    def _meant(self, asked: str, columns: Sequence[str]) -> Sequence[str]:
        if asked in self.stands_for:
            return self.stands_for[asked]
        if asked not in columns:
            raise unknown_name("column", asked, [*self.stands_for, *columns])
        return [asked]

    def _sorted(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        asked: str,
        place: Mapping[str, int],
    ) -> list[Sequence[object]]:
        """Best first, among the rows of one group; what has no number last, as in a table."""
        name = asked.removeprefix("-")
        by = place[self._meant(name, columns)[0]]
        numbers = any(isinstance(row[by], int | float) for row in rows)
        descending = (numbers and name not in self.smaller) != asked.startswith("-")
        group = [place[one] for one in self.first if one != self.name and one in place]
        found: list[Sequence[object]] = []
        for _, members in groupby(rows, lambda row: [row[i] for i in group]):
            there = list(members)
            if numbers:
                known = [row for row in there if not isnan(_number(row[by]))]
                known.sort(key=lambda row: _number(row[by]), reverse=descending)
                found += [*known, *(row for row in there if isnan(_number(row[by])))]
            else:
                found += sorted(there, key=lambda row: str(row[by]), reverse=descending)
        return found


def of_leaderboard(keys: Sequence[str]) -> Choice:
    """How the records of a leaderboard are chosen by the columns of its tables.

    Args:
        keys: of the metrics.
    """
    meant = {key: [key, f"{key}_low", f"{key}_high"] for key in keys}
    meant |= {"images": ["images", "images_expected"]}
    first, last = ("world", "name", "method"), ("partial", "other_conditions", "source", "marks")
    return Choice("name", first, last, meant)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else nan
