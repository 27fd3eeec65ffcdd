"""All cases of the official scorer: verdict, reason, boxes, results line, summary, geometry."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from spatialbench.benchmarks.geneval.boxes import iou, relations
from spatialbench.benchmarks.geneval.evaluation import Options, details, evaluate, keep_objects
from spatialbench.benchmarks.geneval.official import result_line, summary_text
from spatialbench.benchmarks.geneval.prompts import prompt_of
from spatialbench.benchmarks.geneval.rule import GenEvalRule
from spatialbench.detections import Detections

Case = dict[str, Any]
Record = Callable[[Case], dict[str, Any]]


def same_sentences(ours: str, official: str) -> bool:
    """Relations are listed in the order of a Python set there: words are compared as a bag."""

    def bags(text: str) -> list[list[str]]:
        return [sorted(sentence.split(" ")) for sentence in text.split("\n")]

    return bags(ours) == bags(official)


def test_images(parity_cases: list[Case], as_record: Record) -> None:
    different, compared = [], 0
    for case in parity_cases:
        if "boxes" not in case:
            continue
        record, official = as_record(case), case["official"]
        options = Options(**case["options"])
        objects = keep_objects(Detections.from_record(record), case["metadata"], options)
        colours = record["colors"]
        ours = evaluate(objects, case["metadata"], lambda found: colours[found.index], options)  # noqa: B023
        agrees = (
            ours.correct == official["correct"]
            and same_sentences(ours.reason, official["reason"])
            and details(objects) == official["details"]
        )
        different += [] if agrees else [case["case"]]
        compared += 1
    assert different == []
    assert compared == 3500


def test_the_rule_itself(parity_cases: list[Case], as_record: Record) -> None:
    """The default options, through the rule that the harness calls."""
    rule = GenEvalRule()
    for case in parity_cases:
        if case["variant"] != "default" or "boxes" not in case:
            continue
        record = as_record(case)
        prompt = prompt_of(record["prompt_id"], record["metadata"])
        verdict = rule.judge(prompt, Detections.from_record(record), rule.threshold)
        assert (verdict.correct, verdict.score) == (
            case["official"]["correct"],
            float(case["official"]["correct"]),
        )
        if not verdict.correct:
            assert same_sentences(verdict.reason, case["official"]["reason"])


def test_summaries_and_results_lines(parity_cases: list[Case], as_record: Record) -> None:
    compared = 0
    for summary in parity_cases:
        if "summary_stdout" not in summary:
            continue
        images = [
            case
            for case in parity_cases
            if case["variant"] == summary["variant"] and "boxes" in case
        ]
        images.sort(key=lambda case: case["results_line"])
        lines = []
        for case in images:
            record = as_record(case)
            prompt = prompt_of(case["folder"], case["metadata"])
            options = Options(**case["options"])
            objects = keep_objects(Detections.from_record(record), case["metadata"], options)
            ours = evaluate(
                objects,
                case["metadata"],
                lambda found, colours=record["colors"]: colours[found.index],
                options,
            )
            name = f"<TMP>/{case['variant']}/{case['folder']}/samples/{case['image']}"
            lines.append(result_line(name, prompt, ours))
        assert lines[0] + "\n" == summary["first_results_line"]
        assert summary_text(json.loads(line) for line in lines) == summary["summary_stdout"]
        compared += 1
    assert compared == 4


def test_relations_and_overlap(parity_cases: list[Case]) -> None:
    different, compared = [], 0
    for case in parity_cases:
        if case["variant"] != "relation":
            continue
        a, b = np.float32(case["a"]), np.float32(case["b"])
        ours = sorted(relations(a, b, case["position_threshold"])), float(iou(a, b))
        official = case["official"]["relations"], case["official"]["iou"]
        different += [] if ours == official else [case["case"]]
        compared += 1
    assert different == []
    assert compared == 2000
