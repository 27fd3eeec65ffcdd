"""Runs of the stranger's painter for a site, and a browser where there is one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spatialbench.cli import main
from spatialbench.runs.progress import Silent
from spatialbench.site.build import BuiltSite, build_site
from spatialbench.site.writing import SiteWishes

from ..reports.gallery.conftest import axe, browser, started

__all__ = ["axe", "browser", "started"]


def painted(folder: Path, *options: str) -> Path:
    """A run in ``folder`` of eight prompts, or of as many as ``--limit`` says."""
    limit = () if "--limit" in options else ("--limit", "8")
    command = ("run", "--method", "painter", "--bench", "squares", "--out", str(folder))
    assert main([*command, *limit, *options]) == 0
    return folder


def site(runs: Path, out: Path, wishes: SiteWishes | None = None) -> BuiltSite:
    """The site of the runs below a folder."""
    return build_site([runs], out, wishes or SiteWishes(), Silent())


@pytest.fixture(scope="session")
def painted_once(plugin_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of the painter, a good one and a bad one, from which every test takes its own."""
    folder = tmp_path_factory.mktemp("painted")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(plugin_folder))
        painted(folder / "bad", "--set", "skill=0.2")
        painted(folder / "good", "--set", "skill=0.9")
    return folder


@pytest.fixture
def runs(plugin_package: Path, painted_once: Path, tmp_path: Path) -> Path:
    """A folder with both runs."""
    shutil.copytree(painted_once, tmp_path / "runs")
    return tmp_path / "runs"
