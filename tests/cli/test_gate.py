"""``gate``: its exit status is what CI acts on."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares")


@pytest.fixture
def gated(spatialbench: Command) -> Command:
    """A run ``good`` and the gate file ``gate.json`` made from it."""
    spatialbench(*RUN, "--out", "good", "--set", "skill=0.9")
    written = spatialbench("gate", "good", "--write", "gate.json", "--tolerance", "3")
    assert (written.status, written.out.strip()) == (0, "gate.json")
    return spatialbench


def test_pass_regression_and_cannot_tell(gated: Command) -> None:
    assert gated("gate", "good", "--against", "gate.json").status == 0
    gated(*RUN, "--out", "bad", "--set", "skill=0.2")
    bad = gated("gate", "bad", "--against", "gate.json", "--junit", "ci/j.xml", "--markdown", "m")
    assert bad.status == 1
    assert bad.out.startswith("gate: REGRESSION")
    assert ElementTree.parse("ci/j.xml").getroot().get("failures") == "1"
    assert "REGRESSION" in Path("m").read_text().splitlines()[0]
    gated(*RUN, "--out", "small", "--limit", "4", "--set", "skill=0.9")
    small = gated("gate", "small", "--against", "gate.json", "--format", "json")
    assert small.status == 2
    document = json.loads(small.out)
    assert (document["answer"], document["exit_status"]) == ("cannot_tell", 2)
    assert any("prompts is 4" in obstacle for obstacle in document["obstacles"])


def test_a_partial_run_cannot_tell(gated: Command) -> None:
    (journal,) = Path("good").rglob("detections.jsonl")
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[1:]))
    gated("score", "good")
    outcome = gated("gate", "good", "--against", "gate.json")
    assert outcome.status == 2
    assert "CANNOT TELL: the run is partial: 95 of 96 images" in outcome.out
    assert gated("gate", "good", "--write", "again.json").status == 2


def test_files_that_decide_nothing(gated: Command) -> None:
    content = json.loads(Path("gate.json").read_text())
    Path("next.json").write_text(json.dumps({**content, "gate_version": 9}))
    outcome = gated("gate", "good", "--against", "next.json")
    assert (outcome.status, outcome.out) == (2, "")
    assert "version 9" in outcome.err
    assert gated("gate", "good").status == 2
    assert gated("gate", "good", "--against", "gate.json", "--tolerance", "50").status == 2
    assert gated("gate", "good", "--against", "gate.json", "--write", "x.json").status == 2


def test_a_method_that_swaps_left_and_right_fails(
    gated: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same method by name and settings, sabotaged: every sideways prompt comes out reversed."""
    from coloured_squares import painter

    offsets = painter._OFFSET
    swapped = {
        relation: offsets[relation.inverse if dx else relation]
        for relation, (dx, _) in (offsets.items())
    }
    monkeypatch.setattr(painter, "_OFFSET", swapped)
    gated(*RUN, "--out", "sabotaged", "--set", "skill=0.9")
    assert gated("gate", "sabotaged", "--against", "gate.json").status == 1
