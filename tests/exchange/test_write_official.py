"""Exported names of real benchmarks, against what their own modules say of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench import plugins
from spatialbench.benchmarks.geneval import official as geneval
from spatialbench.benchmarks.t2i_compbench import official_names as t2i
from spatialbench.benchmarks.visor.official import read_official
from spatialbench.detections import Detections
from spatialbench.exchange.layouts import names_of, plan
from spatialbench.plugins import Evidence
from spatialbench.runs.expected import Expected, expect
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection
from tests.reference_data import t2i_compbench_files
from tests.visor.visor_py import visor_py


def _expected(name: str, subset: str, limit: int) -> Expected:
    benchmark = plugins.load("benchmark", name)
    return expect(benchmark, subset, Selection(limit=limit), SeedScheme())


@pytest.mark.parametrize("subset", ["position", "all"])
def test_geneval(subset: str) -> None:
    expected = _expected("geneval", subset, 30)
    planned = plan("geneval", names_of(expected), expected.keys())
    for (prompt_id, index), name in planned.images.items():
        prompt = expected.by_id[prompt_id]
        assert name == geneval.sample_path(prompt, index)
        content = planned.files[f"{prompt_id}/metadata.jsonl"]
        assert json.loads(content) == prompt.facts["metadata"]


def test_t2i_compbench(monkeypatch: pytest.MonkeyPatch) -> None:
    t2i_compbench_files(monkeypatch)
    expected = _expected("t2i-compbench", "2d", 20)
    for (prompt_id, index), name in plan(
        "t2i-compbench", names_of(expected), expected.keys()
    ).images.items():
        prompt = expected.by_id[prompt_id]
        number = t2i.running_number(t2i.line_of(prompt), index)
        assert name == f"samples/{t2i.sample_name(prompt.text, number)}"


def test_visor_results_are_what_its_script_reads(tmp_path: Path) -> None:
    """Boxes of four prompts, exported, scored by the script's rules and by ours."""
    benchmark = plugins.load("benchmark", "visor")
    chosen = benchmark.prompts("relational")[:4]
    rule = benchmark.rules["official"]
    images = [
        (prompt, k, _boxes(prompt.objects, k, number))
        for number, prompt in enumerate(chosen)
        for k in range(4)
    ]
    seen = [(prompt, k, Evidence(prompt, k, boxes=boxes)) for prompt, k, boxes in images]
    files = benchmark.official_results(seen, "relational", rule, 0.1, "our method")
    assert files is not None
    (name,) = files
    assert name == "results_our-method_text_spatial_rel_phrases_owlvit_0.1.json"
    script = visor_py(json.loads(files[name]), benchmark.prompts("all"))
    verdicts = [rule.judge(prompt, boxes, 0.1) for prompt, _, boxes in images]
    both = [v.facts["found_a"] and v.facts["found_b"] for v in verdicts]
    assert 100 * sum(both) / 16 == script.OA
    assert script.VISOR_cond == 100 * sum(v.correct for v in verdicts) / sum(both)
    (tmp_path / name).write_bytes(files[name])
    read = {(p.id, k): v.score for p, k, v in read_official(tmp_path / name)}
    ours = zip(images, verdicts, strict=True)
    assert read == {(p.id, k): v.score for (p, k, _), v in ours}


@pytest.mark.parametrize(
    ("detector", "word"),
    [
        ("owlvit-base-patch32@cbc355f", "owlvit"),
        ("owlvit-base-patch32@0000000", "owlvit"),
        ("owlv2-base-patch16-ensemble@1234567", "owlv2-base-patch16-ensemble@1234567"),
        ("lab-owlvit@3550ceb", "lab-owlvit@3550ceb"),
        ("external", "external"),
        ("../my detector", "my-detector"),
    ],
)
def test_visor_results_name_the_detector_that_looked(detector: str, word: str) -> None:
    benchmark = plugins.load("benchmark", "visor")
    prompt = benchmark.prompts("relational")[0]
    files = benchmark.official_results(
        [(prompt, 0, Evidence(prompt, boxes=_boxes(prompt.objects, 0, 1)))],
        "relational",
        benchmark.rules["official"],
        0.25,
        "m",
        detector,
    )
    assert files is not None
    assert list(files) == [f"results_m_text_spatial_rel_phrases_{word}_0.25.json"]


def _boxes(names: tuple[str, ...], k: int, number: int) -> Detections:
    """The first object moves from left to right of the second; sometimes one is missing."""
    left = 10.0 * k
    boxes = [[left, left, left + 8, left + 8], [15.0, 15.0, 23.0, 23.0]]
    scores = [0.9, 0.05 if (k + number) % 5 == 0 else 0.6]
    return Detections.build(boxes, scores, names, 64, 64)
