"""The form of a summary, and that of version 0.1, which is read without scoring again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench.plugins import share
from spatialbench.reports.leaderboard import leaderboard
from spatialbench.reports.rows import Row
from spatialbench.scoring.summary import FLAT, FORMAT, WITHOUT_REASONS, Group, Summary, seal

SIGNATURE = "shapes/3 rule:first/1 det:finder@w1 thr:0.1 n:2x2 seeds:protocol sb:0.1.0"
FLAT_GROUP = {
    "right": 25.0,
    "confidence": 71.5,
    "images": 4,
    "prompts": 2,
    "intervals": {"right": [2.5, 60.0]},
    "reasons": {"undefined": "undefined: no image counts for it"},
}
FLAT_SUMMARY: dict[str, Any] = {
    "benchmark": "shapes",
    "subset": "all",
    "method": "painter",
    "backbone": "easel@0123456",
    "rule": "first/1",
    "detector": "finder@w1",
    "threshold": 0.1,
    "signature": SIGNATURE,
    "right": 25.0,
    "undefined": None,
    "confidence": 71.5,
    "images": 4,
    "images_expected": 4,
    "prompts": 2,
    "prompts_expected": 2,
    "partial": False,
    "intervals": {"right": [2.5, 60.0]},
    "reasons": {"undefined": "undefined: no image counts for it"},
    "design_effects": {"right": 1.5},
    "groups": {"left": FLAT_GROUP},
    "run": "0123456789ab",
    "inputs": "ab" * 32,
    "scores_sha256": "cd" * 32,
}


def test_a_flat_summary_of_0_1_is_read() -> None:
    read = Summary.of({**FLAT_SUMMARY, "summary_sha256": seal(FLAT_SUMMARY)})
    assert read.format == FLAT
    assert read.metrics == {"right": 25.0, "undefined": None}
    assert read.price == read.groups["left"].price == {"confidence": 71.5}
    assert read.groups["left"].metrics == {"right": 25.0}
    assert (read.run, read.images, read.interval("right")) == ("0123456789ab", 4, (2.5, 60.0))
    assert read.interval("undefined") == (None, None)


def test_a_flat_summary_without_reasons_is_of_an_earlier_form() -> None:
    del (old := dict(FLAT_SUMMARY))["reasons"]
    assert Summary.of(old).format == WITHOUT_REASONS


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = Summary.of(FLAT_SUMMARY).sealed(format=FORMAT, scores_sha256="ef" * 32)
    path = tmp_path / "summary.json"
    path.write_text(made.text())
    assert Summary.read(path, tmp_path) == made
    assert list(json.loads(path.read_text()))[:2] == ["format", "benchmark"]
    path.write_text(made.text().replace("25.0", "52.0", 1))
    with pytest.raises(ValueError, match="it was changed after it was written"):
        Summary.read(path, tmp_path)


@pytest.mark.parametrize("word", ["rule", "images", "groups", "metrics", "format", "confidence"])
def test_a_metric_may_be_called_like_a_field(word: str, tmp_path: Path) -> None:
    group = Group(images=4, metrics={word: 12.5}, price={"confidence": 71.5})
    whole = Summary.of(FLAT_SUMMARY).model_copy(
        update={"metrics": {word: 12.5}, "groups": {"left": group}, "format": FORMAT}
    )
    path = tmp_path / "summary.json"
    path.write_text(whole.sealed().text())
    read = Summary.read(path, tmp_path)
    assert (read.metric(word), read.groups["left"].metric(word)) == (12.5, 12.5)
    assert (read.rule, read.images, read.price["confidence"]) == ("first/1", 4, 71.5)
    report = leaderboard("shapes", [Row("a", read)], [], [share(word, word, "correct")])
    (line,) = csv.DictReader(io.StringIO(report.text("csv")))
    assert line["images_2" if word == "images" else word] == "12.5"
    (row,) = json.loads(report.text("json"))["rows"]
    assert (row["metrics"], row["rule"], row["images"]) == ({word: 12.5}, "first/1", 4)


def test_leaderboard_rows_keep_their_flat_form() -> None:
    rows = [Row("a", Summary.of(FLAT_SUMMARY))]
    (row,) = json.loads(
        leaderboard("shapes", rows, [], [share("right", "right", "correct")]).text("json")
    )["rows"]
    assert {key: row[key] for key in FLAT_SUMMARY if key not in ("run", "groups")} == {
        key: value for key, value in FLAT_SUMMARY.items() if key not in ("run", "groups")
    }
    assert {key: row["groups"]["left"][key] for key in FLAT_GROUP} == FLAT_GROUP


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": FORMAT + 1, "metrics": {}},
        {"metrics": {}},
        {"groups": []},
        {"groups": {"left": 1}},
        {"intervals": {"right": [1.0]}},
        {"threshold": float("nan")},
    ],
)
def test_another_document_is_no_summary(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"format|groups|intervals|threshold"):
        Summary.of({**FLAT_SUMMARY, **wrong})
