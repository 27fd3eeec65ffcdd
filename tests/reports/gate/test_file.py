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
        ({"gate_version": 5}, "version 5, and this spatialbench reads versions 1 to 4: install"),
        ({"gate_version": "2"}, "version '2'"),
        ({"gate_version": True}, "version True"),
        ({"gate_version": 2.0}, "version 2.0"),
        ({"metrics": {"right": {"value": 1, "tolerance": 1, "edges": "left"}}}, "right.edges"),
        ({"gate_version": 3}, 'version 3, which has no verdicts: write "gate_version": 4'),
        (
            {
                "gate_version": 2,
                "verdicts": None,
                "metrics": {"right": {"value": 1, "tolerance": 1, "edges": "upper"}},
            },
            "no upper edge",
        ),
        ({"verdicts": {"metric": "right", "columns": {}}}, "verdicts"),
        ({"gate_version": None}, "version None"),
        ({"metrics": {}}, "metrics"),
        ({"metrics": {"right": {"value": 1, "tolerance": -1}}}, "metrics.right.tolerance"),
        ({"metrics": {"right": {"value": float("nan"), "tolerance": 1}}}, "metrics.right.value"),
        ({"metrics": {"right": {"value": 1, "tolerance": 1, "min": 2}}}, "metrics.right.min"),
        ({"confidence": 1.5}, "confidence"),
        ({"thresholds": {}}, "thresholds"),
        ({"signature": "visor"}, "gate.json, signature: 'visor' is not a signature"),
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


def test_a_file_of_version_1_is_read_with_both_edges(
    content: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "gate.json"
    window = {"value": 50, "tolerance": 2}
    old = {**content, "gate_version": 1, "metrics": {"right": window}, "groups": {}}
    del old["verdicts"]
    path.write_text(json.dumps(old))
    (read,) = read_gate(path).metrics.values()
    assert (read.low, read.high, str(read)) == (48, 52, "48.00 to 52.00")
    path.write_text(json.dumps({**old, "metrics": {"right": {**window, "edges": "lower"}}}))
    with pytest.raises(UserError, match="version 1, which has no edges"):
        read_gate(path)


def test_a_window_with_a_lower_edge(tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run", lambda prompt, index: index == 0)
    path = tmp_path / "gate.json"
    path.write_text(gate_from(run, 2, 4, 0.9, one_sided=True).text())
    gate = read_gate(path)
    assert gate.windows == 4
    (read,) = gate.metrics.values()
    assert (read.low, read.high, str(read)) == (48, float("inf"), "at least 48.00")


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_what_is_no_gate_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gate.json"
    path.write_text(text)
    with pytest.raises(UserError, match="gate file"):
        read_gate(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_gate(tmp_path / "nowhere.json")
