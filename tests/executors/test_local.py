"""The local executor: one worker, closed whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.executors import GivenUp, LateError
from spatialbench.executors.local import LocalExecutor


class Doubler:
    """Doubles; a negative batch is refused, and one below -10 only the first two times."""

    unsettled = 0
    remarks = ("a remark",)

    def __init__(self, log: list[str]) -> None:
        self.log = log
        log.append("loaded")

    def expect(self, batch: int) -> None:
        pass

    def work(self, batch: int) -> int:
        if batch <= -100:
            raise LateError("the one before") if batch == -100 else UserError("a full disk")
        if batch < -10 and self.log.count(f"tried {batch}") < 2:
            self.log.append(f"tried {batch}")
            raise ValueError("not yet")
        if -10 <= batch < 0:
            raise ValueError("negative\nnumber")
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


def test_a_worker_is_listened_to_once() -> None:
    said: list[str] = []
    assert list(LocalExecutor(said.append).map(maker([]), [1, 2])) == [2, 4]
    assert said == ["a remark"]


def test_loads_nothing_for_nothing() -> None:
    log: list[str] = []
    assert list(LocalExecutor().map(maker(log), [])) == []
    assert log == []


def test_a_batch_that_fails_is_tried_again_and_given_up_alone() -> None:
    log: list[str] = []
    results = list(LocalExecutor().map(maker(log), [1, -1, -11, 2]))
    reason = "failed 3 times: ValueError: negative number"
    assert results == [2, GivenUp(-1, reason), -22, 4]
    assert log == ["loaded", "did 1", "tried -11", "tried -11", "did -11", "did 2", "closed"]


@pytest.mark.parametrize("batches", [[1, -1, -2, -3, 2], [-1, -2, -3, 2], [-1], [-1, -2]])
def test_what_fails_every_batch_keeps_its_traceback(batches: list[int]) -> None:
    log: list[str] = []
    with pytest.raises(ValueError, match="negative"):
        list(LocalExecutor().map(maker(log), batches))
    assert log[-1] == "closed"


def test_failures_here_and_there_stop_nothing() -> None:
    results = list(LocalExecutor().map(maker([]), [-1, -2, 1, -3, -4, 2, -5]))
    assert [result for result in results if not isinstance(result, GivenUp)] == [2, 4]


@pytest.mark.parametrize(("batch", "error"), [(-100, LateError), (-101, UserError)])
def test_what_would_stop_any_batch_is_not_tried_again(batch: int, error: type[Exception]) -> None:
    log: list[str] = []
    with pytest.raises(error):
        list(LocalExecutor().map(maker(log), [1, batch, 2]))
    assert log == ["loaded", "did 1", "closed"]


def test_a_caller_who_stops_closes_the_worker() -> None:
    log: list[str] = []
    results: Any = LocalExecutor().map(maker(log), [1, 2])
    assert next(results) == 2
    results.close()
    assert log == ["loaded", "did 1", "closed"]


def test_whoever_stops_taking_results_hears_of_no_late_error() -> None:
    """Python prints what a generator raises while it is closed, after the error that is told."""

    class Late(Doubler):
        def close(self) -> None:
            super().close()
            raise LateError("an image could not be written")

    log: list[str] = []
    results: Any = LocalExecutor().map(lambda: Late(log), [1, 2])
    assert next(results) == 2
    results.close()
    assert log[-1] == "closed"
    with pytest.raises(LateError):
        list(LocalExecutor().map(lambda: Late(log), [1, 2]))
