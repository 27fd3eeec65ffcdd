"""Prompts from files of any of the usual forms: text, JSON Lines, JSON, CSV and TSV.

A line, object or row is a prompt. Its id is what the file says, exactly as it stands there, or the
number of the prompt from 0 on; what it asks for is what the file says, or what the text says in so
many words.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spatialbench.errors import UserError
from spatialbench.files.documents import LARGE, json_lines, parse_json, read_limited
from spatialbench.prompt_transforms.clauses import parse
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import PHRASES, Relation
from spatialbench.runs.names import safe_id

TEXTS = ("prompt", "text", "caption", "prompt_en", "prompt_zh")
IDS = ("prompt_id", "unique_id", "id", "index")
TASKS = ("task", "tag", "category")
RELATIONS = "relations"

_ARTICLES = ("a ", "an ", "the ", "one ", "two ", "three ", "four ", "five ", "six ", "seven ")
_EXPECTED = (
    'expected one prompt per line, JSON Lines or a JSON list of {"prompt": ...} with an "id" where '
    "there is one, a JSON object {id: prompt}, or CSV with the column prompt"
)


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """The prompts of a file, in its order.

    Raises:
        UserError: no such file, nothing that is a prompt, or one id twice.
    """
    try:
        content = read_limited(path, LARGE).decode("utf-8")
        records = list(_records(path, content))
    except OSError as error:
        raise UserError(
            f"the prompts {path} cannot be read ({error.strerror}): give --bench own-prompts:FILE."
        ) from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"the prompts {path} cannot be read ({error}): {_EXPECTED}.") from error
    prompts: dict[str, Prompt] = {}
    places: dict[str, str] = {}
    for number, (place, record) in enumerate(records):
        prompt = _prompt(f"{path}, {place}", number, record)
        if prompt.id in prompts:
            raise UserError(
                f"{path}, {place}, has the id {prompt.id!r}, which {places[prompt.id]} has "
                "already: give every prompt an id of its own."
            )
        prompts[prompt.id], places[prompt.id] = prompt, place
    if not prompts:
        raise UserError(f"{path} holds no prompt: {_EXPECTED}.")
    return tuple(prompts.values())


def record_of(prompt: Prompt) -> dict[str, Any]:
    """A prompt as a record that ``prompt_of_record`` reads again."""
    asked = prompt.facts.get("triplets") or ([prompt.triplet] if prompt.triplet else [])
    return {
        "id": prompt.id,
        "prompt": prompt.text,
        "task": prompt.task,
        RELATIONS: [[one.subject, one.relation.value, one.object] for one in asked],
    }


def prompt_of_record(record: Mapping[str, Any], number: int = 0) -> Prompt:
    """A prompt from its record.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    texts = [record[name] for name in TEXTS if isinstance(record.get(name), str)]
    if not texts or not texts[0].strip():
        raise KeyError("prompt")
    ids = [record[name] for name in IDS if name in record and record[name] not in (None, "")]
    if ids and (isinstance(ids[0], bool) or not isinstance(ids[0], str | int)):
        raise TypeError(f"its id {ids[0]!r} is neither a text nor a whole number")
    prompt_id = safe_id(str(ids[0]) if ids else str(number))
    text = texts[0]
    triplets = _given(record[RELATIONS]) if RELATIONS in record else _said(text)
    first = triplets[0] if triplets else None
    tasks = [record[name] for name in TASKS if isinstance(record.get(name), str) and record[name]]
    task = tasks[0] if tasks else first.relation.value if first else "other"
    objects = tuple(dict.fromkeys(name for t in triplets for name in (t.subject, t.object)))
    facts = {"triplets": tuple(triplets)} if len(triplets) > 1 else {}
    return Prompt(prompt_id, text, task, first, objects, facts)


def _records(path: Path, content: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Where each record stands, and what it holds."""
    if path.suffix.lower() in (".csv", ".tsv"):
        yield from _rows(path, content)
        return
    lines = [line.decode() for line in json_lines(content.encode())]
    if not content.lstrip().startswith(("{", "[")):
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield f"line {number}", {"prompt": line.strip()}
        return
    try:
        whole = parse_json(content)
    except ValueError:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield f"line {number}", _object(number, line)
        return
    if isinstance(whole, Mapping) and not any(name in whole for name in TEXTS):
        for key, text in json.loads(content, object_pairs_hook=list):
            yield f"key {key!r}", {"id": key, "prompt": text}
        return
    for number, record in enumerate(whole if isinstance(whole, list) else [whole], 1):
        yield f"entry {number}", record if isinstance(record, Mapping) else {"prompt": record}


def _object(number: int, line: str) -> Mapping[str, Any]:
    try:
        found = parse_json(line)
    except ValueError as error:
        raise ValueError(f"line {number} is no JSON: {error}") from error
    if not isinstance(found, Mapping):
        raise ValueError(f"line {number} is no object")
    return found


def _rows(path: Path, content: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter)
    if not set(TEXTS) & set(reader.fieldnames or ()):
        have = ", ".join(map(repr, reader.fieldnames or ())) or "none"
        raise ValueError(f"it has the columns {have}, and none of {', '.join(TEXTS)}")
    for row in reader:
        if any(isinstance(value, str) and value.strip() for value in row.values()):
            yield f"line {reader.line_num}", row


def _prompt(place: str, number: int, record: Mapping[str, Any]) -> Prompt:
    try:
        return prompt_of_record(record, number)
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        missing = isinstance(error, KeyError)
        problem = "it has no text of a prompt" if missing else str(error)
        raise UserError(f"{place}, is not a prompt ({problem}): {_EXPECTED}.") from error


def _given(relations: Any) -> Sequence[Triplet]:
    return [Triplet(str(a), Relation(word), str(b)) for a, word, b in relations]


def _said(text: str) -> Sequence[Triplet]:
    """What a text asks for, where it says so in the words of a template; else nothing."""
    sentence = parse(text)
    triplets = []
    for clause in sentence.clauses if sentence else ():
        relation = PHRASES.get(clause.known)
        if relation is None:
            return []
        triplets.append(Triplet(_bare(clause.subject), relation, _bare(clause.second)))
    return triplets


def _bare(operand: str) -> str:
    lower = operand.lower()
    article = next((word for word in _ARTICLES if lower.startswith(word)), "")
    return operand[len(article) :].strip()
