"""How a stage tells its caller how far it is and what it noticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Progress(Protocol):
    """What a stage calls; the command line draws it, a test records it."""

    def begin(self, stage: str, done: int, total: int) -> None:
        """A stage starts with ``done`` of ``total`` images already there."""
        ...

    def advance(self, images: int) -> None:
        """So many more images are finished and on disk."""
        ...

    def notice(self, text: str) -> None:
        """One sentence a person should read, such as a torn line that was dropped."""
        ...

    def end(self) -> None:
        """The stage is over."""
        ...


class Silent:
    """A Progress that says nothing."""

    def begin(self, stage: str, done: int, total: int) -> None: ...
    def advance(self, images: int) -> None: ...
    def notice(self, text: str) -> None: ...
    def end(self) -> None: ...


@dataclass
class Once:
    """Another Progress that is told each notice once: many runs have the same to say."""

    shown: Progress
    said: set[str] = field(default_factory=set)

    def notice(self, text: str) -> None:
        """Tell a sentence, unless it was told."""
        if text not in self.said:
            self.said.add(text)
            self.shown.notice(text)

    def begin(self, stage: str, done: int, total: int) -> None:
        """See ``Progress``."""
        self.shown.begin(stage, done, total)

    def advance(self, images: int) -> None:
        """See ``Progress``."""
        self.shown.advance(images)

    def end(self) -> None:
        """See ``Progress``."""
        self.shown.end()
