"""Nothing is written to a run before it is held, and one of two that start at once wins."""

from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.runs import opening
from spatialbench.runs.files import make_folder
from spatialbench.runs.lock import writing
from spatialbench.runs.machine import this_machine
from spatialbench.runs.manifest import read_manifest
from spatialbench.runs.opening import RunSpec, opened_run
from spatialbench.runs.selection import Selection
from tests.opened_runs import open_run
from tests.stages.fakes import Painter, Shapes
from tests.tree import tree

ROUNDS = 8


STEPS = {"plain": 20, "fast": 5}


def spec(style: str = "plain") -> RunSpec:
    return RunSpec(Shapes(6, 1), "all", Painter(steps=STEPS[style]))


def open_it(folder: Path, style: str, limit: int | None = None, *, shared: bool = False) -> Any:
    return opened_run(
        spec(style), Selection(limit=limit), this_machine(), folder, style, shared=shared
    )


def start(folders: list[Path], style: str, barrier: Barrier, told: Any) -> None:
    """Begin a run in each folder at the instant another process does."""
    for folder in folders:
        barrier.wait(600)
        try:
            with open_it(folder, style, shared=True):
                barrier.wait(600)
            told.put((folder.name, style))
        except UserError:
            barrier.wait(600)


def test_of_two_identities_started_at_once_one_is_left_intact(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    folders = [tmp_path / str(number) for number in range(ROUNDS)]
    barrier, told = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=start, args=(folders, style, barrier, told))
        for style in ("plain", "fast")
    ]
    for process in processes:
        process.start()
    winners = dict(told.get(timeout=600) for _ in folders)
    for process in processes:
        process.join(600)
    assert [process.exitcode for process in processes] == [0, 0]
    assert told.empty(), "both were let in"
    for folder in folders:
        manifest = read_manifest(folder)
        assert manifest.command == winners[folder.name]
        assert manifest.identity == spec(winners[folder.name]).identity


@pytest.mark.parametrize("shared", [False, True])
def test_a_manifest_of_another_identity_that_appears_meanwhile_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    made = make_folder

    def meanwhile(path: Path, *args: Any) -> None:
        made(path, *args)
        monkeypatch.setattr(opening, "make_folder", made)
        open_run(spec("fast"), Selection(), this_machine(), path)

    monkeypatch.setattr(opening, "make_folder", meanwhile)
    with (
        pytest.raises(UserError, match=r"holds another run.*generator"),
        open_it(tmp_path / "run", "plain", shared=shared),
    ):
        pass
    assert read_manifest(tmp_path / "run").identity == spec("fast").identity


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("limit", [2, None])
def test_a_command_that_is_refused_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool, limit: int | None
) -> None:
    monkeypatch.setattr(opening, "_PAUSE_S", 0.0)
    with open_it(tmp_path, "plain", 4):
        before = tree(tmp_path)
        with (
            pytest.raises(UserError, match=r"another process is working|another selection"),
            open_it(tmp_path, "plain", limit, shared=shared),
        ):
            pass
        assert tree(tmp_path) == before


def test_shards_have_one_selection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_PAUSE_S", 0.0)
    with open_it(tmp_path, "plain", 4, shared=True):
        with open_it(tmp_path, "plain", 4, shared=True):
            pass
        before = tree(tmp_path)
        with (
            pytest.raises(UserError, match="another selection"),
            open_it(tmp_path, "plain", 2, shared=True),
        ):
            pass
        assert tree(tmp_path) == before
    with open_it(tmp_path, "plain", 2, shared=True) as run:
        assert len(run.expected.prompts) == 2
    assert read_manifest(tmp_path).selection.limit == 2


def test_the_run_stays_held_between_its_stages(tmp_path: Path) -> None:
    with open_it(tmp_path, "plain") as run:
        with run.writing() as alone:
            assert alone
        with pytest.raises(UserError, match="another process"), writing(tmp_path):
            pass
    with writing(tmp_path):
        pass


@pytest.mark.parametrize("error", [FileNotFoundError("an image"), RuntimeError("out of it")])
def test_a_run_taken_away_while_it_is_held_is_said_so(tmp_path: Path, error: Exception) -> None:
    folder = tmp_path / "run"
    folder.mkdir()

    def works(away: Path | None) -> None:
        with writing(folder):
            if away is not None:
                folder.rename(away)
            raise error

    with pytest.raises(type(error)):
        works(None)
    with pytest.raises(UserError, match="was removed or moved away while"):
        works(tmp_path / "elsewhere")
