"""The rule on positions by boxes and depth, on cases computed by hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench.api import choosing
from spatialbench.benchmarks.geneval2 import PLUGIN, sources
from spatialbench.benchmarks.geneval2.positions import RELATIONS
from spatialbench.benchmarks.geneval2.prompts import read_prompts
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.exchange.score_file import score_file
from spatialbench.plugins import Evidence, Verdict
from spatialbench.plugins.evidence import BOXES, DEPTH
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from spatialbench.reports.marks import marked
from spatialbench.reports.single import summary_report
from tests.geneval2.conftest import official_prompts
from tests.geneval2.test_prompts import content

_WORDS = ["", "one", "two", "three"]
Box = tuple[str, tuple[float, ...], float]


def line(*groups: tuple[int, str], relations: tuple[str, ...] = ()) -> dict[str, Any]:
    """A prompt of groups in a chain, in the form of the benchmark's file."""
    told = [name if number == 1 else f"{name}s" for number, name in groups]
    clauses = [f" {words} {name}" for words, name in zip(relations, told[1:], strict=False)]
    asked = []
    for place, (number, name) in enumerate(groups):
        asked.append(([f"How many {name}s are in the image?", _WORDS[number]], "count"))
        asked.append(([f"Are there any {name}s in the image?", "Yes"], "object"))
        if place < len(relations):
            verb = "Is" if number == 1 else "Are"
            where = f"{verb} the {told[place]} {relations[place]} the {told[place + 1]}?"
            asked.append(([where, "Yes"], "position"))
    return {
        "prompt": told[0] + "".join(clauses),
        "atom_count": 3,
        "vqa_list": [pair for pair, _ in asked],
        "skills": [skill for _, skill in asked],
    }


def prompt(*groups: tuple[int, str], relations: tuple[str, ...]) -> Prompt:
    return read_prompts(content(line(*groups, relations=relations)), "it")[0]


def judged(asked: Prompt, *boxes: Box, rule: str = "geneval2-geometry", **more: Any) -> Verdict:
    """The verdict on an image of 100 x 100 pixels."""
    found = Detections.build(
        [box for _, box, _ in boxes],
        [score for _, _, score in boxes],
        [name for name, _, _ in boxes],
        100,
        100,
    )
    chosen = choosing.rule(PLUGIN, rule)
    return chosen.judge_evidence(asked, Evidence(asked, boxes=found, **more), chosen.threshold)


DOGS_LEFT = prompt((2, "dog"), (1, "cat"), relations=("to the left of",))
FIRST, SECOND = ("dog", (0, 0, 10, 10), 0.9), ("dog", (20, 0, 30, 10), 0.8)
CAT = ("cat", (40, 0, 50, 10), 0.7)
FAR = ("dog", (60, 0, 70, 10), 0.6)


def test_the_official_file_has_the_662_atoms_that_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sources.FOLDER_VARIABLE, str(official_prompts().parent))
    prompts = PLUGIN.prompts("all")
    assert Counter(t.relation for p in prompts for t in p.facts["judged_triplets"]) == {
        Relation.LEFT: 119,
        Relation.RIGHT: 108,
        Relation.ABOVE: 104,
        Relation.BELOW: 108,
        Relation.IN_FRONT: 112,
        Relation.BEHIND: 111,
    }
    assert not any(p.facts["unread_positions"] for p in prompts)
    assert Counter(len(p.facts["judged_triplets"]) for p in prompts) == {0: 281, 1: 376, 2: 143}
    names = {name for p in prompts for name in PLUGIN.labels(p)}
    assert (len(names), "sheep" in names, "cookie" in names) == (40, True, True)
    # Independent of how the questions are read: another derivation of the same file.
    told = json.loads((official_prompts().parent / "geneval2_spatial_atoms.json").read_text())
    assert Counter((atom["line"], atom["relation"]) for atom in told["atoms"]) == Counter(
        (int(p.id), t.relation.value) for p in prompts for t in p.facts["judged_triplets"]
    )
    # No method is told of them: what it makes of a prompt is as before.
    assert all(p.triplet is None and not p.objects and "triplets" not in p.facts for p in prompts)


