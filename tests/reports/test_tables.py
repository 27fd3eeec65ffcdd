"""Tables in text, and the numbers in their cells."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.files.shown_text import csv_cell
from spatialbench.reports.cells import images_cell, metric_cell, plain_cell
from spatialbench.reports.report import Report
from spatialbench.reports.tables import UNDEFINED, Table
from spatialbench.reports.view import View
from spatialbench.scoring.summary import Group, Summary

RESULT = {
    "benchmark": "visor",
    "method": "sd",
    "backbone": "lab@0123456",
    "rule": "visor-centroid/1",
    "detector": "lab-owlvit@89abcde",
    "threshold": 0.1,
    "signature": "visor/1 rule:visor-centroid/1 det:lab-owlvit@89abcde thr:0.1 n:25280x4 "
    "seeds:protocol sb:0.1.0",
    "OA": 62.031,
    "VISOR_cond": None,
    "images": 100,
    "images_expected": 101120,
    "prompts": 25,
    "prompts_expected": 25280,
    "partial": True,
    "intervals": {"OA": [61.62, 62.44], "VISOR_cond": [None, None]},
    "groups": {"left": {"OA": 97.5, "images": 40, "intervals": {"OA": [92.5, 99.0]}}},
}


def result(**changes: object) -> Summary:
    return Summary.of({**RESULT, **changes})


def test_an_even_interval_is_plus_minus() -> None:
    assert metric_cell(result(), "OA") == "62.03 ± 0.41"


def test_an_uneven_interval_keeps_both_sides() -> None:
    assert metric_cell(result().groups["left"], "OA") == "97.50 +1.5 −5.0"


def test_an_interval_without_width() -> None:
    assert metric_cell(result(intervals={"OA": [62.031, 62.031]}), "OA") == "62.03 ± 0.00"


@pytest.mark.parametrize("key", ["VISOR_cond", "no_such_metric"])
def test_undefined_is_a_dash_and_never_zero(key: str) -> None:
    assert metric_cell(result(), key) == UNDEFINED
    assert math.isnan(result().metric(key))


def test_a_value_without_interval_stands_alone() -> None:
    assert metric_cell(Group(images=1, metrics={"OA": 50}), "OA") == "50.00"
    assert plain_cell(None) == plain_cell(math.nan) == UNDEFINED


def test_a_partial_count_says_so() -> None:
    assert images_cell(result()) == "100/101,120 partial"
    assert images_cell(result(images=101120, partial=False)) == "101,120"


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4))
def test_csv_reads_back(rows: list[tuple[str, str]]) -> None:
    text = Report([], records=(["a,b", "c"], [list(row) for row in rows])).text("csv")
    read = list(csv.reader(io.StringIO(text)))
    assert read[0] == ["a,b", "c"]
    assert read[1:] == [[csv_cell(cell) for cell in row] for row in rows]


def test_markdown_cells_cannot_break_the_table() -> None:
    text = Report([Table(["method", "n"], [["a|b\nc", "1"]], title="t", notes=["x|y"])]).text("md")
    (row,) = [line for line in text.splitlines() if "a\\|b c" in line]
    assert row.count("|") - row.count("\\|") == 3


def test_numbers_are_printed_as_given() -> None:
    assert "62.30" in Report([Table(["method", "n"], [["sd", "62.30"]])]).text("table")


def test_a_table_without_rows_still_has_its_header() -> None:
    assert "method" in Report([Table(["method", "n"], [])]).text("table")


def test_columns_of_numbers_are_aligned_right_and_words_left() -> None:
    table = Table(
        ["a", "b", "c"], [["x1", "7", "see"], ["1x", "–", ""], ["long word", "1,000", ""]]
    )
    lines = Report([table]).text("table").splitlines()
    assert lines[2].startswith("x1 ")
    assert lines[2].rstrip().endswith("    7  see")
    assert lines[4].endswith("1,000")


def test_what_a_sign_means_stands_where_the_sign_stands() -> None:
    """Also of signs for sources, which are told in one note."""
    table = Table(
        ["method", "OA", "source"],
        [["a [1]", "1.0", "measured"], ["b", "2.0", "a paper [S]"]],
        notes=["[1] other conditions", "[P] read in the primary source, [S] in a secondary one"],
    )

    def notes(**view: Any) -> list[str]:
        (shown,) = View(**view).of([table], brief=False)
        return [note[:3] for note in shown.notes]

    assert notes() == ["[1]", "[P]"]
    assert notes(columns=["OA"]) == ["[1]"]
    assert notes(rows=["b"]) == ["[P]"]
