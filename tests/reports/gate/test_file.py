"""Gate files are read back as written, and refused where they are not understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.reports.gate.file import gate_from, read_gate

from ..scored_runs import scored_run


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    run = scored_run(tmp_path / "run", lambda prompt, index: index == 0)
    loaded: dict[str, Any] = json.loads(gate_from(run, 2, 4, 0.9).text())
    return loaded


def test_a_written_file_reads_back(content: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "gate.json"
    path.write_text(json.dumps(content))
    gate = read_gate(path)
    assert json.loads(gate.text()) == content
    assert (gate.metrics["right"].low, gate.metrics["right"].high) == (48, 52)
    assert gate.groups["left"]["right"].tolerance == 4
    assert (gate.min_images, gate.confidence) == (120, 0.9)
    assert "undefined" not in gate.metrics


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gate_version": 2}, "version 2, and this spatialbench reads version 1"),
        ({"gate_version": None}, "version None"),
        ({"metrics": {}}, "metrics"),
        ({"metrics": {"right": {"value": 1, "tolerance": -1}}}, "metrics.right.tolerance"),
        ({"metrics": {"right": {"value": float("nan"), "tolerance": 1}}}, "metrics.right.value"),
        ({"metrics": {"right": {"value": 1, "tolerance": 1, "min": 2}}}, "metrics.right.min"),
        ({"confidence": 1.5}, "confidence"),
        ({"thresholds": {}}, "thresholds"),
        ({"signature": "visor"}, "is not a signature"),
    ],
)
def test_what_is_not_understood_is_refused(
    content: dict[str, Any], tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = tmp_path / "gate.json"
    path.write_text(json.dumps({**content, **changes}))
    with pytest.raises(UserError) as raised:
        read_gate(path)
    assert said in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_what_is_no_gate_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gate.json"
    path.write_text(text)
    with pytest.raises(UserError, match="gate file"):
        read_gate(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_gate(tmp_path / "nowhere.json")
