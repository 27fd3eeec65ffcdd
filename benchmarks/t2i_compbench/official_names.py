"""The official names of samples: ``<prompt>_<000000>.png``, numbered through all prompts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from spatialbench.errors import UserError
from spatialbench.prompts import Prompt

IMAGES_PER_PROMPT = 10

_NAME = re.compile(r"(?P<prompt>[^_/\\]+)_(?P<number>\d{6,})\.png", re.ASCII)


class SampleName(NamedTuple):
    """What a sample's file name says: the prompt and the running number (its question id)."""

    prompt: str
    number: int


def sample_name(text: str, number: int) -> str:
    """File name of a sample.

    Raises:
        UserError: a prompt that the official scorer would read back as another one.
    """
    name = f"{text}_{number:06d}.png"
    if _NAME.fullmatch(name) is None:
        raise UserError(
            f"{text!r} cannot be part of an official file name: the scorer takes the text before "
            "the first '_' for the prompt; expected a prompt without '_', '/' and '\\'."
        )
    return name


def parse_sample_name(name: str) -> SampleName:
    """Read a sample's file name.

    Raises:
        UserError: another kind of name; the official scorer would stop at it.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise UserError(
            f"{name!r} is not a sample of T2I-CompBench: expected names like "
            "'a dog on the left of a cat_000310.png', and nothing else in the folder."
        )
    return SampleName(match["prompt"], int(match["number"]))


def running_number(line: int, index: int, images_per_prompt: int = IMAGES_PER_PROMPT) -> int:
    """Running number of image ``index`` of the prompt on line ``line`` (from 0)."""
    return line * images_per_prompt + index


def line_of(prompt: Prompt) -> int:
    """The line of a prompt of the benchmark's own files, from 0."""
    return int(prompt.id.rsplit("_", 1)[1])


def depth_name(prompt: Prompt, record: Mapping[str, Any]) -> str:
    """File name of a record's depth map: the one it names under ``depth``, else the official.

    Raises:
        UserError: a name with a folder in it.
    """
    given = record.get("depth")
    if given is None:
        return sample_name(prompt.text, running_number(line_of(prompt), int(record["index"])))
    if not isinstance(given, str) or Path(given).name != given or given in ("", ".", ".."):
        raise UserError(
            f"the depth map {given!r} is not a plain file name: name a file of the depth folder."
        )
    return given
