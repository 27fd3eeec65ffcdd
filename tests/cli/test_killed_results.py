"""``gallery`` and ``export`` killed in the midst: nothing half is left, and again is enough."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Command

_DIES = """
import os, signal, sys
moment = int(sys.argv[1])
written = []

def watch(event, arguments):
    if event == "os.rename":
        due = moment < 0 and str(arguments[0]).endswith(".unfinished")
    elif event in ("open", "os.mkdir") and ".unfinished/" in str(arguments[0]):
        written.append(arguments[0])
        due = len(written) == moment
    else:
        due = False
    if due:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
from spatialbench.cli import main
sys.exit(main(sys.argv[2:]))
"""
GALLERY = ("gallery", "run", "--out", "made")
EXPORT = ("export", "run", "--layout", "flat+csv", "--out", "made")
BEGUN, SOME, RENAMING = 1, 2, -1
"""When: at the first or second file that is opened by its path, or before the folder takes its
place."""


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("verb", "moment"),
    [(GALLERY, BEGUN), (GALLERY, SOME), (GALLERY, RENAMING), (EXPORT, BEGUN), (EXPORT, RENAMING)],
)
def test_killed_and_given_again(
    spatialbench: Command, plugin_package: Path, verb: tuple[str, ...], moment: int
) -> None:
    made = ("run", "--method", "painter", "--bench", "squares", "--limit", "2", "--out", "run")
    assert spatialbench(*made).status == 0
    run = _tree(Path("run"))
    path = os.pathsep.join((str(plugin_package), os.environ.get("PYTHONPATH", "")))
    killed = subprocess.run(
        [sys.executable, "-c", _DIES, str(moment), *verb],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not Path("made").exists()
    again = spatialbench(*verb)
    assert again.status == 0, again.err
    found = _tree(Path("made"))
    assert spatialbench(*verb[:-1], "undisturbed").status == 0
    assert found.keys() == _tree(Path("undisturbed")).keys()
    assert [name for name in os.listdir() if "unfinished" in name or "replaced" in name] == []
    assert _tree(Path("run")) == run