def test_a_detector_is_asked_for_the_names_alone() -> None:
    asked = prompt((2, "sheep"), (1, "toy"), relations=("behind",))
    assert PLUGIN.labels(asked) == ("sheep", "toy")
    assert asked.facts["judged_triplets"] == (Triplet("sheep", Relation.BEHIND, "toy"),)
    assert asked.facts["group_sizes"] == {"sheep": 2, "toy": 1}


def test_every_pair_of_the_groups_must_hold() -> None:
    both = judged(DOGS_LEFT, FIRST, SECOND, CAT)
    assert (both.correct, both.score, both.facts["held_left_of"]) == (True, 1.0, 1)
    apart = judged(DOGS_LEFT, FIRST, FAR, CAT)
    assert (apart.correct, apart.facts["some"], apart.facts["both"]) == (False, 1, 1)
    assert apart.reason.endswith("the relation holds for 1 of 2 pairs")


def test_only_as_many_boxes_as_are_asked_for_count_best_first() -> None:
    assert judged(DOGS_LEFT, FAR, SECOND, CAT, FIRST).correct
    better = ("dog", FAR[1], 0.85)
    assert not judged(DOGS_LEFT, better, SECOND, CAT, FIRST).correct
    # One of two dogs is there: that there are two is another atom's question.
    assert judged(DOGS_LEFT, FIRST, CAT).correct


def test_two_boxes_of_one_object_are_one() -> None:
    # 9 x 10 of 11 x 10 pixels are shared: an IoU of 0.82.
    again = ("dog", (1, 0, 11, 10), 0.85)
    assert not judged(DOGS_LEFT, FIRST, again, CAT, FAR).correct
    assert judged(DOGS_LEFT, FIRST, again, CAT, FAR, rule="geneval2-geometry:overlap=1").correct
    # Boxes of other names are other objects, wherever they lie.
    hidden = ("cat", (20, 0, 30, 10), 0.7)
    assert judged(DOGS_LEFT, FIRST, hidden).facts["both"] == 1


@pytest.mark.parametrize(
    ("words", "cat", "holds"),
    [
        # Side 10: an overlap of 3 is 0.3 of it, one of 4 is 0.4, and a third is allowed.
        # The cat of the last case lies within the dog's columns: all of it overlaps.
        ("on top of", (0, 43, 10, 53), True),
        ("on top of", (0, 44, 10, 54), False),
        ("on top of", (0, 80, 10, 90), False),
        ("under", (0, 67, 10, 77), True),
        ("under", (0, 66, 10, 76), False),
        ("to the right of", (26, 50, 36, 60), False),
        ("to the right of", (27, 50, 37, 60), True),
        ("to the left of", (-7, 50, 3, 60), True),
        ("to the left of", (0, 50, 3, 60), False),
    ],
)
def test_relations_in_the_plane(words: str, cat: tuple[float, ...], holds: bool) -> None:
    asked = prompt((1, "cat"), (1, "dog"), relations=(words,))
    dog = (0, 50, 30, 70)
    verdict = judged(asked, ("cat", cat, 0.5), ("dog", dog, 0.5))
    assert verdict.correct is holds
    key = words.removeprefix("to the ").replace(" ", "_")
    assert verdict.facts[f"asked_{key}"] == 1
    assert sum(int(value) for name, value in verdict.facts.items() if "asked_" in name) == 1


@pytest.mark.parametrize(
    ("words", "near", "holds"),
    [
        ("in front of", 0.56, True),
        ("in front of", 0.54, False),
        ("behind", 0.44, True),
        ("behind", 0.46, False),
    ],
)
def test_relations_in_depth(words: str, near: float, holds: bool) -> None:
    """The right half is at 0.5, the left half nearer or farther by more or less than 0.05."""
    asked = prompt((1, "cat"), (1, "dog"), relations=(words,))
    depth = np.full((100, 100), 0.5, dtype=np.float32)
    depth[:, :50] = near
    boxes: tuple[Box, ...] = (("cat", (0, 0, 40, 40), 0.5), ("dog", (60, 0, 90, 40), 0.5))
    assert judged(asked, *boxes, depth=depth).correct is holds
    assert choosing.rule(PLUGIN, "geneval2-geometry").needs_of(asked) == (BOXES, DEPTH)


