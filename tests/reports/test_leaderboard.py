"""The leaderboard keeps apart what cannot be compared, and marks what differs."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from spatialbench.plugins import Published, share
from spatialbench.reports.cells import Footnotes
from spatialbench.reports.leaderboard import leaderboard
from spatialbench.reports.marks import MARKS
from spatialbench.reports.rows import Row
from spatialbench.runs.conditions import Conditions
from spatialbench.runs.signature import Signature
from spatialbench.scoring.summary import Summary

from .test_tables import RESULT

HEADLINE = [share(key, key, "correct") for key in ("OA", "VISOR_cond")]
PAPER = Published("InfSplign", "SD 2.1", {"OA": 71.5}, "a paper, table 2", "P", "a note")
SIGNATURE = Signature(
    "visor/1", "visor-centroid/1", "owlvit-base-patch32@cbc355f", 0.1, 25280, 4, "0.1.0",
    seeds="protocol",
)  # fmt: skip
STANDARD = Conditions.of(SIGNATURE)
WHOLE: dict[str, Any] = {"partial": False, "images": 101120, "prompts": 25280}


def prescribed(signature: Signature) -> Conditions:
    """Of this subset, by a detector of any revision."""
    own = signature.detector.startswith("owlvit-base-patch32@")
    return replace(
        STANDARD,
        subset=signature.subset,
        detector=signature.detector if own else STANDARD.detector,
    )


def _row(run: str, signature: dict[str, Any] | None = None, **changes: Any) -> Row:
    line = replace(Signature.parse(str(RESULT["signature"])), **(signature or {}))
    return Row(run, Summary.of({**RESULT, "signature": str(line), **changes}))


def _full(run: str, signature: dict[str, Any] | None = None, **changes: Any) -> Row:
    """A full-size run; changes of its signature come first."""
    line = {"detector": SIGNATURE.detector, **(signature or {})}
    own = {"backbone": "sd2.1-base@4e63672", "detector": line["detector"]}
    return _row(run, line, **{**own, **changes})


def test_lab_rows_never_share_a_table_with_others() -> None:
    rows = [_row("a", method="infsplign"), _full("b", method="sd"), _row("c", method="sd")]
    full, lab = leaderboard("visor", rows, [PAPER], HEADLINE, prescribed).tables
    assert [cells[0] for cells in full.rows] == ["sd", "InfSplign"]
    assert [cells[0] for cells in lab.rows] == ["infsplign", "sd"]
    assert "lab" in lab.title
    assert {cells[1] for cells in lab.rows} == {"lab@0123456"}


def test_lab_runs_alone_leave_published_rows_in_their_own_table() -> None:
    lab, published = leaderboard("visor", [_row("a")], [PAPER], HEADLINE).tables
    assert [cells[0] for cells in published.rows] == ["InfSplign"]
    assert [cells[0] for cells in lab.rows] == ["sd"]


def test_every_signature_stands_below_its_table_once() -> None:
    rows = [_full("a", {"base": "x"}), _full("b", {"base": "y"}), _full("c")]
    (table,) = leaderboard("visor", [*rows, rows[0]], [], HEADLINE).tables
    assert list(table.signatures) == [row.result.signature for row in rows]


def test_other_conditions_are_marked_and_explained() -> None:
    rows = [_full("a"), _full("b", {"rule": "visor-strict/1", "threshold": 0.3})]
    (table,) = leaderboard("visor", rows, [PAPER], HEADLINE, prescribed).tables
    assert [cells[0] for cells in table.rows] == [
        "sd (rule=visor-centroid/1, threshold=0.1)",
        "sd (rule=visor-strict/1, threshold=0.3) [1]",
        "InfSplign",
    ]
    (note,) = [note for note in table.notes if note.startswith("[1]")]
    assert "rule visor-strict/1 (others visor-centroid/1)" in note
    assert "threshold 0.3 (others 0.1)" in note
    assert "detector" not in note


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"benchmark": "visor/2"}, "benchmark visor/2 (others visor/1)"),
    ({"only": ("left", "right")}, "only left,right (others everything)"),
    ({"prompts": 500}, "prompts 500 (others 25,280)"),
    ({"images_per_prompt": 2}, "images per prompt 2 (others 4)"),
    ({"seeds": "hashed:1"}, "seeds hashed:1 (others protocol)"),
    ({"seeds": None}, "seeds unknown (others protocol)"),
    ({"parameters": {"prompt_transform": "tore/1"}}, "prompt rewriting tore/1 (others none)"),
    (
        {"parameters": {"rewritten_prompts": "12"}},
        "prompt rewriting of 12 prompts by others (others none)",
    ),
    ({"rule": "visor-strict/1"}, "rule visor-strict/1 (others visor-centroid/1)"),
    ({"detector": "owlv2@1"}, "detector owlv2@1 (others owlvit-base-patch32@cbc355f)"),
    ({"threshold": 0.2}, "threshold 0.2 (others 0.1)"),
]
"""Each condition alone, and how a table says it."""


def _marks(cell: str) -> str:
    """What stands behind a row's name."""
    return "".join(re.findall(r"\[.\]", cell))


