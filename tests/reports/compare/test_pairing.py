"""Images are paired by prompt and index, whatever the order, and what is wrong is said."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.prompts import Prompt
from spatialbench.reports.compare.pairing import pair
from spatialbench.reports.scored import is_copy, load_scored
from spatialbench.runs.store import RunDirectory

from ...stages.fakes import Shapes
from ..scored_runs import scored_run


class Others(Shapes):
    """Another benchmark with the same prompt ids."""

    name = "others"


def _even(prompt: Prompt, index: int) -> bool:
    return (int(prompt.id) + index) % 2 == 0


def test_pairs_are_by_prompt_and_index(tmp_path: Path) -> None:
    """The second run has more prompts, so its rows lie in another order, and gaps of its own."""
    a = scored_run(tmp_path / "a", _even, limit=20, missing={("3", 0)})
    b = scored_run(tmp_path / "b", _even, missing={("7", 1), ("9", 0), ("9", 1)})
    found = pair(a, b)
    chosen = {prompt.id for prompt in a.run.expected.prompts}
    expected = {(p, k) for p in chosen for k in (0, 1)}
    expected -= {("3", 0), ("7", 1), ("9", 0), ("9", 1)}
    for table, rows, run in (
        (found.first, found.first_rows, a),
        (found.second, found.second_rows, b),
    ):
        keys = [
            (table.prompts[p].id, k)
            for p, k in zip(table.prompt_row.tolist(), table.index.tolist(), strict=True)
        ]
        assert set(keys) == expected
        assert [run.reasons[row].split()[0] for row in rows] == [f"{p}/{k}" for p, k in keys]
    assert found.first.prompts == found.second.prompts
    assert found.first.columns["correct"].tolist() == found.second.columns["correct"].tolist()
    assert len(found.first.index) + found.only_first == len(a.reasons)
    assert len(found.first.index) + found.only_second == len(b.reasons)
    assert found.same_seeds
    assert "only in the reference" in found.notes[0]
    assert found.notes[1].startswith("OTHER SELECTION: prompts 20 against 60")


def test_two_benchmarks_are_refused(tmp_path: Path) -> None:
    a = scored_run(tmp_path / "a", _even)
    b = scored_run(tmp_path / "b", _even, benchmark=Others(60))
    with pytest.raises(UserError, match="runs of one benchmark"):
        pair(a, b)


def test_runs_that_share_nothing(tmp_path: Path) -> None:
    a = scored_run(tmp_path / "a", _even, missing={(str(i), 0) for i in range(60)})
    b = scored_run(tmp_path / "b", _even, missing={(str(i), 1) for i in range(60)})
    with pytest.raises(UserError, match="share no judged image"):
        pair(a, b)


def test_another_detector_is_said(tmp_path: Path) -> None:
    a = scored_run(tmp_path / "a", _even)
    b = scored_run(tmp_path / "b", _even, detector="finder@w2")
    (note,) = pair(a, b).notes
    assert "detector finder@w1 against finder@w2" in note


def test_a_copy_is_said(tmp_path: Path) -> None:
    a = scored_run(tmp_path / "a", _even)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (note,) = pair(a, load_scored(replace(a.run, directory=RunDirectory(tmp_path / "b")))).notes
    assert note.startswith("SAME RUN")
    # The same settings under another detector are not the same verdicts.
    assert not is_copy(a, scored_run(tmp_path / "c", _even, detector="finder@w2"))
    # Nor are runs of other identities that happen to give the same numbers.
    assert not is_copy(a, scored_run(tmp_path / "d", _even, method="other"))
