"""The result files of the official scorers: ``vqa_result.json``, the average, ``mapping.json``.

Source: ``UniDet_eval/{2D_spatial_eval,3D_spatial_eval,numeracy_eval}.py``,
``BLIPvqa_eval/BLIP_vqa.py`` and ``CLIPScore_eval/CLIP_similarity.py`` of
Karine-Huang/T2I-CompBench @ 1b70949.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spatialbench.errors import UserError
from spatialbench.files.documents import first_error, read_limited
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt

from .judging import ATTRIBUTES, NON_SPATIAL, SIMILAR, WHOLE
from .official_names import (
    IMAGES_PER_PROMPT,
    line_of,
    parse_sample_name,
    running_number,
    sample_name,
)
from .prompts import prompts

Judged = tuple[Prompt, int, Verdict]

_MOST_A_PROMPT = 64

RESULTS = "vqa_result.json"
MAPPING = "mapping.json"


class Answer(BaseModel):
    """One image. The answer of the script is a number; the README's sample shows text."""

    question_id: int
    answer: Annotated[float, Field(allow_inf_nan=False)]


class Mapped(BaseModel):
    """Which image a question id stands for."""

    model_config = ConfigDict(extra="allow")

    image: str
    question_id: int


Row = TypeVar("Row", Answer, Mapped)
_ANSWERS = TypeAdapter(list[Answer])
_MAPPING = TypeAdapter(list[Mapped])


@dataclass(frozen=True, slots=True)
class Files:
    """What the script of a category writes.

    Attributes:
        folder: below the folder of a category.
        average: the file of the mean, and ``text`` what it says.
        mapping: whether a file tells which image an id stands for.
        ranked: whether ids count the images that are there; else they are running numbers.
        answer: how an answer is written; the scripts of relations write zero as the integer 0.
        lowest: the least answer there can be.
    """

    folder: str
    average: str
    text: Callable[[float, int], str]
    mapping: bool = False
    ranked: bool = False
    answer: Callable[[float], int | float | str] = lambda score: score or 0
    lowest: int = 0


FILES: dict[str, Files] = {
    "2d": Files(
        "labels/annotation_obj_detection_2d",
        "avg_score.txt",
        lambda total, number: f"score avg:{total / number}",
        mapping=True,
    ),
    "3d": Files(
        "labels/annotation_obj_detection_3d",
        "avg_result.txt",
        lambda total, number: f"avg score is {total / number}",
    ),
    "numeracy": Files(
        "labels/annotation_num",
        "score.txt",
        lambda total, number: f"total:{total} num:{number} avg:{total / number}",
    ),
}
FILES["complex"] = FILES["2d"]
FILES |= dict.fromkeys(
    ATTRIBUTES,
    Files(
        "annotation_blip",
        "blip_vqa_score.txt",
        lambda total, number: f"BLIP-VQA score:{total / number}",
        ranked=True,
        answer=lambda score: f"{score:.4f}",
    ),
)
FILES[NON_SPATIAL] = Files(
    "annotation_clip",
    "score_avg.txt",
    lambda total, number: f"score avg:{total / number}",
    ranked=True,
    answer=float,
    lowest=-1,
)
FILES[WHOLE] = replace(FILES[NON_SPATIAL], folder="annotation_3_in_1", average="vqa_score.txt")


def official_files(
    category: str, judged: Iterable[Judged], count: int = IMAGES_PER_PROMPT
) -> dict[str, str]:
    """The content of the result files by path, in order of running number.

    ``count`` is the number of images per prompt, by which the ids count.

    Raises:
        UserError: no image.
    """
    rows = sorted(
        (running_number(line_of(p), index, count), p.text, v.score) for p, index, v in judged
    )
    if not rows:
        raise UserError("there is no image to write results of: score some first.")
    files = FILES[category]
    answers = [
        {"question_id": rank if files.ranked else number, "answer": files.answer(score)}
        for rank, (number, _, score) in enumerate(rows)
    ]
    total = sum(score for _, _, score in rows)
    content = {
        f"{files.folder}/{RESULTS}": json.dumps(answers),
        f"{files.folder}/{files.average}": files.text(total, len(rows)),
    }
    if files.mapping:
        images = [{"image": sample_name(text, n), "question_id": n} for n, text, _ in rows]
        content[f"{files.folder}/{MAPPING}"] = json.dumps(images)
    return content


