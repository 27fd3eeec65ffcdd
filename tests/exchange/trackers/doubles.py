"""Trackers' libraries as this software uses them: the same functions and arguments, recorded.

With the real libraries installed, ``python -m tests.exchange.trackers.doubles`` checks that every
function here is one of theirs and that its arguments have the names that theirs have.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

Calls = list[tuple[str, dict[str, Any]]]


class Picture:
    """``wandb.Image`` and ``trackio.Image``."""

    def __init__(self, image: Any, caption: str | None = None) -> None:
        self.size, self.caption = image.size, caption


class Table:
    """``wandb.Table`` and ``trackio.Table``."""

    def __init__(self, columns: list[str] | None = None, data: list[list[Any]] | None = None):
        self.columns, self.data = columns, data


class Wandb(ModuleType):
    """``wandb``: a server that remembers the runs, or folders of offline runs."""

    Image = Picture
    Table = Table

    def __init__(self, folder: Path, mode: str) -> None:
        super().__init__("wandb")
        self.mode, self.folder = mode, folder
        self.calls: Calls = []
        self.server: dict[str, dict[str, Any]] = {}
        self.refused: Exception | None = None

    def setup(self) -> SimpleNamespace:
        return SimpleNamespace(settings=SimpleNamespace(mode=self.mode))

    def Settings(self, console: str = "auto") -> dict[str, str]:
        return {"console": console}

    def init(
        self,
        project: str | None = None,
        id: str | None = None,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        config: dict[str, Any] | None = None,
        allow_val_change: bool | None = None,
        job_type: str | None = None,
        resume: str | None = None,
        settings: Any = None,
    ) -> WandbRun:
        if self.refused is not None:
            raise self.refused
        told = {"project": project, "id": id, "name": name, "tags": tags, "config": config}
        self.calls.append(("init", {**told, "resume": resume, "change": allow_val_change}))
        return WandbRun(self, str(id))


class WandbRun:
    """``wandb.Run``."""

    def __init__(self, owner: Wandb, id: str) -> None:
        self._owner = owner
        offline = owner.mode == "offline"
        self.url = None if offline else f"https://wandb.test/{id}"
        begun = sum(name == "init" for name, _ in owner.calls)
        folder = owner.folder / "wandb" / f"offline-run-2026010{begun}_000000-{id}" / "files"
        folder.mkdir(parents=True)
        self.dir = str(folder)
        # A run that is resumed has the summary that the server holds; offline nobody knows it.
        self.summary = {} if offline else owner.server.setdefault(id, {})

    def log(self, data: dict[str, Any], step: int | None = None) -> None:
        self._owner.calls.append(("log", data))

    def finish(self, exit_code: int | None = None) -> None:
        self._owner.calls.append(("finish", {"exit_code": exit_code}))


class Mlflow(ModuleType):
    """``mlflow``: its client and the store behind it."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.calls: Calls = []
        self.uri = "sqlite:///mlflow.db"
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, SimpleNamespace] = {}
        self.metrics: dict[str, dict[str, float]] = {}
        self.params: dict[str, dict[str, str]] = {}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.refused: Exception | None = None
        self.entities = SimpleNamespace(
            Metric=lambda key, value, timestamp, step: (key, value),
            Param=lambda key, value: (key, value),
            RunTag=lambda key, value: (key, value),
        )

    def get_tracking_uri(self) -> str:
        return self.uri

    def MlflowClient(self) -> MlflowClient:
        if self.refused is not None:
            raise self.refused
        return MlflowClient(self)


