"""``score --detections`` for T2I-CompBench and GenEval, against their official scorers."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.official_records import Case, geneval_record, t2i_record
from tests.reference_data import official_cases, t2i_compbench_files

from .conftest import Command


@pytest.fixture(scope="module")
def t2i_cases() -> list[Case]:
    return official_cases("t2i")


@pytest.fixture(scope="module")
def geneval_cases() -> list[Case]:
    return official_cases("geneval")


@pytest.fixture
def official_files(monkeypatch: pytest.MonkeyPatch) -> Path:
    return t2i_compbench_files(monkeypatch)


def _verdicts(path: str) -> dict[tuple[str, int], dict[str, Any]]:
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return {(line["prompt_id"], line["index"]): line for line in lines}


@pytest.mark.usefixtures("official_files")
@pytest.mark.parametrize(
    ("kind", "key"), [("2d", "T2I_2D"), ("complex", "T2I_complex"), ("numeracy", "T2I_numeracy")]
)
def test_t2i_answers(spatialbench: Command, t2i_cases: list[Case], kind: str, key: str) -> None:
    cases = [case for case in t2i_cases if case["kind"] == kind]
    answers = {
        f"case_{case['case']}": case["official"]["answer"]
        for case in cases
        if "error" not in case["official"]
    }
    lines = [t2i_record(case) for case in cases if "error" not in case["official"]]
    Path("boxes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    outcome = spatialbench(
        *("score", "--bench", f"t2i-compbench:{kind}", "--detections", "boxes.jsonl"),
        *("--verdicts", "verdicts.jsonl", "--format", "json"),
    )
    document = json.loads(outcome.out)
    ours = {
        prompt_id: line["score"] for (prompt_id, _), line in _verdicts("verdicts.jsonl").items()
    }
    assert ours == answers
    assert document["metrics"][key] == pytest.approx(
        100 * sum(answers.values()) / len(answers), rel=1e-12
    )
    assert document["images"] == document["images_expected"] == len(answers) > 900


@pytest.mark.usefixtures("official_files")
def test_t2i_answers_3d(
    spatialbench: Command, t2i_cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cases whose boxes lie inside their map, which is put into a corner of a whole frame."""
    Path("depth").mkdir()
    monkeypatch.setenv("SPATIALBENCH_T2I_DEPTH", "depth")
    chosen: dict[str, Case] = {}
    for case in t2i_cases:
        if case["kind"] != "3d" or "error" in case["official"] or len(chosen) == 200:
            continue
        side = min(case["depth"]["w"], case["depth"]["h"])
        corners = [corner for found in case["detections"] for corner in found["box"]]
        if all(0 <= corner <= side for corner in corners):
            chosen[f"case_{case['case']}"] = case
    lines = []
    for name, case in chosen.items():
        Image.fromarray(_depth_map(case["depth"])).save(f"depth/{name}.png")
        lines.append(json.dumps(t2i_record(case) | {"depth": f"{name}.png"}) + "\n")
    Path("boxes.jsonl").write_text("".join(lines))
    outcome = spatialbench(
        *("score", "--bench", "t2i-compbench:3d", "--detections", "boxes.jsonl"),
        *("--verdicts", "verdicts.jsonl", "--format", "json"),
    )
    document = json.loads(outcome.out)
    assert (document["rule"], document["images"]) == ("t2i-3d-official/1", 200)
    for (prompt_id, _), ours in _verdicts("verdicts.jsonl").items():
        case = chosen[prompt_id]
        if ours["score"] != case["official"]["answer"]:
            # Only where two means are equal but for the order of summation.
            depth = _depth_map(case["depth"]) / 255
            means = sorted(_mean(depth, found["box"]) for found in case["detections"])
            assert min(after - before for before, after in pairwise(means)) < 1e-5


def _depth_map(depth: dict[str, int]) -> npt.NDArray[np.uint8]:
    whole = np.zeros((479, 479), np.uint8)
    rows, columns = np.mgrid[: depth["h"], : depth["w"]]
    values = (depth["a"] * rows + depth["b"] * columns + depth["k"]) % 256
    whole[: depth["h"], : depth["w"]] = values
    return whole


def _mean(depth: npt.NDArray[np.float64], box: list[float]) -> float:
    x0, y0, x1, y1 = map(int, box)
    return float(depth[x0:x1, y0:y1].mean()) if x1 > x0 and y1 > y0 else 0.0


@pytest.mark.usefixtures("official_files")
def test_t2i_errors_of_the_official_scorer(spatialbench: Command, t2i_cases: list[Case]) -> None:
    """One of each kind and error: no score where the script has none."""
    seen = set()
    for case in t2i_cases:
        error = case["official"].get("error")
        if case["kind"] not in ("2d", "complex", "numeracy") or not error:
            continue
        if (case["kind"], error) in seen:
            continue
        seen.add((case["kind"], error))
        Path("boxes.jsonl").write_text(json.dumps(t2i_record(case)) + "\n")
        bench = f"t2i-compbench:{case['kind']}"
        outcome = spatialbench("score", "--bench", bench, "--detections", "boxes.jsonl")
        assert (outcome.status, outcome.out) == (2, "")
        assert error in outcome.err
    assert len(seen) == 6