def read_official(path: Path, category: str, images_per_prompt: int | None = None) -> list[Judged]:
    """Verdicts of a ``vqa_result.json``, in its order.

    A question id is the line of its prompt times the images per prompt, plus the number of the
    image. Where a ``mapping.json`` lies beside the file, its names must be of the same prompts.
    ``correct`` is an answer above one half, or above the rule's threshold where answers are
    cosines: the file does not say more.

    Args:
        images_per_prompt: None for ten, unless ids or names fit another number alone.

    Raises:
        UserError: a file that is no such list, an id without a prompt, an answer outside 0 to 1,
            images of another category, or ids that fit two numbers of images per prompt.
    """
    known = prompts(category)
    answers = read_answers(path)
    beside = path.with_name(MAPPING)
    mapping = _read(beside, _MAPPING) if beside.is_file() else []
    count = images_per_prompt or _images_per_prompt(path, answers, mapping, known)
    if FILES[category].ranked and len(answers) != count * len(known):
        raise UserError(
            f"{path} has {len(answers):,} answers, and {category} has {len(known)} prompts of "
            f"{count} images: its ids count the images that were there, so that of fewer it cannot "
            "be told which; import the images instead, or give --images-per-prompt."
        )
    if mapping:
        _check_names(beside, mapping, known, category, count)
    return [
        _judged(path, place, answer, known, category, count)
        for place, answer in enumerate(answers, 1)
    ]


def read_answers(path: Path) -> list[Answer]:
    """The entries of a ``vqa_result.json``, in its order.

    Raises:
        UserError: it cannot be read, or is no such list.
    """
    return _read(path, _ANSWERS)


def _images_per_prompt(
    path: Path, answers: Sequence[Answer], mapping: Sequence[Mapped], known: Sequence[Prompt]
) -> int:
    """How many images per prompt the ids count with, where the user did not say."""
    if mapping:
        names = [parse_sample_name(Path(entry.image).name) for entry in mapping]
        lines = {prompt.text: line for line, prompt in enumerate(known)}
        fit = [
            count
            for count in range(1, _MOST_A_PROMPT + 1)
            if all(lines.get(name.prompt) == name.number // count for name in names)
        ]
        return fit[0] if len(fit) == 1 else IMAGES_PER_PROMPT
    # The last images may be missing, and some between, but a prompt that has none is rare.
    end = 1 + max((answer.question_id for answer in answers), default=-1)
    number = -(-end // len(known))
    short = number * len(known) - end
    if 0 < number < IMAGES_PER_PROMPT and short < number:
        raise UserError(
            f"{path} answers the ids 0 to {end - 1}, which are {number} images of each of "
            f"{len(known)} prompts, or {IMAGES_PER_PROMPT} of the first "
            f"{-(-end // IMAGES_PER_PROMPT)}: say which with --images-per-prompt {number} "
            f"or --images-per-prompt {IMAGES_PER_PROMPT}."
        )
    return IMAGES_PER_PROMPT


def _judged(
    path: Path, place: int, answer: Answer, known: Sequence[Prompt], category: str, count: int
) -> Judged:
    lowest = FILES[category].lowest
    if not lowest <= answer.answer <= 1:
        raise UserError(
            f"{path}, entry {place} (question id {answer.question_id}), has the answer "
            f"{answer.answer:g}: expected a number from {lowest} to 1 (divide percent by 100)."
        )
    prompt = _prompt(path, answer.question_id, known, category, count)
    verdict = Verdict(
        correct=answer.answer > (SIMILAR if category == NON_SPATIAL else 0.5),
        score=answer.answer,
        reason=f"expected {prompt.text}; answered {answer.answer:g} in {path.name}",
    )
    return prompt, answer.question_id % count, verdict


def _prompt(path: Path, number: int, known: Sequence[Prompt], category: str, count: int) -> Prompt:
    line = number // count
    if not 0 <= line < len(known):
        raise UserError(
            f"{path}: the question id {number} has no prompt: {category} has {len(known)} prompts "
            f"of {count} images, so ids go from 0 to {len(known) * count - 1}; give "
            "--images-per-prompt if there are others, and keep each category in a folder of its "
            "own."
        )
    return known[line]


def _check_names(
    path: Path, mapping: Sequence[Mapped], known: Sequence[Prompt], category: str, count: int
) -> None:
    for entry in mapping:
        name = parse_sample_name(Path(entry.image).name)
        if name.number != entry.question_id:
            raise UserError(
                f"{path} gives the question id {entry.question_id} to {entry.image!r}, whose own "
                f"number is {name.number}: the answers would go to other prompts; number the "
                "answers as the images are."
            )
        prompt = _prompt(path, name.number, known, category, count)
        if name.prompt != prompt.text:
            raise UserError(
                f"{path}: the image {entry.image!r} stands where {category} has "
                f"{prompt.text!r} with {count} images per prompt: another number of images, "
                "category, or order of prompts; give --images-per-prompt or --bench "
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
