"""What stands beside the bar."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator

import pytest

from spatialbench.api.console import BarProgress, LineProgress, rate_text, say


class Terminal(io.StringIO):
    """One that does not say how many columns it has."""

    def __init__(self, device: int) -> None:
        super().__init__()
        self._device = device

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._device


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    controller, device = os.openpty()
    yield Terminal(device)
    os.close(device)
    os.close(controller)


def test_a_terminal_has_whole_words_and_whole_commands(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "'spatialbench compare runs/a runs/b --by relation'"
    sentence = f"too few images were found here: {command} says which, and then go on\nas before"
    monkeypatch.setenv("COLUMNS", "30")
    for stream in (terminal, io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        say(sentence)
        say("imported; next: spatialbench leaderboard a b c d")
        shown = stream.getvalue()
        if stream.isatty():
            lines = shown.splitlines()
            assert lines[2] == command
            assert lines[-2:] == ["imported;", "next: spatialbench leaderboard a b c d"]
            assert [line for line in lines if len(line) > 30] == [command, lines[-1]]
            assert "as before" in lines
        assert " ".join(shown.split()) == " ".join(
            f"{sentence} imported; next: spatialbench leaderboard a b c d".split()
        )
    assert sentence in shown


@pytest.mark.parametrize(
    ("speed", "shown"),
    [(None, ""), (0, ""), (12.34, "12.3 images/s"), (1, "1.0 images/s"), (0.25, "4.0 s/image")],
)
def test_rates(speed: float | None, shown: str) -> None:
    assert rate_text(speed) == shown


def test_a_bar_counts_and_tells(capsys: pytest.CaptureFixture[str]) -> None:
    bar = BarProgress()
    bar.begin("detect", 3, 10)
    bar.notice("[bold]as it stands")
    bar.advance(7)
    bar.end()
    err = capsys.readouterr().err
    assert "detect" in err
    assert "10/10" in err
    assert "[bold]as it stands" in err
    bar.notice("after the bar")
    assert "after the bar" in capsys.readouterr().err


def test_the_rate_of_a_bar_counts_from_the_beginning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of one batch, whose images are counted one right after the other."""
    now = 100.0
    monkeypatch.setattr("rich.console.monotonic", lambda: now)
    bar = BarProgress()
    bar.begin("generate", 4, 12)
    now += 16
    for _ in range(8):
        bar.advance(1)
    bar.end()
    assert "2.0 s/image" in capsys.readouterr().err


def test_lines_tell_now_and_then_and_each_count_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("spatialbench.api.console.time.monotonic", lambda: now)
    lines = LineProgress()
    lines.begin("generate", 8, 32)
    for _ in range(3):
        now += 6
        lines.advance(8)
    lines.advance(0)
    lines.end()
    lines.begin("export", 0, 40)
    lines.advance(8)
    now += 20
    lines.advance(0)
    lines.begin("detect", 0, 40)
    for seconds in (100, 10):
        now += seconds
        lines.advance(8)
    assert capsys.readouterr().err.splitlines() == [
        "generate: 8/32 images, starting",
        "generate: 24/32 images, 12 s, 0.75 s per image, about 6 seconds left",
        "generate: 32/32 images, 18 s, 0.75 s per image",
        "export: 0/40 images, starting",
        "export: 8/40 images, 20 s, 2.5 s per image",
        "detect: 0/40 images, starting",
        "detect: 8/40 images, 100 s, 12.5 s per image",
        "detect: 16/40 images, 110 s, 6.88 s per image, about 30 seconds left",
    ]
    lines.begin("detect", 0, 8)
    now += 20
    lines.advance(8)
    now += 20
    lines.advance(0)
    lines.end()
    lines.begin("score", 8, 8)
    lines.end()
    lines.begin("check", 0, 4)
    now += 1
    lines.advance(3)
    lines.end()
    assert capsys.readouterr().err.splitlines() == [
        "detect: 0/8 images, starting",
        "detect: 8/8 images, 20 s, 2.5 s per image",
        "score: 8/8 images, complete",
        "check: 0/4 images, starting",
        "check: 3/4 images, 1 s, 0.333 s per image",
    ]
