"""One report in six forms: what is not finite is no number in any of them."""

from __future__ import annotations

import csv
import io
import json
from math import inf, nan

import numpy as np
import pytest

from spatialbench.reports.report import FORMS, Form, Report
from spatialbench.reports.tables import Table

TABLE = Table(["name", "n"], [["a", "1"], ["b", "–"]], "title", ["note"])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_every_cell(form: Form) -> None:
    document = {"rows": ["a", "b"], "columns": ["name", "n"]}
    text = Report([TABLE, TABLE], document).text(form)
    assert not text.endswith("\n\n")
    for word in ("name", "a", "b"):
        assert word in text


def test_json_has_no_number_for_what_is_not_finite() -> None:
    document = {"a": [nan, (inf, 1)], "b": {"c": -inf, "d": np.float64(0.5), "e": True}}
    text = Report([], document).text("json")
    assert json.loads(text) == {"a": [None, [None, 1]], "b": {"c": None, "d": 0.5, "e": True}}


def test_csv_has_numbers_in_full_and_nothing_for_what_is_not_known() -> None:
    row = [0.1 + 0.2, np.float64(1.5), nan, inf, None, True, 7, "=1+1", "-2.5"]
    names = [f"c{i}" for i in range(len(row))]
    text = Report([TABLE], records=(names, [row])).text("csv")
    read = list(csv.reader(io.StringIO(text)))
    assert read[0] == names
    assert read[1] == ["0.30000000000000004", "1.5", "", "", "", "true", "7", "'=1+1", "-2.5"]


def test_without_records_csv_has_the_cells_of_the_first_table() -> None:
    other = Table(["x"], [["y"]])
    read = list(csv.reader(io.StringIO(Report([TABLE, other]).text("csv"))))
    assert read == [["name", "n"], ["a", "1"], ["b", "–"]]


def test_untitled_tables_have_no_empty_caption() -> None:
    bare = Report([Table(["x"], [["y"]])])
    assert r"\caption" not in bare.text("latex")
    assert "<caption>" not in bare.text("html")
    assert "<title>spatialbench</title>" in bare.text("html")
