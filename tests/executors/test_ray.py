"""The Ray executor on a cluster of two nodes on this machine: real deaths, and one set of bytes."""

from __future__ import annotations

import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.executors import GivenUp, ray_cluster, ray_hands
from spatialbench.executors import ray as ray_executor
from spatialbench.executors.ray import RayExecutor
from spatialbench.executors.ray_cluster import Wanted, count_workers, environment
from spatialbench.plugins import discovery
from spatialbench.stages.whole import Work, run_all
from tests.executors.ray_workers import Doubler, Patient
from tests.processes import is_at_work
from tests.stages.answering import asked_run
from tests.stages.fakes import Finder, Log, Shapes, open_shapes, snapshot, work
from tests.stages.test_shards import kill_at_random, run_shard

pytest.importorskip("ray", reason='Ray is not installed: pip install "spatialbench[ray]"')

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of two processors each; this process is connected."""
    environment = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        "RAY_worker_niceness": "0",
        # Nobody but the tests kills a worker: not for others' memory, nor because it starts late.
        "RAY_memory_monitor_refresh_ms": "0",
        "RAY_worker_register_timeout_seconds": "600",
        "RAY_gcs_server_port_wait_time_s": "600",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        import ray
        from ray.cluster_utils import Cluster

        size: dict[str, Any] = {"num_cpus": 2, "object_store_memory": 80_000_000}
        head = {**size, "include_dashboard": False}
        # Ray gives its processes 30 seconds, which a busy machine exceeds.
        for tries_left in reversed(range(5)):
            made: Any = Cluster()
            try:
                made.add_node(**head)
                made.second = made.add_node(**size)
                ray.init(address=made.address, log_to_driver=False, logging_level=logging.ERROR)
                break
            except Exception:
                ray.shutdown()
                made.shutdown()
                if not tries_left:
                    raise
        yield made
        ray.shutdown()
        made.shutdown()


def through(folder: Path, count: int, what: dict[int, str], **options: Any) -> list[Any]:
    """Results of 0 .. count-1 by two workers."""
    executor = RayExecutor(Wanted(workers=2), notice=options.pop("notice", print))
    return list(executor.map(partial(Doubler, folder, what), list(range(count))))


def test_deaths_and_failures_cost_no_batch(tmp_path: Path, cluster: Any) -> None:
    notices: list[str] = []
    results = through(tmp_path, 8, {3: "die", 5: "raise"}, notice=notices.append)
    given_up = [result for result in results if isinstance(result, GivenUp)]
    assert given_up == [GivenUp(5, "failed 3 times: ValueError: not this one")]
    done = {result for result in results if not isinstance(result, GivenUp)}
    assert done == {0, 2, 4, 6, 8, 12, 14}
    # Whatever was not written yet when a worker died was done once more.
    assert {path.name for path in tmp_path.glob("safe-*")} == {f"safe-{i}" for i in range(8)} - {
        "safe-5"
    }
    assert len(list(tmp_path.glob("loaded-*"))) >= 5
    assert any("the worker died" in notice for notice in notices)
    assert notices.count(Doubler.remarks[0]) == 1, "what every worker remarks is said once"


def test_workers_that_die_at_every_batch_are_told_without_a_traceback(
    tmp_path: Path, cluster: Any
) -> None:
    with pytest.raises(UserError, match=r"worker died: .* fewer --workers or a smaller --batch-s"):
        through(tmp_path, 1, {0: "perish"})


class FakeRay:
    """Ray, of which only whether somebody is connected matters."""

    __file__ = "/nowhere/ray/__init__.py"

    def __init__(self) -> None:
        self.log: list[str] = []

    def is_initialized(self) -> bool:
        return self.log[-1:] == ["init"]

    def init(self, **_: Any) -> None:
        self.log.append("init")

    def shutdown(self) -> None:
        self.log.append("shutdown")


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_where_nobody_listens_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    ray = FakeRay()
    monkeypatch.setattr(ray_cluster, "_imported", lambda: ray)
    with socket.socket() as held:  # bound and not listening: nobody else gets the port
        held.bind(("127.0.0.1", 0))
        address = form.format(held.getsockname()[1])
        with (
            pytest.raises(UserError, match=rf"no Ray cluster at {re.escape(address)} \("),
            ray_cluster.cluster(Wanted(address=address)),
        ):
            pass
    assert "init" not in ray.log


def test_stages_one_after_the_other_share_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = FakeRay()
    monkeypatch.setattr(ray_cluster, "_imported", lambda: ray)
    elsewhere = Wanted(address="auto")

    def stage() -> None:
        with ray_cluster.cluster(elsewhere) as connected:
            assert connected.is_initialized()

    stage()
    assert ray.log == ["init", "shutdown"], "alone it is joined for one stage"
    with ray_cluster.one_cluster():
        assert len(ray.log) == 2, "nobody has work yet"
        with ray_cluster.one_cluster():
            stage()
        stage()
        assert ray.log[2:] == ["init"]
    assert ray.log[2:] == ["init", "shutdown"]

    def fail() -> None:
        stage()
        raise ValueError("a row failed")

    with pytest.raises(ValueError, match="a row failed"), ray_cluster.one_cluster():
        fail()
    assert ray.log[4:] == ["init", "shutdown"]


class Clock:
    """A clock that stands still, and runs a thousand times as fast as it should while ``due``.

    It never goes on by more than ``most`` at a time, however long nobody looked.
    """

    def __init__(self, due: Callable[[], bool], most: float) -> None:
        self._due = due
        self._most = most
        self._shown = 0.0
        self._looked = time.monotonic()

    def monotonic(self) -> float:
        now = time.monotonic()
        if self._due():
            self._shown += min(self._most, 1000 * (now - self._looked))
        self._looked = now
        return self._shown


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("hang", "longer than 3600 s to work; --time-limit"),
        ("stop", "no sign of life for 120 s"),
    ],
)
def test_a_worker_that_hangs_or_is_stopped_is_replaced(
    what: str, said: str, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time passes only while the stricken worker alone is left, and, where it hangs, not while it
    is asked for a sign of life: however slow the machine, nobody is taken for what he is not.
    """
    notices: list[str] = []
    others = [tmp_path / f"safe-{batch}" for batch in (0, 2, 3)]
    hired: list[ray_hands.Hands] = []

    class Seen(ray_hands.Hands):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            hired.append(self)

    def due() -> bool:
        (hands,) = hired
        alone = len(hands) == 1 and all(path.exists() for path in others)
        return alone and not notices and (what == "stop" or not hands._pulses)

    monkeypatch.setattr(ray_executor, "Hands", Seen)
    monkeypatch.setattr(ray_hands, "time", Clock(due, 60 if what == "stop" else 3600))
    results = through(tmp_path, 4, {1: what}, notice=told_apart(notices))
    assert set(results) == {0, 2, 4, 6}
    (notice,) = notices
    assert said in notice


