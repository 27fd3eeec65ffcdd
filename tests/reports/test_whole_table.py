"""Prompt sets side by side: one row for the runs of a method, each column under its conditions."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from spatialbench.plugins import Published, share
from spatialbench.reports.rows import Row
from spatialbench.reports.whole_table import Column, WholeRow, joined, whole_table
from spatialbench.runs.conditions import Conditions
from spatialbench.runs.signature import Signature
from spatialbench.scoring.summary import Summary

from .test_tables import RESULT

COLUMNS = [Column(share("LEFT", "left", "a"), "plane"), Column(share("NEAR", "near", "b"), "depth")]
BASE = "sd2.1-base@4e63672"


def row(subset: str, value: float, images: int = 8, name: str | None = None, **changes: Any) -> Row:
    line = replace(
        Signature.parse(str(RESULT["signature"])),
        **{
            "subset": subset,
            "detector": "owlvit@1234567",
            "base": BASE,
            "prompts": 8,
            "method": "sd/1",
            **changes,
        },
    )
    key = {"plane": "LEFT", "depth": "NEAR"}[subset]
    told = {
        **RESULT,
        "signature": str(line),
        "subset": subset,
        "backbone": line.base,
        "images": images,
        "method": str(line.method).partition("/")[0],
        "images_expected": 8,
        "partial": images < 8,
        "detector": line.detector,
        "format": 7,
        "metrics": {key: value},
        "intervals": {key: (value - 1, value + 1)},
        "groups": {},
    }
    run = f"{line.method}-{subset}-{images}-{line.run}"
    return Row(run, Summary.of(told), None, name)


def subset_of(one: Row) -> str:
    return str(one.result.subset)


def whole(rows: list[Row]) -> tuple[list[WholeRow], list[Row]]:
    return joined(rows, COLUMNS, subset_of)


def test_runs_of_one_method_stand_in_one_row() -> None:
    rows, left = whole([row("depth", 30), row("plane", 20), row("plane", 50, method="storm/1")])
    assert [list(one.parts) for one in rows] == [["plane", "depth"], ["plane"]]
    assert left == []
    report = whole_table("bench:all", COLUMNS, rows)
    (table,) = report.tables
    assert table.columns == ["method", "base", "images", "LEFT", "NEAR", "source"]
    assert [list(line[:1]) + list(line[2:5]) for line in table.rows] == [
        ["sd", "16", "20.00 ± 1.0", "30.00 ± 1.0"],
        ["storm", "8", "50.00 ± 1.0", "–"],
    ]
    assert table.bold == frozenset({(1, 3)})
    document = report.document
    assert isinstance(document, dict)
    assert document["rows"][0]["metrics"] == {"LEFT": 20, "NEAR": 30}
    assert set(document["rows"][1]["runs"]) == {"plane"}
    lines = list(csv.DictReader(io.StringIO(report.text("csv"))))
    assert (lines[0]["LEFT"], lines[1]["NEAR"], lines[0]["LEFT_high"]) == ("20.0", "", "21.0")
    json.loads(report.text("json"))


def test_the_larger_run_of_a_set_stands_in_the_row() -> None:
    small, large = row("plane", 20, images=2), row("plane", 40)
    for given in ([small, large], [large, small]):
        rows, left = whole(given)
        assert [one.parts["plane"] for one in rows] == [large]
        assert left == [small]


def test_what_names_and_settings_keep_apart() -> None:
    rows, _ = whole([row("plane", 20), row("depth", 30, name="mine"), row("depth", 40, seeds="x")])
    assert len(rows) == 3
    # The hash of what was imported is another for every set.
    rows, _ = whole(
        [
            row("plane", 20, parameters={"content": "a"}),
            row("depth", 30, parameters={"content": "b"}),
        ]
    )
    assert len(rows) == 1


def test_a_rule_that_fills_no_column_has_no_place() -> None:
    other = row("plane", 20)
    changed = replace(other, result=other.result.model_copy(update={"metrics": {"STRICT": 1.0}}))
    assert whole([changed]) == ([], [changed])


def test_conditions_are_those_of_each_column() -> None:
    """Said once where all columns differ alike, else with the columns."""

    def prescribed(signature: Signature) -> Conditions:
        own = Conditions.of(signature)
        return replace(own, prompts=300, threshold=0.3 if own.subset == "plane" else own.threshold)

    paper = Published("SD", "SD 2", {"LEFT": 13.0, "NEAR": 32.0}, "a paper", "P")
    single = Published("Half", "SD 2", {"OTHER": 13.0}, "a paper", "P")
    rows, _ = whole([row("plane", 20), row("depth", 30)])
    report = whole_table("bench:all", COLUMNS, rows, [paper, single], prescribed)
    (table,) = report.tables
    assert [line[0] for line in table.rows] == ["sd [1]", "SD"]
    (told,) = [note for note in table.notes if note.startswith("[1]")]
    assert "LEFT: prompts 8 (others 300); threshold 0.1 (others 0.3)" in told
    assert "NEAR: prompts 8 (others 300)" in told
    assert table.title == "bench:all: full-size models and published rows"
    rows, _ = whole([row("depth", 30)])
    (table,) = whole_table("bench:all", COLUMNS, rows, [paper], prescribed).tables
    assert "[1] other conditions: prompts 8 (others 300)" in table.notes


def test_the_lab_has_a_table_of_its_own() -> None:
    rows, _ = whole([row("plane", 20), row("plane", 90, base="lab@0123456")])
    full, lab = whole_table("bench:all", COLUMNS, rows).tables
    assert (len(full.rows), len(lab.rows)) == (1, 1)
    assert "lab" in lab.title


@pytest.mark.parametrize(("images", "cell"), [(8, "16"), (3, "11/16 partial")])
def test_images_of_all_sets_are_counted(images: int, cell: str) -> None:
    rows, _ = whole([row("plane", 20, images=images), row("depth", 30)])
    assert whole_table("bench:all", COLUMNS, rows).tables[0].rows[0][2] == cell
