"""``pack`` and ``unpack``: the same images, and at no moment fewer of them."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.runs import image_files
from spatialbench.runs.lock import writing
from spatialbench.runs.opening import Run
from spatialbench.runs.packing import pack, unpack
from spatialbench.runs.progress import Progress
from spatialbench.runs.status import status
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Log, Shapes, open_shapes, snapshot, work
from tests.stages.test_kill import die_before, finished

Move = Callable[[Run, Progress], int]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored run of six images."""
    folder = tmp_path_factory.mktemp("packing") / "whole"
    run_all(open_shapes(folder, Shapes(3, 2)), work(batch_size=4), Log())
    return folder


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Processes that start fast."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pyarrow.parquet"])
    return context


def opened(folder: Path) -> Run:
    return open_shapes(folder, Shapes(3, 2))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_there_and_back(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    before, state = snapshot(whole), status(opened(folder))
    log = Log()
    assert pack(opened(folder), log) == 6
    assert (snapshot(folder), status(opened(folder))) == (before, state)
    assert not (folder / "images").exists()
    assert len(list((folder / "packs").iterdir())) == 2
    assert pack(opened(folder), log) == 0
    assert unpack(opened(folder), log) == 6
    assert (snapshot(folder), status(opened(folder))) == (before, state)
    assert not (folder / "packs").exists()
    assert [path.relative_to(folder) for path in files(folder) if path.name != ".lock"] == [
        path.relative_to(whole) for path in files(whole) if path.name != ".lock"
    ]
    assert unpack(opened(folder), log) == 0
    assert log.notices == []
    assert log.begun[0] == ("pack", 0, 6)


def move_and_die(folder: Path, name: str, operation: int) -> None:
    """Move the images, but die before the disk operation of that number."""
    run = opened(folder)
    die_before(operation)
    {"pack": pack, "unpack": unpack}[name](run, Log())


@pytest.mark.parametrize("move", [pack, unpack])
def test_dead_at_every_disk_operation(
    whole: Path, tmp_path: Path, context: ForkServerContext, move: Move
) -> None:
    begun, before = tmp_path / "begun", snapshot(whole)
    shutil.copytree(whole, begun)
    if move is unpack:
        pack(opened(begun), Log())
    for operation in itertools.count():
        folder = tmp_path / str(operation)
        shutil.copytree(begun, folder)
        process = context.Process(target=move_and_die, args=(folder, move.__name__, operation))
        process.start()
        if finished(process):
            break
        images = {
            name: content for name, content in snapshot(folder).items() if "scratch" not in name
        }
        assert images == before, f"after a death at operation {operation}"
        move(opened(folder), Log())
        assert snapshot(folder) == before
        assert (folder / "images").exists() == (move is unpack)
        assert (folder / "packs").exists() == (move is pack)
        shutil.rmtree(folder)
    assert operation > 10


def test_what_is_not_as_recorded_stays(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    run = opened(folder)
    altered, more = run.directory.image_path("1", 0), run.directory.image_path("2", 7)
    altered.write_bytes(altered.read_bytes()[:-1] + b"?")
    more.write_bytes(b"no record")
    log = Log()
    assert pack(run, log) == 5
    assert sorted((folder / "images").rglob("*.png")) == [altered, more]
    assert "stay where they are: 1/0, 2/7." in log.notices[-1]
    assert status(run).images == 5
    assert unpack(run, Log()) == 5
    assert altered.read_bytes().endswith(b"?")


def test_a_pack_with_an_image_that_cannot_be_read_is_kept(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    run = opened(folder)
    pack(run, Log())
    (tar,) = (folder / "packs").glob("*.tar")
    content = bytearray(tar.read_bytes())
    content[0:300] = b"\xff" * 300
    tar.write_bytes(content)
    index = tar.with_suffix(".index.jsonl").read_bytes()
    assert status(run).images == 5
    log = Log()
    tar.with_suffix(".index.jsonl").write_bytes(index)
    moved = unpack(run, log)
    assert moved == 5
    run_all(opened(folder), work(batch_size=4), Log())
    assert unpack(opened(folder), Log()) == 0
    assert snapshot(folder) == snapshot(whole)


def test_after_unpacking_nobody_has_to_read_every_image(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    run = opened(folder)
    for move in (pack, unpack):
        move(run, Log())
        with monkeypatch.context() as patched:
            patched.setattr(image_files, "ALWAYS_FILES", 0)
            patched.setattr(type(run.directory), "read_image", None)
            assert len(run.directory.finished_images(lambda text: None)) == 6


def test_while_another_process_works_on_the_run(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    run = opened(folder)
    with writing(folder):
        for move in (pack, unpack):
            with pytest.raises(UserError, match="another process is working"):
                move(run, Log())
    assert snapshot(folder) == snapshot(whole)


def test_a_full_disk_loses_nothing(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    run = opened(folder)

    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(UserError, match="the disk is full"):
            pack(run, Log())
    assert snapshot(folder) == snapshot(whole)
    pack(run, Log())
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(UserError, match="the disk is full"):
            unpack(run, Log())
    assert snapshot(folder) == snapshot(whole)
