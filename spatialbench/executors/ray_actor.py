"""The process at the other end: a Ray actor that holds one worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from . import Worker

SEARCHED = "SPATIALBENCH_SEARCHED"
"""Folders from which a worker imports what the user's own files import."""


class Member:
    """Loads a worker once and works on what it is sent.

    ``pulse`` is answered on a thread of its own, so that it tells whether the process lives while
    ``work`` is busy.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        # Before anything imports the libraries that read these.
        os.environ.update(environment)
        folders = os.environ.get(SEARCHED, "").split(os.pathsep)
        sys.path.extend(folder for folder in folders if folder and folder not in sys.path)
        self._worker: Worker[Any, Any] | None = None

    def pulse(self) -> int:
        """The process id: somebody is there."""
        return os.getpid()

    def load(self, make_worker: Callable[[], Worker[Any, Any]]) -> tuple[str, ...]:
        """Make the worker, which loads its model; returns its remarks."""
        self._worker = make_worker()
        return tuple(self._worker.remarks)

    def work(self, batch: Any) -> tuple[Any, int]:
        """The result of a batch, and how many of the latest batches are not safe yet."""
        assert self._worker is not None
        result = self._worker.work(batch)
        return result, self._worker.unsettled

    def close(self) -> None:
        """Close the worker, if there is one."""
        if self._worker is not None:
            self._worker.close()
