"""Verdicts of a benchmark's own results file: which images they may be of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.exchange.read_results import find_verdicts, import_verdicts
from spatialbench.exchange.target import Target
from spatialbench.plugins import Judged, Verdict
from spatialbench.runs.imported import Imported
from spatialbench.runs.opening import Run
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection
from spatialbench.scoring.score import read_verdicts

from ..stages.fakes import Shapes

RIGHT = Verdict(True, 1.0, "right", {"found": True})


class Recorded(Shapes):
    """Two prompts of two images; its results file holds an image index per line, of prompt 0."""

    def official_reader(
        self, subset: str, images_per_prompt: int | None = None
    ) -> Callable[[Path], Judged]:
        prompt = self.prompts("all")[0]
        return lambda path: [(prompt, int(line), RIGHT) for line in path.read_text().split()]


def _target(folder: Path, *, allow_partial: bool = False) -> Target:
    seeds = SeedScheme.parse("unknown")
    return Target(Recorded(2), "all", Selection(), seeds, allow_partial, folder / "run")


def imported(file: Path, target: Target, method: Imported) -> tuple[Run, int]:
    found = find_verdicts(file, target, target.expected(method))
    return import_verdicts(file, found, target, method), found.left_out


@pytest.mark.parametrize(("beyond", "left_out"), [("-1", 1), ("2", 1), ("-2 3", 2)])
def test_images_that_are_not_expected_are_left_out(
    tmp_path: Path, beyond: str, left_out: int
) -> None:
    file = tmp_path / "results"
    file.write_text(f"0 1 {beyond}")
    method = Imported("theirs", "unknown", "results", "hash")
    run, found = imported(file, _target(tmp_path, allow_partial=True), method)
    assert found == left_out
    assert [row["index"] for row in read_verdicts(run)] == [0, 1]
    with pytest.raises(UserError):
        imported(file, _target(tmp_path), method)


def test_one_image_twice(tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.write_text("0 1 1")
    method = Imported("theirs", "unknown", "results", "hash")
    with pytest.raises(UserError, match="the image 0/1 appears twice"):
        imported(file, _target(tmp_path, allow_partial=True), method)
