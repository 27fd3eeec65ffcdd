"""Kills at random moments over generation, detection and scoring on the lab, and one set of bytes.

``python -m tests.measurements.soak --kills 200 --seed 1`` makes a run once without interruption,
and then again and again with rounds of three kinds: one process, three shards, two Ray workers.
Each round is killed (everything of it, or one process) a random moment after a random stage has
begun; the next round continues. Whenever the run is complete its files are compared byte by byte,
and it is begun again, until there were enough kills. Prints one JSON line per lap and at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from tests.processes import descendants

STAGES = ("generate", "detect", "score")
WEIGHTS = (5, 4, 2)
RUN = ("run", "--method", "sd", "--bench", "visor", "--steps", "2", "--batch-size", "4")
WAYS: dict[str, Sequence[Sequence[str]]] = {
    "local": [[]],
    "shards": [["--shard", f"{number}/3"] for number in (1, 2, 3)],
    "ray": [["--executor", "ray", "--workers", "2"]],
}
SHARE = {"local": 0.45, "shards": 0.4, "ray": 0.15}
SPAN = {"local": 0.3, "shards": 0.3, "ray": 0.9}
"""Up to what share of a stage's time kills come: later rounds have less left to do. The workers of
Ray first start and import, in every round again."""
WORKERS_A_ROUND = 2
"""Workers of Ray killed before all is: three that die loading would rightly stop the command."""
LIBRARIES = [
    "spatialbench.cli",
    "diffusers.models.unets",
    "diffusers.pipelines.stable_diffusion",
    "transformers.models.owlvit.modeling_owlvit",
    "transformers.models.clip.modeling_clip",
    "pandas",
    "peft",
    "pyarrow.parquet",
    "scipy.stats",
]
_SERVER = multiprocessing.get_context("forkserver")


class Command:
    """A running command line, the leader of its process group; tells which stage it is in."""

    def __init__(self, folder: Path, options: Sequence[str], limit: int) -> None:
        arguments = [*RUN, "--limit", str(limit), "--out", str(folder), *options]
        here, there = multiprocessing.Pipe(duplex=False)
        self.process = _SERVER.Process(target=_command_line, args=(arguments, there))
        self.process.start()
        there.close()
        self.stage = ""
        self.begun: dict[str, float] = {}
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, args=(here,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def over(self) -> bool:
        """Whether it ended by itself or otherwise."""
        return self.process.exitcode is not None

    def kill(self) -> None:
        """SIGKILL for it and its children; the daemons of Ray follow their driver by themselves."""
        # Before its first line it may lead no group yet.
        for strike in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                strike(self.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait; the exit status."""
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    def _read(self, pipe: Connection) -> None:
        with os.fdopen(os.dup(pipe.fileno()), errors="replace") as lines:
            for line in lines:
                self.said.append(line)
                stage, _, rest = line.partition(": ")
                if stage in STAGES and "starting" in rest:
                    self.stage = stage
                    self.begun[stage] = time.monotonic()


def _command_line(arguments: Sequence[str], stderr: Connection) -> None:
    """``spatialbench`` with these arguments, in a process that has imported the libraries."""
    os.setsid()
    os.dup2(stderr.fileno(), 2)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from spatialbench.cli import main

    sys.exit(main(list(arguments)))


