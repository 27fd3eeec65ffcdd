"""GenEval 2 from prompts to the table, with a vision-language judge of the real class."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.judges.vlm_files import save_tiny_vlm
from tests.processes import kill_after
from tests.reference_data import reference

from .conftest import Command

LINES = (
    {
        "prompt": "two dogs",
        "atom_count": 3,
        "vqa_list": [
            ["How many dogs are in the image?", "two"],
            ["Are there any dogs in the image?", "Yes"],
        ],
        "skills": ["count", "object"],
    },
    {
        "prompt": "a dog behind a cat",
        "atom_count": 4,
        "vqa_list": [
            ["Are there any dogs in the image?", "Yes"],
            ["Is the dog behind the cat?", "Yes"],
            ["Are there any cats in the image?", "Yes"],
        ],
        "skills": ["object", "position", "object"],
    },
)

RUN = (
    *("run", "--method", "sd", "--backbone", "lab", "--steps", "2", "--device", "cpu"),
    *("--limit", "2", "--out", "made", "--format", "json"),
)
OWN = ("--bench", "geneval2:own.jsonl")


def written(tmp_path: Path) -> None:
    text = "".join(f"{json.dumps(line)}\n" for line in LINES)
    (tmp_path / "own.jsonl").write_text(text)


def test_a_run_is_asked_judged_and_goes_on(spatialbench: Command, tmp_path: Path) -> None:
    written(tmp_path)
    judge = ("--judge", f"vlm:{save_tiny_vlm(tmp_path / 'model')}")
    done = spatialbench(*RUN, *OWN, *judge)
    assert done.status == 0, done.err
    summary = json.loads(done.out)
    assert (summary["rule"], summary["images"]) == ("geneval2-soft-tifa/1", 2)
    assert 0 < summary["metrics"]["SoftTIFA_GM"] <= summary["metrics"]["SoftTIFA_AM"] < 100
    assert summary["metrics"]["verb"] is None
    assert "no question of these prompts has the skill verb" in summary["reasons"]["verb"]
    assert summary["breakdowns"]["atomicity"]["7"]["undefined"] == "no prompt has 7 atoms"
    (journal,) = (tmp_path / "made" / "answers").glob("vlm@*/answers.jsonl")
    whole = journal.read_bytes()
    records = [json.loads(line) for line in whole.splitlines()]
    assert records[0]["questions"][0] == "How many dogs are in the image? -> two"
    # As a kill between two answers leaves it.
    first, second = whole.splitlines(keepends=True)
    journal.write_bytes(first + second[:40])
    (tmp_path / "made" / "summary.json").unlink()
    again = spatialbench(*RUN, *OWN, *judge)
    assert again.status == 0, again.err
    assert journal.read_bytes() == whole
    assert json.loads(again.out)["metrics"] == summary["metrics"]


def test_what_is_missing_is_said_before_the_first_image(
    spatialbench: Command, tmp_path: Path
) -> None:
    written(tmp_path)
    for words, said in (
        ((*RUN, "--bench", "geneval2", "--judge", "pixel-judge"), "spatialbench fetch geneval2"),
        ((*RUN, *OWN, "--judge", "vlm"), "give --judge vlm:FOLDER"),
        ((*RUN, *OWN, "--judge", "pixel-judge"), "pixel-judge@1 answers yes or no, and the rule"),
        ((*RUN, *OWN, "--offline"), "spatialbench fetch qwen3-vl-8b"),
    ):
        outcome = spatialbench(*words)
        assert (outcome.status, said in outcome.err) == (2, True), outcome.err
    assert not (tmp_path / "made").exists()


def test_fetch_prints_the_licence(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPATIALBENCH_OFFLINE", "1")
    outcome = spatialbench("fetch", "geneval2")
    assert outcome.status == 2
    assert "geneval2: the prompts and questions of GenEval 2" in outcome.err
    assert "CC BY-NC 4.0" in outcome.err


def test_the_benchmark_itself_survives_a_kill(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = reference("geneval2", "noncommercial_tests_only", "geneval2_data.jsonl").parent
    monkeypatch.setenv("SPATIALBENCH_GENEVAL2_PROMPTS", str(prompts))
    judge = ("--judge", f"vlm:{save_tiny_vlm(tmp_path / 'model')}", "--batch-size", "1")
    bench = ("--bench", "geneval2", *judge)
    kill_after(1, "/answers/", [*RUN, *bench], tmp_path)
    answers = tmp_path / "made" / "answers"
    assert any(answers.glob("*/answers*.jsonl"))
    done = spatialbench(*RUN, *bench)
    assert done.status == 0, done.err
    shutil.move(tmp_path / "made", tmp_path / "killed")
    once = spatialbench(*RUN, *bench)
    assert json.loads(once.out)["metrics"] == json.loads(done.out)["metrics"]
    for pattern in ("images/*/*.png", "answers/*/answers.jsonl", "scores.parquet"):
        found = sorted((tmp_path / "killed").glob(pattern))
        assert found
        for path in found:
            same = tmp_path / "made" / path.relative_to(tmp_path / "killed")
            assert path.read_bytes() == same.read_bytes()
    assert len(done.out.splitlines()) > 1
    assert json.loads(done.out)["prompts"] == 2