@pytest.mark.parametrize(("change", "said"), OTHERS)
@pytest.mark.parametrize("published", [[PAPER], []])
def test_a_row_of_any_other_condition_is_named_and_competes_with_nobody(
    change: dict[str, Any], said: str, published: list[Published]
) -> None:
    """It is far the best, and only what differs keeps it from being bold."""
    if "parameters" in change:
        change = {**change, "method": "sd/1"}
    rows = [
        _full("a", **WHOLE, OA=60.0, intervals={}),
        _full("b", **WHOLE, OA=50.0, intervals={}),
        _full("c", change, **WHOLE, OA=99.0, intervals={}),
    ]
    papers = [replace(entry, metrics={"OA": 55.0}) for entry in published]
    (table,) = leaderboard("visor", rows, papers, HEADLINE, prescribed).tables
    rewritten = "[p]" if "rewriting" in said else ""
    names = [cells[0] for cells in table.rows][:3]
    assert list(map(_marks, names)) == ["", "", f"[1]{rewritten}"]
    assert names[0] == names[1] != names[2].partition(" [")[0]
    assert [note for note in table.notes if note.startswith("[1]")] == [
        f"[1] other conditions: {said}"
    ]
    assert table.bold == {(0, 3)}
    text = leaderboard("visor", rows, papers, HEADLINE, prescribed).text("csv")
    assert [row["other_conditions"] for row in csv.DictReader(io.StringIO(text))][:3] == [
        "",
        "",
        said,
    ]


@pytest.mark.parametrize(("change", "said"), OTHERS)
def test_published_rows_compete_with_whole_runs_only(change: dict[str, Any], said: str) -> None:
    """Both runs share the other condition, so only the papers are left to be best."""
    if "parameters" in change:
        change = {**change, "method": "sd/1"}
    rows = [_full(name, change, **WHOLE, OA=99.0, intervals={}) for name in "ab"]
    papers = [PAPER, replace(PAPER, metrics={"OA": 40.0})]
    (table,) = leaderboard("visor", rows, papers, HEADLINE, prescribed).tables
    rewritten = " [p]" if "rewriting" in said else ""
    assert [cells[0] for cells in table.rows][:2] == [f"sd [1]{rewritten}"] * 2
    assert sum(note.startswith("[1]") and said in note for note in table.notes) == 1
    assert table.bold == {(2, 3)}
    # Without the papers the two agree, and nothing is to be said.
    (table,) = leaderboard("visor", rows, [], HEADLINE, prescribed).tables
    assert [cells[0] for cells in table.rows] == [f"sd{rewritten}"] * 2
    assert table.bold == {(0, 3), (1, 3)}