def told_apart(notices: list[str]) -> Callable[[str], None]:
    """Keeps what is said of failures; the workers' own remark comes with the first of them."""
    return lambda text: None if text == Doubler.remarks[0] else notices.append(text)


def test_a_model_that_loads_nowhere(tmp_path: Path, cluster: Any) -> None:
    with pytest.raises(ValueError, match="no model here"):
        through(tmp_path, 4, {-1: "load"})
    assert 3 <= len(list(tmp_path.glob("loaded-*"))) <= 4


def test_two_workers_of_which_one_is_killed_give_the_bytes_of_one_process(
    tmp_path: Path, cluster: Any
) -> None:
    run_all(open_shapes(tmp_path / "whole", Shapes(30, 2)), work(), Log())
    executor = RayExecutor(Wanted(workers=2))
    run = open_shapes(tmp_path / "run", Shapes(30, 2))
    killed = tmp_path / "killed"
    killer = threading.Thread(target=kill_a_writer, args=(tmp_path / "run", killed))
    killer.start()
    run_all(run, Work(Patient(awaited=killed), Finder(), executor, 4), Log())
    killer.join()
    assert killed.read_text() == "one"
    assert snapshot(tmp_path / "run") == snapshot(tmp_path / "whole")


def test_a_judge_answers_in_workers_as_in_one_process(tmp_path: Path, cluster: Any) -> None:
    asked_run(tmp_path / "whole")
    asked_run(tmp_path / "run", executor=RayExecutor(Wanted(workers=2)))
    assert snapshot(tmp_path / "run") == snapshot(tmp_path / "whole")


