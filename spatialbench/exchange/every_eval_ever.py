"""A run as one record of Every Eval Ever, the shared form for results of evaluations.

Follows version 0.2.2 of its schema (``eval.schema.json`` of evaleval/every_eval_ever), and of what
its data store asks besides: the path, ``deployment_type`` and ``model_availability``, bounds that
hold the score, an ``evaluation_id`` that does not depend on the day.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ..backbones.named import registered
from ..errors import UserError, typed
from ..files.documents import read_json
from ..files.shown_text import inert_line
from ..plugins import Metric
from ..reports.scored import ScoredRun, load_whole
from ..runs.files import require_not_of_a_run, write_report
from ..runs.names import backbone_name, backbone_revision, slug
from ..runs.opening import Run
from ..scoring.summary import Group

SCHEMA_VERSION = "0.2.2"
UNKNOWN = "unknown"
_CREATED = "retrieved_timestamp"
_INTERVAL = (
    "percentile bootstrap over the benchmark's clusters of prompts; Wilson where every image "
    "has the same verdict"
)
_REPO = re.compile(r"[\w.-]+/[\w.-]+")


def export_record(run: Run, out: Path) -> list[Path]:
    """Write the record of a run; returns its path.

    Args:
        out: a file that ends in ``.json``, or a folder: below it the record lies where the data
            store wants it, ``data/<benchmark>/<developer>/<model>/<uuid>.json``, beside those of
            other runs. The name follows from the run and its summary.

    Raises:
        UserError: a run that is not scored, is partial, or whose verdicts are of another
            selection; a place that belongs to a run, no space.
    """
    scored = load_whole(run)
    result = scored.result
    if result.partial:
        raise UserError(
            f"{run.path} is partial: {result.images:,} of {result.images_expected:,} images are "
            "judged, and a record of this form cannot say so, so that none is written. "
            f"'{typed('status', run.path)}' says what is missing."
        )
    path = out if out.suffix == ".json" else out / _place(scored)
    require_not_of_a_run(path)
    document = record(scored, _created(path) or str(int(time.time())))
    write_report(path, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())
    return [path]


def record(scored: ScoredRun, created: str) -> dict[str, Any]:
    """The document of a run.

    Args:
        created: when the record was made, in seconds since 1970, as text.
    """
    result, run = scored.result, scored.run
    identifier = f"{slug(result.benchmark)}/{_model_id(run)}/{run.manifest.id}"
    if result.summary_sha256:
        identifier += f"-{result.summary_sha256[:8]}"
    began = [datetime.fromisoformat(machine.created) for machine in run.manifest.machines]
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": identifier,
        **({"evaluation_timestamp": max(began).isoformat()} if began else {}),
        _CREATED: created,
        "source_metadata": {
            "source_name": "spatialbench",
            "source_type": "evaluation_run",
            "source_organization_name": UNKNOWN,
            "evaluator_relationship": "other",
        },
        "eval_library": {
            "name": "spatialbench",
            "version": scored.signature.software,
            "additional_details": _texts(
                signature=result.signature,
                rule=result.rule,
                detector=result.detector,
                threshold=repr(result.threshold),
                notes=" ".join(result.notes),
            ),
        },
        "model_info": _model(scored),
        "evaluation_results": list(_results(scored)),
    }


def _results(scored: ScoredRun) -> Iterator[dict[str, Any]]:
    result = scored.result
    whole = slug(result.benchmark)
    if scored.signature.subset is not None:
        whole += f".{slug(scored.signature.subset)}"
    groups: dict[str, Group] = {whole: result}
    groups |= {f"{whole}.{slug(name)}": group for name, group in result.groups.items()}
    for name, group in groups.items():
        for metric in scored.metrics:
            if group.metrics.get(metric.key) is not None:
                yield _result(scored, name, group, metric)


def _result(scored: ScoredRun, name: str, group: Group, metric: Metric) -> dict[str, Any]:
    value, (low, high) = group.metric(metric.key), group.interval(metric.key)
    uncertainty: dict[str, Any] = {"num_samples": group.images}
    if low is not None and high is not None:
        uncertainty["confidence_interval"] = {
            "lower": low,
            "upper": high,
            "confidence_level": 0.95,
            "method": _INTERVAL,
        }
    return {
        "evaluation_result_id": f"{name}:{metric.key}",
        "evaluation_name": name,
        "source_data": _source(scored, group),
        "metric_config": {
            "evaluation_description": metric.help,
            "metric_id": f"{slug(scored.result.benchmark)}.{metric.key}",
            "metric_name": metric.key,
            "metric_unit": "percent",
            "lower_is_better": not metric.larger_is_better,
            "score_type": "continuous",
            # A metric beyond the scale keeps its number, and the bounds give way to it.
            "min_score": min(0.0, value),
            "max_score": max(100.0, value),
            "additional_details": {"headline": str(metric.headline).lower()},
        },
        "score_details": {
            "score": value,
            "details": {"images": str(group.images), "prompts": str(group.prompts)},
            "uncertainty": uncertainty,
        },
        "generation_config": {"additional_details": _texts(**scored.signature.parameters)},
    }


def _source(scored: ScoredRun, group: Group) -> dict[str, Any]:
    """The prompts: by the address of the benchmark, where it has one."""
    expected, homepage = scored.run.expected, scored.benchmark.homepage
    names = expected.selection.signed_names
    known = {} if names is None else {"known_names": names}
    details = _texts(
        benchmark=f"{scored.signature.benchmark}:{scored.result.subset}",
        prompt_set=str(scored.run.manifest.identity["prompt_set"]),
        prompts=str(group.prompts),
        images_per_prompt=str(expected.images_per_prompt),
        only=",".join(expected.selection.only),
        **known,
        seeds=str(expected.seeds),
    )
    return {
        "dataset_name": slug(scored.result.benchmark),
        **({"source_type": "url", "url": [homepage]} if homepage else {"source_type": "other"}),
        "additional_details": details,
    }


def _model(scored: ScoredRun) -> dict[str, Any]:
    result, run = scored.result, scored.run
    model = _model_id(run)
    named = "/" in model and model.partition("/")[0] != UNKNOWN
    # Whose images were imported may have made them anywhere.
    imported = run.generator.get("version") == "imported"
    details = _texts(
        method=scored.signature.method or result.method,
        backbone=result.backbone,
        backbone_revision=backbone_revision(run.generator),
        deployment_type=UNKNOWN if imported else "local",
        model_availability=UNKNOWN if imported else "hf" if named else "other",
    )
    return {
        "name": inert_line(scored.label),
        "id": model,
        "developer": model.partition("/")[0],
        "additional_details": details,
    }


def _model_id(run: Run) -> str:
    """``stabilityai/stable-diffusion-2-1``; ``unknown/<name>`` for what is in no repository."""
    name = backbone_name(run.generator)
    if _REPO.fullmatch(name):
        return name
    try:
        # A place, which only a user may name: nothing in a run's files is imported.
        sources = () if ":" in name else registered(name).sources
    except UserError:
        sources = ()
    return sources[0].partition("@")[0] if sources else f"{UNKNOWN}/{slug(name)}"


def _place(scored: ScoredRun) -> Path:
    developer, _, model = _model_id(scored.run).partition("/")
    told = f"{scored.run.manifest.id} {scored.result.text()}"
    name = uuid.UUID(bytes=hashlib.sha256(told.encode()).digest()[:16], version=4)
    folders = (slug(scored.result.benchmark), slug(developer), slug(model))
    return Path("data", *folders, f"{name}.json")


def _created(path: Path) -> str | None:
    """When the record that is there says it was made: the same run again changes no byte."""
    try:
        document = read_json(path)
        created = document[_CREATED]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return created if isinstance(created, str) else None


def _texts(**details: str) -> Mapping[str, str]:
    return {key: value for key, value in details.items() if value}