def test_without_a_standard_most_rows_are_the_measure() -> None:
    """The first row is the odd one here."""
    rows = [_row("a", {"detector": "lab-owlvit@fffffff"}), _row("b"), _row("c")]
    (table,) = leaderboard("visor", rows, [], HEADLINE).tables
    assert [_marks(cells[0]) for cells in table.rows] == ["[1]", "", ""]
    assert "detector lab-owlvit@fffffff (others lab-owlvit@89abcde)" in table.notes[1]
    assert leaderboard("visor", [], [], HEADLINE).tables == []


def test_where_nothing_is_known_of_the_published_rows_no_run_competes_with_them() -> None:
    rows = [_full("a", **WHOLE, OA=99.0, intervals={}), _full("b", **WHOLE, OA=98.0, intervals={})]
    papers = [PAPER, replace(PAPER, metrics={"OA": 40.0})]
    (table,) = leaderboard("visor", rows, papers, HEADLINE, None).tables
    assert [cells[0] for cells in table.rows][:2] == ["sd [1]", "sd [1]"]
    assert table.bold == {(2, 3)}


def test_every_prompt_set_has_a_table_of_its_own() -> None:
    rows = [
        _full("a", {"subset": "all"}, **WHOLE, OA=99.0, intervals={}),
        _full("b", **WHOLE, OA=50.0, intervals={}),
    ]
    default, other = leaderboard("visor", rows, [PAPER], HEADLINE, prescribed).tables
    assert (default.title, len(default.rows)) == ("visor: full-size models and published rows", 2)
    assert other.title == "visor:all: full-size models and published rows"
    assert default.bold == {(1, 3)}


def test_columns_of_another_rule_have_their_own_best_row() -> None:
    """Two runs, each under two rules: nobody is compared across the rules."""
    both = {"method": "sd", "intervals": {}, **WHOLE}
    official = [_full(str(n), **both, OA=float(n)) for n in (50, 60)]
    other = [_full(str(n), {"rule": "r1/1"}, **{**both, "OA": 99.0}, R1=float(n)) for n in (70, 80)]
    metrics = [HEADLINE[0], share("R1", "R1", "correct")]
    (table,) = leaderboard("visor", [*official, *other], [], metrics, prescribed).tables
    assert table.bold == {(1, 3), (3, 4)}


def test_a_published_metric_that_is_missing_is_a_dash() -> None:
    (table,) = leaderboard("visor", [], [PAPER], HEADLINE).tables
    assert table.rows[0] == ["InfSplign", "SD 2.1", "", "71.50", "–", "a paper, table 2 [P]"]


def test_partial_rows_say_n_of_n() -> None:
    text = leaderboard("visor", [_full("a")], [], HEADLINE).text("table")
    assert "100/101,120 partial" in text


