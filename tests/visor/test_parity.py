"""All cases of the official scorer, exactly: records, script, printed table, notebook, errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.visor.official import official_record, read_official
from spatialbench.benchmarks.visor.plugin import PLUGIN
from spatialbench.benchmarks.visor.prompts import PHRASE, prompts
from spatialbench.benchmarks.visor.rule import CentroidRule
from spatialbench.detections import Detections
from spatialbench.plugins import ScoreTable, Verdict
from spatialbench.plugins.evidence import Evidence
from spatialbench.plugins.records import BoxRecord
from spatialbench.prompts import Prompt
from tests.printed import printed
from tests.visor.visor_py import notebook_visor, visor_py

ALL = prompts("all")
RULE = CentroidRule()
Cases = list[dict[str, Any]]


def judged(prompt: Prompt, content: dict[str, Any], threshold: float) -> Verdict:
    return RULE.judge_evidence(prompt, Evidence(prompt, record=BoxRecord(content)), threshold)


def prompt_of(image: dict[str, Any]) -> tuple[Prompt, int]:
    position, index = image["id"].split("_")
    return ALL[int(position)], int(index)


def record_of(image: dict[str, Any]) -> dict[str, Any]:
    """The stored form of a case's detections."""
    prompt, _ = prompt_of(image)
    found = image["detections"]
    width, height = image["size"]
    return {
        "width": width,
        "height": height,
        "boxes": [d["box"] for d in found],
        "scores": [d["score"] for d in found],
        # A single-object prompt has a second query without a name.
        "labels": [(*prompt.objects, "")[d["label"]] for d in found],
    }


def images_with_detections(cases: Cases) -> Iterator[dict[str, Any]]:
    for case in cases:
        if case["kind"] == "detections":
            # Single-object prompts come with a made-up record and no boxes: no metric sees them.
            yield from (image for image in case["images"] if "detections" in image)


def official_records(case: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {i["id"]: i.get("record") or i["official_record"] for i in case["images"]}


def agrees(ours: dict[str, float], official: dict[str, Any]) -> bool:
    """Our metrics against visor.py's, to the last bit."""
    if "error" in official:
        return official["error"] == "ZeroDivisionError" and isnan(ours["VISOR_cond"])
    oa_a, oa_b, oa = official["objacc_A_B_both"]
    return ours == {
        "OA": oa,
        "VISOR_uncond": 0.01 * (official["visor_cond"] * oa),
        "VISOR_cond": official["visor_cond"],
        **{f"VISOR_{n}": value for n, value in enumerate(official["visor_n"], start=1)},
        "OA_A": oa_a,
        "OA_B": oa_b,
    }


def test_there_are_as_many_cases_as_promised(parity_cases: Cases) -> None:
    assert len(parity_cases) == 2000
    assert sum("error" in case["official"]["visor_py"] for case in parity_cases) == 288


def test_prompts_are_the_generated_ones(parity_cases: Cases) -> None:
    for case in parity_cases:
        for entry in case["prompts"]:
            prompt = ALL[entry["unique_id"]]
            assert prompt.text == entry["text"]
            assert PHRASE[prompt.task] == entry["rel"]
            assert prompt.objects == (entry["obj1"], entry["obj2"])[: entry["num_objects"]]


def test_records(parity_cases: Cases) -> None:
    for image in images_with_detections(parity_cases):
        prompt, _ = prompt_of(image)
        stored = record_of(image)
        detections = Detections.from_record(stored)
        official = image["official_record"]
        ours = official_record(prompt, detections)
        assert {key: ours[key] for key in ("classes", "centroid", "recall", "sra")} == {
            key: official[key] for key in ("classes", "centroid", "recall", "sra")
        }
        verdict = RULE.judge(prompt, detections, 0.1)
        assert verdict.score == official["sra"]
        assert verdict.correct is (official["sra"] == 1)
        assert verdict.facts["found_a"] + verdict.facts["found_b"] == official["recall"]
        assert judged(prompt, stored, 0.1) == verdict


def test_script_table_and_errors(parity_cases: Cases) -> None:
    for case in parity_cases:
        official = case["official"]
        records = official_records(case)
        if "error" in official["visor_py"]:
            with pytest.raises(ZeroDivisionError):
                visor_py(records, ALL)
            continue
        ours = visor_py(records, ALL)
        assert {
            "visor_cond": ours.VISOR_cond,
            "visor_n": list(ours.VISOR_n),
            "objacc_A_B_both": [ours.OA_A, ours.OA_B, ours.OA],
        } == official["visor_py"]
        assert ours.row() == official["table"]


def test_notebook(parity_cases: Cases) -> None:
    for case in parity_cases:
        records = official_records(case)
        for position, official in case["official"]["notebook"].items():
            mine = [r for key, r in records.items() if key.split("_")[0] == position]
            if "error" in official:
                with pytest.raises(ZeroDivisionError):
                    notebook_visor(mine, ALL[int(position)])
            else:
                assert notebook_visor(mine, ALL[int(position)]) == official


def test_metrics_from_detections(parity_cases: Cases, as_table: Callable[..., ScoreTable]) -> None:
    for case in parity_cases:
        if case["kind"] != "detections":
            continue
        rows = [
            (*prompt_of(image), judged(prompt_of(image)[0], record_of(image), 0.1))
            for image in images_with_detections([case])
        ]
        table = as_table(rows)
        assert agrees(printed(PLUGIN, table), case["official"]["visor_py"]), case["case"]


def test_metrics_from_results_files(
    parity_cases: Cases, as_table: Callable[..., ScoreTable], tmp_path: Path
) -> None:
    path = tmp_path / "results_model_text_spatial_rel_phrases_owlvit_0.1.json"
    for case in parity_cases:
        records = official_records(case)
        path.write_text(json.dumps(records), encoding="utf-8")
        rows = read_official(path)
        path.unlink()  # overwriting a file can cost a flush to disk each time
        table = as_table(rows)
        assert len(rows) == len(records)
        assert agrees(printed(PLUGIN, table), case["official"]["visor_py"]), case["case"]
