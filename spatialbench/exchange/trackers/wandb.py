"""Weights & Biases: the run's id is the id there; offline it is a folder to sync later."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path

from .logged import FINGERPRINT, Logged, failed, needed

NAME = "wandb"
_MARKER = "spatialbench.json"
"""In the files of an offline run: which summary it holds."""


def write(logged: Logged, project: str | None) -> str:
    """Log a run; returns its address, or the folder of an offline run.

    Raises:
        UserError: wandb is not installed, nobody is logged in, or it fails.
    """
    wandb = needed(NAME, lambda: import_module(NAME))
    mode = wandb.setup().settings.mode
    if mode == "disabled":
        return "nowhere: WANDB_MODE is disabled"
    if mode == "offline" and (there := _offline_run(logged)) is not None:
        return str(there)
    try:
        run = wandb.init(
            project=project or os.environ.get("WANDB_PROJECT") or logged.project,
            id=logged.run,
            name=logged.name,
            config={**logged.settings, **logged.state},
            tags=list(logged.tags),
            job_type="evaluation",
            resume="allow",
            allow_val_change=True,
            settings=wandb.Settings(console="off"),
        )
    except Exception as error:
        way = "type 'wandb login', or set WANDB_MODE=offline to sync later"
        raise failed(NAME, f"does not begin a run: {way}", error) from error
    try:
        where = str(run.url or Path(run.dir).parent)
        if run.summary.get(FINGERPRINT) != logged.fingerprint:
            images = [
                wandb.Image(sample.image(), caption=sample.caption) for sample in logged.samples
            ]
            run.log(
                {
                    "table": wandb.Table(
                        columns=list(logged.columns), data=[list(row) for row in logged.rows]
                    ),
                    **({"samples": images} if images else {}),
                    **logged.metrics,
                }
            )
            run.summary.update({"signature": logged.state["signature"]})
            # Last, so that an interrupted command is done again.
            run.summary.update({FINGERPRINT: logged.fingerprint})
            if mode == "offline":
                marker = {"run": logged.run, FINGERPRINT: logged.fingerprint}
                Path(run.dir, _MARKER).write_text(json.dumps(marker))
    except Exception as error:
        run.finish(exit_code=1)
        raise failed(NAME, "did not take all of the run: give the command again", error) from error
    run.finish()
    return where


def _offline_run(logged: Logged) -> Path | None:
    """The folder of an offline run that holds this summary already."""
    root = Path(os.environ.get("WANDB_DIR") or ".") / "wandb"
    for folder in sorted(root.glob(f"offline-run-*-{logged.run}")):
        try:
            held = json.loads((folder / "files" / _MARKER).read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(held, dict) and held.get(FINGERPRINT) == logged.fingerprint:
            return folder
    return None
