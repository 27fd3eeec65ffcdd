"""A run that version 0.1 scored is compared and gated as it stands, without scoring it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spatialbench.prompts import Prompt
from spatialbench.reports.compare.comparison import compare
from spatialbench.reports.compare.report import comparison_report
from spatialbench.reports.gate.decision import decide
from spatialbench.reports.gate.file import gate_from
from spatialbench.reports.gate.report import decision_report
from spatialbench.reports.scored import ScoredRun, load_scored
from spatialbench.scoring.summary import FLAT, seal

from .scored_runs import scored_run


def _flat(group: dict[str, Any]) -> dict[str, Any]:
    """A group's numbers as 0.1 wrote them: between the other keys."""
    rest = {key: value for key, value in group.items() if key not in ("metrics", "price", "format")}
    return {**rest, **group["metrics"], **group["price"]}


def _as_0_1(scored: ScoredRun) -> ScoredRun:
    document = scored.result.document()
    document["groups"] = {name: _flat(group) for name, group in document["groups"].items()}
    flat = _flat(document)
    path = scored.run.directory.summary
    path.write_text(json.dumps({**flat, "summary_sha256": seal(flat)}, indent=2) + "\n")
    return load_scored(scored.run)


def _right(prompt: Prompt, index: int) -> bool:
    return int(prompt.id) % 3 > 0


def test_it_is_compared_and_gated_to_the_last_bit(tmp_path: Path) -> None:
    a = scored_run(tmp_path / "a", _right)
    b = scored_run(tmp_path / "b", lambda prompt, index: index == 0)
    gate = gate_from(a, 2, 4, 0.95)
    held, compared = decide(b, gate), compare(a, [b])
    old_a, old_b = _as_0_1(a), _as_0_1(b)
    assert (old_a.result.format, old_a.result.groups) == (FLAT, a.result.groups)
    before = old_b.run.directory.summary.read_bytes()
    assert gate_from(old_a, 2, 4, 0.95) == gate
    for form in ("json", "csv", "table"):
        again = decision_report(decide(old_b, gate)).text(form)
        assert again == decision_report(held).text(form)
        again = comparison_report(compare(old_a, [old_b]), 9).text(form)
        assert again == comparison_report(compared, 9).text(form)
    assert old_b.run.directory.summary.read_bytes() == before
