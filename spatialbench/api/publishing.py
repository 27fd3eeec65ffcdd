"""A run where others look: a data set of the Hub, a tracker of experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UserError, unknown_name
from ..runs.progress import Progress

if TYPE_CHECKING:
    from ..exchange.hub_dataset.push import Upload
    from ..reports.scored import ScoredRun
    from ..runs.opening import Run as StoredRun

TRACKERS = ("wandb", "mlflow", "trackio")
"""What ``log`` writes to; each is an extra of that name."""


def planned_push(run: StoredRun, repo: str, private: bool, progress: Progress) -> Upload:
    """What ``push`` would send; asks no network. Raises UserError as ``push``."""
    from ..exchange.hub_dataset.push import planned

    return planned(run, repo, private, progress)


def push(run: StoredRun, repo: str, *, private: bool, replace: bool, progress: Progress) -> str:
    """Upload a run as a data set of the Hugging Face Hub; its address.

    Raises:
        UserError: no token, no way to the Hub, a repository of other files, a run that is not
            scored.
    """
    from ..exchange.hub_dataset.push import push as upload

    return upload(run, repo, private=private, replace=replace, progress=progress)


def log(scored: ScoredRun, to: str, *, project: str | None = None, images: int = 16) -> str:
    """Log a run to a tracker of experiments; where it is.

    Args:
        to: one of ``TRACKERS``.
        project: of the tracker; None for its own setting, else one per benchmark.
        images: how many sample images, right and wrong ones in turn; 0 for none.

    Raises:
        UserError: an unknown tracker; one that is not installed, not logged in, or fails.
    """
    from ..exchange.trackers import logged, mlflow, trackio, wandb

    if images < 0:
        raise UserError("--images must be 0 or more.")
    writers = {"wandb": wandb.write, "mlflow": mlflow.write, "trackio": trackio.write}
    if to not in writers:
        raise unknown_name("tracker", to, TRACKERS)
    return writers[to](logged.of(scored, images), project)
