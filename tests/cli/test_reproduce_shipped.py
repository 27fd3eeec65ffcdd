"""A shipped recipe on the lab, killed in the midst and typed again, ends in the whole table."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench.cli import main
from tests.processes import kill_after

TABLE_2 = (
    *("reproduce", "infsplign-thesis/table-2", "--backbone", "lab", "--limit", "1"),
    *("--images-per-prompt", "1", "--batch-size", "1", "--out"),
)


def test_the_thesis_table_after_sigkill_is_that_of_an_undisturbed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPATIALBENCH_OFFLINE", "1")
    # Of its eleven rows four are runs of their own on the lab; this is in the third.
    kill_after(3, "/images.", [*TABLE_2, "killed"], tmp_path)
    (third,) = (tmp_path / "killed").glob("visor/storm*/*")
    assert not (third / "summary.json").exists()
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed").rglob("*.png")}
    tables = []
    for folder in ("killed", "whole"):
        assert main([*TABLE_2, folder]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]
    for said in ("infsplign-thesis/table-2: Table 2: VISOR", "InfSplign SD 2.1", "> STORM SD 1.4"):
        assert said in tables[0]
    there = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed").rglob("*.png")}
    assert len(there) == 4
    assert finished.items() <= there.items()
