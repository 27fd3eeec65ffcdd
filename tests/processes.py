"""The processes of this machine, as Linux tells of them, and commands that die where they shall."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_DIES = """
import os, signal, sys
from spatialbench.cli import main
from spatialbench.runs.journal_writer import JournalWriter

left, place, append = int(sys.argv[1]), sys.argv[2], JournalWriter.append

def deadly(writer, records):
    global left
    append(writer, records)
    left -= place in os.fspath(writer.path)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

JournalWriter.append = deadly
sys.exit(main(sys.argv[3:]))
"""


def kill_after(appends: int, place: str, command: Sequence[str], folder: Path) -> None:
    """Run a command in a folder; SIGKILL comes once so many records were added to its journals.

    Whoever looks from outside when to kill may come too late, however often it looks.

    Args:
        place: a part of the path of the journals that count.
    """
    done = subprocess.run(
        [sys.executable, "-c", _DIES, str(appends), place, *command],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def descendants(process: int) -> Iterator[tuple[int, bytes]]:
    """Number and command line of every process below one."""
    parents, titles = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
                titles[int(entry.name)] = (entry / "cmdline").read_bytes()
    for pid, title in titles.items():
        above = parents[pid]
        while above in parents and above != process:
            above = parents[above]
        if above == process:
            yield pid, title


def wait_for_looks(process: int, looks: int = 4) -> None:
    """Until a process that sleeps between its looks has slept so many more times."""
    begun = _sleeps(process)
    while _sleeps(process) < begun + looks:
        time.sleep(0.05)


def _sleeps(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = [x for x in status.splitlines() if x.startswith("voluntary_ctxt_switches:")]
    return int(line.split()[1])