def test_json_holds_flat_rows_and_published_rows() -> None:
    document = json.loads(
        leaderboard("visor", [_row("a"), _full("b")], [PAPER], HEADLINE).text("json")
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
    text = leaderboard("visor", [_row("a"), _full("b")], [PAPER], HEADLINE).text("csv")
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
    (table,) = leaderboard("visor", [run], [PAPER, better, best], HEADLINE, prescribed).tables
    assert table.rows[2][0] == "Guided [l]"
    assert any(note.startswith("[l] a layout is handed") for note in table.notes)
    assert not any(note.startswith("[t]") for note in table.notes)
    assert table.bold == {(3, 3)}
    assert table.rules == [1]


def test_ties_are_by_interval() -> None:
    rows = [
        _full("a", **WHOLE, OA=60.0, intervals={"OA": [58, 62]}),
        _full("b", **WHOLE, OA=61.0, intervals={"OA": [59, 63]}),
        _full("c", **WHOLE, OA=50.0, intervals={"OA": [48, 52]}),
        _full("d", {"threshold": 0.3}, **WHOLE, OA=62.0, intervals={"OA": [60, 64]}),
    ]
    (table,) = leaderboard("visor", rows, [], HEADLINE, prescribed).tables
    assert table.bold == {(0, 3), (1, 3)}
    text = leaderboard("visor", rows, [PAPER], HEADLINE, prescribed).text("latex")
    assert text.count(r"\textbf") == 1
    assert "<b>71.50</b>" in leaderboard("visor", rows, [PAPER], HEADLINE, prescribed).text("html")


def _marked(run: str, marks: str, oa: float) -> Row:
    parameters = {"marks": marks} if marks else {"eta": "0.0"}
    line = {"method": "m/1", "parameters": parameters}
    return _full(run, line, method=run, OA=oa, intervals={}, **WHOLE)


def test_a_methods_marks_stand_beside_its_name_and_layouts_compete_with_nobody() -> None:
    plain = _marked("sd", "", 50.0)
    given = _marked("revision", "layout-conditioned+reconstruction", 99.0)
    own = _marked("storm-corrected", "reconstruction", 99.0)
    place = 3
    # Of two that compete there is a best one; the third would be better still.
    (table,) = leaderboard("visor", [given, plain, _marked("sd", "", 40.0)], [], HEADLINE).tables
    assert [cells[0] for cells in table.rows] == ["revision [l] [r]", "sd", "sd"]
    assert {note[:3] for note in table.notes} >= {"[l]", "[r]"}
    assert [row for row, column in table.bold if column == place] == [1]
    (table,) = leaderboard("visor", [own, plain], [], HEADLINE).tables
    assert [cells[0] for cells in table.rows] == ["storm-corrected [r]", "sd"]
    assert [row for row, column in table.bold if column == place] == [0]
    document = json.loads(leaderboard("visor", [given, plain], [], HEADLINE).text("json"))
    assert [row["marks"] for row in document["rows"]] == [
        ["layout-conditioned", "reconstruction"],
        [],
    ]


def test_a_corrected_method_is_marked_though_an_earlier_identity_does_not_say_so() -> None:
    """So that it never stands unmarked beside a published row of the method it corrects."""
    rows = [
        _full(method, {"method": method, "parameters": shown}, method=method.partition("/")[0])
        for method, shown in (
            ("infsplign/2", {"marks": "corrected", "near": "none"}),
            ("infsplign/1", {"compat": "none"}),
            ("infsplign/1", {"compat": "official"}),
            ("infsplign-released/1", {"near": "apart"}),
            ("nobody-installed-this/1", {"compat": "none"}),
        )
    ]
    (table,) = leaderboard("visor", rows, [], HEADLINE).tables
    assert [cells[0] for cells in table.rows] == [
        "infsplign (version=2, near=none) [c]",
        "infsplign (version=1, compat=none) [c]",
        "infsplign (version=1, compat=official)",
        "infsplign-released",
        "nobody-installed-this",
    ]
    assert any(note.startswith("[c] its authors' method without defects") for note in table.notes)


def test_no_note_on_a_cell_is_called_like_a_mark_of_a_row() -> None:
    signs = {sign for sign, _ in MARKS.values()}
    footnotes = Footnotes()
    result = Summary.of({**RESULT, "intervals": {}})
    for number in range(40):
        why = {"OA": f"reason {number}"}
        footnotes.cell(result.model_copy(update={"reasons": why}), "OA")
    called = {note.split(" ")[0] for note in footnotes.notes()}
    assert len(called) == 40
    assert not called & signs


def test_images_of_one_colour_are_said_of_their_row() -> None:
    rows = [_full("a", method="sd", one_colour=4), _full("b", method="other")]
    (section,) = leaderboard("visor", rows, [], HEADLINE, prescribed).tables
    said = [note for note in section.notes if "of one colour" in note]
    assert [note.partition(" (")[0] for note in said] == ["sd: 4 images are of one colour"]
