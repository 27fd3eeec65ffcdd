"""The depth stage: what is needed, once, anew for a new image; what the rules read of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from spatialbench import plugins
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import Detector
from spatialbench.prompts import Prompt
from spatialbench.runs.machine import this_machine
from spatialbench.runs.machines import record_machine
from spatialbench.runs.opening import Run
from spatialbench.runs.progress import Silent
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.rules.any_benchmark import in_depth
from spatialbench.scoring.rules.catalogue import R1, bound, build
from spatialbench.scoring.rules.depth_maps import DepthFolder, folder_of_run
from spatialbench.scoring.score import read_verdicts, score
from spatialbench.stages.depth import make_depth
from spatialbench.stages.depth_model import DepthModel
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate

from .fakes import SIZE, Log, Painter, Shapes, make_prompts, open_shapes

CIRCLE, SQUARE = [0.0, 0, 8, 16], [8.0, 0, 16, 16]


class Layers(Shapes):
    """Six prompts: two in front, two behind, two left."""

    def __init__(self) -> None:
        super().__init__(6)
        self._prompts: list[Prompt] = make_prompts(6, ("in_front", "behind", "left"))


@dataclass
class BothThere(Detector):
    """A detector that finds the circle on the left half and the square on the right."""

    overlap: float = 0.0

    def identity(self) -> dict[str, Any]:
        return {"class": "BothThere", "overlap": self.overlap}

    def signature(self) -> str:
        return f"both@{self.overlap:g}"

    def load(self) -> None: ...

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        circle = [0.0, 0, 8 + self.overlap, 16]
        found = ([circle, SQUARE], [0.9, 0.8], ("circle", "square"))
        return [Detections.build(*found, *image.size) for image in images]


@dataclass
class Ramp(DepthModel):
    """A depth model: near on the left. Remembers how many images it was shown."""

    name: str = "ramp@1"
    seen: list[int] = field(default_factory=list)

    def identity(self) -> dict[str, Any]:
        return {"class": "Ramp"}

    def signature(self) -> str:
        return self.name

    def estimate(self, images: Sequence[Image.Image]) -> list[npt.NDArray[np.float32]]:
        self.seen.append(len(images))
        row = np.linspace(40, 3, SIZE, dtype=np.float32)
        return [np.tile(row, (SIZE, 1)) for _ in images]


class Halves:
    """A mask model that says every box is the right half."""

    def signature(self) -> str:
        return "halves@1"

    def masks(self, image: Image.Image, boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        mask = np.zeros((len(boxes), image.height, image.width), dtype=bool)
        mask[:, :, image.width // 2 :] = True
        return mask


def _run(folder: Path, detector: BothThere | None = None) -> Run:
    run = open_shapes(folder, Layers())
    generate(run, Painter(), 4, LocalExecutor(), Silent())
    detect(run, detector or BothThere(), 4, LocalExecutor(), Silent())
    return run


def _rule(run: Run, name: str = "esplora-r1") -> Any:
    return build(plugins.load("rule", name), run.expected.benchmark, None, {})


def _right(run: Run) -> dict[str, set[bool]]:
    verdicts: dict[str, set[bool]] = {}
    for row in read_verdicts(run):
        verdicts.setdefault(row["task"], set()).add(row["correct"])
    return verdicts


def test_only_what_asks_for_depth_once_and_anew_for_a_new_image(tmp_path: Path) -> None:
    run, model, log = _run(tmp_path / "run"), Ramp(), Log()
    assert make_depth(run, model, log) == 8
    assert log.begun == [("depth", 0, 8)]
    assert len(model.seen) == 8
    assert make_depth(run, model, log) == 0
    assert len(model.seen) == 8
    folder = folder_of_run(run.path)
    assert folder is not None
    assert folder.signature == "ramp@1"
    wanted = {prompt.id for prompt in run.expected.prompts if in_depth(prompt)}
    assert {path.parent.name for path in folder.path.glob("*/*.png")} == wanted
    depth = folder.read("0", 0, SIZE, SIZE)
    np.testing.assert_allclose(depth[0], np.linspace(1, 0, SIZE), atol=1e-4)

    state = folder.state()
    folder.map_path("0", 1).write_bytes(b"torn")
    assert make_depth(run, model, Silent()) == 1
    # An image that is made again has other bytes, and its old map belongs to nothing.
    journal = run.directory.image_journal
    other = Painter(steps=21).generate([run.expected.request(("0", 0))])[0]
    from spatialbench.stages.open_images import encode_png

    with_writer = journal.writer()
    with_writer.append([run.directory.write_image(("0", 0), encode_png(other), 42)])
    with_writer.close()
    assert make_depth(run, model, Silent()) == 1
    assert folder.state() != state


def test_maps_are_made_with_the_threads_the_run_began_with(tmp_path: Path) -> None:
    class Counting(Ramp):
        def estimate(self, images: Any) -> Any:
            used.append(torch.get_num_threads())
            return super().estimate(images)

    own, used = torch.get_num_threads(), list[int]()
    run = _run(tmp_path / "run")
    began = this_machine("cpu").model_copy(update={"threads": own + 1})
    record_machine(run.path, began)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spatialbench.stages.surroundings._processors", lambda: own + 1)
        log = Log()
        make_depth(replace(run, machine=this_machine("cpu")), Counting(), log)
    assert set(used) == {own + 1}
    assert torch.get_num_threads() == own
    assert any(f"goes on with as many, not with {own}" in said for said in log.notices)


def test_scores_use_the_maps_and_say_so(tmp_path: Path) -> None:
    run = _run(tmp_path / "run")
    with pytest.raises(UserError, match=r"needs a depth map of .* 'spatialbench depth "):
        score(run, Silent(), Judging(_rule(run)))
    make_depth(run, Ramp(), Silent())
    summary = score(run, Silent(), Judging(_rule(run)))
    assert summary.rule == "esplora-r1/1+depth:ramp@1"
    assert _right(run) == {"in_front": {True}, "behind": {False}, "left": {True}}
    assert summary.groups["in_front"].metric("R1_strict") == 100
    pse = score(run, Silent(), Judging(_rule(run, "pse")))
    assert pse.groups["in_front"].metric("PSE") == 100
    assert pse.groups["behind"].metric("PSE") == 0
    # The maps are part of what a score is made of.
    before = score(run, Silent(), Judging(_rule(run))).inputs
    folder = folder_of_run(run.path)
    assert folder is not None
    flipped = np.tile(np.arange(SIZE, dtype=np.uint16), (SIZE, 1))
    for path in folder.path.glob("*/*.png"):
        Image.fromarray(flipped).save(path)
    assert score(run, Silent(), Judging(_rule(run))).inputs != before
    assert _right(run) == {"in_front": {False}, "behind": {True}, "left": {True}}


def test_masks_decide_where_boxes_overlap(tmp_path: Path) -> None:
    # The circle's box reaches over half of the square's.
    run = _run(tmp_path / "run", BothThere(overlap=4))
    make_depth(run, Ramp(), Silent())
    score(run, Silent(), Judging(_rule(run)))
    assert _right(run)["in_front"] == {True}
    make_depth(run, Ramp(), Silent(), Halves())
    folder = folder_of_run(run.path)
    assert folder is not None
    boxes = np.array([[0, 0, 12, 16], [1, 2, 3, 4]], dtype=np.float32)
    masks = folder.read_masks("0", 0, boxes, SIZE, SIZE)
    assert masks is not None
    assert masks[1] is None, "no mask belongs to another box"
    assert masks[0] is not None
    assert masks[0].shape == (SIZE, SIZE)
    assert masks[0][:, 8:].all()
    assert not masks[0][:, :8].any()
    # Both masks are one region now, so neither object is nearer.
    summary = score(run, Silent(), Judging(_rule(run)))
    assert summary.rule == "esplora-r1/1+depth:ramp@1/halves@1"
    assert _right(run)["in_front"] == {False}
    make_depth(run, Ramp(), Silent())
    assert json.loads((folder.path / "depth.json").read_text())["masks"] == "halves@1"
    folder.masks_path("0", 0).write_bytes(b"torn")
    with pytest.raises(UserError, match=r"masks .* cannot be read"):
        folder.read_masks("0", 0, boxes, SIZE, SIZE)


def test_several_models_must_be_told_apart(tmp_path: Path) -> None:
    run = _run(tmp_path / "run")
    make_depth(run, Ramp(), Silent())
    make_depth(run, Ramp("ramp@2"), Silent())
    with pytest.raises(UserError, match=r"several models .* --rule esplora-r1:depth="):
        score(run, Silent(), Judging(_rule(run)))
    folder = run.path / "depth" / "ramp@2"
    chosen = build(R1, run.expected.benchmark, None, {"depth": str(folder)})
    assert score(run, Silent(), Judging(chosen)).rule == "esplora-r1/1+depth:ramp@2"


def test_models_that_fail_leave_the_run_as_it_was(tmp_path: Path) -> None:
    class Blind(Ramp):
        def estimate(self, images: Sequence[Image.Image]) -> list[npt.NDArray[np.float32]]:
            raise UserError("no weights")

    class NoMasks(Halves):
        def masks(
            self, image: Image.Image, boxes: npt.NDArray[np.float32]
        ) -> npt.NDArray[np.bool_]:
            raise UserError("no weights")

    run = _run(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="no weights"):
        make_depth(run, Blind(), Silent())
    with pytest.raises(UserError, match="no weights"):
        make_depth(run, Ramp(), Silent(), NoMasks())
    assert sorted(tmp_path.rglob("*")) == before
    # What 0.1 left after such a failure is not a folder of depth maps.
    left = tmp_path / "depth" / "ramp@1"
    left.mkdir(parents=True)
    (left / "depth.json").write_text('{"signature": "ramp@1"}')
    assert folder_of_run(tmp_path) is None


def test_a_run_without_depth_needs_none(tmp_path: Path) -> None:
    run = open_shapes(tmp_path / "run")
    with pytest.raises(UserError, match=r"no prompt of .* asks for in front of or behind"):
        make_depth(run, Ramp(), Silent())
    rule = _rule(run)
    assert bound(rule, run.path, run.expected.prompts) is rule
    empty = open_shapes(tmp_path / "empty", Layers())
    with pytest.raises(UserError, match="no finished image whose prompt asks for depth"):
        make_depth(empty, Ramp(), Silent())


def test_maps_that_are_no_maps(tmp_path: Path) -> None:
    folder = DepthFolder(tmp_path)
    with pytest.raises(UserError, match="there is no depth map"):
        folder.read("0", 0, 4, 4)
    (tmp_path / "0").mkdir()
    path = folder.map_path("0", 0)
    path.write_bytes(b"no image")
    with pytest.raises(UserError, match="cannot be read"):
        folder.read("0", 0, 4, 4)
    Image.new("RGB", (4, 4)).save(path)
    with pytest.raises(UserError, match="mode RGB: expected 8- or 16-bit grey"):
        folder.read("0", 0, 4, 4)
    Image.new("L", (5, 4)).save(path)
    with pytest.raises(UserError, match="a depth map of 5x4 for an image of 4x4"):
        folder.read("0", 0, 4, 4)
    Image.new("L", (4, 4), 7).save(path)
    assert not folder.read("0", 0, 4, 4).any()
    with pytest.raises(UserError, match="cannot be a folder name"):
        folder.map_path("../0", 0)
