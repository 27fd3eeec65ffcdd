"""The prompt sets of the benchmark, and its numbers for boxes placed by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from spatialbench import plugins
from spatialbench.benchmarks.complex import drawing
from spatialbench.benchmarks.own_prompts.reading import prompt_of_record
from spatialbench.errors import UserError
from spatialbench.guidance.nouns import triplet_spans
from spatialbench.lab.captions import held_out, vocabulary
from spatialbench.prompts import COCO_NAMES, asked_triplets, prompt_set_hash
from spatialbench.relations import Relation
from spatialbench.reports.marks import _subset_marks
from spatialbench.runs.signature import Signature

BENCHMARK = plugins.load("benchmark", "complex")
GOLDEN = {
    "urban-like": "3b39c4facd60544096f2d9b8287340152c291135636630315a2e66ef7c5f6bdd",
    "urban-like-2d": "02b09d4d47469e49d1df9b19f83f7b6665525008f543999e3613bbdc23f3fd05",
    "lab": "eb1adeabb8e123ba51595400f4bb82fc29a7ae0b12f2e06744847fa8ccdf01f5",
}


@pytest.mark.parametrize("subset", GOLDEN)
def test_the_prompts_are_the_same_on_every_machine(subset: str) -> None:
    prompts = BENCHMARK.prompts(subset)
    assert prompt_set_hash(prompts) == GOLDEN[subset]
    assert len({prompt.text for prompt in prompts}) == len(prompts)
    for prompt in prompts:
        spans = triplet_spans(prompt, asked_triplets(prompt))
        named = [tuple(prompt.text[slice(*span)] for span in pair) for pair in spans]
        assert named == [(t.subject, t.object) for t in asked_triplets(prompt)]


def test_street_prompts_say_what_they_ask_for_and_nothing_odd() -> None:
    prompts = BENCHMARK.prompts("urban-like")
    assert set(drawing.STREET) <= set(COCO_NAMES)
    relations = Counter[Relation]()
    for prompt in prompts:
        asked = asked_triplets(prompt)
        # The reader of users' own prompts finds the same relations in the text.
        said = asked_triplets(prompt_of_record({"id": prompt.id, "prompt": prompt.text}))
        assert said == asked
        relations.update(triplet.relation for triplet in asked)
        for triplet in asked:
            if triplet.relation.axis == "y":
                upper = triplet.subject if triplet.relation is Relation.ABOVE else triplet.object
                assert upper in drawing.HIGH
    assert Counter(len(asked_triplets(p)) for p in prompts) == {1: 300, 2: 280}
    assert {len(p.objects) for p in prompts if len(asked_triplets(p)) == 2} == {3}
    assert len(relations) == 6
    assert min(relations.values()) >= 130


def test_those_in_the_plane_are_a_part_and_ask_for_nothing_in_depth() -> None:
    street, plane = BENCHMARK.prompts("urban-like"), BENCHMARK.prompts("urban-like-2d")
    assert plane == tuple(
        p for p in street if not any(t.relation.axis == "depth" for t in asked_triplets(p))
    )
    assert len(plane) == 300


def test_the_labs_prompts_are_in_its_words_about_pairs_it_was_never_told_of() -> None:
    words = set(vocabulary())
    for prompt in BENCHMARK.prompts("lab"):
        assert set(prompt.text.split()) <= words
        assert held_out(*prompt.objects)
        first, second = asked_triplets(prompt)
        assert {first.relation.axis, second.relation.axis} == {"x", "y"}


def test_t2i_compbenchs_sentences(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPATIALBENCH_T2I_COMPBENCH", str(data / "t2i_compbench"))
    prompts = BENCHMARK.prompts("t2i")
    assert len(prompts) == 58
    assert prompts[0].text == "The red hat was on top of the brown coat rack."
    assert prompts[0].objects == ("hat", "coat rack")
    (note,) = BENCHMARK.notes(prompts, "complex/1", "")
    assert note.startswith("17 of 58 prompts ask for 'next to'")


def test_an_unknown_subset_is_refused() -> None:
    with pytest.raises(UserError, match="unknown subset of complex 'urban'"):
        BENCHMARK.prompts("urban")


def test_rows_on_the_reconstructed_set_are_marked() -> None:
    made = "sd/1(steps=20) base:lab@8105357 seeds:protocol run:0123456789ab sb:0.1.0"
    seen = "rule:complex/1 det:owlvit@aaf2b2b thr:0.1 n:2x4"
    marks = {
        subset: _subset_marks(Signature.parse(f"complex/1 set:{subset} {seen} gen:{made}"))
        for subset in ("urban-like-2d", "lab")
    }
    assert marks == {"urban-like-2d": ("reconstruction",), "lab": ()}
    assert _subset_marks(Signature.parse(f"complex/1 {seen} gen:{made}")) == ("reconstruction",)
