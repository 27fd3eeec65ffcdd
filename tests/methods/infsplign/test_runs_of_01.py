"""Runs that version 0.1 began: read, marked, continued where the pixels are the same, else told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from spatialbench import plugins
from spatialbench.cli import main
from spatialbench.methods.infsplign import PLUGIN
from spatialbench.plugins import GenerationSettings, ImageRequest, Method
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import RunSpec
from spatialbench.runs.selection import Selection
from tests.methods.infsplign.golden import SWEEP
from tests.opened_runs import open_run

BEGIN = ["run", "--method", "infsplign", "--bench", "visor", "--steps", "2"]
ONE = ["--limit", "1", "--images-per-prompt", "1"]


class Of01(Method):
    """What 0.1 called ``--method infsplign --steps 2`` on the lab."""

    def __init__(self, compat: str) -> None:
        self.compat = compat

    def identity(self) -> dict[str, Any]:
        parameters = {
            **SWEEP,
            "weight": 100.0,
            "compat": self.compat,
            "window": [0, 2],
        }
        method: Any = PLUGIN.configure(GenerationSettings(steps=2), {})
        sampling = method.sampling
        return {
            "method": "infsplign",
            "version": 1,
            "parameters": parameters,
            **sampling.identity(),
        }

    def load(self) -> None:
        """It makes nothing."""

    def generate(self, requests: Sequence[ImageRequest]) -> Sequence[Any]:
        raise NotImplementedError


def begun(folder: Path, compat: str) -> Path:
    benchmark = plugins.load("benchmark", "visor")
    spec = RunSpec(benchmark, benchmark.default_subset, Of01(compat))
    open_run(spec, Selection(1, (), 1), this_machine("cpu", "float32", 8), folder)
    return folder


def test_one_with_compat_official_goes_on_and_its_row_has_no_mark(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = begun(tmp_path / "run", "official")
    assert main([*BEGIN, *ONE, "--set", "compat=official", "--out", str(folder)]) == 0
    capfd.readouterr()
    assert main(["leaderboard", str(folder)]) == 0
    out = capfd.readouterr().out
    assert "infsplign  " in out
    assert "[c]" not in out


def test_one_of_the_default_is_read_and_marked_and_says_what_differs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = begun(tmp_path / "run", "none")
    before = (folder / "manifest.json").read_bytes()
    assert main(["status", str(folder)]) == 0
    capfd.readouterr()
    assert main([*BEGIN, *ONE, "--out", str(folder)]) == 2
    said = capfd.readouterr().err
    assert "holds another run, which differs in" in said
    assert "generator.version: 1 -> 2" in said
    assert 'generator.parameters.near: absent -> "none"' in said
    assert (folder / "manifest.json").read_bytes() == before
