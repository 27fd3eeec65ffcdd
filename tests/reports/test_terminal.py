"""Tables on terminals of any width: no line is too long, and no cell is lost."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spatialbench.reports.terminal import fitted, terminal_width, wrapped

METRICS = ["OA", "VISOR_uncond", "VISOR_cond", "VISOR_1", "VISOR_2", "VISOR_3", "VISOR_4"]
COLUMNS = ["method", "base", "images", *METRICS, "source"]
ROWS = [
    ["infsplign [1]", "lab@8105357", "100", *["100.00 +0.00 −13.3 *"] * 7, "measured"],
    ["sd", "stabilityai/stable-diffusion-2-1-base", "", *["88.00"] * 7, "a paper, table 12 [P]"],
]
RIGHT = [False, False, *[True] * 8, False]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200, 400])
def test_lines_fit_and_every_cell_is_there(width: int) -> None:
    text = fitted(COLUMNS, ROWS, RIGHT, width)
    assert max(map(len, text.splitlines())) <= width
    for name in COLUMNS:
        assert name in text
    assert text.count("100.00 +0.00 −13.3 *") == text.count("88.00") == 7
    words = re.sub(r"\s", "", text)
    assert "table12[P]" in words or "table" in text
    blocks = text.split("\n\n")
    # Every block says again which row is which.
    assert all(block.startswith("method") and "infsplign [1]" in block for block in blocks)
    assert (len(blocks) == 1) == (width >= 400)


def test_a_table_that_fits_is_one_block_with_long_text_folded_last() -> None:
    rows = [["OA", "62.0", "a long sentence about why " * 4]]
    text = fitted(["metric", "value", "why"], rows, [False, True, False], 60)
    assert max(map(len, text.splitlines())) <= 60
    assert len(text.split("\n\n")) == 1
    assert re.sub(r"\s+", " ", text).count("about why") == 4


def test_a_note_is_folded_and_a_signature_is_never_broken() -> None:
    long = "gen:" + "x" * 90
    text = wrapped(f"a note of many words, {'word ' * 30}{long}", 80)
    assert long in text
    assert all(len(line) <= 80 or long in line for line in text.splitlines())


def test_a_pipe_has_no_width() -> None:
    code = "from spatialbench.reports.terminal import terminal_width; print(terminal_width())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "None"


def test_the_width_is_the_terminals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as out:
        monkeypatch.setattr(sys, "__stdout__", out)
        monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((97, 24)))
        assert terminal_width() == 97
    os.close(controller)
    with (tmp_path / "file").open("w") as out:
        monkeypatch.setattr(sys, "__stdout__", out)
        assert terminal_width() is None


def test_columns_of_text_alone_follow_each_other_in_blocks_too() -> None:
    columns = ["prompts", *METRICS]
    text = fitted(columns, [["left", *["+12.50 [+3.10, +20.00]"] * 7]], [False] * 8, 80)
    assert max(map(len, text.splitlines())) <= 80
    blocks = text.split("\n\n")
    assert len(blocks) > 1
    assert all(block.startswith("prompts") and "left" in block for block in blocks)
    assert all(name in text for name in METRICS)
