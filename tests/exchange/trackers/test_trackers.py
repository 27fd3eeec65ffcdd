"""What each tracker is told, through doubles of its library; see ``doubles``."""

from __future__ import annotations

import builtins
import importlib
import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from spatialbench.api.publishing import TRACKERS, log
from spatialbench.errors import UserError
from spatialbench.exchange.trackers.logged import FINGERPRINT, of
from spatialbench.reports.scored import ScoredRun, load_scored
from spatialbench.runs.progress import Silent
from spatialbench.runs.selection import Selection
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.score import score
from spatialbench.stages.whole import run_all
from tests.reports.scored_runs import scored_run
from tests.stages.fakes import Shapes, open_shapes, work

from .doubles import Mlflow, Picture, Table, Trackio, Wandb

SHAPES = Shapes(count=6, images=2)


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_PROJECT", "WANDB_DIR", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("TRACKIO_PROJECT", raising=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "run"
    run_all(open_shapes(folder, SHAPES), work(), Silent())
    return folder


@pytest.fixture
def scored(made: Path, tmp_path: Path) -> ScoredRun:
    shutil.copytree(made, tmp_path / "run")
    return load_scored(open_shapes(tmp_path / "run", SHAPES))


def again(scored: ScoredRun, threshold: float) -> ScoredRun:
    """The same run, scored at another threshold."""
    judging = Judging.by_default(scored.benchmark, "all").at(threshold)
    score(scored.run, Silent(), judging)
    return load_scored(scored.run)


def installed(monkeypatch: pytest.MonkeyPatch, double: ModuleType) -> None:
    monkeypatch.setitem(sys.modules, double.__name__, double)


def test_metrics_with_the_ends_of_their_intervals(scored: ScoredRun) -> None:
    told, result = of(scored, 4), scored.result
    low, high = result.interval("right")
    assert told.metrics["right"] == result.metric("right")
    assert (told.metrics["right_low"], told.metrics["right_high"]) == (low, high)
    assert told.metrics["left/right"] == result.groups["left"].metric("right")
    assert not any("undefined" in key for key in told.metrics)
    assert told.state["signature"] == result.signature
    assert told.settings["method.steps" if "method.steps" in told.settings else "seeds"]
    assert (told.run, told.project) == (scored.run.manifest.id, "spatialbench-shapes")


def test_samples_are_right_and_wrong_in_turn(scored: ScoredRun) -> None:
    told = of(scored, 4)
    assert [sample.right for sample in told.samples] == [True, False, True, False]
    for sample in told.samples:
        path = scored.run.directory.image_path(*sample.key)
        assert path.exists()
        assert scored.run.expected.by_id[sample.key[0]].text in sample.caption
        assert sample.caption.startswith("right: " if sample.right else "wrong: ")
    everything = of(scored, 1000).samples
    assert {sample.key for sample in everything} == set(scored.run.expected.keys())
    assert of(scored, 0).samples == []


def test_a_partial_run_is_apart_from_whole_ones(tmp_path: Path) -> None:
    part = scored_run(tmp_path / "part", lambda prompt, index: True, missing=[("0", 0)])
    told = of(part, 4)
    assert all(key.startswith("partial/") for key in told.metrics)
    assert "partial" in told.tags
    assert told.samples == []  # Nobody made its images.


