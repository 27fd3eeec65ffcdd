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
    assert gated("gate", "good", "--write", "again.json").status == 64


def test_what_is_typed_wrong_is_no_answer(gated: Command) -> None:
    """Continuous integration must not take it for "cannot tell" (2) or for a regression (1)."""
    content = json.loads(Path("gate.json").read_text())
    Path("next.json").write_text(json.dumps({**content, "gate_version": 9}))
    outcome = gated("gate", "good", "--against", "next.json")
    assert (outcome.status, outcome.out) == (64, "")
    assert "version 9" in outcome.err
    for wrong in (
        (),
        ("--against", "gate.json", "--tolerance", "50"),
        ("--against", "gate.json", "--one-sided"),
        ("--against", "gate.json", "--force"),
        ("--against", "gate.json", "--write", "x.json"),
        ("--against", "nowhere.json"),
        ("--against", "gate.json", "--junit", "gate.json"),
        ("--against", "gate.json", "--junit", "a", "--markdown", "./a"),
        ("--write", "x.json", "--tolerance", "many"),
        ("--no-such-option",),
    ):
        assert gated("gate", "good", *wrong).status == 64
    assert gated("gate").status == 64
    assert gated("gate", "nowhere", "--against", "gate.json").status == 64
    assert json.loads(Path("gate.json").read_text()) == content


def test_a_bug_is_no_regression(gated: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("spatialbench.reports.gate.decision.decide", broken)
    outcome = gated("gate", "good", "--against", "gate.json")
    assert outcome.status == 70
    assert "ZeroDivisionError: a bug" in outcome.err


def test_a_gate_file_is_replaced_only_by_force(gated: Command) -> None:
    before = Path("gate.json").read_bytes()
    refused = gated("gate", "good", "--write", "gate.json", "--tolerance", "9")
    assert refused.status == 64
    assert "give --force" in refused.err
    assert Path("gate.json").read_bytes() == before
    written = gated(
        *("gate", "good", "--write", "gate.json", "--force", "--group-tolerance", "9"),
        *("--one-sided",),
    )
    assert written.status == 0
    content = json.loads(Path("gate.json").read_text())
    parts = (content["metrics"], *content["groups"].values())
    windows = [window for part in parts for window in part.values()]
    assert {window["edges"] for window in windows} == {"lower"}
    assert f"{len(windows)} windows written" in written.err
    assert len(windows) == 10
    # The command it names works as it stands.
    again = written.err.partition("next: spatialbench ")[2].split()
    assert again == ["gate", "good", "--against", "gate.json"]
    assert gated(*again).status == 0


def test_a_gain_is_not_a_regression(gated: Command) -> None:
    gated(*RUN, "--out", "poor", "--set", "skill=0.2")
    written = gated("gate", "poor", "--write", "poor.json", "--tolerance", "1")
    assert "NARROW: 2 of 2 windows" in written.err
    better = gated("gate", "good", "--against", "poor.json", "--junit", "j.xml")
    assert better.status == 1
    assert better.out.startswith("gate: ABOVE THE WINDOW")
    assert "REGRESSION" not in better.out
    types = [failure.get("type") for failure in ElementTree.parse("j.xml").iter("failure")]
    assert types == ["above-the-window"]
    gated("gate", "poor", "--write", "low.json", "--tolerance", "1", "--one-sided")
    assert gated("gate", "good", "--against", "low.json").status == 0


def test_failures_come_first(gated: Command) -> None:
    """FOUND is 100 % in both runs, and stands first in the file."""
    gated(*RUN, "--out", "bad", "--set", "skill=0.2")
    document = json.loads(gated("gate", "bad", "--against", "gate.json", "--format", "json").out)
    assert [check["metric"] for check in document["checks"]] == ["RIGHT", "FOUND"]
    assert list(json.loads(Path("gate.json").read_text())["metrics"]) == ["FOUND", "RIGHT"]


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
