"""Evaluating from Python gives what the command line gives; own functions and pipelines too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

import spatialbench
from spatialbench import ImageRequest, Method, NoImage, UserError, evaluate, load_run
from spatialbench.cli import main
from spatialbench.lab import BACKBONE
from spatialbench.methods.own_function import FunctionFailed

COLOURS = {"red": (220, 30, 30), "blue": (30, 60, 220), "green": (30, 160, 60)}


def draw(prompt: str, seed: int) -> Image.Image:
    """Nothing but a red square: found by nobody who looks for two."""
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).rectangle((8, 8, 20, 20), fill=COLOURS["red"])
    return image


def squares(what: Any, **options: Any) -> spatialbench.Run:
    return evaluate(what, "squares", progress=False, device="cpu", **{"limit": 3, **options})


def images_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png")}


def test_a_method_by_name_is_the_run_of_the_command_line(tmp_path: Path) -> None:
    ours = squares("painter", parameters={"skill": 0.5}, out=tmp_path / "ours")
    options = ["--method", "painter", "--bench", "squares", "--limit", "3", "--set", "skill=0.5"]
    assert main(["run", *options, "--out", str(tmp_path / "typed"), "--device", "cpu"]) == 0
    typed = load_run(tmp_path / "typed")
    assert images_of(ours.path) == images_of(typed.path)
    assert ours.signature == typed.signature
    assert ours.summary == typed.summary
    assert json.loads(ours.table("json")) == json.loads((typed.path / "summary.json").read_text())


def test_numbers_verdicts_and_images_of_a_run() -> None:
    run = squares("painter", parameters={"skill": 0.5}, limit=8)
    frame = run.frame()
    assert len(frame) == 16 == len(run.images())
    assert list(frame)[:7] == [
        *("prompt_id", "prompt", "index", "task", "correct", "score", "reason"),
    ]
    accuracy = run.metrics["RIGHT"]
    assert accuracy.value == pytest.approx(100 * frame["correct"].mean())
    assert accuracy.interval is not None
    low, high = accuracy.interval
    assert low <= accuracy.value <= high
    by_task = frame.groupby("task")["correct"].mean()
    assert {t: m["RIGHT"].value for t, m in run.tasks.items()} == pytest.approx(
        (100 * by_task).to_dict()
    )
    texts = {prompt.id: prompt.text for prompt in run.benchmark.prompts("all")}
    assert list(frame["prompt_id"].map(texts)) == list(frame["prompt"])
    assert all(path.is_file() for path in run.images().values())


def test_the_same_call_again_continues_and_then_only_reads() -> None:
    seen: list[str] = []

    def counted(prompt: str, seed: int) -> Image.Image:
        seen.append(prompt)
        return draw(prompt, seed)

    first = squares(counted, name="mine", limit=2)
    assert len(seen) == 4
    second = squares(counted, name="mine", limit=3)
    assert len(seen) == 6
    assert second.path == first.path
    squares(counted, name="mine", limit=3)
    assert len(seen) == 6


def test_each_image_has_the_seed_of_the_protocol() -> None:
    seen: list[tuple[str, int]] = []

    def noted(prompt: str, seed: int) -> Image.Image:
        seen.append((prompt, seed))
        return draw(prompt, seed)

    run = squares(noted, name="mine")
    assert seen == [
        (run.stored.expected.by_id[prompt].text, 7 + index) for prompt, index in run.images()
    ]


def test_a_function_is_unpinned_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    run = squares(draw, name="mine")
    identity = run.stored.generator
    assert identity["method"] == "mine"
    assert identity["function"] == "draw"
    assert len(identity["source"]) == 16
    assert "marks=unpinned" in run.signature
    assert main(["leaderboard", str(run.path)]) == 0
    printed = capsys.readouterr().out
    assert "[u]" in printed
    assert run.table().startswith("squares: mine [u] on none")
    assert "[u] a function of its user's" in run.table()
    assert "whose weights and code nobody has pinned" in printed


def test_a_function_may_have_no_image_and_is_asked_once() -> None:
    asked: list[str] = []

    def choosy(prompt: str, seed: int) -> Image.Image | NoImage:
        asked.append(prompt)
        return NoImage("not this one") if len(asked) == 1 else draw(prompt, seed)

    run = squares(choosy, name="choosy")
    count = len(asked)
    assert run.summary.partial
    assert run.status().given_up[0].endswith(": not this one")
    assert (len(run.images()), run.status().refused) == (count - 1, 1)
    squares(choosy, name="choosy")
    assert len(asked) == count
    assert not squares(choosy, name="choosy", retry_refused=True).summary.partial
    assert len(asked) == count + 1


def test_a_second_function_under_one_name_is_refused(tmp_path: Path) -> None:
    def other(prompt: str, seed: int) -> Image.Image:
        return draw(prompt, seed)

    squares(draw, name="mine")
    with pytest.raises(UserError, match=r"images of another function called 'mine' \(draw"):
        squares(other, name="mine")
    squares(other, name="another")
    squares(draw, name="mine", out=tmp_path / "there")
    with pytest.raises(UserError, match=r"differs in generator\.function"):
        squares(other, name="mine", out=tmp_path / "there")


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "returned a NoneType: expected a PIL image"),
        (Image.new("RGBA", (8, 8)), 'mode RGBA: expected RGB, as image.convert("RGB")'),
        (Image.new("RGB", (8, 9)), "of height 9, and 8 was asked for"),
    ],
)
def test_what_is_no_image_is_named_with_its_prompt(result: Any, said: str) -> None:
    with pytest.raises(UserError, match=r"mine, prompt [0-9]+, image 0: the function") as caught:
        squares(lambda prompt, seed: result, name="mine", height=8)
    assert said in str(caught.value)


def test_a_function_that_raises_is_named_with_its_prompt() -> None:
    def broken(prompt: str, seed: int) -> Image.Image:
        raise ZeroDivisionError("no such thing")

    with pytest.raises(FunctionFailed, match=r"mine, prompt [0-9]+, image 0: ZeroDivisionError"):
        squares(broken, name="mine")


class Own(Method):
    """A method without a plug-in."""

    def identity(self) -> dict[str, Any]:
        return {"method": "own", "version": 1, "width": 64, "height": 64}

    def load(self) -> None: ...

    def generate(self, requests: Any) -> list[Image.Image]:
        return [draw(request.prompt.text, request.seed) for request in requests]


class Callable:
    """A function with a state."""

    def __call__(self, prompt: str, seed: int) -> Image.Image:
        return draw(prompt, seed)


def test_methods_classes_and_callable_objects() -> None:
    function = images_of(squares(draw, name="mine").path)
    for what, name in ((Own(), None), (Own, None), (Callable(), "object"), (Callable, "class")):
        assert images_of(squares(what, name=name).path) == function
    assert ImageRequest is spatialbench.plugins.ImageRequest


@pytest.mark.parametrize(
    ("what", "options", "said"),
    [
        (draw, {}, "say what it is called in tables, by name="),
        (draw, {"name": "mine", "steps": 5}, "steps: a function has its own"),
        (Own(), {"parameters": {"a": 1}}, "parameters: a configured method has its settings"),
        (Own(), {"name": " "}, "--name gives no text"),
        ("painter", {"name": "a\nb"}, "characters that are not shown"),
        ("pianter", {}, "did you mean painter"),
        (7, {}, "a int cannot be evaluated"),
        (draw, {"name": "mine", "executor": "slurm"}, "unknown executor 'slurm'"),
        (draw, {"name": "mine", "detector": "color-blobs"}, "did you mean colour-blobs"),
        (draw, {"name": "mine", "threshold": 7}, "is not a detection score"),
    ],
)
def test_bad_input_is_told_before_anything_is_made(
    empty_folder: Path, what: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as caught:
        squares(what, **options)
    assert said in str(caught.value)
    assert list(empty_folder.iterdir()) == []


def test_a_pipeline_object_draws_what_sd_draws_of_its_folder(lab_pipe: Any) -> None:
    lab_pipe.unet.train()
    before, config = lab_pipe.scheduler, dict(lab_pipe.scheduler.config)
    steps = lab_pipe.scheduler.num_inference_steps
    options: dict[str, Any] = {"limit": 1, "steps": 3, "progress": False, "device": "cpu"}
    ours = evaluate(lab_pipe, "visor", name="mine", **options)
    sd = evaluate("sd", "visor", backbone=str(BACKBONE), **options)
    assert images_of(ours.path) == images_of(sd.path)
    assert lab_pipe.unet.training
    assert not lab_pipe.vae.training
    assert lab_pipe.scheduler is before
    assert dict(lab_pipe.scheduler.config) == config
    assert lab_pipe.scheduler.num_inference_steps == steps
    assert ours.summary.is_lab
    assert ours.summary.method == "mine"
