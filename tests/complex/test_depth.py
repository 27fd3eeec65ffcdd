"""Prompts in depth: judged by the maps that are named, as the message about missing ones says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench import plugins
from spatialbench.api.choosing import rule
from spatialbench.cli import main
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins.evidence import Evidence
from spatialbench.prompts import asked_triplets
from spatialbench.relations import Relation

BENCHMARK = plugins.load("benchmark", "complex")


def test_one_relation_in_the_plane_and_one_in_depth(tmp_path: Path) -> None:
    prompt = next(
        p
        for p in BENCHMARK.prompts("urban-like")
        if [t.relation for t in asked_triplets(p)] == [Relation.LEFT, Relation.BEHIND]
        and len({t.subject for t in asked_triplets(p)}) == 1
    )
    first, second = asked_triplets(prompt)
    names = [first.subject, first.object, second.object]
    (tmp_path / prompt.id).mkdir()
    ramp = np.tile(np.linspace(0, 255, 100).astype(np.uint8), (100, 1))
    Image.fromarray(ramp).save(tmp_path / prompt.id / "0.png")
    chosen = rule(BENCHMARK, f"complex:depth={tmp_path}")

    def judged(*left_edges: int) -> tuple[float, float]:
        boxes = [[x, 40, x + 20, 60] for x in left_edges]
        found = Detections.build(boxes, [0.9] * 3, names, 100, 100)
        seen = Evidence(prompt, 0, sources=lambda kind: chosen.source(kind, None), boxes=found)
        facts = chosen.judge_evidence(prompt, seen, 0.1).facts
        return float(facts["soft"]), float(facts["strict"])

    # The map is nearer to the right: what is left of another thing is behind it.
    assert judged(0, 40, 80) == (1, 1)
    assert judged(40, 80, 0) == (0.5, 0)
    assert judged(80, 0, 40) == (0, 0)


def test_without_maps_a_run_stops_before_the_first_image_and_says_what_to_give(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    run = ["run", "--method", "sd", "--bench", "complex", "--only", "two in depth", "--limit", "1"]
    assert main([*run, "--detector", "lab-owlvit", "--out", str(out)]) == 2
    assert "--rule complex:depth=FOLDER" in capfd.readouterr().err
    assert not out.exists()
    with pytest.raises(UserError, match="nowhere is not a folder"):
        rule(BENCHMARK, f"complex:depth={tmp_path / 'nowhere'}")
    with pytest.raises(UserError, match="unknown parameter 'tau'"):
        rule(BENCHMARK, "complex/1:tau=2")
    own = plugins.load("benchmark", "own-prompts")
    assert rule(own, f"own-relations:depth={tmp_path}").name == "own-relations/1"
