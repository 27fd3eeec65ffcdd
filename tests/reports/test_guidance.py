"""The loss by layer of a run: means, what is gone of it, and a line in the chart for each."""

from __future__ import annotations

import re
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.plugins import load
from spatialbench.prompts import Prompt
from spatialbench.reports.charts.courses import courses_chart
from spatialbench.reports.guidance import courses, guidance_report

VISOR = load("benchmark", "visor")
PROMPTS = list(VISOR.prompts("relational"))


def course(*rows: tuple[int, list[float | None]]) -> dict[str, Any]:
    return {"layers": ["1.1", "<b>"], "steps": [s for s, _ in rows], "losses": [r for _, r in rows]}


def records() -> list[tuple[Prompt, dict[str, Any]]]:
    return [
        (PROMPTS[0], course((0, [1.0, 2.0]), (1, [0.5, 2.0]))),
        (PROMPTS[0], course((0, [3.0, 2.0]), (1, [0.5, None]))),
        (PROMPTS[999], course((0, [2.0, 4.0]), (2, [1.0, 1.0]))),
        (PROMPTS[1], course()),
    ]


def test_means_by_hand() -> None:
    found = courses(records(), VISOR)
    first, second = found.layers
    assert (found.images, list(found.steps)) == (3, [0, 1, 2])
    assert [first.first, first.last] == pytest.approx([2, 2 / 3])
    assert first.reduction == pytest.approx(100 * 4 / 6)
    assert first.low <= first.reduction <= first.high
    # Of the second layer one image has no last loss, and takes no part in what is gone.
    assert [second.last, second.reduction] == pytest.approx([1.5, 100 * 3 / 6])
    assert list(first.course) == [2.0, 0.5, 1.0]
    (table,) = guidance_report("mine", found, 5).tables
    assert [row[0] for row in table.rows] == ["1.1", "<b>"]
    assert [row[-1] for row in table.rows] == ["1.000", "0.750"]
    assert "3 of 5 images have a record" in table.notes[1]


def test_one_prompt_has_no_interval() -> None:
    (one, _) = courses(records()[:2], VISOR).layers
    assert one.low != one.low
    assert "+" not in guidance_report("mine", courses(records()[:2], VISOR), 2).text("table")[:300]


def test_what_cannot_be_told_is_said() -> None:
    with pytest.raises(UserError, match="no image of this run was guided"):
        courses(records()[3:], VISOR)
    other = {"layers": ["1.1"], "steps": [0], "losses": [[1.0]]}
    with pytest.raises(UserError, match="guided by different layers"):
        courses([*records(), (PROMPTS[0], other)], VISOR)


def test_the_chart_has_a_line_for_each_layer_and_its_names_are_text() -> None:
    found = courses(records(), VISOR)
    drawn = str(courses_chart("a & b", found.steps, [(o.name, o.course) for o in found.layers]))
    assert len(re.findall("<title>", drawn)) == 2
    assert "<b>" not in drawn
    assert "a &amp; b" in drawn
    ticks = [float(one) for one in re.findall(r'"end"[^>]*>(-?[\d.]+)<', drawn)]
    assert ticks == [0, 1, 2, 3]
    alone = str(courses_chart("t", [3], [("x", [0.0])]))
    assert "nan" not in alone
    assert "inf" not in alone
