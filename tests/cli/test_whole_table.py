"""A whole table of a paper from one command, with random weights of the real classes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench.stages import dpt_hybrid
from tests.judges.blip_files import save_tiny_blip
from tests.judges.clip_files import save_tiny_clip
from tests.processes import kill_after
from tests.reference_data import t2i_compbench_files
from tests.stages.dpt_files import save_tiny_dpt
from tests.tiny_models import clip_tokenizer, save_tiny_owlvit

from .conftest import Command
from .json_schemas import fits

SETS = ("color", "shape", "texture", "2d", "3d", "numeracy", "non-spatial", "complex")
COLUMNS = ("color", "shape", "texture", "2D", "3D", "numeracy", "non_spatial", "complex_3in1")
RUN = (
    *("run", "--method", "sd", "--bench", "t2i-compbench:all", "--backbone", "lab", "--steps", "2"),
    *("--device", "cpu", "--limit", "2", "--images-per-prompt", "1"),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    folder = tmp_path_factory.mktemp("models")
    return (
        *("--judge", f"blip-vqa:{save_tiny_blip(folder / 'blip')}"),
        *("--judge", f"clip-score:{save_tiny_clip(folder / 'clip')}"),
        *("--detector", f"owlvit:{save_tiny_owlvit(folder / 'owl', clip_tokenizer(32))}"),
        *("--depth", f"dpt-hybrid:{save_tiny_dpt(folder / 'dpt')}"),
    )


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    t2i_compbench_files(monkeypatch)
    monkeypatch.delenv("SPATIALBENCH_T2I_DEPTH", raising=False)
    monkeypatch.setattr(dpt_hybrid, "SIDE", 96)
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPATIALBENCH_OFFLINE", "1")


def content(folder: Path) -> dict[str, bytes]:
    """All files but those that tell of the command and the machine."""
    told = ("manifest.json", "timing.jsonl", ".lock")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in told
    }


def test_without_weights_it_says_what_to_fetch_and_makes_nothing(
    spatialbench: Command, tmp_path: Path
) -> None:
    detectors = ("--detector", "unidet:none.pth", "--detector", "unidet-r50:nothing.pth")
    outcome = spatialbench(*RUN, "--out", "made", *detectors)
    assert (outcome.status, outcome.out) == (2, "")
    for said in (
        "things are missing: (1) ",
        "the weights of blip-vqa are not in the cache",
        "spatialbench fetch clip-score",
        "there is no checkpoint none.pth",
        "there is no checkpoint nothing.pth",
        "Nothing was made or changed.",
    ):
        assert said in outcome.err
    assert outcome.err.count("the weights of blip-vqa are not in the cache") == 1
    assert not (tmp_path / "made").exists()


def test_what_is_of_one_prompt_set_is_refused(spatialbench: Command) -> None:
    for words, said in (
        (("--rule", "2d-official"), "has a rule of its own for every prompt set"),
        (("--threshold", "0.3"), "leave out --rule and --threshold"),
        (("--until", "T2I_2D+-1"), "--until is for one prompt set"),
        (("--bench", "t2i-compbench:2d", "--detector", "a", "--detector", "b"), "give one"),
    ):
        outcome = spatialbench(*RUN, *words)
        assert (outcome.status, said in outcome.err) == (2, True), outcome.err
    outcome = spatialbench("generate", *RUN[1:])
    assert "t2i-compbench:all is a table of several prompt sets" in outcome.err
    assert "color, shape, texture, 2d, 3d, numeracy, non-spatial, complex." in outcome.err


def test_the_plan_adds_the_prompt_sets_up(spatialbench: Command, tmp_path: Path) -> None:
    told = spatialbench(*RUN, "--dry-run", "--format", "json").out
    plan = fits("dry-run-table", json.loads(told))
    assert (plan["table"], plan["prompts"], plan["images"]) == ("t2i-compbench:all", 16, 16)
    assert len(plan["parts"]) == len(SETS)
    assert plan["seconds"] == pytest.approx(sum(p["seconds"] for p in plan["parts"].values()))
    lacking = [need["missing"] for need in plan["needs"] if need["state"] == "missing"]
    assert len(lacking) == len(set(lacking)) > 1
    assert "blip-vqa" in spatialbench(*RUN, "--dry-run").out
    assert not (tmp_path / "runs").exists()


def test_one_row_and_the_same_bytes_after_a_kill(
    spatialbench: Command, tmp_path: Path, models: tuple[str, ...]
) -> None:
    words = (*RUN, *models, "--format", "json")
    # In the third prompt set.
    kill_after(1, "killed/texture/", [*words, "--out", "killed"], tmp_path)
    assert (tmp_path / "killed" / "texture" / "manifest.json").exists()
    assert not (tmp_path / "killed" / "complex").exists()

    whole = spatialbench(*words, "--out", "whole")
    again = spatialbench(*words, "--out", "killed")
    assert (whole.status, again.status) == (0, 0), again.err
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    document = fits("table", json.loads(whole.out))
    assert json.loads(again.out)["rows"][0]["metrics"] == document["rows"][0]["metrics"]

    (row,) = document["rows"]
    assert list(row["metrics"]) == [f"T2I_{name}" for name in COLUMNS]
    assert all(isinstance(value, float) for value in row["metrics"].values())
    assert (row["images"], row["images_expected"]) == (16, 16)
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == sorted(SETS)

    table = spatialbench("leaderboard", "whole", "--bench", "t2i-compbench:all", "--format", "json")
    joined = fits("table", json.loads(table.out))
    assert [one["metrics"] for one in joined["rows"]] == [row["metrics"]]
    assert len(joined["published"]) > 9
    # A run of the table is the one that its prompt set alone would be.
    place = words.index("t2i-compbench:all")
    single = (*words[:place], "t2i-compbench:color", *words[place + 1 : place + 13])
    alone = spatialbench(*single, "--format", "json", "--out", "whole/color")
    assert (alone.status, "generate: 2/2 images, complete" in alone.err) == (0, True), alone.err
    assert json.loads(alone.out)["metrics"]["T2I_color"] == row["metrics"]["T2I_color"]
