"""``compare`` over real runs, in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares")


@pytest.fixture
def runs(spatialbench: Command) -> Command:
    """Runs ``poor``, ``fair`` and ``good``."""
    for name, skill in (("poor", 0.3), ("fair", 0.5), ("good", 0.9)):
        spatialbench(*RUN, "--out", name, "--set", f"skill={skill}")
    return spatialbench


def test_three_runs(runs: Command) -> None:
    outcome = runs("compare", "poor", "fair", "good", "--format", "json", "--flips", "1000")
    document = json.loads(outcome.out)
    assert [found["run"] for found in document["comparisons"]] == ["fair", "good"]
    summaries = {n: json.loads(Path(n, "summary.json").read_text()) for n in ("poor", "good")}
    better = document["comparisons"][1]
    change = better["metrics"]["RIGHT"]
    expected = summaries["good"]["metrics"]["RIGHT"] - summaries["poor"]["metrics"]["RIGHT"]
    assert change["difference"] == pytest.approx(expected)
    assert change["low"] <= change["difference"] <= change["high"]
    assert better["gained"] - better["lost"] == pytest.approx(96 * expected / 100)
    assert len(better["flips"]) == better["gained"] + better["lost"]
    assert set(better["groups"]) == {"left", "right", "above", "below"}
    assert (better["images"], better["same_seeds"], better["clusters"]) == (96, True, 6)


def test_tables_and_csv_hold_the_same(runs: Command) -> None:
    document = json.loads(runs("compare", "poor", "good", "--format", "json").out)
    change = document["comparisons"][0]["metrics"]["RIGHT"]
    table = runs("compare", "poor", "good").out
    assert f"{change['difference']:+.2f} [{change['low']:+.2f}, {change['high']:+.2f}]" in table
    assert "FEW CLUSTERS: these prompts form only 6" in table
    assert "flipped images, 20 of" in table
    assert "| RIGHT" in runs("compare", "poor", "good", "--format", "md").out
    rows = list(csv.DictReader(io.StringIO(runs("compare", "poor", "good", "--format", "csv").out)))
    (row,) = [row for row in rows if (row["group"], row["metric"]) == ("all", "RIGHT")]
    assert float(row["difference"]) == change["difference"]
    assert float(row["p_holm"]) == change["p_holm"]


def test_what_cannot_be_compared(runs: Command) -> None:
    assert runs("compare", "poor").status == 2
    assert runs("compare", "poor", "nowhere").status == 2
    runs("generate", *RUN[1:], "--out", "unscored", "--limit", "2")
    outcome = runs("compare", "poor", "unscored")
    assert outcome.status == 2
    assert "spatialbench status unscored" in outcome.err


def test_a_run_that_grew_since_it_was_scored(runs: Command) -> None:
    runs(*RUN, "--out", "grown", "--limit", "4")
    runs("generate", *RUN[1:], "--out", "grown", "--limit", "8")
    outcome = runs("compare", "poor", "grown")
    assert outcome.status == 2
    assert "was scored with 8 of 8 images" in outcome.err
