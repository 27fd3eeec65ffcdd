"""Non-spatial prompts: the cosine as it is, the script's files, and the published column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench.benchmarks.t2i_compbench import PLUGIN
from spatialbench.benchmarks.t2i_compbench.non_spatial_rule import OFFICIAL_RULE
from spatialbench.benchmarks.t2i_compbench.official import official_files, read_official
from spatialbench.benchmarks.t2i_compbench.prompts import prompts
from spatialbench.benchmarks.t2i_compbench.published import published
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Evidence, Verdict
from spatialbench.scoring.judging import Judging
from tests.reference_data import reference
from tests.t2i_whole import Whole

pytestmark = pytest.mark.usefixtures("official_files")


def test_each_prompt_is_compared_whole() -> None:
    known = prompts("non-spatial")
    text = reference("t2i_whole", "prompts", "non_spatial_val.txt").read_bytes()
    assert PLUGIN.official_prompts("non-spatial") == text
    assert [prompt.text for prompt in known] == text.decode().splitlines()
    assert OFFICIAL_RULE.texts(known[0]) == (known[0].text,)
    assert Judging.by_default(PLUGIN, "non-spatial").name == "t2i-non-spatial-official/1"
    assert PLUGIN.similarity_judge == "clip-score"
    assert len(set(PLUGIN.clusters(known))) == 300


@pytest.mark.parametrize("cosine", [0.3127, -0.0156, 0.0])
def test_the_answer_is_the_cosine_as_it_is(cosine: float) -> None:
    prompt = prompts("non-spatial")[7]
    evidence = Evidence(prompt, 2, similarity={prompt.text: cosine})
    verdict = OFFICIAL_RULE.judge_evidence(prompt, evidence, 0.3)
    assert (verdict.score, verdict.correct) == (cosine, cosine > 0.3)
    with pytest.raises(UserError, match="image non-spatial_7/2 was not compared with"):
        OFFICIAL_RULE.judge_evidence(prompt, Evidence(prompt, 2, similarity={"a dog": 1.0}), 0.3)


def test_a_prompt_of_another_category_is_refused_with_the_rule_that_fits() -> None:
    with pytest.raises(UserError, match="give --rule attribute-official"):
        OFFICIAL_RULE.texts(prompts("color")[0])
    prompt = prompts("non-spatial")[0]
    boxes = Evidence(prompt, boxes=Detections.build([], [], [], 64, 64))
    with pytest.raises(UserError, match=r"give --rule non-spatial-official\.$"):
        PLUGIN.rules["2d-official"].judge_evidence(prompt, boxes, 0.1)


@pytest.mark.parametrize("kind", ["plain", "complex"])
def test_the_files_are_the_scripts(t2i_whole: Whole, kind: str) -> None:
    told = t2i_whole.json("clip", "expected_small.json")[f"folder_{kind}"]
    known = prompts("non-spatial")
    judged = [
        (known[place], 0, Verdict(False, one["answer"], ""))
        for place, one in enumerate(told["vqa_result"])
    ]
    files = official_files("non-spatial", judged[::-1], 1)
    assert json.loads(files["annotation_clip/vqa_result.json"]) == told["vqa_result"]
    assert files["annotation_clip/score_avg.txt"] == told["score_avg.txt"]
    assert len(files) == 2


def test_a_whole_file_comes_back_and_what_is_no_cosine_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vqa_result.json"
    answers = [{"question_id": n, "answer": (n - 100) / 1000} for n in range(600)]
    path.write_text(json.dumps(answers))
    back = read_official(path, "non-spatial", 2)
    assert [(p.id, k) for p, k, _ in back[:3]] == [
        ("non-spatial_0", 0),
        ("non-spatial_0", 1),
        ("non-spatial_1", 0),
    ]
    assert [verdict.score for _, _, verdict in back] == [one["answer"] for one in answers]
    assert next(n for n, (_, _, verdict) in enumerate(back) if verdict.correct) == 401
    path.write_text(json.dumps([*answers[:-1], {"question_id": 599, "answer": 31.2}]))
    with pytest.raises(UserError, match="expected a number from -1 to 1"):
        read_official(path, "non-spatial", 2)
    path.write_text(json.dumps(answers[:-1]))
    with pytest.raises(UserError, match="cannot be told which"):
        read_official(path, "non-spatial", 2)


def test_published_rows_have_every_column_of_the_table(t2i_whole: Whole) -> None:
    told = t2i_whole.json("published_rows.json")
    called = {"PixArt-alpha-ft (GORS)": "PixArt-alpha-ft (fine-tuned)", "CogView4-6B": "CogView4"}
    ours = {"nonspatial": "T2I_non_spatial", "2d": "T2I_2D", "3d": "T2I_3D"}
    ours |= {"complex": "T2I_complex_3in1"}
    rows = {row.method: row for row in published()}
    for one in [*told["rows"], *told["also"]]:
        row = rows[called.get(one["method"], one["method"])]
        figures = {ours.get(key, f"T2I_{key}"): 100 * v for key, v in one["printed"].items()}
        assert {key: row.metrics[key] for key in figures} == pytest.approx(figures, abs=1e-9)
        assert (row.evidence, row.base.startswith(one["base"])) == (one["evidence"], True)
    table = set(PLUGIN.tables["all"])
    assert len([row for row in published() if table <= set(row.metrics)]) >= len(told["rows"])
