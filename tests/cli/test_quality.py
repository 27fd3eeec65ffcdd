"""``quality`` and ``leaderboard --quality`` through the command line, with small networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench.runs.store import RunDirectory
from tests.judges.clip_files import save_tiny_clip
from tests.stages.quality.inception_files import save_inception

from .conftest import Command
from .json_schemas import fits

RUN = ("run", "--method", "painter", "--bench", "squares", "--limit", "3", "--out", "made")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    folder = tmp_path_factory.mktemp("networks")
    clip, inception = save_tiny_clip(folder / "clip"), save_inception(folder / "inception.pth")
    return "--clip", str(clip), "--inception", str(inception), "--device", "cpu", "--offline"


@pytest.fixture
def made(spatialbench: Command) -> Command:
    assert spatialbench(*RUN).status == 0
    return spatialbench


def references(count: int = 4) -> Path:
    folder = Path("photographs")
    folder.mkdir()
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 255, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number:03d}.png")
    return folder


def test_a_few_images_have_kid_and_cmmd_and_no_fid(made: Command, weights: tuple[str, ...]) -> None:
    folder = references()
    arguments = ("quality", "made", "--reference", folder, *weights)
    found = made(*arguments, "--write-statistics", "kept.npz", "--format", "json")
    assert found.status == 0, found.err
    document = fits("quality", json.loads(found.out))
    assert set(document["metrics"]) == {"KID", "KID_spread", "CMMD"}
    assert document["reasons"]["FID"] == (
        "photographs has 4 images, and a covariance of 2,048 features needs more; KID has no such "
        "limit"
    )
    assert (document["images"], document["reference_images"]) == (6, 4)
    again = made("quality", "made", "--reference", "kept.npz", *weights, "--format", "json")
    assert json.loads(again.out) == document
    (stored,) = Path("made/quality").iterdir()
    assert json.loads(stored.read_text()) == document

    table = made("leaderboard", "made", "--quality", "--no-published")
    assert table.status == 0, table.err
    assert "FID" in table.out
    assert "6 images against 4 of photographs" in table.out
    shown = json.loads(made("leaderboard", "made", "--quality", "--format", "json").out)
    fits("leaderboard", shown)
    assert shown["rows"][0]["quality"] == [document]
    csv = made("leaderboard", "made", "--quality", "--no-published", "--format", "csv").out
    columns, row = (line.split(",") for line in csv.splitlines()[:2])
    assert float(row[columns.index("CMMD")]) == document["metrics"]["CMMD"]
    assert row[columns.index("FID")] == ""


def test_similarity_by_a_judge(made: Command, weights: tuple[str, ...]) -> None:
    clip = f"clip-score:{weights[1]}"
    arguments = ("--reference", references(3), *weights, "--metric", "cmmd", "--judge", clip)
    found = json.loads(made("quality", "made", *arguments, "--format", "json").out)
    assert -1 <= found["metrics"]["similarity"] <= 1
    assert found["judge"].startswith("clip")
    wrong = made("quality", "made", *arguments[:-1], "pixel-judge")
    assert wrong.status == 2
    assert "gives answers" in wrong.err


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("nowhere", "there is no nowhere: give a folder of reference images"),
        ("empty", "empty holds no image"),
        ("broken", "broken/a.png cannot be read as an image"),
        ("words.npz", "words.npz cannot be read as a statistics file"),
        ("other.npz", "other.npz holds a: expected mu and sigma"),
    ],
)
def test_references_that_are_none(
    made: Command, weights: tuple[str, ...], reference: str, said: str
) -> None:
    for folder in ("empty", "broken"):
        Path(folder).mkdir()
    Path("broken/a.png").write_bytes(b"no image")
    Path("words.npz").write_text("words")
    np.savez("other.npz", a=np.zeros(2))
    before = sorted(Path("made").rglob("*"))
    outcome = made("quality", "made", "--reference", reference, *weights, "--metric", "CMMD")
    assert outcome.status == 2
    assert said in outcome.err
    assert sorted(Path("made").rglob("*")) == before


def test_weights_that_are_missing_are_named_first(made: Command) -> None:
    outcome = made("quality", "made", "--reference", references(2), "--offline", "--device", "cpu")
    assert outcome.status == 2
    assert "spatialbench fetch fid-inception" in outcome.err
    assert not Path("made/quality").exists()
    nothing = made("quality", "--reference", "photographs")
    assert nothing.status == 2
    assert "name a run, or give --write-statistics" in nothing.err


def test_a_damaged_file_of_the_run_is_named(made: Command) -> None:
    folder = RunDirectory(Path("made")).path / "quality"
    folder.mkdir()
    (folder / "x.json").write_text("{}")
    outcome = made("leaderboard", "made", "--quality")
    assert outcome.status == 2
    assert "made/quality/x.json is damaged" in outcome.err
    assert made("leaderboard", "made").status == 0
