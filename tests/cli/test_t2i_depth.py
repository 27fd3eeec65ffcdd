"""T2I-CompBench's 3D prompts with maps of the run's own: made inside run, refused where wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spatialbench.benchmarks.t2i_compbench.prompts import prompts
from spatialbench.stages import dpt_hybrid
from tests.reference_data import t2i_compbench_files
from tests.stages.dpt_files import save_official_dpt, save_tiny_dpt
from tests.t2i_whole import Whole, painted

from .conftest import Command

BENCH = "t2i-compbench:3d"
OWN = """
import numpy as np
from PIL import Image
from spatialbench.detections import Detections
from spatialbench.plugins import Detector

def paint(prompt, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    return Image.fromarray(noise)

class Halves(Detector):
    def identity(self):
        return {"detector": "halves"}

    def signature(self):
        return "halves@1"

    def load(self):
        pass

    def detect(self, images, labels):
        boxes = [[2, 3, 60, 70], [20, 9, 84, 80]]
        return [
            Detections.build(boxes, [0.9, 0.8], list(names), *image.size)
            for image, names in zip(images, labels)
        ]
"""
"""A method, and a detector that finds both objects in part of each other."""


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with both."""
    path = tmp_path_factory.mktemp("own") / "own.py"
    path.write_text(OWN)
    return path


@pytest.fixture
def run(own: Path) -> tuple[str, ...]:
    """A command that needs nothing but a depth model."""
    made = ("run", "--method", f"{own}:paint", "--bench", BENCH, "--detector", f"{own}:Halves")
    few = (
        "--name",
        "ours",
        "--batch-size",
        "1",
        "--limit",
        "2",
        "--images-per-prompt",
        "1",
        "--device",
        "cpu",
    )
    return (*made, *few)


@pytest.fixture(autouse=True)
def nothing_there(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> None:
    """The prompt files; no maps, no weights, and a small side for small models."""
    t2i_compbench_files(monkeypatch)
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("SPATIALBENCH_T2I_DEPTH", raising=False)
    monkeypatch.setattr(dpt_hybrid, "SIDE", 96)


def depth_of(folder: Path) -> tuple[str, str]:
    return "--depth", f"dpt-hybrid:{save_tiny_dpt(folder)}"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_run_makes_its_maps_and_names_their_model(
    spatialbench: Command, run: tuple[str, ...], tmp_path: Path
) -> None:
    depth = depth_of(tmp_path / "dpt")
    done = spatialbench(*run, *depth, "--out", "made", "--format", "json")
    assert done.status == 0, done.err
    summary = json.loads(done.out)
    (folder,) = (tmp_path / "made" / "depth").iterdir()
    assert summary["detector"].endswith(f"+{folder.name}")
    assert folder.name.startswith("dpt-hybrid@")
    assert summary["rule"] == "t2i-3d-official/1"
    # The ceiling is the detector's.
    assert any("own words as halves@1 is asked" in note for note in summary["notes"])
    assert len(list(folder.glob("*/*.png"))) == 2
    assert {Image.open(path).mode for path in folder.glob("*/*.png")} == {"L"}
    # Shards make the same maps, and the whole command finds them made.
    for part in ("1/2", "2/2"):
        shard = spatialbench(*run, *depth, "--out", "parts", "--shard", part)
        assert shard.status == 0, shard.err
    assert files(tmp_path / "parts" / "depth") == files(tmp_path / "made" / "depth")
    shutil.rmtree(tmp_path / "dpt")
    again = spatialbench(*run, "--out", "made", "--format", "json", "--depth", depth[1])
    assert again.status == 2, "another model cannot be told from one that is gone"
    scored = spatialbench("score", "made", "--format", "json")
    assert json.loads(scored.out)["metrics"] == summary["metrics"]
    out = spatialbench("export", "made", "--layout", "results", "--out", "out")
    assert out.status == 0, out.err
    assert (tmp_path / "out/labels/annotation_obj_detection_3d/avg_result.txt").is_file()


def test_without_weights_it_stops_before_the_first_image(
    spatialbench: Command, run: tuple[str, ...], tmp_path: Path
) -> None:
    outcome = spatialbench(*run, "--offline", "--out", "made")
    assert outcome.status == 2
    assert "spatialbench fetch dpt-hybrid" in outcome.err
    assert "Nothing was made" in outcome.err
    assert list(tmp_path.iterdir()) == []
    for given, said in (
        ("depth-anything", "judges by the maps of dpt-hybrid"),
        ("dpt-hybird", "judges by the maps of dpt-hybrid"),
        ("dpt-hybrid:nowhere", "neither a folder nor a repository"),
    ):
        wrong = spatialbench(*run, "--depth", given, "--out", "made")
        assert wrong.status == 2
        assert said in wrong.err
    unused = ("run", "--method", "sd", "--bench", "visor", "--depth", "dpt-hybrid")
    assert "needs no depth: leave out --depth" in spatialbench(*unused).err
    assert list(tmp_path.iterdir()) == []


def test_maps_of_a_folder_are_used_and_none_made(
    spatialbench: Command,
    run: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    depth = depth_of(tmp_path / "dpt")
    monkeypatch.setenv("SPATIALBENCH_T2I_DEPTH", str(tmp_path))
    outcome = spatialbench(*run, "--out", "made")
    assert outcome.status == 2
    assert "2 of 2 are not in" in outcome.err
    both = spatialbench(*run, *depth, "--out", "made")
    assert "SPATIALBENCH_T2I_DEPTH names a folder of depth maps" in both.err


def test_official_maps_come_out_of_a_run_and_decide_its_score(
    spatialbench: Command,
    t2i_whole: Whole,
    tmp_path: Path,
    own: Path,
) -> None:
    told = t2i_whole.json("dpt", "expected_small.json")
    results = [one for one in told["results"] if one["network_input"] == dpt_hybrid.SIDE]
    chosen = prompts("3d")[: len(results)]
    (tmp_path / "samples").mkdir()
    for line, (prompt, one) in enumerate(zip(chosen, results, strict=True)):
        image = painted(one["picture"])
        image.save(tmp_path / "samples" / f"{prompt.text}_{line:06d}.png")
    model = save_official_dpt(tmp_path / "dpt", t2i_whole, told)
    done = spatialbench(
        *("import", "samples", "--bench", BENCH, "--layout", "t2i-compbench"),
        *("--images-per-prompt", 1, "--only", ",".join(prompt.id for prompt in chosen)),
        *("--name", "theirs", "--out", "theirs", "--score", "--format", "json"),
        *("--device", "cpu", "--detector", f"{own}:Halves", "--depth", f"dpt-hybrid:{model}"),
    )
    assert done.status == 0, done.err
    (folder,) = (tmp_path / "theirs" / "depth").iterdir()
    for prompt, one in zip(chosen, results, strict=True):
        made = np.asarray(Image.open(folder / prompt.id / "0.png"))
        assert list(made.shape) == one["png_shape"]
        assert float(made.mean()) == pytest.approx(one["png_mean"], abs=0.01)
        if one["png"] is not None:
            stated = np.asarray(Image.open(t2i_whole.file("dpt", one["png"])))
            assert np.abs(stated.astype(int) - made.astype(int)).max() <= 1
    # The same score from the same maps under their official names.
    named = tmp_path / "named"
    named.mkdir()
    for line, prompt in enumerate(chosen):
        name = f"{prompt.text}_{line * 10:06d}.png"
        shutil.copy(folder / prompt.id / "0.png", named / name)
    first = json.loads(done.out)
    assert first["images"] == len(results)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPATIALBENCH_T2I_DEPTH", str(named))
        from_folder = spatialbench("score", "theirs", "--format", "json")
    assert from_folder.status == 0, from_folder.err
    assert json.loads(from_folder.out)["metrics"] == first["metrics"]
    assert json.loads(from_folder.out)["detector"] == "halves@1"
    # A map of another size, or of an image that was made again, is refused by its name.
    path = folder / chosen[0].id / "0.png"
    whole = Image.open(path)
    whole.load()
    whole.resize((whole.width * 2, whole.height * 2)).save(path)
    other = spatialbench("score", "theirs")
    assert other.status == 2
    assert f"{chosen[0].id}/0.png is of an image of another size" in other.err
    path.unlink()
    gone = spatialbench("score", "theirs")
    assert "there is no depth map" in gone.err
    assert "spatialbench depth theirs --model dpt-hybrid" in gone.err
    made_again = spatialbench(
        *("depth", "theirs", "--model", "dpt-hybrid", "--weights", model, "--device", "cpu")
    )
    assert made_again.status == 0, made_again.err
    last = json.loads(spatialbench("score", "theirs", "--format", "json").out)
    assert (last["metrics"], last["signature"]) == (first["metrics"], first["signature"])
