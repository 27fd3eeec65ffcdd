"""Starting, continuing and opening runs."""

from __future__ import annotations

import json
import multiprocessing
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.runs.lock import writing
from spatialbench.runs.machine import this_machine
from spatialbench.runs.manifest import read_manifest
from spatialbench.runs.opening import RunSpec, benchmark_of, open_existing
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection
from tests.opened_runs import open_run
from tests.stages.fakes import Painter, Shapes, open_shapes


def test_the_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = RunSpec(Shapes(), "all", Painter())
    run = open_run(spec, Selection(), this_machine())
    assert run.path == Path("runs/shapes/painter@easel") / spec.id
    assert (run.path / "manifest.json").is_file()


def test_what_decides_no_pixel_continues_the_run(tmp_path: Path) -> None:
    first = open_shapes(tmp_path, selection=Selection(3))
    second = open_shapes(tmp_path, selection=Selection(6, ("left",), 1))
    assert second.manifest.id == first.manifest.id
    opened = open_existing(tmp_path, Shapes())
    assert opened.expected.prompts == second.expected.prompts
    assert opened.expected.images == 4
    assert benchmark_of(tmp_path) == "shapes"


def test_the_same_command_leaves_the_manifest_alone(tmp_path: Path) -> None:
    before = open_shapes(tmp_path).manifest
    assert open_shapes(tmp_path).manifest == before
    spec = RunSpec(Shapes(), "all", Painter())
    other = open_run(spec, Selection(), this_machine("cuda"), tmp_path, "spatialbench run").manifest
    assert [machine.device for machine in other.machines] == [None, "cuda"]
    assert other.command == "spatialbench run"


def test_another_identity_is_refused_by_its_fields(tmp_path: Path) -> None:
    open_shapes(tmp_path)
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(UserError, match=r"generator\.parameters\.steps: 20 -> 50"):
        open_shapes(tmp_path, painter=Painter(steps=50))
    spec = RunSpec(Shapes(), "few", Painter(), SeedScheme(0))
    with pytest.raises(UserError, match=r'seeds: "protocol" -> "hashed"; subset: "all" -> "few"'):
        open_run(spec, Selection(), this_machine(), tmp_path)
    with pytest.raises(UserError, match="prompt_set"):
        open_existing(tmp_path, Shapes(count=13))
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="holds files but no run"):
        open_shapes(tmp_path)
    with pytest.raises(UserError, match="is a file"):
        open_shapes(tmp_path / "thesis.tex")
    with pytest.raises(UserError, match="is not a run directory"):
        open_existing(tmp_path, Shapes())


def test_a_damaged_manifest(tmp_path: Path) -> None:
    open_shapes(tmp_path)
    path = tmp_path / "manifest.json"
    content = path.read_text()
    for broken in (content[:100], content.replace('"machines"', '"machine"'), ""):
        path.write_text(broken)
        with pytest.raises(UserError, match="cannot be read"):
            read_manifest(tmp_path)
    document = json.loads(content)
    document["identity"]["seeds"] = "hashed"
    path.write_text(json.dumps(document))
    with pytest.raises(UserError, match="was altered"):
        read_manifest(tmp_path)


def test_a_bad_prompt_id_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    benchmark = Shapes()
    object.__setattr__(benchmark.prompts("all")[0], "id", "../../etc")
    with pytest.raises(UserError, match="cannot be a folder name"):
        open_shapes(tmp_path / "run", benchmark)
    assert not (tmp_path / "run").exists()


def hold(folder: Path, held: Event, release: Event) -> None:
    with writing(folder):
        held.set()
        release.wait(600)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    held, release = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path, held, release))
    process.start()
    assert held.wait(600)
    with pytest.raises(UserError, match="another process is working on"), writing(tmp_path):
        pass
    process.kill()
    process.join()
    with writing(tmp_path):
        pass


def test_shards_hold_a_run_together_and_nobody_else_does(tmp_path: Path) -> None:
    with writing(tmp_path, shared=True) as alone, writing(tmp_path, shared=True):
        assert not alone
        with pytest.raises(UserError, match="only commands with --shard"), writing(tmp_path):
            pass
    (tmp_path / ".scratch").mkdir()
    (tmp_path / ".scratch" / "left by a kill").write_text("")
    with writing(tmp_path) as alone:
        assert alone
        with pytest.raises(UserError, match="another process"), writing(tmp_path, shared=True):
            pass
    assert not (tmp_path / ".scratch").exists()


def open_at_once(folder: Path, steps: int, barrier: Barrier) -> None:
    barrier.wait(600)
    open_shapes(folder, painter=Painter(steps=steps))


def test_two_runs_that_start_at_once_do_not_mix(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    barrier = context.Barrier(4)
    processes = [
        context.Process(target=open_at_once, args=(tmp_path / "run", 20 + number // 2, barrier))
        for number in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(600)
    codes = [process.exitcode for process in processes]
    assert codes in ([0, 0, 1, 1], [1, 1, 0, 0])
    parameters = read_manifest(tmp_path / "run").identity["generator"]["parameters"]
    assert parameters["steps"] == (20 if codes[0] == 0 else 21)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (None, "make them first, by what began the run"),
        ("rm -rf x", "make them first, by what began the run"),
        ("spatialbench run --method sd", "type 'spatialbench run --method sd' first"),
    ],
)
def test_what_makes_the_images_is_only_named_where_it_is_known(
    tmp_path: Path, command: str | None, said: str
) -> None:
    manifest = open_shapes(tmp_path / "run").manifest.model_copy(update={"command": command})
    assert manifest.images_first.startswith(said)
