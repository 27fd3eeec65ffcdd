"""The prompt file: pinned, read with its questions, or refused with the line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from spatialbench.api.choosing import benchmark_and_subset
from spatialbench.benchmarks.geneval2 import PLUGIN, sources
from spatialbench.benchmarks.geneval2.prompts import questions_of, read_prompts
from spatialbench.benchmarks.geneval2.rule import OFFICIAL
from spatialbench.errors import UserError
from spatialbench.plugins import Evidence
from spatialbench.plugins.judge import Question
from spatialbench.prompts import Prompt
from tests.geneval2.conftest import official_prompts

LINE = {
    "prompt": "two red boats",
    "atom_count": 3,
    "vqa_list": [
        ["How many boats are in the image?", "two"],
        ["Are the boats red?", "Yes"],
        ["Are there any boats in the image?", "Yes"],
    ],
    "skills": ["count", "attribute", "object"],
}


def content(*lines: Any) -> bytes:
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def test_the_official_file_has_what_it_is_said_to_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sources.FOLDER_VARIABLE, str(official_prompts().parent))
    prompts = PLUGIN.prompts("all")
    assert [prompt.id for prompt in prompts] == [str(number) for number in range(800)]
    assert len({prompt.text for prompt in prompts}) == 800
    assert Counter(prompt.task for prompt in prompts) == {f"{n} atoms": 100 for n in range(3, 11)}
    skills = Counter(skill for prompt in prompts for skill in prompt.facts["skills"])
    assert skills == {
        "object": 2025, "count": 2025, "attribute": 1214, "position": 662, "verb": 86
    }  # fmt: skip
    asked = [Question.of(one) for prompt in prompts for one in questions_of(prompt)]
    numbers = {"one": 812, "two": 179, "three": 237, "four": 204, "five": 205, "six": 204}
    yes = 2025 + 1214 + 662 + 86
    assert Counter(one.expected for one in asked) == numbers | {"seven": 184, "yes": yes}
    # No prompt asks twice, so that an answer is known by its question.
    assert all(len(set(p.facts["questions"])) == len(p.facts["questions"]) for p in prompts)
    for prompt in prompts:
        ones = sum(Question.of(one).expected == "one" for one in questions_of(prompt))
        assert prompt.facts["atom_count"] == len(questions_of(prompt)) - ones
    assert PLUGIN.official_prompts("all") == official_prompts().read_bytes()


def test_the_official_file_given_as_a_file_is_the_benchmark() -> None:
    assert benchmark_and_subset(f"geneval2:{official_prompts()}") == (PLUGIN, "all")


def test_a_missing_or_changed_file_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="type 'spatialbench fetch geneval2', or set SPATIALBENCH"):
        PLUGIN.prompts("all")
    (tmp_path / sources.NAME).write_bytes(content(LINE))
    monkeypatch.setenv(sources.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=r"is not the pinned .* give --bench geneval2:FILE"):
        PLUGIN.prompts("all")


def test_a_file_of_ones_own_is_another_prompt_set_and_stays_with_its_run(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(content(LINE))
    benchmark, subset = benchmark_and_subset(f"geneval2:{path}")
    (prompt,) = benchmark.prompts(subset)
    assert (prompt.id, prompt.text, prompt.task) == ("0", "two red boats", "3 atoms")
    assert OFFICIAL.questions(prompt)[0] == "How many boats are in the image? -> two"
    assert subset != "all"
    run = tmp_path / "run"
    (run / ".scratch").mkdir(parents=True)
    benchmark.begin_run(run)
    assert PLUGIN.of_run(run).prompts(subset) == (prompt,)
    assert list(PLUGIN.of_run(run).subsets) == [subset]
    assert PLUGIN.of_run(tmp_path / "other") is PLUGIN
    with pytest.raises(UserError, match="cannot be read"):
        benchmark_and_subset("geneval2:nowhere.jsonl")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": " "}, "its prompt is no text"),
        ({"atom_count": True}, "its atom_count is True"),
        ({"vqa_list": []}, "no list of questions"),
        ({"skills": ["count"]}, "it has 3 questions and 1 skills"),
        ({"vqa_list": [["How many boats?", "two or so"]] * 3}, "an answer of a word"),
        ({"vqa_list": [["How many boats", "two"]] * 3}, "ends with '\\?'"),
        ({"vqa_list": [["Is it?"]] * 3}, "no question with its answer"),
    ],
)
def test_a_line_of_another_form_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=rf"it, line 2, is not a prompt \(.*{said}"):
        read_prompts(content(LINE, LINE | change), "it")
    missing = {key: value for key, value in LINE.items() if key not in change}
    with pytest.raises(UserError, match=f"line 1, .*it has no '{next(iter(change))}'"):
        read_prompts(content(missing), "it")


def test_what_is_no_such_file_is_refused() -> None:
    with pytest.raises(UserError, match="holds no prompt"):
        read_prompts(b"", "it")
    with pytest.raises(UserError, match="it is no object"):
        read_prompts(b"[1]\n", "it")
    with pytest.raises(UserError, match="line 1, is not a prompt"):
        read_prompts(b"a dog\n", "it")


def test_an_image_is_judged_by_the_answers_to_its_own_questions() -> None:
    (prompt,) = read_prompts(content(LINE), "it")
    two, red, any_ = questions_of(prompt)
    answers = {two: 0.5, red: 1.0, any_: 0.25, "Is it art?": 0.0}
    verdict = OFFICIAL.judge_evidence(prompt, Evidence(prompt, answers=answers), 0.4)
    # By hand: (0.5 * 1 * 0.25) ** (1 / 3) is 0.5, and 1.75 / 3.
    assert verdict.score == pytest.approx(0.5, rel=1e-12)
    assert verdict.correct
    assert verdict.facts["mean"] == pytest.approx(1.75 / 3, rel=1e-12)
    assert verdict.facts["p_count"] == 0.5
    assert (verdict.facts["asked_verb"], verdict.facts["questions"]) == (0, 3)
    assert verdict.reason == (
        "expected two red boats; geometric mean 0.50 of 3 answers, least 0.25: Are there any boats "
        "in the image?"
    )
    with pytest.raises(UserError, match=r"no answer to 'How many .* -> two' about image 0/2"):
        OFFICIAL.judge_evidence(prompt, Evidence(prompt, 2, answers={red: 1.0}), 0.4)
    with pytest.raises(UserError, match="'a dog' has no questions"):
        OFFICIAL.questions(Prompt("0", "a dog", "one"))
