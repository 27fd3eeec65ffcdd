"""Every verb on a real terminal of any width: no line is wider than it, and nothing is obeyed."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len

from spatialbench.cli.findings import LOADS, Finding, findings_report
from spatialbench.reports.screen import Screen

from .conftest import Command

NAME = "方法 =1+1 <b>|x|</b> [c] a_b-with-a-long-name-that-has-no-end"
_CODE = """
import fcntl, json, os, struct, sys, termios
from spatialbench.cli import main
for width, plain in json.loads(sys.argv[2]):
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    os.environ["NO_COLOR"] = plain
    print(f"#{width}{plain}", flush=True)
    for command in json.loads(sys.argv[1]):
        print("@" + command[0], flush=True)
        assert main(command) == 0, command
        sys.stdout.flush()
"""
_OURS = re.compile(r"\x1b\[[0-9;]*m")
VERBS = [
    line.split()
    for line in (
        "leaderboard runs",
        "leaderboard runs --wide",
        "leaderboard runs --signature --price",
        "compare runs/a runs/b --by relation",
        "status runs/a",
        "status runs",
        "score runs/a --by relation",
        "run --method painter --bench squares --limit 8 --set skill=0.9 --out runs/a",
        "run --method painter --bench squares --limit 9 --dry-run",
        "runs runs",
        "runs diff runs/a runs/b",
        "power runs/a runs/b",
        "gate runs/a --write gate.json --force",
        "gate runs/a --against gate.json",
        "agree runs/a --between colour-blobs colour-blobs",
        "reproduce --list",
        "list",
        "list methods",
        "list painter",
    )
]


def _shown(screens: list[tuple[int, str]], folder: Path, plugins: Path) -> str:
    """All that a terminal is sent by the verbs, once for each width, plain where that is said."""
    screen, terminal = pty.openpty()
    # Nothing is mapped on its way, so that a line is what was printed.
    settings = termios.tcgetattr(terminal)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
    environment = {"PYTHONPATH": str(plugins), "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, json.dumps(VERBS), json.dumps(screens)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )
    os.close(terminal)
    sent = b""
    while True:
        try:
            sent += os.read(screen, 65536)
        except OSError:
            # So Linux tells that nobody has the terminal open any more.
            break
    os.close(screen)
    said = process.communicate()[1]
    assert process.returncode == 0, said.decode()[-2000:]
    return sent.decode()


@pytest.fixture
def runs(spatialbench: Command, tmp_path: Path) -> Path:
    """Two runs of the stranger's method, one of them with a name that does everything."""
    base = ("run", "--method", "painter", "--bench", "squares", "--limit", "8")
    for out, skill in (("runs/a", "0.9"), ("runs/b", "0.2")):
        made = spatialbench(*base, "--set", f"skill={skill}", "--out", out)
        assert made.status == 0, made.err
    named = spatialbench(*base, "--set", "skill=0.2", "--out", "runs/b", "--name", NAME)
    assert named.status == 0, named.err
    return tmp_path


@pytest.mark.parametrize("width", [20, 40, 79, 80, 81, 120, 200])
def test_all_that_doctor_can_find_fits(width: int) -> None:
    """Every state, with paths and names that have no space to break them at."""
    path = "/a/folder/without/any/space/" + "x" * 90 + ".safetensors"
    found = [Finding("ok", f"method {'m' * number}", LOADS) for number in range(1, 60)]
    found += [
        Finding("ok", "cache", f"{path}, 12.3 GB"),
        Finding("absent", f"weights 方法/{'w' * 60}", f"not in the cache: fetch it as {path}"),
        Finding("warning", "python", "3.99 is newer than any that was tried " * 4),
        Finding("broken", f"detector {'d' * 50}", f"RuntimeError('{path}')"),
    ]
    text = findings_report(found).text("table", screen=Screen(width))
    lines = text.splitlines()
    assert [line for line in lines if cell_len(line) > width] == []
    plain = "".join(text.split())
    assert "NOTSOUND:1broken" in plain
    assert plain.rindex("broken") > plain.rindex("warning") > plain.rindex("absent")


def test_no_line_is_wider_than_the_terminal(runs: Path, plugin_folder: Path) -> None:
    text = _shown([(120, ""), (80, ""), (40, ""), (20, ""), (80, "1")], runs, plugin_folder)
    _, *parts = re.split(r"^#(\d+1?)\n", text, flags=re.MULTILINE)
    shown = dict(zip(parts[::2], parts[1::2], strict=True))
    assert list(shown) == ["120", "80", "40", "20", "801"]
    for width in (120, 80, 40, 20):
        coloured = shown[str(width)]
        plain = _OURS.sub("", coloured)
        assert not set(plain) & set("\x1b\x07\r")
        assert [line for line in plain.splitlines() if cell_len(line) > width] == []
        assert [line for line in plain.splitlines() if line.startswith("@")] == [
            f"@{verb}" for verb, *_ in VERBS
        ]
        assert "\x1b[1m" in coloured
        assert "方法" in plain
    assert "\x1b" not in shown["801"]
    bare = _OURS.sub("", shown["80"]).splitlines()
    assert shown["801"].splitlines() == [line.rstrip() for line in bare]
