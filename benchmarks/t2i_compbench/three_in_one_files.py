"""A folder of the three official lists about complex prompts, joined as the official script does.

Below the folder of the category lie ``annotation_blip``, ``labels/annotation_obj_detection_2d``
and ``annotation_clip``, each with its ``vqa_result.json``. Prompt files that lie there too, under
their official names, take the place of the benchmark's own.
"""

from __future__ import annotations

from pathlib import Path

from spatialbench.errors import UserError
from spatialbench.files.documents import read_limited
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt

from . import sources
from .complex_prompts import BRANCHES
from .judging import WHOLE
from .official import RESULTS, Judged, read_answers
from .official_names import IMAGES_PER_PROMPT
from .prompts import prompts
from .three_in_one import Branch, branch_of, prompt_key, prompt_lines, three_in_one

PARTS = {
    "attribute": "annotation_blip",
    "spatial": "labels/annotation_obj_detection_2d",
    "action": "annotation_clip",
}
"""Where the official scripts write the three lists."""

_PROMPT_FILES = (sources.COMPLEX_WHOLE, sources.COMPLEX, sources.COMPLEX_ACTION)


def read_parts(folder: Path, images_per_prompt: int | None = None) -> list[Judged]:
    """The joined answers of every prompt, in the order of the prompt file.

    Args:
        images_per_prompt: None for the ten of the official script.

    Raises:
        UserError: a list or a prompt file that is missing or malformed, or a list that is too short
            for the prompts, at which the official script stops.
    """
    count = images_per_prompt or IMAGES_PER_PROMPT
    lists = {name: _answers(folder / where / RESULTS) for name, where in PARTS.items()}
    texts, spatial, action = _prompt_files(folder)
    known = _known(texts)
    keys = [frozenset(map(prompt_key, lines)) for lines in (spatial, action)]
    branches = [branch_of(text, *keys) for text in texts]
    try:
        answers = three_in_one(**lists, branches=branches, count=count)
    except ValueError as error:
        lengths = ", ".join(f"{name} {len(one):,}" for name, one in lists.items())
        raise UserError(
            f"the official script stops at {folder} with a ValueError ({error}): its lists have "
            f"the answers {lengths}, and {len(texts):,} prompts of {count} images need "
            f"{len(texts) * count:,} of each."
        ) from error
    return [
        (known[n // count], n % count, _verdict(known[n // count], branches[n // count], answer))
        for n, answer in enumerate(answers)
    ]


def _answers(path: Path) -> list[float]:
    """The answers of a list in its own order: its ids say nothing, as to the official script."""
    if not path.is_file():
        raise UserError(
            f"there is no {path}: a folder of complex results holds the lists "
            f"{', '.join(f'{where}/{RESULTS}' for where in PARTS.values())}."
        )
    return [answer.answer for answer in read_answers(path)]


def _prompt_files(folder: Path) -> list[list[str]]:
    """The lines of the three prompt files: of all prompts, the spatial ones, those of actions."""
    found = []
    for name in _PROMPT_FILES:
        path = folder / name
        try:
            content = read_limited(path) if path.is_file() else sources.content(name)
            found.append(prompt_lines(content.decode("utf-8")))
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read {path}: {error}; give a text file.") from error
    return found


def _known(texts: list[str]) -> list[Prompt]:
    """The benchmark's own prompts where these are they, else prompts of these texts."""
    if texts == list(sources.lines_if_there(sources.COMPLEX_WHOLE)):
        return list(prompts(WHOLE))
    return [
        Prompt(id=f"line_{line}", text=text, task="complex", facts={"category": WHOLE})
        for line, text in enumerate(texts, 1)
    ]


def _verdict(prompt: Prompt, branch: Branch, answer: float) -> Verdict:
    joined = BRANCHES[branch]
    return Verdict(
        correct=answer > 0.5,
        score=answer,
        reason=f"expected {prompt.text}; answered {answer:g}, the mean of {joined}",
    )
