"""Official result files: written as the scripts write them, read back, and wrong ones refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.benchmarks.t2i_compbench import PLUGIN
from spatialbench.benchmarks.t2i_compbench.official import official_files as write
from spatialbench.benchmarks.t2i_compbench.official import read_official
from spatialbench.benchmarks.t2i_compbench.official_names import parse_sample_name, sample_name
from spatialbench.benchmarks.t2i_compbench.prompts import prompts
from spatialbench.errors import UserError
from spatialbench.plugins import Verdict

pytestmark = pytest.mark.usefixtures("official_files")

SCORES = [0.0, 0.5625, 0.9249999970197678]


def judged() -> list[Any]:
    first, second = prompts("2d")[:2]
    pairs = [(first, 0), (first, 9), (second, 3)]
    return [
        (prompt, index, Verdict(score > 0.5, score, ""))
        for (prompt, index), score in zip(pairs, SCORES, strict=True)
    ]


def test_the_2d_files() -> None:
    files = write("2d", judged())
    folder = "labels/annotation_obj_detection_2d"
    assert json.loads(files[f"{folder}/vqa_result.json"]) == [
        {"question_id": 0, "answer": 0},
        {"question_id": 9, "answer": 0.5625},
        {"question_id": 13, "answer": 0.9249999970197678},
    ]
    # An answer of zero is the whole number.
    assert '"answer": 0}' in files[f"{folder}/vqa_result.json"]
    assert files[f"{folder}/avg_score.txt"] == f"score avg:{sum(SCORES) / 3}"
    assert json.loads(files[f"{folder}/mapping.json"])[1] == {
        "image": "a giraffe next to a lamp_000009.png",
        "question_id": 9,
    }


def test_the_other_averages() -> None:
    three, number = prompts("3d")[0], prompts("numeracy")[0]
    files = write("3d", [(three, 0, Verdict(True, 0.25, ""))])
    assert files["labels/annotation_obj_detection_3d/avg_result.txt"] == "avg score is 0.25"
    files = write("numeracy", [(number, 0, Verdict(True, 0.25, ""))])
    assert files["labels/annotation_num/score.txt"] == "total:0.25 num:1 avg:0.25"


def test_round_trip(tmp_path: Path) -> None:
    for name, text in write("2d", judged()).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    path = tmp_path / "labels" / "annotation_obj_detection_2d" / "vqa_result.json"
    back = read_official(path, "2d")
    assert [(p.id, k, v.score) for p, k, v in back] == [(p.id, k, v.score) for p, k, v in judged()]
    # The mapping beside it says that these are no 3D images.
    with pytest.raises(UserError, match="category, or order of prompts"):
        read_official(path, "3d")


def test_four_images_a_prompt_round_trip(tmp_path: Path) -> None:
    """Line 7, image 3 has the number 31; the names beside it say that it is one of four."""
    prompt = prompts("2d")[7]
    files = write("2d", [(prompt, k, Verdict(True, 0.75, "")) for k in range(4)], 4)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    path = tmp_path / "labels" / "annotation_obj_detection_2d" / "vqa_result.json"
    assert [row["question_id"] for row in json.loads(path.read_text())] == [28, 29, 30, 31]
    for count in (None, 4):
        assert [(p.id, k) for p, k, _ in read_official(path, "2d", count)] == [
            ("2d_7", k) for k in range(4)
        ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"question_id": 3000, "answer": 0.5}]', "ids go from 0 to 2999"),
        ('[{"question_id": -1, "answer": 0.5}]', "ids go from 0 to 2999"),
        ('{"0": 1}', "is not a T2I-CompBench file"),
        ('[{"question_id": 3, "answer": NaN}]', "is not a T2I-CompBench file"),
        ("[", "is not a T2I-CompBench file"),
    ],
)
def test_wrong_files(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "vqa_result.json"
    path.write_text(content)
    with pytest.raises(UserError, match=said):
        read_official(path, "2d")


def test_answers_as_text_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "vqa_result.json"
    path.write_text('[{"question_id": 12, "answer": "0.75"}]')
    ((prompt, index, verdict),) = PLUGIN.official_reader("2d")(path)
    assert (prompt.id, index, verdict.score, verdict.correct) == ("2d_1", 2, 0.75, True)


@given(st.text(alphabet="abc dé'", min_size=1, max_size=20), st.integers(0, 10**7))
def test_sample_names_read_back(text: str, number: int) -> None:
    assert parse_sample_name(sample_name(text, number)) == (text, number)


def test_names_that_the_scorer_would_misread() -> None:
    for text in ("a_b", "a/b"):
        with pytest.raises(UserError, match="cannot be part of an official file name"):
            sample_name(text, 0)
    for name in ("notes.txt", "a dog.png", "a dog_12.png", "a dog_000001.jpg"):
        with pytest.raises(UserError, match="is not a sample"):
            parse_sample_name(name)
