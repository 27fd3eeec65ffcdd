"""The reaper of a driver, on processes that would never end: without Ray itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from spatialbench.executors.ray_reaper import below, watched
from tests.processes import is_at_work, wait_for_look

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the reaper reads Linux's /proc")

STUBBORN = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if sys.argv[2:]:
    os.posix_spawn(sys.executable, [sys.executable, __file__, sys.argv[2]], os.environ)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(3600)
"""

DRIVER = """
import os, pathlib, subprocess, sys, time
from spatialbench.executors.ray_reaper import watched
reaper = watched(os.getpid(), pathlib.Path(sys.argv[2]))
for program, *marks in eval(sys.argv[1]):
    subprocess.Popen([sys.executable, program, *marks], start_new_session=True)
print(reaper.pid, flush=True)
time.sleep(3600)
"""


@pytest.fixture
def numbers(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Where an agent, its child and somebody else's process leave their numbers."""
    marks = {name: tmp_path / name for name in ("agent", "child", "other")}
    yield marks
    for mark in marks.values():
        with suppress(OSError, ValueError):
            os.kill(int(mark.read_text()), signal.SIGKILL)


def _there(mark: Path) -> bool:
    try:
        return b"stubborn" in Path(f"/proc/{mark.read_text()}/cmdline").read_bytes()
    except OSError:
        return False


def _until_gone(*marks: Path) -> None:
    """However long it takes; only a fault takes for ever."""
    deadline = time.monotonic() + 300
    while any(map(_there, marks)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("group", [False, True], ids=["driver", "group"])
def test_what_ray_started_ends_with_a_killed_driver(
    tmp_path: Path, numbers: dict[str, Path], group: bool
) -> None:
    programs = []
    package = tmp_path / "ray" / "site-packages" / "ray"
    # A home folder of that name makes nobody a process of Ray.
    for folder, marks in ((package, ("agent", "child")), (tmp_path / "ray" / "own", ("other",))):
        program = folder / "stubborn.py"
        program.parent.mkdir(parents=True)
        program.write_text(STUBBORN)
        programs.append([str(program), *(str(numbers[mark]) for mark in marks)])
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, repr(programs), str(package)],
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert driver.stdout is not None
    reaper = int(driver.stdout.readline())
    while not all(mark.exists() and mark.read_text() for mark in numbers.values()):
        time.sleep(0.01)
    wait_for_look(reaper)
    assert all(map(_there, numbers.values()))
    (os.killpg if group else os.kill)(driver.pid, signal.SIGKILL)
    driver.wait()
    _until_gone(numbers["agent"], numbers["child"])
    deadline = time.monotonic() + 300
    while is_at_work(reaper):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert _there(numbers["other"]), "what is not of Ray is not ours to end"


def test_a_reaper_that_is_dismissed_ends_nobody() -> None:
    from spatialbench.executors.ray_reaper import dismissed

    reaper = watched(os.getpid(), Path(__file__).parent)
    dismissed(reaper)
    assert reaper.returncode == -signal.SIGKILL


def test_a_process_may_have_any_name() -> None:
    """Names are cut off after 15 bytes, also within a letter."""
    code = r"open('/proc/self/comm', 'wb').write(b'\xc3'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as named:
        assert named.stdout is not None
        assert named.stdout.readline() == b"\n"
        assert Path(f"/proc/{named.pid}/comm").read_bytes() == b"\xc3\n"
        found = below(os.getpid(), lambda process: process == named.pid)
        named.communicate(b"\n")
    assert [number for number, _ in found] == [named.pid]
