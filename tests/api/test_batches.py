"""``--batch-size auto``: measured once, kept with the run, refused where several must agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spatialbench.api import at_work, batches
from spatialbench.api.evaluation import Evaluation
from spatialbench.errors import UserError
from spatialbench.runs.manifest import read_manifest
from spatialbench.stages import batch_search
from spatialbench.stages.plan import Shard
from tests.stages.fakes import Finder, Log, Painter, Shapes


def asked(folder: Path, log: Log, **others: Any) -> Evaluation:
    return Evaluation(
        Painter(),
        Shapes(),
        detector=Finder(),
        out=folder,
        device="cpu",
        batch_size="auto",
        progress=log,
        **others,
    )


def test_it_is_measured_once_and_kept_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fastest(method: Any, requests: Any, start: int) -> batch_search.Found:
        calls.append(len(requests))
        return batch_search.Found(6, {8: 1.0, 6: 2.0}, 28)

    monkeypatch.setattr(batch_search, "fastest_batch", fastest)
    log = Log()
    run, _ = asked(tmp_path / "run", log).run()
    assert calls == [24]
    assert [one.batch_size for one in read_manifest(run.path).machines] == [6]
    assert any(
        notice.startswith("batch size 6: images per second are 1 at 8") for notice in log.notices
    )
    (run.path / "images" / "3" / "1.png").unlink()
    again = Log()
    asked(tmp_path / "run", again).run()
    assert calls == [24]
    assert "batch size 6, with which this run was begun" in again.notices
    assert [one.batch_size for one in read_manifest(run.path).machines] == [6]


def test_several_processes_have_to_be_given_a_number(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--batch-size auto measures in one process"):
        at_work.check(asked(tmp_path / "run", Log(), shard=Shard(1, 2)))


def test_a_number_is_a_number(tmp_path: Path) -> None:
    assert batches.batch_of(Painter(), 3) == 3
    assert batches.batch_of(Painter(), None) == batches.batch_of(Painter(), "auto") == 8
