"""What every reader owes to any input: a refusal in a sentence, soon, nothing written outside."""

from __future__ import annotations

import os
import shutil
import signal
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from spatialbench.errors import UserError

from .reader import Reader

SECONDS = 20.0
"""A reader that keeps a processor busy for longer hangs."""

WAITING_SECONDS = 300.0
"""So does one that takes longer in any way: a process may get no processor for minutes."""


class Hang(BaseException):
    """Not an Exception: no reader's own net may catch it."""


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise Hang in this thread after so many seconds of work or of waiting."""

    def stop(number: int, frame: object) -> None:
        raise Hang(f"still reading after {SECONDS} s of work or {WAITING_SECONDS} s of waiting")

    timers = {signal.ITIMER_PROF: signal.SIGPROF, signal.ITIMER_REAL: signal.SIGALRM}
    before = {number: signal.signal(number, stop) for number in timers.values()}
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, WAITING_SECONDS)
    try:
        yield
    finally:
        for timer, number in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


@dataclass
class Trial:
    """One reader at work in a folder of its own; ``told`` counts what became of its inputs."""

    reader: Reader
    folder: Path
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._scratch = self.folder / "work"
        self._template = self.folder / "template"
        self._template.mkdir(parents=True)
        self.reader.prepare(self._template)
        self._outside = self._seen()

    def read(self, content: bytes) -> str | None:
        """Let the reader read. The refusal, or None where the input was taken.

        Raises:
            Exception: whatever else the reader raises, which is a defect.
            AssertionError: an empty or shapeless refusal, or a file outside the reader's folder.
        """
        shutil.rmtree(self._scratch, ignore_errors=True)
        shutil.copytree(self._template, self._scratch)
        path = self._scratch / self.reader.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        refusal = None
        with time_limit(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.reader.read(self._scratch)
            except UserError as error:
                refusal = str(error)
        assert refusal is None or len(refusal) > 20, refusal
        assert self._seen() == self._outside, "a file appeared outside"
        self.told["taken" if refusal is None else "refused"] += 1
        return refusal

    def _seen(self) -> list[str]:
        """What lies around the reader's own folder."""
        parents = (self.folder, self.folder.parent)
        return sorted(
            os.path.join(parent, name)
            for parent in parents
            for name in os.listdir(parent)
            if name != "work"
        )
