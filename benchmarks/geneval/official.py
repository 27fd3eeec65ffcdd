"""GenEval's own files: the folder layout, ``results.jsonl``, and the printed summary.

Source: ``evaluation/evaluate_images.py`` and ``summary_scores.py`` of djghosh13/geneval @ af4902f.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from spatialbench.errors import UserError
from spatialbench.files.documents import LARGE, first_error, json_lines, parse_json, read_limited
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt

from .evaluation import Evaluation, details
from .names import CLASSES
from .prompts import judged_metadata, prompt_of, prompts

_SAMPLE = re.compile(r"(?:^|/)(?P<folder>[^/]+)/samples/(?P<index>\d+)\.png$", re.ASCII)


class ResultLine(BaseModel):
    """A line of ``results.jsonl``; ``metadata`` and ``details`` are JSON in a string."""

    filename: str
    tag: str
    prompt: str
    correct: bool
    reason: str | None = ""
    metadata: str
    details: str = "{}"


class Place(NamedTuple):
    """Where an image lies in the official layout."""

    folder: str
    sample: int


def sample_path(prompt: Prompt, index: int) -> str:
    """``00353/samples/00000.png``, with forward slashes."""
    return f"{prompt.id}/samples/{index:05d}.png"


def place_of(filename: str) -> Place:
    """The place a ``filename`` of the results names.

    Raises:
        UserError: another path than ``<folder>/samples/<digits>.png``.
    """
    match = _SAMPLE.search(filename.replace("\\", "/"))
    if match is None:
        raise UserError(
            f"{filename!r} is not a sample of GenEval: expected <folder>/samples/<digits>.png, "
            "such as 00353/samples/00000.png (the official scorer skips other names silently)."
        )
    return Place(match["folder"], int(match["index"]))


def result_line(filename: str, prompt: Prompt, result: Evaluation) -> str:
    """A line of ``results.jsonl``, escaped as pandas writes it, without the line end.

    Its prompt is the text that the image was made from.
    """
    metadata = {**prompt.facts["metadata"], "prompt": prompt.text}
    order = {name: i for i, name in enumerate(CLASSES)}
    found = details(result.objects)
    record = {
        "filename": filename,
        "tag": metadata["tag"],
        "prompt": metadata["prompt"],
        "correct": result.correct,
        "reason": result.reason,
        "metadata": json.dumps(metadata),
        "details": json.dumps({name: found[name] for name in sorted(found, key=order.__getitem__)}),
    }
    return json.dumps(record, separators=(",", ":")).replace("/", "\\/")


def summary_text(results: Iterable[Mapping[str, Any]]) -> str:
    """What ``summary_scores.py`` prints for the records of a results file, in their order.

    Raises:
        UserError: no record.
    """
    by_tag: dict[str, list[bool]] = {}
    by_prompt: dict[str, bool] = {}
    for record in results:
        right = bool(record["correct"])
        by_tag.setdefault(record["tag"], []).append(right)
        key = record["metadata"]
        by_prompt[key] = by_prompt.get(key, False) or right
    if not by_tag:
        raise UserError("there is no result to summarise: expected one JSON object per image.")
    every = [right for found in by_tag.values() for right in found]
    lines = [
        "Summary",
        "=======",
        f"Total images: {len(every)}",
        f"Total prompts: {len(by_prompt)}",
        f"% correct images: {_share(every):.2%}",
        f"% correct prompts: {_share(list(by_prompt.values())):.2%}",
        "",
        "Task breakdown",
        "==============",
    ]
    lines += [
        f"{tag:<16} = {_share(found):.2%} ({sum(found)} / {len(found)})"
        for tag, found in by_tag.items()
    ]
    overall = sum(_share(found) for found in by_tag.values()) / len(by_tag)
    return "\n".join([*lines, "", f"Overall score (avg. over tasks): {overall:.5f}", ""])


def read_results(path: Path) -> list[ResultLine]:
    """The lines of a ``results.jsonl``.

    Raises:
        UserError: a file that cannot be read, or a line that is none (its number is given).
    """
    try:
        lines = json_lines(read_limited(path, LARGE))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}; give a file of results.") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                found.append(ResultLine.model_validate_json(line))
        except ValidationError as error:
            raise UserError(
                f"{path}, line {number}, is not a GenEval result "
                f"({first_error(error)}); expected the "
                "keys filename, tag, prompt, correct, reason, metadata and details, or detections "
                "as JSON Lines with prompt_id, index, width, height, boxes, scores and labels."
            ) from error
    return found


def read_official(path: Path) -> list[tuple[Prompt, int, Verdict]]:
    """Verdicts of a ``results.jsonl``, taken as they stand, in its order.

    A result belongs to the benchmark's prompt of the same metadata as far as they are judged, if
    its folder bears that prompt's number, padded or not, or if the text is the prompt's, too, and
    no other folder's; else to a prompt of its own, named by its folder.

    Raises:
        UserError: as ``read_results``; a filename outside the layout; a folder with two prompts.
    """
    results = [(result, place_of(result.filename)) for result in read_results(path)]
    prompt_in = _prompts_by_folder(path, results)
    verdicts = []
    for result, place in results:
        prompt = prompt_in[place.folder]
        verdict = Verdict(
            correct=result.correct,
            score=1.0 if result.correct else 0.0,
            reason=result.reason or f"expected {result.prompt}; scored right in {path.name}",
            facts={},
        )
        verdicts.append((prompt, place.sample, verdict))
    return verdicts


def texts_in_results(path: Path) -> dict[str, str]:
    """The texts of a ``results.jsonl`` by the ids of the prompts that ``read_official`` finds.

    Raises:
        UserError: as ``read_official``.
    """
    results = [(result, place_of(result.filename)) for result in read_results(path)]
    prompt_in = _prompts_by_folder(path, results)
    return {prompt_in[place.folder].id: result.prompt for result, place in results}


def _prompts_by_folder(
    path: Path, results: Sequence[tuple[ResultLine, Place]]
) -> dict[str, Prompt]:
    """The prompt of each folder.

    Raises:
        UserError: metadata that are none, or a folder with two prompts.
    """
    said: dict[str, tuple[str, Prompt]] = {}
    for result, place in results:
        try:
            metadata = parse_json(result.metadata)
            key = _key(metadata)
            first, prompt = said.get(place.folder) or (
                key,
                prompt_of(f"folder_{place.folder}", metadata),
            )
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise UserError(
                f"{path}: the metadata of {result.filename} is not GenEval's ({error!r}); expected "
                "a JSON object with tag, include and prompt, in a string."
            ) from error
        said[place.folder] = first, prompt
        if key != first:
            raise UserError(
                f"{path}: the folder {place.folder} holds samples of {prompt.text!r} and of "
                f"{result.prompt!r}: give every prompt a folder of its own."
            )
    known = {judged_metadata(prompt.facts["metadata"]): prompt for prompt in prompts("all")}
    meant = {
        folder: known.get(judged_metadata(prompt.facts["metadata"]))
        for folder, (_, prompt) in said.items()
    }
    claims = Counter(prompt.id for prompt in meant.values() if prompt is not None)
    found = {}
    for folder, (_, own) in said.items():
        theirs = meant[folder]
        if theirs is not None:
            numbered = folder.isdecimal() and int(folder) == int(theirs.id)
            if numbered or (claims[theirs.id] == 1 and theirs.text == own.text):
                found[folder] = theirs
                continue
        found[folder] = own
    return found


def _key(metadata: Mapping[str, Any]) -> str:
    return json.dumps(metadata, sort_keys=True)


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values)
