"""File names of a run's images in each official layout, and the files that go with them.

The counterpart of ``spatialbench.exchange.read_layouts``: what is written here is read back there.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import UserError, unknown_name
from ..prompts import Key, Prompt
from ..runs.expected import Expected
from .read_layouts import MANIFEST


@dataclass(frozen=True)
class Plan:
    """Where each image goes, and the contents of the files beside them, by relative name."""

    images: Mapping[Key, str]
    files: Mapping[str, bytes]


Planner = Callable[[Expected, list[Key]], Plan]


def _visor(expected: Expected, keys: list[Key]) -> Plan:
    return Plan({(prompt_id, k): f"{prompt_id}_{k}.png" for prompt_id, k in keys}, {})


def _t2i_compbench(expected: Expected, keys: list[Key]) -> Plan:
    """``samples/<prompt>_<running number>.png``; the number is that of the whole prompt file."""
    position = {prompt.id: place for place, prompt in enumerate(expected.all_prompts)}
    per_prompt = expected.images_per_prompt
    images = {}
    for prompt_id, k in keys:
        text = expected.by_id[prompt_id].text
        if any(character in text for character in "_/\\") or k >= per_prompt:
            raise UserError(
                f"image {k} of {text!r} has no name in the layout t2i-compbench, whose names "
                f"are '<prompt>_<number>.png' with {per_prompt} images a prompt: choose another "
                "--layout."
            )
        number = position[prompt_id] * per_prompt + k
        images[prompt_id, k] = f"samples/{text}_{number:06d}.png"
    return Plan(images, {})


def _geneval(expected: Expected, keys: list[Key]) -> Plan:
    """``<folder>/samples/<k>.png`` with the prompt's own line of the official file beside it."""
    lines = _official_lines(expected)
    folders = {
        prompt.id: prompt.id if len(prompt.id) == 5 and prompt.id.isdecimal() else f"{place:05d}"
        for place, prompt in enumerate(expected.all_prompts)
    }
    used = {prompt_id for prompt_id, _ in keys}
    return Plan(
        {(prompt_id, k): f"{folders[prompt_id]}/samples/{k:05d}.png" for prompt_id, k in keys},
        {f"{folders[prompt_id]}/metadata.jsonl": lines[prompt_id] for prompt_id in sorted(used)},
    )


def _flat_csv(expected: Expected, keys: list[Key]) -> Plan:
    images = {(prompt_id, k): f"{prompt_id}_{k}.png" for prompt_id, k in keys}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["file", "prompt_id", "index", "prompt"])
    for (prompt_id, k), name in images.items():
        writer.writerow([name, prompt_id, k, expected.by_id[prompt_id].text])
    return Plan(images, {MANIFEST: out.getvalue().encode()})


LAYOUTS: Mapping[str, Planner] = {
    "visor": _visor,
    "t2i-compbench": _t2i_compbench,
    "geneval": _geneval,
    "flat+csv": _flat_csv,
}
"""By the name that ``--layout`` takes."""


def plan(layout: str, expected: Expected, keys: list[Key]) -> Plan:
    """Names of these images in a layout.

    Raises:
        UserError: an unknown layout, or a prompt it has no name for.
    """
    if layout not in LAYOUTS:
        raise unknown_name("layout", layout, LAYOUTS)
    return LAYOUTS[layout](expected, keys)


def _official_lines(expected: Expected) -> dict[str, bytes]:
    """A prompt's line of the official prompt file where that is JSON Lines, else a small object."""
    prompts = expected.all_prompts
    lines = expected.benchmark.official_prompts(expected.subset).splitlines()
    if len(lines) == len(prompts) and all(
        _says(line, prompt) for line, prompt in zip(lines, prompts, strict=True)
    ):
        return {p.id: line + b"\n" for p, line in zip(prompts, lines, strict=True)}
    return {
        prompt.id: json.dumps({"tag": prompt.task, "prompt": prompt.text}).encode() + b"\n"
        for prompt in prompts
    }


def _says(line: bytes, prompt: Prompt) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and record.get("prompt") == prompt.text
