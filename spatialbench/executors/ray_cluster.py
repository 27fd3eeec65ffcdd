"""Joining a Ray cluster, or starting one on this machine, and what a worker asks of it."""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..plugins.discovery import own_code
from .ray_actor import SEARCHED
from .ray_reaper import dismissed, watched
from .stopping import Stopped, handler_kept

_log = logging.getLogger(__name__)

_OBJECT_STORE_BYTES = 100_000_000
_STARTS = 3
"""Tries to start a cluster: Ray gives its processes 30 seconds, which a busy machine exceeds."""

_SECONDS_TO_ANSWER = 20.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user asked for.

    Attributes:
        address: a running cluster, such as ``auto`` or ``10.0.0.1:6379``; None for this machine.
        workers: how many; None for as many as the cluster has room for.
        gpus_per_worker: a share of a GPU, or several GPUs; 0 for none.
    """

    address: str | None = None
    workers: int | None = None
    gpus_per_worker: float = 0.0


_blocks = 0
_connected_in_blocks = ExitStack()


@contextmanager
def one_cluster() -> Iterator[None]:
    """Whatever is worked on in this block is worked on by one cluster, which ends with the block.

    It is joined or started when the first work comes. Of blocks in blocks the outermost counts.
    """
    global _blocks
    _blocks += 1
    try:
        yield
    finally:
        _blocks -= 1
        if not _blocks:
            _connected_in_blocks.close()


@contextmanager
def cluster(wanted: Wanted) -> Iterator[Any]:
    """The ``ray`` module, connected until the end of ``one_cluster``, or of this block.

    Where somebody else had connected it, it stays connected.

    Raises:
        UserError: Ray is not installed, there is no cluster at the address, or it has no GPU.
    """
    ray = _imported()
    with one_cluster():
        if not ray.is_initialized():
            _connected_in_blocks.enter_context(_connected(ray, wanted))
        yield ray


@contextmanager
def _connected(ray: Any, wanted: Wanted) -> Iterator[None]:
    options: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "include_dashboard": None if wanted.address else False,
    }
    if wanted.address is not None:
        _require_answer(wanted.address)
    # Without "local" it would join whatever cluster somebody has started on this machine.
    options["address"] = wanted.address or "local"
    if wanted.address is None:
        # Ray starts as many processes beforehand.
        options["num_cpus"] = wanted.workers or os.cpu_count() or 1
        options["object_store_memory"] = _OBJECT_STORE_BYTES
    ours = wanted.address is None and sys.platform == "linux"
    reaper = watched(os.getpid(), Path(ray.__file__).parent) if ours else None
    try:
        where = f"joining the Ray cluster {wanted.address}" if wanted.address else "starting Ray"
        _log.info("%s, before the first batch", where)
        _init(ray, {key: value for key, value in options.items() if value is not None}, wanted)
        yield
    finally:
        ray.shutdown()
        if reaper is not None:
            dismissed(reaper)


def _require_answer(address: str) -> None:
    """Refuse an address where nobody listens, to which Ray itself would go back for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise _nobody(address, error) from error


def _nobody(address: str, reason: object) -> UserError:
    return UserError(
        f"no Ray cluster at {address} ({reason}): start one with 'ray start --head', give its "
        "--address, or leave --address out for one of this machine alone."
    )


def _init(ray: Any, options: dict[str, Any], wanted: Wanted) -> None:
    """``ray.init``, again where the processes of a cluster of our own came up too slowly."""
    for tries_left in reversed(range(_STARTS if wanted.address is None else 1)):
        try:
            with handler_kept():
                ray.init(**options)
            return
        except Stopped:
            ray.shutdown()
            raise
        # Ray raises plain Exceptions too.
        except Exception as error:
            ray.shutdown()
            if tries_left:
                continue
            reason = next(iter(str(error).strip().splitlines()), repr(error))
            if wanted.address is None:
                raise UserError(
                    f"no Ray cluster could be started on this machine ({reason}): give the same "
                    "command again when the machine is less busy, or leave --executor ray out."
                ) from error
            raise _nobody(wanted.address, reason) from error


def count_workers(ray: Any, wanted: Wanted, batches: int) -> int:
    """How many workers to have: as asked, or as there is room for, and never more than batches.

    Raises:
        UserError: GPUs are asked for and no node of the cluster has any.
    """
    room = ray.cluster_resources()
    if wanted.gpus_per_worker > 0 and not room.get("GPU"):
        raise UserError(
            f"--gpus-per-worker {wanted.gpus_per_worker:g}, but no node of the Ray cluster has a "
            "GPU: start the nodes with 'ray start --num-gpus N', or give --device cpu."
        )
    fits = math.floor(room.get("CPU", 1) + 1e-6)
    if wanted.gpus_per_worker > 0:
        fits = math.floor(room["GPU"] / wanted.gpus_per_worker + 1e-6)
    return max(1, min(wanted.workers or fits, batches))


def environment(workers: int) -> dict[str, str]:
    """Variables of every worker: no network, and on a CPU as many threads as are its share.

    Results on a CPU can differ in the last bits with the number of threads, which is this
    process's own where it is set.
    """
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // workers))
    return {
        "SPATIALBENCH_OFFLINE": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": threads,
        SEARCHED: os.pathsep.join(own_code()[1]),
    }


def send_own_code(ray: Any) -> None:
    """Have what stands in the user's files travel to the workers, who cannot import it."""
    for module in own_code()[0]:
        ray.cloudpickle.register_pickle_by_value(module)


def _imported() -> Any:
    # Read when Ray is imported: no usage report, and no words about accelerators.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # By default its workers give way to everything else on the machine (nice 15).
    os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        import ray
    except ImportError as error:
        raise UserError(
            '--executor ray needs Ray, which is not installed: pip install "spatialbench[ray]".'
        ) from error
    return ray
