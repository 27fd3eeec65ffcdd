"""The result files of the official scorers: ``vqa_result.json``, the average, ``mapping.json``.

Source: ``UniDet_eval/{2D_spatial_eval,3D_spatial_eval,numeracy_eval}.py`` of
Karine-Huang/T2I-CompBench @ 1b70949.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spatialbench.documents import first_error, read_limited
from spatialbench.errors import UserError
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt

from .official_names import (
    IMAGES_PER_PROMPT,
    line_of,
    parse_sample_name,
    running_number,
    sample_name,
)
from .prompts import prompts

Judged = tuple[Prompt, int, Verdict]

RESULTS = "vqa_result.json"
MAPPING = "mapping.json"


class Answer(BaseModel):
    """One picture. The answer of the script is a number; the README's sample shows text."""

    question_id: int
    answer: Annotated[float, Field(allow_inf_nan=False)]


class Mapped(BaseModel):
    """Which picture a question id stands for."""

    model_config = ConfigDict(extra="allow")

    image: str
    question_id: int


Row = TypeVar("Row", Answer, Mapped)
_ANSWERS = TypeAdapter(list[Answer])
_MAPPING = TypeAdapter(list[Mapped])


@dataclass(frozen=True, slots=True)
class Files:
    """Folder and average file of a category, and what the script writes into the latter."""

    folder: str
    average: str
    text: Callable[[float, int], str]
    mapping: bool


FILES: dict[str, Files] = {
    "2d": Files(
        "annotation_obj_detection_2d",
        "avg_score.txt",
        lambda total, number: f"score avg:{total / number}",
        True,
    ),
    "3d": Files(
        "annotation_obj_detection_3d",
        "avg_result.txt",
        lambda total, number: f"avg score is {total / number}",
        False,
    ),
    "numeracy": Files(
        "annotation_num",
        "score.txt",
        lambda total, number: f"total:{total} num:{number} avg:{total / number}",
        False,
    ),
}
FILES["complex"] = FILES["2d"]


def official_files(category: str, judged: Iterable[Judged]) -> dict[str, str]:
    """The content of the result files by path below ``labels``, in order of running number.

    An answer of exactly zero is the integer 0, as the scripts write it.

    Raises:
        UserError: no picture.
    """
    rows = sorted((running_number(line_of(p), index), p.text, v.score) for p, index, v in judged)
    if not rows:
        raise UserError("there is no picture to write results of: score some first.")
    files = FILES[category]
    answers = [{"question_id": n, "answer": score if score else 0} for n, _, score in rows]
    total = sum(score for _, _, score in rows)
    content = {
        f"{files.folder}/{RESULTS}": json.dumps(answers),
        f"{files.folder}/{files.average}": files.text(total, len(rows)),
    }
    if files.mapping:
        images = [{"image": sample_name(text, n), "question_id": n} for n, text, _ in rows]
        content[f"{files.folder}/{MAPPING}"] = json.dumps(images)
    return content


def read_official(path: Path, category: str) -> list[Judged]:
    """Verdicts of a ``vqa_result.json``, in its order.

    A question id is ten times the line of its prompt plus the number of the picture. Where a
    ``mapping.json`` lies beside the file, its names must be of the same prompts. ``correct`` is an
    answer above one half: the file does not say more.

    Raises:
        UserError: a file that is no such list, an id without a prompt, or pictures of another
            category.
    """
    known = prompts(category)
    answers = _read(path, _ANSWERS)
    beside = path.with_name(MAPPING)
    if beside.is_file():
        _check_names(beside, _read(beside, _MAPPING), known, category)
    return [_judged(path, answer, known, category) for answer in answers]


def _judged(path: Path, answer: Answer, known: Sequence[Prompt], category: str) -> Judged:
    prompt = _prompt(path, answer.question_id, known, category)
    verdict = Verdict(
        correct=answer.answer > 0.5,
        score=answer.answer,
        reason=f"expected {prompt.text}; answered {answer.answer:g} in {path.name}",
    )
    return prompt, answer.question_id % IMAGES_PER_PROMPT, verdict


def _prompt(path: Path, number: int, known: Sequence[Prompt], category: str) -> Prompt:
    line = number // IMAGES_PER_PROMPT
    if not 0 <= line < len(known):
        raise UserError(
            f"{path}: the question id {number} has no prompt: {category} has {len(known)} prompts "
            f"of {IMAGES_PER_PROMPT} pictures, so ids go from 0 to "
            f"{len(known) * IMAGES_PER_PROMPT - 1}; keep each category in a folder of its own."
        )
    return known[line]


def _check_names(
    path: Path, mapping: Sequence[Mapped], known: Sequence[Prompt], category: str
) -> None:
    for entry in mapping:
        name = parse_sample_name(Path(entry.image).name)
        prompt = _prompt(path, name.number, known, category)
        if name.prompt != prompt.text:
            raise UserError(
                f"{path}: the picture {entry.image!r} stands where {category} has "
                f"{prompt.text!r}: another category, or another order of prompts; give --bench "
                "t2i-compbench:CATEGORY, and keep each category in a folder of its own."
            )


def _read(path: Path, form: TypeAdapter[list[Row]]) -> list[Row]:
    try:
        return form.validate_json(read_limited(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give an existing file.") from error
    except ValidationError as error:
        raise UserError(
            f"{path} is not a T2I-CompBench file ({first_error(error)}); "
            "expected a JSON list of objects with question_id and answer."
        ) from error
    except ValueError as error:
        raise UserError(f"cannot read {path}: {error}; give a file of results.") from error
