"""The gates in results/ are of this code: a lab that was trained again needs a new baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench import plugins
from spatialbench.backbones.named import resolve
from spatialbench.reports.gate.file import read_gate

GATES = sorted((Path(__file__).parents[3] / "results" / "gates").glob("*.json"))


@pytest.mark.parametrize("path", GATES, ids=[path.name for path in GATES])
def test_a_committed_gate_can_still_be_met(path: Path) -> None:
    gate = read_gate(path)
    measured = gate.measured
    benchmark = plugins.load("benchmark", measured.benchmark.split("/")[0])
    assert measured.benchmark == f"{benchmark.name}/{benchmark.version}"
    assert measured.rule in {rule.name for rule in benchmark.rules.values()}
    assert set(gate.metrics) <= {metric.key for metric in benchmark.metrics if metric.headline}
    assert gate.command
    if path.name.startswith("lab-"):
        detector = plugins.load("detector", "lab-owlvit").configure(None, "cpu", True)
        assert measured.detector == detector.signature()
        assert measured.base == resolve("lab").label()
