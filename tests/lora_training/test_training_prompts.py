"""Prompts of training images: balanced, never about a pair kept for evaluation, readable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.lab.captions import held_out
from spatialbench.lab.pictograms import NAMES
from spatialbench.lora_training.training_prompts import EVERY, draw_prompts, read_prompts
from spatialbench.prompts import asked_triplets
from spatialbench.relations import Relation, find_relations

FIRST = [
    "a baseball bat to the left of a skis",
    "a baseball bat on the right of a bus",
    "a mouse on the top of a wallet",
]
"""What version 0.1 drew from seed 1."""


def test_drawn_prompts_say_what_their_triplets_say() -> None:
    prompts = draw_prompts(400, seed=3)
    assert set(Counter(prompt.task for prompt in prompts).values()) == {100}
    for prompt in prompts:
        triplet = prompt.triplet
        assert triplet is not None
        assert not held_out(triplet.subject, triplet.object)
        assert {triplet.subject, triplet.object} <= set(NAMES)
        said = find_relations(prompt.text)
        assert [match.relation for match in said] == [triplet.relation]
        assert triplet.subject in prompt.text[: said[0].start]
        assert triplet.object in prompt.text[said[0].end :]
    assert len({prompt.id for prompt in prompts}) == len({p.text for p in prompts}) == 400


def test_a_larger_count_begins_with_a_smaller_one_s_prompts() -> None:
    assert draw_prompts(40, seed=1)[:10] == draw_prompts(10, seed=1)
    assert draw_prompts(10, seed=1) != draw_prompts(10, seed=2)


def test_complex_prompts_have_two_relations_on_different_axes() -> None:
    prompts = draw_prompts(60, complex_share=0.5)
    both = [asked_triplets(prompt) for prompt in prompts if len(prompt.objects) == 3]
    assert 15 < len(both) < 45
    for first, second in both:
        assert first.subject == second.subject
        assert first.relation.axis != second.relation.axis
        assert not held_out(second.subject, second.object)
    text = next(prompt.text for prompt in prompts if len(prompt.objects) == 3)
    assert len(find_relations(text)) == 2


def test_relations_in_depth_take_turns_and_the_default_draws_as_ever() -> None:
    prompts = draw_prompts(120, seed=3, relations=EVERY)
    assert Counter(prompt.task for prompt in prompts) == dict.fromkeys(EVERY, 20)
    for prompt in prompts:
        assert [match.relation for match in find_relations(prompt.text)] == [prompt.task]
    asked = [asked_triplets(p) for p in draw_prompts(90, complex_share=1, relations=EVERY)]
    assert all(first.relation.axis != second.relation.axis for first, second in asked)
    assert {second.relation for _, second in asked} == set(EVERY)
    for text in (prompt.text for prompt in draw_prompts(90, complex_share=1, relations=EVERY)):
        assert len(find_relations(text)) == 2
    # The first four draw what 0.1 drew of that seed.
    assert draw_prompts(40, complex_share=0.5, relations=EVERY[:4]) == draw_prompts(
        40, complex_share=0.5
    )
    assert [prompt.text for prompt in draw_prompts(3, seed=1)] == FIRST
    with pytest.raises(UserError, match="cannot be drawn of near: give some of left, right"):
        draw_prompts(1, relations=[Relation.NEAR])
    with pytest.raises(UserError, match="cannot be drawn of no relation"):
        draw_prompts(1, relations=[])
    with pytest.raises(UserError, match="in_front, behind all lie on one"):
        draw_prompts(1, complex_share=0.5, relations=EVERY[4:])


def test_own_objects() -> None:
    names = {"dog", "kettle", "ladder", "violin"}
    assert {o for p in draw_prompts(50, objects=sorted(names)) for o in p.objects} == names
    with pytest.raises(UserError, match="2 objects are too few"):
        draw_prompts(1, objects=["dog", "cat", "dog"])


def test_prompts_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(
        '{"text": "a dog left of a cat", "relations": [["dog", "left", "cat"]]}\n\n'
        '{"text": "x", "relations": [["a", "above", "b"], ["a", "in_front", "c"]]}\n'
    )
    first, second = read_prompts(file)
    assert (first.text, first.task, first.objects) == (
        "a dog left of a cat",
        "left",
        ("dog", "cat"),
    )
    assert [t.relation for t in asked_triplets(second)] == [Relation.ABOVE, Relation.IN_FRONT]
    assert second.objects == ("a", "b", "c")


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ('{"text": "a", "relations": [["a", "near", "b"]]}', "line 1, .*'near' is not a relation"),
        ('{"text": "a", "relations": []}', "line 1, .*at least one relation"),
        ('{"text": "a"}', "line 1, .*expected"),
        ("dog left of cat", "line 1, is not a prompt"),
        ("", "holds no prompt"),
    ],
)
def test_lines_that_are_no_prompts(tmp_path: Path, line: str, match: str) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(UserError, match=match):
        read_prompts(file)
    with pytest.raises(UserError, match="cannot read the prompts"):
        read_prompts(tmp_path / "none.jsonl")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85"])
def test_a_line_ends_at_a_line_feed_alone(tmp_path: Path, odd: str, mark: str) -> None:
    """As language models write them, and PowerShell's mark before the first."""
    lines = [f'{{"text": "a dog{odd}left of a cat", "relations": [["dog", "left", "cat"]]}}\n'] * 2
    (tmp_path / "in.jsonl").write_text(mark + "".join(lines), encoding="utf-8")
    prompts = read_prompts(tmp_path / "in.jsonl")
    assert [prompt.text for prompt in prompts] == [f"a dog{odd}left of a cat"] * 2
