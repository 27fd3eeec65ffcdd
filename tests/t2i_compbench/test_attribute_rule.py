"""The rule for attributes: official questions, the script's products, its files in and out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.benchmarks.t2i_compbench import PLUGIN
from spatialbench.benchmarks.t2i_compbench.attribute_rule import OFFICIAL, product
from spatialbench.benchmarks.t2i_compbench.judging import ATTRIBUTES
from spatialbench.benchmarks.t2i_compbench.official import official_files, read_official
from spatialbench.benchmarks.t2i_compbench.prompts import prompts
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Evidence, Verdict
from spatialbench.scoring.judging import Judging
from tests.t2i_whole import Whole

pytestmark = pytest.mark.usefixtures("official_files")


@pytest.mark.parametrize("category", ATTRIBUTES)
def test_questions_are_the_official_ones_of_every_prompt(t2i_whole: Whole, category: str) -> None:
    told = t2i_whole.json("text", "questions.json")["by_prompt"]
    found = {prompt.text: list(OFFICIAL.questions(prompt)) for prompt in prompts(category)}
    assert len(found) == 300
    # A further file may be of other prompts.
    both = found.keys() & told.keys()
    assert both
    assert {text: found[text] for text in both} == {text: told[text]["q"] for text in both}


def test_the_product_is_the_scripts() -> None:
    # By hand: 0.54919 and 0.60321 are written 0.5492 and 0.6032, whose product is 0.33127744.
    assert product([0.54919, 0.60321]) == 0.3313
    assert product([]) == 1.0
    assert product([0.00004, 1.0]) == 0.0


@given(st.lists(st.floats(0, 1), max_size=8))
def test_a_product_has_four_decimals_and_exceeds_no_factor(
    answers: list[float],
) -> None:
    result = product(answers)
    assert result == round(result, 4)
    assert result <= min(answers, default=1.0) + 1e-4


def test_an_image_is_judged_by_the_answers_to_its_own_questions() -> None:
    prompt = prompts("color")[0]
    assert OFFICIAL.questions(prompt) == ("a green bench?", "a blue bowl?")
    answers = {"a green bench?": 0.9, "a blue bowl?": 0.8, "a dog?": 0.1}
    verdict = OFFICIAL.judge_evidence(prompt, Evidence(prompt, 3, answers=answers), 0.5)
    assert (verdict.score, verdict.correct) == (0.72, True)
    assert verdict.reason.endswith("a green bench? 0.90, a blue bowl? 0.80")
    assert not OFFICIAL.judge_evidence(prompt, Evidence(prompt, 3, answers=answers), 0.72).correct
    with pytest.raises(UserError, match=r"no answer to 'a blue bowl\?' about image color_0/3"):
        OFFICIAL.judge_evidence(prompt, Evidence(prompt, 3, answers={"a green bench?": 1.0}), 0.5)


def test_a_prompt_of_another_category_is_refused_with_the_rule_that_fits() -> None:
    with pytest.raises(UserError, match="give --rule 2d-official"):
        OFFICIAL.questions(prompts("2d")[0])
    boxes = Evidence(prompts("shape")[0], boxes=Detections.build([], [], [], 64, 64))
    with pytest.raises(UserError, match="give --rule attribute-official"):
        PLUGIN.rules["2d-official"].judge_evidence(prompts("shape")[0], boxes, 0.1)
    assert Judging.by_default(PLUGIN, "texture").name == OFFICIAL.name


def test_the_files_are_the_scripts_and_come_back(tmp_path: Path) -> None:
    known = prompts("color")
    scores = [0.3313, 1.0, 0.0]
    judged = [(known[0], 1, scores[1]), (known[0], 0, scores[0]), (known[2], 0, scores[2])]
    files = official_files("color", [(p, k, Verdict(False, s, "")) for p, k, s in judged], 2)
    names = ("blip_vqa_score.txt", "vqa_result.json")
    assert sorted(files) == [f"annotation_blip/{name}" for name in names]
    # The script counts the images that are there, and writes text.
    assert json.loads(files["annotation_blip/vqa_result.json"]) == [
        {"question_id": 0, "answer": "0.3313"},
        {"question_id": 1, "answer": "1.0000"},
        {"question_id": 2, "answer": "0.0000"},
    ]
    assert files["annotation_blip/blip_vqa_score.txt"] == f"BLIP-VQA score:{sum(scores) / 3}"
    path = tmp_path / "vqa_result.json"
    path.write_text(files["annotation_blip/vqa_result.json"])
    with pytest.raises(UserError, match="cannot be told which"):
        read_official(path, "color", 2)
    path.write_text(json.dumps([{"question_id": n, "answer": "0.2500"} for n in range(600)]))
    back = read_official(path, "color", 2)
    assert [(p.id, k) for p, k, _ in back[:3]] == [("color_0", 0), ("color_0", 1), ("color_1", 0)]
