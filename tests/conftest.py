"""For every test: no clock, no waiting for the disk, and the stranger's package, installed."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from spatialbench import plugins
from spatialbench.plugins import discovery

# A busy machine makes an example slow; that is no finding. The examples are the same every time:
# new ones are for who looks for them, with --hypothesis-profile=search, and not for who merges.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("no clock", settings.get_profile("search"), derandomize=True)
settings.load_profile("no clock")

# What the shell of whoever runs the tests says to spatialbench and to the libraries it uses; before
# anything reads it, and for the processes that tests start. What tests read themselves stays.
_OF_THE_USER = """
    SPATIALBENCH_CACHE SPATIALBENCH_OFFLINE SPATIALBENCH_PLUGINS SPATIALBENCH_RUNS
    SPATIALBENCH_SEARCHED SPATIALBENCH_T2I_COMPBENCH SPATIALBENCH_T2I_DEPTH
    SPATIALBENCH_GENEVAL2_PROMPTS
    COLUMNS LINES NO_COLOR FORCE_COLOR TTY_COMPATIBLE TTY_INTERACTIVE
    HF_TOKEN HF_ENDPOINT HF_HUB_OFFLINE HF_HUB_DISABLE_PROGRESS_BARS TRANSFORMERS_OFFLINE
    OPENAI_API_KEY MLFLOW_EXPERIMENT_ID MLFLOW_EXPERIMENT_NAME TRACKIO_PROJECT
    WANDB_DIR WANDB_PROJECT
    http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    GITHUB_OUTPUT GITHUB_STEP_SUMMARY PYTHONWARNINGS
"""
for _name in _OF_THE_USER.split():
    os.environ.pop(_name, None)

pytest_plugins = [
    "tests.left_behind",
    "tests.pipelines_on_disk",
    "tests.hub_server",
    "tests.t2i_whole",
]


# Half a million objects and more, nearly all of them modules, live as long as a test process, and
# looking for garbage among them took a tenth of its time: it is looked for more seldom, and not
# among what was there before the first test.
gc.set_threshold(20_000, 10, 10)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the writing to the system: only a power cut, and no kill, loses what it has."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds ``examples/squares`` as pip installs it; put it on the path."""
    source = tmp_path_factory.mktemp("plugin-source") / "squares"
    shutil.copytree(Path(__file__).parents[1] / "examples" / "squares", source)
    target = tmp_path_factory.mktemp("plugin-installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return target


@pytest.fixture
def plugin_package(plugin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stranger's plug-ins, importable in this process; the working folder is left alone."""
    monkeypatch.syspath_prepend(str(plugin_folder))
    return plugin_folder


@pytest.fixture(autouse=True)
def given_plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget, after each test, the plug-ins that it gives by file: others list what there is."""
    before = {kind: dict(known) for kind, known in discovery._given.items()}
    monkeypatch.setattr(discovery, "_given", before)
    monkeypatch.setattr(discovery, "_read", set(discovery._read))
    monkeypatch.setattr(discovery, "_of_files", dict(discovery._of_files))
    searched = list(discovery._searched)
    monkeypatch.setattr(discovery, "_searched", searched)
    known = len(searched)
    yield
    sys.path[:] = [place for place in sys.path if place not in searched[known:]]


@pytest.fixture
def no_given_plugins(given_plugins: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Know none that was given by file before either."""
    monkeypatch.setattr(discovery, "_given", {kind: {} for kind in plugins.KINDS})
    monkeypatch.setattr(discovery, "_read", set())
