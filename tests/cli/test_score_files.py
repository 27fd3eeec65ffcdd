"""``score --detections``: official results and our own JSON Lines, against the official scorer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reference_data import official_cases

from .conftest import Command

SCORE = ("score", "--bench", "visor", "--format", "json", "--detections")
EVERY = 40
"""The metric functions see all 2,000 cases in tests/visor; the file path sees every 40th."""


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    return official_cases("visor", EVERY)


def _agrees(document: dict[str, Any], official: dict[str, Any]) -> None:
    if "error" in official:
        assert document["metrics"]["VISOR_cond"] is None
        return
    oa_a, oa_b, oa = official["objacc_A_B_both"]
    assert document["metrics"]["VISOR_cond"] == official["visor_cond"]
    for n, value in enumerate(official["visor_n"], 1):
        key = f"VISOR_{n}"
        # Where no prompt has n images the official script prints a 0.
        undefined = f"needs {n} images per prompt" in document["reasons"].get(key, "")
        assert document["metrics"][key] == (None if undefined else value)
        assert value == 0 or not undefined
    assert [
        document["metrics"]["OA_A"],
        document["metrics"]["OA_B"],
        document["metrics"]["OA"],
    ] == [oa_a, oa_b, oa]
    assert document["metrics"]["VISOR_uncond"] == 0.01 * (official["visor_cond"] * oa)


def _jsonl(case: dict[str, Any]) -> str:
    texts = {prompt["unique_id"]: prompt for prompt in case["prompts"]}
    lines = []
    for image in case["images"]:
        if "detections" not in image:
            continue
        prompt_id, index = image["id"].split("_")
        prompt = texts[int(prompt_id)]
        labels = (prompt["obj1"], prompt["obj2"] or "")
        record = {
            "prompt_id": prompt_id,
            "index": int(index),
            "width": image["size"][0],
            "height": image["size"][1],
            "boxes": [found["box"] for found in image["detections"]],
            "scores": [found["score"] for found in image["detections"]],
            "labels": [labels[found["label"]] for found in image["detections"]],
        }
        lines.append(json.dumps(record) + "\n")
    return "".join(lines)


def test_official_results_files(
    spatialbench: Command, cases: list[dict[str, Any]], tmp_path: Path
) -> None:
    compared = 0
    for case in cases:
        records = {i["id"]: i.get("record") or i["official_record"] for i in case["images"]}
        path = tmp_path / f"results_{case['case']}.json"
        path.write_text(json.dumps(records, indent=case["case"] % 3 or None))
        outcome = spatialbench(*SCORE, path)
        if not records:
            assert outcome.status == 2
            assert "no image to score" in outcome.err
            continue
        _agrees(json.loads(outcome.out), case["official"]["visor_py"])
        compared += 1
    assert compared > 40


def test_our_detections(spatialbench: Command, cases: list[dict[str, Any]], tmp_path: Path) -> None:
    compared = 0
    for case in cases:
        lines = _jsonl(case)
        if case["kind"] != "detections" or not lines:
            continue
        # The suffix must not matter: what is inside decides.
        path = tmp_path / f"boxes_{case['case']}.{'jsonl' if case['case'] % 80 else 'json'}"
        path.write_text(lines)
        document = json.loads(spatialbench(*SCORE, path).out)
        _agrees(document, case["official"]["visor_py"])
        assert document["images"] == len(lines.splitlines())
        compared += 1
    assert compared > 30


RECORD = {
    "prompt_id": "0",
    "index": 0,
    "width": 64,
    "height": 64,
    "boxes": [[0, 0, 10, 10], [20, 0, 30, 10]],
    "scores": [0.9, 0.8],
    "labels": ["red square", "green square"],
}
SQUARES = ("score", "--bench", "squares", "--format", "json", "--detections", "boxes.jsonl")


def _write(*records: dict[str, Any] | str) -> None:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in records]
    Path("boxes.jsonl").write_text("\n".join(lines) + "\n")


def test_verdicts_of_a_file(spatialbench: Command) -> None:
    _write(RECORD, {**RECORD, "prompt_id": "1"}, {**RECORD, "prompt_id": "1", "index": 1})
    document = json.loads(spatialbench(*SQUARES, "--verdicts", "out.jsonl").out)
    assert (document["images"], document["images_expected"], document["partial"]) == (3, 4, True)
    verdicts = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    found = {(v["prompt_id"], v["index"]): (v["correct"], v["score"]) for v in verdicts}
    # Prompt 0 asks for red left of green, prompt 1 for red right of green.
    assert found == {("0", 0): (True, 1.0), ("1", 0): (False, 0.0), ("1", 1): (False, 0.0)}


def test_a_named_subset_expects_all_its_prompts(spatialbench: Command) -> None:
    _write(RECORD)
    arguments = list(SQUARES)
    arguments[2] = "squares:sideways"
    document = json.loads(spatialbench(*arguments).out)
    assert (document["prompts_expected"], document["partial"]) == (24, True)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((RECORD, '{"prompt_id": "0", "ind'), "line 2, is not a detections record"),
        ((RECORD, RECORD), "appears twice"),
        (({**RECORD, "prompt_id": "999"},), "'999', which squares does not have"),
        (({**RECORD, "prompt_id": 0},), "prompt_id must be text"),
        (({**RECORD, "scores": [0.9]},), "must be equally long"),
        (({**RECORD, "scores": [0.9, float("nan")]},), "NaN or infinite"),
        (("",), "no image to score"),
    ],
)
def test_damaged_files(spatialbench: Command, lines: tuple[Any, ...], said: str) -> None:
    _write(*lines)
    outcome = spatialbench(*SQUARES)
    assert (outcome.status, outcome.out) == (2, "")
    assert said in outcome.err


def test_what_is_judged_already_takes_no_other_threshold(spatialbench: Command) -> None:
    record = {"classes": ["person", "bicycle"], "sra": 1}
    Path("results.json").write_text(json.dumps({"0_0": record}))
    assert json.loads(spatialbench(*SCORE, "results.json").out)["metrics"]["VISOR_cond"] == 100
    outcome = spatialbench(*SCORE, "results.json", "--threshold", "0.5")
    assert outcome.status == 2
    assert "leave out --rule and --threshold" in outcome.err


def test_a_benchmark_without_official_files_says_what_it_reads(spatialbench: Command) -> None:
    Path("results.json").write_text('{"0_0": {}}')
    outcome = spatialbench("score", "--bench", "squares", "--detections", "results.json")
    assert outcome.status == 2
    assert "expected one object per line with prompt_id" in outcome.err
