"""T2I-CompBench's non-spatial prompts through the command line: images in, official files out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.t2i_compbench import sources
from tests.judges.clip_files import save_official_clip, save_tiny_clip
from tests.reference_data import t2i_compbench_files
from tests.t2i_whole import Whole, painted

from .conftest import Command

BENCH = "t2i-compbench:non-spatial"


def own_prompts(folder: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt file of other texts, which stands for the pinned one."""
    folder.mkdir()
    content = "".join(f"{text}\r\n" for text in texts).encode()
    (folder / sources.NON_SPATIAL).write_bytes(content)
    monkeypatch.setenv(sources.FOLDER_VARIABLE, str(folder))
    hashes = {**sources._SHA256, sources.NON_SPATIAL: hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(sources, "_SHA256", hashes)


@pytest.fixture
def told(t2i_whole: Whole) -> Any:
    return t2i_whole.json("clip", "expected_small.json")


@pytest.mark.parametrize("kind", ["cosine", "plain", "complex"])
def test_every_official_case_is_scored_as_the_script_did(
    spatialbench: Command,
    t2i_whole: Whole,
    told: Any,
    kind: str,
    clip_tokenizer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kind == "cosine":
        # The empty text is no line of a file; an image with alpha is none that a run holds.
        texts = {t["text"]: place for place, t in enumerate(told["texts"]) if t["text"]}
        pictures = [
            place for place, p in enumerate(told["pictures"]) if p["picture"].get("mode") != "RGBA"
        ]
        images = [[told["pictures"][place]["picture"] for place in pictures]] * len(texts)
        stated = [[told["cosine"][row][column] for row in pictures] for column in texts.values()]
        lines = list(texts)
    else:
        files = sorted(told["folder"], key=lambda one: int(one["name"].rpartition("_")[2][:-4]))
        lines = [one["name"].partition("_")[0] for one in files]
        if kind == "complex":
            lines = [told["complex_texts"][one["name"]] for one in files]
        images = [[one["picture"]] for one in files]
        stated = [[one["answer"]] for one in told[f"folder_{kind}"]["vqa_result"]]
    own_prompts(tmp_path / "dataset", lines, monkeypatch)
    (tmp_path / "samples").mkdir()
    each = len(images[0])
    for line, pictures_of in enumerate(images):
        for index, picture in enumerate(pictures_of):
            name = f"{lines[line]}_{line * each + index:06d}.png"
            painted(picture).save(tmp_path / "samples" / name)
    judge = save_official_clip(tmp_path / "clip", t2i_whole, told, clip_tokenizer)
    done = spatialbench(
        *("import", "samples", "--bench", BENCH, "--layout", "t2i-compbench"),
        *("--images-per-prompt", each, "--name", "theirs", "--out", "theirs"),
    )
    assert done.status == 0, done.err
    asked = spatialbench("detect", "theirs", "--judge", f"clip-score:{judge}", "--device", "cpu")
    assert asked.status == 0, asked.err
    scored = spatialbench("score", "theirs", "--format", "json")
    assert scored.status == 0, scored.err
    flat = [answer for answers in stated for answer in answers]
    summary = json.loads(scored.out)
    assert summary["rule"] == "t2i-non-spatial-official/1"
    assert summary["images"] == len(flat)
    mean = 100 * sum(flat) / len(flat)
    assert summary["metrics"]["T2I_non_spatial"] == pytest.approx(mean, abs=1e-4)
    out = spatialbench("export", "theirs", "--layout", "results", "--out", "out")
    assert out.status == 0, out.err
    answers = json.loads((tmp_path / "out/annotation_clip/vqa_result.json").read_text())
    assert [one["question_id"] for one in answers] == list(range(len(flat)))
    assert [one["answer"] for one in answers] == pytest.approx(flat, abs=1e-6)
    if kind != "cosine":
        said = (tmp_path / "out/annotation_clip/score_avg.txt").read_text()
        average = told[f"folder_{kind}"]["score_avg.txt"]
        assert said.startswith("score avg:")
        assert float(said[10:]) == pytest.approx(float(average[10:]), abs=1e-6)
    # The file of all images comes in again, and the table is the same.
    again = spatialbench(
        *("score", "--bench", BENCH, "--images-per-prompt", each, "--format", "json"),
        *("--detections", "out/annotation_clip/vqa_result.json"),
    )
    assert again.status == 0, again.err
    assert json.loads(again.out)["metrics"] == summary["metrics"]


def test_a_run_makes_compares_and_scores_in_one_command(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    t2i_compbench_files(monkeypatch)
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    run = (
        *("run", "--method", "sd", "--steps", 2, "--bench", BENCH, "--limit", 2),
        *("--images-per-prompt", 2, "--device", "cpu", "--out", "made"),
    )
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    without = spatialbench(*run, "--offline")
    assert without.status == 2
    assert "spatialbench fetch clip-score" in without.err
    assert not (tmp_path / "made").exists()
    other = spatialbench(*run, "--judge", "pixel-judge")
    assert other.status == 2
    assert "judges by similarity, and the judge pixel-judge@1 gives answers" in other.err
    judge = f"clip-score:{save_tiny_clip(tmp_path / 'clip')}"
    done = spatialbench(*run, "--judge", judge, "--format", "json")
    assert done.status == 0, done.err
    summary = json.loads(done.out)
    assert summary["images"] == 4
    assert summary["detector"].startswith("clip-score@")
    (lines,) = (tmp_path / "made/similarities").glob("*/similarities.jsonl")
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    mean = sum(one["similarities"][0] for one in records) / 4
    assert summary["metrics"]["T2I_non_spatial"] == pytest.approx(100 * mean)
    table = spatialbench(*run, "--judge", judge)
    assert "T2I_non_spatial" in table.out
    assert table.err.count("similar") == 0
