"""A cluster that is asked for answers before anything is made, where there is work to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.executors import ray as ray_executor
from spatialbench.executors.ray import RayExecutor
from spatialbench.executors.ray_cluster import Wanted
from tests.cli.conftest import Command
from tests.cli.conftest import spatialbench as spatialbench

RECIPE = """
format: 1
title: "Squares"
source: "none"
benchmark: squares
metrics: [FOUND]
rows:
  - {name: "one", method: painter, backbone: lab}
"""
RAY = 'Ray is not installed: pip install "spatialbench[ray]"'


class Room:
    """A cluster of which only the resources matter."""

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0}


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[Wanted]:
    """Clusters without a GPU, and each time that one was joined."""
    found: list[Wanted] = []

    @contextmanager
    def cluster(wanted: Wanted) -> Iterator[Any]:
        found.append(wanted)
        yield Room()

    monkeypatch.setattr(ray_executor, "cluster", cluster)
    return found


def test_a_refusal_is_kept(joined: list[Wanted]) -> None:
    executor = RayExecutor(Wanted(gpus_per_worker=0.5))
    for _ in range(2):
        with pytest.raises(UserError, match="no node of the Ray cluster has a GPU"):
            executor.check()
    assert len(joined) == 1
    RayExecutor().check()
    assert len(joined) == 1, "one of this machine's own, without GPUs, is there"
    RayExecutor(Wanted("auto")).check()
    assert len(joined) == 2


def test_no_run_is_begun_without_gpus(
    spatialbench: Command, joined: list[Wanted], tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason=RAY)
    Path("recipe.yaml").write_text(RECIPE)
    before = sorted(tmp_path.rglob("*"))
    made = ("--method", "painter", "--bench", "squares", "--limit", "2", "--out", "out")
    on_gpus = ("--executor", "ray", "--gpus-per-worker", "1")
    for words in (
        ("run", *made),
        ("generate", *made),
        ("reproduce", "recipe.yaml", "--limit", "2", "--out", "out"),
    ):
        outcome = spatialbench(*words, *on_gpus)
        assert outcome.status == 2
        assert "no node of the Ray cluster has a GPU" in outcome.err
        assert "Nothing was made or changed." in outcome.err
        assert sorted(tmp_path.rglob("*")) == before
    assert len(joined) == 3
    assert spatialbench("run", *made).status == 0
    # What is finished asks nobody.
    assert spatialbench("run", *made, *on_gpus, "--device", "cuda").status == 0
    assert len(joined) == 3


def test_no_run_is_begun_without_a_cluster(spatialbench: Command, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason=RAY)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        words = ("--method", "painter", "--bench", "squares", "--limit", "2", "--out", "out")
        outcome = spatialbench("run", *words, "--executor", "ray", "--address", address)
    assert (outcome.status, f"no Ray cluster at {address}" in outcome.err) == (2, True)
    assert not Path("out").exists()
