"""From prompts to a kept set: what passes, what is rejected and why, and what stops the build."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.lora_training.benchmark import TrainingPrompts
from spatialbench.lora_training.build import Build, build
from spatialbench.lora_training.kept_set import read_kept
from spatialbench.lora_training.rejections import Rejections
from spatialbench.lora_training.training_prompts import draw_prompts
from spatialbench.plugins import Detector, ImageRequest, Method
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from spatialbench.runs.machine import this_machine
from spatialbench.runs.progress import Silent
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.rules.constraint_rule import ConstraintRule
from spatialbench.stages.depth_model import DepthModel
from tests.stages.fakes import snapshot

LEFT, RIGHT = (4, 20, 14, 34), (40, 20, 52, 34)
CASES = {
    "kept": [("a", 0.9, LEFT), ("b", 0.8, RIGHT)],
    "weak": [("a", 0.9, LEFT), ("b", 0.05, RIGHT)],
    "nothing": [],
    "wrong": [("a", 0.9, RIGHT), ("b", 0.8, LEFT)],
    "overlap": [("a", 0.9, (4, 20, 40, 34)), ("b", 0.8, (8, 20, 50, 34))],
    "copy": [("a", 0.9, LEFT), ("b", 0.8, (20, 20, 30, 34)), ("a", 0.7, RIGHT)],
}
"""What the finder sees in the image of the prompt with that text; "a" shall be left of "b"."""
EXPECTED = {
    "kept": 1,
    "object not found": 2,
    "relation wrong": 2,
    "a copy stands wrong": 1,
    "not looked at": 0,
}


@dataclass
class Colours(Method):
    """A generator whose images tell their prompt by their colour."""

    made: int = 0
    strength: float = 1.0

    def identity(self) -> dict[str, Any]:
        parameters = {"strength": self.strength}
        return {"method": "colours", "version": 1, "parameters": parameters, "backbone": "none"}

    def load(self) -> None: ...

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        self.made += len(requests)
        shades = [40 * list(CASES).index(request.prompt.text) for request in requests]
        return [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in shades]


class Oracle(Detector):
    """A detector that sees what ``CASES`` says."""

    def identity(self) -> dict[str, Any]:
        return {"class": "oracle"}

    def signature(self) -> str:
        return "oracle@0"

    def load(self) -> None: ...

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        found = []
        for image, names in zip(images, labels, strict=True):
            assert tuple(names) == ("a", "b")
            pixel: Any = image.getpixel((0, 0))
            seen = list(CASES.values())[pixel[0] // 40]
            boxes, scores = [box for _, _, box in seen], [score for _, score, _ in seen]
            found.append(Detections.build(boxes, scores, [name for name, _, _ in seen], 64, 64))
        return found


@dataclass
class Leftwards(DepthModel):
    """The further left, the nearer; kills the process before the map of that number."""

    dies_at: int = -1
    made: int = 0

    def identity(self) -> dict[str, Any]:
        return {"model": "leftwards"}

    def signature(self) -> str:
        return "leftwards@0"

    def estimate(self, images: Sequence[Image.Image]) -> list[npt.NDArray[np.float32]]:
        if self.made == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.made += 1
        return [np.tile(np.linspace(1, 0, 64, dtype=np.float32), (64, 1)) for _ in images]


DEEP = (
    ("kept", Relation.IN_FRONT),
    ("wrong", Relation.IN_FRONT),
    ("kept", Relation.LEFT),
    ("wrong", Relation.BEHIND),
    ("nothing", Relation.BEHIND),
)


def deep_plan(folder: Path, depth: DepthModel | None) -> Build:
    """Four of five prompts ask for depth."""
    made = [
        Prompt(f"{i:06d}", text, word.value, Triplet("a", word, "b"), ("a", "b"))
        for i, (text, word) in enumerate(DEEP)
    ]
    return replace(plan(folder, "kept"), prompts=TrainingPrompts(made), depth=depth)


def build_that_dies(folder: Path, map_number: int) -> None:
    built(deep_plan(folder, Leftwards(map_number)))


def prompts(*texts: str) -> TrainingPrompts:
    triplet = Triplet("a", Relation.LEFT, "b")
    made = [Prompt(f"{i:06d}", text, "left", triplet, ("a", "b")) for i, text in enumerate(texts)]
    return TrainingPrompts(made)


def plan(folder: Path, *texts: str, threshold: float = 0.1) -> Build:
    judging = Judging(ConstraintRule("esplora-r1/1", 0.1), threshold)
    return Build(folder, prompts(*texts), Colours(), Oracle(), judging, 7, batch_size=4)


def built(chosen: Build) -> Any:
    machine = this_machine("cpu", "float32", 4)
    return build(chosen, LocalExecutor(), machine, "the command", Silent())


def test_keeps_what_passes_and_counts_the_rest_by_reason(tmp_path: Path) -> None:
    chosen = plan(tmp_path / "set", *CASES)
    kept, rejections = built(chosen)
    assert rejections.to_json() == {"left": EXPECTED}
    assert [image.text for image in kept.images] == ["kept"]
    record = kept.images[0].record
    assert record["relations"] == [["a", "left", "b"]]
    assert record["boxes"] == [list(LEFT), list(RIGHT)]
    with Image.open(kept.folder / record["file_name"]) as image:
        assert image.getpixel((0, 0)) == (0, 0, 0)
    description = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert (description["images"], description["kept"]) == (6, 1)
    assert description["outcomes"] == {"left": EXPECTED}
    assert (description["rule"], description["detector"]) == ("esplora-r1/1", "oracle@0")
    rows = rejections.table().rows
    assert rows[-1] == [
        "all",
        "6",
        "1 (16.7 %)",
        "2 (33.3 %)",
        "2 (33.3 %)",
        "1 (16.7 %)",
        "0 (0.0 %)",
    ]


def test_the_same_again_makes_nothing_and_gives_the_same_set(tmp_path: Path) -> None:
    first, _ = built(plan(tmp_path, "kept", "wrong"))
    bytes_before = (tmp_path / "metadata.jsonl").read_bytes()
    again = plan(tmp_path, "kept", "wrong")
    second, _ = built(again)
    assert isinstance(again.generator, Colours)
    assert again.generator.made == 0
    assert second.digest == first.digest == read_kept(tmp_path).digest
    assert (tmp_path / "metadata.jsonl").read_bytes() == bytes_before


def test_relations_in_depth_are_checked_without_a_further_command(tmp_path: Path) -> None:
    model = Leftwards()
    kept, rejections = built(deep_plan(tmp_path, model))
    assert model.made == 4, "the map of an image whose prompt asks for none is not made"
    relations = {image.record["relations"][0][1] for image in kept.images}
    assert relations == {"in_front", "left", "behind"}
    assert len(kept.images) == 3
    depth = {"model": "leftwards@0", "images": 4, "kept": 2}
    assert json.loads((tmp_path / "dataset.json").read_text())["depth"] == depth
    told = "2 of the 4 that ask for in front of or behind are among them"
    assert rejections.told_of_depth() == told
    # Those that are there serve a build without a model; there is no other.
    again, _ = built(deep_plan(tmp_path, None))
    assert again.digest == kept.digest
    with pytest.raises(UserError, match="needs depth maps for the prompts that ask for in front"):
        built(deep_plan(tmp_path / "none", None))


def test_killed_among_the_depth_maps_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    built(deep_plan(tmp_path / "whole", Leftwards()))
    context = multiprocessing.get_context("forkserver")
    child = context.Process(target=build_that_dies, args=(tmp_path / "killed", 2))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    maps = tmp_path / "killed" / "run" / "depth" / "leftwards@0"
    assert len(list(maps.rglob("*.png"))) == 2
    assert not (tmp_path / "killed" / "dataset.json").exists()
    model = Leftwards()
    built(deep_plan(tmp_path / "killed", model))
    assert model.made == 2
    assert snapshot(tmp_path / "killed" / "run") == snapshot(tmp_path / "whole" / "run")
    for name in ("metadata.jsonl", "dataset.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_set_without_one_relation_in_depth_says_so() -> None:
    rejections = Rejections()
    assert rejections.told_of_depth() is None
    for reason in ("object not found", "relation wrong", "relation wrong"):
        rejections.add("behind", reason, in_depth=True)
    rejections.add("left", "kept")
    assert rejections.told_of_depth() == (
        "none of the 3 that ask for in front of or behind is among them "
        "(object not found: 1, relation wrong: 2)"
    )


def test_another_check_on_the_same_images_replaces_the_set(tmp_path: Path) -> None:
    built(plan(tmp_path, "kept", "weak"))
    lower, _ = built(plan(tmp_path, "kept", "weak", threshold=0.01))
    assert len(lower.images) == len(list((tmp_path / "images").iterdir())) == 2
    higher, _ = built(plan(tmp_path, "kept", "weak"))
    assert len(higher.images) == len(list((tmp_path / "images").iterdir())) == 1
    assert higher.digest != lower.digest


def test_other_settings_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    built(plan(tmp_path, "kept"))
    with pytest.raises(UserError, match=r"parameters\.strength: 1 -> 2"):
        built(replace(plan(tmp_path, "kept"), generator=Colours(strength=2.0)))
    with pytest.raises(UserError, match="prompt_set"):
        built(plan(tmp_path, "kept", "wrong"))


def test_nothing_survives_and_the_table_is_shown(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none of the 3 images passed esplora-r1/1") as caught:
        built(plan(tmp_path, "wrong", "nothing", "copy"))
    lines = [line.split() for line in str(caught.value).splitlines()]
    assert next(line for line in lines if line[:1] == ["left"])[1:4] == ["3", "0", "(0.0"]
    with pytest.raises(UserError, match="is not a finished training set"):
        read_kept(tmp_path)


def test_drawn_prompts_fit_the_stages(tmp_path: Path) -> None:
    drawn = TrainingPrompts(draw_prompts(3))
    assert drawn.labels(drawn.every[0]) == drawn.every[0].objects
    assert drawn.prompts("all") is drawn.every
