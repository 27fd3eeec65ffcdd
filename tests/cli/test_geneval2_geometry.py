"""GenEval 2's positions by boxes and depth, through the commands that its docs name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.geneval2.test_geometry import line
from tests.geneval2.test_prompts import content

from .conftest import Command

PLUG_INS = '''
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.plugins import Detector


def paint(prompt, seed):
    return Image.effect_noise((64, 64), 50).convert("RGB")


class Rows(Detector):
    """What is asked for first stands left, the next to the right of it."""

    def identity(self):
        return {"detector": "rows"}

    def signature(self):
        return "rows@1"

    def load(self):
        pass

    def detect(self, images, labels):
        found = []
        for image, names in zip(images, labels):
            boxes = [[20 * place, 0, 20 * place + 16, 16] for place in range(len(names))]
            found.append(Detections.build(boxes, [0.4] * len(names), names, *image.size))
        return found
'''

RUN = ("--method", "things.py:paint", "--name", "paint", "--bench", "geneval2:own.jsonl")


@pytest.fixture(autouse=True)
def _things(tmp_path: Path) -> None:
    (tmp_path / "things.py").write_text(PLUG_INS)
    lines = [
        line((1, "cat"), (1, "dog"), relations=("to the left of",)),
        line((1, "cat"), (1, "dog"), relations=("in front of",)),
        line((2, "cow"), (1, "dog"), relations=("under",)),
    ]
    (tmp_path / "own.jsonl").write_bytes(content(*lines))


def test_from_images_to_the_marked_table(spatialbench: Command, tmp_path: Path) -> None:
    geometry = ("--rule", "geneval2-geometry", "--detector", "things.py:Rows")
    refused = spatialbench("run", *RUN, *geometry)
    assert refused.status == 2
    assert "needs a depth map of each image whose prompt asks for in front of" in refused.err
    assert not (tmp_path / "runs").exists()
    made = spatialbench("generate", *RUN)
    run = Path(made.out.strip())
    assert spatialbench("detect", run, "--detector", "things.py:Rows").status == 0
    (boxes,) = run.rglob("detections.jsonl")
    rows = [json.loads(one) for one in boxes.read_text().splitlines()]
    assert {row["prompt_id"]: row["labels"] for row in rows} == {
        "0": ["cat", "dog"], "1": ["cat", "dog"], "2": ["cow", "dog"]
    }  # fmt: skip
    # Nearer to the left: the cat is in front of the dog.
    maps = tmp_path / "maps" / "1"
    maps.mkdir(parents=True)
    ramp = np.tile(np.arange(255, 255 - 64, -1, dtype=np.uint8), (64, 1))
    Image.fromarray(ramp).save(maps / "0.png")
    table = spatialbench("score", run, "--rule", f"geneval2-geometry:depth={maps.parent}")
    assert table.status == 0, table.err
    assert "[o]" in table.out
    assert "geneval2-geometry/1+depth:maps" in table.out
    found = json.loads((run / "summary.json").read_text())["metrics"]
    assert (found["left_of"], found["in_front_of"], found["under"]) == (100, 100, 0)
    assert found["positions_held"] == pytest.approx(200 / 3)
    board = spatialbench("leaderboard", run)
    assert "[o]" in board.out
    assert json.loads(spatialbench("leaderboard", run, "--format", "json").out)["rows"][0][
        "marks"
    ] == ["unpinned", "own-rule"]


def test_prompts_without_depth_need_one_command(spatialbench: Command) -> None:
    words = ("--only", "0,2", "--rule", "geneval2-geometry:overlap=1")
    table = spatialbench("run", *RUN, *words, "--detector", "things.py:Rows", "--format", "json")
    assert table.status == 0, table.err
    told = json.loads(table.out)
    assert told["rule"] == "geneval2-geometry/1+overlap:1"
    assert (told["metrics"]["positions_held"], told["metrics"]["OA"]) == (50, 100)
