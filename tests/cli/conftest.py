"""The command line in this process, in a folder of its own, with the stranger's plug-ins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from spatialbench.cli import main


@dataclass(frozen=True)
class Outcome:
    """Exit status and both streams of one command."""

    status: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def spatialbench(
    plugin_package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """``spatialbench("list", "detectors")`` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        streams = capsys.readouterr()
        return Outcome(status, streams.out, streams.err)

    return call
