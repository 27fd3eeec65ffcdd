"""Images made elsewhere, given as a mapping or in a folder, are scored as the run they are of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import spatialbench
from spatialbench import UserError, compare, evaluate, load_run, score
from spatialbench.cli import main

KEYS = ("prompt_id", "index", "width", "height", "boxes", "scores", "labels")
OPTIONS: dict[str, Any] = {"limit": 4, "progress": False, "device": "cpu"}


@pytest.fixture
def painted() -> spatialbench.Run:
    return evaluate("painter", "squares", parameters={"skill": 0.5}, **OPTIONS)


def numbers(run: spatialbench.Run) -> dict[str, tuple[float, Any]]:
    return {key: (metric.value, metric.interval) for key, metric in run.metrics.items()}


def test_a_mapping_of_paths_or_images_gives_the_same_numbers(painted: spatialbench.Run) -> None:
    paths = score(painted.images(), "squares", name="again", **OPTIONS)
    opened = {key: Image.open(path) for key, path in painted.images().items()}
    images = score(opened, "squares", name="again", out="there", **OPTIONS)
    assert numbers(paths) == numbers(images) == numbers(painted)
    facts = ["prompt_id", "index", "correct", "score", "reason"]
    assert paths.frame()[facts].equals(painted.frame()[facts])
    assert paths.images().keys() == painted.images().keys()
    assert paths.summary.method == "again"


def test_a_folder_with_a_table_gives_the_same_numbers(
    painted: spatialbench.Run, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    lines = ["file,prompt_id,index"]
    for (prompt, index), path in painted.images().items():
        name = f"x{len(lines)}.png"
        (folder / name).write_bytes(path.read_bytes())
        lines.append(f"{name},{prompt},{index}")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")
    run = score(folder, "squares", name="again", layout="flat+csv", **OPTIONS)
    assert numbers(run) == numbers(painted)
    found = score(folder, "squares", name="again", prompt_transform="unrecorded", **OPTIONS)
    assert numbers(found) == numbers(painted)
    assert found.path != run.path
    (folder / "images.csv").unlink()
    with pytest.raises(UserError, match=r"nothing says which image of squares each file of .* is"):
        score(folder, "squares", name="again", **OPTIONS)


def test_detections_in_a_file_are_judged(painted: spatialbench.Run, tmp_path: Path) -> None:
    file = tmp_path / "detections.jsonl"
    (stored,) = painted.path.glob("detections/*/detections.jsonl")
    records = [json.loads(line) for line in stored.read_text().splitlines()]
    kept = ({key: record[key] for key in KEYS} for record in records)
    file.write_text("".join(json.dumps(record) + "\n" for record in kept))
    run = score(file, "squares", name="again", **OPTIONS)
    assert numbers(run) == numbers(painted)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda images: images.popitem(), "7 of 8 expected images match, and nothing was imported"),
        (lambda images: images.update({("none", 0): "x.png"}), "none/0: prompt none is not"),
        (lambda images: images.update(dict.fromkeys(images, "x.png")), "x.png, cannot be read"),
        (lambda images: images.update(dict.fromkeys(images, 7)), "is a int: expected a PIL image"),
        (lambda images: images.update({"1103": "x.png"}), "'1103' does not say which image it is"),
    ],
)
def test_what_does_not_match_is_refused(
    painted: spatialbench.Run, tmp_path: Path, change: Any, said: str
) -> None:
    images: dict[Any, Any] = dict(painted.images())
    change(images)
    with pytest.raises(UserError) as caught:
        score(images, "squares", name="again", out=tmp_path / "there", **OPTIONS)
    assert said in str(caught.value)
    assert not (tmp_path / "there").exists()


def test_runs_are_compared_gated_and_judged_again(
    painted: spatialbench.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    better = evaluate("painter", "squares", parameters={"skill": 1.0}, **OPTIONS)
    found = compare(painted, better.path)
    change = found.metrics["RIGHT"]
    assert change.first == painted.metrics["RIGHT"].value
    assert change.second == better.metrics["RIGHT"].value == 100
    assert len(found.flips) == (painted.frame()["correct"] != better.frame()["correct"]).sum()
    assert main(["compare", str(painted.path), str(better.path)]) == 0
    assert capsys.readouterr().out == found.table() + "\n"
    with pytest.raises(UserError, match="there is nothing to compare"):
        compare(painted)

    assert main(["gate", str(better.path), "--write", "gate.json"]) == 0
    assert better.gate("gate.json").answer.status == 0
    assert painted.gate("gate.json").answer.status != 0

    signature = painted.detect("colour-blobs", device="cpu")
    strict = painted.score(threshold=0.99, detector=signature)
    assert strict.summary.threshold == 0.99
    assert load_run(painted.path).summary == strict.summary


def test_what_is_not_scored_says_so() -> None:
    assert main(["generate", "--method", "painter", "--bench", "squares", "--limit", "2"]) == 0
    (path,) = Path("runs").glob("*/*/*")
    run = load_run(path)
    assert len(run.images()) == 4
    with pytest.raises(UserError, match="is not scored yet"):
        run.metrics  # noqa: B018
    with pytest.raises(UserError, match=r"scores\.parquet is missing"):
        run.frame()
    with pytest.raises(UserError, match="there is no run directory nowhere"):
        load_run("nowhere")
