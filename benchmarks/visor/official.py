"""Reading and writing the results files of the official repository (``objdet_results``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, NotRequired

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.files.documents import LARGE, first_error, read_limited
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt
from spatialbench.scoring.label_names import other_names

from .prompts import PHRASE, prompts
from .rule import relation_holds


class OfficialRecord(TypedDict):
    """One image of a results file, as far as scoring needs it."""

    classes: list[str]
    sra: Annotated[float, Field(allow_inf_nan=False)]
    text: NotRequired[str]
    rel_type: NotRequired[str]


_FILE = TypeAdapter(dict[str, OfficialRecord])
_KEY = re.compile(r"(\d+)_(\d+)", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_RECORD = re.compile(rb'"sra"\s*:')
"""Once in every record, and within text only behind a backslash."""


def official_record(
    prompt: Prompt, detections: Detections, threshold: float = 0.1
) -> dict[str, Any]:
    """The official record of one image.

    Returns:
        ``classes`` and ``centroid`` of all boxes above the threshold in their order (centres in
        pixels, y down), ``recall`` (how many of the prompt's objects are among them), ``sra``
        (1 if the relation holds, else 0) and ``text``.
    """
    kept = detections.above(threshold)
    corners = kept.boxes.astype(np.float64)
    centres = (corners[:, :2] + corners[:, 2:]) / 2
    found = [name in kept.labels for name in prompt.objects]
    holds = False
    if prompt.triplet is not None:
        axis = 0 if prompt.triplet.relation.axis == "x" else 1
        along = {
            name: [c[axis] for c, label in zip(centres, kept.labels, strict=True) if label == name]
            for name in prompt.objects
        }
        holds = relation_holds(prompt.task, along[prompt.objects[0]], along[prompt.objects[1]])
    return {
        "classes": list(kept.labels),
        "centroid": centres.tolist(),
        "recall": sum(found),
        "sra": int(holds),
        "text": prompt.text,
    }


def official_results(
    images: Iterable[tuple[Prompt, int, Detections]], threshold: float = 0.1
) -> dict[str, dict[str, Any]]:
    """A results file's content: write it with ``json.dump``."""
    return {
        f"{prompt.id}_{index}": official_record(prompt, detections, threshold)
        for prompt, index, detections in images
    }


def official_file_name(model: str, detector: str = "owlvit", threshold: float = 0.1) -> str:
    """What the official scorer expects a results file to be called."""
    return f"results_{model}_text_spatial_rel_phrases_{detector}_{threshold:g}.json"


def read_official(
    path: Path, prompt_list: Sequence[Prompt] | None = None
) -> list[tuple[Prompt, int, Verdict]]:
    """Verdicts of a results file, in its order, taking its ``sra`` as it stands.

    Args:
        path: the file. Records of prompts without a relation are read too; metrics skip them.
        prompt_list: the prompts whose positions the keys are; default all 31,680.

    Returns:
        Prompt, image index and verdict of each record. ``score`` is ``sra`` where both objects
        were found and 0 elsewhere, which is what the official scorer adds up.

    Raises:
        UserError: a file that is not a results file, an id without a prompt, a key twice, a record
            whose own text is not its prompt's (then the ids belong to another prompt list), or
            classes none of which is an object of any prompt.
    """
    known = _all() if prompt_list is None else _Known(prompt_list)
    try:
        content = read_limited(path, LARGE)
        records = _FILE.validate_json(content)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give an existing file.") from error
    except ValidationError as error:
        raise UserError(
            f"{path} is not a VISOR results file ({first_error(error)}); "
            "expected a JSON object with keys like '1103_0' and records with "
            "classes, centroid, recall and sra."
        ) from error
    except ValueError as error:
        raise UserError(f"cannot read {path}: {error}; give a VISOR results file.") from error
    if len(_RECORD.findall(content)) > len(records):
        raise UserError(
            f"{path} holds a key twice, of which readers of JSON would take the last: give every "
            "image one record."
        )
    judged = [_verdict(path, key, record, known) for key, record in records.items()]
    named = dict.fromkeys(name for record in records.values() for name in record["classes"])
    if named and known.objects.isdisjoint(named):
        asked = dict.fromkeys(name for prompt, _, _ in judged for name in prompt.objects)
        raise UserError(f"{path}: {other_names(named, asked)}")
    return judged


@dataclass
class _Known:
    """A prompt list, and what is looked up in it; each only where it is asked for."""

    prompts: Sequence[Prompt]

    @cached_property
    def by_text(self) -> Mapping[str, Sequence[int]]:
        """The positions of each text."""
        found: dict[str, list[int]] = {}
        for position, prompt in enumerate(self.prompts):
            found.setdefault(prompt.text, []).append(position)
        return found

    @cached_property
    def objects(self) -> frozenset[str]:
        """Of all prompts."""
        return frozenset(name for prompt in self.prompts for name in prompt.objects)


@cache
def _all() -> _Known:
    return _Known(prompts("all"))


def _verdict(
    path: Path, key: str, record: OfficialRecord, known: _Known
) -> tuple[Prompt, int, Verdict]:
    match = _KEY.fullmatch(key)
    if match is None:
        text, _, number = key.rpartition("_")
        # InfSplign's scripts use the prompt's text, of which there is one each.
        found = known.by_text.get(text, ())
        if len(found) != 1 or not _NUMBER.fullmatch(number):
            raise UserError(
                f"{path}: key {key!r} is not a prompt id and an image index like '1103_0'; "
                "rename the key or remove its record."
            )
        position, index = found[0], int(number)
    else:
        position, index = int(match[1]), int(match[2])
    if not 0 <= record["sra"] <= 1:
        raise UserError(
            f"{path}: record {key!r} has the sra {record['sra']:g}: expected 0 or 1 (divide "
            "percent by 100)."
        )
    if position >= len(known.prompts):
        raise UserError(
            f"{path}: key {key!r} has no prompt: ids are positions in the list of "
            f"{len(known.prompts):,} prompts; give the prompt list that the file was made with."
        )
    prompt = known.prompts[position]
    _check_same_prompt(path, key, record, prompt)
    return prompt, index, _judge(prompt, record)


def _check_same_prompt(path: Path, key: str, record: OfficialRecord, prompt: Prompt) -> None:
    """The official scorer would silently score the record against a wrong prompt."""
    said: Mapping[str, str] = {"text": prompt.text, "rel_type": PHRASE[prompt.task]}
    for field, expected in said.items():
        got = record.get(field)
        if got is not None and got != expected:
            raise UserError(
                f"{path}: record {key!r} is about {got!r}, but prompt {prompt.id} is "
                f"{prompt.text!r}; the file was made with another prompt list: score it with that "
                "one, or renumber its keys to the ids of 'spatialbench prompts --bench visor "
                "--set all'."
            )


def _judge(prompt: Prompt, record: OfficialRecord) -> Verdict:
    counts = [record["classes"].count(name) for name in prompt.objects]
    n_a, n_b = counts if len(counts) == 2 else (counts[0], 0)
    both = n_a > 0 and n_b > 0
    score = record["sra"] if both and prompt.triplet is not None else 0.0
    missing = [name for name, n in zip(prompt.objects, counts, strict=True) if not n]
    if missing:
        seen = f"no {' and no '.join(missing)} in the record"
    else:
        seen = f"{' and '.join(prompt.objects)} in the record, relation scored {score:g}"
    return Verdict(
        correct=score >= 1,
        score=score,
        reason=f"expected {prompt.text}; {seen}",
        facts={"found_a": n_a > 0, "found_b": n_b > 0, "n_a": n_a, "n_b": n_b},
    )
