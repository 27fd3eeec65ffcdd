"""The plug-in as the harness meets it: metrics, labels, published rows, speed."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from spatialbench.benchmarks.geneval import PLUGIN
from spatialbench.benchmarks.geneval.names import CLASSES, coco_name, own_name
from spatialbench.benchmarks.geneval.prompts import prompts
from spatialbench.benchmarks.geneval.published import published
from spatialbench.benchmarks.geneval.recipe import TAGS
from spatialbench.exchange.foreign import Origin, read_records, score_records
from spatialbench.plugins import ScoreTable
from spatialbench.plugins.metric import ratios, values
from tests.imported_modules import imported_by

HEADLINE = ["overall", *TAGS]


def test_found_through_its_entry_point() -> None:
    (entry,) = entry_points(group="spatialbench.benchmarks", name="geneval")
    assert entry.load() is PLUGIN


def test_imports_nothing_heavy() -> None:
    heavy = {"torch", "pandas", "scipy", "transformers", "PIL"}
    assert not heavy & imported_by("import spatialbench.benchmarks.geneval")


def test_detectors_are_asked_for_cocos_names() -> None:
    from spatialbench.prompts import COCO_NAMES

    asked = {name for prompt in prompts("all") for name in PLUGIN.labels(prompt)}
    assert asked == set(COCO_NAMES)
    assert [coco_name(name) for name in CLASSES] == list(COCO_NAMES)
    assert [own_name(name) for name in COCO_NAMES] == list(CLASSES)


def test_seeds() -> None:
    prompt = prompts("position")[0]
    assert [PLUGIN.seed(prompt, k) for k in range(PLUGIN.images_per_prompt)] == [42, 43, 44, 45]


def table(tasks: list[str], correct: list[bool]) -> ScoreTable:
    """One image a prompt, the first prompts of each task."""
    used = [prompts(task)[tasks[:i].count(task)] for i, task in enumerate(tasks)]
    rows = np.arange(len(tasks))
    return ScoreTable(used, rows, np.zeros_like(rows), {"correct": np.array(correct)})


def test_overall_is_the_mean_of_the_six_tasks() -> None:
    tasks = [*TAGS[:4], TAGS[5], "position", "position", "position"]
    found = values(
        PLUGIN.metrics, table(tasks, [True, False, False, False, False, True, True, False])
    )
    # single_object 1/1, the next four 0/1 ... position 2/3.
    by_task = {task: found[task] for task in HEADLINE[1:]}
    assert by_task["position"] == pytest.approx(100 * 2 / 3)
    assert found["overall"] == pytest.approx(sum(by_task.values()) / 6)
    assert found["images_correct"] == pytest.approx(100 * 3 / 8)
    for key, ratio in ratios(
        PLUGIN.metrics, table(tasks, [True, False, False, False, False, True, True, False])
    ).items():
        shares = [part.numerator.sum() / part.denominator.sum() for part in ratio.parts]
        assert 100 * sum(shares) / len(shares) == pytest.approx(found[key])


def test_overall_of_fewer_tasks_is_not_given() -> None:
    some = values(PLUGIN.metrics, table(["position", "counting"], [True, False]))
    assert isnan(some["overall"])
    assert (some["position"], some["counting"]) == (100.0, 0.0)
    one = values(PLUGIN.metrics, table(["position", "position"], [True, False]))
    assert "overall" not in one
    assert one["position"] == 50.0
    assert "overall" not in ratios(PLUGIN.metrics, table(["position", "counting"], [True, False]))


def test_published_rows() -> None:
    rows = {(row.method, row.base): row for row in published()}
    assert len(rows) == len(published())
    for row in published():
        assert set(row.metrics) <= set(HEADLINE)
        assert row.evidence in set("PSCD")
        assert all(0 <= value <= 100 for value in row.metrics.values())
        if set(row.metrics) == set(HEADLINE):
            mean = sum(row.metrics[key] for key in HEADLINE[1:]) / 6
            # Every cell is rounded to a whole percent.
            assert row.metrics["overall"] == pytest.approx(mean, abs=1.01)
    (grpo,) = [row for row in published() if row.method == "Flow-GRPO"]
    assert "Trained on the metric" in grpo.note
    assert grpo.marks == ("trained-on-the-metric",)


def test_2212_stored_images_are_scored(tmp_path: Path) -> None:
    """Reading, judging, metrics and intervals."""
    rng = np.random.default_rng(1)
    path = tmp_path / "boxes.jsonl"
    with path.open("w") as file:
        for prompt in prompts("all"):
            for index in range(4):
                names = [*rng.choice(CLASSES, 60), *prompt.objects * 5]
                start = rng.uniform(0, 400, (len(names), 2)).astype(np.float32)
                ends = start + rng.uniform(5, 99, (len(names), 2))
                record = {
                    "prompt_id": prompt.id,
                    "index": index,
                    "width": 512,
                    "height": 512,
                    "boxes": np.hstack([start, ends]).tolist(),
                    "scores": rng.uniform(0.05, 1, len(names)).tolist(),
                    "labels": [str(name) for name in names],
                    "colors": ["red"] * len(names),
                }
                file.write(json.dumps(record) + "\n")
    scored = score_records(PLUGIN, read_records(path), origin=Origin("all", complete=True))
    assert scored.summary.images == 2212
    assert scored.summary.metrics["overall"] is not None
