"""Selections: nested, balanced, and the same whatever order the prompts come in."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.prompts import Prompt
from spatialbench.runs.selection import Selection, run_order, select
from tests.stages.fakes import make_prompts

prompt_lists = st.lists(
    st.tuples(st.text("abc123", min_size=1, max_size=5), st.sampled_from(["x", "y", "z"])),
    unique_by=lambda pair: pair[0],
    max_size=40,
).map(lambda pairs: [Prompt(name, f"text {name}", task) for name, task in pairs])


@given(prompt_lists, st.integers(1, 45), st.integers(0, 45))
def test_a_larger_limit_contains_a_smaller(prompts: list[Prompt], limit: int, more: int) -> None:
    small = select(prompts, Selection(limit))
    large = select(prompts, Selection(limit + more))
    assert len(small) == min(limit, len(prompts))
    assert large[: len(small)] == small


@given(prompt_lists, st.integers(1, 45))
def test_tasks_are_balanced(prompts: list[Prompt], limit: int) -> None:
    there = Counter(prompt.task for prompt in prompts)
    chosen = Counter(prompt.task for prompt in select(prompts, Selection(limit)))
    most = max(chosen.values(), default=0)
    for task, count in there.items():
        assert chosen[task] >= min(count, most - 1)


@given(prompt_lists, st.randoms())
def test_the_order_given_does_not_matter(prompts: list[Prompt], random: Random) -> None:
    shuffled = list(prompts)
    random.shuffle(shuffled)
    assert run_order(shuffled) == run_order(prompts)
    assert sorted(p.id for p in run_order(prompts)) == sorted(p.id for p in prompts)


def test_the_shuffle_is_pinned() -> None:
    # Changing it would make every unfinished limited run begin with other prompts. By hand:
    # printf 'spatialbench/run-order/1\\0%s' ID | sha256sum, sorted within above, left and right.
    ids = [p.id for p in select(make_prompts(12), Selection(6))]
    assert ids == ["8", "3", "10", "5", "9", "1"]


def test_it_is_a_shuffle() -> None:
    ids = [int(p.id) for p in run_order(make_prompts(300)) if p.task == "left"]
    rising = sum(a < b for a, b in pairwise(ids))
    assert 35 < rising < 65


def test_only() -> None:
    prompts = make_prompts(12)
    left = select(prompts, Selection(only=("left",)))
    assert [p.task for p in left] == ["left"] * 4
    assert {p.id for p in select(prompts, Selection(only=("left", "7")))} == {
        *(p.id for p in left),
        "7",
    }
    assert Selection.parse_only(" left, 7,,") == ("left", "7")
    assert Selection.parse_only(None) == ()
    with pytest.raises(UserError, match="did you mean left"):
        select(prompts, Selection(only=("lefft",)))


@pytest.mark.parametrize("number", [0, -3])
def test_nothing_cannot_be_selected(number: int) -> None:
    with pytest.raises(UserError, match=f"--limit {number} selects no image"):
        Selection(limit=number)
    with pytest.raises(UserError, match=f"--images-per-prompt {number} selects no image"):
        Selection(images_per_prompt=number)


def test_a_long_list_of_names_is_signed_by_its_number_and_hash() -> None:
    few = Selection(only=("left", "right"))
    assert few.signed_only == ("left", "right")
    many = tuple(str(i) for i in range(40))
    (signed,) = Selection(only=many).signed_only
    assert signed.startswith("40-names@")
    assert Selection(only=many[::-1]).signed_only == (signed,)
    assert Selection(only=(*many[1:], "x")).signed_only != (signed,)


@given(prompt_lists)
def test_the_order_is_as_it_is_defined(prompts: list[Prompt]) -> None:
    """By turn, then by task; again from a tuple, whose order is kept and not shared."""

    def shuffled(prompt: Prompt) -> bytes:
        return hashlib.sha256(f"spatialbench/run-order/1\0{prompt.id}".encode()).digest()

    turns = []
    for task in {prompt.task for prompt in prompts}:
        members = sorted((p for p in prompts if p.task == task), key=shuffled)
        turns += [(turn, task, prompt) for turn, prompt in enumerate(members)]
    defined = [prompt for *_, prompt in sorted(turns, key=lambda entry: entry[:2])]
    whole = tuple(prompts)
    for given_as in (prompts, whole, whole):
        found = run_order(given_as)
        assert found == defined
        found.clear()
