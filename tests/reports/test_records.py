"""Which records csv prints for the rows, columns and order that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.reports.records import Choice
from spatialbench.reports.report import FORMS, Form, Report
from spatialbench.reports.tables import Measured, Table
from spatialbench.reports.view import View

NAMES = ["run", "metric", "value", "low", "high", "p", "note"]
ROWS: list[list[object]] = [
    ["b", "OA", 50.0, 40.0, 60.0, 0.2, ""],
    ["b", "cond", 70.0, 60.0, 80.0, 0.0004, "few"],
    ["b", "none", nan, None, None, nan, ""],
    ["c", "OA", 30.0, 20.0, 40.0, 0.03, ""],
    ["c", "cond", 20.0, 10.0, 30.0, 0.9, ""],
]
CHOICE = Choice(
    "metric",
    ("run", "metric"),
    ("note",),
    {"B": ["value", "low", "high"]},
    smaller=frozenset({"p"}),
)


def chosen(**view: Any) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    return CHOICE.of((NAMES, ROWS), View(**view))


def test_columns_of_the_table_and_of_the_records_are_meant() -> None:
    assert chosen()[0] == NAMES
    columns, rows = chosen(columns=["p", "B"])
    assert columns == ["run", "metric", "p", "value", "low", "high", "note"]
    assert rows[1] == ["b", "cond", 0.0004, 70.0, 60.0, 80.0, "few"]
    assert chosen(columns=["high"])[0] == ["run", "metric", "high", "note"]
    with pytest.raises(UserError, match="unknown column 'vale': did you mean value"):
        chosen(columns=["vale"])


def test_rows_are_called_as_in_the_table() -> None:
    assert [row[1] for row in chosen(rows=["O*"])[1]] == ["OA", "OA"]
    with pytest.raises(UserError, match="no row is called x"):
        chosen(rows=["x"])


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("B", ["cond", "OA", "none", "OA", "cond"]),
        ("-B", ["OA", "cond", "none", "cond", "OA"]),
        ("p", ["cond", "OA", "none", "OA", "cond"]),
        ("metric", ["OA", "cond", "none", "OA", "cond"]),
        ("-metric", ["none", "cond", "OA", "cond", "OA"]),
    ],
)
def test_the_best_stand_first_within_each_run(sort: str, order: list[str]) -> None:
    rows = chosen(sort=sort)[1]
    assert [row[0] for row in rows] == ["b", "b", "b", "c", "c"]
    assert [row[1] for row in rows] == order


def test_a_table_is_sorted_by_numbers_that_are_text() -> None:
    cells = [["a", "0.9", "1,000"], ["b", "<0.001", "200"], ["c", "–", "–"], ["d", "0.031", "3"]]
    table = Table(["name", "p", "images"], cells, smaller=frozenset({"p"}))
    for sort, order in (("p", "bdac"), ("-p", "adbc"), ("images", "abdc"), ("name", "abcd")):
        (shown,) = View(sort=sort).of([table], brief=True)
        assert "".join(row[0] for row in shown.rows) == order, sort
    # A name may be a number, and is text beside others.
    (named,) = View(sort="name").of([Table(["name"], [["b"], ["10"], ["9"]])], brief=True)
    assert [row[0] for row in named.rows] == ["10", "9", "b"]


REPORT = Report(
    [
        Table(
            ["metric", "A", "B"],
            [["OA", "1", Measured(50.0, 40, 60)], ["cond", "2", Measured(70.0, 60, 80)]],
        )
    ],
    {"rows": []},
    (NAMES, ROWS),
    CHOICE,
)
ASKED: dict[str, Any] = {
    "columns": ["B"],
    "rows": ["OA"],
    "sort": "B",
    "digits": 1,
    "intervals": False,
    "caption": "mine",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ASKED)
def test_every_form_obeys_or_refuses(form: Form, name: str) -> None:
    """No form leaves what was asked for out without a word."""
    view = View(**{name: ASKED[name]})
    whole = form == "json" or (form == "csv" and name in ("digits", "intervals", "caption"))
    if whole:
        option = "--no-intervals" if name == "intervals" else f"--{name}"
        with pytest.raises(UserError, match=f"leave out {option}, or give another --format"):
            REPORT.text(form, view)
    else:
        assert REPORT.text(form, view) != REPORT.text(form)
    # A report that is not chosen from refuses all of it, and one of a table alone obeys.
    if form == "csv":
        with pytest.raises(UserError, match="leave out"):
            Report(REPORT.tables, None, REPORT.records).text(form, view)
        assert Report(REPORT.tables).text("csv", View(rows=["OA"])) == (
            "metric,A,B\nOA,1,50.00 ± 10.0"
        )
