"""``samples/<prompt>_<running number>.png``: how the official scripts name their images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from spatialbench.errors import UserError
from spatialbench.plugins.layout import (
    ImageFiles,
    Layout,
    Names,
    PassedOver,
    Placed,
    Plan,
    is_number,
)
from spatialbench.prompts import Key

_GRID = re.compile(r".+-grid-\d+", re.ASCII)

_MOST_A_PROMPT = 64


class RunningLayout(Layout):
    """The number runs on over the images of the whole prompt file, in its order."""

    summary = "samples/<prompt>_<running number>.png"

    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        """``<prompt>_<running number>.png``, in ``samples/`` or not; n runs on over the prompts."""
        lines: dict[str, list[int]] = {}
        for line, prompt in enumerate(names.prompts):
            lines.setdefault(prompt.text, []).append(line)
        placed: dict[str, Placed] = {}
        numbered: dict[str, tuple[list[int], int]] = {}
        for name in source.names:
            path = PurePosixPath(name)
            text, _, digits = path.stem.rpartition("_")
            if _GRID.fullmatch(path.stem):
                placed[name] = PassedOver("the official script's sheet of all samples of a prompt")
            elif path.parts[0] == "labels" and len(path.parts) > 1:
                placed[name] = PassedOver("what the official scorers write")
            elif not text or not is_number(digits):
                placed[name] = "expected '<prompt>_<6 digits>.png'"
            elif text not in lines:
                placed[name] = f"the benchmark has no prompt {text!r}"
            else:
                numbered[name] = lines[text], int(digits)
        per_prompt = names.images_per_prompt
        # Numbers that fit another count everywhere may fit this one here and there, and shifted.
        other = _images_per_prompt(list(numbered.values()), per_prompt)
        from_1 = _fits(numbered.values(), per_prompt, first=1)
        from_1 = from_1 and not _fits(numbered.values(), per_prompt)
        for name, (candidates, number) in numbered.items():
            fits = number // per_prompt in candidates
            first = candidates[0] * per_prompt
            if from_1:
                placed[name] = (
                    "the running numbers begin at 1, and numbers from 000000 on are expected: "
                    "rename the files, or use --layout flat+csv"
                )
            # The first prompt's numbers are the same by any count.
            elif other is not None and not (fits and number < per_prompt):
                placed[name] = (
                    f"the running numbers are those of {other} images per prompt, and {per_prompt} "
                    f"are expected: give --images-per-prompt {other}"
                )
            elif not fits:
                placed[name] = (
                    f"the prompt's running numbers are {first:06d} to {first + per_prompt - 1:06d} "
                    f"with {per_prompt} images per prompt"
                )
            else:
                placed[name] = names.prompts[number // per_prompt].id, number % per_prompt
        return placed

    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        """See the class. Raises UserError for a text that cannot stand in a file name."""
        position = {prompt.id: place for place, prompt in enumerate(names.prompts)}
        per_prompt = names.images_per_prompt
        images = {}
        for prompt_id, k in keys:
            text = names.known[prompt_id].text
            if any(character in text for character in "_/\\") or k >= per_prompt:
                raise UserError(
                    f"image {k} of {text!r} has no name in the layout t2i-compbench, whose names "
                    f"are '<prompt>_<number>.png' with {per_prompt} images per prompt: choose "
                    "another --layout."
                )
            number = position[prompt_id] * per_prompt + k
            images[prompt_id, k] = f"samples/{text}_{number:06d}.png"
        return Plan(images, {})


LAYOUT = RunningLayout()


def _images_per_prompt(numbered: list[tuple[list[int], int]], expected: int) -> int | None:
    """The count by which all running numbers fit their prompts, where the expected one fits less.

    None where the expected one fits all, or where none or several others do.
    """
    if not numbered or _fits(numbered, expected):
        return None
    others = [count for count in range(1, _MOST_A_PROMPT + 1) if _fits(numbered, count)]
    return others[0] if len(others) == 1 else None


def _fits(numbered: Iterable[tuple[list[int], int]], count: int, first: int = 0) -> bool:
    """Whether all running numbers are their prompts', with ``count`` a prompt from ``first`` on."""
    return all((number - first) // count in lines for lines, number in numbered)
