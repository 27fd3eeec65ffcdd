"""The processes of this machine, as Linux tells of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


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
