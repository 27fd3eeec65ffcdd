"""Batches that come while others are worked on."""

from __future__ import annotations

import threading

import pytest

from spatialbench.executors.arriving import Arriving
from spatialbench.executors.local import LocalExecutor


class Noting:
    """A worker that notes what it is told; its first batch lets the third come."""

    unsettled = 0
    remarks = ()

    def __init__(self, batches: Arriving[str], log: list[str]) -> None:
        self.batches, self.log = batches, log

    def expect(self, batch: str) -> None:
        self.log.append(f"expect {batch}")

    def work(self, batch: str) -> str:
        self.log.append(f"do {batch}")
        if batch == "one":
            self.batches.put(2, "three")
        return batch

    def close(self) -> None:
        self.log.append("close")


def test_what_is_at_hand_is_expected_and_nobody_waits_for_it() -> None:
    batches, log = Arriving[str](3), list[str]()
    batches.put(0, "one")
    batches.put(1, "two")
    done = list(LocalExecutor().map(lambda: Noting(batches, log), batches))
    assert done == ["one", "two", "three"]
    assert log == [
        *("expect one", "expect two", "do one"),
        *("expect two", "expect three", "do two"),
        *("expect three", "do three", "close"),
    ]


def test_a_reader_waits_until_it_is_there() -> None:
    batches, read = Arriving[str](2), list[str]()
    reader = threading.Thread(target=lambda: read.extend(batches))
    reader.start()
    assert batches.asked.wait(60)
    batches.put(1, "second")
    assert reader.is_alive()
    batches.put(0, "first")
    reader.join(60)
    assert read == ["first", "second"]


def test_a_reader_that_is_stopped_comes_to_its_end() -> None:
    batches, read = Arriving[str](3), list[str]()
    batches.put(0, "first")
    reader = threading.Thread(target=lambda: read.extend(batches))
    reader.start()
    batches.stop()
    reader.join(60)
    assert not reader.is_alive()
    assert read in ([], ["first"])
    with pytest.raises(IndexError):
        batches[2]


def test_it_is_a_sequence() -> None:
    batches = Arriving[str](2)
    for place, batch in enumerate(("a", "b")):
        batches.put(place, batch)
    assert len(batches) == 2
    assert batches[0:2] == ["a", "b"]
    with pytest.raises(IndexError):
        batches[2]
