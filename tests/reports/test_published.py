"""A file of figures is checked row by row before it stands in a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench import plugins
from spatialbench.errors import UserError
from spatialbench.reports.published import known_metrics, read_figures

ROW: dict[str, Any] = {
    "method": "Ours",
    "base": "a checkpoint",
    "metrics": {"OA": 63.2, "VISOR_cond": 98.14, "VISOR_uncond": 62.03},
    "source": "our paper, table 1",
    "evidence": "P",
}


def _read(tmp_path: Path, *rows: Any) -> Any:
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(list(rows)))
    return read_figures(path, plugins.load("benchmark", "visor"))


def test_a_sound_row(tmp_path: Path) -> None:
    (row,) = _read(tmp_path, ROW)
    assert (row.method, row.metrics["OA"], row.evidence, row.marks) == ("Ours", 63.2, "P", ())


def test_a_row_that_breaks_an_identity(tmp_path: Path) -> None:
    broken = {**ROW, "metrics": {**ROW["metrics"], "OA": 70}}
    with pytest.raises(UserError, match="Ours on a checkpoint: OA x VISOR_cond gives 68"):
        _read(tmp_path, ROW, broken)
    _, marked = _read(tmp_path, ROW, {**broken, "marks": ["inconsistent"]})
    assert marked.marks == ("inconsistent",)


@pytest.mark.parametrize(
    "changes",
    [
        {"evidence": "X"},
        {"metrics": {}},
        {"metrics": {"OA": "many"}},
        {"marks": ["best"]},
        {"year": 2026},
        {"source": ""},
    ],
)
def test_malformed_rows(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="is not a file of published figures"):
        _read(tmp_path, {**ROW, **changes})


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"visor uncond": 60}, "unknown metric 'visor uncond': did you mean VISOR_uncond"),
        ({"oa": 60}, "unknown metric 'oa': did you mean OA"),
        ({"OA": 60, "T2I_2D": 12.0}, "unknown metric 'T2I_2D'"),
        ({"OA": -1}, "OA is -1, and a percent is from 0 to 100"),
        ({"OA": 100.01}, "OA is 100.01"),
        ({"OA": 3750}, "OA is 3750"),
        ({"OA": 0.67}, "no value is larger than 1 (OA 0.67). Are they shares"),
        ({"OA": 1, "VISOR_1": 0.5}, "no value is larger than 1 (OA 1, VISOR_1 0.5)"),
        ({"OA": 0.0, "VISOR_1": 1e-9}, "no value is larger than 1"),
    ],
)
def test_figures_that_no_table_can_have(
    tmp_path: Path, metrics: dict[str, float], said: str
) -> None:
    with pytest.raises(UserError) as raised:
        _read(tmp_path, ROW, {**ROW, "metrics": metrics})
    assert said in str(raised.value)
    assert "figures.json, Ours on a checkpoint: " in str(raised.value)


def test_the_unit_can_be_said(tmp_path: Path) -> None:
    shares = {key: value / 100 for key, value in ROW["metrics"].items()}
    (row,) = _read(tmp_path, {**ROW, "metrics": shares, "unit": "share"})
    assert row.metrics == pytest.approx(ROW["metrics"])
    small = {"VISOR_4": 0.4}
    (row,) = _read(tmp_path, {**ROW, "metrics": small, "unit": "percent"})
    assert row.metrics == small
    with pytest.raises(UserError, match=r"OA is 1\.2, and a share is from 0 to 1"):
        _read(tmp_path, {**ROW, "metrics": {"OA": 1.2}, "unit": "share"})
    with pytest.raises(UserError, match="is not a file of published figures"):
        _read(tmp_path, {**ROW, "unit": "fraction"})


@pytest.mark.parametrize("metrics", [{"VISOR_4": 0}, {"OA": 1.5, "VISOR_4": 0.4}, {"OA": 100}])
def test_small_numbers_beside_large_ones_and_zeros_are_percent(
    tmp_path: Path, metrics: dict[str, float]
) -> None:
    (row,) = _read(tmp_path, {**ROW, "metrics": metrics})
    assert row.metrics == metrics


def test_columns_of_a_rule_for_any_benchmark_are_known(tmp_path: Path) -> None:
    (row,) = _read(tmp_path, {**ROW, "metrics": {"PSE": 40.0}})
    assert row.metrics == {"PSE": 40.0}


@pytest.mark.parametrize("name", ["visor", "geneval", "t2i-compbench"])
def test_our_own_published_rows_pass_the_same_checks(name: str, tmp_path: Path) -> None:
    benchmark = plugins.load("benchmark", name)
    for entry in benchmark.published():
        assert known_metrics(benchmark) >= entry.metrics.keys()
        assert all(0 <= value <= 100 for value in entry.metrics.values())
        assert max(entry.metrics.values()) > 1


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_figures(tmp_path / "nowhere", plugins.load("benchmark", "visor"))
