"""Running numbers under prompts' names: any start, any count, some prompts; never a guess."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from spatialbench.exchange.layouts import place
from spatialbench.exchange.sources import Source
from spatialbench.plugins.layout import Names, Placed
from spatialbench.prompts import Prompt

PROMPTS = [Prompt(f"2d_{n}", f"a thing {n} on side of it", "near") for n in range(30)]


def named(
    files: Iterable[str], count: int, prompts: Sequence[Prompt] = PROMPTS
) -> dict[str, Placed]:
    source = Source(Path("theirs"), tuple(sorted(files)), 0, lambda name: b"")
    return place("t2i-compbench", source, Names(prompts, count))


def folder(lines: Sequence[int], count: int, start: int = 0) -> dict[str, tuple[str, int]]:
    """What the official script writes for these prompts, one after the other."""
    numbers = iter(range(start, start + len(lines) * count))
    return {
        f"samples/{PROMPTS[line].text}_{next(numbers):06d}.png": (PROMPTS[line].id, k)
        for line in lines
        for k in range(count)
    }


@pytest.mark.parametrize("seed", range(12))
def test_some_prompts_in_any_order_with_any_count_from_any_start(seed: int) -> None:
    draw = random.Random(seed)
    lines = draw.sample(range(30), draw.randint(1, 12))
    count, start = draw.choice([1, 2, 4, 10]), draw.choice([0, 1, 7, 40, 1000])
    wanted = folder(lines, count, start)
    assert named(wanted, count) == wanted


@pytest.mark.parametrize("there", [1, 2, 4, 10])
@pytest.mark.parametrize("asked", [1, 3, 4, 10])
def test_another_count_is_never_taken_for_the_expected_one(there: int, asked: int) -> None:
    """What is placed is right; every other file has a sentence that names the count."""
    if there == asked:
        return
    wanted = folder([5, 9, 20], there)
    for name, where in named(wanted, asked).items():
        assert where == wanted[name] or f"give --images-per-prompt {there}" in str(where)


def test_a_gap_in_a_whole_prompt_file_shifts_nothing() -> None:
    wanted = folder(range(30), 4)
    for name in list(wanted)[::7]:
        del wanted[name]
    assert named(wanted, 4) == wanted


def test_a_gap_in_a_part_of_it_is_said() -> None:
    """Nobody knows whether the first or the last image is missing."""
    wanted = folder([3, 8, 21], 4)
    (first, *_) = [name for name, where in wanted.items() if where == ("2d_8", 0)]
    del wanted[first]
    placed = named(wanted, 4)
    for name, (prompt_id, index) in wanted.items():
        if prompt_id == "2d_8":
            assert "which are missing cannot be told" in str(placed[name])
            assert "000005, 000006, 000007" in str(placed[name])
        else:
            assert placed[name] == (prompt_id, index)


@pytest.mark.parametrize("count", [2, 4, 10])
def test_each_prompt_with_numbers_of_its_own(count: int) -> None:
    """As InfSplign's scripts write them, without padding; a missing image shifts no other."""
    wanted = {f"{p.text}_{k}.png": (p.id, k) for p in PROMPTS[:7] for k in range(count)}
    assert named(wanted, count) == wanted
    del wanted[f"{PROMPTS[2].text}_0.png"]
    assert named(wanted, count) == wanted


def test_runs_in_parts_that_were_put_together() -> None:
    """Each part counts from 0, so that numbers come twice."""
    wanted = folder([0, 1, 2], 4) | folder([15, 16, 17], 4)
    assert named(wanted, 4) == wanted


CUT = 30
ALIKE = [
    Prompt("0", "a photo of a bench to the left of a cat", "left"),
    Prompt("1", "a photo of a bench to the left of a dog", "left"),
    Prompt("2", "a painting of a bench above the moon", "above"),
    Prompt("3", "a photo of a bench to the left", "left"),
]


@pytest.mark.parametrize("layout", ["t2i-compbench", "id"])
def test_names_that_were_cut(layout: str) -> None:
    """One that begins a single prompt is that one's; of two prompts' names nobody knows whose."""
    assert len(ALIKE[3].text) == CUT
    names = [f"{prompt.text[:CUT]}_{n}.png" for n, prompt in enumerate(ALIKE)]
    source = Source(Path("theirs"), tuple(sorted(set(names))), 0, lambda name: b"")
    placed = place(layout, source, Names(ALIKE, 1 if layout == "t2i-compbench" else 4))
    for n in (0, 1, 3):
        assert "3 prompts have this file name once it is cut" in str(placed[names[n]])
        assert repr(ALIKE[0].text) in str(placed[names[n]])
    assert "cut" not in str(placed[names[2]])


def test_whole_names_are_never_taken_for_cut_ones() -> None:
    names = [f"{prompt.text}_{n}.png" for n, prompt in enumerate(ALIKE)]
    assert named(names, 1, ALIKE) == {
        name: (prompt.id, 0) for name, prompt in zip(names, ALIKE, strict=True)
    }
