"""Where each tool's users keep their images: file names to prompts and image indices.

A layout says what a name means and never guesses: a name that does not follow it, or whose prompt
the benchmark does not have, is reported. What the official tools leave beside the images, and
what is no image at all, is passed over and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from ..errors import unknown_name
from .image_names import Names as Names
from .image_names import PassedOver, Placed, is_number
from .image_table import MANIFEST as MANIFEST
from .image_table import place_by_table
from .metadata_folders import place_in_folders
from .sources import Source

IMAGES = (".png", ".jpg", ".jpeg", ".webp")

_OTHER_IMAGES = (
    *(".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl", ".jp2", ".jfif"),
    *(".ppm", ".pgm", ".tga", ".exr", ".ico", ".apng"),
)
"""Images all the same: to pass them over would lose them."""

_GRID = re.compile(r".+-grid-\d+", re.ASCII)

_MOST_A_PROMPT = 64

Layout = Callable[[Source, Names], dict[str, Placed]]


def _by_id(source: Source, names: Names) -> dict[str, Placed]:
    """``<prompt id>_<k>.png``; or ``<prompt>_<k>.png``, where only one prompt has that text."""
    placed: dict[str, Placed] = {}
    for name in source.names:
        prompt_id, _, index = PurePosixPath(name).stem.rpartition("_")
        same_text = names.by_text.get(prompt_id, [])
        if not prompt_id or not is_number(index):
            placed[name] = "expected <prompt id>_<k>.png, such as 1103_0.png"
        elif prompt_id in names.known:
            placed[name] = prompt_id, int(index)
        elif len(same_text) == 1:
            placed[name] = same_text[0].id, int(index)
        elif same_text:
            ids = " and ".join(prompt.id for prompt in same_text[:3])
            placed[name] = f"the text is that of several prompts: name it by its id, such as {ids}"
        else:
            placed[name] = names.unknown(prompt_id)
    return placed


def _running(source: Source, names: Names) -> dict[str, Placed]:
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
                "the running numbers begin at 1, and numbers from 000000 on are expected: rename "
                "the files, or use --layout flat+csv"
            )
        # The first prompt's numbers are the same by any count.
        elif other is not None and not (fits and number < per_prompt):
            placed[name] = (
                f"the running numbers are those of {other} images a prompt, and {per_prompt} are "
                f"expected: give --images-per-prompt {other}"
            )
        elif not fits:
            placed[name] = (
                f"the prompt's running numbers are {first:06d} to {first + per_prompt - 1:06d} "
                f"with {per_prompt} images a prompt"
            )
        else:
            placed[name] = names.prompts[number // per_prompt].id, number % per_prompt
    return placed


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


LAYOUTS: Mapping[str, Layout] = {
    "visor": _by_id,
    "t2i-compbench": _running,
    "geneval": place_in_folders,
    "flat+csv": place_by_table,
}
"""By the name that ``--layout`` takes."""


def place(layout: str, source: Source, names: Names) -> dict[str, Placed]:
    """What each file of a source is.

    Raises:
        UserError: an unknown layout, or a table of contents that cannot be used.
    """
    if layout not in LAYOUTS:
        raise unknown_name("layout", layout, LAYOUTS)
    placed = {
        name: _as_image(name, where, by_table=layout == "flat+csv")
        for name, where in LAYOUTS[layout](source, names).items()
    }
    return _numbered_from_0(placed, names, layout)


def _as_image(name: str, where: Placed, by_table: bool) -> Placed:
    """The same, unless the file is no image, or one that is not read."""
    suffix = PurePosixPath(name).suffix.lower()
    if isinstance(where, PassedOver) or suffix in IMAGES:
        return where
    if suffix in _OTHER_IMAGES or (by_table and not isinstance(where, str)):
        return f"not an image that is read: expected {', '.join(IMAGES)}"
    # A table that names a file which is not there is wrong, whatever the file would be.
    if by_table and "is not there" in where:
        return where
    return PassedOver("no image")


def _numbered_from_0(placed: dict[str, Placed], names: Names, layout: str) -> dict[str, Placed]:
    """The same, but no image of prompts whose images are numbered from elsewhere than 0.

    By seeds, or from 1: as they stand, image 1 would be taken for the second, and the last for
    one too many.
    """
    indices: dict[str, set[int]] = {}
    for where in placed.values():
        if isinstance(where, tuple):
            indices.setdefault(where[0], set()).add(where[1])
    beyond = names.images_per_prompt - 1
    shifted = {
        prompt_id for prompt_id, found in indices.items() if 0 not in found and max(found) > beyond
    }
    if indices and not any(0 in found for found in indices.values()) and shifted:
        shifted = set(indices)
    if not shifted:
        return placed
    everyone = "every prompt's" if shifted == set(indices) else "the prompt's"
    way = "write the index so" if layout == "flat+csv" else "or use --layout flat+csv"

    def said(prompt_id: str) -> str:
        of = indices[prompt_id]
        if shifted == set(indices):
            of = set().union(*indices.values())
        count = len(indices[prompt_id])
        return (
            f"{everyone} images are numbered {min(of)} to {max(of)}, and numbers from 0 are "
            f"expected: rename them 0 to {count - 1}, {way}"
        )

    return {
        name: said(where[0]) if isinstance(where, tuple) and where[0] in shifted else where
        for name, where in placed.items()
    }
