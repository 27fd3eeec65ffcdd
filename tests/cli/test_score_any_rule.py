"""``score --rule esplora-r1`` and its relatives, on VISOR, T2I-CompBench and GenEval."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spatialbench import plugins
from spatialbench.prompts import Prompt
from tests.reference_data import t2i_compbench_files

from .conftest import Command

LEFT, MIDDLE, RIGHT = [0, 40, 20, 60], [50, 40, 70, 60], [100, 40, 120, 60]


def _prompts(bench: str, subset: str) -> Sequence[Prompt]:
    return plugins.load("benchmark", bench).prompts(subset)


def _record(prompt_id: str, found: list[tuple[str, list[int]]], index: int = 0) -> dict[str, Any]:
    return {
        "prompt_id": prompt_id,
        "index": index,
        "width": 128,
        "height": 128,
        "boxes": [box for _, box in found],
        "scores": [0.9] * len(found),
        "labels": [label for label, _ in found],
    }


def _write(records: list[dict[str, Any]]) -> Path:
    path = Path("detections.jsonl")
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_visor_soft_strict_and_missing(spatialbench: Command) -> None:
    prompt = next(p for p in _prompts("visor", "relational") if p.task == "left")
    a, b = prompt.objects
    file = _write(
        [
            _record(prompt.id, [(a, LEFT), (b, MIDDLE)], 0),
            _record(prompt.id, [(a, LEFT), (a, RIGHT), (b, MIDDLE)], 1),
            _record(prompt.id, [(a, RIGHT), (b, MIDDLE)], 2),
            _record(prompt.id, [(a, LEFT)], 3),
        ]
    )
    arguments = ("score", "--bench", "visor", "--detections", file, "--format", "json")
    document = json.loads(
        spatialbench(*arguments, "--rule", "esplora-r1", "--verdicts", "v.jsonl").out
    )
    assert document["rule"] == "esplora-r1/1"
    assert "rule:esplora-r1/1" in document["signature"]
    assert document["threshold"] == 0.1
    shares = {"OA": 75, "R1_soft": 50, "R1_soft_cond": 200 / 3, "R1_strict": 25}
    for key, value in {**shares, "R1_strict_cond": 100 / 3}.items():
        assert document["metrics"][key] == pytest.approx(value), key
    assert "VISOR_uncond" not in document
    assert set(document["intervals"]) == {*shares, "R1_strict_cond"}
    assert "reconstruction" in document["notes"][0]
    verdicts = [json.loads(line) for line in Path("v.jsonl").read_text().splitlines()]
    assert [v["correct"] for v in verdicts] == [True, False, False, False]
    assert "holds for 1 of 2 pairs" in verdicts[1]["reason"]
    official = json.loads(spatialbench(*arguments).out)
    assert official["metrics"]["VISOR_uncond"] == pytest.approx(50), "any pair, like soft"
    table = spatialbench("score", "--bench", "visor", "--detections", file, "--rule", "pse").out
    assert "PSE_cond" in table
    assert "VISOR_cond" not in table
    document = json.loads(spatialbench(*arguments, "--rule", "pse").out)
    # One of the two dogs of equal score counts: the first.
    assert document["metrics"]["PSE"] == pytest.approx(50)
    assert document["metrics"]["PSE_cond"] == pytest.approx(200 / 3)


def test_options_are_part_of_the_name(spatialbench: Command) -> None:
    prompt = next(p for p in _prompts("visor", "relational") if p.task == "left")
    a, b = prompt.objects
    file = _write([_record(prompt.id, [(a, [0, 0, 30, 30]), (b, [15, 0, 45, 30])])])

    def strict(rule: str, key: str) -> tuple[str, float]:
        arguments = ("score", "--bench", "visor", "--detections", file, "--format", "json")
        document = json.loads(spatialbench(*arguments, "--rule", rule).out)
        return document["rule"], document["metrics"][key]

    assert strict("esplora-r1", "R1_strict") == ("esplora-r1/1", 0)
    assert strict("esplora-r1/1:tau=2", "R1_strict") == ("esplora-r1/1+tau:2", 100)
    assert strict("esplora-r2", "R2_strict") == ("esplora-r2/1", 100)
    assert strict("esplora-r2:tau=1.5", "R2_strict") == ("esplora-r2/1+tau:1.5", 0)
    assert strict("esplora-r2:tau=3.0", "R2_strict")[0] == "esplora-r2/1"


def test_geneval_knows_both_names_of_a_class(spatialbench: Command) -> None:
    prompts = _prompts("geneval", "position")
    prompt = next(p for p in prompts if "tv remote" in p.objects)
    assert prompt.triplet is not None
    subject, relation, target = astuple(prompt.triplet)
    low, high = ([50, 0, 70, 20], [50, 100, 70, 120])
    places = {
        "left": (LEFT, MIDDLE),
        "right": (RIGHT, MIDDLE),
        "above": (low, high),
        "below": (high, low),
    }[relation]
    labels = [name.replace("tv remote", "remote") for name in (subject, target)]
    file = _write([_record(prompt.id, list(zip(labels, places, strict=True)))])
    arguments = ("--detections", file, "--rule", "esplora-r2", "--format", "json")
    document = json.loads(spatialbench("score", "--bench", "geneval", *arguments).out)
    assert (document["metrics"]["R2_strict"], document["threshold"]) == (100, 0.3)


def test_what_a_rule_has_nothing_to_say_of_is_left_out_and_said(spatialbench: Command) -> None:
    prompts = _prompts("geneval", "all")
    position = next(p for p in prompts if p.task == "position")
    counting = next(p for p in prompts if p.task == "counting")
    file = _write([_record(position.id, []), _record(counting.id, [("dog", LEFT)])])
    arguments = ("--bench", "geneval", "--detections", file, "--rule", "esplora-r1")
    document = json.loads(
        spatialbench("score", *arguments, "--format", "json", "--verdicts", "v.jsonl").out
    )
    assert document["metrics"]["R1_strict"] == 0
    assert document["groups"]["counting"]["metrics"]["R1_strict"] is None
    assert [note for note in document["notes"] if "1 of 2 prompts ask for nothing" in note]
    reasons = [json.loads(line)["reason"] for line in Path("v.jsonl").read_text().splitlines()]
    assert sum(r.startswith("not judged: esplora-r1/1 says nothing of") for r in reasons) == 1
    assert "left out" in spatialbench("score", *arguments).out


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Prompt:
    t2i_compbench_files(monkeypatch)
    prompts = _prompts("t2i-compbench", "3d")
    return next(p for p in prompts if "in front of" in p.text)


def test_depth_needs_a_map_of_the_same_size(spatialbench: Command, front: Prompt) -> None:
    words = [name.split()[-1] for name in front.objects]
    labels = ["person" if word in ("man", "woman", "girl", "boy") else word for word in words]
    file = _write([_record(front.id, list(zip(labels, (LEFT, RIGHT), strict=True)))])
    arguments = ("score", "--bench", "t2i-compbench:3d", "--detections", file, "--format", "json")
    failed = spatialbench(*arguments, "--rule", "esplora-r1")
    assert failed.status == 2
    assert "needs a depth map" in failed.err
    assert "spatialbench depth RUN" in failed.err

    folder = Path("maps") / front.id
    folder.mkdir(parents=True)
    ramp = np.tile(np.linspace(60000, 10, 128).astype(np.uint16), (128, 1))
    Image.fromarray(ramp).save(folder / "0.png")
    document = json.loads(spatialbench(*arguments, "--rule", "esplora-r1:depth=maps").out)
    assert document["metrics"]["R1_strict"] == 100
    Image.fromarray(ramp[:, ::-1].copy()).save(folder / "0.png")
    assert (
        json.loads(spatialbench(*arguments, "--rule", "pse:depth=maps").out)["metrics"]["PSE"] == 0
    )

    Image.fromarray(ramp[:100]).save(folder / "0.png")
    failed = spatialbench(*arguments, "--rule", "esplora-r1:depth=maps")
    assert failed.status == 2
    assert "a depth map of 128x100 for an image of 128x128" in failed.err


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("esplora-r3", "unknown rule of visor 'esplora-r3': did you mean esplora-r"),
        ("ofical", "did you mean official"),
        ("esplora-r1:tau=0", "tau=0 is out of range"),
        ("esplora-r1:tau=x", "tau=x is not a number: give one, as in --rule esplora-r1:tau=3"),
        ("esplora-r1:tua=3", "unknown parameter 'tua': did you mean tau"),
        ("pse:tau=3", "unknown parameter 'tau'"),
        ("esplora-r1:depth=nowhere", "depth=nowhere is not a folder"),
    ],
)
def test_rules_nobody_knows(spatialbench: Command, rule: str, message: str) -> None:
    failed = spatialbench("score", "--bench", "visor", "--detections", _write([]), "--rule", rule)
    assert failed.status == 2
    assert message in failed.err
    assert "Traceback" not in failed.err


def test_they_are_listed(spatialbench: Command) -> None:
    out = spatialbench("list", "rules").out
    assert "esplora-r1/1 of any benchmark" in out
    assert "visor-centroid/1 of visor" in out
