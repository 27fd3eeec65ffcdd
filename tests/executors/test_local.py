"""The local executor: one worker, closed whatever happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spatialbench.executors.local import LocalExecutor


class Doubler:
    def __init__(self, log: list[str]) -> None:
        self.log = log
        log.append("loaded")

    def work(self, batch: int) -> int:
        if batch < 0:
            raise ValueError("negative")
        self.log.append(f"did {batch}")
        return 2 * batch

    def close(self) -> None:
        self.log.append("closed")


def maker(log: list[str]) -> Callable[[], Doubler]:
    return lambda: Doubler(log)


def test_loads_once_and_keeps_the_order() -> None:
    log: list[str] = []
    assert list(LocalExecutor().map(maker(log), [1, 3, 2])) == [2, 6, 4]
    assert log == ["loaded", "did 1", "did 3", "did 2", "closed"]


def test_loads_nothing_for_nothing() -> None:
    log: list[str] = []
    assert list(LocalExecutor().map(maker(log), [])) == []
    assert log == []


def test_an_error_closes_the_worker() -> None:
    log: list[str] = []
    with pytest.raises(ValueError, match="negative"):
        list(LocalExecutor().map(maker(log), [1, -1, 2]))
    assert log == ["loaded", "did 1", "closed"]


def test_a_caller_who_stops_closes_the_worker() -> None:
    log: list[str] = []
    results = LocalExecutor().map(maker(log), [1, 2])
    assert next(results) == 2
    results.close()  # type: ignore[attr-defined]
    assert log == ["loaded", "did 1", "closed"]
