"""The package as a user has it: installed, its entry point found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "examples" / "real_detector"


@pytest.fixture(scope="session")
def package_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package as pip installs it; put it on the path."""
    source = tmp_path_factory.mktemp("source") / "real_detector"
    shutil.copytree(PACKAGE, source)
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return target


@pytest.fixture
def installed(package_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package, installed in this process' path."""
    monkeypatch.syspath_prepend(str(package_folder))
    return package_folder
