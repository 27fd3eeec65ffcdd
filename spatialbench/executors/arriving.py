"""Batches that come while others are worked on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

Batch = TypeVar("Batch")


class Arriving(Sequence[Batch]):
    """A sequence of known length whose reader waits for what has not come yet.

    One thread reads; any number of them put.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._there: dict[int, Batch] = {}
        self._changed = threading.Condition()
        self.stopped = False
        """Whether nothing more is to be read, though there is more."""
        self.asked = threading.Event()
        """Set when the reader is ready for the first one."""

    def put(self, place: int, batch: Batch) -> None:
        """The batch of a place has come."""
        with self._changed:
            self._there[place] = batch
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing more is wanted: the reader comes to its end now."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()

    def at_hand(self, place: int) -> Batch | None:
        """The batch of a place, if it has come."""
        return self._there.get(place)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Batch: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Batch]: ...
    def __getitem__(self, place: int | slice) -> Batch | Sequence[Batch]:
        """The batch, once it is there. Raises IndexError behind the end, and after ``stop``."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self._count))]
        if not 0 <= place < self._count:
            raise IndexError(place)
        self.asked.set()
        with self._changed:
            self._changed.wait_for(lambda: self.stopped or place in self._there)
            if self.stopped:
                raise IndexError(place)
            return self._there[place]

    def __iter__(self) -> Iterator[Batch]:
        """In order; each is let go of once the one behind it is asked for."""
        for place in range(self._count):
            try:
                batch = self[place]
            except IndexError:
                return
            yield batch
            with self._changed:
                self._there.pop(place, None)
