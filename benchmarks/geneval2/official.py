"""The official score file: a JSON list with a list of answers per prompt, in the prompts' order.

Source: ``evaluation.py`` of facebookresearch/GenEval2 @ a6e82d2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from spatialbench.errors import UserError
from spatialbench.files.documents import parse_json, read_limited
from spatialbench.plugins import Verdict
from spatialbench.plugins.evidence import Evidence
from spatialbench.plugins.records import checked_answers
from spatialbench.prompts import Prompt

from .prompts import questions_of
from .rule import verdict

RESULTS = "score_lists.json"
"""What a score file is called here; the official script is told a name."""


def read_official(
    path: Path, prompts: Sequence[Prompt], threshold: float
) -> list[tuple[Prompt, int, Verdict]]:
    """Verdicts on the answers of a score file.

    Raises:
        UserError: a file that is no such list, another number of lists than prompts or of answers
            than questions, or an answer that is no number from 0 to 1.
    """
    try:
        lists = parse_json(read_limited(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give an existing file.") from error
    except ValueError as error:
        raise UserError(
            f"{path} is not a score file of GenEval 2 ({error}): expected a JSON list of lists."
        ) from error
    if not isinstance(lists, list) or not all(isinstance(one, list) for one in lists):
        raise UserError(
            f"{path} is not a score file of GenEval 2: expected a JSON list with a list of answers "
            "per prompt."
        )
    if len(lists) != len(prompts):
        raise UserError(
            f"{path} has the answers of {len(lists):,} prompts, and there are {len(prompts):,}: "
            "the file goes by their order alone, so that each needs its list."
        )
    judged = []
    for prompt, answers in zip(prompts, lists, strict=True):
        try:
            found = checked_answers(questions_of(prompt), answers)
        except UserError as error:
            raise UserError(f"{path}, list {int(prompt.id) + 1}: {error}") from error
        judged.append((prompt, 0, verdict(prompt, found, threshold)))
    return judged


def official_file(
    images: Iterable[tuple[Prompt, int, Evidence]], prompts: Sequence[Prompt]
) -> bytes:
    """The score file of these images.

    Raises:
        UserError: prompts without an image, or with several: the file has no place for them.
    """
    lists: dict[str, list[float]] = {}
    for prompt, index, seen in images:
        if index:
            raise UserError(
                "a score file of GenEval 2 has one image per prompt, and this run has more: make "
                "one with --images-per-prompt 1."
            )
        asked, answers = questions_of(prompt), seen.answers
        if missing := [question for question in asked if question not in answers]:
            raise UserError(
                f"there is no answer to {missing[0]!r} about image {prompt.id}/{index}: ask the "
                "judge with 'spatialbench detect RUN --judge NAME' first."
            )
        lists[prompt.id] = [answers[question] for question in asked]
    if len(lists) != len(prompts):
        raise UserError(
            f"a score file of GenEval 2 goes by the order of its {len(prompts):,} prompts alone, "
            f"and there are answers of {len(lists):,}: make the whole run first."
        )
    return json.dumps([lists[prompt.id] for prompt in prompts]).encode()
