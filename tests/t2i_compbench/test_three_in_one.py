"""Three lists into one, as the official script joins them: by functions and by ``score``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.t2i_compbench.three_in_one import (
    Branch,
    branch_of,
    prompt_key,
    prompt_lines,
    three_in_one,
)
from spatialbench.benchmarks.t2i_compbench.three_in_one_files import PARTS
from spatialbench.cli import main
from spatialbench.errors import UserError
from tests.t2i_whole import Whole

Case = dict[str, Any]
FILES = {
    "all_txt": "complex_val.txt",
    "spatial_txt": "complex_val_spatial.txt",
    "action_txt": "complex_val_action.txt",
}


def cases(whole: Whole) -> list[Case]:
    lines = whole.file("three_in_one", "cases.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def numbers(answers: list[list[Any]]) -> list[float]:
    return [float(answer) for _, answer in answers]


def joined(case: Case) -> list[float]:
    keys = [frozenset(map(prompt_key, prompt_lines(case[name]))) for name in list(FILES)[1:]]
    branches = [branch_of(text, *keys) for text in prompt_lines(case["all_txt"])]
    return three_in_one(*(numbers(case[name]) for name in PARTS), branches)


def written(case: Case, folder: Path) -> Path:
    """The folder that the official scripts leave, with the prompt files beside."""
    for name, where in PARTS.items():
        (folder / where).mkdir(parents=True)
        answers = [{"question_id": number, "answer": answer} for number, answer in case[name]]
        (folder / where / "vqa_result.json").write_text(json.dumps(answers))
    for name, file in FILES.items():
        (folder / file).write_bytes(case[name].encode())
    return folder


def test_every_official_case(t2i_whole: Whole) -> None:
    seen = 0
    for case in cases(t2i_whole):
        official = case["official"]
        if "error" in official:
            with pytest.raises(ValueError, match="broadcast"):
                joined(case)
            continue
        answers = joined(case)
        assert answers == [one["answer"] for one in official["vqa_result"]], case["case"]
        assert f"score avg:{sum(answers) / len(answers)}" == official["vqa_score.txt"]
        seen += 1
    assert seen > 0


@pytest.mark.usefixtures("official_files")
def test_every_official_case_through_score(
    t2i_whole: Whole, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for case in cases(t2i_whole):
        folder = written(case, tmp_path / f"case{case['case']}")
        words = ["score", "--bench", "t2i-compbench:complex", "--detections", str(folder)]
        verdicts = tmp_path / "verdicts.jsonl"
        capsys.readouterr()
        status = main([*words, "--format", "json", "--verdicts", str(verdicts)])
        out, err = capsys.readouterr()
        if "error" in case["official"]:
            assert (status, "stops at" in err) == (2, True), err
            continue
        assert status == 0, err
        official = [one["answer"] for one in case["official"]["vqa_result"]]
        found = [json.loads(line) for line in verdicts.read_text().splitlines()]
        place = {
            (f"line_{line}", index): official[10 * (line - 1) + index]
            for line in range(1, len(official) // 10 + 1)
            for index in range(10)
        }
        assert {(one["prompt_id"], one["index"]): one["score"] for one in found} == place
        summary = json.loads(out)
        assert summary["rule"] == "t2i-complex-official/1"
        assert summary["metrics"]["T2I_complex_3in1"] == pytest.approx(
            100 * sum(official) / len(official), rel=1e-12
        )


def test_which_lists_count() -> None:
    """By hand: half of two, a third of three, the text before the first full stop alone."""
    spatial, action = {prompt_key("A cat. Black.")}, {"a cat", "a dog runs"}
    branches = [branch_of(text, spatial, action) for text in ("a CAT. White", "A dog runs", "x")]
    assert branches == [Branch.SPATIAL, Branch.ACTION, Branch.ALL]
    assert three_in_one([0.5, 0.5, 0.3], [1.0, 9, 0.3], [9, 0.25, 0.9], branches, 1) == [
        *(0.75, 0.375),
        (0.3 + 0.3 + 0.9) / 3,
    ]
    # What is missing from a list matters only where it counts.
    assert three_in_one([0.5, 0.5], [1.0], [9, 0.25], branches[:2], 1) == [0.75, 0.375]
    # One answer alone is repeated by numpy, and so by the script.
    assert three_in_one([0.5] * 3, [1.0], [], [Branch.SPATIAL], 3) == [0.75] * 3
    with pytest.raises(ValueError, match="broadcast"):
        three_in_one([0.5] * 3, [1.0] * 2, [], [Branch.SPATIAL], 3)


def test_a_folder_that_lacks_a_list(tmp_path: Path) -> None:
    from spatialbench.benchmarks.t2i_compbench.three_in_one_files import read_parts

    with pytest.raises(UserError, match="annotation_blip"):
        read_parts(tmp_path)
