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
import itertools, os, signal, sys
from spatialbench.cli import main
from spatialbench.runs.journal_writer import JournalWriter

last, place, append = int(sys.argv[1]), sys.argv[2], JournalWriter.append
appends = itertools.count(1)

def deadly(writer, records):
    append(writer, records)
    # Of a counter, no two threads get the same number.
    if place in os.fspath(writer.path) and next(appends) == last:
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
                stat = (entry / "stat").read_bytes()
                parents[int(entry.name)] = int(stat.rpartition(b")")[2].split()[1])
                titles[int(entry.name)] = (entry / "cmdline").read_bytes()
    for pid, title in titles.items():
        above = parents[pid]
        while above in parents and above != process:
            above = parents[above]
        if above == process:
            yield pid, title


def is_at_work(process: int) -> bool:
    """Neither gone nor a zombie, whose command line is empty."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except OSError:
        return False


def wait_for_look(process: int) -> None:
    """Until a process that sleeps for seconds between its looks has looked, from now on, once.

    While it starts, and while it reads, it may sleep too, but never for long.
    """
    first = _long_sleep(process)
    while _long_sleep(process) == first:
        pass


def _long_sleep(process: int) -> int:
    """Wait until it has been in the same sleep for a second; which of its sleeps that is."""
    sleep, since = None, 0.0
    while sleep is None or time.monotonic() - since < 1:
        time.sleep(0.05)
        now = _asleep(process)
        if now is None or now != sleep:
            sleep, since = now, time.monotonic()
    return sleep


def _asleep(process: int) -> int | None:
    """How often it has gone to sleep, where it is asleep."""
    lines = Path(f"/proc/{process}/status").read_bytes().splitlines()
    told = dict(line.split(b":", 1) for line in lines)
    slept = int(told[b"voluntary_ctxt_switches"])
    return slept if told[b"State"].split()[0] == b"S" else None
