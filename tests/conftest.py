"""For every test: no clock, no waiting for the disk, and the stranger's package, installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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

pytest_plugins = ["tests.pipelines_on_disk", "tests.hub_server", "tests.t2i_whole"]


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
def given_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget, after each test, the plug-ins that it gives by file: others list what there is."""
    before = {kind: dict(known) for kind, known in discovery._given.items()}
    monkeypatch.setattr(discovery, "_given", before)
    monkeypatch.setattr(discovery, "_read", set(discovery._read))


@pytest.fixture
def no_given_plugins(given_plugins: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Know none that was given by file before either."""
    monkeypatch.setattr(discovery, "_given", {kind: {} for kind in plugins.KINDS})
    monkeypatch.setattr(discovery, "_read", set())
