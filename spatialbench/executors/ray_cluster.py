"""Joining a Ray cluster, or starting one on this machine, and what a worker asks of it."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import UserError

_OBJECT_STORE_BYTES = 100_000_000


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


@contextmanager
def cluster(wanted: Wanted) -> Iterator[Any]:
    """The ``ray`` module, connected; disconnected again unless somebody else had connected it.

    Raises:
        UserError: Ray is not installed, there is no cluster at the address, or it has no GPU.
    """
    ray = _imported()
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "include_dashboard": None if wanted.address else False,
    }
    if wanted.address is None:
        options["num_cpus"] = max(os.cpu_count() or 1, wanted.workers or 1)
        options["object_store_memory"] = _OBJECT_STORE_BYTES
    else:
        options["address"] = wanted.address
    try:
        ray.init(**{key: value for key, value in options.items() if value is not None})
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        reason = next(iter(str(error).strip().splitlines()), repr(error))
        where = f"cluster at {wanted.address}" if wanted.address else "cluster on this machine"
        raise UserError(
            f"no Ray {where} ({reason}): start one with 'ray start --head', give its --address, or "
            "leave --address out for one of this machine alone."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


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
    return {"SPATIALBENCH_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": threads}


def _imported() -> Any:
    # Both are read when Ray is imported: no usage report, and no words about accelerators.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise UserError(
            '--executor ray needs Ray, which is not installed: pip install "spatialbench[ray]".'
        ) from error
    return ray
