"""JUnit XML and Markdown say the same as the decision."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from spatialbench.reports.gate.decision import decide
from spatialbench.reports.gate.file import GateFile, gate_from
from spatialbench.reports.gate.junit import junit
from spatialbench.reports.gate.report import markdown

from ..scored_runs import scored_run


def test_junit_counts_and_names(tmp_path: Path) -> None:
    good = scored_run(tmp_path / "good", lambda p, i: int(p.id) % 10 < 8)
    bad = scored_run(tmp_path / "bad", lambda p, i: int(p.id) % 10 < 8 and p.task != "left")
    gate = gate_from(good, 3, 5, 0.95)
    gate = GateFile.model_validate(
        {**gate.model_dump(), "metrics": {**gate.metrics, "undefined": gate.metrics["right"]}}
    )
    suites = ElementTree.fromstring(junit(decide(bad, gate)))
    (suite,) = suites
    cases = suite.findall("testcase")
    outcome = {
        f"{case.get('classname')}.{case.get('name')}": [child.tag for child in case]
        for case in cases
    }
    assert outcome == {
        "spatialbench.shapes.all.right": ["failure"],
        "spatialbench.shapes.all.undefined": ["error"],
        "spatialbench.shapes.above.right": [],
        "spatialbench.shapes.left.right": ["failure"],
        "spatialbench.shapes.right.right": [],
    }
    for element in (suites, suite):
        counts = [element.get(name) for name in ("tests", "failures", "errors")]
        assert counts == ["5", "2", "1"]


def test_a_run_that_decides_nothing_is_never_green(tmp_path: Path) -> None:
    good = scored_run(tmp_path / "good", lambda p, i: True)
    partial = scored_run(tmp_path / "partial", lambda p, i: True, missing={("1", 0)})
    decision = decide(partial, gate_from(good, 3, None, 0.95))
    suites = ElementTree.fromstring(junit(decision))
    assert suites.get("errors") == "1"
    text = markdown(decision)
    assert "cannot tell" in text.splitlines()[0]
    assert "**the run is partial: 119 of 120 images**" in text
