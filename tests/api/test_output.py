"""A run in other forms, from Python: what the verbs write is what the methods write."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench import Run, UserError, evaluate
from spatialbench.cli import main


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return evaluate(
        "painter", "squares", limit=3, progress=False, device="cpu", out=tmp_path / "run"
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _typed(*words: object) -> None:
    assert main([str(word) for word in words]) == 0


def test_exports(run: Run, tmp_path: Path) -> None:
    assert run.export("squares", tmp_path / "ours") == tmp_path / "ours"
    _typed("export", run.path, "--layout", "squares", "--out", tmp_path / "typed")
    ours, typed = _files(tmp_path / "ours"), _files(tmp_path / "typed")
    assert ours == typed != {}
    run.export("detections", tmp_path / "ours.jsonl")
    _typed("export", run.path, "--layout", "detections", "--out", tmp_path / "typed.jsonl")
    assert (tmp_path / "ours.jsonl").read_bytes() == (tmp_path / "typed.jsonl").read_bytes()
    with pytest.raises(UserError, match="--detector goes with --layout detections"):
        run.export("squares", tmp_path / "again", detector="colour-blobs")


def test_pages(run: Run, tmp_path: Path) -> None:
    index = run.gallery(tmp_path / "ours", copy=True)
    assert index.parent == tmp_path / "ours"
    _typed("gallery", run.path, "--out", tmp_path / "typed", "--copy")
    ours, typed = _files(tmp_path / "ours"), _files(tmp_path / "typed")
    assert ours == typed != {}


def test_two_runs_on_one_page(run: Run, tmp_path: Path) -> None:
    other = evaluate(
        "painter",
        "squares",
        parameters={"skill": 0.0},
        limit=3,
        progress=False,
        device="cpu",
        out=tmp_path / "other",
    )
    index = other.gallery(against=run, sweep=False)
    assert index.parent.name == f"gallery-against-{run.stored.manifest.id}"
    assert "became right from A to B" in index.read_text(encoding="utf-8")


def test_a_gate(run: Run, tmp_path: Path) -> None:
    file = run.write_gate(tmp_path / "gate.json", tolerance=5)
    _typed("gate", run.path, "--write", tmp_path / "typed.json", "--tolerance", "5")
    assert file.read_bytes() == (tmp_path / "typed.json").read_bytes()
    assert run.gate(file).answer.status in (0, 2), "few images cannot tell, and none is worse"
    with pytest.raises(UserError, match="is there already"):
        run.write_gate(file)
    run.write_gate(file, tolerance=1, force=True)
    with pytest.raises(UserError, match="belongs to the run"):
        run.write_gate(run.path / "summary.json", force=True)


def test_status(run: Run) -> None:
    state = run.status()
    assert (state.images, state.scored, state.partial) == (6, 6, False)
    assert state.next == "nothing is left to do"
