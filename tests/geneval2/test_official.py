"""The official score file in and out, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench.benchmarks.geneval2.official import official_file, read_official
from spatialbench.benchmarks.geneval2.prompts import questions_of, read_prompts
from spatialbench.errors import UserError
from spatialbench.plugins import Evidence
from tests.geneval2.test_prompts import LINE, content

PROMPTS = read_prompts(content(LINE, LINE | {"prompt": "a boat"}), "it")
SCORES = [[0.5, 1.0000001, 1e-12], [0.0, 0.25, 1.0]]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    seen = [
        Evidence(prompt, answers=dict(zip(questions_of(prompt), answers, strict=True)))
        for prompt, answers in zip(PROMPTS, SCORES, strict=True)
    ]
    # Whatever the order of the images, the file has that of the prompts.
    written = official_file([(one.prompt, 0, one) for one in reversed(seen)], PROMPTS)
    assert json.loads(written) == SCORES
    (tmp_path / "it.json").write_bytes(written)
    judged = read_official(tmp_path / "it.json", PROMPTS, 0.5)
    assert [(prompt.id, index) for prompt, index, _ in judged] == [("0", 0), ("1", 0)]
    assert judged[1][2].score == 0
    with pytest.raises(UserError, match="its 2 prompts alone, and there are answers of 1"):
        official_file([(seen[0].prompt, 0, seen[0])], PROMPTS)
    with pytest.raises(UserError, match="one image per prompt, and this run has more"):
        official_file([(seen[0].prompt, 1, seen[0])], PROMPTS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[0.5, 1, 1]]", "the answers of 1 prompts, and there are 2"),
        ("[[0.5, 1, 1], [0.5]]", r"list 2: 3 question\(s\) were asked and 1 answered"),
        ("[[0.5, 1, 1], [0.5, 1, 1.5]]", "list 2: the answer to .* is 1.5: expected"),
        ("[[0.5, 1, 1], [0.5, 1, null]]", "list 2: the answer to .* is None"),
        ("[[0.5, 1, 1], [0.5, 1, NaN]]", "it"),
        ('{"a": 1}', "expected a JSON list with a list"),
        ("[0.5, 1]", "expected a JSON list with a list"),
        ("no", "expected a JSON list of lists"),
    ],
)
def test_what_is_no_score_file_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "it.json").write_text(text)
    with pytest.raises(UserError, match=said):
        read_official(tmp_path / "it.json", PROMPTS, 0.5)
    with pytest.raises(UserError, match="give an existing file"):
        read_official(tmp_path / "other.json", PROMPTS, 0.5)


def test_a_file_without_an_answer_is_not_written() -> None:
    asked = questions_of(PROMPTS[0])
    seen = Evidence(PROMPTS[0], answers=dict.fromkeys(asked[1:], 0.5))
    with pytest.raises(UserError, match="there is no answer to ") as caught:
        official_file([(PROMPTS[0], 0, seen)], PROMPTS)
    assert f"{asked[0]!r} about image 0/0: ask the judge" in str(caught.value)
