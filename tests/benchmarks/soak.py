"""Kills at random moments over generation, detection and scoring on the lab, and one set of bytes.

``python -m tests.benchmarks.soak --kills 200 --seed 1`` makes a run once without interruption, and
then again and again with rounds of three kinds: one process, three shards, two Ray workers. Each
round is killed (everything of it, or one process) a random moment after a random stage has begun;
the next round continues. Whenever the run is complete its files are compared byte by byte, and it
is begun anew, until there were enough kills. Prints one JSON line a lap and one at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

STAGES = ("generate", "detect", "score")
RUN = ("run", "--method", "sd", "--bench", "visor", "--steps", "4", "--batch-size", "4")
WAYS: dict[str, Sequence[Sequence[str]]] = {
    "local": [[]],
    "shards": [["--shard", f"{number}/3"] for number in (1, 2, 3)],
    "ray": [["--executor", "ray", "--workers", "2"]],
}
SHARE = {"local": 0.5, "shards": 0.3, "ray": 0.2}


class Command:
    """A running command line, the leader of its process group; tells which stage it is in."""

    def __init__(self, folder: Path, options: Sequence[str], limit: int) -> None:
        arguments = [*RUN, "--limit", str(limit), "--out", str(folder), *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "spatialbench", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        )
        self.stage = ""
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def over(self) -> bool:
        """Whether it ended by itself or otherwise."""
        return self.process.poll() is not None

    def kill(self) -> None:
        """SIGKILL for it and its children; the daemons of Ray follow their driver by themselves."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait; the exit status."""
        status = self.process.wait()
        self._reader.join()
        return status

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            stage, _, rest = line.partition(": ")
            if stage in STAGES and "starting" in rest:
                self.stage = stage


@dataclass
class Soak:
    """The kills so far, by kind of round and stage."""

    folder: Path
    limit: int
    longest_wait: float
    moment: random.Random
    kills: Counter[str] = field(default_factory=Counter)

    def round(self) -> None:
        """Start one round, and kill it if it is not over before."""
        way = self.moment.choices(list(SHARE), list(SHARE.values()))[0]
        stage = self.moment.choice(STAGES)
        commands = [Command(self.folder, options, self.limit) for options in WAYS[way]]
        after = None
        wait = self.moment.uniform(0, self.longest_wait)
        while not all(command.over for command in commands):
            begun = any(command.stage == stage for command in commands)
            if begun and after is None:
                after = time.monotonic() + (wait if stage != "score" else wait / 20)
            if after is not None and time.monotonic() >= after:
                self._strike(way, stage, commands)
                break
            time.sleep(0.002)
        for command in commands:
            status = command.end()
            if status not in (0, 2, -signal.SIGKILL):
                sys.exit(f"{way} failed by itself with {status}:\n{''.join(command.said)}")

    def _strike(self, way: str, stage: str, commands: Sequence[Command]) -> None:
        living = [command for command in commands if not command.over]
        victims = living
        if self.moment.random() < 0.5 and way == "shards":
            victims = [self.moment.choice(living)] if living else []
        elif self.moment.random() < 0.5 and way == "ray" and kill_a_ray_worker(self.moment):
            self.kills[f"a worker of ray, {stage}"] += 1
            return
        for command in victims:
            command.kill()
            self.kills[f"{way}, {stage}"] += 1

    def complete(self) -> bool:
        """Whether the run says that nothing is left to do."""
        told = subprocess.run(
            [sys.executable, "-m", "spatialbench", "status", str(self.folder), "--format", "json"],
            capture_output=True,
            text=True,
        )
        return told.returncode == 0 and json.loads(told.stdout)["partial"] is False


def kill_a_ray_worker(moment: random.Random) -> bool:
    """SIGKILL for one actor process of this machine's Ray; False where there is none."""
    workers = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                title = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(b"ray::Member"):
                workers.append(int(entry.name))
    if not workers:
        return False
    try:
        os.kill(moment.choice(sorted(workers)), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a run that must not depend on what happened on the way."""
    machine = ("manifest.json", "timing.jsonl", ".lock")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in machine
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=10, help="prompts; four images each")
    parser.add_argument("--longest-wait", type=float, default=10.0, help="seconds into a stage")
    parser.add_argument("--folder", type=Path, default=Path("build/soak"))
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    whole, folder = options.folder / "whole", options.folder / "killed"
    first = Command(whole, [], options.limit)
    if first.end() != 0:
        sys.exit("".join(first.said))
    expected = snapshot(whole)
    moment = random.Random(options.seed)
    soak = Soak(folder, options.limit, options.longest_wait, moment)
    start, laps = time.monotonic(), 0
    while True:
        enough = soak.kills.total() >= options.kills
        if enough or (folder.exists() and soak.complete()):
            last = Command(folder, [], options.limit)
            status = last.end()
            if status != 0:
                sys.exit(f"the last command ended with {status}:\n{''.join(last.said)}")
            found = snapshot(folder)
            different = sorted(
                name for name in {*expected, *found} if expected.get(name) != found.get(name)
            )
            laps += 1
            report = {
                "kills": soak.kills.total(),
                "laps": laps,
                "files": len(found),
                "different": different,
                "by": dict(sorted(soak.kills.items())),
                "minutes": round((time.monotonic() - start) / 60, 1),
            }
            print(json.dumps(report), flush=True)
            if different:
                sys.exit(1)
            if enough:
                return
            shutil.rmtree(folder)
        soak.round()


if __name__ == "__main__":
    main()
