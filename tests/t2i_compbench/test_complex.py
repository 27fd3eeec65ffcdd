"""The whole of complex: its prompts against the official code's text, its rule by hand."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from spatialbench.benchmarks.t2i_compbench import PLUGIN, complex_rule, plane_rule
from spatialbench.benchmarks.t2i_compbench.complex_prompts import without_words
from spatialbench.benchmarks.t2i_compbench.tagged import Token, nouns_around_relation
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Evidence, ScoreTable
from spatialbench.plugins.metric import values
from spatialbench.prompts import Prompt
from tests.reference_data import reference

BOX = ((100.0, 300.0, 200.0, 400.0), (100.0, 100.0, 200.0, 200.0))


def whole() -> list[Prompt]:
    return list(PLUGIN.prompts("complex-whole"))


@pytest.mark.usefixtures("official_files")
def test_the_tables_say_what_the_official_code_makes_of_the_prompts() -> None:
    told = json.loads(reference("t2i_whole", "text", "questions.json").read_text("utf-8"))
    with gzip.open(reference("t2i_whole", "text", "tags.json.gz"), "rt") as file:
        tags = json.load(file)["by_prompt"]
    prompts = whole()
    assert Counter(prompt.facts["branch"].value for prompt in prompts) == {
        "action": 212,
        "spatial": 58,
        "all": 30,
    }
    assert sum(len(prompt.facts["questions"]) for prompt in prompts) == 932
    for prompt in prompts:
        official = told["by_prompt"][prompt.text]
        assert list(prompt.facts["questions"]) == official["q"]
        assert prompt.facts["caption"] == official["clip"]
        assert official["three_in_one"] == prompt.facts["branch"].value
        tokens = [Token(word, pos) for word, pos, _ in tags[prompt.text]]
        assert prompt.facts["words"] == nouns_around_relation(tokens)


@pytest.mark.usefixtures("official_files")
def test_the_spatial_part_is_what_it_was() -> None:
    """Under the name that runs have, so that those begun before go on."""
    assert [prompt.id for prompt in PLUGIN.prompts("complex")] == [
        f"complex_{n}" for n in range(58)
    ]
    ids = [prompt.id for subset in PLUGIN.subsets for prompt in PLUGIN.prompts(subset)]
    assert len(ids) == len(set(ids))


def test_words_are_left_out_and_the_rest_stands_apart() -> None:
    text = "The dancer's red shoes, in mid-air."
    assert without_words(text, [3]) == "The dancer 's shoes , in mid - air ."


def seen(prompt: Prompt, **known: Any) -> Evidence:
    return Evidence(prompt, 0, **known)


def boxes(prompt: Prompt) -> Detections:
    return Detections.build(BOX, [0.8, 0.6], prompt.facts["words"], 512, 512)


@pytest.mark.usefixtures("official_files")
def test_the_rule_joins_what_each_prompt_asks_for() -> None:
    rule = complex_rule.OFFICIAL
    prompts = {
        name: next(
            p
            for p in whole()
            if p.facts["branch"] == name and (p.facts["words"] or name == "action")
        )
        for name in ("spatial", "action", "all")
    }
    told = {}
    for name, prompt in prompts.items():
        known: dict[str, Any] = {"answers": dict.fromkeys(rule.questions(prompt), 0.9)}
        if "boxes" in rule.needs_of(prompt):
            known["boxes"] = boxes(prompt)
        if "similarity" in rule.needs_of(prompt):
            (text,) = rule.texts(prompt)
            known["similarity"] = {text: 0.25}
        told[name] = rule.judge_evidence(prompt, seen(prompt, **known), rule.threshold)
    attribute = {name: round(0.9 ** len(rule.questions(p)), 4) for name, p in prompts.items()}
    plane = {
        name: plane_rule.OFFICIAL.judge_part(prompts[name], boxes(prompts[name]), 0.1).score
        for name in ("spatial", "all")
    }
    assert told["spatial"].score == (plane["spatial"] + attribute["spatial"]) * 0.5
    assert told["action"].score == (0.25 + attribute["action"]) * 0.5
    assert told["all"].score == (attribute["all"] + plane["all"] + 0.25) / 3
    assert [verdict.facts["parts"] for verdict in told.values()] == [2, 2, 3]
    assert "action 0.2500" in told["action"].reason
    answers = dict.fromkeys(rule.questions(prompts["action"]), 0.9)
    evidence = seen(prompts["action"], answers=answers, similarity={"other": 0.3})
    with pytest.raises(UserError, match="was not compared with"):
        rule.judge_evidence(prompts["action"], evidence, 0.1)


@pytest.mark.usefixtures("official_files")
def test_a_rule_of_relations_leaves_out_and_counts_what_asks_for_none() -> None:
    prompts = whole()
    rule = PLUGIN.rules["2d-official"]
    verdicts = [rule.judge(p, boxes(p) if p.facts["words"] else _nothing(), 0.1) for p in prompts]
    table = ScoreTable(
        prompts,
        np.arange(300),
        np.zeros(300, np.int64),
        {
            "correct": np.array([verdict.correct for verdict in verdicts]),
            "score": np.array([verdict.score for verdict in verdicts]),
            **{
                name: np.array([verdict.facts[name] for verdict in verdicts])
                for name in verdicts[0].facts
            },
        },
    )
    judged = [
        verdict.score
        for prompt, verdict in zip(prompts, verdicts, strict=True)
        if prompt.facts["branch"] == "spatial"
    ]
    assert len(judged) == 58
    found = values(PLUGIN.metrics, table)
    assert set(found) == {"T2I_complex", "OA"}
    assert found["T2I_complex"] == pytest.approx(100 * sum(judged) / 58)
    (note,) = PLUGIN.notes(prompts, rule.name, "unidet-rs200@1234567")
    assert note.startswith("242 of 300 prompts are about attributes and actions: left out")
    assert verdicts[2].reason.startswith("not judged:")


def _nothing() -> Detections:
    return Detections.build(np.empty((0, 4)), [], (), 512, 512)
