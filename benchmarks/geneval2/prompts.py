"""The prompts of GenEval 2 with their questions, from JSON Lines.

Source: ``geneval2_data.jsonl`` and ``evaluation.py`` of facebookresearch/GenEval2 @ a6e82d2.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from spatialbench.errors import UserError
from spatialbench.files.documents import json_lines, parse_json
from spatialbench.plugins.judge import YES, Question
from spatialbench.prompts import Prompt

from .positions import facts_of

_COUNTING = "How many"
"""How a question begins whose answer is a number; every other one is asked for yes."""

_EXPECTED = (
    'expected {"prompt": text, "atom_count": number, "vqa_list": [[question, answer], ...], '
    '"skills": [one per question]}'
)


@lru_cache(maxsize=4)
def read_prompts(content: bytes, where: str) -> tuple[Prompt, ...]:
    """The prompts of a file, in its order.

    An id is the number of the line, from 0; the task is the number of atoms. ``facts`` holds
    ``atom_count``, ``skills`` and ``questions``, as a judge is asked: ``Is it red?``, ``How many
    dogs are in the image? -> two``; and what ``positions`` reads of them.

    Args:
        where: what the file is called in messages.

    Raises:
        UserError: no prompt, or a line of another form; names it.
    """
    prompts = []
    for number, line in enumerate(json_lines(content)):
        try:
            prompts.append(_prompt(number, parse_json(line)))
        except (ValueError, KeyError, TypeError) as error:
            problem = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise UserError(
                f"{where}, line {number + 1}, is not a prompt ({problem}): {_EXPECTED}."
            ) from error
    if not prompts:
        raise UserError(f"{where} holds no prompt: {_EXPECTED} on every line.")
    return tuple(prompts)


def questions_of(prompt: Prompt) -> tuple[str, ...]:
    """What a judge is asked about the images of a prompt.

    Raises:
        UserError: a prompt that has no questions.
    """
    asked = prompt.facts.get("questions")
    if not asked:
        raise UserError(
            f"{prompt.text!r} has no questions: this rule judges the prompts of GenEval 2, and "
            "those of files of its form."
        )
    return tuple(asked)


def _prompt(number: int, record: Any) -> Prompt:
    if not isinstance(record, Mapping):
        raise TypeError("it is no object")
    text, atoms = record["prompt"], record["atom_count"]
    skills, pairs = record["skills"], record["vqa_list"]
    if not (isinstance(text, str) and text.strip()):
        raise TypeError("its prompt is no text")
    if type(atoms) is not int or atoms < 1:
        raise TypeError(f"its atom_count is {atoms!r}, and no whole number from 1 on")
    if not (isinstance(pairs, list) and pairs):
        raise TypeError("its vqa_list is no list of questions")
    if not (isinstance(skills, list) and all(isinstance(skill, str) for skill in skills)):
        raise TypeError("its skills are no list of texts")
    if len(skills) != len(pairs):
        raise ValueError(f"it has {len(pairs)} questions and {len(skills)} skills")
    facts = {
        "atom_count": atoms,
        "skills": tuple(skills),
        "questions": tuple(str(_question(pair)) for pair in pairs),
        **facts_of(pairs, skills),
    }
    return Prompt(str(number), text, f"{atoms} atoms", facts=facts)


def _question(pair: Any) -> Question:
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair)):
        raise TypeError(f"{pair!r} is no question with its answer")
    text, answer = pair
    question = Question(text, answer.lower() if text.startswith(_COUNTING) else YES)
    if Question.of(str(question)) != question:
        raise ValueError(f"{pair!r} is no question that ends with '?' and has an answer of a word")
    return question
