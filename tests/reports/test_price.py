"""Accuracy and its price side by side."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from spatialbench import plugins
from spatialbench.plugins import Published, share
from spatialbench.reports.leaderboard import leaderboard
from spatialbench.reports.price import price_note, price_notes, seconds_text
from spatialbench.reports.rows import Row
from spatialbench.reports.single import summary_report
from spatialbench.runs.timing import Pace
from spatialbench.scoring.summary import Summary

from .test_tables import RESULT

PACE = Pace(0.8512, "NVIDIA H200", 8, 96)
PAPER = Published("InfSplign", "SD 2.1", {"OA": 71.5}, "a paper, table 2", "P")

OA = [share("OA", "found", "both")]


def _row(pace: Pace | None = None, **changes: Any) -> Row:
    return Row("a run", Summary.of({**RESULT, **changes}), pace)


def test_three_columns_when_asked_for() -> None:
    rows = [_row(PACE, confidence=71.234, duplicates=0.31), _row(None, confidence=None)]
    lab, full = leaderboard("visor", rows, [PAPER], OA, price=True).tables
    assert lab.columns[-4:] == ["confidence", "duplicates", "s/image", "source"]
    assert [cells[-4:-1] for cells in lab.rows] == [["71.23", "0.31", "0.851"], ["–", "–", "–"]]
    assert full.rows[0][-4:-1] == ["–", "–", "–"]
    plain = leaderboard("visor", rows, [PAPER], OA).tables[0]
    assert len(plain.columns) == len(plain.rows[0]) == len(lab.columns) - 3
    assert not any("s/image" in note for note in plain.notes)


def test_notes_say_where_the_seconds_were_measured() -> None:
    (same,) = price_notes([("sd", PACE), ("infsplign", PACE), ("other", None)])
    assert same.endswith("loading excluded (NVIDIA H200, batch 8)")
    slow = Pace(9.0, "a laptop", 1, 4)
    notes = price_notes([("sd", PACE), ("sd", slow), ("infsplign", PACE)])
    assert notes[1:] == [
        "s/image on NVIDIA H200, batch 8: sd, infsplign",
        "s/image on a laptop, batch 1: sd",
    ]


def test_json_always_has_what_is_known() -> None:
    rows = [_row(PACE, confidence=71.2, duplicates=0.3), _row()]
    known, unknown = json.loads(leaderboard("visor", rows, [], OA).text("json"))["rows"]
    assert (known["confidence"], known["duplicates"]) == (71.2, 0.3)
    assert (known["seconds_per_image"], known["device"]) == (0.8512, "NVIDIA H200")
    assert known["batch_size"] == 8
    assert not {"confidence", "duplicates", "seconds_per_image"} & unknown.keys()


def test_csv_has_the_same_columns_at_full_precision() -> None:
    rows = [_row(PACE, confidence=71.234, duplicates=0.31), _row()]
    text = leaderboard("visor", rows, [PAPER], OA, price=True).text("csv")
    read = list(csv.DictReader(io.StringIO(text)))
    keys = ("confidence", "duplicates", "s/image", "OA")
    assert [tuple(line[key] for key in keys) for line in read] == [
        ("71.234", "0.31", "0.8512", "62.031"),
        ("", "", "", "62.031"),
        ("", "", "", "71.5"),
    ]
    assert read[2]["source"] == "a paper, table 2 [P]"
    assert "s/image" not in leaderboard("visor", rows, [], OA).text("csv")


def test_one_run_says_it_in_a_note_above_the_signature() -> None:
    result = _row(confidence=71.234, duplicates=0.314).result
    (table,) = summary_report(result, plugins.load("benchmark", "visor"), PACE).tables
    assert [table.notes[-1], *table.signatures] == [
        "price: detector confidence 71.23 %, 0.31 duplicates per image, "
        "0.851 s per image (NVIDIA H200, batch 8)",
        RESULT["signature"],
    ]
    assert price_note(_row().result, None) == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.01234, "0.0123"), (12.34, "12.3"), (99.97, "100"), (1234.5, "1234")]
)
def test_seconds_have_three_digits(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_what_an_image_took_is_part_of_its_price() -> None:
    pace = Pace(0.8512, "NVIDIA H200", 8, 96, {"images made": 4.0, "guided steps": 6.25})
    (note,) = price_note(_row().result, pace)
    assert note.endswith("4 images made per image, 6.25 guided steps per image")
    *_, spent = price_notes([("best-of-n", pace), ("sd", PACE)])
    assert spent == "per image, best-of-n: 4 images made, 6.25 guided steps"
    rows = [_row(pace)]
    (row,) = json.loads(leaderboard("visor", rows, [], OA).text("json"))["rows"]
    assert row["costs_per_image"] == {"images made": 4.0, "guided steps": 6.25}