def test_wandb(scored: ScoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = Wandb(tmp_path, "online")
    installed(monkeypatch, wandb)
    assert log(scored, "wandb", images=4) == f"https://wandb.test/{scored.run.manifest.id}"
    (_, begun), (_, logged), (_, ended) = wandb.calls
    assert begun["id"] == scored.run.manifest.id
    assert (begun["project"], begun["resume"]) == ("spatialbench-shapes", "allow")
    assert begun["config"]["signature"] == scored.result.signature
    assert logged["right"] == scored.result.metric("right")
    assert isinstance(logged["table"], Table)
    assert list(logged["table"].columns or ())[:2] == ["prompts", "images"]
    assert len(logged["samples"]) == 4
    assert isinstance(logged["samples"][0], Picture)
    assert ended == {"exit_code": None}
    log(scored, "wandb")
    assert [name for name, _ in wandb.calls].count("log") == 1
    log(again(scored, 0.5), "wandb")
    assert [name for name, _ in wandb.calls].count("log") == 2
    assert {told["id"] for name, told in wandb.calls if name == "init"} == {scored.run.manifest.id}


def test_wandb_offline(scored: ScoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = Wandb(tmp_path, "offline")
    installed(monkeypatch, wandb)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    where = Path(log(scored, "wandb"))
    assert where.parent == tmp_path / "wandb"
    held = json.loads((where / "files" / "spatialbench.json").read_text())
    assert held[FINGERPRINT] == of(scored, 0).fingerprint
    assert log(scored, "wandb") == str(where)
    assert [name for name, _ in wandb.calls] == ["init", "log", "finish"]
    assert log(again(scored, 0.5), "wandb") != str(where)


def test_wandb_switched_off(
    scored: ScoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = Wandb(tmp_path, "disabled")
    installed(monkeypatch, wandb)
    assert log(scored, "wandb") == "nowhere: WANDB_MODE is disabled"
    assert wandb.calls == []


def test_wandb_that_is_interrupted_is_told_again(
    scored: ScoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = Wandb(tmp_path, "online")
    installed(monkeypatch, wandb)

    def broken(*arguments: Any, **options: Any) -> None:
        raise ConnectionError("the line is dead")

    with monkeypatch.context() as patched:
        patched.setattr(wandb, "Table", broken)
        with pytest.raises(UserError, match=r"did not take all .*give the command again.*dead"):
            log(scored, "wandb")
    assert wandb.calls[-1] == ("finish", {"exit_code": 1})
    log(scored, "wandb")
    assert [name for name, _ in wandb.calls].count("log") == 1


def test_mlflow(scored: ScoredRun, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = Mlflow()
    installed(monkeypatch, mlflow)
    where = log(scored, "mlflow", images=4)
    assert where == "sqlite:///mlflow.db experiment 1 run run0"
    assert mlflow.experiments == {"spatialbench-shapes": "1"}
    low, _ = scored.result.interval("right")
    assert mlflow.metrics["run0"]["right_low"] == low
    assert mlflow.params["run0"]["method"] == "painter/2"
    tags = mlflow.runs["run0"].data.tags
    assert tags["spatialbench.run"] == scored.run.manifest.id
    assert tags["spatialbench.signature"] == scored.result.signature
    artifacts = mlflow.artifacts["run0"]
    assert artifacts["summary.json"] == scored.result.document()
    assert scored.result.signature in artifacts["table.md"]
    images = {name for name in artifacts if name.startswith("samples/")}
    assert len(images) == 4
    assert len(artifacts["samples.json"]) == 4
    log(scored, "mlflow")
    log(again(scored, 0.5), "mlflow")
    assert list(mlflow.runs) == ["run0"]
    assert tags["spatialbench.threshold"] == "0.5"
    assert [name for name, _ in mlflow.calls].count("set_terminated") == 2
    log(scored, "mlflow", project="other")
    assert list(mlflow.runs) == ["run0", "run1"]


def test_mlflow_without_its_server(scored: ScoredRun, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    mlflow = Mlflow()
    installed(monkeypatch, mlflow)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # And nobody listens there.
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        mlflow.uri = f"http://me:secret@{place}"
        with pytest.raises(UserError, match=rf"no server at http://{place}: .*MLFLOW_TRACKING"):
            log(scored, "mlflow")
    assert mlflow.runs == {}


def test_trackio(scored: ScoredRun, monkeypatch: pytest.MonkeyPatch) -> None:
    trackio = Trackio()
    installed(monkeypatch, trackio)
    key = ("spatialbench-shapes", scored.run.manifest.id)
    assert log(scored, "trackio", images=4) == f"trackio project {key[0]} run {key[1]}"
    (step,) = trackio.logs[key]
    assert step["right"] == scored.result.metric("right")
    assert step["signature"] == scored.result.signature
    assert sum(isinstance(value, Picture) for value in step.values()) == 4
    log(scored, "trackio")
    assert len(trackio.logs[key]) == 1
    log(again(scored, 0.5), "trackio")
    assert len(trackio.logs[key]) == 2
    assert list(trackio.logs) == [key]


MAKERS: dict[str, Callable[[Path], Any]] = {
    "wandb": lambda folder: Wandb(folder, "online"),
    "mlflow": lambda folder: Mlflow(),
    "trackio": lambda folder: Trackio(),
}


@pytest.mark.parametrize("name", TRACKERS)
def test_what_a_library_says_is_one_sentence(
    name: str, scored: ScoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = MAKERS[name](tmp_path)
    double.refused = RuntimeError("No API key configured.\nsecond line")
    installed(monkeypatch, double)
    with pytest.raises(UserError, match=rf"^{name} .*No API key configured\.\)\.$"):
        log(scored, name)


@pytest.mark.parametrize("name", TRACKERS)
def test_a_library_that_is_not_installed(
    name: str, scored: ScoredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def without(module: str, package: str | None = None) -> ModuleType:
        if module == name:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return real(module, package)

    monkeypatch.setattr(f"spatialbench.exchange.trackers.{name}.import_module", without)
    with pytest.raises(UserError, match=rf'pip install "spatialbench\[{name}\]"'):
        log(scored, name)


def test_no_tracker_is_imported_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = builtins.__import__

    def noted(name: str, *arguments: Any, **options: Any) -> Any:
        seen.append(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", noted)
    from spatialbench.exchange.trackers import mlflow, trackio, wandb

    for module in (mlflow, trackio, wandb):
        importlib.reload(module)
    assert not set(seen) & set(TRACKERS)


def test_an_unknown_tracker(scored: ScoredRun) -> None:
    with pytest.raises(UserError, match="wandb"):
        log(scored, "wanb")
    with pytest.raises(UserError, match="0 or more"):
        log(scored, "wandb", images=-1)


def test_a_run_of_a_part_is_another_run(tmp_path: Path) -> None:
    """The id is that of the settings: more images of a run bring the same entry up to date."""
    few = open_shapes(tmp_path / "run", SHAPES, selection=Selection(limit=3))
    run_all(few, work(), Silent())
    first = of(load_scored(few), 0)
    whole = open_shapes(tmp_path / "run", SHAPES)
    run_all(whole, work(), Silent())
    second = of(load_scored(whole), 0)
    assert first.run == second.run
    assert first.fingerprint != second.fingerprint
    assert first.settings == second.settings
