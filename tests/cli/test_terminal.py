"""On a terminal: what a command prints last stands below its progress bar, which is closed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

_COMMAND = """
import logging, sys, time
from pathlib import Path
from coloured_squares.painter import Painter
from spatialbench.cli import main
from spatialbench.errors import UserError

paint, begun = Painter.generate, []

def generate(self, requests):
    begun.append(1)
    if len(begun) == 2:
        if sys.argv[1] == "wait":
            Path("waiting").touch()
            while True:
                time.sleep(1)
        if sys.argv[1] == "refuse":
            raise UserError("there is no more paint")
        logging.getLogger("spatialbench").warning("the paint is nearly dry")
    return paint(self, requests)

Painter.generate = generate
sys.exit(main("run --method painter --bench squares --limit 12 --batch-size 4".split()))
"""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _owns_the_terminal() -> None:
    """Ctrl-C reaches the command, also where the tests were started with interrupts ignored."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def on_a_terminal(
    plugins: Path, folder: Path, mode: str, press: Callable[[int], None] | None = None
) -> tuple[int, str]:
    """Exit status, and all that a terminal was sent; ``press`` gets its keyboard."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, mode],
        cwd=folder,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=os.environ | {"PYTHONPATH": str(plugins), "TERM": "xterm", "COLUMNS": "100"},
        start_new_session=True,
        preexec_fn=_owns_the_terminal,
    )
    os.close(terminal)
    if press is not None:
        press(screen)
    sent = b""
    while True:
        try:
            sent += os.read(screen, 4096)
        except OSError:
            # So Linux tells that nobody has the terminal open any more.
            break
    os.close(screen)
    return process.wait(), _ESCAPES.sub("", sent.decode())


def _bar_after(text: str, sentence: str) -> bool:
    """Whether a bar was drawn after a sentence."""
    assert sentence in text
    return "/24" in text.rpartition(sentence)[2]


def test_ctrl_c_is_told_below_the_bar(plugin_folder: Path, tmp_path: Path) -> None:
    def interrupt(keyboard: int) -> None:
        end = time.monotonic() + 600
        while not (tmp_path / "waiting").exists() and time.monotonic() < end:
            time.sleep(0.05)
        os.write(keyboard, b"\x03")

    status, text = on_a_terminal(plugin_folder, tmp_path, "wait", interrupt)
    assert status == 130
    assert "4/24" in text or "0/24" in text
    assert not _bar_after(text, "interrupted; the same command continues")


@pytest.mark.parametrize("mode", ["refuse", "log"])
def test_an_error_stands_below_the_bar_and_a_notice_above(
    plugin_folder: Path, tmp_path: Path, mode: str
) -> None:
    status, text = on_a_terminal(plugin_folder, tmp_path, mode)
    if mode == "refuse":
        assert status == 2
        assert not _bar_after(text, "error: there is no more paint")
    else:
        assert status == 0
        assert _bar_after(text, "the paint is nearly dry")
