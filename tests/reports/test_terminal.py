"""Tables on terminals of any width: no line is too wide, no number is broken, nothing is silent."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from spatialbench.reports.report import Report
from spatialbench.reports.screen import Screen, terminal_width
from spatialbench.reports.tables import UNDEFINED, Measured, Table
from spatialbench.reports.terminal import fitted, folded
from spatialbench.reports.view import View

METRICS = ["OA", "VISOR_uncond", "VISOR_cond", "VISOR_1", "VISOR_2", "VISOR_3", "VISOR_4"]
COLUMNS = ["method", "base", "images", *METRICS, "source"]
NUMBER = Measured(100.0, 86.7, 100.0)
ROWS = [
    ["infsplign [1]", "lab@8105357", "100", *[NUMBER] * 7, "measured"],
    [
        "説明の方法",
        "stabilityai/stable-diffusion-2-1-base",
        "",
        *[Measured(88.0)] * 7,
        "a paper",
    ],
]
TABLE = Table(
    COLUMNS,
    ROWS,
    "a table of numbers that people look at",
    ["a note of many words " * 8, "gen:" + "x" * 90],
    frozenset({(0, 3)}),
    [1],
    spare=[*range(len(COLUMNS) - 1, 3, -1), 1],
)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def _widest(text: str) -> int:
    return max(cell_len(line) for line in ESCAPES.sub("", text).splitlines())


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("width", [10, 20, 40, 60, 80, 100, 120, 200, 400])
def test_no_line_is_wider_and_no_number_is_broken(
    width: int, wide: bool, colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "unknown")
    text = ESCAPES.sub("", fitted(TABLE, width, wide=wide, colour=colour))
    assert _widest(text) <= width
    if width < 20:
        return
    hidden = re.search(r"(\d+) columns? (?:is|are) hidden", re.sub(r"\s+", " ", text))
    left = 0 if hidden is None else int(hidden[1])
    assert not (wide and left)
    metrics = text.count(NUMBER)
    assert metrics == text.count("88.00") >= 1
    # What is not there is counted: besides metrics, source and base can be left out.
    assert 7 - metrics <= left <= 7 - metrics + 2
    assert f"{NUMBER} *" in text or f"{NUMBER}\n" in text
    if width >= 60:
        blocks = [block for block in text.split("\n\n") if "infsplign" in block]
        assert len(blocks) == text.count("説明の方法")
        assert (len(blocks) == 1) == (not wide or width >= 200)


def test_what_is_hidden_is_named_and_wide_shows_it() -> None:
    text = re.sub(r"\s+", " ", fitted(TABLE, 80))
    assert "columns are hidden: base, " in text or "columns are hidden: VISOR" in text
    assert text.endswith("(--wide shows all)") or "(--wide shows all)" in text
    assert "hidden" not in fitted(TABLE, 400)
    every = fitted(TABLE, 80, wide=True)
    assert all(name in every for name in COLUMNS)
    assert "hidden" not in every


def test_a_table_without_columns_to_spare_goes_on_in_blocks() -> None:
    change = Measured(12.5, 3.1, 20.0, difference=True)
    table = Table(["prompts", *METRICS], [["left", *[change] * 7]])
    text = fitted(table, 80)
    assert _widest(text) <= 80
    blocks = text.split("\n\n")
    assert len(blocks) > 1
    assert all(block.startswith("prompts") and "left" in block for block in blocks)
    assert all(name in text for name in METRICS)
    assert text.count("+12.50 [+3.10, +20.00]") == 7


def test_long_text_is_folded_in_its_cell() -> None:
    table = Table(["metric", "value", "why"], [["OA", "62.0", "a long sentence about why " * 4]])
    text = fitted(table, 60)
    assert _widest(text) <= 60
    assert re.sub(r"\s+", " ", text).count("about why") == 4


@given(st.text("ab ,/説é\u0301", max_size=60), st.integers(2, 30))
def test_folding_loses_nothing(text: str, width: int) -> None:
    lines = folded(text, width).split("\n")
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.usefixtures("terminal")
def test_colour_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Screen.of_stdout() == Screen(97, True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert Screen.of_stdout() == Screen(97, False)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Screen.of_stdout() == Screen(97, False)
    report = Report([TABLE])
    coloured = report.text("table", View(), Screen(80, True))
    assert "\x1b[1;32m" in coloured
    assert ESCAPES.sub("", coloured) == report.text("table", View(), Screen(80, False))
    assert "\x1b" not in report.text("table", View(), Screen(None))


def test_names_that_move_the_cursor_move_nothing() -> None:
    table = Table(["a\x1b[2J", "b"], [["\x1b[31mred\x07", UNDEFINED]], "\x1b]0;t\x07", ["\x9b2J"])
    text = Report([table]).text("table", View(), Screen(40, True))
    assert "\x1b" not in ESCAPES.sub("", text)
    assert not set(text) & set("\x07\x9b")
    assert "\\x1b[31mred" in ESCAPES.sub("", text)


def test_a_pipe_has_no_width() -> None:
    code = "from spatialbench.reports.screen import Screen; print(Screen.of_stdout())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "Screen(width=None, colour=False)"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """stdout is a terminal of 97 columns; the function gives it another width."""
    controller, device = pty.openpty()

    def widen(columns: int) -> None:
        fcntl.ioctl(device, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    widen(97)
    with os.fdopen(device, "w") as out:
        monkeypatch.setattr(sys, "__stdout__", out)
        yield widen
    os.close(controller)


def test_the_width_is_the_terminals(
    terminal: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "132")
    assert terminal_width() == 97
    terminal(0)
    assert terminal_width() == 132
    monkeypatch.setenv("COLUMNS", "many")
    assert terminal_width() == 80
    with (tmp_path / "file").open("w") as out:
        monkeypatch.setattr(sys, "__stdout__", out)
        assert terminal_width() is None
