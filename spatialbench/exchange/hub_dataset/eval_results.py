"""``.eval_results/*.yaml``: the numbers of a run as the Hub reads them of a model's repository."""

from __future__ import annotations

import re

from ...files.shown_text import inert_line
from ...plugins import Metric
from ...reports.scored import ScoredRun
from ...runs.names import slug

OWNER = "spatialbench"
"""Stands for the owner of a benchmark's data set, of which there is none on the Hub."""
MEASURED_BY = "spatialbench"


def eval_results(scored: ScoredRun, repo: str | None, endpoint: str) -> dict[str, bytes]:
    """One file with an entry per headline metric, by relative name; none for a partial run.

    Every entry has the benchmark as data set, the metric as task, the value in the metric's scale
    (percent), the day of the run, and in the notes the interval and the signature; with ``repo``
    the images as the source.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    from huggingface_hub.utils import yaml_dump

    result = scored.result
    if result.partial:
        return {}
    source = None if repo is None else f"{endpoint}/datasets/{repo}"
    entries = [
        EvalResultEntry(
            dataset_id=dataset_id(scored),
            task_id=task_id(scored, metric),
            value=result.metric(metric.key),
            date=made_on(scored),
            source_url=source,
            source_name=MEASURED_BY if source else None,
            notes=_notes(scored, metric),
        )
        for metric in headline_metrics(scored)
    ]
    if not entries:
        return {}
    text = yaml_dump(eval_result_entries_to_yaml(entries))
    return {f".eval_results/{slug(result.benchmark)}.yaml": text.encode()}


def headline_metrics(scored: ScoredRun) -> list[Metric]:
    """The metrics of the table's columns that are defined."""
    known = scored.result.metrics
    return [m for m in scored.metrics if m.headline and known.get(m.key) is not None]


def dataset_id(scored: ScoredRun) -> str:
    """``spatialbench/<benchmark>``."""
    return f"{OWNER}/{slug(scored.result.benchmark)}"


def task_id(scored: ScoredRun, metric: Metric) -> str:
    """``<subset>_<metric>``, the subset where it is not the benchmark's default."""
    subset = scored.signature.subset
    words = [metric.key] if subset is None else [subset, metric.key]
    return re.sub(r"[^A-Za-z0-9_-]+", "_", "_".join(words))


def made_on(scored: ScoredRun) -> str | None:
    """When somebody last began to work on the run: UTC, ISO 8601."""
    created = [machine.created for machine in scored.run.manifest.machines]
    return max(created).replace("+00:00", "Z") if created else None


def _notes(scored: ScoredRun, metric: Metric) -> str:
    result = scored.result
    low, high = result.interval(metric.key)
    lab = "the lab's small model, comparable with lab rows only; " if result.is_lab else ""
    smaller = "" if metric.larger_is_better else "smaller is better; "
    within = "" if low is None or high is None else f"95 % interval {low:.2f} to {high:.2f}; "
    return inert_line(f"{lab}percent; {smaller}{within}{result.signature}")
