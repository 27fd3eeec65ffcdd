"""``score --detections`` for T2I-CompBench and GenEval, against their official scorers."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command

Case = dict[str, Any]


def _cases(name: str) -> list[Case]:
    folder = os.environ.get("SPATIALBENCH_DATA")
    path = Path(folder or "") / "parity" / name
    if not folder or not path.is_file():
        pytest.skip("SPATIALBENCH_DATA is not set: no official cases to compare with")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def t2i_cases() -> list[Case]:
    return _cases("cases_t2i.jsonl.gz")


@pytest.fixture(scope="module")
def geneval_cases() -> list[Case]:
    return [case for case in _cases("cases_geneval.jsonl.gz") if case["variant"] == "default"]


@pytest.fixture
def official_files(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(os.environ.get("SPATIALBENCH_DATA", "")) / "t2i_compbench"
    if not folder.is_dir():
        pytest.skip("SPATIALBENCH_DATA is not set: no official prompt files")
    monkeypatch.setenv("SPATIALBENCH_T2I_COMPBENCH", str(folder))
    return folder


def _verdicts(path: str) -> dict[tuple[str, int], dict[str, Any]]:
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return {(line["prompt_id"], line["index"]): line for line in lines}


def _t2i_record(case: Case) -> dict[str, Any]:
    found = case["detections"]
    return {
        "prompt_id": f"case_{case['case']}",
        "index": 0,
        "width": 479,
        "height": 479,
        "boxes": [one["box"] for one in found],
        "scores": [one["score"] for one in found],
        "labels": [one["label"] for one in found],
        "prompt": case["prompt"],
        "tokens": case["tokens"],
    }


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
    lines = [_t2i_record(case) for case in cases if "error" not in case["official"]]
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
    assert document[key] == pytest.approx(100 * sum(answers.values()) / len(answers), rel=1e-12)
    assert document["images"] == document["images_expected"] == len(answers) > 900


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
        Path("boxes.jsonl").write_text(json.dumps(_t2i_record(case)) + "\n")
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
    assert document["T2I_2D"] == 37.5
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


def _geneval_record(case: Case) -> dict[str, Any]:
    found = [
        (label, box, colour)
        for label, boxes in case["boxes"].items()
        for box, colour in zip(boxes, case["colors"][label], strict=True)
    ]
    return {
        "prompt_id": f"folder_{case['folder']}",
        "index": int(case["image"].removesuffix(".png")),
        "width": 512,
        "height": 512,
        "boxes": [box[:4] for _, box, _ in found],
        "scores": [box[4] for _, box, _ in found],
        "labels": [label for label, _, _ in found],
        "colors": [colour for _, _, colour in found],
        "metadata": case["metadata"],
    }


def _bag(text: str) -> list[list[str]]:
    """Relations stand in any order in an official sentence."""
    return [sorted(sentence.split(" ")) for sentence in text.split("\n")]


def test_geneval_verdicts(spatialbench: Command, geneval_cases: list[Case]) -> None:
    images = [case for case in geneval_cases if "boxes" in case]
    Path("boxes.jsonl").write_text(
        "".join(json.dumps(_geneval_record(case)) + "\n" for case in images)
    )
    outcome = spatialbench(
        *("score", "--bench", "geneval:all", "--detections", "boxes.jsonl"),
        *("--verdicts", "verdicts.jsonl", "--format", "json"),
    )
    verdicts = _verdicts("verdicts.jsonl")
    for case in images:
        record = _geneval_record(case)
        ours = verdicts[record["prompt_id"], record["index"]]
        assert ours["correct"] is case["official"]["correct"]
        if not ours["correct"]:
            assert _bag(ours["reason"]) == _bag(case["official"]["reason"])
    document = json.loads(outcome.out)
    (summary,) = [case["summary_stdout"] for case in geneval_cases if "summary_stdout" in case]
    assert f"Overall score (avg. over tasks): {document['overall'] / 100:.5f}" in summary
    assert f"% correct images: {document['images_correct']:.2f}%" in summary
    for tag, group in document["groups"].items():
        right = round(group[tag] / 100 * group["images"])
        assert f"{tag:<16} = {group[tag]:.2f}% ({right} / {group['images']})" in summary
    assert len(verdicts) == 2000


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
    assert (document["position"], document["prompts_correct"]) == (25.0, 100.0)
    assert (document["images"], document["partial"]) == (400, False)


def test_a_prompt_set_named_twice(spatialbench: Command) -> None:
    outcome = spatialbench("prompts", "--bench", "geneval:all", "--set", "position")
    assert outcome.status == 2
    assert "name two prompt sets" in outcome.err
