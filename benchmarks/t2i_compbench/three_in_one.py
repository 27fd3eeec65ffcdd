"""How three answers about a complex prompt's images become one: the 3-in-1 of the official script.

Source: ``3_in_1_eval/3_in_1.py`` of Karine-Huang/T2I-CompBench @ 1b70949. It joins three lists by
position alone: whatever their ids say, answers 10i to 10i + 9 are those of the i-th prompt.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from .official_names import IMAGES_PER_PROMPT

Answers = npt.NDArray[np.float64]


class Branch(StrEnum):
    """Which lists count for a prompt besides that of its attributes."""

    SPATIAL = "spatial"
    ACTION = "action"
    ALL = "all"


def prompt_key(line: str) -> str:
    """By what a prompt is looked up: its text before the first full stop, in lower case."""
    return line.strip("\n").split(".")[0].lower()


def prompt_lines(text: str) -> list[str]:
    """The prompts of a file, one per line; whatever its line ends."""
    return [line.strip("\n") for line in io.StringIO(text, newline=None)]


def branch_of(text: str, spatial: Collection[str], action: Collection[str]) -> Branch:
    """The branch of a prompt.

    Args:
        spatial: the keys of the prompts of ``complex_val_spatial.txt``, see ``prompt_key``.
        action: those of ``complex_val_action.txt``; a prompt of both is spatial.
    """
    key = prompt_key(text)
    if key in spatial:
        return Branch.SPATIAL
    return Branch.ACTION if key in action else Branch.ALL


def joined(branch: Branch, attribute: Answers, spatial: Answers, action: Answers) -> Answers:
    """The answers of a prompt's images, from 0 to 1; a list that does not count may be empty.

    Args:
        attribute: one float64 per image, as are the others.

    Raises:
        ValueError: lists of different lengths, as numpy says it.
    """
    if branch is Branch.SPATIAL:
        return (spatial + attribute) * 0.5
    if branch is Branch.ACTION:
        return (action + attribute) * 0.5
    return (attribute + spatial + action) / 3


def three_in_one(
    attribute: Sequence[float],
    spatial: Sequence[float],
    action: Sequence[float],
    branches: Sequence[Branch],
    count: int = IMAGES_PER_PROMPT,
) -> list[float]:
    """The joined lists of all prompts, as the script joins them.

    Answers behind the last prompt are left out; what is missing from a list matters only where it
    would be used.

    Args:
        attribute: BLIP-VQA's answers; ``spatial``, UniDet's; ``action``, CLIP's cosines.
        branches: of each prompt, in the order of their file.
        count: images per prompt; the script's own is ten.

    Raises:
        ValueError: a list that is too short where it is used.
    """
    lists = [np.array(one, dtype=np.float64) for one in (attribute, spatial, action)]
    found: list[float] = []
    for row, branch in enumerate(branches):
        part = slice(row * count, (row + 1) * count)
        found += joined(branch, *(one[part] for one in lists)).tolist()
    return found
