"""The plug-in as the harness meets it: metrics, defaults of its subsets, speed."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

from spatialbench.benchmarks.t2i_compbench import PLUGIN, judging
from spatialbench.benchmarks.t2i_compbench.judging import ATTRIBUTES, BY_JUDGES, NON_SPATIAL
from spatialbench.benchmarks.t2i_compbench.published import published
from spatialbench.exchange.foreign import Origin, read_records, score_records
from spatialbench.plugins import ScoreTable
from spatialbench.plugins.metric import ratios, values
from spatialbench.plugins.subsets import default_detector, default_rule
from tests.imported_modules import imported_by

HEADLINE = {metric.key for metric in PLUGIN.metrics}


def test_found_through_its_entry_point() -> None:
    (entry,) = entry_points(group="spatialbench.benchmarks", name="t2i-compbench")
    assert entry.load() is PLUGIN


def test_imports_nothing_heavy() -> None:
    heavy = {"torch", "pandas", "scipy", "transformers", "PIL"}
    assert not heavy & imported_by("import spatialbench.benchmarks.t2i_compbench")


def test_subsets_have_their_own_rules_and_detectors() -> None:
    rules = {name: default_rule(PLUGIN, name).name for name in PLUGIN.subsets}
    assert rules == {
        "2d": "t2i-2d-official/1",
        "3d": "t2i-3d-official/1",
        "numeracy": "t2i-numeracy-official/1",
        "complex": "t2i-2d-official/1",
        "complex-whole": "t2i-complex-official/1",
        **dict.fromkeys(ATTRIBUTES, "t2i-attribute-official/1"),
        NON_SPATIAL: "t2i-non-spatial-official/1",
    }
    assert default_rule(PLUGIN) is PLUGIN.rules["2d-official"]
    by_boxes = [name for name in PLUGIN.subsets if name not in BY_JUDGES]
    detectors = {name: default_detector(PLUGIN, name) for name in by_boxes}
    assert detectors == {
        "2d": "unidet",
        "3d": "unidet-r50",
        "numeracy": "unidet-r50",
        "complex": "unidet",
        "complex-whole": "unidet",
    }


@pytest.mark.usefixtures("official_files")
def test_seeds_and_metrics() -> None:
    plane = PLUGIN.prompts("2d")[:2]
    numbers = PLUGIN.prompts("numeracy")[:1]
    assert [PLUGIN.seed(plane[0], k) for k in range(PLUGIN.images_per_prompt)] == [*range(42, 52)]
    table = ScoreTable(
        prompts=[*plane, *numbers],
        prompt_row=np.array([0, 0, 1, 2]),
        index=np.array([0, 1, 0, 0]),
        columns={
            "correct": np.array([True, False, True, False]),
            "score": np.array([0.9, 0.0, 0.6, 0.25]),
            "found_all": np.array([True, False, True, True]),
            "variant": np.zeros(4, np.int64),
        },
    )
    found = values(PLUGIN.metrics, table)
    # Over images, not over prompts: (0.9 + 0 + 0.6) / 3.
    assert found == {"T2I_2D": pytest.approx(50), "T2I_numeracy": 25.0, "OA": 75.0}
    for key, ratio in ratios(PLUGIN.metrics, table).items():
        (part,) = ratio.parts
        assert 100 * part.numerator.sum() / part.denominator.sum() == pytest.approx(found[key])
    columns = dict(table.columns) | {"variant": np.full(4, judging.CORRECTED)}
    corrected = values(
        PLUGIN.metrics, ScoreTable(table.prompts, table.prompt_row, table.index, columns)
    )
    # Another rule's numbers stand in other columns.
    assert set(corrected) == {"T2I_2D_corrected", "T2I_numeracy_corrected", "OA"} <= HEADLINE
    assert PLUGIN.clusters(plane) == ["giraffe + lamp", "frog + girl"]
    breakdown = PLUGIN.breakdowns(table)["objects"]
    assert list(breakdown) == ["frog + girl", "giraffe + lamp", "person"]
    assert breakdown["giraffe + lamp"] == {"score": pytest.approx(45), "images": 2}


def test_published_rows() -> None:
    rows = {(row.method, row.base): row for row in published()}
    assert len(rows) == len(published())
    for row in published():
        assert set(row.metrics) <= HEADLINE
        assert row.source
        assert row.evidence in set("PSCD")
        assert all(0 < value < 100 for value in row.metrics.values())
    sdxl = rows["SDXL", "Stable Diffusion XL 1.0"].metrics
    assert sdxl == {
        "T2I_2D": 21.33,
        "T2I_3D": 35.66,
        "T2I_numeracy": 49.91,
        "T2I_color": 58.79,
        "T2I_shape": 46.87,
        "T2I_texture": 52.99,
        "T2I_non_spatial": 31.19,
        "T2I_complex_3in1": 32.37,
    }
    ours = rows["InfSplign (sigmoid)", "stabilityai/stable-diffusion-2-1-base"]
    assert ours.metrics == {"T2I_2D_infsplign": 38.36}
    assert "t2i-2d-infsplign/1" in ours.note


@pytest.mark.usefixtures("official_files")
def test_3000_stored_images_are_scored(tmp_path: Path) -> None:
    """Reading, judging, metrics, intervals, breakdowns and the ceiling."""
    rng = np.random.default_rng(1)
    names = ["person", "dog", "cattle, cow", "giraffe", "lamp", "key", "cat", "frog", "bee"]
    path = tmp_path / "boxes.jsonl"
    with path.open("w") as file:
        for prompt in PLUGIN.prompts("2d"):
            for index in range(10):
                start = rng.uniform(0, 400, (60, 2)).astype(np.float32)
                boxes = np.hstack([start, start + rng.uniform(5, 79, (60, 2))])
                record = {
                    "prompt_id": prompt.id,
                    "index": index,
                    "width": 479,
                    "height": 479,
                    "boxes": boxes.tolist(),
                    "scores": np.sort(rng.uniform(0.1, 1, 60))[::-1].tolist(),
                    "labels": rng.choice(names, 60).tolist(),
                }
                file.write(json.dumps(record) + "\n")
    origin = Origin("2d", detector="unidet@1", complete=True)
    scored = score_records(PLUGIN, read_records(path), origin=origin)
    assert scored.summary.images == 3000
    assert scored.summary.partial is False
    assert scored.summary.notes