def kill_a_writer(folder: Path, killed: Path) -> None:
    """SIGKILL for one process that has written a record; then a file says so."""
    deadline, pids = time.monotonic() + 600, set[int]()
    while not pids and time.monotonic() < deadline:
        time.sleep(0.01)
        pids = writers(folder)
    for pid in list(pids)[:1]:
        os.kill(pid, signal.SIGKILL)
    killed.write_text("one" if pids else "none")


def writers(folder: Path) -> set[int]:
    """Processes that have written a record of an image, by the numbers in their files' names."""
    return {int(path.name.split("-")[1]) for path in folder.glob("images.0*.jsonl")}


DRIVER = """
import sys
from pathlib import Path
from spatialbench.executors.ray import RayExecutor
from spatialbench.executors.ray_cluster import Wanted
from spatialbench.stages.whole import Work, run_all
from tests.executors.ray_workers import Patient
from tests.stages.fakes import Finder, Log, Shapes, open_shapes
run = open_shapes(Path(sys.argv[1]), Shapes(14, 2))
painter = Patient(awaited=Path(sys.argv[1]) / "nothing")
run_all(run, Work(painter, Finder(), RayExecutor(Wanted(sys.argv[2], 2)), 4), Log())
"""


def test_twenty_kills_over_ray_one_process_and_shards(tmp_path: Path, cluster: Any) -> None:
    """Three workers and their driver; then one process or shards go on, and are killed too.

    Every worker makes one batch and waits for ever: the driver does not end before it is killed.
    """
    folder, whole = tmp_path / "run", tmp_path / "whole"
    run_shard(whole, "1/1")
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), cluster.address], cwd=ROOT
    )
    killed: set[int] = set()
    while len(killed) < 3:
        assert driver.poll() is None
        for pid in list(writers(folder) - killed)[: 3 - len(killed)]:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(0.01)
    moment = random.Random(20)
    time.sleep(moment.uniform(0, 1))
    driver.kill()
    assert driver.wait() == -signal.SIGKILL
    assert list(folder.glob("images/*/*.png"))
    assert kill_at_random(folder, whole, moment, 16) >= 1


def test_a_node_that_goes_away_takes_nothing_with_it(tmp_path: Path, cluster: Any) -> None:
    """Four workers fill both nodes, and the second goes. Last, as it does not come back."""
    run_all(open_shapes(tmp_path / "whole", Shapes(40, 2)), work(), Log())
    folder, gone = tmp_path / "run", tmp_path / "gone"

    def remove() -> None:
        while len(writers(folder)) < 4:
            time.sleep(0.02)
        begun = writers(folder)
        cluster.remove_node(cluster.second, allow_graceful=False)
        while sum(map(is_at_work, begun)) > 2:
            time.sleep(0.02)
        gone.touch()

    remover = threading.Thread(target=remove)
    remover.start()
    notices: list[str] = []
    executor = RayExecutor(Wanted(workers=4), notice=notices.append)
    run = open_shapes(folder, Shapes(40, 2))
    run_all(run, Work(Patient(awaited=gone), Finder(), executor, 4), Log())
    remover.join()
    assert any("the worker died" in notice for notice in notices)
    assert snapshot(folder) == snapshot(tmp_path / "whole")


class Room:
    """A cluster of which only the resources matter."""

    def __init__(self, **resources: float) -> None:
        self.resources = resources

    def cluster_resources(self) -> dict[str, float]:
        return self.resources


def test_how_many_workers() -> None:
    room = Room(CPU=64.0, GPU=3.0)
    assert count_workers(room, Wanted(gpus_per_worker=0.5), 100) == 6
    assert count_workers(room, Wanted(gpus_per_worker=2), 100) == 1
    assert count_workers(room, Wanted(workers=4, gpus_per_worker=0.5), 100) == 4
    assert count_workers(room, Wanted(), 100) == 64
    assert count_workers(room, Wanted(), 3) == 3
    with pytest.raises(UserError, match="no node of the Ray cluster has a GPU"):
        count_workers(Room(CPU=64.0), Wanted(gpus_per_worker=1), 3)


def test_workers_take_nothing_from_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(discovery, "_searched", ["/mine", "/mine too"])
    variables = environment(os.cpu_count() or 1)
    assert variables == {
        "SPATIALBENCH_OFFLINE": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "SPATIALBENCH_SEARCHED": f"/mine{os.pathsep}/mine too",
    }
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert environment(1)["OMP_NUM_THREADS"] == "7"


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r'pip install "spatialbench\[ray\]"'):
        through(Path(), 1, {})
