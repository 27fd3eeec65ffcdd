"""The leaderboard keeps apart what cannot be compared, and marks what differs."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from spatialbench.plugins import Published
from spatialbench.reports.leaderboard import Conditions, Row, leaderboard_text, marks, sections
from spatialbench.reports.results import parse_result
from spatialbench.runs.signature import Signature

from .test_tables import RESULT

HEADLINE = ["OA", "VISOR_cond"]
PAPER = Published("InfSplign", "SD 2.1", {"OA": 71.5}, "a paper, table 2", "P", "a note")
STANDARD = Conditions("visor/1", "visor-centroid/1", "owlvit-base-patch32@cbc355f", 0.1)


def _row(run: str, **changes: Any) -> Row:
    document = {**RESULT, **changes}
    return Row(run, parse_result(document), document)


def _full(run: str, **changes: Any) -> Row:
    own = {"backbone": "sd2.1-base@4e63672", "detector": STANDARD.detector}
    return _row(run, **{**own, **changes})


def test_lab_rows_never_share_a_table_with_others() -> None:
    rows = [_row("a", method="infsplign"), _full("b", method="sd"), _row("c", method="sd")]
    full, lab = sections("visor", rows, [PAPER], HEADLINE)
    assert [cells[0] for cells in full.rows] == ["sd", "InfSplign"]
    assert [cells[0] for cells in lab.rows] == ["infsplign", "sd"]
    assert "lab" in lab.title
    assert {cells[1] for cells in lab.rows} == {"lab@0123456"}


def test_lab_runs_alone_leave_published_rows_in_their_own_table() -> None:
    published, lab = sections("visor", [_row("a")], [PAPER], HEADLINE)
    assert [cells[0] for cells in published.rows] == ["InfSplign"]
    assert [cells[0] for cells in lab.rows] == ["sd"]


def test_every_signature_stands_below_its_table_once() -> None:
    rows = [_full("a", signature="visor/1 x:1"), _full("b", signature="visor/1 x:2"), _full("c")]
    (table,) = sections("visor", [*rows, rows[0]], [], HEADLINE)
    signatures = [note for note in table.notes if note.startswith("visor/1")]
    assert signatures == ["visor/1 x:1", "visor/1 x:2", RESULT["signature"]]


def test_other_conditions_are_marked_and_explained() -> None:
    rows = [_full("a"), _full("b", rule="visor-strict/1", threshold=0.3)]
    (table,) = sections("visor", rows, [PAPER], HEADLINE, STANDARD)
    assert [cells[0] for cells in table.rows] == ["sd", "sd [1]", "InfSplign"]
    (note,) = [note for note in table.notes if note.startswith("[1]")]
    assert "rule visor-strict/1 (others visor-centroid/1)" in note
    assert "threshold 0.3 (others 0.1)" in note
    assert "detector" not in note


def test_without_a_standard_the_first_row_is_the_measure() -> None:
    rows = [_row("a"), _row("b", detector="lab-owlvit@fffffff"), _row("c", signature="visor/2 x:1")]
    assert marks(rows, None) == {
        "a": [],
        "b": ["detector lab-owlvit@fffffff (others lab-owlvit@89abcde)"],
        "c": ["benchmark visor/2 (others visor/1)"],
    }
    assert marks([], None) == {}


def test_a_published_metric_that_is_missing_is_a_dash() -> None:
    (table,) = sections("visor", [], [PAPER], HEADLINE)
    assert table.rows[0] == ["InfSplign", "SD 2.1", "", "71.50", "–", "a paper, table 2 [P]"]


def test_partial_rows_say_n_of_n() -> None:
    text = leaderboard_text("visor", [_full("a")], [], HEADLINE, "table")
    assert "100/101,120 partial" in text


def test_json_holds_flat_rows_and_published_rows() -> None:
    document = json.loads(
        leaderboard_text("visor", [_row("a"), _full("b")], [PAPER], HEADLINE, "json")
    )
    assert set(document) == {"rows", "published"}
    first, second = document["rows"]
    assert (first["run"], first["lab"], first["OA"], first["intervals"]["OA"]) == (
        "a",
        True,
        62.031,
        [61.62, 62.44],
    )
    assert second["lab"] is False
    (paper,) = document["published"]
    assert (paper["method"], paper["base"], paper["OA"], paper["evidence"]) == (
        "InfSplign",
        "SD 2.1",
        71.5,
        "P",
    )


def test_csv_has_one_line_a_row_and_says_the_world() -> None:
    text = leaderboard_text("visor", [_row("a"), _full("b")], [PAPER], HEADLINE, "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["world"] for row in rows] == ["lab", "full-size", "published"]
    assert [row["OA"] for row in rows] == ["62.031", "62.031", "71.5"]
    assert [row["OA_low"] for row in rows] == ["61.62", "61.62", ""]
    assert [row["VISOR_cond"] for row in rows] == ["", "", ""]


def test_marked_and_partial_rows_compete_with_nobody() -> None:
    """The run is partial; the marked row has more than the plain ones."""
    better = Published(
        "Guided", "SD 2.1", {"OA": 90.0}, "a paper", "S", "", ("layout-conditioned",)
    )
    best = Published("Best", "SD 2.1", {"OA": 80.0}, "a paper", "S")
    run = _full("a", OA=99.0, intervals={"OA": [98, 100]})
    (table,) = sections("visor", [run], [PAPER, better, best], HEADLINE)
    assert table.rows[2][0] == "Guided [l]"
    assert any(note.startswith("[l] a layout is handed") for note in table.notes)
    assert not any(note.startswith("[t]") for note in table.notes)
    assert table.bold == {(3, 3)}
    assert table.rules == [1]


def test_ties_are_by_interval() -> None:
    whole = {"partial": False, "images": 101120}
    rows = [
        _full("a", **whole, OA=60.0, intervals={"OA": [58, 62]}),
        _full("b", **whole, OA=61.0, intervals={"OA": [59, 63]}),
        _full("c", **whole, OA=50.0, intervals={"OA": [48, 52]}),
        _full("d", **whole, OA=62.0, intervals={"OA": [60, 64]}, threshold=0.3),
    ]
    (table,) = sections("visor", rows, [], HEADLINE, STANDARD)
    assert table.bold == {(0, 3), (1, 3)}
    text = leaderboard_text("visor", rows, [PAPER], HEADLINE, "latex", STANDARD)
    assert text.count(r"\textbf") == 1
    assert "<b>71.50</b>" in leaderboard_text("visor", rows, [PAPER], HEADLINE, "html", STANDARD)


def _marked(run: str, marks: str, oa: float) -> Row:
    signature = Signature(
        "visor/1", "visor-centroid/1", STANDARD.detector, 0.1, 25280, 4, "0.1.0",
        method="m/1", parameters={"marks": marks} if marks else {"eta": "0.0"},
    )  # fmt: skip
    complete = {"images": 101120, "prompts": 25280, "partial": False, "intervals": {}}
    return _full(run, method=run, signature=str(signature), OA=oa, **complete)


def test_a_methods_marks_stand_beside_its_name_and_layouts_compete_with_nobody() -> None:
    plain = _marked("sd", "", 50.0)
    given = _marked("revision", "layout-conditioned+reconstruction", 99.0)
    own = _marked("storm-corrected", "reconstruction", 99.0)
    place = 3 + HEADLINE.index("OA")
    # Of two that compete there is a best one; the third would be better still.
    (table,) = sections("visor", [given, plain, _marked("sd", "", 40.0)], [], HEADLINE)
    assert [cells[0] for cells in table.rows] == ["revision [l] [r]", "sd", "sd"]
    assert {note[:3] for note in table.notes} >= {"[l]", "[r]"}
    assert [row for row, column in table.bold if column == place] == [1]
    (table,) = sections("visor", [own, plain], [], HEADLINE)
    assert [cells[0] for cells in table.rows] == ["storm-corrected [r]", "sd"]
    assert [row for row, column in table.bold if column == place] == [0]
    document = json.loads(leaderboard_text("visor", [given, plain], [], HEADLINE, "json"))
    assert [row["marks"] for row in document["rows"]] == [
        ["layout-conditioned", "reconstruction"],
        [],
    ]
