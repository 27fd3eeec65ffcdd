"""Rows are called as their user says, or by what differs between them, and never by a signature."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.reports.leaderboard import leaderboard
from spatialbench.reports.naming import label_assignments, labelled, row_names
from spatialbench.reports.report import FORMS
from spatialbench.reports.rows import Row
from spatialbench.runs.manifest import LONGEST_NAME, checked_name
from spatialbench.runs.signature import Signature
from spatialbench.scoring.summary import Summary

from .test_leaderboard import HEADLINE
from .test_tables import RESULT


def _result(called: str = "sd", **signature: Any) -> Summary:
    line = replace(Signature.parse(str(RESULT["signature"])), **signature)
    return Summary.of({**RESULT, "signature": str(line), "method": called})


def _names(*rows: Summary | tuple[str | None, Summary]) -> list[str]:
    return row_names([row if isinstance(row, tuple) else (None, row) for row in rows])


def test_a_row_alone_and_rows_of_other_methods_keep_their_method() -> None:
    assert _names(_result()) == ["sd"]
    assert _names(_result(), _result("infsplign", run="0")) == ["sd", "infsplign"]


def test_what_differs_is_said_and_nothing_else() -> None:
    one = _result("lora", run="1", method="lora/1", parameters={"scale": "0.5", "rank": "4"})
    two = _result("lora", run="2", method="lora/1", parameters={"scale": "1.0", "rank": "4"})
    assert _names(one, two) == ["lora (scale=0.5)", "lora (scale=1.0)"]


def test_steps_seeds_and_selections() -> None:
    """Three runs of one method, and none of them is bold against another."""
    rows = [
        _result(run="1", method="sd/1", parameters={"steps": "20"}),
        _result(run="2", method="sd/1", parameters={"steps": "50"}, seeds="hashed:1"),
        _result(run="3", method="sd/1", parameters={"steps": "20"}, only=("left", "above")),
    ]
    names = _names(*rows)
    assert names == [
        "sd (steps=20, seeds=protocol)",
        "sd (steps=50, seeds=hashed:1)",
        "sd (steps=20, seeds=protocol, only=left+above)",
    ]
    report = leaderboard("visor", [Row(str(n), row) for n, row in enumerate(rows)], [], HEADLINE)
    (table,) = report.tables
    assert table.bold == frozenset()
    assert [cells[0].partition(" [")[0] for cells in table.rows] == names


def test_nothing_that_can_be_shown_differs() -> None:
    hidden = [{"content": "0" * 16}, {"content": "1" * 16}]
    rows = [
        _result(run=str(n), method="theirs/imported", parameters=p) for n, p in enumerate(hidden)
    ]
    assert _names(*rows) == ["sd (run=0)", "sd (run=1)"]
    # Long values that begin alike are no difference that a reader could see.
    long = [_result(run=end, method="sd/1", parameters={"k": "x" * 40 + end}) for end in "ab"]
    assert _names(*long) == ["sd (run=a)", "sd (run=b)"]
    # Copies of one run have nothing of their own.
    assert _names(rows[0], rows[0]) == ["sd", "sd"]


def test_hashes_are_short() -> None:
    rows = [
        _result(run=n, method="sd/1", parameters={"prompt_transform": f"file/{n * 16}"})
        for n in "12"
    ]
    assert _names(*rows) == [f"sd (prompt_transform=file/{n * 7})" for n in "12"]


def test_given_names_stand_and_are_told_apart_likewise() -> None:
    one, two = _result(run="1"), _result(run="2", seeds="hashed:1")
    assert _names(("mine, 0.7", one), two) == ["mine, 0.7", "sd"]
    assert _names(("mine", one), ("mine", two)) == [
        "mine (seeds=protocol)",
        "mine (seeds=hashed:1)",
    ]


def test_rows_on_other_backbones_are_told_apart_by_that_column() -> None:
    one = _result(run="1")
    two = _result(run="2").model_copy(update={"backbone": "lab@7654321"})
    assert _names(one, two) == ["sd", "sd"]


EVIL = '=1+1 <b>|\\textbf{x} "[a](b)" 50%'


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_name_and_obeys_none_of_it(form: Any) -> None:
    rows = [Row("a", _result(run="1"), given=EVIL), Row("b", _result("infsplign", run="2"))]
    text = leaderboard("visor", rows, [], HEADLINE).text(form)
    if form == "json":
        document = json.loads(text)["rows"]
        assert [row["name"] for row in document] == [EVIL, "infsplign"]
        assert [row["method"] for row in document] == ["sd", "infsplign"]
        assert [row["marks"] for row in document] == [[], []]
    elif form == "csv":
        first, second = csv.DictReader(io.StringIO(text))
        assert (first["name"], first["method"]) == (f"'{EVIL}", "sd")
        assert (second["name"], second["marks"]) == ("infsplign", "")
    else:
        assert {
            "table": EVIL in text,
            "md": r'=1+1 &lt;b&gt;\|\textbf{x} "\[a\](b)" 50%' in text,
            "latex": r"=1+1 \textless{}b\textgreater{}\textbar{}\textbackslash{}textbf\{x\} "
            r'"[a](b)" 50\%' in text,
            "html": "=1+1 &lt;b&gt;|\\textbf{x} &#34;[a](b)&#34; 50%" in text,
        }[form]


def test_a_long_name_stays_in_a_latex_table() -> None:
    name = "x" * LONGEST_NAME
    table = leaderboard("visor", [Row("a", _result(), given=name)], [], HEADLINE).text("latex")
    assert name in table.replace(r"\allowbreak{}", "")


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * (LONGEST_NAME + 1), "a\nb", "a\x1b[31m", "a\u202eb", "a\tb"]
)
def test_no_name(name: str) -> None:
    with pytest.raises(UserError, match="--name"):
        checked_name(name)


def test_a_name_is_one_line_of_any_text() -> None:
    assert checked_name(" my LoRA, 0.7 ") == "my LoRA, 0.7"
    assert checked_name("é" * LONGEST_NAME) == "é" * LONGEST_NAME


def test_labels_by_directory_or_id(tmp_path: Path) -> None:
    run, other = tmp_path / "a=b" / "0123456789ab", tmp_path / "other"
    for folder in (run, other):
        folder.mkdir(parents=True)
    runs = {run: "0123456789ab", other: "ba9876543210"}
    for given in (f"{run}=x=y", f"{run}/=x=y", "0123456789ab=x=y"):
        assert labelled(runs, label_assignments([given], runs)) == {run: "x=y"}
    both = label_assignments([f"{run}=x", "ba9876543210=y"], runs)
    assert labelled(runs, both) == {run: "x", other: "y"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["nothing"], "RUN=TEXT"),
        (["none=x"], "is for no run of this table"),
        (["other=x", "other=y"], "names other twice"),
        (["other=x", "./other=y"], "by two names"),
        (["other="], "--label gives no text"),
    ],
)
def test_no_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other").mkdir()
    runs: dict[Path, str | None] = {Path("other"): None}
    with pytest.raises(UserError, match=said):
        labelled(runs, label_assignments(given, runs))
