"""Which spatial term a prompt gets: near in three forms, relations in depth, and none at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench.errors import UserError
from spatialbench.methods.infsplign.placement import Placement, placed_relations
from spatialbench.methods.infsplign.variants import NEAR
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import PHRASES, Relation

DIRECTED = {
    "to the left of": Relation.LEFT,
    "on the left of": Relation.LEFT,
    "left of": Relation.LEFT,
    "to the right of": Relation.RIGHT,
    "on the right of": Relation.RIGHT,
    "right of": Relation.RIGHT,
    "on the top of": Relation.ABOVE,
    "on top of": Relation.ABOVE,
    "above": Relation.ABOVE,
    "on the bottom of": Relation.BELOW,
    "below": Relation.BELOW,
}
SYMMETRIC = {"near": Relation.LEFT, "on side of": Relation.LEFT, "next to": Relation.RIGHT}
"""The sides that the thesis' code takes them for."""


@pytest.mark.parametrize("phrase", DIRECTED)
@pytest.mark.parametrize("near", NEAR)
def test_a_direction_is_taken_as_it_is(pair: Any, phrase: str, near: str) -> None:
    prompt = pair("dog", phrase, "cat")
    for released in (False, True):
        assert placed_relations(prompt, near, released=released) == (DIRECTED[phrase],)


@pytest.mark.parametrize("phrase", SYMMETRIC)
def test_the_three_forms_of_near(pair: Any, phrase: str) -> None:
    prompt = pair("dog", phrase, "cat")
    for released in (False, True):
        assert placed_relations(prompt, "none", released=released) == (None,)
        assert placed_relations(prompt, "apart", released=released) == (Relation.NEAR,)
        assert placed_relations(prompt, "sides", released=released) == (SYMMETRIC[phrase],)


def test_every_phrase_is_of_one_kind() -> None:
    depth = {p for p, relation in PHRASES.items() if relation.axis == "depth"}
    assert DIRECTED.keys() | SYMMETRIC.keys() | depth == PHRASES.keys()


@pytest.mark.parametrize("phrase", ["Next To", "next to"])
def test_the_phrase_is_read_from_the_text_whatever_its_case(phrase: str) -> None:
    prompt = Prompt("1", f"a dog {phrase} a cat", "x", Triplet("dog", Relation.NEAR, "cat"))
    assert placed_relations(prompt, "sides", released=True) == (Relation.RIGHT,)


def test_the_sides_of_all_prompts_of_t2i_compbench(data: Path) -> None:
    """37 on side of and 24 near to the left, 24 next to to the right: 85 of 300."""
    found = {Relation.LEFT: 0, Relation.RIGHT: 0}
    lines = (data / "t2i_compbench" / "spatial_val.txt").read_text(encoding="utf-8").splitlines()
    for line in filter(None, map(str.strip, lines)):
        phrase = next((p for p in SYMMETRIC if f" {p} " in line), None)
        if phrase:
            subject, object_ = line.split(f" {phrase} ")
            prompt = Prompt("1", line, phrase, Triplet(subject, Relation.NEAR, object_))
            (relation,) = placed_relations(prompt, "sides", released=False)
            assert relation is not None
            found[relation] += 1
    assert found == {Relation.LEFT: 37 + 24, Relation.RIGHT: 24}


@pytest.mark.parametrize("phrase", ["in front of", "behind", "hidden by"])
@pytest.mark.parametrize("near", NEAR)
def test_depth_is_refused_and_has_no_term_as_released(pair: Any, phrase: str, near: str) -> None:
    prompt = pair("dog", phrase, "cat", "7")
    with pytest.raises(UserError, match=r"prompt 7 asks for .*, which infsplign cannot guide"):
        placed_relations(prompt, near, released=False)
    assert placed_relations(prompt, near, released=True) == (None,)


def test_without_a_relation_it_is_refused() -> None:
    for released in (False, True):
        with pytest.raises(UserError, match=r"prompt 7 .* names no relation of two objects"):
            placed_relations(Prompt("7", "a dog and a cat", "and"), "none", released=released)


def test_a_batch_of_every_kind() -> None:
    relations = [Relation.RIGHT, None, Relation.NEAR, Relation.ABOVE]
    placement = Placement.of(relations, torch.device("cpu"), torch.float64)
    assert placement.direction.tolist() == [[-1, 0], [0, 0], [0, 0], [0, 1]]
    assert placement.across.tolist() == [[0, 1], [0, 0], [0, 0], [1, 0]]
    assert placement.known.tolist() == [1, 0, 1, 1]
    assert placement.apart is not None
    assert placement.apart.tolist() == [False, False, True, False]
    assert Placement.of([None], torch.device("cpu"), torch.float64).apart is None
