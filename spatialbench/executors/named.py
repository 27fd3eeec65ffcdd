"""An executor by name, with what a user asks of it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from ..errors import UserError, unknown_name
from . import Executor


def named_executor(
    name: str,
    notice: Callable[[str], None],
    *,
    device: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    gpus_per_worker: float | None = None,
    time_limit: float | None = None,
) -> Executor:
    """``local``, which is this process, or ``ray``.

    Args:
        notice: told what a person should read.
        device: of the workers; on ``cuda`` each gets a GPU unless told otherwise.
        workers: how many; None for as many as the cluster has room for.
        address: a running cluster; None for this machine.
        gpus_per_worker: a share of a GPU, or several.
        time_limit: seconds a batch may take before its worker is taken for hung.

    Raises:
        UserError: an unknown name, what is for several workers in one process, or no Ray.
    """
    asked = {
        "address": address,
        "workers": workers,
        "gpus_per_worker": gpus_per_worker,
        "time_limit": time_limit,
    }
    if name == "local":
        from .local import LocalExecutor

        for option, value in asked.items():
            if value is not None:
                shown = f"--{option.replace('_', '-')}"
                raise UserError(f"{shown} is for several workers: add --executor ray.")
        return LocalExecutor(notice)
    if name != "ray":
        raise unknown_name("executor", name, ("local", "ray"))
    if find_spec("ray") is None:
        raise UserError(
            '--executor ray needs Ray, which is not installed: pip install "spatialbench[ray]".'
        )
    from .ray import RayExecutor
    from .ray_cluster import Wanted
    from .ray_hands import Limits

    share = gpus_per_worker
    if share is None:
        share = 1.0 if (device or "").startswith("cuda") else 0.0
    limits = Limits() if time_limit is None else Limits(batch=time_limit)
    return RayExecutor(Wanted(address, workers, share), limits, notice)