def test_what_is_missing() -> None:
    asked = prompt((1, "cat"), (1, "dog"), (1, "cow"), relations=("behind", "on top of"))
    nothing = judged(asked, ("cat", (0, 0, 40, 40), 0.5))
    assert (nothing.score, nothing.facts["both"], nothing.facts["found_all"]) == (0.0, 0, False)
    assert "no dog found" in nothing.reason
    # An object without a box needs no depth; two with one do, and no map is no answer.
    above, below = ("dog", (0, 0, 10, 10), 0.5), ("cow", (0, 20, 10, 30), 0.5)
    assert judged(asked, above, below).score == 0.5
    with pytest.raises(UserError, match="there are no depth"):
        judged(asked, above, ("cat", (50, 0, 90, 40), 0.5))
    # At the threshold a box does not count.
    assert judged(asked, ("dog", (0, 0, 10, 10), float(np.float32(0.1))), below).score == 0


def test_what_it_does_not_judge() -> None:
    out = judged(read_prompts(content(line((1, "cat"))), "it")[0], ("cat", (0, 0, 9, 9), 0.9))
    assert (out.facts["judged"], out.facts["positions"]) == (False, 0)
    with pytest.raises(UserError, match="judges the prompts of GenEval 2"):
        judged(Prompt("1", "a dog left of a cat", "x", Triplet("dog", Relation.LEFT, "cat")))
    odd = line((1, "cat"), (1, "dog"), relations=("diagonally over",))
    with pytest.raises(UserError, match="cannot read 'Is the cat diagonally over the dog"):
        judged(read_prompts(content(odd), "it")[0])
    for wrong in ("overlap=0", "overlap=2", "tau=0", "margin=1"):
        with pytest.raises(UserError, match="out of range"):
            choosing.rule(PLUGIN, f"geneval2-geometry:{wrong}")


def test_the_numbers_of_a_file_and_its_mark(tmp_path: Path) -> None:
    """Three prompts: one holds, one of two chained ones holds, one has no position."""
    lines = [
        line((1, "cat"), (1, "dog"), relations=("on top of",)),
        line((1, "cat"), (1, "dog"), (1, "cow"), relations=("to the left of", "on top of")),
        line((1, "cow")),
    ]
    (tmp_path / "own.jsonl").write_bytes(content(*lines))
    left, right, low = [0, 0, 10, 10], [50, 0, 60, 10], [50, 30, 60, 40]
    rows = [
        {"prompt_id": "0", "boxes": [right, low], "labels": ["cat", "dog"]},
        {"prompt_id": "1", "boxes": [left, right], "labels": ["cat", "dog"]},
        {"prompt_id": "2", "boxes": [left], "labels": ["cow"]},
    ]
    (tmp_path / "boxes.jsonl").write_text(
        "".join(
            json.dumps(
                {**r, "index": 0, "width": 100, "height": 100, "scores": [0.5] * len(r["boxes"])}
            )
            + "\n"
            for r in rows
        )
    )
    benchmark, _ = choosing.benchmark_and_subset(f"geneval2:{tmp_path / 'own.jsonl'}")
    judging = choosing.judging(benchmark, "geneval2-geometry/1", None)
    summary = score_file(benchmark, tmp_path / "boxes.jsonl", judging, None, 1).summary
    assert summary.threshold == 0.1
    assert {
        key: round(value, 6) for key, value in summary.metrics.items() if value is not None
    } == {
        "OA": 50.0,
        "positions_held": round(200 / 3, 6),
        "positions_cond": 100.0,
        "all_held": 50.0,
        "left_of": 100.0,
        "on_top_of": 50.0,
        "some_pair": round(200 / 3, 6),
    }
    assert summary.reasons["under"] == "undefined: no prompt asks for 'under'"
    low_end, high_end = summary.intervals["on_top_of"]
    assert low_end is not None
    assert high_end is not None
    assert low_end <= 50 <= high_end
    assert any("1 of 3 prompts ask for nothing" in note for note in summary.notes)
    assert any("is a rule of this project" in note for note in summary.notes)
    assert marked(summary).endswith("[o]")
    text = summary_report(summary, benchmark).text("table")
    assert "[o]" in text
    assert set(RELATIONS.values()) == set(Relation) - {Relation.NEAR}
