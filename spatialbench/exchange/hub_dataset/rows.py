"""One record per image of a run: what was asked, what was seen, what the rule said."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from ...plugins.evidence import ANSWERS, BOXES, OF_JUDGES, SEEN, SIMILARITY
from ...plugins.records import AnswerRecord, BoxRecord, SeenRecord
from ...prompts import Key, Prompt
from ...reports.scored import ScoredRun
from ...runs.opening import Run
from ...runs.sent_prompts import is_rewritten, sent_texts
from ...scoring.scores_file import table_rows
from ...scoring.seen import model_of

_ByImage = dict[Key, Mapping[str, Any]]
_COLUMNS = {ANSWERS: ("questions", "probabilities"), SIMILARITY: ("texts", "similarities")}

NOT_MADE = "not made yet"
NOT_JUDGED = "not judged: nobody has looked at this image"


class Rows:
    """The records of a run's images, for ``metadata.jsonl`` and for tables of other tools."""

    def __init__(self, scored: ScoredRun) -> None:
        self.run = scored.run
        self._verdicts: dict[Key, Mapping[str, Any]] = {
            (row["prompt_id"], row["index"]): row
            for row in table_rows(scored.table, scored.reasons)
        }
        signature = scored.result.detector
        self._seen = _seen(scored.run, signature, scored.result.threshold)
        self._sent = _sent_prompts(scored.run)
        self._seeds = _seeds_known(scored.run)
        self._given_up = _given_up(scored.run, signature)
        self._facts = [name for name in scored.table.columns if name not in ("correct", "score")]

    def row(self, key: Key) -> dict[str, Any]:
        """The record of one image; ``correct`` is None where nobody judged it.

        ``detections`` are the boxes that count, those with a score above the threshold.
        """
        prompt = self.run.expected.by_id[key[0]]
        verdict = self._verdicts.get(key)
        told = verdict or {"reason": self._given_up.get(key, NOT_JUDGED)}
        return {
            **self._asked(prompt, key),
            "task": prompt.task,
            "verdict": None if verdict is None else ("right" if verdict["correct"] else "wrong"),
            "correct": None if verdict is None else bool(verdict["correct"]),
            "score": _number(told.get("score")),
            "reason": told["reason"],
            **(
                {"facts": {name: _number(told.get(name)) for name in self._facts}}
                if self._facts
                else {}
            ),
            "detections": self._seen[BOXES].get(key),
            **{
                SEEN[kind].what: self._seen[kind].get(key) for kind in OF_JUDGES if self._seen[kind]
            },
        }

    def missing(self, made: Collection[Key]) -> Iterator[dict[str, Any]]:
        """The expected images that are not made, each with the reason."""
        given_up = self.run.directory.image_quarantine.reasons(_nothing)
        for key in self.run.expected.keys():  # noqa: SIM118
            if key not in made:
                prompt = self.run.expected.by_id[key[0]]
                yield {**self._asked(prompt, key), "reason": given_up.get(key, NOT_MADE)}

    def right(self, key: Key) -> bool | None:
        """The verdict; None where nobody judged the image."""
        verdict = self._verdicts.get(key)
        return None if verdict is None else bool(verdict["correct"])

    def _asked(self, prompt: Prompt, key: Key) -> dict[str, Any]:
        expected = self.run.expected
        return {
            "prompt_id": key[0],
            "index": key[1],
            "prompt": prompt.text,
            "prompt_sent": self._sent[prompt.id],
            "seed": expected.request(key).seed if self._seeds else None,
        }


def _sent_prompts(run: Run) -> dict[str, str | None]:
    """What the method was given, by prompt id; None where nobody wrote it down.

    Raises:
        UserError: given texts that were altered.
    """
    texts = sent_texts(run)
    imported = run.generator.get("version") == "imported"
    unknown = not texts and (imported or is_rewritten(run))
    prompts = run.expected.prompts
    return {prompt.id: None if unknown else texts.get(prompt.id, prompt.text) for prompt in prompts}


def _seeds_known(run: Run) -> bool:
    """Whether an image was made from its seed; a server may have ignored the one it was sent."""
    told = {machine.server.get("seeds", "honoured") for machine in run.manifest.machines}
    return run.expected.seeds.known and told <= {"honoured"}


def _seen(run: Run, signature: str, threshold: float) -> dict[str, _ByImage]:
    """By kind the boxes that count and the answers that a summary is made of, by image."""
    directory = run.directory
    seen: dict[str, _ByImage] = {kind: {} for kind in (BOXES, *OF_JUDGES)}
    for kind, found in seen.items():
        read = _counting if kind == BOXES else _answered
        # The signature of a rule that sees several kinds is made of those of their models.
        name = model_of(run, signature, kind)
        for record in directory.seen(name, _nothing, kind) if name else ():
            found[record.key] = read(record, threshold)
    return seen


def _counting(record: SeenRecord, threshold: float) -> Mapping[str, Any]:
    assert isinstance(record, BoxRecord)
    counting = [place for place, score in enumerate(record.scores) if score > threshold]
    return {
        "labels": [record.labels[place] for place in counting],
        "scores": [record.scores[place] for place in counting],
        "boxes": [record.boxes[place] for place in counting],
    }


def _answered(record: SeenRecord, threshold: float) -> Mapping[str, Any]:
    assert isinstance(record, AnswerRecord)
    answers = record.answers
    asked, given = _COLUMNS[record.kind]
    return {asked: list(answers), given: list(answers.values())}


def _given_up(run: Run, signature: str) -> dict[Key, str]:
    """Why a detector or judge could not look at an image."""
    reasons: dict[Key, str] = {}
    for kind in (BOXES, *OF_JUDGES):
        if name := model_of(run, signature, kind):
            reasons |= run.directory.detection_quarantine(name, kind).reasons(_nothing)
    return reasons


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def _nothing(notice: str) -> None:
    """What there is to say of the records was said when the images were listed."""


def lines(records: Iterator[Mapping[str, Any]] | Sequence[Mapping[str, Any]]) -> bytes:
    """JSON Lines."""
    return "".join(
        json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n" for record in records
    ).encode("utf-8", "backslashreplace")
