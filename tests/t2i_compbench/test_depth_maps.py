"""Depth maps from official PNGs, and runs whose maps are missing or wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from spatialbench.benchmarks.t2i_compbench import depth_maps, depth_rule
from spatialbench.benchmarks.t2i_compbench.depth_maps import nearness, nearness_inside, read_depth
from spatialbench.benchmarks.t2i_compbench.own_prompts import brought_prompt
from spatialbench.benchmarks.t2i_compbench.prompts import read_prompts
from spatialbench.errors import UserError
from spatialbench.plugins import Verdict
from spatialbench.plugins.records import BoxRecord
from spatialbench.prompts import Prompt
from spatialbench.scoring.judging import Judging

RULE: Any = depth_rule.OFFICIAL


def record(prompt: str = "a dog in front of a cat", **more: Any) -> dict[str, Any]:
    return {
        "prompt_id": "3d_0",
        "index": 4,
        "width": 479,
        "height": 479,
        "boxes": [[60, 0, 160, 50], [40, 20, 140, 120]],
        "scores": [0.9, 0.9],
        "labels": ["dog", "cat"],
        **more,
    }


def judged(prompt: Prompt, content: dict[str, Any], threshold: float) -> Verdict:
    return Judging(RULE, threshold).verdict(prompt, BoxRecord(content), anywhere=True)


def write(path: Path, values: npt.NDArray[np.uint8]) -> None:
    Image.fromarray(values).save(path)


def test_values_and_axes(tmp_path: Path) -> None:
    values = np.zeros((479, 479), np.uint8)
    values[10, 20] = 51
    write(tmp_path / "map.png", values)
    depth = read_depth(tmp_path / "map.png")
    assert depth.dtype == np.float32
    assert depth[10, 20] == np.float32(51) / np.float32(255)
    assert nearness_inside(depth, (20, 10, 21, 11)) == pytest.approx(0.2)
    assert nearness(depth, (10, 20, 11, 21), transposed=True) == pytest.approx(0.2)
    assert np.isnan(nearness(depth, (5, 5, 5, 9), transposed=False))
    # A box beyond the edge is cut there, not wrapped round as in the script.
    assert nearness_inside(depth, (-9, -9, 21, 11)) == pytest.approx(0.2 / (21 * 11))


def test_maps_are_resized_with_their_image(tmp_path: Path) -> None:
    write(tmp_path / "map.png", np.full((480, 640), 100, np.uint8))
    assert read_depth(tmp_path / "map.png").shape == (360, 480)


def test_records_find_their_map_by_the_official_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (prompt,) = read_prompts("3d", ["a dog in front of a cat"])
    with pytest.raises(UserError, match=depth_maps.FOLDER_VARIABLE):
        judged(prompt, record(), 0.1)
    monkeypatch.setenv(depth_maps.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=r"a dog in front of a cat_000004\.png"):
        judged(prompt, record(), 0.1)
    before = Judging(RULE).state([prompt])
    # Officially x is the row: the dog's rows 60..160 are darker than the cat's 40..140 here.
    fading = np.tile(np.linspace(255, 0, 479).astype(np.uint8)[:, None], (1, 479))
    write(tmp_path / "a dog in front of a cat_000004.png", fading)
    assert judged(prompt, record(), 0.1).score == 0.44999998807907104
    assert Judging(RULE).state([prompt]) != before
    write(tmp_path / "other.png", fading[::-1])
    assert judged(prompt, record(depth="other.png"), 0.1).score > 0.6


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../map.png", "not a plain file name"),
        ("colour.png", "mode RGB"),
        ("torn.png", "cannot be read"),
        ("wide.png", "another size"),
    ],
)
def test_wrong_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    monkeypatch.setenv(depth_maps.FOLDER_VARIABLE, str(tmp_path))
    (prompt,) = read_prompts("3d", ["a dog in front of a cat"])
    Image.new("RGB", (9, 9)).save(tmp_path / "colour.png")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write(tmp_path / "wide.png", np.zeros((480, 640), np.uint8))
    with pytest.raises(UserError, match=said):
        judged(prompt, record(depth=name), 0.1)


def test_official_cases_through_files(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    parity_cases: dict[str, list[dict[str, Any]]],
    as_record: Callable[[dict[str, Any]], dict[str, Any]],
    depth_of: Callable[[dict[str, int]], npt.NDArray[np.uint8]],
) -> None:
    """The cases whose boxes lie inside their map, which is put into a corner of a whole frame."""
    monkeypatch.setenv(depth_maps.FOLDER_VARIABLE, str(tmp_path))
    compared = undecided = 0
    for case in parity_cases["3d"]:
        smaller = min(case["depth"]["w"], case["depth"]["h"])
        boxes = [found["box"] for found in case["detections"]]
        if "error" in case["official"] or not all(
            0 <= corner <= smaller for box in boxes for corner in box
        ):
            continue
        whole = np.zeros((479, 479), np.uint8)
        whole[: case["depth"]["h"], : case["depth"]["w"]] = depth_of(case["depth"])
        write(tmp_path / "map.png", whole)
        stored = as_record(case) | {"depth": "map.png"}
        prompt = brought_prompt(stored, "3d")
        assert prompt is not None
        if judged(prompt, stored, 0.1).score == case["official"]["answer"]:
            compared += 1
            continue
        # Only where two means are equal but for the order of summation.
        depth = read_depth(tmp_path / "map.png")
        means = sorted(nearness(depth, box, transposed=True) for box in boxes)
        assert min(after - before for before, after in pairwise(means)) < 1e-5
        undecided += 1
    assert compared > 300
    assert undecided < 20
