"""A comparison as a table where a metric belongs to one task only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spatialbench.prompts import Prompt
from spatialbench.reports.compare.comparison import compare
from spatialbench.reports.compare.report import comparison_report
from spatialbench.reports.tables import UNDEFINED

from ..scored_runs import scored_run


def _even(prompt: Prompt, index: int) -> bool:
    return int(prompt.id) % 2 == 0


def test_a_metric_another_task_lacks_is_undefined_there(tmp_path: Path) -> None:
    """As with GenEval, where the row ``single_object`` has no ``two_object``."""
    first = scored_run(tmp_path / "a", _even)
    second = scored_run(tmp_path / "b", lambda p, i: True, method="other")
    (found,) = compare(first, [second])
    lacking = replace(found, groups={**found.groups, "left": {}})
    text = comparison_report([lacking], flips=0).text("csv")
    assert "left" not in text.split("\n")[0]
    rows = comparison_report([lacking], flips=0).text("md").splitlines()
    cells = {row.split("|")[1].strip(): row.split("|")[2].strip() for row in rows if "|" in row}
    assert cells["left"] == UNDEFINED
    assert cells["above"].startswith("+")
