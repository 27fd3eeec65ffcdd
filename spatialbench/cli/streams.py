"""Stdout and stderr for results: in every encoding, inert on a terminal, and told when they end."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO, cast

from ..errors import UserError
from ..files.shown_text import inert

_PLAIN = {
    "−": "-",
    "–": "-",
    "─": "-",
    "±": "+/-",
    "×": "x",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "’": "'",
}
"""What stands for a character of ours that an encoding lacks."""

_ERRORS = "spatialbench.plain"


class _Inert(io.TextIOWrapper):
    """What is written to it moves no cursor and colours no screen, and fails in a sentence."""

    def write(self, text: str) -> int:
        self.write_styled(inert(text))
        return len(text)

    def write_styled(self, text: str) -> None:
        """Write what is inert already, but for our own colours."""
        try:
            super().write(text)
        except OSError as error:
            raise _refused(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _refused(error) from error


class _Closed(io.TextIOBase):
    """Stands for a stdout that the shell closed, for which Python has nothing at all."""

    def write(self, text: str) -> int:
        raise StdoutFailed(
            "the result could not be printed (stdout is closed): what was made is kept; give the "
            "same command again without '>&-'."
        )


@contextlib.contextmanager
def safe_stdout() -> Iterator[None]:
    """Let results be written to whatever stdout is, and tell in a sentence where that fails.

    A stderr that the shell closed is told nothing.

    Raises:
        StdoutFailed: stdout is full or closed.
    """
    codecs.register_error(_ERRORS, _plain)
    before: TextIO | None = sys.stdout
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    shown = None if before is None else _over(before)
    sys.stdout = shown or before or cast(TextIO, _Closed())
    try:
        yield
        sys.stdout.flush()
    except StdoutFailed:
        if before is not None:
            _forget(before)
        raise
    finally:
        sys.stdout = cast(TextIO, before)
        if shown is not None:
            with contextlib.suppress(OSError, ValueError, UserError):
                shown.detach()


def write_bytes(content: bytes) -> None:
    """Write to stdout what must not change by a bit, such as an official file.

    Raises:
        StdoutFailed: stdout is full or closed.
    """
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise _refused(error) from error


def write_styled(text: str) -> None:
    """Write to stdout text that is inert but for colours of our own.

    Raises:
        StdoutFailed: stdout is full or closed.
    """
    if isinstance(sys.stdout, _Inert):
        sys.stdout.write_styled(text)
    else:
        sys.stdout.write(text)


class StdoutFailed(UserError):
    """Stdout cannot take the result."""


class NobodyReads(StdoutFailed):
    """The command after the pipe has ended, as ``head`` does when it has enough."""


def _over(stream: TextIO) -> _Inert | None:
    """Another writer of the same bytes; None where there are no bytes behind it."""
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        return None
    with contextlib.suppress(OSError):
        stream.flush()
    encoding = codecs.lookup(stream.encoding or "utf-8").name
    return _Inert(
        buffer,
        # Whoever has no locale has a terminal that shows UTF-8 all the same.
        encoding="utf-8" if encoding == "ascii" else encoding,
        errors=_ERRORS,
        line_buffering=stream.isatty(),
    )


def _forget(stream: TextIO) -> None:
    """Let Python end without writing once more what cannot be written."""
    with contextlib.suppress(OSError, ValueError, io.UnsupportedOperation):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _refused(error: OSError) -> StdoutFailed:
    if error.errno == errno.EPIPE:
        return NobodyReads("nobody reads the result")
    return StdoutFailed(
        f"the result could not be printed ({error.strerror}): what was made is kept; free some "
        "space where stdout goes, then give the same command again."
    )


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lacking), error.end
