"""The GPU session, on tiny models: every part is measured, and what fails is named."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from tests.measurements import on_gpu


def test_every_part_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # So long that no part's share runs out, however slow the machine is.
    assert on_gpu.main(["--reduced", "--minutes", "1000", "--out", str(tmp_path)]) == 0
    document = json.loads((tmp_path / "cpu.json").read_text())
    assert document["notes"] == []
    assert {(row["part"], row["what"]) for row in document["rows"]} == {
        ("step sd1.4", "plain"),
        ("step sd1.4", "guided"),
        ("step sd1.4", "straightforward"),
        ("gradient sd1.4", "float32"),
        ("generate sd1.4", "sd"),
        ("detect owlvit", "boxes"),
        ("run sd1.4", "one by one"),
        ("run sd1.4", "overlapped"),
        ("detect ahead", "in place"),
        ("detect ahead", "prefetched"),
        ("compiled sd1.4", "plain"),
        ("compiled sd1.4", "guided"),
        ("step sd3.5-medium", "plain"),
        ("step sd3.5-medium", "guided"),
        ("step flux1-dev", "plain"),
        ("step flux1-dev", "guided"),
    }
    assert all(row.get("seconds", 1) > 0 for row in document["rows"])
    table = capsys.readouterr().out
    assert "| step sd1.4 | guided | 1 |" in table


def test_a_part_that_fails_or_runs_out_of_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def broken() -> None:
        raise ValueError("no such layer")

    session = on_gpu.Session("cpu", True, time.perf_counter() + 3600)
    late = on_gpu.Session.measure
    work = [
        ("broken", 1.0, broken),
        ("late", -1.0, lambda: late(session, lambda: done.append("late"), 1)),
        ("fine", 1.0, lambda: done.append("fine")),
    ]
    monkeypatch.setattr(on_gpu, "parts", lambda session: iter(work))
    on_gpu.run_parts(session, 60)
    assert session.notes == ["broken: ValueError: no such layer", "late: its time ran out"]
    assert done == ["fine"]


def test_without_a_gpu_it_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(SystemExit) as stopped:
        on_gpu.main([])
    assert stopped.value.code == 2
    assert "give --reduced" in capsys.readouterr().err
