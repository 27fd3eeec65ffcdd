"""Ends what a killed driver started: run as a script of its own, for nobody else is left to do it.

Ray's own processes watch each other, but its agents can stay for a minute, or for ever where the
whole process group was killed. This process has a session of its own. It reads its input, which
nobody writes to: the end of that is the end of the driver, however it came. It then ends every
process of Ray that it has seen below the driver.

Only the standard library is imported, and nothing of this package.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

LOOK_S = 2.0
"""How often the processes below the driver are looked at while it lives."""

GRACE_S = 5.0
"""How long they may end by themselves: workers write their last files."""

Process = tuple[int, bytes]
"""Number and start time, which together nobody else ever has."""


def watched(driver: int, package: Path) -> subprocess.Popen[bytes]:
    """Start the reaper of a driver. It ends when its input is closed; see ``dismissed``.

    Args:
        driver: its process id.
        package: the folder of the Ray that it imports, whose programs are Ray's processes.
    """
    return subprocess.Popen(
        [sys.executable, "-I", __file__, str(driver), str(package)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def dismissed(reaper: subprocess.Popen[bytes]) -> None:
    """The driver ends its processes itself."""
    reaper.kill()
    reaper.wait()
    if reaper.stdin is not None:
        reaper.stdin.close()


def below(driver: int, ours: Callable[[int], bool]) -> set[Process]:
    """Those children of a process that are ``ours``, and everything below them."""
    parents: dict[int, int] = {}
    started: dict[int, bytes] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                # Bytes: a process may have any name, cut off within a letter.
                fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                parents[int(entry.name)], started[int(entry.name)] = int(fields[1]), fields[19]
    found = set()
    for process in parents:
        top = process
        while top in parents and parents[top] != driver:
            top = parents[top]
        if top in parents and ours(top):
            found.add((process, started[process]))
    return found


def runs_from(package: str, process: int) -> bool:
    """Whether a process runs a program of a package; this one, which only names it, does not."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(word.startswith(os.fsencode(f"{package}{os.sep}")) for word in words)


def end(processes: set[Process]) -> None:
    """SIGKILL for those that are still there."""
    for number, began in processes:
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{number}/stat").read_bytes().rpartition(b")")[2].split()
            if fields[19] == began:
                os.kill(number, signal.SIGKILL)


def main(driver: int, package: str) -> None:
    """Wait for the end of the driver, then end what it left."""
    seen: set[Process] = set()
    while not select.select([sys.stdin], [], [], LOOK_S)[0]:
        seen |= below(driver, lambda child: runs_from(package, child))
    time.sleep(GRACE_S)
    for process, _ in list(seen):
        seen |= below(process, lambda child: True)
    end(seen)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
