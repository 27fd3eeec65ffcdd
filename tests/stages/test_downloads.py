"""Where other processes work, this one downloads, once and before they begin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import GenerationSettings, load
from spatialbench.stages.whole import Work, run_all
from tests.stages.fakes import Finder, Log, Painter, open_shapes


@dataclass
class Elsewhere:
    """Works here, and says that it does not; notes what had been downloaded when it began."""

    log: list[str]
    elsewhere = True

    def check(self) -> None:
        pass

    def map(self, make_worker: Callable[[], Any], batches: Sequence[Any]) -> Iterator[Any]:
        self.log.append(f"map of {len(batches)}")
        return LocalExecutor().map(make_worker, batches)


class FarPainter(Painter):
    log: list[str]

    def download(self) -> None:
        self.log.append("painter")


class FarFinder(Finder):
    log: list[str]

    def download(self) -> None:
        self.log.append("finder")


def test_before_the_workers_begin_and_not_for_nothing(tmp_path: Path) -> None:
    log: list[str] = []
    painter, finder = FarPainter(), FarFinder()
    painter.log = finder.log = log
    work = Work(painter, finder, Elsewhere(log), 4)
    run_all(open_shapes(tmp_path), work, Log())
    assert log == ["painter", "map of 6", "finder", "map of 6"]
    del log[:]
    run_all(open_shapes(tmp_path), work, Log())
    assert log == ["map of 0", "map of 0"]


@pytest.mark.parametrize("method", ["sd", "infsplign"])
def test_methods_get_their_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("SPATIALBENCH_OFFLINE", "1")
    plugin = load("method", method)
    plugin.configure(GenerationSettings(), {}).download()
    missing = plugin.configure(GenerationSettings(backbone="sd1.4"), {})
    with pytest.raises(UserError, match="not in the local cache"):
        missing.download()


def test_detectors_get_their_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("SPATIALBENCH_OFFLINE", "1")
    load("detector", "lab-owlvit").configure(None, "cpu", False).download()
    for name in ("owlvit", "unidet"):
        with pytest.raises(UserError, match=r"not in the (local )?cache"):
            load("detector", name).configure(None, "cpu", False).download()