@pytest.mark.usefixtures("official_files")
def test_t2i_official_results(spatialbench: Command) -> None:
    results = [{"question_id": n, "answer": n % 4 / 4} for n in range(3000)]
    Path("vqa_result.json").write_text(json.dumps(results))
    score = ("score", "--bench", "t2i-compbench:2d", "--format", "json")
    document = json.loads(spatialbench(*score, "--detections", "vqa_result.json").out)
    assert document["metrics"]["T2I_2D"] == 37.5
    assert (document["images"], document["partial"]) == (3000, False)
    assert len(document["groups"]) == 7
    assert "66.67" in document["notes"][0]
    table = spatialbench(*score[:3], "--detections", "vqa_result.json").out
    assert document["notes"][0] in table
    assert "T2I_3D" not in table


def test_t2i_prompts_that_are_not_there(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SPATIALBENCH_T2I_COMPBENCH", raising=False)
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    outcome = spatialbench("run", "--method", "sd", "--bench", "t2i-compbench", "--limit", 10)
    assert (outcome.status, outcome.out) == (2, "")
    assert "spatialbench fetch t2i-compbench" in outcome.err


def _bag(text: str) -> list[list[str]]:
    """Relations stand in any order in an official sentence."""
    return [sorted(sentence.split(" ")) for sentence in text.split("\n")]


@pytest.mark.parametrize(
    ("variant", "options", "rule"),
    [
        ("default", (), "geneval-official/1"),
        ("nms05", ("--rule", "official:max_overlap=0.5"), "geneval-official/1+max_overlap:0.5"),
        (
            "pos02",
            ("--rule", "official:position_threshold=0.2"),
            "geneval-official/1+position_threshold:0.2",
        ),
        (
            "max3",
            ("--rule", "official:max_objects=3", "--threshold", "0.5"),
            "geneval-official/1+max_objects:3",
        ),
    ],
)
def test_geneval_verdicts(
    spatialbench: Command,
    geneval_cases: list[Case],
    variant: str,
    options: tuple[str, ...],
    rule: str,
) -> None:
    cases = [case for case in geneval_cases if case["variant"] == variant]
    images = [case for case in cases if "boxes" in case]
    Path("boxes.jsonl").write_text(
        "".join(json.dumps(geneval_record(case)) + "\n" for case in images)
    )
    outcome = spatialbench(
        *("score", "--bench", "geneval:all", "--detections", "boxes.jsonl"),
        *("--verdicts", "verdicts.jsonl", "--format", "json"),
        *options,
    )
    verdicts = _verdicts("verdicts.jsonl")
    for case in images:
        record = geneval_record(case)
        ours = verdicts[record["prompt_id"], record["index"]]
        assert ours["correct"] is case["official"]["correct"]
        if not ours["correct"]:
            assert _bag(ours["reason"]) == _bag(case["official"]["reason"])
    document = json.loads(outcome.out)
    (summary,) = [case["summary_stdout"] for case in cases if "summary_stdout" in case]
    assert f"Overall score (avg. over tasks): {document['metrics']['overall'] / 100:.5f}" in summary
    assert f"% correct images: {document['metrics']['images_correct']:.2f}%" in summary
    for tag, group in document["groups"].items():
        right = round(group["metrics"][tag] / 100 * group["images"])
        assert f"{tag:<16} = {group['metrics'][tag]:.2f}% ({right} / {group['images']})" in summary
    assert len(verdicts) == len(images) >= 500
    assert document["rule"] == rule
    assert f" rule:{rule} " in document["signature"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("official:max_objects=2.5", "a whole number from 1 to 1000"),
        ("official:max_overlap=high", "a number from 0 to 1"),
        ("official:overlap=0.5", "did you mean max_overlap"),
        ("unofficial:max_overlap=0.5", "did you mean official"),
    ],
)
def test_geneval_options_that_are_none(spatialbench: Command, rule: str, said: str) -> None:
    Path("boxes.jsonl").write_text("{}")
    outcome = spatialbench(
        *("score", "--bench", "geneval", "--detections", "boxes.jsonl", "--rule", rule)
    )
    assert outcome.status == 2
    assert said in outcome.err


def test_geneval_official_results(spatialbench: Command) -> None:
    lines = spatialbench("prompts", "--bench", "geneval", "--format", "official").out
    outcome = spatialbench("prompts", "--bench", "geneval:position", "--format", "official")
    assert outcome.out == lines
    results = [
        {
            "filename": f"{353 + n:05d}/samples/{k:05d}.png",
            "tag": "position",
            "prompt": json.loads(line)["prompt"],
            "correct": k == 0,
            "reason": "" if k == 0 else "expected dog>=1, found 0",
            "metadata": line,
            "details": "{}",
        }
        for n, line in enumerate(lines.splitlines())
        for k in range(4)
    ]
    path = Path("results.jsonl")
    path.write_text("".join(json.dumps(result) + "\n" for result in results))
    score = ("score", "--bench", "geneval", "--detections", path)
    document = json.loads(spatialbench(*score, "--format", "json").out)
    assert (document["metrics"]["position"], document["metrics"]["prompts_correct"]) == (
        25.0,
        100.0,
    )
    assert (document["images"], document["partial"]) == (400, False)


def test_a_prompt_set_named_twice(spatialbench: Command) -> None:
    outcome = spatialbench("prompts", "--bench", "geneval:all", "--set", "position")
    assert outcome.status == 2
    assert "name two prompt sets" in outcome.err