@dataclass
class Soak:
    """The kills so far, by kind of round and stage."""

    folder: Path
    limit: int
    durations: Mapping[str, Mapping[str, float]]
    moment: random.Random
    ways: Sequence[str]
    rounds: int = 0
    kills: Counter[str] = field(default_factory=Counter)

    def round(self) -> bool:
        """Start one round, and kill it if it is not over before. Whether the run is complete."""
        (way,) = self.moment.choices(self.ways, [SHARE[way] for way in self.ways])
        (target,) = self.moment.choices(range(len(STAGES)), WEIGHTS)
        if way == "shards":
            # They never score.
            target = min(target, STAGES.index("detect"))
        self.rounds += 1
        commands = [Command(self.folder, options, self.limit) for options in WAYS[way]]
        after = None
        workers = 0
        while not all(command.over for command in commands):
            # A stage that was finished earlier is not begun again: then in the one after it.
            begun = any(c.stage and STAGES.index(c.stage) >= target for c in commands)
            if begun and after is None:
                after = time.monotonic() + self._wait(way, target)
            if after is not None and time.monotonic() >= after:
                few = workers < WORKERS_A_ROUND and self.moment.random() < 0.5
                if few and kill_a_ray_worker(commands[0].pid, self.moment):
                    workers += 1
                    self.kills[f"ray, a worker, {commands[0].stage}"] += 1
                    after = time.monotonic() + self._wait(way, target)
                else:
                    self._strike(way, commands)
                    break
            time.sleep(0.002)
        statuses = [command.end() for command in commands]
        for status, command in zip(statuses, commands, strict=True):
            if status not in (0, -signal.SIGKILL):
                sys.exit(f"{way} failed by itself with {status}:\n{''.join(command.said)}")
        return statuses == [0] and way != "shards"

    def _strike(self, way: str, commands: Sequence[Command]) -> None:
        living = [command for command in commands if not command.over]
        some = self.moment.random() < 0.5
        for command in self.moment.sample(living, 1) if some and living else living:
            command.kill()
            if command.end() == -signal.SIGKILL:
                self.kills[f"{way}, {command.stage or 'starting'}"] += 1

    def _wait(self, way: str, target: int) -> float:
        """Seconds from the beginning of a stage to a kill, most often within it."""
        stage = STAGES[target]
        return self.moment.uniform(0, SPAN[way] * self.durations[way][stage])


def kill_a_ray_worker(driver: int, moment: random.Random) -> bool:
    """SIGKILL for one actor process of the driver's own Ray; False where there is none."""
    workers = [pid for pid, title in descendants(driver) if title.startswith(b"ray::Member")]
    if not workers:
        return False
    try:
        os.kill(moment.choice(sorted(workers)), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a run that must not depend on what happened on the way.

    Of the manifest that is its identity; the rest of it describes the machine.
    """
    machine = ("manifest.json", "timing.jsonl", ".lock")
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in machine
    }
    identity = json.loads((folder / "manifest.json").read_bytes())["identity"]
    return files | {"manifest.json": json.dumps(identity).encode()}


def differing(expected: Mapping[str, bytes], found: Mapping[str, bytes]) -> list[str]:
    """Names of the files that are missing, added or of other bytes."""
    return sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="at most, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=8, help="prompts; four images each")
    parser.add_argument("--way", choices=list(WAYS), action="append", help="only this; repeatable")
    parser.add_argument("--folder", type=Path, default=Path("build/soak"))
    options = parser.parse_args()
    ways = options.way or list(WAYS)
    os.environ["OMP_NUM_THREADS"] = "1"
    _SERVER.set_forkserver_preload(LIBRARIES)
    shutil.rmtree(options.folder, ignore_errors=True)
    whole, folder = options.folder / "whole", options.folder / "killed"
    alone = _to_the_end(whole, options.limit)
    durations = dict.fromkeys(WAYS, alone)
    expected = snapshot(whole)
    if "ray" in ways:
        durations["ray"] = _to_the_end(folder, options.limit, *WAYS["ray"][0])
        if different := differing(expected, snapshot(folder)):
            sys.exit(f"Ray gives other bytes, with no kill at all: {different}")
        shutil.rmtree(folder)
    soak = Soak(folder, options.limit, durations, random.Random(options.seed), ways)
    start, laps = time.monotonic(), 0

    def enough() -> bool:
        late = time.monotonic() - start > 60 * options.minutes
        return late or soak.kills.total() >= options.kills

    while not enough():
        complete = False
        while not complete and not enough():
            complete = soak.round()
        _to_the_end(folder, options.limit)
        found = snapshot(folder)
        different = differing(expected, found)
        laps += 1
        report = {
            "kills": soak.kills.total(),
            "seed": options.seed,
            "rounds": soak.rounds,
            "laps": laps,
            "files": len(found),
            "different": different,
            "by": dict(sorted(soak.kills.items())),
            "minutes": round((time.monotonic() - start) / 60, 1),
        }
        print(json.dumps(report), flush=True)
        if different:
            sys.exit(1)
        shutil.rmtree(folder)


def _to_the_end(folder: Path, limit: int, *options: str) -> dict[str, float]:
    """The command without interruption; the seconds of each stage."""
    command = Command(folder, options, limit)
    if status := command.end():
        sys.exit(f"the whole command ended with {status}:\n{''.join(command.said)}")
    moments = [*(command.begun.get(stage, 0.0) for stage in STAGES), time.monotonic()]
    return {
        stage: end - start for stage, start, end in zip(STAGES, moments, moments[1:], strict=False)
    }


if __name__ == "__main__":
    main()
