"""MLflow: a run of an experiment, found again by a tag with the run's id."""

from __future__ import annotations

import os
import re
import socket
import time
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from .logged import FINGERPRINT, Logged, failed, needed

NAME = "mlflow"
_RUN = "spatialbench.run"
_AT_ONCE = 100
"""Entries of one request; the server takes at most 100 tags or parameters."""
_KNOCK_S = 2.5
_LONGEST = 5000
"""Characters of a tag."""


def write(logged: Logged, project: str | None) -> str:
    """Log a run to MLFLOW_TRACKING_URI; returns where it is.

    Raises:
        UserError: mlflow is not installed, or its store does not answer.
    """
    mlflow = needed(NAME, lambda: import_module(NAME))
    uri: str = mlflow.get_tracking_uri()
    _require_server(uri)
    try:
        client = mlflow.MlflowClient()
        experiment = _experiment(client, logged, project)
        tracked = _found(client, experiment, logged)
        held = tracked is not None and tracked.data.tags.get(FINGERPRINT) == logged.fingerprint
        if tracked is None:
            tags = {_RUN: logged.run}
            tracked = client.create_run(experiment, tags=tags, run_name=logged.name)
        run_id: str = tracked.info.run_id
        if not held:
            _log(mlflow, client, run_id, logged)
    except Exception as error:
        way = "check MLFLOW_TRACKING_URI, then give the command again"
        raise failed(NAME, f"did not take the run: {way}", error) from error
    return f"{_shown(uri)} experiment {experiment} run {run_id}"


def _shown(uri: str) -> str:
    """An address without the password in it."""
    place = urlsplit(uri)
    return place._replace(netloc=place.netloc.rpartition("@")[2]).geturl() if place.netloc else uri


def _require_server(uri: str) -> None:
    """Knock once: the library itself would go on trying for minutes.

    Raises:
        UserError: nobody is there.
    """
    server = urlsplit(uri)
    if server.scheme not in ("http", "https") or server.scheme in getproxies():
        return
    port = server.port or (443 if server.scheme == "https" else 80)
    try:
        socket.create_connection((server.hostname or "", port), _KNOCK_S).close()
    except OSError as error:
        way = "start it, or correct MLFLOW_TRACKING_URI, then give the command again"
        raise failed(NAME, f"has no server at {_shown(uri)}: {way}", error) from error


def _experiment(client: Any, logged: Logged, project: str | None) -> str:
    chosen = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if project is None and chosen:
        return chosen
    name = project or os.environ.get("MLFLOW_EXPERIMENT_NAME") or logged.project
    known = client.get_experiment_by_name(name)
    identifier: str = client.create_experiment(name) if known is None else known.experiment_id
    return identifier


def _found(client: Any, experiment: str, logged: Logged) -> Any:
    filter_string = f"tags.`{_RUN}` = '{logged.run}'"
    return next(iter(client.search_runs([experiment], filter_string, max_results=1)), None)


def _log(mlflow: Any, client: Any, run_id: str, logged: Logged) -> None:
    entities, now = mlflow.entities, int(time.time() * 1000)
    metrics = [entities.Metric(_key(key), value, now, 0) for key, value in logged.metrics.items()]
    params = [entities.Param(_key(key), text[:_LONGEST]) for key, text in logged.settings.items()]
    told = {**logged.state, "tags": ", ".join(logged.tags)}
    tags = [entities.RunTag(f"spatialbench.{key}", text[:_LONGEST]) for key, text in told.items()]
    for start in range(0, max(len(metrics), len(params), len(tags)), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        client.log_batch(run_id, metrics[part], params[part], tags[part])
    client.log_dict(run_id, logged.document, "summary.json")
    client.log_text(run_id, logged.text, "table.md")
    for sample in logged.samples:
        client.log_image(run_id, sample.image(), f"samples/{sample.name}.png")
    client.log_dict(run_id, {one.name: one.caption for one in logged.samples}, "samples.json")
    # Last, so that an interrupted command is done again.
    client.set_tag(run_id, FINGERPRINT, logged.fingerprint)
    client.set_terminated(run_id, "FINISHED")


def _key(name: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^A-Za-z0-9_./ -]", "_", name)
