"""Trackio: the run's id is its name there; local unless TRACKIO_SPACE_ID says otherwise."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from .logged import FINGERPRINT, Logged, failed, needed

NAME = "trackio"


def write(logged: Logged, project: str | None) -> str:
    """Log a run; returns project and name.

    Raises:
        UserError: trackio is not installed, or fails.
    """
    trackio = needed(NAME, lambda: import_module(NAME))
    project = project or os.environ.get("TRACKIO_PROJECT") or logged.project
    where = f"trackio project {project} run {logged.run}"
    try:
        if _held(trackio, project, logged.run) == logged.fingerprint:
            return where
        trackio.init(
            project,
            name=logged.run,
            config={
                **logged.settings,
                **logged.state,
                "name": logged.name,
                "tags": ", ".join(logged.tags),
            },
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        try:
            trackio.log(
                {
                    **logged.metrics,
                    "signature": logged.state["signature"],
                    FINGERPRINT: logged.fingerprint,
                    "table": trackio.Table(
                        columns=list(logged.columns), data=[list(row) for row in logged.rows]
                    ),
                    **{
                        f"samples/{sample.name}": trackio.Image(
                            sample.image(), caption=sample.caption
                        )
                        for sample in logged.samples
                    },
                }
            )
        finally:
            trackio.finish()
    except Exception as error:
        raise failed(NAME, "did not take the run: give the command again", error) from error
    return where


def _held(trackio: Any, project: str, name: str) -> str | None:
    """The fingerprint in what was last logged of a run, on this machine."""
    steps = trackio.SQLiteStorage.get_logs(project, name)
    held = [step[FINGERPRINT] for step in steps if FINGERPRINT in step]
    return str(held[-1]) if held else None
