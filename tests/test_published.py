"""A file of figures is checked row by row before it stands in a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench import plugins
from spatialbench.errors import UserError
from spatialbench.published import read_figures

ROW = {
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
    broken = {**ROW, "metrics": {**ROW["metrics"], "OA": 70}}  # type: ignore[dict-item]
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
    with pytest.raises(UserError, match="is no file of published figures"):
        _read(tmp_path, {**ROW, **changes})


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_figures(tmp_path / "nowhere", plugins.load("benchmark", "visor"))