class MlflowClient:
    """``mlflow.MlflowClient``."""

    def __init__(self, store: Mlflow) -> None:
        self._store = store

    def get_experiment_by_name(self, name: str) -> Any:
        known = self._store.experiments.get(name)
        return None if known is None else SimpleNamespace(experiment_id=known)

    def create_experiment(self, name: str) -> str:
        return self._store.experiments.setdefault(name, str(len(self._store.experiments) + 1))

    def search_runs(
        self, experiment_ids: list[str], filter_string: str = "", max_results: int = 1000
    ) -> list[Any]:
        key, _, value = filter_string.partition(" = ")
        name, wanted = key.removeprefix("tags.").strip("`"), value.strip("'")
        found = [run for run in self._store.runs.values() if run.data.tags.get(name) == wanted]
        return [run for run in found if run.experiment in experiment_ids][:max_results]

    def create_run(
        self, experiment_id: str, tags: dict[str, Any] | None = None, run_name: str | None = None
    ) -> Any:
        run_id = f"run{len(self._store.runs)}"
        self._store.calls.append(("create_run", {"run_name": run_name}))
        self._store.runs[run_id] = SimpleNamespace(
            info=SimpleNamespace(run_id=run_id),
            data=SimpleNamespace(tags=dict(tags or {})),
            experiment=experiment_id,
        )
        return self._store.runs[run_id]

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Any] = (),
        params: Sequence[Any] = (),
        tags: Sequence[Any] = (),
    ) -> None:
        assert max(len(params), len(tags)) <= 100
        assert len(metrics) + len(params) + len(tags) <= 1000
        held = self._store.params.setdefault(run_id, {})
        for key, value in params:
            assert held.get(key, value) == value, f"the parameter {key} cannot change"
            assert len(value) <= 6000
        held.update(params)
        self._store.metrics.setdefault(run_id, {}).update(metrics)
        self._store.runs[run_id].data.tags.update(tags)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        self._store.artifacts.setdefault(run_id, {})[artifact_file] = text

    def log_dict(self, run_id: str, dictionary: dict[str, Any], artifact_file: str) -> None:
        self._store.artifacts.setdefault(run_id, {})[artifact_file] = dictionary

    def log_image(self, run_id: str, image: Any, artifact_file: str | None = None) -> None:
        self._store.artifacts.setdefault(run_id, {})[str(artifact_file)] = image.size

    def set_tag(self, run_id: str, key: str, value: Any) -> None:
        self._store.runs[run_id].data.tags[key] = value

    def set_terminated(self, run_id: str, status: str | None = None) -> None:
        self._store.calls.append(("set_terminated", {"status": status}))


class Trackio(ModuleType):
    """``trackio``: its data base."""

    Image = Picture
    Table = Table

    def __init__(self) -> None:
        super().__init__("trackio")
        self.calls: Calls = []
        self.logs: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.SQLiteStorage = SimpleNamespace(get_logs=self._get_logs)
        self.refused: Exception | None = None
        self._now = ("", "")

    def _get_logs(self, project: str, run: str | None = None) -> list[dict[str, Any]]:
        return self.logs.get((project, str(run)), [])

    def init(
        self,
        project: str,
        name: str | None = None,
        config: dict[str, Any] | None = None,
        resume: str = "never",
        embed: bool = True,
        auto_log_gpu: bool | None = None,
        auto_log_cpu: bool | None = None,
    ) -> None:
        if self.refused is not None:
            raise self.refused
        assert resume == "allow" or (project, str(name)) not in self.logs
        self._now = (project, str(name))
        self.calls.append(("init", {"project": project, "name": name, "config": config}))

    def log(self, metrics: dict[str, Any], step: int | None = None) -> None:
        self.logs.setdefault(self._now, []).append(metrics)

    def finish(self) -> None:
        self.calls.append(("finish", {}))


def _check(double: Any, real: Any, name: str) -> None:
    ours = list(inspect.signature(double).parameters.values())
    theirs = inspect.signature(real).parameters
    unknown = [p.name for p in ours if p.name not in theirs and p.name not in ("self", "image")]
    print(f"{name}: {'ok' if not unknown else f'NOT THEIRS: {unknown}'}")


if __name__ == "__main__":
    wandb, mlflow, trackio = map(importlib.import_module, ("wandb", "mlflow", "trackio"))
    for library in (wandb, mlflow, trackio):
        print(library.__name__, library.__version__)
    _check(Wandb.init, wandb.init, "wandb.init")
    _check(Wandb.setup, wandb.setup, "wandb.setup")
    print("wandb.Settings:", "ok" if "console" in wandb.Settings.model_fields else "NO CONSOLE")
    for word in ("log", "finish"):
        _check(getattr(WandbRun, word), getattr(wandb.Run, word), f"wandb.Run.{word}")
    for word in ("url", "dir"):
        print(f"wandb.Run.{word}:", "ok" if hasattr(wandb.Run, word) else "IS NOT THEIRS")
    for word in [name for name in vars(MlflowClient) if not name.startswith("_")]:
        _check(getattr(MlflowClient, word), getattr(mlflow.MlflowClient, word), f"client.{word}")
    _check(lambda key, value, timestamp, step: None, mlflow.entities.Metric, "mlflow Metric")
    _check(lambda key, value: None, mlflow.entities.Param, "mlflow Param")
    _check(lambda key, value: None, mlflow.entities.RunTag, "mlflow RunTag")
    for word in ("init", "log", "finish"):
        _check(getattr(Trackio, word), getattr(trackio, word), f"trackio.{word}")
    _check(lambda project, run: None, trackio.SQLiteStorage.get_logs, "SQLiteStorage.get_logs")
    for library in (wandb, trackio):
        _check(Table.__init__, library.Table.__init__, f"{library.__name__}.Table")
        _check(Picture.__init__, library.Image.__init__, f"{library.__name__}.Image")
