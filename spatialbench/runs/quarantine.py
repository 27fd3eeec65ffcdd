"""Images that are missing for a reason: which, and why.

One that was given up is tried again by the next command. One that was *refused*, because asking
again would give the same answer, is not, unless the user says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..files.regular_files import remove_below
from ..plugins.records import key_of
from ..prompts import Key
from .expected import name_some
from .journal import Journal
from .record_lines import Notice, Record

NAME = "quarantine.jsonl"

_REFUSED = "refused"


class Quarantine:
    """The images that one stage gave up, in a journal of its own."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._journal = Journal(folder / NAME, scratch)

    def add(self, keys: Iterable[Key], reason: str, *, refused: bool = False) -> None:
        """Remember images and why they are missing.

        Raises:
            UserError: no space, no permission.
        """
        with self._journal.writer() as writer:
            writer.append(_record(key, reason, refused) for key in sorted(keys))

    def reasons(self, notice: Notice) -> dict[Key, str]:
        """Why each image was given up or refused, whether or not somebody finished it since."""
        return {key: _reason(record) for key, record in self._latest(notice).items()}

    def refused(self, notice: Notice) -> dict[Key, str]:
        """The same of those that were refused."""
        latest = self._latest(notice).items()
        return {key: _reason(record) for key, record in latest if record.get(_REFUSED) is True}

    def forget(self, keep: Mapping[Key, str] | None = None) -> None:
        """Begin anew. Only for whoever knows that nobody else writes.

        Args:
            keep: refused images that stay, and why they were refused.
        """
        kept = [_record(key, reason, True) for key, reason in sorted((keep or {}).items())]
        files = self._journal.files()
        if kept:
            if kept == sorted(self._journal.records(_nobody), key=key_of):
                return
            with self._journal.writer() as writer:
                writer.append(kept)
        for path in files:
            remove_below(self._journal.below, path)

    def _latest(self, notice: Notice) -> dict[Key, Record]:
        return {key_of(record): record for record in self._journal.records(notice)}


def told(stage: str, reasons: Mapping[Key, str]) -> list[str]:
    """One sentence a reason: ``generate gave up 2 image(s), 12/0, 12/1: failed 3 times: ...``."""
    by_reason: dict[str, list[Key]] = defaultdict(list)
    for key, reason in reasons.items():
        by_reason[reason].append(key)
    return [
        f"{stage} gave up {len(keys)} image(s), {name_some(keys)}: {reason}"
        for reason, keys in by_reason.items()
    ]


def _record(key: Key, reason: str, refused: bool) -> Record:
    record: Record = {"prompt_id": key[0], "index": key[1], "reason": reason}
    return record | ({_REFUSED: True} if refused else {})


def _reason(record: Record) -> str:
    return str(record.get("reason", "unknown"))


def _nobody(text: str) -> None:
    """Torn lines are told where the reasons are read."""
